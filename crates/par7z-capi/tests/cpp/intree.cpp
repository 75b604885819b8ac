/* intree.cpp - a client inside 7-Zip's source tree (26.02): 7-Zip's headers, macros, streams and objects, with par7z's
   headers and library.
   Usage: intree ARCHIVE

   Archives the sample items 0 to 5; number 5 comes from the look-ahead. */

#include "StdAfx.h"

#include "../../Common/MyInitGuid.h"

#include "../../Common/MyVector.h"
#include "../Common/FileStreams.h"
#include "../Common/StreamObjects.h"

#include "ParallelCompressor.h"

#include "../../examples/cpp/Streams.h"

#ifndef PAR7Z_7ZIP_TREE
  #error "7-Zip's tree was not noticed"
#endif

/* As 7-Zip writes its classes: the macro declares the methods. */
Z7_CLASS_IMP_COM_2(
  CCallback
  , IParallelCompressCallback
  , ICompressProgressInfo
)
public:
  std::atomic<UInt32> NumComplete;
  UInt64 InSize;
  const std::string NextContent;
  CCallback(): NumComplete(0), InSize(0), NextContent(SampleContent(5)) {}
};

Z7_COM7F_IMF(CCallback::OnItemStart(UInt32 /* itemIndex */, const wchar_t * /* name */))
{
  return S_OK;
}
Z7_COM7F_IMF(CCallback::OnItemProgress(UInt32 /* itemIndex */, UInt64 /* inSize */, UInt64 /* outSize */))
{
  return S_OK;
}
Z7_COM7F_IMF(CCallback::OnItemComplete(UInt32 /* itemIndex */, HRESULT result, UInt64 /* inSize */, UInt64 /* outSize */))
{
  if (result == S_OK)
    NumComplete++;
  return S_OK;
}
Z7_COM7F_IMF(CCallback::OnError(UInt32 itemIndex, HRESULT /* errorCode */, const wchar_t *message))
{
  fprintf(stderr, "item %u: %ls\n", itemIndex, message);
  return S_OK;
}
Z7_COM7F_IMF(CCallback::ShouldCancel())
{
  return S_OK;
}
Z7_COM7F_IMF(CCallback::GetNextItems(UInt32 currentIndex, UInt32 lookAheadCount, CParallelInputItem *items,
    UInt32 *itemsReturned))
{
  *itemsReturned = 0;
  if (currentIndex != 0 || lookAheadCount == 0)
    return S_OK;
  CBufInStream *stream = new CBufInStream;
  items[0].InStream = stream;
  stream->Init((const Byte *)NextContent.data(), NextContent.size());
  items[0].Name = L"item_5.txt";
  *itemsReturned = 1;
  return S_OK;
}
Z7_COM7F_IMF(CCallback::SetRatioInfo(const UInt64 *inSize, const UInt64 * /* outSize */))
{
  InSize = *inSize;
  return S_OK;
}

/* The plain style compiles as well. */
class CQuietCallback final: public IParallelCompressCallback2, public CMyUnknownImp
{
  Z7_COM_UNKNOWN_IMP_1(IParallelCompressCallback2)
public:
  HRESULT STDMETHODCALLTYPE OnProgressWithStats(const CParallelStatistics *) override { return S_OK; }
  HRESULT STDMETHODCALLTYPE OnThroughputUpdate(UInt64, UInt64) throw() override { return S_OK; }
};

int main(int argc, char **argv)
{
  if (argc != 2)
    return 2;
  CMyComPtr<IUnknown> quiet = new CQuietCallback;

  const unsigned kNumItems = 5;
  std::vector<std::wstring> names;
  std::vector<std::string> contents;
  for (unsigned i = 0; i < kNumItems; i++)
  {
    names.push_back(SampleName(i));
    contents.push_back(SampleContent(i));
  }
  CObjectVector<CParallelInputItem> items;
  for (unsigned i = 0; i < kNumItems; i++)
  {
    CBufInStream *stream = new CBufInStream;
    CParallelInputItem &item = items.AddNew();
    item.InStream = stream;
    stream->Init((const Byte *)contents[i].data(), contents[i].size());
    item.Name = names[i].c_str();
    item.Size = contents[i].size();
  }

  CMyComPtr2_Create<ISequentialOutStream, COutFileStream> output;
  if (!output->Create_ALWAYS(argv[1]))
    return 1;

  CCallback *callback = new CCallback;
  CMyComPtr<IParallelCompressCallback> callbackRef = callback;
  CMyComPtr<IParallelCompressor> compressor = new CParallelCompressor();
  compressor->SetNumThreads(2);
  Expect("SetCallback", compressor->SetCallback(callback));
  Expect("CompressMultiple", compressor->CompressMultiple(&items[0], items.Size(), output, callback));
  Expect("Close", output->Close());
  printf("intree: %u items, %llu bytes\n", callback->NumComplete.load(), (unsigned long long)callback->InSize);
  return callback->NumComplete == kNumItems + 1 ? 0 : 1;
}
