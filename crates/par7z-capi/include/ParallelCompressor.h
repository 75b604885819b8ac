/* ParallelCompressor.h - the C++ classes of the Parallel Compression API for 7-Zip:

     CParallelCompressor   implements IParallelCompressor and ICompressCoder
     CParallelStreamQueue  implements IParallelStreamQueue

   Both are in NCompress::NParallel and may be named without it. They are compiled here, in the client's program, on top of
   the C functions of ParallelCompressAPI.h: no C++ symbol crosses the library's border, so any compiler may be used.
   Link with -lpar7z and, where threads need it, -pthread.

   Objects begin with the reference count 0, as 7-Zip's do: give `new CParallelCompressor` to a CMyComPtr, or delete it
   yourself, or put the object on the stack. Their own counts are atomic.

   Exceptions that come out of the client's streams and callbacks do not pass through the library: they count as
   E_OUTOFMEMORY (std::bad_alloc) or E_FAIL. */

#ifndef PARALLEL_COMPRESSOR_H
#define PARALLEL_COMPRESSOR_H

#include "IParallelCompress.h"

#include <algorithm>
#include <atomic>
#include <deque>
#include <list>
#include <memory>
#include <mutex>
#include <new>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

PAR7Z_INTERFACES_BEGIN

namespace NCompress {
namespace NParallel {

/* What the two classes are made of; not for clients. */
namespace NImpl {

/* 7-Zip's interfaces, by constants of this file: in 7-Zip's tree the symbols IID_... need not be linked. */
static const GUID kIID_IUnknown = { 0, 0, 0, { 0xC0, 0, 0, 0, 0, 0, 0, 0x46 } };
static const GUID kIID_IOutStream = PAR7Z_IID(3, 0x04);
static const GUID kIID_ICompressCoder = PAR7Z_IID(4, 0x05);

/* Runs function; an exception becomes a HRESULT. */
template <class TFunction>
HRESULT Guarded(TFunction function) noexcept
{
#if defined(__cpp_exceptions) || defined(__EXCEPTIONS) || defined(_CPPUNWIND)
  try { return function(); }
  catch (const std::bad_alloc &) { return E_OUTOFMEMORY; }
  catch (...) { return E_FAIL; }
#else
  return function();
#endif
}

/* The reference count of the classes below. TClass, the class itself, is final. */
template <class TClass, class... TInterfaces>
class CAtomicUnknown: public TInterfaces...
{
  std::atomic<ULONG> _refCount;

  CAtomicUnknown(const CAtomicUnknown &) = delete;
  CAtomicUnknown &operator=(const CAtomicUnknown &) = delete;
public:
  ULONG STDMETHODCALLTYPE AddRef() noexcept override { return ++_refCount; }
  ULONG STDMETHODCALLTYPE Release() noexcept override
  {
    const ULONG count = --_refCount;
    if (count == 0)
      delete static_cast<TClass *>(this);
    return count;
  }
protected:
  CAtomicUnknown(): _refCount(0) {}
  ~CAtomicUnknown() {}

  /* Ends QueryInterface: found is what was asked for, or NULL. */
  HRESULT GiveInterface(void *found, void **object)
  {
    if (!object)
      return E_POINTER;
    *object = found;
    if (!found)
      return E_NOINTERFACE;
    ++_refCount;
    return S_OK;
  }
};

/* The checked result of a client's Read or Write: S_OK and the number of bytes, or a failure. Results like S_FALSE are
   failures too, whatever was transferred. */
inline HRESULT CheckTransfer(HRESULT result, UInt32 done, UInt32 size, UInt32 *processed)
{
  *processed = 0;
  if (result != S_OK)
    return FAILED(result) ? result : E_FAIL;
  if (done > size)
    return E_FAIL;
  *processed = done;
  return S_OK;
}

/* The items of a run or a queue, as the library sees them: each with a reference to its stream.

   References are taken in Add. The library's Close, which may come on any thread, only marks an item; the reference is
   given back by a thread of the client's, in the Release methods or the destructor, with no lock held. */
class CItemSet
{
  /* Of a stream object; items that share the object share the lock. */
  struct CReadLock
  {
    std::mutex Mutex;
    size_t NumItems;
    CReadLock(): NumItems(0) {}
  };

