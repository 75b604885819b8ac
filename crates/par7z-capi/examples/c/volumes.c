/* volumes.c - an archive cut into volumes: after the output path, and under a prefix. */

#include "check.h"

#define COUNT 10
#define ITEM_SIZE 20000
#define VOLUME 30000

int main(int argc, char **argv)
{
  const char *directory = directory_argument(argc, argv);
  static unsigned char noise[COUNT][ITEM_SIZE];
  static const wchar_t *const names[COUNT] = { L"0", L"1", L"2", L"3", L"4", L"5", L"6", L"7", L"8", L"9" };
  ParallelInputItemC items[COUNT];
  ParallelCompressorHandle compressor = ParallelCompressor_Create();
  ParallelArchiveHandle archive;
  wchar_t output[PATH_CHARS];
  char path[PATH_CHARS];
  struct stat status;
  void *buffer;
  size_t size;
  int i;

  memset(items, 0, sizeof(items));
  for (i = 0; i < COUNT; i++)
  {
    char name[2] = { 0, 0 };
    name[0] = (char)('0' + i);
    fill_noise(noise[i], ITEM_SIZE, (UInt32)i);
    items[i].Data = noise[i];
    items[i].DataSize = ITEM_SIZE;
    items[i].Name = names[i];
    expect_entry(directory, "set.7z.001", name, noise[i], ITEM_SIZE);
    expect_entry(directory, "part.001", name, noise[i], ITEM_SIZE);
  }

  /* set.7z.001, set.7z.002, ... */
  CHECK_RESULT(ParallelCompressor_SetSegmentSize(compressor, VOLUME), S_OK);
  join_wide(output, directory, "set.7z");
  CHECK_RESULT(ParallelCompressor_CompressMultiple(compressor, items, COUNT, output), S_OK);
  CHECK(!exists(join_path(path, directory, "set.7z")));
  for (i = 1; i <= 6; i++)
  {
    char name[32];
    snprintf(name, sizeof(name), "set.7z.%03d", i);
    CHECK(stat(join_path(path, directory, name), &status) == 0 && status.st_size == VOLUME);
  }
  CHECK(stat(join_path(path, directory, "set.7z.007"), &status) == 0 && status.st_size < VOLUME);

  /* A smaller set takes the place of the larger one: no old volume is left behind. */
  CHECK_RESULT(ParallelCompressor_SetVolumeSize(compressor, 2 * VOLUME), S_OK);
  CHECK_RESULT(ParallelCompressor_CompressMultiple(compressor, items, COUNT, output), S_OK);
  CHECK(exists(join_path(path, directory, "set.7z.004")) && !exists(join_path(path, directory, "set.7z.005")));
  CHECK_RESULT(ParallelArchive_Open(join_wide(output, directory, "set.7z.001"), NULL, &archive), S_OK);
  CHECK_RESULT(ParallelArchive_Test(archive, NULL), S_OK);
  ParallelArchive_Close(archive);

  /* part.001, part.002, ...; there is no output path then. */
  CHECK_RESULT(ParallelCompressor_SetVolumePrefix(compressor, join_wide(output, directory, "part.")), S_OK);
  CHECK_RESULT(ParallelCompressor_CompressMultiple(compressor, items, COUNT, NULL), S_OK);
  CHECK(exists(join_path(path, directory, "part.001")) && exists(join_path(path, directory, "part.004")));

  /* Volumes are files. */
  CHECK_RESULT(ParallelCompressor_CompressMultipleToMemory(compressor, items, COUNT, &buffer, &size), E_INVALIDARG);
  CHECK(buffer == NULL && size == 0);
  ParallelCompressor_Destroy(compressor);
  printf("volumes: done\n");
  return 0;
}
