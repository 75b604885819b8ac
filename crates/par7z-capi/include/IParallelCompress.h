/* IParallelCompress.h - the C++ interfaces of the Parallel Compression API for 7-Zip: items, callbacks, compressor, queue.
   The classes that implement them are in ParallelCompressor.h.

   Works standalone and in 7-Zip's source tree; ParallelCompressCom.h tells how that is found out. C++11 or later.

   For all methods: a HRESULT is S_OK, or as "Result codes" in ParallelCompressAPI.h says. Strings are copied, unless said
   otherwise. Pointers to interfaces are borrowed for the call; whoever keeps one longer takes a reference. */

#ifndef I_PARALLEL_COMPRESS_H
#define I_PARALLEL_COMPRESS_H

#include "ParallelCompressCom.h"

#include <stddef.h>
#include <vector>

typedef UInt64 CMethodId;  /* 7-Zip's number of a method, e.g. 0x030101 for LZMA */

/* ---- Items ---- */

/* An input: a stream and what the archive says of it. */
struct CParallelInputItem
{
  /* Holds a reference, so `item.InStream = new CMyStream` is enough. Read by one thread at a time, not always the same.
     Items may share a stream object: then each gets a part of its bytes, no one can say which.
     NULL with the directory bit (0x10) in Attributes: a directory. */
  CMyComPtr<ISequentialInStream> InStream;
  const wchar_t *Name;        /* in the archive, '/' between its parts */
  UInt64 Size;                /* bytes, if known: serves planning and progress. 0 = unknown. The stream's end decides */
  UInt32 Attributes;          /* Windows attributes; with bit 15 set, the high half is the unix mode. 0 = none */
  FILETIME ModificationTime;  /* (0, 0) = none */
  void *UserData;             /* the client's own */

  CParallelInputItem(): Name(NULL), Size(0), Attributes(0), UserData(NULL)
  {
    ModificationTime.dwLowDateTime = 0;
    ModificationTime.dwHighDateTime = 0;
  }
};

/* The figures of a run; see ParallelStatisticsC. */
typedef ParallelStatisticsC CParallelStatistics;

namespace NCompress {
namespace NParallel {

/* A vector with the methods of 7-Zip's CObjectVector that keeps its objects one after the other in memory, so that
   &v[0] is an array of v.Size() objects; 7-Zip's own allocates each separately.
   Growing moves the objects: a reference from AddNew lives until the size goes beyond the capacity, which is 256 at
   first and then doubles. Reserve(n) before keeps all of n valid. */
template <class T>
class CContiguousVector
{
  static const unsigned kFirstCapacity = 256;
  std::vector<T> _items;

  typename std::vector<T>::iterator At(unsigned index) { return _items.begin() + static_cast<ptrdiff_t>(index); }
public:
  /* The memory is there from the start, so that &v[0] is defined for an empty vector too. */
  CContiguousVector() { _items.reserve(kFirstCapacity); }

  unsigned Size() const { return static_cast<unsigned>(_items.size()); }
  bool IsEmpty() const { return _items.empty(); }
  void Reserve(unsigned capacity) { _items.reserve(capacity); }
  void ReserveOnePosition()
  {
    if (_items.size() == _items.capacity())
      _items.reserve(_items.size() < kFirstCapacity ? kFirstCapacity : _items.size() * 2);
  }
  void ReserveDown() { if (!_items.empty()) _items.shrink_to_fit(); }

  const T &operator[](unsigned index) const { return _items.data()[index]; }
        T &operator[](unsigned index)       { return _items.data()[index]; }
  const T &operator[](int index) const { return _items.data()[index]; }
        T &operator[](int index)       { return _items.data()[index]; }
  const T &Front() const { return _items.front(); }
        T &Front()       { return _items.front(); }
  const T &Back() const { return _items.back(); }
        T &Back()       { return _items.back(); }

  T &AddNew() { return InsertNew(Size()); }
  T &AddNewInReserved() { return AddNew(); }
  T &InsertNew(unsigned index)
  {
    ReserveOnePosition();
    return *_items.insert(At(index), T());
  }

  /* These give the new object's index. item must not be in this vector. */
  unsigned Add(const T &item)
  {
    AddNew() = item;
    return Size() - 1;
  }
  unsigned AddInReserved(const T &item) { return Add(item); }
  unsigned AddInReserved_Ptr_of_new(T *item)
  {
    const unsigned index = Add(*item);
    delete item;
    return index;
  }
  void Insert(unsigned index, const T &item) { InsertNew(index) = item; }
  CContiguousVector &operator+=(const CContiguousVector &other)
  {
    const unsigned numItems = other.Size();  // may be this vector itself
    Reserve(Size() + numItems);
    for (unsigned i = 0; i < numItems; i++)
      _items.push_back(other[i]);
    return *this;
  }