  struct CItem;
  typedef std::list<std::unique_ptr<CItem> > CItemList;

  struct CItem
  {
    CItemSet &Set;
    CMyComPtr<ISequentialInStream> Stream;
    CReadLock *ReadLock;
    CItemList *Closed;           // where it goes when it is closed: the list of the thread that added it
    CItemList::iterator Position;

    CItem(CItemSet &set, ISequentialInStream *stream): Set(set), Stream(stream), ReadLock(NULL), Closed(NULL) {}
  };

  std::mutex _mutex;  // guards all below, but is not held while a client's method runs
  CItemList _open;
  std::unordered_map<std::thread::id, CItemList> _closed;
  std::unordered_map<ISequentialInStream *, CReadLock> _readLocks;

  /* The caller holds _mutex, and frees the list after it has let go of it. */
  void Forget(const CItemList &items)
  {
    for (CItemList::const_iterator it = items.begin(); it != items.end(); ++it)
      if (--(*it)->ReadLock->NumItems == 0)
        _readLocks.erase((*it)->Stream);
  }

  CItem *AddStream(ISequentialInStream *stream)
  {
    std::unique_ptr<CItem> item(new CItem(*this, stream));
    std::lock_guard<std::mutex> lock(_mutex);
    item->Closed = &_closed[std::this_thread::get_id()];
    item->ReadLock = &_readLocks[stream];
    _open.push_back(std::move(item));
    CItem *added = _open.back().get();
    added->Position = --_open.end();
    added->ReadLock->NumItems++;
    return added;
  }

  static HRESULT Read(void *userData, void *data, UInt32 size, UInt32 *processed) noexcept
  {
    CItem &item = *static_cast<CItem *>(userData);
    return Guarded([&]() -> HRESULT {
      std::lock_guard<std::mutex> lock(item.ReadLock->Mutex);
      UInt32 done = 0;
      const HRESULT result = item.Stream->Read(data, size, &done);
      return CheckTransfer(result, done, size, processed);
    });
  }

  static void Close(void *userData) noexcept
  {
    CItem &item = *static_cast<CItem *>(userData);
    std::lock_guard<std::mutex> lock(item.Set._mutex);
    item.Closed->splice(item.Closed->end(), item.Set._open, item.Position);
  }

public:
  ParallelItemC Add(const CParallelInputItem &source)
  {
    ParallelItemC item = ParallelItemC();
    item.StructSize = sizeof(item);
    item.Attributes = source.Attributes;
    item.Name = source.Name;
    item.Size = source.Size;
    item.ModificationTime =
        (static_cast<UInt64>(source.ModificationTime.dwHighDateTime) << 32) | source.ModificationTime.dwLowDateTime;
    if (source.InStream)
    {
      item.Read = Read;
      item.Close = Close;
      item.UserData = AddStream(source.InStream);
    }
    return item;
  }

  /* Releases an item that the library has not accepted: its Close will not come. */
  void ReleaseRejected(const ParallelItemC &item)
  {
    if (!item.UserData)
      return;
    CItemList rejected;
    std::lock_guard<std::mutex> lock(_mutex);
    rejected.splice(rejected.end(), _open, static_cast<CItem *>(item.UserData)->Position);
    Forget(rejected);
  }

  /* Releases the closed items that this thread has added. */
  void ReleaseClosedOfThisThread()
  {
    CItemList closed;
    std::lock_guard<std::mutex> lock(_mutex);
    closed.swap(_closed[std::this_thread::get_id()]);
    Forget(closed);
  }

