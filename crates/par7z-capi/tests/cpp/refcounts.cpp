/* refcounts.cpp - every reference to a client's object is given back, on the client's threads only; streams are read by one
   thread at a time. */

#include "TestObjects.h"

static HRESULT FailRead(void *, UInt32, UInt32 *) { return E_FAIL; }

static void Runs()
{
  CMyComPtr<IParallelCompressor> compressor = new CParallelCompressor;
  compressor->SetNumThreads(4);
  CMyComPtr<IParallelCompressCallback> callback = new CTestCallback;
  compressor->SetCallback(callback);
  {
    CTestItems items;
    items.AddSamples(40);
    CHECK(items.Compress(compressor) == S_OK);
  }
  CHECK(Usage().NumAlive == 1);  // the callback
  {
    CTestItems items;  // one fails
    items.AddSamples(5);
    items.Add(new CTestStream(FailRead));
    CHECK(items.Compress(compressor) == S_FALSE);
  }
  {
    CTestItems items;  // one is refused
    items.AddSamples(5);
    items.Add(NULL);
    CHECK(items.Compress(compressor) == E_INVALIDARG);
  }
  {
    CTestItems items;
    items.AddSamples(5);
    CHECK(items.Compress(compressor, NULL) == E_INVALIDARG);
  }
  compressor->SetCallback(NULL);
}

/* The stream's bytes go to the items in some way; no two threads read at once. */
static void SharedStream()
{
  CMyComPtr<IParallelCompressor> compressor = new CParallelCompressor;
  compressor->SetNumThreads(4);
  CTestItems items;
  std::string content;
  for (unsigned i = 1; i < 30; i++)
    content += SampleContent(i);
  CTestStream *const shared = CTestStream::Of(content);
  for (int i = 0; i < 8; i++)
    items.Add(shared);
  CHECK(items.Compress(compressor) == S_OK);
  UInt64 inSize = 0;
  compressor->GetStatistics(NULL, NULL, &inSize, NULL);
  CHECK(inSize == content.size());
}

/* 2000 items that the callback gives, which are not all held until the end. */
static void LookAhead()
{
  CMyComPtr<IParallelCompressor> compressor = new CParallelCompressor;
  compressor->SetNumThreads(2);
  CTestCallback *const callback = new CTestCallback;
  CMyComPtr<IParallelCompressCallback> callbackRef = callback;
  UInt32 numGiven = 0;
  int maxAlive = 0;
  std::deque<std::wstring> names;  // they live until the next call only
  callback->NextItems = [&](UInt32 current, UInt32 count, CParallelInputItem *items, UInt32 *returned) -> HRESULT {
    CHECK(IsClientThread());
    CHECK(current == numGiven);
    CHECK(count >= 1 && count <= 16);
    maxAlive = (std::max)(maxAlive, Usage().NumAlive.load());
    names.clear();
    for (UInt32 i = 0; i < count && numGiven < 2000; i++)
    {
      CHECK(!items[i].InStream && !items[i].Name);
      items[i].InStream = CTestStream::Of(SampleContent(numGiven % 3));
      names.push_back(L"more_" + std::to_wstring(numGiven));
      items[i].Name = names.back().c_str();
      numGiven++;
      *returned = i + 1;
      if (i == 2)
        break;
    }
    return S_OK;
  };
  std::atomic<UInt32> numComplete(0);
  std::atomic<UInt32> maxIndex(0);
  callback->Start = [&](UInt32 index, const wchar_t *name) -> HRESULT {
    if (index >= 3)
      CHECK(SameText(name, L"more_" + std::to_wstring(index - 3)));
    return S_OK;
  };
  callback->Complete = [&](UInt32 index, HRESULT result, UInt64, UInt64) -> HRESULT {
    CHECK(result == S_OK);
    if (index == 2002)
      maxIndex = index;
    numComplete++;
    return S_OK;
  };
  compressor->SetCallback(callback);
  CTestItems items;
  items.AddSamples(3);
  CHECK(items.Compress(compressor) == S_OK);
  CHECK(numGiven == 2000);
  CHECK(numComplete == 2003);
  CHECK(maxIndex == 2002);
  CHECK(maxAlive < 1000);
}

/* The look-ahead fails: what it gave before is given back. */
static void LookAheadFails()
{
  CMyComPtr<IParallelCompressor> compressor = new CParallelCompressor;
  CTestCallback *const callback = new CTestCallback;
  CMyComPtr<IParallelCompressCallback> callbackRef = callback;
  HRESULT answer = E_POINTER;
  callback->NextItems = [&](UInt32 current, UInt32, CParallelInputItem *items, UInt32 *returned) -> HRESULT {
    if (current != 0)
      return answer;
    items[0].InStream = CTestStream::Of("x");
    items[0].Name = L"x";
    *returned = 1;
    return S_OK;
  };
  compressor->SetCallback(callback);
  CTestItems items;
  items.AddSamples(2);
  CHECK(items.Compress(compressor) == E_POINTER);
  answer = S_FALSE;
  CTestItems more;
  more.AddSamples(2);
  CHECK(more.Compress(compressor) == S_OK);
}

