/* fuzz.c - random sequences of API calls.

     fuzz SEED COUNT DIRECTORY [FIRST]

   Each sequence makes, uses and destroys several compressors, queues and archives: with good arguments, with NULL, with
   destroyed handles and such of another kind, with absurd counts and sizes, broken strings, misaligned structs, streams
   that lie, callbacks that call back. In some sequences a second thread meddles. It must not crash, hang, leak or break
   a promise of the header; above all, an archive whose result was S_OK or S_FALSE must open and be good. No pointer is
   ever wild: that is beyond any library.

   Sequence N of a seed is the same whatever COUNT is: to repeat one, fuzz SEED 1 DIRECTORY N. It works in
   DIRECTORY/work, and removes it. */

#define _XOPEN_SOURCE 700

#include "ParallelCompressAPI.h"

#include <ftw.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define SECONDS_FOR_A_SEQUENCE 120

/* ---- Failing ---- */

static UInt64 seed_now;
static UInt32 sequence_now;

static void fail(const char *format, ...)
{
  va_list arguments;
  fprintf(stderr, "fuzz: seed %llu sequence %u: ", (unsigned long long)seed_now, (unsigned)sequence_now);
  va_start(arguments, format);
  vfprintf(stderr, format, arguments);
  va_end(arguments);
  fprintf(stderr, "\n  last error: %ls\n", ParallelCompress_GetLastErrorMessage());
  abort();
}

static void hung(int signal_number)
{
  static const char text[] = "fuzz: a sequence hangs\n";
  (void)signal_number;
  if (write(2, text, sizeof(text) - 1) < 0)
    _exit(3);
  fprintf(stderr, "fuzz: seed %llu sequence %u\n", (unsigned long long)seed_now, (unsigned)sequence_now);
  abort();
}

static void *allocate(size_t size)
{
  void *memory = calloc(1, size);
  if (memory == NULL)
    fail("memory is out");
  return memory;
}

/* ---- Chance ---- */

typedef struct
{
  UInt64 state;
} Random;

static UInt32 any(Random *random)
{
  random->state += 0x9E3779B97F4A7C15u; /* splitmix64 */
  UInt64 z = random->state;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
  return (UInt32)((z ^ (z >> 31)) >> 16);
}

static UInt32 below(Random *random, UInt32 bound) { return bound == 0 ? 0 : any(random) % bound; }
static int one_in(Random *random, UInt32 n) { return below(random, n) == 0; }

/* A number as callers get them wrong. */
static UInt32 odd_number(Random *random)
{
  static const UInt32 numbers[] = { 0, 1, 2, 3, 7, 100, 255, 256, 257, 65536, 1000001, 0x7FFFFFFF, 0x80000000,
    0xFFFFFFFF };
  return numbers[below(random, sizeof(numbers) / sizeof(numbers[0]))];
}

/* ---- What goes in ---- */

#define POOL_SIZE 65536
#define LONG_NAME 5000

static Byte pool[POOL_SIZE]; /* text, then noise, then zeros */
static wchar_t long_name[LONG_NAME + 1];

static void make_pool(void)
{
  Random random = { 1 };
  size_t i;
  for (i = 0; i < POOL_SIZE / 2; i++)
    pool[i] = (Byte)("etaoin shrdlu\n  "[below(&random, 16)]);
  for (; i < POOL_SIZE * 3 / 4; i++)
    pool[i] = (Byte)any(&random);
  for (i = 0; i < LONG_NAME; i++)
    long_name[i] = i % 200 == 199 ? L'/' : L'n';
}

/* Broken strings. Negative numbers: wchar_t is signed on some systems. */
static const wchar_t lone_high[] = { L'a', 0xD83D, L'b', 0 };
static const wchar_t lone_low[] = { 0xDE00, 0 };
static const wchar_t turned_pair[] = { 0xDE00, 0xD83D, 0 };
static const wchar_t pair[] = { L'p', 0xD83D, 0xDE00, 0 };
static const wchar_t code_point[] = { L'c', 0x1F600, 0 };
static const wchar_t too_large[] = { L'x', 0x110000, L'y', 0 };
static const wchar_t negative[] = { (wchar_t)-1, (wchar_t)0x80000000, 0 };
static const wchar_t control[] = { 1, 2, L'\n', 0x7F, 0xFEFF, 0xFFFF, 0 };

static const wchar_t *any_name(Random *random)
{
  static const wchar_t *const good[] = { L"a", L"b.txt", L"dir/c", L"dir/deep/er/d", L"\x00fc\x65e5", pair, code_point,
    L"a" /* names may repeat */ };
  static const wchar_t *const bad[] = { NULL, L"", L"..", L"../evil", L"/par7z-fuzz-evil", L"a/../../evil", L"./x",
    L"a//b", L"dir/", L"c:\\evil", L"back\\slash", L"con", L" ", L".", lone_high, lone_low, turned_pair, too_large,
    negative, control, long_name };
  if (one_in(random, 12))
    return bad[below(random, sizeof(bad) / sizeof(bad[0]))];
  return good[below(random, sizeof(good) / sizeof(good[0]))];
}

/* Paths to write to. Nothing that leads out of the work directory, for who runs this may be root. */
static const wchar_t *any_output(Random *random)
{
  static const wchar_t *const good[] = { L"out.7z", L"sub/out.7z", L"other.7z", pair };
  static const wchar_t *const bad[] = { NULL, L"", L".", L"input", L"input/x.7z", L"/dev/null/x", lone_high,
    lone_low, too_large, negative, long_name };
  if (one_in(random, 8))
    return bad[below(random, sizeof(bad) / sizeof(bad[0]))];
  return good[below(random, sizeof(good) / sizeof(good[0]))];
}

static const wchar_t *any_input(Random *random)
{
  static const wchar_t *const paths[] = { L"input", L"input", L"input", L"there is none", L"", L".", L"/dev/null",
    L"/proc/self/mem", lone_high, too_large, long_name };
  return paths[below(random, sizeof(paths) / sizeof(paths[0]))];
}

/* ---- Secrets ---- */

typedef enum { PLAIN, PASSWORD, KEY } SecretKind;

typedef struct
{
  SecretKind kind;
  const wchar_t *password;
  Byte key[32];
} Secret;

/* ---- A sequence ---- */

#define SLOTS 10
#define MAX_ITEMS 12
#define MAX_RUNS 64
#define MAX_BLOBS 64

typedef enum { COMPRESSOR, QUEUE, ARCHIVE } Kind;

typedef struct
{
  Kind kind;
  void *handle;          /* may be destroyed already */
  /* What was set with success, as far as it must be known to open the archive. Written by the main thread alone. */
  Secret secret;
  UInt64 segment;
  const wchar_t *prefix;
  struct Run *run;       /* of a queue that was started and not waited for */
  struct Run *added;     /* whose streams a queue is given */
} Slot;

/* A stream or lent memory: what became of it. */
typedef struct
{
  struct Run *run;
  UInt32 left;
  UInt32 lie;            /* 0: an honest stream */
  UInt32 accepted;       /* Close must come */
  UInt32 closed;
} Stream;

