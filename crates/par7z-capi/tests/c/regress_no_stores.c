/* regress_no_stores.c - a library without object stores says so, wherever a URL stands where a path may, and does nothing
   else: no file or directory is named after one. */

#include "check.h"

#include <wchar.h>

static void check_refused(HRESULT result)
{
  CHECK(result == E_INVALIDARG);
  CHECK(wcsstr(ParallelCompress_GetLastErrorMessage(), L"--features cloud") != NULL);
}

int main(int argc, char **argv)
{
  const char *directory = directory_argument(argc, argv);
  ParallelCompressorHandle compressor = ParallelCompressor_Create();
  ParallelStreamQueueHandle queue = ParallelStreamQueue_Create();
  ParallelArchiveHandle archive;
  ParallelInputItemC items[2];
  ParallelItemC item;
  wchar_t path[PATH_CHARS];
  char narrow[PATH_CHARS];

  CHECK_RESULT(ParallelCompressor_SetStoreOption(compressor, L"requests", L"8"), E_NOTIMPL);
  CHECK(wcsstr(ParallelCompress_GetLastErrorMessage(), L"--features cloud") != NULL);
  CHECK_RESULT(ParallelCompressor_SetStoreOption(NULL, L"requests", L"8"), E_INVALIDARG);

  memset(items, 0, sizeof(items));
  items[0].Data = "text";
  items[0].DataSize = 4;
  items[0].Name = L"text";
  check_refused(ParallelCompressor_CompressMultiple(compressor, items, 1, L"az://container/archive.7z"));
  check_refused(ParallelCompressor_SetVolumePrefix(compressor, L"az://container/archive."));
  items[1].FilePath = L"az://container/blob";
  check_refused(ParallelCompressor_CompressMultiple(compressor, items, 2, join_wide(path, directory, "a.7z")));
  CHECK(!exists(join_path(narrow, directory, "a.7z")));
  memset(&item, 0, sizeof(item));
  item.StructSize = sizeof(item);
  item.FilePath = L"s3://bucket/prefix/";
  check_refused(ParallelStreamQueue_AddItem(queue, &item));
  check_refused(ParallelStreamQueue_StartProcessing(queue, L"s3://bucket/archive.7z"));
  check_refused(ParallelArchive_Open(L"https://host/archive.7z", NULL, &archive));
  CHECK(archive == NULL);
  CHECK(!exists("az:") && !exists("s3:") && !exists("https:"));

  ParallelStreamQueue_Destroy(queue);
  ParallelCompressor_Destroy(compressor);
  return 0;
}
