/* regress_queue.c - a queue that is destroyed, cancelled or started while others use it: no deadlock, and Close comes
   exactly once for each item that was accepted, never for others, never after Destroy has returned.

     regress_queue DIRECTORY */

#define _DEFAULT_SOURCE

#include "ParallelCompressAPI.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NUM_ROUNDS 150
#define NUM_PRODUCERS 3
#define ITEMS_OF_PRODUCER 60
#define NUM_WAITERS 2
#define SECONDS_UNTIL_HUNG 300

static void check(int good, const char *what)
{
  if (good)
    return;
  fprintf(stderr, "regress_queue: %s\n  last error: %ls\n", what, ParallelCompress_GetLastErrorMessage());
  abort();
}

static wchar_t *path_below(const char *directory, const char *name)
{
  static wchar_t path[4096];
  check(swprintf(path, 4096, L"%s/%s", directory, name) > 0, "the path is too long");
  return path;
}

/* ---- Close is counted ---- */

typedef struct
{
  int num_closes;
  int accepted;
} Counter;

static Counter counters[NUM_PRODUCERS * ITEMS_OF_PRODUCER];
static int is_destroyed;

static void count_close(void *user_data)
{
  check(!__atomic_load_n(&is_destroyed, __ATOMIC_SEQ_CST), "Close after Destroy");
  __atomic_add_fetch(&((Counter *)user_data)->num_closes, 1, __ATOMIC_SEQ_CST);
}

static char content[20000];

typedef struct
{
  ParallelStreamQueueHandle queue;
  int number;
} Producer;

static void *produce(void *argument)
{
  const Producer *producer = argument;
  int i;
  for (i = 0; i < ITEMS_OF_PRODUCER; i++)
  {
    Counter *counter = &counters[producer->number * ITEMS_OF_PRODUCER + i];
    ParallelItemC item;
    memset(&item, 0, sizeof(item));
    item.StructSize = sizeof(item);
    item.Name = L"item";
    item.Data = content;
    item.DataSize = sizeof(content);
    item.Close = count_close;
    item.UserData = counter;
    counter->accepted = ParallelStreamQueue_AddItem(producer->queue, &item) == S_OK;
  }
  return NULL;
}

static void *wait_for_it(void *argument)
{
  ParallelStreamQueue_WaitForCompletion(argument);
  return NULL;
}

static void round_with(int round, const char *directory)
{
  pthread_t producers[NUM_PRODUCERS], waiters[NUM_WAITERS];
  Producer arguments[NUM_PRODUCERS];
  ParallelStreamQueueHandle queue = ParallelStreamQueue_Create();
  ParallelCompressorHandle compressor = ParallelStreamQueue_GetCompressor(queue);
  int i;
  check(queue != NULL, "Create");
  memset(counters, 0, sizeof(counters));
  __atomic_store_n(&is_destroyed, 0, __ATOMIC_SEQ_CST);
  check(ParallelStreamQueue_SetMaxQueueSize(queue, 5) == S_OK, "SetMaxQueueSize");
  check(ParallelStreamQueue_StartProcessing(queue, path_below(directory, "queue.7z")) == S_OK, "StartProcessing");
  for (i = 0; i < NUM_PRODUCERS; i++)
  {
    arguments[i].queue = queue;
    arguments[i].number = i;
    check(pthread_create(&producers[i], NULL, produce, &arguments[i]) == 0, "pthread_create");
  }
  usleep((useconds_t)(round * 37 % 4000));
  if (round % 3 == 0)
    ParallelCompressor_Cancel(compressor);
  for (i = 0; i < NUM_WAITERS; i++)
    check(pthread_create(&waiters[i], NULL, wait_for_it, queue) == 0, "pthread_create");
  usleep((useconds_t)(round * 11 % 500));
  ParallelStreamQueue_Destroy(queue);
  __atomic_store_n(&is_destroyed, 1, __ATOMIC_SEQ_CST);
  for (i = 0; i < NUM_PRODUCERS; i++)
    pthread_join(producers[i], NULL);
  for (i = 0; i < NUM_WAITERS; i++)
    pthread_join(waiters[i], NULL);
  for (i = 0; i < NUM_PRODUCERS * ITEMS_OF_PRODUCER; i++)
    check(counters[i].num_closes == counters[i].accepted, "Close comes once for each accepted item, and for no other");
}

/* ---- The output is opened without a lock ---- */

static UInt64 output_position;

static HRESULT write_output(void *user_data, const void *data, UInt32 size, UInt32 *processed)
{
  (void)user_data;
  (void)data;
  output_position += size;
  *processed = size;
  return S_OK;
}

static HRESULT seek_output(void *user_data, Int64 offset, UInt32 origin, UInt64 *new_position)
{
  UInt32 pending = 0;
  check(ParallelStreamQueue_GetStatus(user_data, NULL, NULL, &pending) == S_OK, "GetStatus in Seek");
  check(ParallelStreamQueue_WaitForCompletion(user_data) == E_FAIL, "a callback cannot wait for its own run");
  if (origin == 0)
    output_position = (UInt64)offset;
  if (new_position != NULL)
    *new_position = output_position;
  return S_OK;
}

static void test_callback_at_start(void)
{
  ParallelStreamQueueHandle queue = ParallelStreamQueue_Create();
  ParallelRunC run;
  memset(&run, 0, sizeof(run));
  run.StructSize = sizeof(run);
  run.Write = write_output;
  run.Seek = seek_output;
  run.UserData = queue;
  check(ParallelStreamQueue_AddStream(queue, content, sizeof(content), L"item") == S_OK, "AddStream");
  check(ParallelStreamQueue_Start(queue, &run) == S_OK, "Start");
  check(ParallelStreamQueue_WaitForCompletion(queue) == S_OK, "WaitForCompletion");
  ParallelStreamQueue_Destroy(queue);
}

int main(int argc, char **argv)
{
  int round;
  check(argc == 2, "usage: regress_queue DIRECTORY");
  alarm(SECONDS_UNTIL_HUNG);
  test_callback_at_start();
  for (round = 0; round < NUM_ROUNDS; round++)
    round_with(round, argv[1]);
  return 0;
}