/* What belongs to one run, kept until the end of the sequence. */
typedef struct Run
{
  struct Sequence *sequence;
  pthread_mutex_t lock;
  Random random;
  void *compressor, *queue;
  int calm;              /* callbacks do as they should */
  int may_destroy;       /* callbacks may destroy the run's own compressor */
  ParallelItemC full[MAX_ITEMS];
  ParallelInputItemC items[MAX_ITEMS];
  char misaligned[sizeof(ParallelItemC) * MAX_ITEMS + 1];
  Stream streams[8 * MAX_ITEMS];
  UInt32 streams_used;
  UInt32 look_ahead_left;
  Byte *output;
  size_t output_size, output_capacity, position, start;
  UInt32 write_lie;
  ParallelRunC settings;
  Secret secret;         /* as they were when it began */
  UInt64 segment;
  const wchar_t *prefix, *path;
} Run;

/* A finished archive in memory. */
typedef struct
{
  Byte *data;
  size_t size;
  Secret secret;
  int from_library;      /* to be freed with FreeMemory */
} Blob;

typedef struct Sequence
{
  Random random;
  pthread_mutex_t lock;  /* of the slots' handles and `stop` */
  Slot slots[SLOTS];
  Run *runs[MAX_RUNS];
  UInt32 runs_used;
  Blob blobs[MAX_BLOBS];
  UInt32 blobs_used;
  int has_meddler, stop;
  Random meddling;       /* the second thread's */
  pthread_t meddler;
} Sequence;

static UInt64 archives_checked;

static void *slot_handle(Sequence *sequence, UInt32 number)
{
  void *handle;
  pthread_mutex_lock(&sequence->lock);
  handle = sequence->slots[number].handle;
  pthread_mutex_unlock(&sequence->lock);
  return handle;
}

static void set_slot_handle(Sequence *sequence, Slot *slot, void *handle)
{
  pthread_mutex_lock(&sequence->lock);
  slot->handle = handle;
  pthread_mutex_unlock(&sequence->lock);
  memset(&slot->secret, 0, sizeof(slot->secret));
  slot->segment = 0;
  slot->prefix = NULL;
  slot->run = NULL;
  slot->added = NULL;
}

/* A handle for a function of this kind: nearly always the slot's own. Never that of another slot of the same kind,
   whose settings would not be kept in mind then. */
static void *argument(Sequence *sequence, Slot *slot)
{
  UInt32 other;
  switch (below(&sequence->random, 40))
  {
    case 0: return NULL;
    case 1:
      other = below(&sequence->random, SLOTS);
      return sequence->slots[other].kind == slot->kind ? NULL : slot_handle(sequence, other);
    case 2: return (void *)(uintptr_t)(odd_number(&sequence->random) | 1); /* a number that was never given */
    default: return slot_handle(sequence, (UInt32)(slot - sequence->slots));
  }
}

static Slot *any_slot(Sequence *sequence, Kind kind)
{
  UInt32 first = below(&sequence->random, SLOTS), i;
  for (i = 0; i < SLOTS; i++)
    if (sequence->slots[(first + i) % SLOTS].kind == kind)
      return &sequence->slots[(first + i) % SLOTS];
  return NULL;
}

/* ---- Calls from other threads and from callbacks: whatever does not wait for one's own run ---- */

static void query(Random *random, void *handle)
{
  ParallelStatisticsC statistics;
  UInt32 number;
  switch (below(random, 10))
  {
    case 0: ParallelCompressor_GetDetailedStatistics(handle, one_in(random, 10) ? NULL : &statistics); break;
    case 1: ParallelStreamQueue_GetStatus(handle, &number, one_in(random, 2) ? NULL : &number, &number); break;
    case 2: ParallelArchive_GetNumEntries(handle, one_in(random, 10) ? NULL : &number); break;
    case 3: ParallelCompressor_SetNumThreads(handle, below(random, 4)); break;
    case 4: ParallelCompressor_SetCompressionLevel(handle, below(random, 6)); break;
    case 5: ParallelCompressor_SetProgressUpdateInterval(handle, below(random, 20)); break;
    case 6: ParallelStreamQueue_GetCompressor(handle); break;
    case 7: ParallelCompressor_SetSolidMode(handle, (int)below(random, 3) - 1); break;
    case 8:
      if (wcslen(ParallelCompress_GetLastErrorMessage()) > 100000)
        fail("an endless message");
      break;
    default: ParallelCompressor_GetDetailedStatistics(handle, &statistics); break;
  }
}

/* From a callback of this run. */
static void call_back(Run *run)
{
  Random random;
  void *handle;
  pthread_mutex_lock(&run->lock);
  any(&run->random);
  random = run->random;
  pthread_mutex_unlock(&run->lock);
  if (!one_in(&random, 4))
    return;
  handle = run->compressor;
  if (one_in(&random, 3))
    handle = slot_handle(run->sequence, below(&random, SLOTS));
  if (!run->calm && one_in(&random, 60))
    ParallelCompressor_Cancel(handle);
  else if (run->may_destroy && one_in(&random, 200))
    ParallelCompressor_Destroy(run->compressor);
  else
    query(&random, handle);
}

static void *meddle(void *user_data)
{
  Sequence *sequence = (Sequence *)user_data;
  Random random = sequence->meddling;
  int stop = 0;
  const struct timespec pause = { 0, 200000 };
  while (!stop)
  {
    void *handle = slot_handle(sequence, below(&random, SLOTS));
    switch (below(&random, 100))
    {
      case 0: ParallelCompressor_Destroy(handle); break;
      case 1: ParallelArchive_Close(handle); break;
      case 2: ParallelStreamQueue_Destroy(handle); break;
      case 3: ParallelCompressor_Cancel(handle); break;
      case 4: ParallelArchive_Cancel(handle); break;
      default: query(&random, handle); break;
    }
    nanosleep(&pause, NULL);
    pthread_mutex_lock(&sequence->lock);
    stop = sequence->stop;
    pthread_mutex_unlock(&sequence->lock);
  }
  return NULL;
}

/* ---- The callbacks ---- */

static HRESULT on_read(void *user_data, void *data, UInt32 size, UInt32 *processed)
{
  Stream *stream = (Stream *)user_data;
  Random random = { stream->left + 1 };
  UInt32 give = size < stream->left ? size : stream->left;
  if (size == 0)
    fail("Read was asked for nothing");
  if (stream->closed)
    fail("Read came after Close");
  call_back(stream->run);
  if (give > 1 && one_in(&random, 3))
    give = 1 + below(&random, give);
  switch (stream->lie)
  {
    case 1: *processed = size + 1; return S_OK;
    case 2: *processed = 0xFFFFFFFF; return S_OK;
    case 3: return S_FALSE;
    case 4: if (stream->left < 500) return E_FAIL; break;
    case 5: *processed = give; return (HRESULT)0x88000005;
    case 6: if (stream->left < 500) return E_ABORT; break;
    case 7: return E_INVALIDARG;
    default: break;
  }
  memcpy(data, pool + stream->left % (POOL_SIZE / 2), give < POOL_SIZE / 2 ? give : POOL_SIZE / 2);
  stream->left -= give;
  *processed = give;
  return S_OK;
}

static void on_close(void *user_data)
{
  Stream *stream = (Stream *)user_data;
  if (stream->closed++ != 0)
    fail("Close came twice");
  call_back(stream->run);
}

static void on_progress(UInt32 item, UInt64 in_size, UInt64 out_size, void *user_data)
{
  (void)item;
  (void)in_size;
  (void)out_size;
  call_back((Run *)user_data);
}

static void on_error(UInt32 item, HRESULT code, const wchar_t *message, void *user_data)
{
  (void)item;
  if (code == S_OK || message == NULL || wcslen(message) == 0)
    fail("an error without a code or a message");
  call_back((Run *)user_data);
}