  /* Releases all closed items. */
  void ReleaseClosed()
  {
    CItemList closed;
    std::lock_guard<std::mutex> lock(_mutex);
    for (std::unordered_map<std::thread::id, CItemList>::iterator it = _closed.begin(); it != _closed.end(); ++it)
      closed.splice(closed.end(), it->second);
    Forget(closed);
  }
};

/* The client's callback. One that was replaced is kept while runs go on that may have begun with it.

   A run takes no reference: the callback's count, which may not be atomic, is touched by SetCallback's thread and by the
   one that ends the last run, only. */
class CCallbackSlot
{
  struct CCallback
  {
    CMyComPtr<IParallelCompressCallback> Main;
    CMyComPtr<IParallelCompressCallback2> Detailed;  // NULL if the client's object does not offer it
  };
  typedef std::unique_ptr<CCallback> CCallbackPtr;

  std::mutex _mutex;
  CCallbackPtr _current;
  std::vector<CCallbackPtr> _replaced;
  size_t _numRuns;

  static void OnStatistics(const ParallelStatisticsC *stats, void *userData) noexcept
  {
    Guarded([&]() { return static_cast<IParallelCompressCallback2 *>(userData)->OnProgressWithStats(stats); });
  }

  static void OnThroughput(UInt64 bytesPerSecond, UInt64 filesPerSecondX100, void *userData) noexcept
  {
    Guarded([&]() {
      return static_cast<IParallelCompressCallback2 *>(userData)->OnThroughputUpdate(bytesPerSecond, filesPerSecondX100);
    });
  }

public:
  CCallbackSlot(): _numRuns(0) {}

  /* SetCallback of both classes. compressor is the one whose runs the callback is for. */
  HRESULT Set(ParallelCompressorHandle compressor, IParallelCompressCallback *callback) noexcept
  {
    return Guarded([&]() -> HRESULT {
      CCallbackPtr changed(new CCallback);
      if (callback)
      {
        changed->Main = callback;
        callback->QueryInterface(IID_IParallelCompressCallback2, reinterpret_cast<void **>(&changed->Detailed));
      }
      IParallelCompressCallback2 *detailed = changed->Detailed;

      // The lock ends before changed does, which then is what was replaced: no client's method runs under the lock.
      std::lock_guard<std::mutex> lock(_mutex);
      _replaced.reserve(_replaced.size() + 1);
      const HRESULT result = ParallelCompressor_SetDetailedCallbacks(
          compressor, detailed ? OnStatistics : NULL, detailed ? OnThroughput : NULL, detailed);
      if (result != S_OK)
        return result;
      _current.swap(changed);
      if (_numRuns != 0 && changed)
        _replaced.push_back(std::move(changed));
      return S_OK;
    });
  }

  /* A run, for as long as this object lives. */
  class CUse
  {
    CCallbackSlot &_slot;
    IParallelCompressCallback *_callback;

    CUse(const CUse &) = delete;
    CUse &operator=(const CUse &) = delete;
  public:
    explicit CUse(CCallbackSlot &slot): _slot(slot)
    {
      std::lock_guard<std::mutex> lock(_slot._mutex);
      _slot._numRuns++;
      _callback = _slot._current ? _slot._current->Main.Interface() : NULL;
    }
    ~CUse()
    {
      std::vector<CCallbackPtr> unused;
      std::lock_guard<std::mutex> lock(_slot._mutex);
      if (--_slot._numRuns == 0)
        unused.swap(_slot._replaced);
    }

    /* The callback that was set when the run began, or NULL. */
    IParallelCompressCallback *Callback() const { return _callback; }
  };
};

/* One run, be it of a compressor or a queue: where its archive goes and who is told of it. Made and destroyed on client's
   threads. */
class CRun
{
  static const UInt32 kMaxLookAhead = 16;  // items asked for at once

  CItemSet &_items;
  CCallbackSlot::CUse _callbackUse;
  IParallelCompressCallback *_callback;    // NULL: none
  ICompressProgressInfo *_progress;        // NULL: none
  CMyComPtr<ISequentialOutStream> _outStream;
  CMyComPtr<IOutStream> _seekableStream;   // the same if it can seek, or NULL
  std::deque<std::wstring> _lookAheadNames;

  std::mutex _progressMutex;               // _progress is called under it
  UInt64 _inSizeTold;
  UInt64 _outSizeTold;

