/* encryption.cpp - AES-256 with a key and an IV of the client's own.
   Usage: encryption ARCHIVE

   The key here is the UTF-16LE of "0123456789abcdef", so that 7-Zip opens the archive with these 16 characters as the
   password. A real key, and the IV of each archive, come from a random number generator. */

#include "Streams.h"

int main(int argc, char **argv)
{
  if (argc != 2)
    return 2;

  Byte key[32];
  for (unsigned i = 0; i < 16; i++)
  {
    key[2 * i] = static_cast<Byte>("0123456789abcdef"[i]);
    key[2 * i + 1] = 0;
  }
  Byte iv[16];
  for (unsigned i = 0; i < 16; i++)
    iv[i] = static_cast<Byte>(i * 17 + 3);

  const unsigned kNumItems = 4;
  std::vector<std::wstring> names;
  names.reserve(kNumItems);
  CObjectVector<CParallelInputItem> items;
  for (unsigned i = 0; i < kNumItems; i++)
  {
    names.push_back(SampleName(i));
    CParallelInputItem &item = items.AddNew();
    item.InStream = new CMemoryInStream(SampleContent(i));
    item.Name = names[i].c_str();
  }

  CMyComPtr<IParallelCompressor> compressor = new CParallelCompressor();
  Expect("a short key", compressor->SetEncryption(key, 16, iv, 16), E_INVALIDARG);
  Expect("SetEncryption", compressor->SetEncryption(key, 32, iv, 16));
  CMyComPtr<ISequentialOutStream> output = new CFileOutStream(argv[1]);
  Expect("CompressMultiple", compressor->CompressMultiple(&items[0], items.Size(), output, NULL));
  printf("encryption: %u items\n", items.Size());
  return 0;
}
