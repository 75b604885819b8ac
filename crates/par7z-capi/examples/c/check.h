/* check.h - what the examples share: a check that ends the program with a message, paths, files, and some text.

   Every example is also a test. It gets a directory, writes its archives there, and beside ARCHIVE the directory
   ARCHIVE.expected with what must come out of it (and ARCHIVE.password, where it takes one); scripts/test-capi.sh
   extracts each archive with 7-Zip and compares. Include this file first: it asks for POSIX. */

#ifndef EXAMPLES_CHECK_H
#define EXAMPLES_CHECK_H

#ifndef _POSIX_C_SOURCE
#define _POSIX_C_SOURCE 200809L
#endif

#include "ParallelCompressAPI.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Ends the program unless the condition holds. */
#define CHECK(condition) \
  do { if (!(condition)) check_failed(__FILE__, __LINE__, #condition); } while (0)

/* Ends the program unless the call gives that result. */
#define CHECK_RESULT(call, wanted) check_result(__FILE__, __LINE__, #call, (call), (wanted))

static inline void check_failed(const char *file, int line, const char *what)
{
  fprintf(stderr, "%s:%d: does not hold: %s\n", file, line, what);
  exit(1);
}

static inline void check_result(const char *file, int line, const char *call, HRESULT got, HRESULT wanted)
{
  if (got == wanted)
    return;
  fprintf(stderr, "%s:%d: %s\n  gave 0x%08lx, not 0x%08lx; last error: %ls\n", file, line, call,
      (unsigned long)(UInt32)got, (unsigned long)(UInt32)wanted, ParallelCompress_GetLastErrorMessage());
  exit(1);
}

/* ---- Paths ---- */

#define PATH_CHARS 1024

static inline const char *join_path(char path[PATH_CHARS], const char *directory, const char *name)
{
  CHECK(snprintf(path, PATH_CHARS, "%s/%s", directory, name) < PATH_CHARS);
  return path;
}

/* The same for the API. The directory is taken to be ASCII; a real program converts with its locale. */
static inline const wchar_t *join_wide(wchar_t path[PATH_CHARS], const char *directory, const char *name)
{
  CHECK(swprintf(path, PATH_CHARS, L"%s/%s", directory, name) > 0);
  return path;
}

/* ---- Files ---- */

static inline void write_file(const char *path, const void *data, size_t size)
{
  FILE *file = fopen(path, "wb");
  CHECK(file != NULL);
  CHECK(fwrite(data, 1, size, file) == size);
  CHECK(fclose(file) == 0);
}

/* The content, to be freed. */
static inline unsigned char *read_file(const char *path, size_t *size)
{
  FILE *file = fopen(path, "rb");
  unsigned char *data;
  long end;
  CHECK(file != NULL);
  CHECK(fseek(file, 0, SEEK_END) == 0);
  end = ftell(file);
  CHECK(end >= 0 && fseek(file, 0, SEEK_SET) == 0);
  data = (unsigned char *)malloc((size_t)end + 1);
  CHECK(data != NULL);
  CHECK(fread(data, 1, (size_t)end, file) == (size_t)end);
  fclose(file);
  *size = (size_t)end;
  return data;
}

static inline int exists(const char *path)
{
  struct stat status;
  return stat(path, &status) == 0;
}

/* directory/archive.expected/name with this content; '/' in the name makes directories. */
static inline void expect_entry(const char *directory, const char *archive, const char *name, const void *data,
    size_t size)
{
  char path[PATH_CHARS];
  size_t at;
  CHECK(snprintf(path, sizeof(path), "%s/%s.expected/%s", directory, archive, name) < PATH_CHARS);
  for (at = strlen(directory) + 1; path[at] != 0; at++)
    if (path[at] == '/')
    {
      path[at] = 0;
      CHECK(mkdir(path, 0777) == 0 || errno == EEXIST);
      path[at] = '/';
    }
  write_file(path, data, size);
}

/* ---- Content ---- */

/* A pseudo-random number; each state goes its own way. */
static inline UInt32 next_random(UInt32 *state)
{
  *state = *state * 1664525u + 1013904223u;
  return *state >> 8;
}

/* Text that compresses about as well as prose does; each seed gives another. */
static inline void fill_text(char *text, size_t size, UInt32 seed)
{
  static const char *const words[] = { "the ", "stream ", "of ", "every ", "archive ", "begins ", "and ", "one ",
    "thread ", "waits ", "for ", "another; ", "queue ", "full ", "block. ", "written\n" };
  UInt32 state = seed * 2654435761u + 1;
  size_t at = 0;
  while (at < size)
  {
    const char *word = words[next_random(&state) % (sizeof(words) / sizeof(words[0]))];
    for (; *word != 0 && at < size; word++)
      text[at++] = *word;
  }
}

/* Bytes that do not compress. */
static inline void fill_noise(unsigned char *data, size_t size, UInt32 seed)
{
  UInt32 state = seed * 2654435761u + 1;
  size_t at;
  for (at = 0; at < size; at++)
    data[at] = (unsigned char)(next_random(&state) >> 7);
}

/* The one argument of every example. */
static inline const char *directory_argument(int argc, char **argv)
{
  if (argc != 2)
  {
    fprintf(stderr, "usage: %s DIRECTORY\n", argv[0]);
    exit(2);
  }
  CHECK(mkdir(argv[1], 0777) == 0 || errno == EEXIST);
  return argv[1];
}

#endif
