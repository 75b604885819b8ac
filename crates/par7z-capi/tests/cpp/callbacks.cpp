/* callbacks.cpp - what the library tells the client's callbacks, and what it makes of their answers and of the results of
   the client's streams.
   Usage: callbacks DIRECTORY

   Writes volumes.001, ..., taken.7z.001, ..., code.7z and file.7z there. */

#include "TestObjects.h"

#include <map>

/* The order of events of each item. */
static void Events()
{
  CParallelCompressor compressor;
  compressor.SetNumThreads(3);
  CTestCallback *const callback = new CTestCallback;
  CMyComPtr<IParallelCompressCallback> callbackRef = callback;

  std::mutex mutex;
  std::map<UInt32, std::string> events;
  std::map<UInt32, UInt64> sizes;
  const auto note = [&](UInt32 index, char event) -> HRESULT {
    std::lock_guard<std::mutex> lock(mutex);
    std::string &text = events[index];
    if (event != 'p' || text.empty() || text[text.size() - 1] != 'p')
      text += event;
    return E_NOTIMPL;  // not looked at
  };
  callback->Start = [&](UInt32 index, const wchar_t *name) {
    CHECK(SameText(name, SampleName(index)));
    return note(index, 's');
  };
  callback->Progress = [&](UInt32 index, UInt64, UInt64) {
    // Queries are allowed here.
    CParallelStatistics stats;
    CHECK(compressor.GetDetailedStatistics(&stats) == S_OK);
    return note(index, 'p');
  };
  callback->Complete = [&](UInt32 index, HRESULT result, UInt64 inSize, UInt64) {
    CHECK((result == S_OK) == (index != 4));
    {
      std::lock_guard<std::mutex> lock(mutex);
      sizes[index] = inSize;
    }
    CHECK(compressor.GetStatistics(NULL, NULL, NULL, NULL) == S_OK);
    return note(index, 'c');
  };
  callback->Error = [&](UInt32 index, HRESULT errorCode, const wchar_t *message) {
    CHECK(errorCode == E_FAIL && *message != 0);
    return note(index, 'e');
  };
  callback->Cancel = []() { return S_FALSE; };  // goes on
  compressor.SetCallback(callback);

  CTestItems items;
  items.AddSamples(4);
  items.Add(new CTestStream([](void *, UInt32, UInt32 *) { return S_FALSE; }));
  items.AddSamples(3);
  CHECK(items.Compress(&compressor) == S_FALSE);
  CHECK(events.size() == 8);
  for (UInt32 i = 0; i < 8; i++)
    if (i != 4)
      CHECK(events[i] == "spc");
  CHECK(events[4] == "sec");
  CHECK(sizes[3] == SampleContent(3).size());
}

/* The code that OnError gets for an item whose stream reads like this. */
static HRESULT CodeOf(const CTestStream::CRead &read)
{
  CParallelCompressor compressor;
  CTestCallback *const callback = new CTestCallback;
  HRESULT code = S_OK;
  callback->Error = [&](UInt32 index, HRESULT errorCode, const wchar_t *) -> HRESULT {
    CHECK(index == 1);
    code = errorCode;
    return S_OK;
  };
  compressor.SetCallback(callback);
  CTestItems items;
  items.AddSamples(1);
  items.Add(new CTestStream(read));
  CHECK(items.Compress(&compressor) == S_FALSE);
  return code;
}

static void BadReads()
{
  CHECK(CodeOf([](void *, UInt32, UInt32 *) { return E_POINTER; }) == E_POINTER);
  CHECK(CodeOf([](void *, UInt32, UInt32 *) { return HRESULT(S_FALSE); }) == E_FAIL);
  CHECK(CodeOf([](void *, UInt32 size, UInt32 *processed) { *processed = size + 1; return HRESULT(S_OK); }) == E_FAIL);
  CHECK(CodeOf([](void *data, UInt32, UInt32 *processed) {
    memcpy(data, "data", 4);
    *processed = 4;
    return E_NOINTERFACE;
  }) == E_NOINTERFACE);
#ifdef __cpp_exceptions
  CHECK(CodeOf([](void *, UInt32, UInt32 *) -> HRESULT { throw 1; }) == E_FAIL);
  CHECK(CodeOf([](void *, UInt32, UInt32 *) -> HRESULT { throw std::bad_alloc(); }) == E_OUTOFMEMORY);
#endif
}

