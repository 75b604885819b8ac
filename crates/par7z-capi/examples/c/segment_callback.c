/* segment_callback.c - volumes go to a function as they are made: the second is there while the last item is still being
   read, the first comes last. */

#include "check.h"

#include <pthread.h>

#define COUNT 6
#define ITEM_SIZE 20000
#define VOLUME 15000

/* Where volumes go: here files, in a real program uploads. */
typedef struct
{
  const char *directory;
  const char *archive;
  UInt64 numbers[64];         /* in the order in which they came */
  UInt32 count;
  UInt64 last;                /* the number of the one that is flagged as the last */
  UInt64 refused;             /* this one is not taken */
  pthread_mutex_t lock;
  pthread_cond_t came;
} Store;

static HRESULT take_segment(void *user_data, const ParallelSegmentC *segment)
{
  Store *store = (Store *)user_data;
  char name[64], path[PATH_CHARS];
  unsigned char piece[4000];
  UInt64 taken = 0;
  UInt32 got;
  FILE *file;

  CHECK(segment->StructSize == sizeof(*segment) && segment->Size > 0 && segment->Size <= VOLUME);
  if (segment->Number == store->refused)
    return (HRESULT)(0x88000000u | ENOSPC);
  snprintf(name, sizeof(name), "%s.%03u", store->archive, (unsigned)segment->Number);
  file = fopen(join_path(path, store->directory, name), "wb");
  CHECK(file != NULL);
  CHECK_RESULT(segment->Read(segment->Stream, piece, 0, &got), S_OK);
  CHECK_RESULT(segment->Read(segment->Stream, NULL, 1, &got), E_INVALIDARG);
  CHECK_RESULT(segment->Read(segment->Stream, piece, 1, NULL), E_INVALIDARG);
  do
  {
    CHECK_RESULT(segment->Read(segment->Stream, piece, sizeof(piece), &got), S_OK);
    CHECK(fwrite(piece, 1, got, file) == got);
    taken += got;
  }
  while (got != 0);
  CHECK(fclose(file) == 0 && taken == segment->Size);

  pthread_mutex_lock(&store->lock);
  CHECK(store->count < 64);
  store->numbers[store->count++] = segment->Number;
  if ((segment->Flags & PARALLEL_SEGMENT_LAST) != 0)
    store->last = segment->Number;
  pthread_cond_broadcast(&store->came);
  pthread_mutex_unlock(&store->lock);
  return S_OK;
}

static void open_store(Store *store, const char *directory, const char *archive)
{
  memset(store, 0, sizeof(*store));
  store->directory = directory;
  store->archive = archive;
  pthread_mutex_init(&store->lock, NULL);
  pthread_cond_init(&store->came, NULL);
}

/* An item that has nothing to give before a volume has come. */
static HRESULT wait_for_segment(void *user_data, void *data, UInt32 size, UInt32 *processed)
{
  Store *store = (Store *)user_data;
  (void)data;
  (void)size;
  pthread_mutex_lock(&store->lock);
  while (store->count == 0)
    pthread_cond_wait(&store->came, &store->lock);
  pthread_mutex_unlock(&store->lock);
  *processed = 0;
  return S_OK;
}

/* 2, 3, ..., n, 1. */
static void check_order(const Store *store)
{
  UInt32 i;
  CHECK(store->count > 2 && store->last == store->count && store->numbers[store->count - 1] == 1);
  for (i = 0; i + 1 < store->count; i++)
    CHECK(store->numbers[i] == i + 2);
}

