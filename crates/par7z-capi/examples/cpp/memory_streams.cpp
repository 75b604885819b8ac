/* memory_streams.cpp - data in memory, through ISequentialInStream, into an archive file.
   Usage: memory_streams ARCHIVE */

#include "Streams.h"

int main(int argc, char **argv)
{
  if (argc != 2)
    return 2;

  const unsigned kNumItems = 10;
  std::vector<std::wstring> names;
  for (unsigned i = 0; i < kNumItems; i++)
    names.push_back(SampleName(i));

  CObjectVector<CParallelInputItem> items;
  for (unsigned i = 0; i < kNumItems; i++)
  {
    CParallelInputItem &item = items.AddNew();
    item.InStream = new CMemoryInStream(SampleContent(i));
    item.Name = names[i].c_str();
  }

  CMyComPtr<IParallelCompressor> compressor = new CParallelCompressor();
  compressor->SetNumThreads(4);
  compressor->SetCompressionLevel(5);
  CMyComPtr<ISequentialOutStream> output = new CFileOutStream(argv[1]);
  Expect("CompressMultiple", compressor->CompressMultiple(&items[0], items.Size(), output, NULL));

  UInt32 completed = 0, failed = 0;
  UInt64 inSize = 0, outSize = 0;
  Expect("GetStatistics", compressor->GetStatistics(&completed, &failed, &inSize, &outSize));
  printf("memory_streams: %u items, %u failed, %llu -> %llu bytes\n", completed, failed,
      static_cast<unsigned long long>(inSize), static_cast<unsigned long long>(outSize));
  return completed == kNumItems && failed == 0 && outSize < inSize ? 0 : 1;
}