  void Clear() { _items.clear(); }
  void ClearAndFree() { Clear(); }
  void ClearAndReserve(unsigned capacity)
  {
    Clear();
    Reserve(capacity);
  }
  void Delete(unsigned index) { _items.erase(At(index)); }
  void DeleteBack() { _items.pop_back(); }
  void DeleteFrom(unsigned index) { _items.erase(At(index), _items.end()); }
  void DeleteFrontal(unsigned num) { _items.erase(_items.begin(), At(num)); }
};

}}

#ifdef PAR7Z_7ZIP_TREE
template <>
class CObjectVector<CParallelInputItem>: public NCompress::NParallel::CContiguousVector<CParallelInputItem> {};
#else
template <class T>
class CObjectVector: public NCompress::NParallel::CContiguousVector<T> {};

#define FOR_VECTOR(index, vector) for (unsigned index = 0; index < (vector).Size(); index++)
#endif

PAR7Z_INTERFACES_BEGIN

/* ---- IParallelCompressCallback: written by the client, given to SetCallback ----

   The methods come from several threads at once, with no lock held; they may call every method of the compressor that
   does not wait for their own run. For one item, in this order: ShouldCancel, OnItemStart, then now and then ShouldCancel
   and OnItemProgress, at its end OnItemProgress and OnItemComplete, or if it failed OnError and OnItemComplete.
   itemIndex counts from 0 in the order given; items from GetNextItems continue it, as do those of a queue.

   A negative result of ShouldCancel, E_ABORT from any method but GetNextItems, and an exception cancel the run: it ends
   with E_ABORT. Other results are not looked at.

   OnItemStart       name lives as long as the call.
   OnItemProgress    Bytes of the item that are done, unpacked and packed. Packed is 0 where it is not known: items that
                     share a solid block.
   OnItemComplete    result is S_OK, or what OnError said. The sizes are the item's; outSize 0: failed, or not known.
   OnError           The item failed for this reason; the others go on. message lives as long as the call.
   ShouldCancel      S_OK and S_FALSE: go on.
   GetNextItems      Asked for items that follow those of CompressMultiple, on the thread that called it, until it gives
                     none; a queue does not ask. currentIndex: how many it has handed over so far in this run. Write up
                     to lookAheadCount items to items, which are empty, and their number to *itemsReturned. The
                     InStream of an item holds its own reference (to hand over the one you have: InStream.Attach).
                     Name must live until the next call. 0 items, S_FALSE or E_NOTIMPL is the end; another failure
                     ends the run with it. */
#define Z7_IFACEM_IParallelCompressCallback(x) \
  x(OnItemStart(UInt32 itemIndex, const wchar_t *name)) \
  x(OnItemProgress(UInt32 itemIndex, UInt64 inSize, UInt64 outSize)) \
  x(OnItemComplete(UInt32 itemIndex, HRESULT result, UInt64 inSize, UInt64 outSize)) \
  x(OnError(UInt32 itemIndex, HRESULT errorCode, const wchar_t *message)) \
  x(ShouldCancel()) \
  x(GetNextItems(UInt32 currentIndex, UInt32 lookAheadCount, CParallelInputItem *items, UInt32 *itemsReturned))
PAR7Z_INTERFACE(IParallelCompressCallback, IUnknown, 4, 0xA1)

/* ---- IParallelCompressCallback2: what the object given to SetCallback may offer besides, by QueryInterface ----

   The whole run's figures, every update interval while it goes on and once at its end, from a thread of their own, one
   call at a time. Results are not looked at. stats lives as long as the call. */
#define Z7_IFACEM_IParallelCompressCallback2(x) \
  x(OnProgressWithStats(const CParallelStatistics *stats)) \
  x(OnThroughputUpdate(UInt64 bytesPerSecond, UInt64 filesPerSecondX100))
PAR7Z_INTERFACE(IParallelCompressCallback2, IUnknown, 4, 0xA4)

