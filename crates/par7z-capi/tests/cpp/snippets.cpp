/* snippets.cpp - the C++ examples of the API's documentation, as printed, with what they need around them.
   Usage: snippets DIRECTORY

   Writes items.7z, cloud.7z and queue.7z there. */

#include "IParallelCompress.h"
#include "ParallelCompressor.h"

#include "../../examples/cpp/Streams.h"

static CMyComPtr<ISequentialOutStream> OutStream(const std::string &directory, const char *name)
{
  return CMyComPtr<ISequentialOutStream>(new CFileOutStream((directory + "/" + name).c_str()));
}

/* All items share one stream: legal, and all its bytes are somewhere. */
static void ManyStreams(const std::string &directory)
{
  const int numStreams = 3;
  const std::string content = SampleContent(3);
  const UInt64 streamSize = content.size();
  CMyComPtr<ISequentialInStream> myInputStream = new CMemoryInStream(content);
  CMyComPtr<ISequentialOutStream> outputStream = OutStream(directory, "items.7z");

  CObjectVector<CParallelInputItem> items;
  for (int i = 0; i < numStreams; i++)
  {
    CParallelInputItem &item = items.AddNew();
    item.InStream = myInputStream;  // your ISequentialInStream
    item.Name = L"stream_name";
    item.Size = streamSize;
  }

  CMyComPtr<IParallelCompressor> compressor = new CParallelCompressor();
  compressor->SetNumThreads(8);
  compressor->SetCompressionLevel(5);
  HRESULT hr = compressor->CompressMultiple(&items[0], items.Size(), outputStream, NULL);

  Expect("the first example", hr);
  UInt64 inSize = 0;
  compressor->GetStatistics(NULL, NULL, &inSize, NULL);
  Expect("all bytes", inSize == streamSize ? S_OK : E_FAIL);

  Byte key[32] = { /* key */ };
  Byte iv[16] = { /* IV */ };
  compressor->SetEncryption(key, 32, iv, 16);
}

typedef std::string CBlob;

static void Queue(const std::string &directory)
{
  std::vector<CBlob> azureBlobs;
  for (unsigned i = 0; i < 6; i++)
    azureBlobs.push_back(SampleContent(i));
  CMyComPtr<ISequentialOutStream> outputStream = OutStream(directory, "queue.7z");
  unsigned number = 0;
  std::wstring name;

  // The documentation leaves open how the loop comes by these.
  #define blobStream new CMemoryInStream(blob)
  #define blobName (name = SampleName(number++)).c_str()
  #define blobSize blob.size()

  CMyComPtr<IParallelStreamQueue> queue = new CParallelStreamQueue();
  queue->SetMaxQueueSize(1000);
  for (auto& blob : azureBlobs)               // streams may be added while processing runs
    queue->AddStream(blobStream, blobName, blobSize);
  queue->StartProcessing(outputStream);
  queue->WaitForCompletion();
  UInt32 processed, failed, pending;
  queue->GetStatus(&processed, &failed, &pending);

  Expect("the queue", processed == 6 && failed == 0 && pending == 0 ? S_OK : E_FAIL);
  #undef blobStream
  #undef blobName
  #undef blobSize
}

/* The stand-in for an adaptor of the client's. */
typedef CMemoryInStream CAzureBlobStream;

static void Cloud(const std::string &directory)
{
  std::vector<std::wstring> names;
  CObjectVector<CParallelInputItem> items;
  for (unsigned i = 0; i < 6; i++)
    names.push_back(SampleName(i));
  for (unsigned i = 0; i < 6; i++)
  {
    const std::string blobStream = SampleContent(i);
    CParallelInputItem &item = items.AddNew();
    item.InStream = new CAzureBlobStream(blobStream);
    item.Name = names[i].c_str();
    item.Size = blobStream.size();
  }
  CMyComPtr<IParallelCompressor> compressor = new CParallelCompressor();
  compressor->SetNumThreads(16);
  Expect("the cloud", compressor->CompressMultiple(&items[0], items.Size(), OutStream(directory, "cloud.7z"), NULL));
}

int main(int argc, char **argv)
{
  if (argc != 2)
    return 2;
  ManyStreams(argv[1]);
  Queue(argv[1]);
  Cloud(argv[1]);
  printf("snippets: done\n");
  return 0;
}
