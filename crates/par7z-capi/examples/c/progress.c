/* progress.c - all that a run tells: each item's progress, the whole run's figures, its throughput. Callbacks come from
   several threads; they may ask the compressor for its statistics. */

#include "check.h"

#include <pthread.h>

#define COUNT 40
#define ITEM_SIZE 30000

typedef struct
{
  pthread_mutex_t lock;
  ParallelCompressorHandle compressor;
  UInt64 item_sizes[COUNT];   /* the last that was told of each */
  UInt32 item_calls, detailed_calls, throughput_calls, finished_events;
  ParallelStatisticsC last;
} Told;

static void on_progress(UInt32 item, UInt64 in_size, UInt64 out_size, void *user_data)
{
  Told *told = (Told *)user_data;
  ParallelStatisticsC now;
  CHECK_RESULT(ParallelCompressor_GetDetailedStatistics(told->compressor, &now), S_OK);
  CHECK(now.ItemsCompleted <= now.ItemsTotal);
  CHECK(item < COUNT && in_size <= ITEM_SIZE && out_size <= ITEM_SIZE + 100);
  pthread_mutex_lock(&told->lock);
  CHECK(in_size >= told->item_sizes[item]); /* never backwards */
  told->item_sizes[item] = in_size;
  told->item_calls++;
  pthread_mutex_unlock(&told->lock);
}

static void on_statistics(const ParallelStatisticsC *statistics, void *user_data)
{
  Told *told = (Told *)user_data;
  pthread_mutex_lock(&told->lock);
  CHECK(statistics->ItemsCompleted >= told->last.ItemsCompleted);
  CHECK(statistics->TotalInSize >= told->last.TotalInSize);
  told->last = *statistics;
  told->detailed_calls++;
  pthread_mutex_unlock(&told->lock);
}

static void on_throughput(UInt64 bytes_per_second, UInt64 files_per_second_x100, void *user_data)
{
  Told *told = (Told *)user_data;
  (void)bytes_per_second;
  (void)files_per_second_x100;
  pthread_mutex_lock(&told->lock);
  told->throughput_calls++;
  pthread_mutex_unlock(&told->lock);
}

static HRESULT on_event(void *user_data, const ParallelEventC *event)
{
  Told *told = (Told *)user_data;
  pthread_mutex_lock(&told->lock);
  if (event->Kind == PARALLEL_EVENT_ITEM_FINISHED)
  {
    CHECK(event->InSize == ITEM_SIZE && event->Result == S_OK);
    CHECK(wcsncmp(event->Name, L"item ", 5) == 0);
    told->finished_events++;
  }
  pthread_mutex_unlock(&told->lock);
  return S_OK; /* a negative result would cancel */
}

int main(int argc, char **argv)
{
  const char *directory = directory_argument(argc, argv);
  static char texts[COUNT][ITEM_SIZE];
  static wchar_t names[COUNT][32];
  static ParallelItemC items[COUNT];
  ParallelRunC run;
  static Told told;
  ParallelStatisticsC end;
  wchar_t output[PATH_CHARS];
  int i;

  CHECK(pthread_mutex_init(&told.lock, NULL) == 0);
  told.compressor = ParallelCompressor_Create();
  CHECK_RESULT(ParallelCompressor_SetNumThreads(told.compressor, 2), S_OK);
  CHECK_RESULT(ParallelCompressor_SetCallbacks(told.compressor, on_progress, NULL, NULL, &told), S_OK);
  CHECK_RESULT(ParallelCompressor_SetDetailedCallbacks(told.compressor, on_statistics, on_throughput, &told), S_OK);
  CHECK_RESULT(ParallelCompressor_SetProgressUpdateInterval(told.compressor, 10), S_OK);

  for (i = 0; i < COUNT; i++)
  {
    char name[32];
    fill_text(texts[i], ITEM_SIZE, (UInt32)i);
    snprintf(name, sizeof(name), "item %d", i);
    swprintf(names[i], 32, L"%s", name);
    items[i].StructSize = sizeof(items[i]);
    items[i].Data = texts[i];
    items[i].DataSize = ITEM_SIZE;
    items[i].Name = names[i];
    expect_entry(directory, "progress.7z", name, texts[i], ITEM_SIZE);
  }
  memset(&run, 0, sizeof(run));
  run.StructSize = sizeof(run);
  run.Items = items;
  run.NumItems = COUNT;
  run.OutputPath = join_wide(output, directory, "progress.7z");
  run.OnEvent = on_event;
  run.UserData = &told;
  CHECK_RESULT(ParallelCompressor_Run(told.compressor, &run), S_OK);

  CHECK(told.item_calls >= COUNT && told.finished_events == COUNT);
  for (i = 0; i < COUNT; i++)
    CHECK(told.item_sizes[i] == ITEM_SIZE);
  CHECK(told.detailed_calls >= 1 && told.throughput_calls >= 1);
  CHECK_RESULT(ParallelCompressor_GetDetailedStatistics(told.compressor, &end), S_OK);
  CHECK(end.ItemsTotal == COUNT && end.ItemsCompleted == COUNT && end.ItemsFailed == 0 && end.ItemsInProgress == 0);
  CHECK(end.TotalInSize == (UInt64)COUNT * ITEM_SIZE && end.EstimatedTimeRemainingMs == 0);
  CHECK(end.TotalOutSize > 0 && end.CompressionRatioX100 == (UInt32)(end.TotalOutSize * 100 / end.TotalInSize));
  CHECK(told.last.ItemsCompleted == COUNT && told.last.TotalInSize == end.TotalInSize);
  {
    char path[PATH_CHARS];
    struct stat status;
    CHECK(stat(join_path(path, directory, "progress.7z"), &status) == 0);
    CHECK((UInt64)status.st_size == end.TotalOutSize);
  }
  ParallelCompressor_Destroy(told.compressor);
  pthread_mutex_destroy(&told.lock);
  printf("progress: %u calls for items, %u for the run\n", (unsigned)told.item_calls, (unsigned)told.detailed_calls);
  return 0;
}
