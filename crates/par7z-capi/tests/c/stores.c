/* stores.c - the C API over Azure Blob Storage: blobs become an archive that is a blob, which is read where it is.
   scripts/test-capi-cloud.sh starts Azurite, puts the blobs there, and says where in PAR7Z_TEST_CONNECTION.

   In the container raw: logs/00.txt to logs/39.txt, where blob n has n lines "blob n", and large.txt with a million
   numbered lines. The container backup is empty. */

#include "check.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <time.h>
#include <wchar.h>

#define LOGS 40
#define LARGE_LINES 1000000
#define LARGE_BYTES ((size_t)LARGE_LINES * 9)

static char *large;

/* Text in ASCII for the API. */
static wchar_t *widened(const char *text)
{
  size_t size = strlen(text) + 1, i;
  wchar_t *wide = (wchar_t *)malloc(size * sizeof(wchar_t));
  CHECK(wide != NULL);
  for (i = 0; i < size; i++)
    wide[i] = (wchar_t)(unsigned char)text[i];
  return wide;
}

static size_t fill_log(char *text, int number)
{
  size_t size = 0;
  int line;
  text[0] = 0;
  for (line = 0; line < number; line++)
    size += (size_t)sprintf(text + size, "blob %d\n", number);
  return size;
}

static void fill_large(void)
{
  size_t line;
  large = (char *)malloc(LARGE_BYTES + 1);
  CHECK(large != NULL);
  for (line = 0; line < LARGE_LINES; line++)
    sprintf(large + line * 9, "%08u\n", (unsigned)line);
}

/* The archive has this entry, with this content. */
static void check_entry(ParallelArchiveHandle archive, const wchar_t *name, const char *content, size_t size)
{
  ParallelEntryC entry = { 0 };
  UInt32 count, i;
  CHECK_RESULT(ParallelArchive_GetNumEntries(archive, &count), S_OK);
  entry.StructSize = sizeof(entry);
  for (i = 0; i < count; i++)
  {
    void *data;
    size_t got;
    CHECK_RESULT(ParallelArchive_GetEntry(archive, i, &entry), S_OK);
    if (wcscmp(entry.Name, name) != 0)
      continue;
    CHECK_RESULT(ParallelArchive_ReadEntry(archive, i, 0, &data, &got), S_OK);
    CHECK(got == size && (size == 0 || memcmp(data, content, size) == 0));
    ParallelCompressor_FreeMemory(data);
    return;
  }
  fprintf(stderr, "no entry %ls\n", name);
  exit(1);
}

static UInt32 entry_count(const wchar_t *url)
{
  ParallelArchiveHandle archive;
  UInt32 count;
  CHECK_RESULT(ParallelArchive_Open(url, NULL, &archive), S_OK);
  CHECK_RESULT(ParallelArchive_Test(archive, NULL), S_OK);
  CHECK_RESULT(ParallelArchive_GetNumEntries(archive, &count), S_OK);
  ParallelArchive_Close(archive);
  return count;
}

/* A blob as a file: it goes uncompressed into an archive in memory, and out of that. */
static void download(ParallelCompressorHandle compressor, const wchar_t *url, const char *path)
{
  ParallelInputItemC item;
  ParallelArchiveHandle archive;
  void *packed, *content;
  size_t packed_size, size;
  memset(&item, 0, sizeof(item));
  item.FilePath = url;
  CHECK_RESULT(ParallelCompressor_SetCompressionMethod(compressor, 0), S_OK);
  CHECK_RESULT(ParallelCompressor_CompressMultipleToMemory(compressor, &item, 1, &packed, &packed_size), S_OK);
  CHECK_RESULT(ParallelCompressor_SetCompressionMethod(compressor, 0x21), S_OK);
  CHECK_RESULT(ParallelArchive_OpenMemory(packed, packed_size, NULL, &archive), S_OK);
  CHECK_RESULT(ParallelArchive_ReadEntry(archive, 0, 0, &content, &size), S_OK);
  write_file(path, content, size);
  ParallelCompressor_FreeMemory(content);
  ParallelArchive_Close(archive);
  ParallelCompressor_FreeMemory(packed);
}

typedef struct
{
  ParallelCompressorHandle compressor;
  int failed;
  UInt32 index;
  wchar_t message[500];
} Failures;

static void on_error(UInt32 index, HRESULT code, const wchar_t *message, void *user_data)
{
  Failures *failures = (Failures *)user_data;
  CHECK(FAILED(code));
  failures->failed++;
  failures->index = index;
  wcsncpy(failures->message, message, 499);
}

static void cancel(UInt32 index, UInt64 in_size, UInt64 out_size, void *user_data)
{
  (void)index;
  (void)in_size;
  (void)out_size;
  ParallelCompressor_Cancel(((Failures *)user_data)->compressor);
}