static void on_statistics(const ParallelStatisticsC *statistics, void *user_data)
{
  if (statistics->ItemsCompleted > statistics->ItemsTotal || statistics->ItemsFailed > statistics->ItemsCompleted)
    fail("the statistics contradict themselves: %u items, %u completed, %u failed", (unsigned)statistics->ItemsTotal,
        (unsigned)statistics->ItemsCompleted, (unsigned)statistics->ItemsFailed);
  call_back((Run *)user_data);
}

static void on_throughput(UInt64 bytes, UInt64 files, void *user_data)
{
  (void)bytes;
  (void)files;
  call_back((Run *)user_data);
}

static HRESULT on_event(void *user_data, const ParallelEventC *event)
{
  Run *run = (Run *)user_data;
  UInt32 number;
  if (event->StructSize != sizeof(*event) || event->Name == NULL || event->Message == NULL)
    fail("an event without its fields");
  if ((event->Kind == PARALLEL_EVENT_ITEM_FAILED) != (event->Result != S_OK))
    fail("an event whose kind and result differ");
  call_back(run);
  pthread_mutex_lock(&run->lock);
  number = any(&run->random);
  pthread_mutex_unlock(&run->lock);
  return !run->calm && number % 300 == 0 ? E_FAIL : S_OK;
}

static void make_item(Run *run, ParallelInputItemC *item, int good);
static void make_full_item(Run *run, ParallelItemC *item, int good);

/* How many of `room` items to give now, and whether they are good; 0 at the end. */
static UInt32 share(Run *run, UInt32 room)
{
  UInt32 count = room == 0 ? 0 : 1 + below(&run->random, room < 4 ? room : 4);
  if (count > run->look_ahead_left)
    count = run->look_ahead_left;
  run->look_ahead_left -= count;
  return count;
}

static HRESULT on_look_ahead(UInt32 index, UInt32 room, ParallelInputItemC *items, UInt32 *returned, void *user_data)
{
  Run *run = (Run *)user_data;
  UInt32 count, i;
  (void)index;
  call_back(run);
  pthread_mutex_lock(&run->lock);
  count = share(run, room);
  for (i = 0; i < count; i++)
    make_item(run, &items[i], run->calm);
  *returned = count;
  if (!run->calm && one_in(&run->random, 30))
    *returned = room + 1;
  i = !run->calm && one_in(&run->random, 30);
  pthread_mutex_unlock(&run->lock);
  return i ? (HRESULT)0x88000005 : S_OK;
}

static HRESULT on_next_items(void *user_data, UInt32 index, UInt32 room, ParallelItemC *items, UInt32 *returned)
{
  Run *run = (Run *)user_data;
  UInt32 count, i;
  (void)index;
  call_back(run);
  pthread_mutex_lock(&run->lock);
  count = share(run, room);
  for (i = 0; i < count; i++)
  {
    make_full_item(run, &items[i], run->calm);
    if (run->calm && items[i].Close != NULL)
      ((Stream *)items[i].UserData)->accepted = 1;
  }
  *returned = count;
  if (!run->calm && one_in(&run->random, 30))
    *returned = odd_number(&run->random) | 0x10000; /* more than there was room for */
  i = !run->calm && one_in(&run->random, 30);
  pthread_mutex_unlock(&run->lock);
  return i ? S_FALSE : S_OK;
}

/* Room for so many bytes of output. */
static void make_room(Run *run, size_t size)
{
  Byte *output;
  if (size <= run->output_capacity)
    return;
  output = (Byte *)allocate(size * 2);
  if (run->output_size > 0)
    memcpy(output, run->output, run->output_size);
  free(run->output);
  run->output = output;
  run->output_capacity = size * 2;
}

static HRESULT on_write(void *user_data, const void *data, UInt32 size, UInt32 *processed)
{
  Run *run = (Run *)user_data;
  UInt32 take = size;
  if (size == 0)
    fail("Write was given nothing");
  call_back(run);
  pthread_mutex_lock(&run->lock);
  if (one_in(&run->random, 2))
    take = 1 + below(&run->random, size);
  pthread_mutex_unlock(&run->lock);
  switch (run->write_lie)
  {
    case 1: *processed = 0; return S_OK;
    case 2: *processed = size + 1; return S_OK;
    case 3: return (HRESULT)0x8800001C;
    case 4: return S_FALSE;
    default: break;
  }
  make_room(run, run->position + take);
  memcpy(run->output + run->position, data, take);
  run->position += take;
  if (run->output_size < run->position)
    run->output_size = run->position;
  *processed = take;
  return S_OK;
}

static HRESULT on_seek(void *user_data, Int64 offset, UInt32 origin, UInt64 *new_position)
{
  Run *run = (Run *)user_data;
  Int64 target = offset + (Int64)(origin == 1 ? run->position : origin == 2 ? run->output_size : 0);
  if (origin > 2 || target < 0 || target > (Int64)run->output_size)
    fail("Seek to nowhere: %lld from %u", (long long)offset, (unsigned)origin);
  call_back(run);
  if (run->write_lie == 5)
    return E_FAIL;
  run->position = (size_t)target;
  if (new_position != NULL)
    *new_position = (UInt64)target;
  return S_OK;
}

static HRESULT on_set_size(void *user_data, UInt64 size)
{
  Run *run = (Run *)user_data;
  if (size > run->output_size)
    fail("SetSize to more than was written");
  if (run->write_lie == 6)
    return E_NOTIMPL;
  run->output_size = (size_t)size;
  return S_OK;
}

/* Each volume at its place in the output. */
static HRESULT on_segment(void *user_data, const ParallelSegmentC *segment)
{
  Run *run = (Run *)user_data;
  const size_t start = (size_t)((segment->Number - 1) * run->segment), end = start + (size_t)segment->Size;
  size_t at = start;
  UInt32 piece, got;
  if (segment->StructSize != sizeof(*segment) || segment->Flags > PARALLEL_SEGMENT_LAST || segment->Number == 0)
    fail("a segment without its fields");
  if (segment->Size == 0 || segment->Size > run->segment)
    fail("a segment of %llu bytes", (unsigned long long)segment->Size);
  call_back(run);
  make_room(run, end);
  for (;;)
  {
    pthread_mutex_lock(&run->lock);
    piece = one_in(&run->random, 3) ? 1 + below(&run->random, 3000) : 100000;
    pthread_mutex_unlock(&run->lock);
    if (piece > end - at)
      piece = (UInt32)(end - at);
    switch (run->write_lie)
    {
      case 1: return S_FALSE;
      case 2: return (HRESULT)0x8800001C;
      case 3: if (at != start) return E_ABORT; break;
      case 4: if (segment->Read(segment->Stream, NULL, piece, &got) == S_OK && piece != 0) fail("Read to NULL"); break;
      case 5: if (segment->Read(segment->Stream, run->output + at, piece, NULL) == S_OK) fail("Read to nowhere"); break;
      default: break;
    }
    got = 0xFFFFFFFF;
    if (segment->Read(segment->Stream, run->output + at, piece, &got) != S_OK || got > piece)
      fail("a segment cannot be read");
    at += got;
    if (at == end)
      break;
    if (got == 0)
      fail("a segment is too short");
  }
  if (run->output_size < end)
    run->output_size = end;
  return S_OK;
}

/* ---- Items ---- */