/* The result of a run whose callback was changed like this. */
static HRESULT ResultWith(const std::function<void(CTestCallback &)> &change)
{
  CParallelCompressor compressor;
  CTestCallback *const callback = new CTestCallback;
  change(*callback);
  compressor.SetCallback(callback);
  CTestItems items;
  items.AddSamples(10);
  return items.Compress(&compressor);
}

class CFailingProgress final: public ICompressProgressInfo, public CMyUnknownImp
{
  Z7_COM_UNKNOWN_IMP_1(ICompressProgressInfo)
public:
  STDMETHOD(SetRatioInfo)(const UInt64 *, const UInt64 *) noexcept override { return E_ABORT; }
};

static void Cancelling()
{
  CHECK(ResultWith([](CTestCallback &c) { c.Cancel = []() { return E_FAIL; }; }) == E_ABORT);
  CHECK(ResultWith([](CTestCallback &c) { c.Start = [](UInt32, const wchar_t *) { return E_ABORT; }; }) == E_ABORT);
  CHECK(ResultWith([](CTestCallback &c) { c.Start = [](UInt32, const wchar_t *) { return E_FAIL; }; }) == S_OK);
#ifdef __cpp_exceptions
  CHECK(ResultWith([](CTestCallback &c) {
    c.Complete = [](UInt32, HRESULT, UInt64, UInt64) -> HRESULT { throw 1; };
  }) == E_ABORT);
#endif
  {
    CParallelCompressor compressor;
    CTestItems items;
    items.AddSamples(10);
    CMyComPtr<ICompressProgressInfo> progress = new CFailingProgress;
    CHECK(items.Compress(&compressor, CMyComPtr<ISequentialOutStream>(new CNullOutStream), progress) == E_ABORT);
  }
  {
    CParallelCompressor compressor;
    CHECK(compressor.Cancel() == S_FALSE);
    CTestCallback *const callback = new CTestCallback;
    callback->Start = [&](UInt32, const wchar_t *) { return compressor.Cancel(); };
    compressor.SetCallback(callback);
    CTestItems items;
    items.AddSamples(10);
    CHECK(items.Compress(&compressor) == E_ABORT);
  }
}

static void DetailedCallbacks()
{
  CParallelCompressor compressor;
  compressor.SetProgressUpdateInterval(1);
  CTestCallback *const callback = new CTestCallback;
  UInt32 numStatistics = 0;  // the calls come one at a time
  UInt32 numThroughputs = 0;
  CParallelStatistics last = CParallelStatistics();
  callback->Statistics = [&](const CParallelStatistics *stats) {
    numStatistics++;
    last = *stats;
    return S_OK;
  };
  callback->Throughput = [&](UInt64, UInt64) {
    numThroughputs++;
    return S_OK;
  };
  compressor.SetCallback(callback);
  CTestItems items;
  items.AddSamples(10);
  CHECK(items.Compress(&compressor) == S_OK);
  CHECK(numStatistics >= 1 && numThroughputs >= 1);
  CHECK(last.ItemsTotal == 10 && last.ItemsCompleted == 10 && last.ItemsInProgress == 0);
}