static void check_options(ParallelCompressorHandle compressor)
{
  static const wchar_t *const wrong[][2] = { { L"no such option", L"SECRET" }, { L"anonymous", L"SECRET" },
    { L"requests", L"0" }, { L"requests", L"SECRET" }, { L"read_ahead", L"1" }, { L"endpoint", L"" },
    { L"connection_string", L"AccountKey=SECRET" }, { L"AZURE_STORAGE_CONNECTION_STRING", L"SECRET" },
    { NULL, L"SECRET" }, { L"requests", NULL } };
  size_t i;
  for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
  {
    CHECK_RESULT(ParallelCompressor_SetStoreOption(compressor, wrong[i][0], wrong[i][1]), E_INVALIDARG);
    CHECK(wcsstr(ParallelCompress_GetLastErrorMessage(), L"SECRET") == NULL);
  }
  CHECK_RESULT(ParallelCompressor_SetStoreOption(compressor, L"requests", L"16"), S_OK);
  CHECK_RESULT(ParallelCompressor_SetStoreOption(compressor, L"read_ahead", L"16777216"), S_OK);
  CHECK_RESULT(ParallelCompressor_SetStoreOption(compressor, L"upload", L"16777216"), S_OK);
  CHECK_RESULT(ParallelCompressor_SetStoreOption(compressor, L"AWS_REGION", L"eu-west-1"), S_OK);
}

/* A prefix, single blobs and memory into one blob. */
static void check_archive(ParallelCompressorHandle compressor, const char *directory)
{
  ParallelInputItemC items[4];
  ParallelArchiveHandle archive;
  ParallelStatisticsC statistics;
  char path[PATH_CHARS], text[1000], name[40];
  wchar_t *destination, *wide;
  int number;
  memset(items, 0, sizeof(items));
  items[0].FilePath = L"az://raw/large.txt";
  items[1].FilePath = L"az://raw/logs/";
  items[1].Name = L"all/logs";
  items[2].Data = "text";
  items[2].DataSize = 4;
  items[2].Name = L"memory.txt";
  items[3].FilePath = L"az://raw/logs/07.txt";
  items[3].Name = L"renamed.txt";
  CHECK_RESULT(ParallelCompressor_CompressMultiple(compressor, items, 4, L"az://backup/all.7z"), S_OK);
  CHECK_RESULT(ParallelCompressor_GetDetailedStatistics(compressor, &statistics), S_OK);
  CHECK(statistics.ItemsTotal == LOGS + 3 && statistics.ItemsCompleted == LOGS + 3 && statistics.ItemsFailed == 0);

  CHECK_RESULT(ParallelArchive_Open(L"az://backup/all.7z", NULL, &archive), S_OK);
  for (number = 0; number < LOGS; number++)
  {
    size_t size = fill_log(text, number);
    sprintf(name, "all/logs/%02d.txt", number);
    wide = widened(name);
    check_entry(archive, wide, text, size);
    free(wide);
    expect_entry(directory, "all.7z", name, text, size);
  }
  check_entry(archive, L"large.txt", large, LARGE_BYTES);
  check_entry(archive, L"memory.txt", "text", 4);
  check_entry(archive, L"renamed.txt", text, fill_log(text, 7));
  expect_entry(directory, "all.7z", "large.txt", large, LARGE_BYTES);
  expect_entry(directory, "all.7z", "memory.txt", "text", 4);
  expect_entry(directory, "all.7z", "renamed.txt", text, fill_log(text, 7));
  destination = widened(join_path(path, directory, "extracted"));
  CHECK_RESULT(ParallelArchive_Extract(archive, destination, NULL), S_OK);
  CHECK(exists(join_path(path, directory, "extracted/all/logs/39.txt")));
  free(destination);
  CHECK_RESULT(ParallelArchive_Extract(archive, L"az://backup/extracted", NULL), E_INVALIDARG);
  ParallelArchive_Close(archive);
  download(compressor, L"az://backup/all.7z", join_path(path, directory, "all.7z"));
}

static void check_volumes(ParallelCompressorHandle compressor)
{
  ParallelInputItemC item;
  memset(&item, 0, sizeof(item));
  item.FilePath = L"az://raw/**";
  CHECK_RESULT(ParallelCompressor_SetSegmentSize(compressor, 100000), S_OK);
  CHECK_RESULT(ParallelCompressor_CompressMultiple(compressor, &item, 1, L"az://backup/cut.7z"), S_OK);
  CHECK(entry_count(L"az://backup/cut.7z.001") == LOGS + 1);
  CHECK_RESULT(ParallelCompressor_SetVolumePrefix(compressor, L"az://backup/part."), S_OK);
  CHECK_RESULT(ParallelCompressor_CompressMultiple(compressor, &item, 1, NULL), S_OK);
  CHECK(entry_count(L"az://backup/part.001") == LOGS + 1);
  CHECK_RESULT(ParallelCompressor_SetVolumePrefix(compressor, NULL), S_OK);
  CHECK_RESULT(ParallelCompressor_SetSegmentSize(compressor, 0), S_OK);
}

