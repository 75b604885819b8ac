/* memory_buffers.c - many buffers into one archive: first to a file, then to memory.
   The bytes are the same, whatever the number of threads. */

#include "check.h"

#define COUNT 200

int main(int argc, char **argv)
{
  const char *directory = directory_argument(argc, argv);
  static char texts[COUNT][4000];
  static wchar_t names[COUNT][32];
  static ParallelInputItemC items[COUNT];
  ParallelCompressorHandle compressor;
  wchar_t output[PATH_CHARS];
  char path[PATH_CHARS];
  void *archive;
  size_t archive_size, file_size;
  unsigned char *file;
  int i;

  for (i = 0; i < COUNT; i++)
  {
    char name[32];
    size_t size = (size_t)i * 20; /* the first one is empty */
    fill_text(texts[i], size, (UInt32)i);
    snprintf(name, sizeof(name), "texts/%03d.txt", i);
    swprintf(names[i], 32, L"%s", name);
    items[i].Data = texts[i];
    items[i].DataSize = size;
    items[i].Name = names[i];
    expect_entry(directory, "buffers.7z", name, texts[i], size);
    expect_entry(directory, "memory.7z", name, texts[i], size);
  }

  compressor = ParallelCompressor_Create();
  CHECK(compressor != NULL);
  CHECK_RESULT(ParallelCompressor_SetNumThreads(compressor, 4), S_OK);
  CHECK_RESULT(ParallelCompressor_SetCompressionLevel(compressor, 5), S_OK);
  join_wide(output, directory, "buffers.7z");
  CHECK_RESULT(ParallelCompressor_CompressMultiple(compressor, items, COUNT, output), S_OK);

  /* One compressor makes any number of archives; this one stays in memory. */
  CHECK_RESULT(ParallelCompressor_SetNumThreads(compressor, 2), S_OK);
  CHECK_RESULT(ParallelCompressor_CompressMultipleToMemory(compressor, items, COUNT, &archive, &archive_size), S_OK);
  write_file(join_path(path, directory, "memory.7z"), archive, archive_size);

  file = read_file(join_path(path, directory, "buffers.7z"), &file_size);
  CHECK(file_size == archive_size && memcmp(file, archive, file_size) == 0);
  free(file);
  free(archive); /* it came from malloc; ParallelCompressor_FreeMemory does the same */

  CHECK_RESULT(ParallelCompressor_CompressMultipleToMemory(compressor, items, 1, &archive, &archive_size), S_OK);
  ParallelCompressor_FreeMemory(archive);
  ParallelCompressor_Destroy(compressor);
  printf("memory_buffers: %lu bytes of archive\n", (unsigned long)file_size);
  return 0;
}
