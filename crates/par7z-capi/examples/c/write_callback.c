/* write_callback.c - the archive goes anywhere through a Write callback: without Seek it comes in order, from begin to
   end; with Seek it is written as it is made, and its first bytes last. */

#include "check.h"

#define COUNT 20
#define ITEM_SIZE 10000
#define BEFORE 64   /* bytes that stand before the archive in the seekable output */

/* An output in memory. */
typedef struct
{
  unsigned char *data;
  size_t capacity, size, position;
} Output;

static HRESULT write_output(void *user_data, const void *data, UInt32 size, UInt32 *processed)
{
  Output *output = (Output *)user_data;
  UInt32 piece = size < 1000 ? size : 1000; /* less than asked for is fine */
  if (output->position + piece > output->capacity)
    return E_OUTOFMEMORY;
  memcpy(output->data + output->position, data, piece);
  output->position += piece;
  if (output->size < output->position)
    output->size = output->position;
  *processed = piece;
  return S_OK;
}

static HRESULT seek_output(void *user_data, Int64 offset, UInt32 origin, UInt64 *new_position)
{
  Output *output = (Output *)user_data;
  Int64 base = origin == 0 ? 0 : origin == 1 ? (Int64)output->position : (Int64)output->size;
  if (origin > 2 || base + offset < 0 || (UInt64)(base + offset) > output->capacity)
    return E_INVALIDARG;
  output->position = (size_t)(base + offset);
  if (new_position != NULL)
    *new_position = output->position;
  return S_OK;
}

static HRESULT set_output_size(void *user_data, UInt64 size)
{
  Output *output = (Output *)user_data;
  if (size > output->capacity)
    return E_INVALIDARG;
  output->size = (size_t)size;
  return S_OK;
}

static HRESULT write_nothing(void *user_data, const void *data, UInt32 size, UInt32 *processed)
{
  (void)user_data;
  (void)data;
  (void)size;
  (void)processed;
  return (HRESULT)(0x88000000u | ENOSPC);
}

int main(int argc, char **argv)
{
  const char *directory = directory_argument(argc, argv);
  static char texts[COUNT][ITEM_SIZE];
  static wchar_t names[COUNT][16];
  static ParallelItemC items[COUNT];
  static unsigned char room[2][COUNT * ITEM_SIZE];
  Output in_order = { room[0], sizeof(room[0]), 0, 0 };
  Output seekable = { room[1], sizeof(room[1]), BEFORE, BEFORE };
  ParallelCompressorHandle compressor = ParallelCompressor_Create();
  ParallelArchiveHandle archive;
  ParallelRunC run;
  char path[PATH_CHARS];
  int i;

  for (i = 0; i < COUNT; i++)
  {
    char name[16];
    fill_text(texts[i], ITEM_SIZE, (UInt32)i);
    snprintf(name, sizeof(name), "%02d.txt", i);
    swprintf(names[i], 16, L"%s", name);
    items[i].StructSize = sizeof(items[i]);
    items[i].Data = texts[i];
    items[i].DataSize = ITEM_SIZE;
    items[i].Name = names[i];
    expect_entry(directory, "in_order.7z", name, texts[i], ITEM_SIZE);
    expect_entry(directory, "seekable.7z", name, texts[i], ITEM_SIZE);
  }
  memset(&run, 0, sizeof(run));
  run.StructSize = sizeof(run);
  run.Items = items;
  run.NumItems = COUNT;
  run.Write = write_output;
  CHECK_RESULT(ParallelCompressor_SetNumThreads(compressor, 2), S_OK);

  run.UserData = &in_order;
  CHECK_RESULT(ParallelCompressor_Run(compressor, &run), S_OK);
  write_file(join_path(path, directory, "in_order.7z"), in_order.data, in_order.size);

  run.Seek = seek_output;
  run.SetSize = set_output_size;
  run.UserData = &seekable;
  CHECK_RESULT(ParallelCompressor_Run(compressor, &run), S_OK);
  for (i = 0; i < BEFORE; i++)
    CHECK(seekable.data[i] == 0);
  write_file(join_path(path, directory, "seekable.7z"), seekable.data + BEFORE, seekable.size - BEFORE);

  /* Read again from memory. */
  CHECK_RESULT(ParallelArchive_OpenMemory(in_order.data, in_order.size, NULL, &archive), S_OK);
  CHECK_RESULT(ParallelArchive_Test(archive, NULL), S_OK);
  ParallelArchive_Close(archive);

  /* An output that fails ends the run with its own code. */
  run.Write = write_nothing;
  run.Seek = NULL;
  run.SetSize = NULL;
  CHECK_RESULT(ParallelCompressor_Run(compressor, &run), (HRESULT)(0x88000000u | ENOSPC));
  ParallelCompressor_Destroy(compressor);
  printf("write_callback: %lu bytes of archive\n", (unsigned long)in_order.size);
  return 0;
}