static void check_failures(ParallelCompressorHandle compressor)
{
  ParallelInputItemC items[3];
  ParallelArchiveHandle archive;
  ParallelCompressorHandle stranger = ParallelCompressor_Create();
  Failures failures;
  memset(&failures, 0, sizeof(failures));
  failures.compressor = compressor;
  memset(items, 0, sizeof(items));
  CHECK_RESULT(ParallelCompressor_SetCallbacks(compressor, NULL, on_error, NULL, &failures), S_OK);

  /* A blob that is not there fails; the others go in, and replace the older archive. */
  items[0].FilePath = L"az://raw/logs/1?.txt";
  items[1].FilePath = L"az://raw/missing.txt";
  items[2].FilePath = L"az://raw/logs/39.txt";
  CHECK_RESULT(ParallelCompressor_CompressMultiple(compressor, items, 3, L"az://backup/all.7z"), S_FALSE);
  CHECK(failures.failed == 1 && failures.index == 10 && wcsstr(failures.message, L"missing.txt") != NULL);
  CHECK(entry_count(L"az://backup/all.7z") == 11);

  /* So does a prefix without blobs. */
  items[1].FilePath = L"az://raw/nothing/";
  CHECK_RESULT(ParallelCompressor_CompressMultiple(compressor, items, 3, L"az://backup/all.7z"), S_FALSE);
  CHECK(failures.failed == 2 && wcsstr(failures.message, L"no object matches") != NULL);

  /* A list that cannot be had ends the run, and the older archive stays. */
  items[1].FilePath = L"az://no-such-container/";
  CHECK(FAILED(ParallelCompressor_CompressMultiple(compressor, items, 3, L"az://backup/all.7z")));
  CHECK(wcsstr(ParallelCompress_GetLastErrorMessage(), L"az://no-such-container/") != NULL);
  CHECK(failures.failed == 2 && entry_count(L"az://backup/all.7z") == 11);

  /* What makes no sense. */
  items[1].FilePath = L"ftp://host/file";
  CHECK_RESULT(ParallelCompressor_CompressMultiple(compressor, items, 3, L"az://backup/all.7z"), E_INVALIDARG);
  items[1].FilePath = L"az://raw/logs/00.txt";
  CHECK_RESULT(ParallelCompressor_CompressMultiple(compressor, items, 3, L"az://backup/"), E_INVALIDARG);
  CHECK_RESULT(ParallelArchive_Open(L"az://backup/*", NULL, &archive), E_INVALIDARG);
  CHECK(FAILED(ParallelArchive_Open(L"az://backup/missing.7z", NULL, &archive)));
  CHECK(FAILED(ParallelCompressor_CompressMultiple(compressor, items, 3, L"az://no-such-container/a.7z")));

  /* Cancelled: nothing is there. */
  items[1].FilePath = L"az://raw/**";
  CHECK_RESULT(ParallelCompressor_SetCallbacks(compressor, cancel, NULL, NULL, &failures), S_OK);
  CHECK_RESULT(ParallelCompressor_CompressMultiple(compressor, items, 3, L"az://backup/cancelled.7z"), E_ABORT);
  CHECK(FAILED(ParallelArchive_Open(L"az://backup/cancelled.7z", NULL, &archive)));
  CHECK_RESULT(ParallelCompressor_SetCallbacks(compressor, NULL, NULL, NULL, NULL), S_OK);

  /* Without credentials. */
  CHECK_RESULT(ParallelCompressor_SetStoreOption(stranger, L"environment", L"0"), S_OK);
  CHECK_RESULT(ParallelCompressor_CompressMultiple(stranger, items, 3, L"out.7z"), E_INVALIDARG);
  CHECK(!exists("out.7z"));
  ParallelCompressor_Destroy(stranger);
}

static void cancel_later(const ParallelStatisticsC *statistics, void *compressor)
{
  if (statistics->ElapsedTimeMs > 500)
    ParallelCompressor_Cancel((ParallelCompressorHandle)compressor);
}

