/* errors.c - what goes wrong and how it is told: an item that fails costs that item alone; wrong arguments are refused
   with a message; nothing is written when there is nothing to write. */

#include "check.h"

typedef struct
{
  UInt32 calls, item;
  HRESULT code;
  wchar_t message[512];
} Told;

static void on_error(UInt32 item, HRESULT code, const wchar_t *message, void *user_data)
{
  Told *told = (Told *)user_data;
  told->calls++;
  told->item = item;
  told->code = code;
  wcsncpy(told->message, message, 511); /* it lives as long as this call */
}

static HRESULT read_half(void *user_data, void *data, UInt32 size, UInt32 *processed)
{
  int *calls = (int *)user_data;
  if ((*calls)++ > 0)
    return (HRESULT)(0x88000000u | ECONNRESET);
  memset(data, 'x', size);
  *processed = size;
  return S_OK;
}

static void check_refused(HRESULT result)
{
  CHECK_RESULT(result, E_INVALIDARG);
  CHECK(ParallelCompress_GetLastErrorMessage()[0] != 0);
}

int main(int argc, char **argv)
{
  const char *directory = directory_argument(argc, argv);
  ParallelCompressorHandle compressor = ParallelCompressor_Create();
  ParallelInputItemC items[3];
  Told told;
  wchar_t missing[PATH_CHARS], output[PATH_CHARS];
  char path[PATH_CHARS];
  void *buffer = &told;
  size_t size = 1;

  memset(&told, 0, sizeof(told));
  memset(items, 0, sizeof(items));
  items[0].Data = "good";
  items[0].DataSize = 4;
  items[0].Name = L"first";
  items[1].FilePath = join_wide(missing, directory, "there is no such file");
  items[2].Data = "good too";
  items[2].DataSize = 8;
  items[2].Name = L"third";

  /* One of three is missing. */
  CHECK_RESULT(ParallelCompressor_SetCallbacks(compressor, NULL, on_error, NULL, &told), S_OK);
  join_wide(output, directory, "others.7z");
  CHECK_RESULT(ParallelCompressor_CompressMultiple(compressor, items, 3, output), S_FALSE);
  CHECK(told.calls == 1 && told.item == 1);
  CHECK(told.code == (HRESULT)(0x88000000u | ENOENT));
  CHECK(told.message[0] != 0);
  CHECK(wcsstr(ParallelCompress_GetLastErrorMessage(), L"there is no such file") != NULL);
  expect_entry(directory, "others.7z", "first", "good", 4);
  expect_entry(directory, "others.7z", "third", "good too", 8);

  /* All are missing: no archive. */
  join_wide(output, directory, "none.7z");
  CHECK_RESULT(ParallelCompressor_CompressMultiple(compressor, items + 1, 1, output), E_FAIL);
  CHECK(!exists(join_path(path, directory, "none.7z")));
  CHECK_RESULT(ParallelCompressor_CompressMultipleToMemory(compressor, items + 1, 1, &buffer, &size), E_FAIL);
  CHECK(buffer == NULL && size == 0);

  /* A stream that breaks off: its own code is told. */
  {
    int calls = 0;
    ParallelItemC streams[2];
    ParallelRunC run;
    memset(streams, 0, sizeof(streams));
    streams[0].StructSize = streams[1].StructSize = sizeof(streams[0]);
    streams[0].Name = L"whole";
    streams[0].Data = "whole";
    streams[0].DataSize = 5;
    streams[1].Name = L"broken off";
    streams[1].Read = read_half;
    streams[1].UserData = &calls;
    memset(&run, 0, sizeof(run));
    run.StructSize = sizeof(run);
    run.Items = streams;
    run.NumItems = 2;
    run.OutputPath = join_wide(output, directory, "broken.7z");
    CHECK_RESULT(ParallelCompressor_Run(compressor, &run), S_FALSE);
    CHECK(told.item == 1 && told.code == (HRESULT)(0x88000000u | ECONNRESET));
    expect_entry(directory, "broken.7z", "whole", "whole", 5);
  }

  /* Wrong arguments. */
  join_wide(output, directory, "none.7z");
  check_refused(ParallelCompressor_CompressMultiple(NULL, items, 3, output));
  check_refused(ParallelCompressor_CompressMultiple(compressor, NULL, 3, output));
  check_refused(ParallelCompressor_CompressMultiple(compressor, items, 0, output));
  check_refused(ParallelCompressor_CompressMultiple(compressor, items, 0xFFFFFFFFu, output));
  check_refused(ParallelCompressor_CompressMultiple(compressor, items, 3, NULL));
  check_refused(ParallelCompressor_CompressMultiple(compressor, items, 3, L""));
  check_refused(ParallelCompressor_CompressMultipleToMemory(compressor, items, 3, NULL, &size));
  check_refused(ParallelCompressor_SetCompressionMethod(compressor, 0x030101FF));
  items[1].FilePath = NULL; /* an item made of nothing */
  told.calls = 0;
  check_refused(ParallelCompressor_CompressMultiple(compressor, items, 3, output));
  CHECK(told.calls == 0 && !exists(join_path(path, directory, "none.7z")));
  items[0].Name = NULL; /* memory without a name */
  check_refused(ParallelCompressor_CompressMultiple(compressor, items, 1, output));
  items[0].Name = L"first";

  /* An archive that cannot be made: its path is a directory. */
  join_wide(output, directory, ".");
  CHECK(FAILED(ParallelCompressor_CompressMultiple(compressor, items, 1, output)));
  CHECK(ParallelCompress_GetLastErrorMessage()[0] != 0);

  /* A handle that is not there any more, and one of another kind. */
  {
    ParallelStreamQueueHandle queue = ParallelStreamQueue_Create();
    check_refused(ParallelCompressor_SetNumThreads(queue, 2));
    check_refused(ParallelStreamQueue_SetMaxQueueSize(queue, 0));
    ParallelStreamQueue_Destroy(queue);
    check_refused(ParallelStreamQueue_WaitForCompletion(queue));
  }
  ParallelCompressor_Destroy(compressor);
  check_refused(ParallelCompressor_SetNumThreads(compressor, 2));
  ParallelCompressor_Destroy(compressor);
  ParallelCompressor_Destroy(NULL);

  /* What is no archive. */
  {
    static const char text[] = "this is no archive, but it is long enough";
    ParallelArchiveHandle archive = &told;
    CHECK_RESULT(ParallelArchive_OpenMemory(text, sizeof(text), NULL, &archive), PARALLEL_E_NOT_ARCHIVE);
    CHECK(archive == NULL);
    CHECK_RESULT(ParallelArchive_Open(missing, NULL, &archive), (HRESULT)(0x88000000u | ENOENT));
  }
  printf("errors: done\n");
  return 0;
}