static void make_item(Run *run, ParallelInputItemC *item, int good)
{
  Random *random = &run->random;
  if (one_in(random, 2))
    memset(item, 0xA5, sizeof(*item)); /* fields that do not count hold anything */
  else
    memset(item, 0, sizeof(*item));
  item->Data = pool + below(random, POOL_SIZE / 2);
  item->DataSize = one_in(random, 4) ? below(random, POOL_SIZE / 2) : below(random, 300);
  item->Name = L"good";
  if (good)
    return;
  item->Name = any_name(random);
  switch (below(random, 20))
  {
    case 0: item->DataSize = (size_t)-1; break;
    case 1: item->DataSize = ((size_t)-1 >> 1) + 1; break;
    case 2: item->Data = NULL; item->FilePath = NULL; break;
    case 3: case 4: case 5: item->Data = NULL; item->FilePath = any_input(random); break;
    default: break;
  }
}

/* A stream or lent memory of the run; NULL when there are enough. */
static Stream *new_stream(Run *run)
{
  Stream *stream;
  if (run->streams_used == sizeof(run->streams) / sizeof(run->streams[0]))
    return NULL;
  stream = &run->streams[run->streams_used++];
  stream->run = run;
  stream->left = one_in(&run->random, 8) ? below(&run->random, 200000) : below(&run->random, 2000);
  return stream;
}

static void make_full_item(Run *run, ParallelItemC *item, int good)
{
  Random *random = &run->random;
  Stream *stream;
  memset(item, 0, sizeof(*item));
  item->StructSize = sizeof(*item);
  item->Name = good ? L"good" : any_name(random);
  stream = one_in(random, 2) ? new_stream(run) : NULL;
  if (stream != NULL)
  {
    item->UserData = stream;
    item->Read = on_read;
    item->Size = one_in(random, 2) ? 0 : stream->left;
    if (!one_in(random, 3))
      item->Close = on_close;
    if (!good && one_in(random, 4))
      stream->lie = 1 + below(random, 7);
    if (!good && one_in(random, 4))
      item->Size = (UInt64)odd_number(random) << below(random, 33);
  }
  else
  {
    item->Data = pool + below(random, POOL_SIZE / 2);
    item->DataSize = below(random, 500);
    stream = one_in(random, 3) ? new_stream(run) : NULL;
    if (stream != NULL)
    {
      item->UserData = stream;
      item->Close = on_close;
    }
  }
  if (one_in(random, 4))
    item->ModificationTime = (UInt64)any(random) << below(random, 33);
  if (good)
    return;
  switch (below(random, 24))
  {
    case 0: item->StructSize = odd_number(random); break;
    case 1: item->FilePath = any_input(random); break; /* besides Data or Read */
    case 2: item->DataSize = (size_t)-1; break;
    case 3: item->Attributes = any(random); break;
    case 4: item->Attributes = 0x10; break;
    case 5: item->Data = NULL; item->Read = NULL; item->Attributes = 0x10; break;
    case 6: item->Data = NULL; item->Read = NULL; break;
    case 7: case 8: item->Data = NULL; item->Read = NULL; item->DataSize = 0; item->FilePath = any_input(random); break;
    default: break;
  }
}

/* ---- Checking archives ---- */

static ParallelArchiveHandle open_blob(const Byte *data, size_t size, const Secret *secret)
{
  ParallelArchiveHandle archive = NULL;
  HRESULT result;
  if (secret->kind == KEY)
  {
    FILE *file = fopen("check.7z", "wb");
    if (file == NULL || fwrite(data, 1, size, file) != size || fclose(file) != 0)
      fail("cannot write check.7z");
    result = ParallelArchive_OpenWithKey(L"check.7z", secret->key, 32, &archive);
  }
  else
    result = ParallelArchive_OpenMemory(data, size, secret->password, &archive);
  if (result != S_OK)
    fail("an archive that was made cannot be opened: 0x%08x", (unsigned)result);
  return archive;
}

static void check_archive(ParallelArchiveHandle archive)
{
  UInt32 count = 0, i;
  HRESULT result = ParallelArchive_GetNumEntries(archive, &count);
  if (result != S_OK)
    fail("the entries of an archive that was made cannot be counted");
  for (i = 0; i < count; i++)
  {
    ParallelEntryC entry;
    memset(&entry, 0, sizeof(entry));
    entry.StructSize = sizeof(entry);
    if (ParallelArchive_GetEntry(archive, i, &entry) != S_OK || entry.Name == NULL || entry.Method == NULL)
      fail("entry %u of an archive that was made cannot be listed", (unsigned)i);
  }
  result = ParallelArchive_Test(archive, NULL);
  if (result != S_OK)
    fail("an archive that was made is not good: 0x%08x", (unsigned)result);
  archives_checked++;
}

/* A run's archive in memory is good, and is kept for what comes. */
static void keep_blob(Sequence *sequence, Byte *data, size_t size, const Secret *secret, int from_library)
{
  ParallelArchiveHandle archive = open_blob(data, size, secret);
  Blob *blob;
  check_archive(archive);
  ParallelArchive_Close(archive);
  if (sequence->blobs_used == MAX_BLOBS)
  {
    if (from_library)
      free(data);
    return;
  }
  blob = &sequence->blobs[sequence->blobs_used++];
  blob->size = size;
  blob->secret = *secret;
  blob->from_library = from_library;
  blob->data = data;
  if (!from_library)
  {
    blob->data = (Byte *)allocate(size + 1);
    memcpy(blob->data, data, size);
  }
}

static void check_file(const Run *run)
{
  wchar_t path[64];
  ParallelArchiveHandle archive = NULL;
  HRESULT result;
  if (run->segment != 0 && run->prefix != NULL && run->prefix[0] != 0)
  {
    size_t length = wcslen(run->prefix);
    swprintf(path, 64, run->prefix[length - 1] == L'.' ? L"%ls001" : L"%ls.001", run->prefix);
  }
  else if (run->path == NULL)
    fail("an archive without a place");
  else if (wcscmp(run->path, L".") == 0)
    return; /* volumes "..001", "..002": made, but no reader takes them for a set */
  else if (wcslen(run->path) > 32 || swprintf(path, 64, run->segment != 0 ? L"%ls.001" : L"%ls", run->path) < 0)
    return; /* not a name that this program can handle itself */
  if (run->secret.kind == KEY)
    result = ParallelArchive_OpenWithKey(path, run->secret.key, 32, &archive);
  else
    result = ParallelArchive_Open(path, run->secret.password, &archive);
  if (result != S_OK)
    fail("the archive file %ls that was made cannot be opened: 0x%08x", path, (unsigned)result);
  check_archive(archive);
  ParallelArchive_Close(archive);
}

/* ---- Runs ---- */

static Run *new_run(Sequence *sequence, Slot *slot, void *compressor)
{
  Run *run;
  if (sequence->runs_used == MAX_RUNS)
    return NULL;
  run = (Run *)allocate(sizeof(*run));
  sequence->runs[sequence->runs_used++] = run;
  run->sequence = sequence;
  if (pthread_mutex_init(&run->lock, NULL) != 0)
    fail("no mutex");
  run->random.state = any(&sequence->random);
  run->compressor = compressor;
  run->calm = !one_in(&sequence->random, 3);
  run->secret = slot->secret;
  run->segment = slot->segment;
  run->prefix = slot->prefix;
  run->look_ahead_left = below(&sequence->random, 8);
  return run;
}