int main(int argc, char **argv)
{
  const char *directory = directory_argument(argc, argv);
  static unsigned char noise[COUNT][ITEM_SIZE];
  static const wchar_t *const names[COUNT] = { L"0", L"1", L"2", L"3", L"4", L"5" };
  ParallelInputItemC items[COUNT];
  ParallelItemC full[COUNT + 1];
  ParallelRunC run;
  ParallelCompressorHandle compressor = ParallelCompressor_Create();
  ParallelStreamQueueHandle queue;
  Store store;
  wchar_t output[PATH_CHARS];
  char path[PATH_CHARS];
  void *buffer;
  size_t size;
  int i;

  memset(items, 0, sizeof(items));
  memset(full, 0, sizeof(full));
  for (i = 0; i <= COUNT; i++)
  {
    full[i].StructSize = sizeof(full[i]);
    if (i == COUNT)
      break;
    fill_noise(noise[i], ITEM_SIZE, (UInt32)i);
    items[i].Data = full[i].Data = noise[i];
    items[i].DataSize = full[i].DataSize = ITEM_SIZE;
    items[i].Name = full[i].Name = names[i];
  }
  for (i = 0; i < COUNT; i++)
  {
    char name[2] = { 0, 0 };
    name[0] = (char)('0' + i);
    expect_entry(directory, "plain.7z.001", name, noise[i], ITEM_SIZE);
    expect_entry(directory, "sealed.7z.001", name, noise[i], ITEM_SIZE);
    expect_entry(directory, "queue.7z.001", name, noise[i], ITEM_SIZE);
  }
  expect_entry(directory, "plain.7z.001", "waits", "", 0);
  write_file(join_path(path, directory, "sealed.7z.001.password"), "secret", 6);

  /* The last item waits for a volume of the first ones; there is no output path. */
  open_store(&store, directory, "plain.7z");
  full[COUNT].Name = L"waits";
  full[COUNT].Read = wait_for_segment;
  full[COUNT].UserData = &store;
  memset(&run, 0, sizeof(run));
  run.StructSize = sizeof(run);
  run.Items = full;
  run.NumItems = COUNT + 1;
  CHECK_RESULT(ParallelCompressor_SetNumThreads(compressor, 2), S_OK);
  CHECK_RESULT(ParallelCompressor_SetSegmentSize(compressor, VOLUME), S_OK);
  CHECK_RESULT(ParallelCompressor_SetSegmentCallback(compressor, take_segment, 0, &store), S_OK);
  CHECK_RESULT(ParallelCompressor_Run(compressor, &run), S_OK);
  check_order(&store);

  /* Encrypted, through a temporary file (1 byte of memory); the output path is not used. */
  open_store(&store, directory, "sealed.7z");
  CHECK_RESULT(ParallelCompressor_SetPassword(compressor, L"secret"), S_OK);
  CHECK_RESULT(ParallelCompressor_SetSegmentCallback(compressor, take_segment, 1, &store), S_OK);
  join_wide(output, directory, "unused.7z");
  CHECK_RESULT(ParallelCompressor_CompressMultiple(compressor, items, COUNT, output), S_OK);
  check_order(&store);
  CHECK(!exists(join_path(path, directory, "unused.7z")) && !exists(join_path(path, directory, "unused.7z.001")));

  /* A volume that cannot be taken ends the run, with the callback's own code; nothing comes after it. */
  open_store(&store, directory, "refused.7z");
  store.refused = 3;
  CHECK_RESULT(ParallelCompressor_CompressMultiple(compressor, items, COUNT, NULL),
      (HRESULT)(0x88000000u | ENOSPC));
  CHECK(store.count == 1 && store.numbers[0] == 2);
  CHECK(remove(join_path(path, directory, "refused.7z.002")) == 0);

  /* Settings that do not fit together. */
  CHECK_RESULT(ParallelCompressor_CompressMultipleToMemory(compressor, items, COUNT, &buffer, &size), E_INVALIDARG);
  CHECK_RESULT(ParallelCompressor_SetVolumePrefix(compressor, L"prefix."), S_OK);
  CHECK_RESULT(ParallelCompressor_CompressMultiple(compressor, items, COUNT, NULL), E_INVALIDARG);
  CHECK_RESULT(ParallelCompressor_SetVolumePrefix(compressor, NULL), S_OK);
  CHECK_RESULT(ParallelCompressor_SetSegmentSize(compressor, 0), S_OK);
  CHECK_RESULT(ParallelCompressor_CompressMultiple(compressor, items, COUNT, NULL), E_INVALIDARG);
  CHECK_RESULT(ParallelCompressor_SetSegmentCallback(NULL, take_segment, 0, NULL), E_INVALIDARG);
  CHECK_RESULT(ParallelCompressor_SetSegmentCallback(compressor, NULL, 0, NULL), S_OK);
  CHECK_RESULT(ParallelCompressor_CompressMultipleToMemory(compressor, items, COUNT, &buffer, &size), S_OK);
  ParallelCompressor_FreeMemory(buffer);
  ParallelCompressor_Destroy(compressor);

  /* A queue has volumes to hand over while items are still being added. */
  open_store(&store, directory, "queue.7z");
  queue = ParallelStreamQueue_Create();
  compressor = ParallelStreamQueue_GetCompressor(queue);
  CHECK_RESULT(ParallelCompressor_SetSegmentSize(compressor, VOLUME), S_OK);
  CHECK_RESULT(ParallelCompressor_SetSegmentCallback(compressor, take_segment, 0, &store), S_OK);
  CHECK_RESULT(ParallelStreamQueue_StartProcessing(queue, NULL), S_OK);
  for (i = 0; i < COUNT; i++)
  {
    if (i == COUNT - 1)
      wait_for_segment(&store, NULL, 0, &(UInt32){ 0 });
    CHECK_RESULT(ParallelStreamQueue_AddStream(queue, noise[i], ITEM_SIZE, names[i]), S_OK);
  }
  CHECK_RESULT(ParallelStreamQueue_WaitForCompletion(queue), S_OK);
  check_order(&store);
  ParallelStreamQueue_Destroy(queue);
  return 0;
}
