/* TestObjects.h - streams and callbacks that watch how they are used: references and threads.

   A client's objects need not have atomic counts, so AddRef and Release may come from the client's threads only; and a
   stream is read by one thread at a time. What breaks these rules is counted. */

#ifndef PAR7Z_TESTS_TEST_OBJECTS_H
#define PAR7Z_TESTS_TEST_OBJECTS_H

#include "../../examples/cpp/Streams.h"

#include <atomic>
#include <functional>
#include <memory>
#include <thread>

/* ---- Checks ---- */

static std::atomic<int> g_numErrors(0);

inline void CheckAt(bool good, const char *what, int line)
{
  if (good)
    return;
  fprintf(stderr, "line %d: %s\n", line, what);
  g_numErrors++;
}
#define CHECK(condition) CheckAt((condition), #condition, __LINE__)

/* Not by operator==: its wmemcmp reads in whole vectors, which valgrind takes for an error. */
inline bool SameText(const wchar_t *a, const std::wstring &b) { return wcscmp(a, b.c_str()) == 0; }

/* ---- Who uses the test's objects ---- */

/* True in threads of the test, false in the library's. */
inline bool &IsClientThread()
{
  static thread_local bool isClient = false;
  return isClient;
}

struct CClientThread
{
  CClientThread() { IsClientThread() = true; }
};

/* Starts a thread of the client's. */
template <class TFunction>
std::thread StartClientThread(TFunction function)
{
  return std::thread([function]() { CClientThread mark; function(); });
}

struct CUsage
{
  std::atomic<int> NumAlive;           // objects
  std::atomic<int> NumForeignCounts;   // AddRef and Release from the library's threads
  std::atomic<int> NumOverlappedReads;
};

inline CUsage &Usage()
{
  static CUsage usage;
  return usage;
}

/* ---- COM objects that count themselves. The count is not atomic, as 7-Zip's ---- */

class CCounted
{
  CCounted(const CCounted &) = delete;
  CCounted &operator=(const CCounted &) = delete;
protected:
  ULONG _count;

  CCounted(): _count(0) { Usage().NumAlive++; }
  ~CCounted() { Usage().NumAlive--; }

  static void NoteThread()
  {
    if (!IsClientThread())
      Usage().NumForeignCounts++;
  }
};

#define COUNTED_ADDREF_RELEASE \
  STDMETHOD_(ULONG, AddRef)() noexcept override { NoteThread(); return ++_count; } \
  STDMETHOD_(ULONG, Release)() noexcept override \
  { \
    NoteThread(); \
    const ULONG count = --_count; \
    if (count == 0) \
      delete this; \
    return count; \
  }

/* A stream whose Read is a function. */
class CTestStream final: public ISequentialInStream, public CCounted
{
public:
  typedef std::function<HRESULT(void *, UInt32, UInt32 *)> CRead;

  explicit CTestStream(const CRead &read): _read(read), _numReaders(0) {}

  /* Gives this content. */
  static CTestStream *Of(const std::string &content)
  {
    CMyComPtr<ISequentialInStream> memory = new CMemoryInStream(content);
    return new CTestStream([memory](void *data, UInt32 size, UInt32 *processed) {
      return memory->Read(data, size, processed);
    });
  }

  COUNTED_ADDREF_RELEASE
  STDMETHOD(QueryInterface)(REFIID, void **object) noexcept override
  {
    *object = NULL;
    return E_NOINTERFACE;
  }
  STDMETHOD(Read)(void *data, UInt32 size, UInt32 *processedSize) override
  {
    struct CReading
    {
      std::atomic<int> &Num;
      explicit CReading(std::atomic<int> &num): Num(num) { if (++Num != 1) Usage().NumOverlappedReads++; }
      ~CReading() { --Num; }
    } reading(_numReaders);
    return _read(data, size, processedSize);
  }

private:
  CRead _read;
  std::atomic<int> _numReaders;
};