static void set_callbacks(Run *run)
{
  Random *random = &run->sequence->random;
  void *compressor = run->compressor;
  ParallelCompressor_SetCallbacks(compressor, one_in(random, 3) ? NULL : on_progress,
      one_in(random, 3) ? NULL : on_error, one_in(random, 3) ? on_look_ahead : NULL, run);
  ParallelCompressor_SetDetailedCallbacks(compressor, one_in(random, 2) ? NULL : on_statistics,
      one_in(random, 2) ? NULL : on_throughput, run);
}

/* The same array or struct, at an odd address now and then. Only the items of one run are moved: they are lent. */
static const void *misalign(Run *run, const void *data, size_t size)
{
  if (!one_in(&run->sequence->random, 6))
    return data;
  memcpy(run->misaligned + 1, data, size);
  return run->misaligned + 1;
}

static void check_result(const Run *run, HRESULT result, int good_arguments)
{
  if (result > S_FALSE)
    fail("a strange result: 0x%08x", (unsigned)result);
  /* Another run's callback may have cancelled it. */
  if (good_arguments && run->calm && !run->sequence->has_meddler && result != S_OK && result != E_ABORT)
    fail("a run with good arguments gave 0x%08x", (unsigned)result);
}

/* Close must have come once for each item that was accepted, at the end of a run. */
static void check_closed(const Run *run)
{
  UInt32 i;
  for (i = 0; i < run->streams_used; i++)
    if (run->streams[i].accepted && run->streams[i].closed != 1)
      fail("Close came %u times", (unsigned)run->streams[i].closed);
}

static int is_alive(void *compressor)
{
  ParallelStatisticsC statistics;
  return ParallelCompressor_GetDetailedStatistics(compressor, &statistics) == S_OK;
}

static void compress_classic(Sequence *sequence, Slot *slot)
{
  void *compressor = argument(sequence, slot);
  int usual = compressor == slot->handle;
  Run *run = new_run(sequence, slot, compressor);
  UInt32 count, i;
  ParallelInputItemC *items;
  HRESULT result;
  if (run == NULL)
    return;
  run->may_destroy = !run->calm;
  set_callbacks(run);
  count = one_in(&sequence->random, 30) ? 0 : 1 + below(&sequence->random, MAX_ITEMS);
  for (i = 0; i < count; i++)
    make_item(run, &run->items[i], run->calm);
  items = (ParallelInputItemC *)misalign(run, run->items, sizeof(run->items));
  if (one_in(&sequence->random, 40))
    items = NULL;
  if (one_in(&sequence->random, 40))
    count = 1000001 + below(&sequence->random, 0xFFFFFFFF - 1000001);
  if (one_in(&sequence->random, 3))
  {
    run->path = any_output(&sequence->random);
    result = ParallelCompressor_CompressMultiple(compressor, items, count, run->path);
    check_result(run, result, 0);
    if (usual && (result == S_OK || result == S_FALSE))
      check_file(run);
  }
  else
  {
    void *buffer = run;
    size_t size = 1;
    int no_place = one_in(&sequence->random, 40), no_size = one_in(&sequence->random, 60);
    int good = usual && is_alive(compressor) && run->segment == 0 && items == run->items && count > 0
        && count <= MAX_ITEMS;
    result = ParallelCompressor_CompressMultipleToMemory(compressor, items, count, no_place ? NULL : &buffer,
        no_size ? NULL : &size);
    check_result(run, result, good && !no_place && !no_size);
    if (result != S_OK && result != S_FALSE)
    {
      if (!no_place && buffer != NULL && buffer != run)
        fail("a buffer from a run that failed");
    }
    else if (usual)
      keep_blob(sequence, (Byte *)buffer, size, &run->secret, 1);
    else
      ParallelCompressor_FreeMemory(buffer);
  }
}

/* A run's settings with an output in memory, or in a file. */
static void set_output(Run *run, int good)
{
  Random *random = &run->sequence->random;
  run->settings.StructSize = sizeof(run->settings);
  run->settings.UserData = run;
  if (one_in(random, 2))
    run->settings.OnEvent = on_event;
  if (one_in(random, 5))
    run->settings.OutputPath = run->path = any_output(random);
  else
  {
    run->settings.Write = on_write;
    if (one_in(random, 2))
    {
      run->start = run->position = run->output_size = below(random, 100);
      run->output_capacity = 1000;
      run->output = (Byte *)allocate(run->output_capacity);
      run->settings.Seek = on_seek;
      if (one_in(random, 2))
        run->settings.SetSize = on_set_size;
    }
    if (!run->calm && one_in(random, 5))
      run->write_lie = 1 + below(random, 6);
  }
  if (good)
    return;
  switch (below(random, 8))
  {
    case 0: run->settings.StructSize = odd_number(random); break;
    case 1: run->settings.OutputPath = run->path = any_output(random); break; /* besides Write */
    case 2: run->settings.Write = NULL; break;
    case 3: run->settings.Seek = on_seek; break;
    case 4: run->settings.SetSize = on_set_size; break;
    default: break;
  }
}

/* After a run of the full form that is over. */
static void check_output(Sequence *sequence, Run *run, HRESULT result)
{
  if (result != S_OK && result != S_FALSE)
    return;
  if (run->segment == 0 && run->settings.Write != NULL && run->settings.OutputPath == NULL)
    keep_blob(sequence, run->output + run->start, run->output_size - run->start, &run->secret, 0);
  else
    check_file(run);
}

static void compress_full(Sequence *sequence, Slot *slot)
{
  void *compressor = argument(sequence, slot);
  int usual = compressor == slot->handle;
  Run *run = new_run(sequence, slot, compressor);
  UInt32 count, i;
  int no_settings, good;
  HRESULT result;
  if (run == NULL)
    return;
  run->may_destroy = !run->calm;
  ParallelCompressor_SetCallbacks(compressor, NULL, NULL, NULL, NULL);
  if (one_in(&sequence->random, 2))
    set_callbacks(run);
  count = below(&sequence->random, MAX_ITEMS + 1);
  for (i = 0; i < count; i++)
    make_full_item(run, &run->full[i], run->calm);
  set_output(run, !one_in(&sequence->random, 10));
  run->settings.Items = (const ParallelItemC *)misalign(run, run->full, sizeof(run->full));
  run->settings.NumItems = count;
  if (one_in(&sequence->random, 3))
    run->settings.NextItems = on_next_items;
  if (one_in(&sequence->random, 40))
    run->settings.Items = NULL;
  if (one_in(&sequence->random, 40))
    run->settings.NumItems = 1000001 + below(&sequence->random, 0xFFFFFFFF - 1000001);
  no_settings = one_in(&sequence->random, 60);
  good = usual && is_alive(compressor) && run->segment == 0 && !no_settings && run->settings.Write != NULL
      && run->settings.OutputPath == NULL && run->settings.Items == run->full && run->settings.NumItems == count
      && run->settings.StructSize == sizeof(run->settings) && (!run->settings.SetSize || run->settings.Seek);
  result = ParallelCompressor_Run(compressor, no_settings ? NULL : &run->settings);
  check_result(run, result, good);
  for (i = 0; i < run->streams_used; i++)
    if (result != E_INVALIDARG && i < count && run->full[i].Close != NULL)
      ((Stream *)run->full[i].UserData)->accepted = 1;
  check_closed(run);
  if (usual)
    check_output(sequence, run, result);
}

