/* blob_adaptor.cpp - downloads from a cloud's storage as inputs: a stream class that wraps the cloud's own. One download
   breaks off: its item fails, the others are in the archive.
   Usage: blob_adaptor ARCHIVE */

#include "Streams.h"

/* Stands for the download of the cloud's client library: gives what has arrived, in small pieces. */
class CBlobDownload
{
  std::string _content;
  size_t _position;
  size_t _breaksAt;
public:
  CBlobDownload(const std::string &content, size_t breaksAt): _content(content), _position(0), _breaksAt(breaksAt) {}

  /* -1: the connection broke; 0: the end. */
  int Receive(void *buffer, size_t size)
  {
    if (_position >= _breaksAt)
      return -1;
    const size_t kPacket = 1460;
    const size_t num = (std::min)((std::min)(size, kPacket), _content.size() - _position);
    memcpy(buffer, _content.data() + _position, num);
    _position += num;
    return static_cast<int>(num);
  }
};

/* The adaptor. Read is called on the library's threads, by one at a time. */
class CAzureBlobStream final: public ISequentialInStream, public CMyUnknownImp
{
  Z7_COM_UNKNOWN_IMP_1(ISequentialInStream)

  CBlobDownload _download;
public:
  explicit CAzureBlobStream(const CBlobDownload &download): _download(download) {}

  STDMETHOD(Read)(void *data, UInt32 size, UInt32 *processedSize) noexcept override
  {
    const int num = _download.Receive(data, size);
    *processedSize = num < 0 ? 0 : static_cast<UInt32>(num);
    return num < 0 ? E_FAIL : S_OK;
  }
};

int main(int argc, char **argv)
{
  if (argc != 2)
    return 2;

  const unsigned kNumBlobs = 8;
  const unsigned kBroken = 2;
  std::vector<std::wstring> names;
  names.reserve(kNumBlobs);
  CObjectVector<CParallelInputItem> items;
  for (unsigned i = 0; i < kNumBlobs; i++)
  {
    const std::string content = SampleContent(i);
    names.push_back(SampleName(i));
    CParallelInputItem &item = items.AddNew();
    item.InStream = new CAzureBlobStream(CBlobDownload(content, i == kBroken ? 30000 : content.size() + 1));
    item.Name = names[i].c_str();
    item.Size = content.size();
  }

  CMyComPtr<IParallelCompressor> compressor = new CParallelCompressor();
  compressor->SetNumThreads(16);  // more than cores: they wait for the network
  CMyComPtr<ISequentialOutStream> output = new CFileOutStream(argv[1]);
  Expect("CompressMultiple", compressor->CompressMultiple(&items[0], items.Size(), output, NULL), S_FALSE);

  UInt32 completed = 0, failed = 0;
  compressor->GetStatistics(&completed, &failed, NULL, NULL);
  printf("blob_adaptor: %u blobs, %u failed\n", completed, failed);
  return completed == kNumBlobs && failed == 1 ? 0 : 1;
}