/* ---- IParallelCompressor: many streams in, one .7z archive out ----

   May be used from several threads, and run several archives at once. A run keeps the settings it began with.
   References to the client's objects are taken and given back on the threads that call these methods, never on others:
   their counts need not be atomic.

   SetCallback           Keeps a reference until it is replaced and the runs that began with it have ended. NULL: none.
   SetNumThreads         Threads that compress. Default 1; 0 is 1, more than 256 is 256.
   SetCompressionLevel   0 (fastest) to 9 (smallest), default 5; more than 9 is 9.
   SetCompressionMethod  See ParallelCompressor_SetCompressionMethod. Default LZMA. NULL: E_INVALIDARG.
   SetEncryption         AES-256 under this key, of contents and names: keySize 32, ivSize 16; a fresh random iv for each
                         archive. Replaces a password. NULL, 0, NULL, 0: off. See ParallelCompressor_SetEncryption.
   SetPassword           Encrypts contents and names as 7-Zip does. Replaces a key. NULL or "": off.
   SetSegmentSize,       Bytes of a volume, two names for one setting. 0 (default): one file.
   SetVolumeSize
   SetVolumePrefix       What volumes are called: "dir/part" and "dir/part." give dir/part.001, ... NULL or "": none.
   SetSolidMode          true: items share blocks. Default false.
   SetSolidBlockSize     Items in a solid block at the most. 0 (default): no bound but the size that 7-Zip allows.
   CompressMultiple      Compresses 1 to 1,000,000 items, and those of the callback's GetNextItems, and returns when the
                         archive is complete. items stay as they are until then.
                         outStream: if it has IOutStream, the archive is written as it is made, from its present position
                           on; otherwise it is kept (in memory up to 64 MiB, then in a temporary file) and sent at the end.
                           Not used, and may be NULL, if there are both a volume size and a prefix (or a function
                           that takes the volumes: CParallelCompressor::SetSegmentCallback).
                         progress: told the run's totals after each item and now and then, by one thread at a time; a
                           failure cancels the run. May be NULL.
                         S_OK: all items are in. S_FALSE: some failed, the archive holds the others. E_FAIL: all failed.
                         E_ABORT: cancelled. E_INVALIDARG: an item or a setting makes no sense, nothing was begun.
   GetStatistics         Items completed (failed ones included) and failed, bytes unpacked and packed. Each may be NULL.
   GetDetailedStatistics NULL: E_POINTER. Both may be called at any time, also by callbacks.
   SetProgressUpdateInterval  In milliseconds, for IParallelCompressCallback2. Default 100; 0 is 100. */
#define Z7_IFACEM_IParallelCompressor(x) \
  x(SetCallback(IParallelCompressCallback *callback)) \
  x(SetNumThreads(UInt32 numThreads)) \
  x(SetCompressionLevel(UInt32 level)) \
  x(SetCompressionMethod(const CMethodId *methodId)) \
  x(SetEncryption(const Byte *key, UInt32 keySize, const Byte *iv, UInt32 ivSize)) \
  x(SetPassword(const wchar_t *password)) \
  x(SetSegmentSize(UInt64 segmentSize)) \
  x(SetVolumeSize(UInt64 volumeSize)) \
  x(SetVolumePrefix(const wchar_t *prefix)) \
  x(SetSolidMode(bool solid)) \
  x(SetSolidBlockSize(UInt32 numFilesPerBlock)) \
  x(CompressMultiple(CParallelInputItem *items, UInt32 numItems, \
      ISequentialOutStream *outStream, ICompressProgressInfo *progress)) \
  x(GetStatistics(UInt32 *itemsCompleted, UInt32 *itemsFailed, UInt64 *totalInSize, UInt64 *totalOutSize)) \
  x(GetDetailedStatistics(CParallelStatistics *stats)) \
  x(SetProgressUpdateInterval(UInt32 intervalMs))
PAR7Z_INTERFACE(IParallelCompressor, IUnknown, 4, 0xA2)

/* ---- IParallelStreamQueue: streams are added while others are compressed ----

   May be used from several threads. It takes a stream's reference on the thread that calls AddStream, and gives it back,
   once the stream is done with, when the same thread calls AddStream again, or when a thread calls WaitForCompletion or
   destroys the queue: so a stream whose count is not atomic may be used by the thread that adds it.

   AddStream          size: bytes if known, 0 = unknown. When the queue is full: before the start E_OUTOFMEMORY, after it
                      the call waits until an item is done. E_ABORT: the run was cancelled or has failed. E_FAIL:
                      WaitForCompletion has been called and has not returned yet. E_INVALIDARG: inStream is NULL.
   SetMaxQueueSize    Items that wait or are in work at the most. Default 1000; 0 is E_INVALIDARG.
   StartProcessing    Compresses in the background what is in the queue and what comes. outStream as in CompressMultiple;
                      its reference is kept until WaitForCompletion or the end of the queue. E_FAIL while it runs.
   WaitForCompletion  Call it when the last stream was added. Compresses what is left, completes the archive and gives the
                      result as CompressMultiple does. After that the queue is ready for the next archive. Without a start
                      before it: S_OK at once. E_INVALIDARG: called by a method that the run itself called.
   GetStatus          Items of the present archive. processed includes failed; pending is the rest. Each may be NULL. */
#define Z7_IFACEM_IParallelStreamQueue(x) \
  x(AddStream(ISequentialInStream *inStream, const wchar_t *name, UInt64 size)) \
  x(SetMaxQueueSize(UInt32 maxSize)) \
  x(StartProcessing(ISequentialOutStream *outStream)) \
  x(WaitForCompletion()) \
  x(GetStatus(UInt32 *itemsProcessed, UInt32 *itemsFailed, UInt32 *itemsPending))
PAR7Z_INTERFACE(IParallelStreamQueue, IUnknown, 4, 0xA3)

PAR7Z_INTERFACES_END

#endif