/* Volumes to a callback; after that, the compressor's settings are what they were. */
static void compress_segments(Sequence *sequence, Slot *slot)
{
  static const UInt64 segments[] = { 1, 10, 31, 32, 33, 500, 3000, 100000, 0xFFFFFFFF };
  static const UInt64 limits[] = { 0, 1, 1000, 0xFFFFFFFFFFFFFFFFu };
  void *compressor = argument(sequence, slot);
  int usual = compressor == slot->handle, good;
  Run *run = new_run(sequence, slot, compressor);
  UInt32 count, i;
  HRESULT result;
  if (run == NULL)
    return;
  run->may_destroy = !run->calm;
  set_callbacks(run);
  if (!run->calm && one_in(&sequence->random, 3))
    run->write_lie = 1 + below(&sequence->random, 5);
  count = 1 + below(&sequence->random, MAX_ITEMS);
  for (i = 0; i < count; i++)
    make_item(run, &run->items[i], run->calm);
  run->segment = segments[below(&sequence->random, sizeof(segments) / sizeof(segments[0]))];
  good = usual && is_alive(compressor) && (run->prefix == NULL || run->prefix[0] == 0);
  if (one_in(&sequence->random, 2))
    run->path = L"not used";
  ParallelCompressor_SetSegmentSize(compressor, run->segment);
  ParallelCompressor_SetSegmentCallback(compressor, on_segment, limits[below(&sequence->random, 4)], run);
  result = ParallelCompressor_CompressMultiple(compressor, run->items, count, run->path);
  check_result(run, result, good);
  if (usual && (result == S_OK || result == S_FALSE))
    keep_blob(sequence, run->output, run->output_size, &run->secret, 0);
  ParallelCompressor_SetSegmentCallback(compressor, NULL, 0, NULL);
  ParallelCompressor_SetSegmentSize(compressor, usual ? slot->segment : 0);
}

/* ---- Settings ---- */

/* The password costs half a million hashes for each archive and each opening, so it comes seldom. */
static void set_secret(Sequence *sequence, Slot *slot, void *compressor, int usual)
{
  static const wchar_t *const passwords[] = { L"password", pair, code_point, L"sixteen letters!" };
  Random *random = &sequence->random;
  Byte key[64];
  UInt32 i;
  Secret secret;
  HRESULT result;
  memset(&secret, 0, sizeof(secret));
  if (one_in(random, 25))
  {
    secret.kind = PASSWORD;
    secret.password = passwords[below(random, 4)];
    result = ParallelCompressor_SetPassword(compressor, secret.password);
  }
  else if (one_in(random, 4))
    result = one_in(random, 2) ? ParallelCompressor_SetPassword(compressor, one_in(random, 2) ? NULL : L"")
        : ParallelCompressor_SetEncryption(compressor, NULL, 0, NULL, 0);
  else if (one_in(random, 4))
  {
    /* Wrong in some way; if it is taken nevertheless, the archive tells. */
    memset(key, 7, sizeof(key));
    result = ParallelCompressor_SetEncryption(compressor, one_in(random, 4) ? NULL : key, odd_number(random),
        one_in(random, 4) ? NULL : key + below(random, 48), odd_number(random));
    if (result == S_OK)
      fail("a wrong key was taken");
    result = ParallelCompressor_SetPassword(compressor, one_in(random, 2) ? lone_high : too_large);
    if (result != S_OK)
      return;
    ParallelCompressor_SetPassword(compressor, NULL);
  }
  else
  {
    for (i = 0; i < sizeof(key); i++)
      key[i] = (Byte)any(random);
    secret.kind = KEY;
    memcpy(secret.key, key, 32);
    result = ParallelCompressor_SetEncryption(compressor, key, 32, key + 32, 16);
  }
  if (usual && result == S_OK)
    slot->secret = secret;
}

static void set_something(Sequence *sequence, Slot *slot, void *compressor, int usual)
{
  static const UInt64 methods[] = { 0x030101, 0x030101, 0x21, 0x030401, 0x040202, 0x040108, 0, 0x030901, 0x06F10701,
    0xFFFFFFFFFFFFFFFFu, 0x040109 };
  /* Each volume is synced to the disk, so there should not be too many. */
  static const UInt64 segments[] = { 0, 0, 0, 0, 3000, 10000, 0xFFFFFFFF, 0xFFFFFFFFFFFFFFFFu, 0x8000000000000000u };
  static const wchar_t *const prefixes[] = { NULL, L"", L"part", L"part.", L"sub/part" };
  Random *random = &sequence->random;
  UInt64 segment;
  const wchar_t *prefix;
  switch (below(random, 11))
  {
    case 0: case 1:
      ParallelCompressor_SetNumThreads(compressor, one_in(random, 20) ? odd_number(random) : below(random, 5));
      break;
    case 2:
      ParallelCompressor_SetCompressionLevel(compressor, one_in(random, 20) ? odd_number(random) : below(random, 6));
      break;
    case 3:
      ParallelCompressor_SetCompressionMethod(compressor, methods[below(random, sizeof(methods) / sizeof(methods[0]))]);
      break;
    case 4: set_secret(sequence, slot, compressor, usual); break;
    case 5: ParallelCompressor_SetEncryptNames(compressor, (int)odd_number(random)); break;
    case 6:
      segment = one_in(random, 100) ? 50 : segments[below(random, sizeof(segments) / sizeof(segments[0]))];
      if ((one_in(random, 2) ? ParallelCompressor_SetSegmentSize(compressor, segment)
          : ParallelCompressor_SetVolumeSize(compressor, segment)) == S_OK && usual)
        slot->segment = segment;
      break;
    case 7:
      prefix = prefixes[below(random, sizeof(prefixes) / sizeof(prefixes[0]))];
      if (ParallelCompressor_SetVolumePrefix(compressor, prefix) == S_OK && usual)
        slot->prefix = prefix;
      break;
    case 8: ParallelCompressor_SetSolidMode(compressor, (int)odd_number(random)); break;
    case 9: ParallelCompressor_SetSolidBlockSize(compressor, odd_number(random)); break;
    default:
      ParallelCompressor_SetProgressUpdateInterval(compressor, one_in(random, 2) ? 1 : odd_number(random));
      break;
  }
}

static void use_compressor(Sequence *sequence)
{
  Slot *slot = any_slot(sequence, COMPRESSOR);
  void *handle = argument(sequence, slot);
  if (slot->handle == NULL)
  {
    set_slot_handle(sequence, slot, ParallelCompressor_Create());
    if (slot->handle == NULL)
      fail("no compressor");
    return;
  }
  switch (below(&sequence->random, 20))
  {
    case 0:
      ParallelCompressor_Destroy(handle);
      if (handle == slot->handle && one_in(&sequence->random, 2))
        set_slot_handle(sequence, slot, NULL);
      break;
    case 1: ParallelCompressor_Cancel(handle); break;
    case 2: query(&sequence->random, handle); break;
    case 3: case 4: case 5: case 6: compress_classic(sequence, slot); break;
    case 7: case 8: case 9: case 10: compress_full(sequence, slot); break;
    case 11: compress_segments(sequence, slot); break;
    default: set_something(sequence, slot, handle, handle == slot->handle); break;
  }
}

/* ---- Queues ---- */