/* Another thread replaces the callback while a run goes on: the old one lives until the run has ended. */
static void ReplacedCallback()
{
  CParallelCompressor compressor;
  std::atomic<bool> started(false);
  std::atomic<bool> replaced(false);
  {
    CTestCallback *const callback = new CTestCallback;
    callback->Start = [&](UInt32, const wchar_t *) -> HRESULT {
      started = true;
      while (!replaced)
        std::this_thread::yield();
      return S_OK;
    };
    callback->Statistics = [](const CParallelStatistics *) -> HRESULT { return S_OK; };
    compressor.SetCallback(callback);
  }
  std::thread runner = StartClientThread([&]() {
    CTestItems items;
    items.AddSamples(10);
    CHECK(items.Compress(&compressor) == S_OK);
  });
  while (!started)
    std::this_thread::yield();
  CHECK(compressor.SetCallback(NULL) == S_OK);
  replaced = true;
  runner.join();
  CHECK(Usage().NumAlive == 0);
}

static void TwoRunsAtOnce()
{
  CParallelCompressor compressor;
  compressor.SetNumThreads(2);
  compressor.SetCallback(new CTestCallback);
  std::thread threads[2];
  for (int t = 0; t < 2; t++)
    threads[t] = StartClientThread([&]() {
      CTestItems items;
      items.AddSamples(20);
      CHECK(items.Compress(&compressor) == S_OK);
    });
  threads[0].join();
  threads[1].join();
}

static void Queues()
{
  CMyComPtr<ISequentialOutStream> output = new CNullOutStream;
  {
    CParallelStreamQueue queue;  // two archives, by two producers each
    ParallelCompressor_SetNumThreads(queue.CompressorHandle(), 2);
    queue.SetCallback(new CTestCallback);
    for (int archive = 0; archive < 2; archive++)
    {
      CHECK(queue.StartProcessing(output) == S_OK);
      CHECK(queue.StartProcessing(output) == E_FAIL);
      std::thread producers[2];
      for (int p = 0; p < 2; p++)
        producers[p] = StartClientThread([&queue, p]() {
          for (unsigned i = 0; i < 25; i++)
          {
            CMyComPtr<ISequentialInStream> mine = CTestStream::Of(SampleContent(i % 5));
            CHECK(queue.AddStream(mine, (std::to_wstring(p) + SampleName(i)).c_str(), 0) == S_OK);
          }
        });
      producers[0].join();
      producers[1].join();
      CHECK(queue.WaitForCompletion() == S_OK);
      UInt32 processed = 0;
      queue.GetStatus(&processed, NULL, NULL);
      CHECK(processed == 50);
      CHECK(Usage().NumAlive == 2);  // the output and the callback
    }
  }
  {
    CParallelStreamQueue queue;  // full, and never started
    queue.SetMaxQueueSize(3);
    for (unsigned i = 0; i < 3; i++)
      CHECK(queue.AddStream(CTestStream::Of("x"), SampleName(i).c_str(), 1) == S_OK);
    CMyComPtr<ISequentialInStream> refused = CTestStream::Of("x");
    CHECK(queue.AddStream(refused, L"y", 1) == E_OUTOFMEMORY);
    CHECK(refused->AddRef() == 2);  // the queue has kept none
    refused->Release();
    CHECK(queue.AddStream(NULL, L"y", 1) == E_INVALIDARG);
    CHECK(queue.WaitForCompletion() == S_OK);
  }
  {
    CParallelStreamQueue queue;  // started, and left alone
    CHECK(queue.StartProcessing(output) == S_OK);
    for (unsigned i = 0; i < 10; i++)
      CHECK(queue.AddStream(CTestStream::Of(SampleContent(i)), SampleName(i).c_str(), 0) == S_OK);
  }
  {
    CParallelStreamQueue queue;
    CHECK(queue.StartProcessing(NULL) == E_INVALIDARG);
    CHECK(queue.StartProcessingToFile(L"/nonexistent/directory/archive.7z") != S_OK);
  }
}

int main()
{
  CClientThread mark;
  Runs();
  SharedStream();
  LookAhead();
  LookAheadFails();
  ReplacedCallback();
  TwoRunsAtOnce();
  Queues();
  return Finish("refcounts");
}