/* While a server says nothing, Cancel ends the run all the same: neither a list nor a single object is waited for. */
static void check_silence(void)
{
  static const wchar_t *const urls[] = { L"az://raw/logs/", L"az://raw/large.txt" };
  struct sockaddr_in address;
  socklen_t size = sizeof(address);
  char text[200];
  wchar_t *connection;
  size_t i;
  int server = socket(AF_INET, SOCK_STREAM, 0);
  memset(&address, 0, sizeof(address));
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  CHECK(server >= 0 && bind(server, (struct sockaddr *)&address, sizeof(address)) == 0 && listen(server, 16) == 0);
  CHECK(getsockname(server, (struct sockaddr *)&address, &size) == 0);
  sprintf(text, "AccountName=a;AccountKey=a2V5;BlobEndpoint=http://127.0.0.1:%u/a", (unsigned)ntohs(address.sin_port));
  connection = widened(text);
  for (i = 0; i < 2; i++)
  {
    ParallelCompressorHandle compressor = ParallelCompressor_Create();
    ParallelInputItemC item;
    void *archive;
    size_t archive_size;
    time_t begin = time(NULL);
    memset(&item, 0, sizeof(item));
    item.FilePath = urls[i];
    CHECK_RESULT(ParallelCompressor_SetStoreOption(compressor, L"connection_string", connection), S_OK);
    CHECK_RESULT(ParallelCompressor_SetDetailedCallbacks(compressor, cancel_later, NULL, compressor), S_OK);
    CHECK_RESULT(ParallelCompressor_CompressMultipleToMemory(compressor, &item, 1, &archive, &archive_size), E_ABORT);
    CHECK(time(NULL) - begin < 20);
    ParallelCompressor_Destroy(compressor);
  }
  free(connection);
  close(server);
}

static void check_queue(const wchar_t *connection)
{
  ParallelStreamQueueHandle queue = ParallelStreamQueue_Create();
  ParallelCompressorHandle compressor = ParallelStreamQueue_GetCompressor(queue);
  ParallelItemC item;
  UInt32 processed, failed, pending;
  int number;
  memset(&item, 0, sizeof(item));
  item.StructSize = sizeof(item);
  CHECK_RESULT(ParallelCompressor_SetStoreOption(compressor, L"connection_string", connection), S_OK);
  CHECK_RESULT(ParallelStreamQueue_StartProcessing(queue, L"az://backup/queue.7z"), S_OK);
  item.FilePath = L"az://raw/logs/*.txt";
  CHECK_RESULT(ParallelStreamQueue_AddItem(queue, &item), S_OK);
  for (number = 10; number < 40; number++)
  {
    wchar_t url[40], name[40];
    CHECK(swprintf(url, 40, L"az://raw/logs/%d.txt", number) > 0);
    CHECK(swprintf(name, 40, L"again/%d.txt", number) > 0);
    item.FilePath = url;
    item.Name = name;
    CHECK_RESULT(ParallelStreamQueue_AddItem(queue, &item), S_OK);
  }
  CHECK_RESULT(ParallelStreamQueue_AddStream(queue, "text", 4, L"memory.txt"), S_OK);
  CHECK_RESULT(ParallelStreamQueue_WaitForCompletion(queue), S_OK);
  CHECK_RESULT(ParallelStreamQueue_GetStatus(queue, &processed, &failed, &pending), S_OK);
  CHECK(processed == LOGS + 31 && failed == 0 && pending == 0);
  ParallelStreamQueue_Destroy(queue);
  CHECK(entry_count(L"az://backup/queue.7z") == LOGS + 31);
}

int main(int argc, char **argv)
{
  const char *directory = directory_argument(argc, argv);
  const char *connection = getenv("PAR7Z_TEST_CONNECTION");
  ParallelCompressorHandle compressor = ParallelCompressor_Create();
  wchar_t *wide;
  CHECK(connection != NULL);
  wide = widened(connection);
  fill_large();
  CHECK_RESULT(ParallelCompressor_SetNumThreads(compressor, 2), S_OK);
  CHECK_RESULT(ParallelCompressor_SetCompressionLevel(compressor, 1), S_OK);
  CHECK_RESULT(ParallelCompressor_SetCompressionMethod(compressor, 0x21), S_OK);
  check_options(compressor);
  CHECK_RESULT(ParallelCompressor_SetStoreOption(compressor, NULL, NULL), S_OK);
  CHECK_RESULT(ParallelCompressor_SetStoreOption(compressor, L"connection_string", wide), S_OK);
  /* Archives are opened with what the environment has. */
  CHECK(setenv("AZURE_STORAGE_CONNECTION_STRING", connection, 1) == 0);
  check_archive(compressor, directory);
  check_volumes(compressor);
  check_failures(compressor);
  check_queue(wide);
  check_silence();
  ParallelCompressor_Destroy(compressor);
  free(wide);
  free(large);
  return 0;
}
