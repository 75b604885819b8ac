/* cancel.c - a run is cancelled: by another thread, by a progress callback, by an event. Each ends with E_ABORT, and
   the file that stood at the output path stands there still. The items are streams without an end, so that nothing but
   the cancellation ends a run. */

#include "check.h"

#include <pthread.h>
#include <time.h>

#define STREAMS 3
#define OLD "an older file at this place"

typedef struct
{
  ParallelCompressorHandle compressor;
  pthread_mutex_t lock;
  UInt32 state;
  int closed;
} Endless;

static HRESULT read_endless(void *user_data, void *data, UInt32 size, UInt32 *processed)
{
  Endless *endless = (Endless *)user_data;
  UInt32 seed;
  pthread_mutex_lock(&endless->lock);
  seed = endless->state++;
  pthread_mutex_unlock(&endless->lock);
  *processed = size < 4096 ? size : 4096;
  fill_text((char *)data, *processed, seed);
  return S_OK;
}

static void close_endless(void *user_data)
{
  Endless *endless = (Endless *)user_data;
  pthread_mutex_lock(&endless->lock);
  endless->closed++;
  pthread_mutex_unlock(&endless->lock);
}

static void *cancel_soon(void *user_data)
{
  Endless *endless = (Endless *)user_data;
  struct timespec pause = { 0, 50000000 };
  nanosleep(&pause, NULL);
  CHECK_RESULT(ParallelCompressor_Cancel(endless->compressor), S_OK);
  return NULL;
}

static void cancel_on_progress(UInt32 item, UInt64 in_size, UInt64 out_size, void *user_data)
{
  (void)item;
  (void)out_size;
  if (in_size > 0)
    ParallelCompressor_Cancel(((Endless *)user_data)->compressor);
}

static HRESULT refuse_event(void *user_data, const ParallelEventC *event)
{
  (void)user_data;
  return event->Kind == PARALLEL_EVENT_ITEM_STARTED ? E_FAIL : S_OK;
}

/* Runs until somebody cancels; the older file must be left. */
static void run_cancelled(Endless *endless, const char *directory, ParallelEventCallback on_event)
{
  ParallelItemC items[STREAMS];
  ParallelRunC run;
  wchar_t output[PATH_CHARS];
  char path[PATH_CHARS];
  unsigned char *content;
  size_t size;
  int i;

  memset(items, 0, sizeof(items));
  for (i = 0; i < STREAMS; i++)
  {
    items[i].StructSize = sizeof(items[i]);
    items[i].Name = L"endless";
    items[i].Read = read_endless;
    items[i].Close = close_endless;
    items[i].UserData = endless;
  }
  memset(&run, 0, sizeof(run));
  run.StructSize = sizeof(run);
  run.Items = items;
  run.NumItems = STREAMS;
  run.OutputPath = join_wide(output, directory, "old.dat");
  run.OnEvent = on_event;
  endless->closed = 0;
  write_file(join_path(path, directory, "old.dat"), OLD, strlen(OLD));
  CHECK_RESULT(ParallelCompressor_Run(endless->compressor, &run), E_ABORT);
  CHECK(endless->closed == STREAMS);
  content = read_file(path, &size);
  CHECK(size == strlen(OLD) && memcmp(content, OLD, size) == 0);
  free(content);
}

int main(int argc, char **argv)
{
  const char *directory = directory_argument(argc, argv);
  Endless endless;
  pthread_t other;
  ParallelInputItemC item;
  wchar_t output[PATH_CHARS];

  memset(&endless, 0, sizeof(endless));
  CHECK(pthread_mutex_init(&endless.lock, NULL) == 0);
  endless.compressor = ParallelCompressor_Create();
  CHECK_RESULT(ParallelCompressor_SetNumThreads(endless.compressor, 2), S_OK);
  CHECK_RESULT(ParallelCompressor_SetCompressionLevel(endless.compressor, 1), S_OK);
  CHECK_RESULT(ParallelCompressor_Cancel(endless.compressor), S_FALSE); /* nothing runs */

  CHECK(pthread_create(&other, NULL, cancel_soon, &endless) == 0);
  run_cancelled(&endless, directory, NULL);
  CHECK(pthread_join(other, NULL) == 0);

  CHECK_RESULT(ParallelCompressor_SetProgressUpdateInterval(endless.compressor, 10), S_OK);
  CHECK_RESULT(ParallelCompressor_SetCallbacks(endless.compressor, cancel_on_progress, NULL, NULL, &endless), S_OK);
  run_cancelled(&endless, directory, NULL);
  CHECK_RESULT(ParallelCompressor_SetCallbacks(endless.compressor, NULL, NULL, NULL, NULL), S_OK);

  run_cancelled(&endless, directory, refuse_event);

  /* The next run is not touched by a cancellation before it. */
  memset(&item, 0, sizeof(item));
  item.Data = "after";
  item.DataSize = 5;
  item.Name = L"after";
  join_wide(output, directory, "after.7z");
  CHECK_RESULT(ParallelCompressor_CompressMultiple(endless.compressor, &item, 1, output), S_OK);
  expect_entry(directory, "after.7z", "after", "after", 5);
  ParallelCompressor_Destroy(endless.compressor);
  pthread_mutex_destroy(&endless.lock);
  printf("cancel: done\n");
  return 0;
}
