/* regress_lifetime.c - what the client lends is its own again when the header says so.

     regress_lifetime DIRECTORY */

#define _DEFAULT_SOURCE

#include "ParallelCompressAPI.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define SECONDS_UNTIL_HUNG 300
#define CONTENT_SIZE (8u << 20)

static void check(int good, const char *what)
{
  if (good)
    return;
  fprintf(stderr, "regress_lifetime: %s\n  last error: %ls\n", what, ParallelCompress_GetLastErrorMessage());
  abort();
}

/* ---- Closing an archive waits for ReadEntryTo, which reads the lent memory ---- */

static int num_writes;
static int is_closed;

static HRESULT take_slowly(void *user_data, const void *data, UInt32 size, UInt32 *processed)
{
  (void)user_data;
  (void)data;
  check(!__atomic_load_n(&is_closed, __ATOMIC_SEQ_CST), "Write after Close");
  __atomic_add_fetch(&num_writes, 1, __ATOMIC_SEQ_CST);
  usleep(2000);
  *processed = size;
  return S_OK;
}

static void *read_entry(void *archive)
{
  const HRESULT result = ParallelArchive_ReadEntryTo(archive, 0, take_slowly, NULL);
  check(result == S_OK || result == E_ABORT, "ReadEntryTo");
  return NULL;
}

static void test_close_waits_for_readers(void)
{
  ParallelCompressorHandle compressor = ParallelCompressor_Create();
  ParallelArchiveHandle archive;
  ParallelInputItemC item;
  pthread_t reader;
  void *packed, *lent;
  size_t size, i;
  unsigned char *content = malloc(CONTENT_SIZE);
  unsigned random = 1;
  check(content != NULL, "malloc");
  for (i = 0; i < CONTENT_SIZE; i++)
  {
    random = random * 1103515245u + 12345u;
    content[i] = (unsigned char)(random >> 16);
  }
  memset(&item, 0, sizeof(item));
  item.Data = content;
  item.DataSize = CONTENT_SIZE;
  item.Name = L"item";
  check(ParallelCompressor_CompressMultipleToMemory(compressor, &item, 1, &packed, &size) == S_OK, "compress");
  ParallelCompressor_Destroy(compressor);
  lent = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  check(lent != MAP_FAILED, "mmap");
  memcpy(lent, packed, size);
  ParallelCompressor_FreeMemory(packed);

  check(ParallelArchive_OpenMemory(lent, size, NULL, &archive) == S_OK, "OpenMemory");
  check(pthread_create(&reader, NULL, read_entry, archive) == 0, "pthread_create");
  while (__atomic_load_n(&num_writes, __ATOMIC_SEQ_CST) == 0)
    usleep(100);
  ParallelArchive_Close(archive);
  __atomic_store_n(&is_closed, 1, __ATOMIC_SEQ_CST);
  check(munmap(lent, size) == 0, "munmap");
  pthread_join(reader, NULL);
  check(num_writes < (int)(CONTENT_SIZE >> 18), "Close cancels what runs");
  free(content);
}

/* ---- E_INVALIDARG: nothing was begun, so nothing is given back ---- */

static int num_closes;

static void count_close(void *user_data)
{
  (void)user_data;
  __atomic_add_fetch(&num_closes, 1, __ATOMIC_SEQ_CST);
}

static HRESULT read_nothing(void *user_data, void *data, UInt32 size, UInt32 *processed)
{
  (void)user_data;
  (void)data;
  (void)size;
  *processed = 0;
  return (HRESULT)0x80004099L;
}

static HRESULT write_nowhere(void *user_data, const void *data, UInt32 size, UInt32 *processed)
{
  (void)user_data;
  (void)data;
  *processed = size;
  return S_OK;
}

static void test_closes_of_failed_runs(void)
{
  ParallelCompressorHandle compressor = ParallelCompressor_Create();
  ParallelItemC items[2];
  ParallelRunC run;
  int i;
  memset(items, 0, sizeof(items));
  for (i = 0; i < 2; i++)
  {
    items[i].StructSize = sizeof(items[i]);
    items[i].Name = L"item";
    items[i].Read = read_nothing;
    items[i].Close = count_close;
  }
  memset(&run, 0, sizeof(run));
  run.StructSize = sizeof(run);
  run.NumItems = 2;
  run.Items = items;

  check(ParallelCompressor_Run(compressor, &run) == E_INVALIDARG, "no output");
  check(num_closes == 0, "no Close of items that were not accepted");
  run.Write = write_nowhere;
  check(ParallelCompressor_SetVolumeSize(compressor, 1000) == S_OK, "SetVolumeSize");
  check(ParallelCompressor_Run(compressor, &run) == E_INVALIDARG, "volumes into a stream");
  check(num_closes == 0, "no Close of items that were not accepted");
  check(ParallelCompressor_SetVolumeSize(compressor, 0) == S_OK, "SetVolumeSize");
  check(ParallelCompressor_Run(compressor, &run) == E_FAIL, "every item fails");
  check(num_closes == 2, "a Close for each item");
  check(wcsstr(ParallelCompress_GetLastErrorMessage(), L"80004099") != NULL, "the first item's reason is told");
  ParallelCompressor_Destroy(compressor);
}

/* ---- Results do not overwrite arguments ---- */

static void test_overlapping_results(void)
{
  ParallelCompressorHandle compressor = ParallelCompressor_Create();
  ParallelInputItemC item;
  size_t size;
  memset(&item, 0, sizeof(item));
  item.Data = "abc";
  item.DataSize = 3;
  item.Name = L"item";
  check(ParallelCompressor_CompressMultipleToMemory(compressor, &item, 1, &item.UserData, &size) == E_INVALIDARG,
      "the result's place is in the items");
  check(item.DataSize == 3 && item.UserData == NULL, "the item is as it was");
  ParallelCompressor_Destroy(compressor);
}

int main(int argc, char **argv)
{
  (void)argv;
  check(argc == 2, "usage: regress_lifetime DIRECTORY");
  alarm(SECONDS_UNTIL_HUNG);
  test_close_waits_for_readers();
  test_closes_of_failed_runs();
  test_overlapping_results();
  return 0;
}