  CRun(const CRun &) = delete;
  CRun &operator=(const CRun &) = delete;

  static CRun &From(void *userData) { return *static_cast<CRun *>(userData); }

  static HRESULT Write(void *userData, const void *data, UInt32 size, UInt32 *processed) noexcept
  {
    return Guarded([&]() -> HRESULT {
      UInt32 done = 0;
      const HRESULT result = From(userData)._outStream->Write(data, size, &done);
      if (result == S_OK && done == 0)
        return E_FAIL;
      return CheckTransfer(result, done, size, processed);
    });
  }

  static HRESULT Seek(void *userData, Int64 offset, UInt32 origin, UInt64 *newPosition) noexcept
  {
    return Guarded([&]() -> HRESULT {
      UInt64 position = 0;
      const HRESULT result = From(userData)._seekableStream->Seek(offset, origin, &position);
      if (newPosition)
        *newPosition = position;
      return result;
    });
  }

  static HRESULT SetSize(void *userData, UInt64 size) noexcept
  {
    return Guarded([&]() { return From(userData)._seekableStream->SetSize(size); });
  }

  static HRESULT NextItems(void *userData, UInt32 currentIndex, UInt32 capacity, ParallelItemC *items,
      UInt32 *itemsReturned) noexcept
  {
    *itemsReturned = 0;
    return Guarded([&]() { return From(userData).AskForItems(currentIndex, capacity, items, itemsReturned); });
  }

  HRESULT AskForItems(UInt32 currentIndex, UInt32 capacity, ParallelItemC *items, UInt32 *itemsReturned)
  {
    _items.ReleaseClosed();
    CParallelInputItem found[kMaxLookAhead];
    const UInt32 numWanted = capacity < kMaxLookAhead ? capacity : UInt32(kMaxLookAhead);
    UInt32 numFound = 0;
    const HRESULT result = _callback->GetNextItems(currentIndex, numWanted, found, &numFound);
    if (result == E_NOTIMPL)
      return S_OK;
    if (result != S_OK)
      return result;
    if (numFound > numWanted)
      return E_FAIL;
    for (UInt32 i = 0; i < numFound; i++)
    {
      if (found[i].Name)
      {
        _lookAheadNames.push_back(found[i].Name);
        found[i].Name = _lookAheadNames.back().c_str();
      }
      items[i] = _items.Add(found[i]);
    }
    *itemsReturned = numFound;
    return S_OK;
  }

  static HRESULT OnEvent(void *userData, const ParallelEventC *event) noexcept
  {
    return Guarded([&]() -> HRESULT {
      const HRESULT result = From(userData).TellCallback(*event);
      return FAILED(result) ? result : From(userData).TellProgress(*event);
    });
  }

  /* What a callback's method says about going on. */
  static HRESULT OnlyAbort(HRESULT result) { return result == E_ABORT ? result : S_OK; }

  HRESULT TellCallback(const ParallelEventC &event)
  {
    if (!_callback)
      return S_OK;
    const UInt32 index = event.ItemIndex;
    HRESULT first = S_OK;
    HRESULT second = S_OK;
    switch (event.Kind)
    {
      case PARALLEL_EVENT_ITEM_STARTED:
        first = _callback->ShouldCancel();
        if (!FAILED(first))
          second = OnlyAbort(_callback->OnItemStart(index, event.Name));
        break;
      case PARALLEL_EVENT_ITEM_PROGRESS:
        first = _callback->ShouldCancel();
        if (!FAILED(first))
          second = OnlyAbort(_callback->OnItemProgress(index, event.InSize, event.OutSize));
        break;
      case PARALLEL_EVENT_ITEM_FINISHED:
        first = OnlyAbort(_callback->OnItemProgress(index, event.InSize, event.OutSize));
        second = OnlyAbort(_callback->OnItemComplete(index, S_OK, event.InSize, event.OutSize));
        break;
      case PARALLEL_EVENT_ITEM_FAILED:
        first = OnlyAbort(_callback->OnError(index, event.Result, event.Message));
        second = OnlyAbort(_callback->OnItemComplete(index, event.Result, event.InSize, 0));
        break;
    }
    return FAILED(first) ? first : second;
  }

