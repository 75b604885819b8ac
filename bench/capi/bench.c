/* bench.c - the work of src/main.rs through the C API: one file, cut into 2,000 items, into an archive.

     bench INPUT OUTPUT THREADS */

#include "ParallelCompressAPI.h"

#include <stdio.h>
#include <stdlib.h>

#define ITEMS 2000

static ParallelInputItemC items[ITEMS];
static wchar_t names[ITEMS][16];

int main(int argc, char **argv)
{
  ParallelCompressorHandle compressor;
  wchar_t output[1024];
  HRESULT result;
  FILE *file;
  char *input;
  size_t size;
  size_t i;

  if (argc != 4 || (file = fopen(argv[1], "rb")) == NULL || fseek(file, 0, SEEK_END) != 0)
    return 2;
  size = (size_t)ftell(file);
  rewind(file);
  input = (char *)malloc(size);
  if (input == NULL || fread(input, 1, size, file) != size)
    return 2;
  fclose(file);

  for (i = 0; i < ITEMS; i++)
  {
    swprintf(names[i], 16, L"part %04u", (unsigned)i);
    items[i].Name = names[i];
    items[i].Data = input + size * i / ITEMS;
    items[i].DataSize = size * (i + 1) / ITEMS - size * i / ITEMS;
  }
  swprintf(output, 1024, L"%s", argv[2]);
  compressor = ParallelCompressor_Create();
  ParallelCompressor_SetNumThreads(compressor, (UInt32)atoi(argv[3]));
  ParallelCompressor_SetCompressionLevel(compressor, 5);
  result = ParallelCompressor_CompressMultiple(compressor, items, ITEMS, output);
  if (result != S_OK)
    fprintf(stderr, "0x%08x: %ls\n", (unsigned)result, ParallelCompress_GetLastErrorMessage());
  ParallelCompressor_Destroy(compressor);
  free(input);
  return result != S_OK;
}
