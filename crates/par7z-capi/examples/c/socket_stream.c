/* socket_stream.c - streams from the network: items whose bytes a Read callback takes from a socket.
   Threads at the other end send in pieces, as a server does; nobody knows the sizes beforehand. */

#include "check.h"

#include <pthread.h>
#include <sys/socket.h>

#define STREAMS 6

typedef struct
{
  int sender, receiver;   /* the two ends */
  char *body;
  size_t size;
  int closed;             /* how often Close came */
} Stream;

static void *send_body(void *argument)
{
  Stream *stream = (Stream *)argument;
  size_t sent = 0;
  while (sent < stream->size)
  {
    size_t piece = stream->size - sent < 1500 ? stream->size - sent : 1500;
    ssize_t done = write(stream->sender, stream->body + sent, piece);
    CHECK(done > 0);
    sent += (size_t)done;
  }
  close(stream->sender);
  return NULL;
}

/* ParallelReadCallback: what has arrived, be it less than asked for. 0 bytes are the end. */
static HRESULT read_socket(void *user_data, void *data, UInt32 size, UInt32 *processed)
{
  ssize_t got = read(((Stream *)user_data)->receiver, data, size);
  if (got < 0)
    return (HRESULT)(0x88000000u | (UInt32)errno);
  *processed = (UInt32)got;
  return S_OK;
}

static void close_socket(void *user_data)
{
  Stream *stream = (Stream *)user_data;
  close(stream->receiver);
  stream->closed++;
}

int main(int argc, char **argv)
{
  const char *directory = directory_argument(argc, argv);
  static const wchar_t *const names[STREAMS] = { L"log/0", L"log/1", L"log/2", L"log/3", L"log/4", L"log/5" };
  Stream streams[STREAMS];
  pthread_t senders[STREAMS];
  ParallelItemC items[STREAMS];
  ParallelRunC run;
  ParallelCompressorHandle compressor = ParallelCompressor_Create();
  wchar_t output[PATH_CHARS];
  int i;

  memset(items, 0, sizeof(items));
  for (i = 0; i < STREAMS; i++)
  {
    char name[32];
    int ends[2];
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
    streams[i].sender = ends[0];
    streams[i].receiver = ends[1];
    streams[i].size = (size_t)i * 50000; /* the first one has no content */
    streams[i].body = (char *)malloc(streams[i].size + 1);
    CHECK(streams[i].body != NULL);
    streams[i].closed = 0;
    fill_text(streams[i].body, streams[i].size, (UInt32)i);
    snprintf(name, sizeof(name), "log/%d", i);
    expect_entry(directory, "streams.7z", name, streams[i].body, streams[i].size);

    items[i].StructSize = sizeof(items[i]);
    items[i].Name = names[i];
    items[i].Read = read_socket;
    items[i].Close = close_socket;
    items[i].UserData = &streams[i];
  }
  for (i = 0; i < STREAMS; i++)
    CHECK(pthread_create(&senders[i], NULL, send_body, &streams[i]) == 0);

  memset(&run, 0, sizeof(run));
  run.StructSize = sizeof(run);
  run.Items = items;
  run.NumItems = STREAMS;
  run.OutputPath = join_wide(output, directory, "streams.7z");
  CHECK_RESULT(ParallelCompressor_SetNumThreads(compressor, 2), S_OK);
  CHECK_RESULT(ParallelCompressor_Run(compressor, &run), S_OK);
  ParallelCompressor_Destroy(compressor);

  for (i = 0; i < STREAMS; i++)
  {
    CHECK(pthread_join(senders[i], NULL) == 0);
    CHECK(streams[i].closed == 1);
    free(streams[i].body);
  }
  printf("socket_stream: done\n");
  return 0;
}
