/* snippets.c - the C example of the API's documentation, as it is printed there, and the same with the five arguments
   of SetCallbacks. Compiled as C and as C++. Run in a directory of its own: it writes output.7z. */

#include "ParallelCompressAPI.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void MyProgressCallback(UInt32 itemIndex, UInt64 inSize, UInt64 outSize, void *userData);
void MyErrorCallback(UInt32 itemIndex, HRESULT errorCode, const wchar_t *message, void *userData);
HRESULT MyLookAheadCallback(UInt32 currentIndex, UInt32 lookAheadCount, ParallelInputItemC *items,
    UInt32 *itemsReturned, void *userData);

static const void *dataBuffers[10];
static size_t dataSizes[10];
static char text[1000];

/* The printed example; only the callbacks differ. */
static HRESULT printed_example(void *userData, int with_look_ahead)
{
  ParallelInputItemC items[10];
  memset(items, 0xA5, sizeof(items)); /* the example leaves the other fields as they are: make that as bad as can be */
  for (int i = 0; i < 10; i++)
  {
    items[i].Data = dataBuffers[i];
    items[i].DataSize = dataSizes[i];
    items[i].Name = L"item_name";
  }
  ParallelCompressorHandle compressor = ParallelCompressor_Create();
  ParallelCompressor_SetNumThreads(compressor, 4);
  ParallelCompressor_SetCompressionLevel(compressor, 5);
  if (with_look_ahead)
    ParallelCompressor_SetCallbacks(compressor, MyProgressCallback, MyErrorCallback, MyLookAheadCallback, userData);
  else
    ParallelCompressor_SetCallbacks(compressor, MyProgressCallback, MyErrorCallback, userData);
  HRESULT hr = ParallelCompressor_CompressMultiple(compressor, items, 10, L"output.7z");
  ParallelCompressor_Destroy(compressor);
  return hr;
}

/* Forms of the call that clients write: NULL for any of the callbacks. */
static int null_callbacks(void)
{
  ParallelCompressorHandle compressor = ParallelCompressor_Create();
  int failed = 0;
  failed |= ParallelCompressor_SetCallbacks(compressor, NULL, NULL, NULL, NULL) != S_OK;
  failed |= ParallelCompressor_SetCallbacks(compressor, MyProgressCallback, NULL, NULL) != S_OK;
  failed |= ParallelCompressor_SetCallbacks(compressor, NULL, MyErrorCallback, NULL, compressor) != S_OK;
  failed |= ParallelCompressor_SetCallbacks(compressor, NULL, NULL, compressor) != S_OK;
  failed |= (ParallelCompressor_SetCallbacks)(compressor, NULL, NULL, MyLookAheadCallback, NULL) != S_OK;
  ParallelCompressor_Destroy(compressor);
  return failed;
}

typedef struct
{
  UInt32 finished[16], failed, handed_over;
} Counts;

void MyProgressCallback(UInt32 itemIndex, UInt64 inSize, UInt64 outSize, void *userData)
{
  (void)outSize;
  if (itemIndex < 16)
    ((Counts *)userData)->finished[itemIndex] = (UInt32)inSize; /* each item has a place of its own: no lock */
}

void MyErrorCallback(UInt32 itemIndex, HRESULT errorCode, const wchar_t *message, void *userData)
{
  fprintf(stderr, "item %u: 0x%08x %ls\n", (unsigned)itemIndex, (unsigned)errorCode, message);
  ((Counts *)userData)->failed++;
}

/* Three more items, two at a time at the most. */
HRESULT MyLookAheadCallback(UInt32 currentIndex, UInt32 lookAheadCount, ParallelInputItemC *items,
    UInt32 *itemsReturned, void *userData)
{
  Counts *counts = (Counts *)userData;
  UInt32 i;
  if (currentIndex != counts->handed_over || lookAheadCount == 0)
    return E_FAIL;
  for (i = 0; i < lookAheadCount && i < 2 && counts->handed_over < 3; i++)
  {
    items[i].Data = text;
    items[i].DataSize = 100;
    items[i].Name = L"one more";
    counts->handed_over++;
  }
  *itemsReturned = i;
  return S_OK;
}

/* Whether the archive has so many entries and all of them are good. */
static int archive_is_good(UInt32 wanted)
{
  ParallelArchiveHandle archive;
  UInt32 count = 0;
  int good = ParallelArchive_Open(L"output.7z", NULL, &archive) == S_OK
      && ParallelArchive_GetNumEntries(archive, &count) == S_OK && count == wanted
      && ParallelArchive_Test(archive, NULL) == S_OK;
  ParallelArchive_Close(archive);
  return good;
}

static int check(const char *what, int condition)
{
  if (!condition)
    fprintf(stderr, "snippets: does not hold: %s (last error: %ls)\n", what, ParallelCompress_GetLastErrorMessage());
  return condition ? 0 : 1;
}

int main(void)
{
  Counts counts;
  int failed = 0, i;
  memset(text, 'a', sizeof(text));
  for (i = 0; i < 10; i++)
  {
    dataBuffers[i] = text;
    dataSizes[i] = (size_t)i * 100;
  }

  memset(&counts, 0, sizeof(counts));
  failed += check("the printed example gives S_OK", printed_example(&counts, 0) == S_OK);
  failed += check("its archive holds 10 items", archive_is_good(10));
  failed += check("each item's progress was told", counts.finished[1] == 100 && counts.finished[9] == 900);
  failed += check("no item failed", counts.failed == 0);

  memset(&counts, 0, sizeof(counts));
  failed += check("with look-ahead it gives S_OK", printed_example(&counts, 1) == S_OK);
  failed += check("its archive holds 13 items", archive_is_good(13));
  failed += check("the numbering goes on", counts.handed_over == 3 && counts.finished[12] == 100);

  failed += check("callbacks may be NULL", null_callbacks() == 0);
  if (failed == 0)
    printf("snippets: done\n");
  return failed != 0;
}
