/* extract.c - reading an archive: list it, read an entry into memory and through a function, test it, extract it. */

#include "check.h"

#define COUNT 30
#define ITEM_SIZE 5000

typedef struct
{
  const char *wanted;   /* the content that must come */
  size_t position;
} Compare;

static HRESULT compare_piece(void *user_data, const void *data, UInt32 size, UInt32 *processed)
{
  Compare *compare = (Compare *)user_data;
  CHECK(compare->position + size <= ITEM_SIZE);
  CHECK(memcmp(compare->wanted + compare->position, data, size) == 0);
  compare->position += size;
  *processed = size;
  return S_OK;
}

static HRESULT count_failed(void *user_data, const ParallelEventC *event)
{
  if (event->Kind == PARALLEL_EVENT_ITEM_FAILED)
    ++*(UInt32 *)user_data; /* one thread: no lock needed */
  return S_OK;
}

/* Makes the archive in memory, and a file of it. */
static void *make_archive(const char *directory, char (*texts)[ITEM_SIZE], size_t *size)
{
  static wchar_t names[COUNT][32];
  static ParallelInputItemC items[COUNT];
  ParallelCompressorHandle compressor = ParallelCompressor_Create();
  char path[PATH_CHARS];
  void *archive;
  int i;
  for (i = 0; i < COUNT; i++)
  {
    char name[32];
    fill_text(texts[i], ITEM_SIZE, (UInt32)i);
    snprintf(name, sizeof(name), "texts/%02d.txt", i);
    swprintf(names[i], 32, L"%s", name);
    items[i].Data = texts[i];
    items[i].DataSize = ITEM_SIZE;
    items[i].Name = names[i];
    expect_entry(directory, "archive.7z", name, texts[i], ITEM_SIZE);
  }
  CHECK_RESULT(ParallelCompressor_SetSolidMode(compressor, 1), S_OK);
  CHECK_RESULT(ParallelCompressor_SetSolidBlockSize(compressor, 10), S_OK);
  CHECK_RESULT(ParallelCompressor_SetCompressionMethod(compressor, 0x21), S_OK); /* LZMA2 */
  CHECK_RESULT(ParallelCompressor_CompressMultipleToMemory(compressor, items, COUNT, &archive, size), S_OK);
  write_file(join_path(path, directory, "archive.7z"), archive, *size);
  ParallelCompressor_Destroy(compressor);
  return archive;
}

int main(int argc, char **argv)
{
  const char *directory = directory_argument(argc, argv);
  static char texts[COUNT][ITEM_SIZE];
  wchar_t path[PATH_CHARS], destination[PATH_CHARS];
  char file_path[PATH_CHARS];
  ParallelArchiveHandle archive;
  ParallelExtractC options;
  ParallelEntryC entry;
  UInt32 count, i, failed = 0;
  size_t image_size, size;
  unsigned char *image = (unsigned char *)make_archive(directory, texts, &image_size);
  void *content;

  CHECK_RESULT(ParallelArchive_Open(join_wide(path, directory, "archive.7z"), NULL, &archive), S_OK);

  /* List. */
  CHECK_RESULT(ParallelArchive_GetNumEntries(archive, &count), S_OK);
  CHECK(count == COUNT);
  memset(&entry, 0, sizeof(entry));
  entry.StructSize = sizeof(entry);
  for (i = 0; i < count; i++)
  {
    CHECK_RESULT(ParallelArchive_GetEntry(archive, i, &entry), S_OK);
    CHECK(entry.Size == ITEM_SIZE && entry.Flags == PARALLEL_ENTRY_HAS_CRC);
    CHECK((entry.PackedSize != 0) == (i % 10 == 0)); /* of the block, at its first entry */
    if (i == 0)
      printf("extract: %ls %lu bytes, %ls\n", entry.Name, (unsigned long)entry.Size, entry.Method);
  }
  CHECK_RESULT(ParallelArchive_GetEntry(archive, count, &entry), E_INVALIDARG);

  /* Read the last entry listed: into memory, then in pieces. */
  CHECK_RESULT(ParallelArchive_GetEntry(archive, count - 1, &entry), S_OK);
  {
    Compare compare = { NULL, 0 };
    compare.wanted = texts[wcstol(entry.Name + wcslen(L"texts/"), NULL, 10)];
    CHECK_RESULT(ParallelArchive_ReadEntry(archive, count - 1, 0, &content, &size), S_OK);
    CHECK(size == ITEM_SIZE && memcmp(content, compare.wanted, size) == 0);
    free(content);
    CHECK_RESULT(ParallelArchive_ReadEntry(archive, count - 1, ITEM_SIZE - 1, &content, &size), E_OUTOFMEMORY);
    CHECK(content == NULL && size == 0);
    CHECK_RESULT(ParallelArchive_ReadEntryTo(archive, count - 1, compare_piece, &compare), S_OK);
    CHECK(compare.position == ITEM_SIZE);
  }

  /* Test, and extract two entries, then all. */
  CHECK_RESULT(ParallelArchive_Test(archive, NULL), S_OK);
  join_wide(destination, directory, "extracted");
  memset(&options, 0, sizeof(options));
  options.StructSize = sizeof(options);
  options.NumThreads = 1;
  options.OnEvent = count_failed;
  options.UserData = &failed;
  {
    const UInt32 indices[2] = { 11, 3 };
    options.Indices = indices;
    options.NumIndices = 2;
    CHECK_RESULT(ParallelArchive_Extract(archive, destination, &options), S_OK);
    options.Indices = NULL;
    options.NumIndices = 0;
  }
  CHECK_RESULT(ParallelArchive_Extract(archive, destination, &options), S_FALSE); /* two are there already */
  CHECK(failed == 2);
  CHECK(FAILED(ParallelArchive_Extract(archive, destination, &options)));         /* all are */
  options.Overwrite = PARALLEL_OVERWRITE_REPLACE;
  CHECK_RESULT(ParallelArchive_Extract(archive, destination, &options), S_OK);
  ParallelArchive_Close(archive);
  for (i = 0; i < COUNT; i++)
  {
    char name[64];
    unsigned char *file;
    snprintf(name, sizeof(name), "extracted/texts/%02u.txt", (unsigned)i);
    file = read_file(join_path(file_path, directory, name), &size);
    CHECK(size == ITEM_SIZE && memcmp(file, texts[i], size) == 0);
    free(file);
  }

  /* Damage: one byte of the first block. The other blocks are good. */
  image[32 + 200] ^= 1;
  failed = 0;
  CHECK_RESULT(ParallelArchive_OpenMemory(image, image_size, NULL, &archive), S_OK);
  CHECK_RESULT(ParallelArchive_Test(archive, &options), S_FALSE);
  CHECK(failed >= 1 && failed <= 10);
  ParallelArchive_Close(archive);
  ParallelCompressor_FreeMemory(image);
  return 0;
}
