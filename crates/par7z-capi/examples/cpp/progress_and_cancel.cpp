/* progress_and_cancel.cpp - a callback that counts what it is told, and one that cancels.
   Usage: progress_and_cancel ARCHIVE */

#include "Streams.h"

#include <atomic>

/* Its methods come from several threads at once. */
class CCounter final: public IParallelCompressCallback, public ICompressProgressInfo, public CMyUnknownImp
{
  Z7_COM_UNKNOWN_IMP_2(IParallelCompressCallback, ICompressProgressInfo)

  const UInt32 _cancelAfter;
public:
  std::atomic<UInt32> NumStarted;
  std::atomic<UInt32> NumComplete;
  std::atomic<UInt64> InSize;
  UInt64 TotalInSize;  // SetRatioInfo comes from one thread at a time

  /* Cancels when so many items are complete. */
  explicit CCounter(UInt32 cancelAfter):
      _cancelAfter(cancelAfter), NumStarted(0), NumComplete(0), InSize(0), TotalInSize(0) {}

  STDMETHOD(OnItemStart)(UInt32, const wchar_t *) noexcept override
  {
    NumStarted++;
    return S_OK;
  }
  STDMETHOD(OnItemProgress)(UInt32, UInt64, UInt64) noexcept override { return S_OK; }
  STDMETHOD(OnItemComplete)(UInt32, HRESULT result, UInt64 inSize, UInt64) noexcept override
  {
    if (result == S_OK)
    {
      InSize += inSize;
      NumComplete++;
    }
    return S_OK;
  }
  STDMETHOD(OnError)(UInt32 itemIndex, HRESULT, const wchar_t *message) noexcept override
  {
    fprintf(stderr, "item %u: %ls\n", itemIndex, message);
    return S_OK;
  }
  STDMETHOD(ShouldCancel)() noexcept override { return NumComplete >= _cancelAfter ? E_ABORT : S_OK; }
  STDMETHOD(GetNextItems)(UInt32, UInt32, CParallelInputItem *, UInt32 *) noexcept override { return E_NOTIMPL; }

  STDMETHOD(SetRatioInfo)(const UInt64 *inSize, const UInt64 *) noexcept override
  {
    TotalInSize = *inSize;
    return S_OK;
  }
};

static const unsigned kNumItems = 20;

static HRESULT Compress(CParallelCompressor &compressor, CCounter *counter, ISequentialOutStream *output)
{
  std::vector<std::wstring> names;
  names.reserve(kNumItems);
  CObjectVector<CParallelInputItem> items;
  for (unsigned i = 0; i < kNumItems; i++)
  {
    names.push_back(SampleName(i));
    CParallelInputItem &item = items.AddNew();
    item.InStream = new CMemoryInStream(SampleContent(i));
    item.Name = names[i].c_str();
  }
  compressor.SetCallback(counter);
  const HRESULT result = compressor.CompressMultiple(&items[0], items.Size(), output, counter);
  compressor.SetCallback(NULL);
  return result;
}

int main(int argc, char **argv)
{
  if (argc != 2)
    return 2;
  CParallelCompressor compressor;
  compressor.SetNumThreads(2);

  CCounter *const cancels = new CCounter(5);
  CMyComPtr<IParallelCompressCallback> cancelsRef = cancels;
  CMyComPtr<ISequentialOutStream> output = new CFileOutStream(argv[1]);
  Expect("the cancelled run", Compress(compressor, cancels, output), E_ABORT);

  CCounter *const counts = new CCounter(kNumItems + 1);
  CMyComPtr<IParallelCompressCallback> countsRef = counts;
  output = new CFileOutStream(argv[1]);
  Expect("the whole run", Compress(compressor, counts, output));

  printf("progress_and_cancel: cancelled after %u of %u items, then %u complete\n", cancels->NumComplete.load(), kNumItems,
      counts->NumComplete.load());
  return cancels->NumComplete < kNumItems && counts->NumStarted == kNumItems && counts->NumComplete == kNumItems
      && counts->InSize == counts->TotalInSize ? 0 : 1;
}