  HRESULT TellProgress(const ParallelEventC &event)
  {
    if (!_progress || event.Kind == PARALLEL_EVENT_ITEM_STARTED)
      return S_OK;
    std::lock_guard<std::mutex> lock(_progressMutex);
    // Events of several threads may have overtaken each other; the sizes told never go back.
    if (_inSizeTold < event.TotalInSize)
      _inSizeTold = event.TotalInSize;
    if (_outSizeTold < event.TotalOutSize)
      _outSizeTold = event.TotalOutSize;
    return _progress->SetRatioInfo(&_inSizeTold, &_outSizeTold);
  }

public:
  /* items and callbacks outlive the run. outStream and progress may be NULL; progress is borrowed. */
  CRun(CItemSet &items, CCallbackSlot &callbacks, ISequentialOutStream *outStream, ICompressProgressInfo *progress):
      _items(items), _callbackUse(callbacks), _callback(_callbackUse.Callback()), _progress(progress),
      _outStream(outStream), _inSizeTold(0), _outSizeTold(0)
  {
    if (outStream)
      outStream->QueryInterface(kIID_IOutStream, reinterpret_cast<void **>(&_seekableStream));
  }

  /* The run for the library, without items given as an array. outputPath: NULL for one that goes to the stream. */
  ParallelRunC Params(const wchar_t *outputPath, bool withLookAhead)
  {
    ParallelRunC run = ParallelRunC();
    run.StructSize = sizeof(run);
    run.OutputPath = outputPath;
    if (_outStream)
      run.Write = Write;
    if (_seekableStream)
    {
      run.Seek = Seek;
      run.SetSize = SetSize;
    }
    if (_callback && withLookAhead)
      run.NextItems = NextItems;
    if (_callback || _progress)
      run.OnEvent = OnEvent;
    run.UserData = this;
    return run;
  }
};

}

/* IParallelCompressor tells what the methods do. If memory for the compressor is out, all of them give E_INVALIDARG. */
class CParallelCompressor final:
  public NImpl::CAtomicUnknown<CParallelCompressor, IParallelCompressor, ICompressCoder>
{
  static const UInt32 kMaxItems = 1000000;  // more are refused before one is looked at

  ParallelCompressorHandle _handle;
  NImpl::CCallbackSlot _callbacks;

  HRESULT Run(const CParallelInputItem *items, UInt32 numItems, ISequentialOutStream *outStream,
      const wchar_t *outputPath, ICompressProgressInfo *progress) noexcept
  {
    if (!items || numItems == 0 || numItems > kMaxItems)
      return E_INVALIDARG;
    return NImpl::Guarded([&]() -> HRESULT {
      NImpl::CItemSet itemSet;
      std::vector<ParallelItemC> itemsOfRun;
      itemsOfRun.reserve(numItems);
      for (UInt32 i = 0; i < numItems; i++)
        itemsOfRun.push_back(itemSet.Add(items[i]));
      NImpl::CRun run(itemSet, _callbacks, outStream, progress);
      ParallelRunC params = run.Params(outputPath, true);
      params.NumItems = numItems;
      params.Items = itemsOfRun.data();
      return ParallelCompressor_Run(_handle, &params);
    });
  }

public:
  CParallelCompressor(): _handle(ParallelCompressor_Create()) {}

  /* No method may be running. */
  ~CParallelCompressor() { ParallelCompressor_Destroy(_handle); }

  HRESULT STDMETHODCALLTYPE QueryInterface(REFIID iid, void **object) noexcept override
  {
    void *found = NULL;
    if (iid == NImpl::kIID_IUnknown || iid == IID_IParallelCompressor)
      found = static_cast<IParallelCompressor *>(this);
    else if (iid == NImpl::kIID_ICompressCoder)
      found = static_cast<ICompressCoder *>(this);
    return GiveInterface(found, object);
  }

  /* ---- IParallelCompressor ---- */

  HRESULT STDMETHODCALLTYPE SetCallback(IParallelCompressCallback *callback) noexcept override
  {
    return _callbacks.Set(_handle, callback);
  }
  HRESULT STDMETHODCALLTYPE SetNumThreads(UInt32 numThreads) noexcept override
  {
    return ParallelCompressor_SetNumThreads(_handle, numThreads);
  }
  HRESULT STDMETHODCALLTYPE SetCompressionLevel(UInt32 level) noexcept override
  {
    return ParallelCompressor_SetCompressionLevel(_handle, level);
  }
  HRESULT STDMETHODCALLTYPE SetCompressionMethod(const CMethodId *methodId) noexcept override
  {
    return methodId ? ParallelCompressor_SetCompressionMethod(_handle, *methodId) : E_INVALIDARG;
  }
  HRESULT STDMETHODCALLTYPE SetEncryption(const Byte *key, UInt32 keySize, const Byte *iv, UInt32 ivSize) noexcept override
  {
    return ParallelCompressor_SetEncryption(_handle, key, keySize, iv, ivSize);
  }
  HRESULT STDMETHODCALLTYPE SetPassword(const wchar_t *password) noexcept override
  {
    return ParallelCompressor_SetPassword(_handle, password);
  }
  HRESULT STDMETHODCALLTYPE SetSegmentSize(UInt64 segmentSize) noexcept override
  {
    return ParallelCompressor_SetSegmentSize(_handle, segmentSize);
  }
  HRESULT STDMETHODCALLTYPE SetVolumeSize(UInt64 volumeSize) noexcept override
  {
    return ParallelCompressor_SetVolumeSize(_handle, volumeSize);
  }
  HRESULT STDMETHODCALLTYPE SetVolumePrefix(const wchar_t *prefix) noexcept override
  {
    return ParallelCompressor_SetVolumePrefix(_handle, prefix);
  }
  HRESULT STDMETHODCALLTYPE SetSolidMode(bool solid) noexcept override
  {
    return ParallelCompressor_SetSolidMode(_handle, solid);
  }
  HRESULT STDMETHODCALLTYPE SetSolidBlockSize(UInt32 numFilesPerBlock) noexcept override
  {
    return ParallelCompressor_SetSolidBlockSize(_handle, numFilesPerBlock);
  }
  HRESULT STDMETHODCALLTYPE CompressMultiple(CParallelInputItem *items, UInt32 numItems,
      ISequentialOutStream *outStream, ICompressProgressInfo *progress) noexcept override
  {
    return Run(items, numItems, outStream, NULL, progress);
  }
  HRESULT STDMETHODCALLTYPE GetStatistics(UInt32 *itemsCompleted, UInt32 *itemsFailed,
      UInt64 *totalInSize, UInt64 *totalOutSize) noexcept override
  {
    ParallelStatisticsC stats;
    const HRESULT result = ParallelCompressor_GetDetailedStatistics(_handle, &stats);
    if (result != S_OK)
      return result;
    if (itemsCompleted)
      *itemsCompleted = stats.ItemsCompleted;
    if (itemsFailed)
      *itemsFailed = stats.ItemsFailed;
    if (totalInSize)
      *totalInSize = stats.TotalInSize;
    if (totalOutSize)
      *totalOutSize = stats.TotalOutSize;
    return S_OK;
  }
  HRESULT STDMETHODCALLTYPE GetDetailedStatistics(CParallelStatistics *stats) noexcept override
  {
    return stats ? ParallelCompressor_GetDetailedStatistics(_handle, stats) : E_POINTER;
  }
  HRESULT STDMETHODCALLTYPE SetProgressUpdateInterval(UInt32 intervalMs) noexcept override
  {
    return ParallelCompressor_SetProgressUpdateInterval(_handle, intervalMs);
  }

  /* ---- ICompressCoder ---- */

  /* Makes a .7z archive with one entry, "data". inSize: the stream's size if known, or NULL. outSize is not looked at. */
  HRESULT STDMETHODCALLTYPE Code(ISequentialInStream *inStream, ISequentialOutStream *outStream, const UInt64 *inSize,
      const UInt64 * /* outSize */, ICompressProgressInfo *progress) noexcept override
  {
    if (!inStream || !outStream)
      return E_INVALIDARG;
    CParallelInputItem item;
    item.InStream = inStream;
    item.Name = L"data";
    item.Size = inSize ? *inSize : 0;
    return CompressMultiple(&item, 1, outStream, progress);
  }

  /* ---- Beyond the interfaces ---- */

  /* CompressMultiple into a file, which is replaced when the archive is complete, and stays as it is on failure. */
  HRESULT CompressMultipleToFile(CParallelInputItem *items, UInt32 numItems, const wchar_t *outputPath,
      ICompressProgressInfo *progress = NULL) noexcept
  {
    return Run(items, numItems, NULL, outputPath, progress);
  }

  /* Volumes go to a function as they are made; see ParallelCompressor_SetSegmentCallback. An outStream is then not used. */
  HRESULT SetSegmentCallback(ParallelSegmentCallback callback, UInt64 memoryLimit, void *userData) noexcept
  {
    return ParallelCompressor_SetSegmentCallback(_handle, callback, memoryLimit, userData);
  }

  /* How object stores are talked to, whose URLs the output path and the volume prefix may be; see
     ParallelCompressor_SetStoreOption. */
  HRESULT SetStoreOption(const wchar_t *name, const wchar_t *value) noexcept
  {
    return ParallelCompressor_SetStoreOption(_handle, name, value);
  }

  /* Makes every run that goes on end with E_ABORT. S_FALSE: there was none. */
  HRESULT Cancel() noexcept { return ParallelCompressor_Cancel(_handle); }

  /* false: only the contents are encrypted. Default true. */
  HRESULT SetEncryptNames(bool enabled) noexcept { return ParallelCompressor_SetEncryptNames(_handle, enabled); }

  /* Why the library's last function that failed on this thread did so; lives until the next failure on it. */
  static const wchar_t *LastErrorMessage() noexcept { return ParallelCompress_GetLastErrorMessage(); }

  /* For the C functions; borrowed. */
  ParallelCompressorHandle Handle() const noexcept { return _handle; }
};

/* IParallelStreamQueue tells what the methods do. If memory for the queue is out, all of them give E_INVALIDARG. */
class CParallelStreamQueue final:
  public NImpl::CAtomicUnknown<CParallelStreamQueue, IParallelStreamQueue>
{
  typedef std::vector<std::shared_ptr<NImpl::CRun> > CRuns;

  ParallelStreamQueueHandle _handle;
  NImpl::CCallbackSlot _callbacks;
  NImpl::CItemSet _items;
  std::mutex _runMutex;
  size_t _numStarting;  // guarded by _runMutex
  CRuns _runs;  // those that may go on: started and not waited for; guarded by _runMutex

  HRESULT Start(ISequentialOutStream *outStream, const wchar_t *outputPath) noexcept
  {
    return NImpl::Guarded([&]() -> HRESULT {
      std::shared_ptr<NImpl::CRun> run = std::make_shared<NImpl::CRun>(
          _items, _callbacks, outStream, static_cast<ICompressProgressInfo *>(NULL));
      const ParallelRunC params = run->Params(outputPath, false);
      {
        // Room for it is made while a failure is still possible.
        std::lock_guard<std::mutex> lock(_runMutex);
        _runs.reserve(_runs.size() + _numStarting + 1);
        _numStarting++;
      }
      const HRESULT result = ParallelStreamQueue_Start(_handle, &params);
      std::lock_guard<std::mutex> lock(_runMutex);
      _numStarting--;
      if (result == S_OK)
        _runs.push_back(std::move(run));
      return result;
    });
  }

public:
  CParallelStreamQueue(): _handle(ParallelStreamQueue_Create()), _numStarting(0) {}

  /* Cancels what runs and waits for it. No method may be running. */
  ~CParallelStreamQueue() { ParallelStreamQueue_Destroy(_handle); }

  HRESULT STDMETHODCALLTYPE QueryInterface(REFIID iid, void **object) noexcept override
  {
    const bool known = iid == NImpl::kIID_IUnknown || iid == IID_IParallelStreamQueue;
    return GiveInterface(known ? static_cast<IParallelStreamQueue *>(this) : NULL, object);
  }

  /* ---- IParallelStreamQueue ---- */

  HRESULT STDMETHODCALLTYPE AddStream(ISequentialInStream *inStream, const wchar_t *name, UInt64 size) noexcept override
  {
    if (!inStream)
      return E_INVALIDARG;
    CParallelInputItem item;
    item.InStream = inStream;
    item.Name = name;
    item.Size = size;
    return AddItem(item);
  }
  HRESULT STDMETHODCALLTYPE SetMaxQueueSize(UInt32 maxSize) noexcept override
  {
    return ParallelStreamQueue_SetMaxQueueSize(_handle, maxSize);
  }
  HRESULT STDMETHODCALLTYPE StartProcessing(ISequentialOutStream *outStream) noexcept override
  {
    return Start(outStream, NULL);
  }
  HRESULT STDMETHODCALLTYPE WaitForCompletion() noexcept override
  {
    return NImpl::Guarded([&]() -> HRESULT {
      // Those that are there now have ended when the library has waited. Another thread may start the next one by then.
      CRuns ended;
      {
        std::lock_guard<std::mutex> lock(_runMutex);
        ended = _runs;
      }
      const HRESULT result = ParallelStreamQueue_WaitForCompletion(_handle);
      // Called by the run itself: it has not waited. (A run that ended so is released by the next call, or at the end.)
      if (result == E_INVALIDARG)
        return result;
      _items.ReleaseClosed();
      std::lock_guard<std::mutex> lock(_runMutex);
      for (size_t i = 0; i < ended.size(); i++)
        _runs.erase(std::remove(_runs.begin(), _runs.end(), ended[i]), _runs.end());
      return result;
    });
  }
  HRESULT STDMETHODCALLTYPE GetStatus(UInt32 *itemsProcessed, UInt32 *itemsFailed, UInt32 *itemsPending) noexcept override
  {
    return ParallelStreamQueue_GetStatus(_handle, itemsProcessed, itemsFailed, itemsPending);
  }

  /* ---- Beyond the interface ---- */

  /* AddStream with times and attributes, or a directory (InStream NULL). item itself is not kept. */
  HRESULT AddItem(const CParallelInputItem &item) noexcept
  {
    return NImpl::Guarded([&]() -> HRESULT {
      _items.ReleaseClosedOfThisThread();
      const ParallelItemC itemOfQueue = _items.Add(item);
      const HRESULT result = ParallelStreamQueue_AddItem(_handle, &itemOfQueue);
      if (result != S_OK)
        _items.ReleaseRejected(itemOfQueue);
      return result;
    });
  }

  /* StartProcessing into a file, as CParallelCompressor::CompressMultipleToFile. */
  HRESULT StartProcessingToFile(const wchar_t *outputPath) noexcept { return Start(NULL, outputPath); }

  /* As IParallelCompressor::SetCallback, for archives that are started later. GetNextItems is not called. */
  HRESULT SetCallback(IParallelCompressCallback *callback) noexcept
  {
    return _callbacks.Set(CompressorHandle(), callback);
  }

  /* Makes the run that goes on end with E_ABORT. S_FALSE: there was none. */
  HRESULT Cancel() noexcept { return ParallelCompressor_Cancel(CompressorHandle()); }

  /* The queue's compressor, borrowed, for the C functions that set it up:
     ParallelCompressor_SetNumThreads(queue->CompressorHandle(), 8). */
  ParallelCompressorHandle CompressorHandle() const noexcept { return ParallelStreamQueue_GetCompressor(_handle); }
};

}}

PAR7Z_INTERFACES_END

using NCompress::NParallel::CParallelCompressor;
using NCompress::NParallel::CParallelStreamQueue;

#endif