static void add_to_queue(Sequence *sequence, Slot *slot, void *queue)
{
  Random *random = &sequence->random;
  Run *run = slot->added;
  if (run == NULL)
    run = slot->added = new_run(sequence, slot, NULL);
  if (run != NULL && one_in(random, 2))
  {
    ParallelItemC item;
    Stream *stream = NULL;
    HRESULT result;
    pthread_mutex_lock(&run->lock);
    make_full_item(run, &item, run->calm);
    pthread_mutex_unlock(&run->lock);
    if (item.Close != NULL)
      stream = (Stream *)item.UserData;
    result = ParallelStreamQueue_AddItem(queue, one_in(random, 60) ? NULL : &item);
    if (result > S_FALSE)
      fail("AddItem gave 0x%08x", (unsigned)result);
    if (stream != NULL && result == S_OK)
      stream->accepted = 1;
  }
  else
  {
    size_t size = one_in(random, 40) ? (size_t)-1 : below(random, 1000);
    HRESULT result = ParallelStreamQueue_AddStream(queue, one_in(random, 40) ? NULL : pool, size, any_name(random));
    if (result == S_OK && size == (size_t)-1)
      fail("AddStream took more than all memory");
  }
}

static void start_queue(Sequence *sequence, Slot *slot, void *queue)
{
  Random *random = &sequence->random;
  void *compressor = ParallelStreamQueue_GetCompressor(queue);
  Run *run = new_run(sequence, slot, compressor);
  HRESULT result;
  if (run == NULL)
    return;
  run->queue = queue;
  if (one_in(random, 3))
    set_callbacks(run);
  if (one_in(random, 3))
  {
    run->path = any_output(random);
    result = ParallelStreamQueue_StartProcessing(queue, run->path);
  }
  else
  {
    set_output(run, !one_in(random, 10));
    if (one_in(random, 30))
      run->settings.NumItems = 1;
    if (one_in(random, 30))
      run->settings.NextItems = on_next_items;
    result = ParallelStreamQueue_Start(queue, one_in(random, 60) ? NULL : &run->settings);
  }
  if (result > S_OK)
    fail("a start gave 0x%08x", (unsigned)result);
  if (result == S_OK && queue == slot->handle)
    slot->run = run;
}

static void use_queue(Sequence *sequence)
{
  Slot *slot = any_slot(sequence, QUEUE);
  void *handle = argument(sequence, slot);
  HRESULT result;
  if (slot->handle == NULL)
  {
    set_slot_handle(sequence, slot, ParallelStreamQueue_Create());
    if (slot->handle == NULL)
      fail("no queue");
    return;
  }
  switch (below(&sequence->random, 16))
  {
    case 0:
      ParallelStreamQueue_Destroy(handle);
      if (handle == slot->handle)
        set_slot_handle(sequence, slot, NULL);
      break;
    case 1:
      ParallelStreamQueue_SetMaxQueueSize(handle,
          one_in(&sequence->random, 4) ? odd_number(&sequence->random) : 1 + below(&sequence->random, 8));
      break;
    case 2: query(&sequence->random, handle); break;
    case 3: case 4: start_queue(sequence, slot, handle); break;
    case 5:
      result = ParallelStreamQueue_WaitForCompletion(handle);
      if (result > S_FALSE)
        fail("WaitForCompletion gave 0x%08x", (unsigned)result);
      if (handle == slot->handle && slot->run != NULL)
      {
        Run *run = slot->run;
        slot->run = NULL;
        if (result != E_INVALIDARG) /* the meddler may have destroyed it */
        {
          if (slot->added != NULL)
            check_closed(slot->added);
          check_output(sequence, run, result);
        }
      }
      break;
    case 6: ParallelCompressor_Cancel(ParallelStreamQueue_GetCompressor(handle)); break;
    case 7: case 8:
      /* What is set while it runs must not count for the run. */
      set_something(sequence, slot, ParallelStreamQueue_GetCompressor(handle), handle == slot->handle);
      break;
    case 9: ParallelCompressor_Destroy(ParallelStreamQueue_GetCompressor(handle)); break;
    default: add_to_queue(sequence, slot, handle); break;
  }
}

/* ---- Reading ---- */

static HRESULT take_piece(void *user_data, const void *data, UInt32 size, UInt32 *processed)
{
  UInt32 *lie = (UInt32 *)user_data;
  if (size == 0 || data == NULL)
    fail("an empty piece");
  switch (*lie)
  {
    case 1: *processed = 0; return S_OK;
    case 2: *processed = size + 1; return S_OK;
    case 3: return E_FAIL;
    case 4: return S_FALSE;
    default: *processed = 1 + size / 2; return S_OK;
  }
}

static void open_something(Sequence *sequence, Slot *slot)
{
  Random *random = &sequence->random;
  ParallelArchiveHandle archive = sequence;
  HRESULT result;
  if (sequence->blobs_used > 0 && !one_in(random, 6))
  {
    const Blob *blob = &sequence->blobs[below(random, sequence->blobs_used)];
    Byte *data = blob->data;
    size_t size = blob->size;
    const wchar_t *password = one_in(random, 6) ? any_name(random) : blob->secret.password;
    if (blob->secret.kind == PASSWORD && one_in(random, 2))
      password = NULL;
    if (one_in(random, 3) && sequence->blobs_used < MAX_BLOBS)
    {
      /* A damaged copy. */
      Blob *copy = &sequence->blobs[sequence->blobs_used];
      UInt32 flips = 1 + below(random, 4);
      copy->data = (Byte *)allocate(size + 1);
      memcpy(copy->data, data, size);
      if (one_in(random, 3))
        size = below(random, (UInt32)size);
      while (flips-- > 0 && size > 0)
        copy->data[below(random, (UInt32)size)] ^= (Byte)(1u << below(random, 8));
      data = copy->data;
      copy->size = 0; /* not to be opened as a good one */
      copy->from_library = 0;
      sequence->blobs_used++;
    }
    if (blob->size == 0)
      size = 0;
    result = ParallelArchive_OpenMemory(one_in(random, 60) ? NULL : data, one_in(random, 60) ? 0 : size, password,
        one_in(random, 60) ? NULL : &archive);
  }
  else if (one_in(random, 2))
    result = ParallelArchive_Open(any_output(random), one_in(random, 8) ? L"x" : NULL, &archive);
  else
    result = ParallelArchive_OpenWithKey(any_output(random), one_in(random, 4) ? NULL : pool,
        one_in(random, 4) ? odd_number(random) : 32, &archive);
  if (result > S_OK)
    fail("Open gave 0x%08x", (unsigned)result);
  if (result == S_OK)
    set_slot_handle(sequence, slot, archive);
  else if (archive != NULL && archive != sequence)
    fail("a handle of an archive that was not opened");
}

static void extract_something(Sequence *sequence, void *archive, int test)
{
  static const wchar_t *const places[] = { L"extracted", L"sub/extracted", L"", NULL, L"input", lone_high };
  Random *random = &sequence->random;
  Slot unused;
  Run *run;
  ParallelExtractC options;
  UInt32 indices[4];
  HRESULT result;
  memset(&unused, 0, sizeof(unused));
  run = new_run(sequence, &unused, archive);
  if (run == NULL)
    return;
  memset(&options, 0, sizeof(options));
  options.StructSize = one_in(random, 20) ? odd_number(random) : (UInt32)sizeof(options);
  options.NumThreads = one_in(random, 20) ? odd_number(random) : below(random, 4);
  options.Overwrite = one_in(random, 20) ? odd_number(random) : below(random, 4);
  if (one_in(random, 3))
  {
    UInt32 i;
    for (i = 0; i < 4; i++)
      indices[i] = one_in(random, 8) ? odd_number(random) : below(random, 6);
    options.NumIndices = below(random, 5);
    options.Indices = indices;
  }
  else if (one_in(random, 20))
    options.NumIndices = odd_number(random); /* without indices */
  if (one_in(random, 2))
    options.OnEvent = on_event;
  options.UserData = run;
  if (test)
    result = ParallelArchive_Test(archive, one_in(random, 2) ? NULL : &options);
  else
    result = ParallelArchive_Extract(archive, places[below(random, sizeof(places) / sizeof(places[0]))],
        one_in(random, 4) ? NULL : &options);
  if (result > S_FALSE)
    fail("Extract or Test gave 0x%08x", (unsigned)result);
}

