/* layout.cpp - sizes, offsets, GUIDs and the order of methods that clients of the C++ interfaces rely on. */

#include "ParallelCompressor.h"

#include <stdio.h>
#include <string.h>

#if UINTPTR_MAX == UINT64_MAX
static_assert(sizeof(CMyComPtr<ISequentialInStream>) == 8, "CMyComPtr is a pointer");
static_assert(sizeof(CParallelInputItem) == 48, "CParallelInputItem");
static_assert(offsetof(CParallelInputItem, InStream) == 0, "InStream");
static_assert(offsetof(CParallelInputItem, Name) == 8, "Name");
static_assert(offsetof(CParallelInputItem, Size) == 16, "Size");
static_assert(offsetof(CParallelInputItem, Attributes) == 24, "Attributes");
static_assert(offsetof(CParallelInputItem, ModificationTime) == 28, "ModificationTime");
static_assert(offsetof(CParallelInputItem, UserData) == 40, "UserData");

static_assert(sizeof(ParallelInputItemC) == 48, "ParallelInputItemC");
static_assert(offsetof(ParallelInputItemC, FilePath) == 16, "FilePath");
static_assert(offsetof(ParallelInputItemC, UserData) == 40, "UserData");
#endif

static_assert(sizeof(GUID) == 16, "GUID");
static_assert(sizeof(FILETIME) == 8, "FILETIME");
static_assert(sizeof(HRESULT) == 4, "HRESULT");

static_assert(sizeof(CParallelStatistics) == 72, "CParallelStatistics");
static_assert(offsetof(CParallelStatistics, ItemsInProgress) == 12, "ItemsInProgress");
static_assert(offsetof(CParallelStatistics, TotalInSize) == 16, "TotalInSize");
static_assert(offsetof(CParallelStatistics, FilesPerSecond) == 40, "FilesPerSecond");
static_assert(offsetof(CParallelStatistics, EstimatedTimeRemainingMs) == 56, "EstimatedTimeRemainingMs");
static_assert(offsetof(CParallelStatistics, CompressionRatioX100) == 64, "CompressionRatioX100");
static_assert(offsetof(CParallelStatistics, ActiveThreads) == 68, "ActiveThreads");

static int g_numErrors = 0;

static void Check(bool good, const char *what)
{
  if (good)
    return;
  fprintf(stderr, "layout: %s\n", what);
  g_numErrors++;
}

static bool IsIid(const GUID &iid, Byte group, Byte id)
{
  // {23170F69-40C1-278A-0000-00gg00nn0000} as it lies in a little-endian machine's memory.
  const Byte bytes[16] = { 0x69, 0x0F, 0x17, 0x23, 0xC1, 0x40, 0x8A, 0x27, 0, 0, 0, group, 0, id, 0, 0 };
  return memcmp(&iid, bytes, sizeof(bytes)) == 0;
}

/* Calls the method at a place in an object's table of methods, as a client that was compiled elsewhere would. */
template <class TFunction>
static TFunction MethodAt(void *object, unsigned slot)
{
  void **methods = *static_cast<void ***>(object);
  TFunction function;
  memcpy(&function, &methods[slot], sizeof(function));
  return function;
}

static void CheckSlots()
{
  CMyComPtr<IParallelCompressor> compressor = new CParallelCompressor;
  IParallelCompressor *object = compressor;
  typedef HRESULT (STDMETHODCALLTYPE *QueryFunction)(void *, const GUID *, void **);
  typedef HRESULT (STDMETHODCALLTYPE *StatsFunction)(void *, CParallelStatistics *);
  typedef HRESULT (STDMETHODCALLTYPE *MethodFunction)(void *, const CMethodId *);
  typedef HRESULT (STDMETHODCALLTYPE *CompressFunction)(void *, CParallelInputItem *, UInt32, void *, void *);
  typedef HRESULT (STDMETHODCALLTYPE *StreamFunction)(void *, void *, const wchar_t *, UInt64);

  void *found = NULL;
  Check(MethodAt<QueryFunction>(object, 0)(object, &IID_IParallelCompressor, &found) == S_OK && found == object,
      "slot 0 is QueryInterface");
  if (found)
    object->Release();
  Check(MethodAt<QueryFunction>(object, 0)(object, &IID_IParallelStreamQueue, &found) == E_NOINTERFACE && !found,
      "QueryInterface for an interface that is not there");
  Check(MethodAt<MethodFunction>(object, 6)(object, NULL) == E_INVALIDARG, "slot 6 is SetCompressionMethod");
  Check(MethodAt<CompressFunction>(object, 14)(object, NULL, 0, NULL, NULL) == E_INVALIDARG,
      "slot 14 is CompressMultiple");
  Check(MethodAt<StatsFunction>(object, 16)(object, NULL) == E_POINTER, "slot 16 is GetDetailedStatistics");

  CMyComPtr<IParallelStreamQueue> queue = new CParallelStreamQueue;
  IParallelStreamQueue *queueObject = queue;
  Check(MethodAt<StreamFunction>(queueObject, 3)(queueObject, NULL, L"a", 0) == E_INVALIDARG, "slot 3 is AddStream");
}

/* &v[0] is an array, also after growth. */
static void CheckVector()
{
  CObjectVector<CParallelInputItem> items;
  CParallelInputItem &first = items.AddNew();
  for (UInt64 i = 1; i < 256; i++)
    items.AddNew().Size = i;
  Check(&first == &items[0], "references stay valid up to 256 items");
  for (UInt64 i = 256; i < 1000; i++)
  {
    CParallelInputItem item;
    item.Size = i;
    items.Add(item);
  }
  const CParallelInputItem *array = &items[0];
  for (unsigned i = 0; i < items.Size(); i++)
    Check(array[i].Size == i, "the array's order");
  items.Delete(0);
  items.DeleteFrom(10);
  items.DeleteFrontal(2);
  items.DeleteBack();
  Check(items.Size() == 7 && items.Front().Size == 3 && items.Back().Size == 9, "deleting");
  const CObjectVector<CParallelInputItem> copy = items;
  items += items;
  Check(items.Size() == 14 && items[13].Size == copy.Back().Size, "copying and appending");
  items.Clear();
  Check(items.IsEmpty() && !copy.IsEmpty(), "clearing");
}

int main()
{
  Check(IsIid(IID_IParallelCompressCallback, 4, 0xA1), "IID_IParallelCompressCallback");
  Check(IsIid(IID_IParallelCompressor, 4, 0xA2), "IID_IParallelCompressor");
  Check(IsIid(IID_IParallelStreamQueue, 4, 0xA3), "IID_IParallelStreamQueue");
  Check(IsIid(IID_IParallelCompressCallback2, 4, 0xA4), "IID_IParallelCompressCallback2");
#ifndef PAR7Z_7ZIP_TREE
  Check(IsIid(IID_ISequentialInStream, 3, 1), "IID_ISequentialInStream");
  Check(IsIid(IID_IOutStream, 3, 4), "IID_IOutStream");
  Check(IsIid(IID_ICompressProgressInfo, 4, 4), "IID_ICompressProgressInfo");
  Check(IsIid(IID_ICompressCoder, 4, 5), "IID_ICompressCoder");
#endif
  CheckSlots();
  CheckVector();
  printf("layout: %d errors\n", g_numErrors);
  return g_numErrors != 0;
}