static void BadArguments()
{
  CParallelCompressor compressor;
  CTestItems items;
  items.AddSamples(1);
  CMyComPtr<ISequentialOutStream> output = new CNullOutStream;
  CHECK(compressor.CompressMultiple(NULL, 1, output, NULL) == E_INVALIDARG);
  CHECK(compressor.CompressMultiple(items.Array(), 0, output, NULL) == E_INVALIDARG);
  CHECK(compressor.SetCompressionMethod(NULL) == E_INVALIDARG);
  CHECK(compressor.GetDetailedStatistics(NULL) == E_POINTER);
  CHECK(compressor.Code(NULL, output, NULL, NULL, NULL) == E_INVALIDARG);
  const CMethodId unknown = 0x123456, lzma2 = 0x21;
  CHECK(compressor.SetCompressionMethod(&unknown) == E_INVALIDARG);
  CHECK(*CParallelCompressor::LastErrorMessage() != 0);
  CHECK(compressor.SetCompressionMethod(&lzma2) == S_OK);
}

/* Writes a volume to a file. userData: the path without the number. */
static HRESULT TakeSegment(void *userData, const ParallelSegmentC *segment)
{
  char number[32];
  snprintf(number, sizeof(number), ".%03u", static_cast<unsigned>(segment->Number));
  CFileOutStream *const file = new CFileOutStream((*static_cast<const std::string *>(userData) + number).c_str());
  CMyComPtr<ISequentialOutStream> output = file;
  for (;;)
  {
    Byte piece[1000];
    UInt32 size = 0, written = 0;
    const HRESULT result = segment->Read(segment->Stream, piece, sizeof(piece), &size);
    if (result != S_OK || size == 0)
      return result;
    CHECK(output->Write(piece, size, &written) == S_OK && written == size);
  }
}

static void Outputs(const std::string &directory)
{
  const std::wstring wideDirectory(directory.begin(), directory.end());
  {
    CParallelCompressor compressor;
    compressor.SetVolumeSize(50000);
    compressor.SetVolumePrefix((wideDirectory + L"/volumes").c_str());
    CTestItems items;
    items.AddSamples(8);
    CHECK(items.Compress(&compressor, NULL) == S_OK);
    CTestItems again;  // the stream is not used
    again.AddSamples(8);
    CHECK(again.Compress(&compressor) == S_OK);
  }
  {
    CParallelCompressor compressor;
    std::string path = directory + "/taken.7z";
    compressor.SetVolumeSize(50000);
    CHECK(compressor.SetSegmentCallback(TakeSegment, 0, &path) == S_OK);
    CHECK(FAILED(compressor.SetStoreOption(L"no such option", L"")));
    CTestItems items;
    items.AddSamples(8);
    CHECK(items.Compress(&compressor, NULL) == S_OK);
  }
  {
    CParallelCompressor *const compressor = new CParallelCompressor;
    CMyComPtr<ISequentialInStream> input = CTestStream::Of(SampleContent(7));
    CMyComPtr<ISequentialOutStream> output = new CFileOutStream((directory + "/code.7z").c_str());
    CHECK(compressor->Code(input, output, NULL, NULL, NULL) == S_OK);
    delete compressor;
  }
  {
    CParallelCompressor compressor;
    CTestItems items;
    items.AddSamples(8);
    CParallelInputItem &dated = items.Array()[1];
    const UInt64 time = 116444736000000000u + 10000000u * 86400u * 365u;  // 1971-01-01
    dated.ModificationTime.dwLowDateTime = static_cast<UInt32>(time);
    dated.ModificationTime.dwHighDateTime = static_cast<UInt32>(time >> 32);
    dated.Attributes = 0x8000u | (0100640u << 16);
    CHECK(compressor.CompressMultipleToFile(items.Array(), items.Size(), (wideDirectory + L"/file.7z").c_str()) == S_OK);
  }
}

int main(int argc, char **argv)
{
  if (argc != 2)
    return 2;
  CClientThread mark;
  Events();
  BadReads();
  Cancelling();
  DetailedCallbacks();
  BadArguments();
  Outputs(argv[1]);
  return Finish("callbacks");
}
