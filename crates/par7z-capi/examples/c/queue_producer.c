/* queue_producer.c - a queue: threads add items while others are compressed. The queue holds few items; who adds to a
   full one waits, so producers cannot run ahead of the compressor. */

#include "check.h"

#include <pthread.h>

#define PRODUCERS 3
#define ITEMS_EACH 60
#define QUEUE_SIZE 4

typedef struct
{
  ParallelStreamQueueHandle queue;
  const char *directory;
  int number;
} Producer;

static void *produce(void *argument)
{
  const Producer *producer = (const Producer *)argument;
  int i;
  for (i = 0; i < ITEMS_EACH; i++)
  {
    char text[2000], name[64];
    wchar_t wide[64];
    UInt32 pending;
    fill_text(text, sizeof(text), (UInt32)(producer->number * 1000 + i));
    snprintf(name, sizeof(name), "producer%d/%03d", producer->number, i);
    swprintf(wide, 64, L"%s", name);
    /* The queue copies data and name: this buffer is free again at once. */
    CHECK_RESULT(ParallelStreamQueue_AddStream(producer->queue, text, sizeof(text), wide), S_OK);
    CHECK_RESULT(ParallelStreamQueue_GetStatus(producer->queue, NULL, NULL, &pending), S_OK);
    CHECK(pending <= QUEUE_SIZE);
    expect_entry(producer->directory, "queue.7z", name, text, sizeof(text));
  }
  return NULL;
}

int main(int argc, char **argv)
{
  const char *directory = directory_argument(argc, argv);
  ParallelStreamQueueHandle queue = ParallelStreamQueue_Create();
  ParallelCompressorHandle compressor = ParallelStreamQueue_GetCompressor(queue);
  Producer producers[PRODUCERS];
  pthread_t threads[PRODUCERS];
  wchar_t output[PATH_CHARS];
  UInt32 processed, failed, pending;
  int i;

  CHECK_RESULT(ParallelCompressor_SetNumThreads(compressor, 2), S_OK);
  CHECK_RESULT(ParallelStreamQueue_SetMaxQueueSize(queue, QUEUE_SIZE), S_OK);
  CHECK_RESULT(ParallelStreamQueue_StartProcessing(queue, join_wide(output, directory, "queue.7z")), S_OK);
  CHECK_RESULT(ParallelStreamQueue_StartProcessing(queue, output), E_FAIL); /* it runs already */

  for (i = 0; i < PRODUCERS; i++)
  {
    producers[i].queue = queue;
    producers[i].directory = directory;
    producers[i].number = i;
    CHECK(pthread_create(&threads[i], NULL, produce, &producers[i]) == 0);
  }
  for (i = 0; i < PRODUCERS; i++)
    CHECK(pthread_join(threads[i], NULL) == 0);
  CHECK_RESULT(ParallelStreamQueue_WaitForCompletion(queue), S_OK);
  CHECK_RESULT(ParallelStreamQueue_GetStatus(queue, &processed, &failed, &pending), S_OK);
  CHECK(processed == PRODUCERS * ITEMS_EACH && failed == 0 && pending == 0);

  /* The same queue makes the next archive. This time the items come before the start: then a full queue says so. */
  for (i = 0; i < QUEUE_SIZE; i++)
  {
    wchar_t name[8];
    swprintf(name, 8, L"%d", i);
    CHECK_RESULT(ParallelStreamQueue_AddStream(queue, "again", 5, name), S_OK);
  }
  CHECK_RESULT(ParallelStreamQueue_AddStream(queue, "too much", 8, L"4"), E_OUTOFMEMORY);
  CHECK_RESULT(ParallelStreamQueue_StartProcessing(queue, join_wide(output, directory, "again.7z")), S_OK);
  CHECK_RESULT(ParallelStreamQueue_WaitForCompletion(queue), S_OK);
  for (i = 0; i < QUEUE_SIZE; i++)
  {
    char name[8];
    snprintf(name, sizeof(name), "%d", i);
    expect_entry(directory, "again.7z", name, "again", 5);
  }
  ParallelStreamQueue_Destroy(queue);
  printf("queue_producer: %u items\n", (unsigned)processed);
  return 0;
}