static void use_archive(Sequence *sequence)
{
  Random *random = &sequence->random;
  Slot *slot = any_slot(sequence, ARCHIVE);
  void *handle = argument(sequence, slot);
  if (slot->handle == NULL)
  {
    open_something(sequence, slot);
    return;
  }
  switch (below(random, 10))
  {
    case 0: case 1:
      ParallelArchive_Close(handle);
      if (handle == slot->handle)
        set_slot_handle(sequence, slot, NULL);
      break;
    case 2: case 3:
    {
      ParallelEntryC entry;
      UInt32 count = 0;
      memset(&entry, 0, sizeof(entry));
      entry.StructSize = one_in(random, 20) ? odd_number(random) : (UInt32)sizeof(entry);
      ParallelArchive_GetNumEntries(handle, &count);
      ParallelArchive_GetEntry(handle, one_in(random, 10) ? odd_number(random) : below(random, count + 1),
          one_in(random, 60) ? NULL : &entry);
      break;
    }
    case 4: case 5:
    {
      void *buffer = sequence;
      size_t size = 1;
      HRESULT result = ParallelArchive_ReadEntry(handle, below(random, 6), one_in(random, 2) ? 0 : below(random, 500),
          &buffer, &size);
      if (result > S_OK || (result != S_OK && (buffer != NULL || size != 0)))
        fail("ReadEntry gave 0x%08x and %p", (unsigned)result, buffer);
      if (result == S_OK)
        ParallelCompressor_FreeMemory(buffer);
      result = ParallelArchive_ReadEntry(handle, 0, 0, NULL, one_in(random, 2) ? NULL : &size);
      if (result == S_OK)
        fail("ReadEntry into nothing");
      break;
    }
    case 6:
    {
      UInt32 lie = below(random, 8);
      ParallelArchive_ReadEntryTo(handle, below(random, 6), one_in(random, 30) ? NULL : take_piece, &lie);
      break;
    }
    case 7: extract_something(sequence, handle, 0); break;
    case 8: extract_something(sequence, handle, 1); break;
    default: ParallelArchive_Cancel(handle); break;
  }
}

/* ---- The sequence ---- */

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *walk)
{
  (void)status;
  (void)type;
  return walk->level == 0 ? 0 : remove(path);
}

/* Empties the work directory, and looks whether anything came out of it. */
static void clean_up(void)
{
  FILE *file;
  nftw(".", remove_one, 16, FTW_DEPTH | FTW_PHYS);
  if (access("../evil", F_OK) == 0 || access("/par7z-fuzz-evil", F_OK) == 0)
    fail("something was written outside");
  file = fopen("input", "wb");
  if (file == NULL || fwrite(pool, 1, 3000, file) != 3000 || fclose(file) != 0)
    fail("cannot write the input file");
}

static void end_sequence(Sequence *sequence)
{
  UInt32 i;
  if (sequence->has_meddler)
  {
    pthread_mutex_lock(&sequence->lock);
    sequence->stop = 1;
    pthread_mutex_unlock(&sequence->lock);
    pthread_join(sequence->meddler, NULL);
  }
  for (i = 0; i < SLOTS; i++)
    switch (sequence->slots[i].kind)
    {
      case COMPRESSOR: ParallelCompressor_Destroy(sequence->slots[i].handle); break;
      case QUEUE: ParallelStreamQueue_Destroy(sequence->slots[i].handle); break;
      default: ParallelArchive_Close(sequence->slots[i].handle); break;
    }
  for (i = 0; i < sequence->runs_used; i++)
  {
    check_closed(sequence->runs[i]);
    pthread_mutex_destroy(&sequence->runs[i]->lock);
    free(sequence->runs[i]->output);
    free(sequence->runs[i]);
  }
  for (i = 0; i < sequence->blobs_used; i++)
    if (sequence->blobs[i].from_library)
      ParallelCompressor_FreeMemory(sequence->blobs[i].data);
    else
      free(sequence->blobs[i].data);
  pthread_mutex_destroy(&sequence->lock);
}

static void run_sequence(UInt64 seed, UInt32 number)
{
  static const Kind kinds[SLOTS] = { COMPRESSOR, COMPRESSOR, COMPRESSOR, COMPRESSOR, QUEUE, QUEUE, QUEUE, ARCHIVE,
    ARCHIVE, ARCHIVE };
  Sequence *sequence = (Sequence *)allocate(sizeof(*sequence));
  UInt32 calls, i;
  sequence->random.state = seed * 0x100000001B3u + number;
  for (i = 0; i < SLOTS; i++)
    sequence->slots[i].kind = kinds[i];
  if (pthread_mutex_init(&sequence->lock, NULL) != 0)
    fail("no mutex");
  sequence->meddling.state = any(&sequence->random);
  sequence->has_meddler = one_in(&sequence->random, 8);
  if (sequence->has_meddler && pthread_create(&sequence->meddler, NULL, meddle, sequence) != 0)
    fail("no thread");
  calls = 5 + below(&sequence->random, 40);
  for (i = 0; i < calls; i++)
    switch (below(&sequence->random, 10))
    {
      case 0: case 1: case 2: case 3: use_compressor(sequence); break;
      case 4: case 5: case 6: use_queue(sequence); break;
      case 7: case 8: use_archive(sequence); break;
      default:
        if (ParallelCompress_GetVersionNumber() == 0 || strlen(ParallelCompress_GetVersion()) < 5)
          fail("no version");
        ParallelCompressor_FreeMemory(NULL);
        break;
    }
  end_sequence(sequence);
  free(sequence);
}

int main(int argc, char **argv)
{
  UInt32 first, count, i;
  if (argc < 4 || argc > 5)
  {
    fprintf(stderr, "usage: %s SEED COUNT DIRECTORY [FIRST]\n", argv[0]);
    return 2;
  }
  seed_now = strtoull(argv[1], NULL, 0);
  count = (UInt32)strtoul(argv[2], NULL, 0);
  first = argc > 4 ? (UInt32)strtoul(argv[4], NULL, 0) : 0;
  if (chdir(argv[3]) != 0 || (mkdir("work", 0777) != 0 && access("work", W_OK) != 0) || chdir("work") != 0)
    fail("cannot work in %s", argv[3]);
  signal(SIGALRM, hung);
  make_pool();
  for (i = first; i < first + count; i++)
  {
    sequence_now = i;
    alarm(SECONDS_FOR_A_SEQUENCE);
    clean_up();
    run_sequence(seed_now, i);
  }
  clean_up();
  if (remove("input") != 0 || chdir("..") != 0 || rmdir("work") != 0)
    fail("cannot remove the work directory");
  printf("fuzz: seed %llu, %u sequences, %llu archives made and checked\n", (unsigned long long)seed_now,
      (unsigned)count, (unsigned long long)archives_checked);
  return 0;
}