/* A callback whose methods are functions; those that are not set answer S_OK. */
class CTestCallback final: public IParallelCompressCallback, public IParallelCompressCallback2, public CCounted
{
public:
  std::function<HRESULT(UInt32, const wchar_t *)> Start;
  std::function<HRESULT(UInt32, UInt64, UInt64)> Progress;
  std::function<HRESULT(UInt32, HRESULT, UInt64, UInt64)> Complete;
  std::function<HRESULT(UInt32, HRESULT, const wchar_t *)> Error;
  std::function<HRESULT()> Cancel;
  std::function<HRESULT(UInt32, UInt32, CParallelInputItem *, UInt32 *)> NextItems;
  std::function<HRESULT(const CParallelStatistics *)> Statistics;
  std::function<HRESULT(UInt64, UInt64)> Throughput;

  COUNTED_ADDREF_RELEASE
  STDMETHOD(QueryInterface)(REFIID iid, void **object) noexcept override
  {
    *object = NULL;
    if (iid != IID_IParallelCompressCallback2 || (!Statistics && !Throughput))
      return E_NOINTERFACE;
    *object = static_cast<IParallelCompressCallback2 *>(this);
    AddRef();
    return S_OK;
  }

  STDMETHOD(OnItemStart)(UInt32 index, const wchar_t *name) override { return Start ? Start(index, name) : S_OK; }
  STDMETHOD(OnItemProgress)(UInt32 index, UInt64 inSize, UInt64 outSize) override
  {
    return Progress ? Progress(index, inSize, outSize) : S_OK;
  }
  STDMETHOD(OnItemComplete)(UInt32 index, HRESULT result, UInt64 inSize, UInt64 outSize) override
  {
    return Complete ? Complete(index, result, inSize, outSize) : S_OK;
  }
  STDMETHOD(OnError)(UInt32 index, HRESULT errorCode, const wchar_t *message) override
  {
    return Error ? Error(index, errorCode, message) : S_OK;
  }
  STDMETHOD(ShouldCancel)() override { return Cancel ? Cancel() : S_OK; }
  STDMETHOD(GetNextItems)(UInt32 current, UInt32 count, CParallelInputItem *items, UInt32 *returned) override
  {
    return NextItems ? NextItems(current, count, items, returned) : E_NOTIMPL;
  }
  STDMETHOD(OnProgressWithStats)(const CParallelStatistics *stats) override
  {
    return Statistics ? Statistics(stats) : S_OK;
  }
  STDMETHOD(OnThroughputUpdate)(UInt64 bytes, UInt64 files) override
  {
    return Throughput ? Throughput(bytes, files) : S_OK;
  }
};

/* ---- Output that is thrown away ---- */

class CNullOutStream final: public ISequentialOutStream, public CCounted
{
public:
  COUNTED_ADDREF_RELEASE
  STDMETHOD(QueryInterface)(REFIID, void **object) noexcept override
  {
    *object = NULL;
    return E_NOINTERFACE;
  }
  STDMETHOD(Write)(const void *, UInt32 size, UInt32 *processedSize) noexcept override
  {
    *processedSize = size;
    return S_OK;
  }
};

/* ---- Items ---- */

/* Items with names of their own that must not be touched before the run has ended. */
class CTestItems
{
  CObjectVector<CParallelInputItem> _items;
  std::deque<std::wstring> _names;
public:
  void Add(ISequentialInStream *stream)
  {
    _names.push_back(SampleName(_items.Size()));
    CParallelInputItem &item = _items.AddNew();
    item.InStream = stream;
    item.Name = _names.back().c_str();
  }
  void AddSamples(unsigned num)
  {
    for (unsigned i = 0; i < num; i++)
      Add(CTestStream::Of(SampleContent(i % 8)));
  }
  CParallelInputItem *Array() { return &_items[0]; }
  UInt32 Size() const { return _items.Size(); }

  HRESULT Compress(IParallelCompressor *compressor, ISequentialOutStream *output, ICompressProgressInfo *progress = NULL)
  {
    return compressor->CompressMultiple(Array(), Size(), output, progress);
  }
  /* Into nothing. */
  HRESULT Compress(IParallelCompressor *compressor)
  {
    return Compress(compressor, CMyComPtr<ISequentialOutStream>(new CNullOutStream));
  }
};

/* Ends a test: everything must have been given back. Gives main's result. */
inline int Finish(const char *name)
{
  CHECK(Usage().NumAlive == 0);
  CHECK(Usage().NumForeignCounts == 0);
  CHECK(Usage().NumOverlappedReads == 0);
  printf("%s: %d errors\n", name, g_numErrors.load());
  return g_numErrors != 0;
}

#endif
