/* sequential_output.cpp - an archive into a stream that cannot seek, such as a pipe or a socket.
   Usage: sequential_output ARCHIVE */

#include "Streams.h"

int main(int argc, char **argv)
{
  if (argc != 2)
    return 2;

  const unsigned kNumItems = 5;
  std::vector<std::wstring> names;
  CObjectVector<CParallelInputItem> items;
  items.Reserve(kNumItems);
  names.reserve(kNumItems);
  for (unsigned i = 0; i < kNumItems; i++)
  {
    names.push_back(SampleName(i));
    CParallelInputItem &item = items.AddNew();
    item.InStream = new CMemoryInStream(SampleContent(i));
    item.Name = names[i].c_str();
  }

  CParallelCompressor compressor;  // on the stack: fine as well
  compressor.SetNumThreads(2);
  CMyComPtr<ISequentialOutStream> output = new CPipeOutStream(argv[1]);
  Expect("CompressMultiple", compressor.CompressMultiple(&items[0], items.Size(), output, NULL));
  printf("sequential_output: %u items\n", items.Size());
  return 0;
}
