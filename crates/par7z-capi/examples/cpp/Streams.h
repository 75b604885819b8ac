/* Streams.h - the streams and sample data of the example programs.

   They are written with the macros that 7-Zip and par7z's headers share, so they compile in 7-Zip's source tree too. */

#ifndef PAR7Z_EXAMPLES_STREAMS_H
#define PAR7Z_EXAMPLES_STREAMS_H

#include "ParallelCompressor.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <algorithm>
#include <string>

/* ---- Streams ---- */

/* Reads from memory, which it owns. */
class CMemoryInStream final: public ISequentialInStream, public CMyUnknownImp
{
  Z7_COM_UNKNOWN_IMP_1(ISequentialInStream)

  std::string _content;
  size_t _position;
public:
  explicit CMemoryInStream(const std::string &content): _content(content), _position(0) {}

  STDMETHOD(Read)(void *data, UInt32 size, UInt32 *processedSize) noexcept override
  {
    const size_t num = (std::min)(static_cast<size_t>(size), _content.size() - _position);
    memcpy(data, _content.data() + _position, num);
    _position += num;
    *processedSize = static_cast<UInt32>(num);
    return S_OK;
  }
};

/* Writes a file, front to back: stands for a pipe or a socket. */
class CPipeOutStream final: public ISequentialOutStream, public CMyUnknownImp
{
  Z7_COM_UNKNOWN_IMP_1(ISequentialOutStream)

  FILE *_file;
public:
  explicit CPipeOutStream(const char *path): _file(fopen(path, "wb")) {}
  ~CPipeOutStream() { if (_file) fclose(_file); }

  STDMETHOD(Write)(const void *data, UInt32 size, UInt32 *processedSize) noexcept override
  {
    const size_t num = _file ? fwrite(data, 1, size, _file) : 0;
    *processedSize = static_cast<UInt32>(num);
    return num != 0 ? S_OK : E_FAIL;
  }
};

/* Writes a file at any place. */
class CFileOutStream final: public IOutStream, public CMyUnknownImp
{
  Z7_COM_UNKNOWN_IMP_2(ISequentialOutStream, IOutStream)

  FILE *_file;
public:
  explicit CFileOutStream(const char *path): _file(fopen(path, "wb")) {}
  ~CFileOutStream() { if (_file) fclose(_file); }

  STDMETHOD(Write)(const void *data, UInt32 size, UInt32 *processedSize) noexcept override
  {
    const size_t num = _file ? fwrite(data, 1, size, _file) : 0;
    *processedSize = static_cast<UInt32>(num);
    return num != 0 ? S_OK : E_FAIL;
  }

  STDMETHOD(Seek)(Int64 offset, UInt32 seekOrigin, UInt64 *newPosition) noexcept override
  {
    static const int kOrigins[] = { SEEK_SET, SEEK_CUR, SEEK_END };
    if (!_file || seekOrigin > STREAM_SEEK_END)
      return E_INVALIDARG;
    if (fseek(_file, static_cast<long>(offset), kOrigins[seekOrigin]) != 0)
      return E_FAIL;
    if (newPosition)
      *newPosition = static_cast<UInt64>(ftell(_file));
    return S_OK;
  }

  /* Only cuts off what a failed item has left behind the archive's end, so it may be missing. */
  STDMETHOD(SetSize)(UInt64) noexcept override { return E_NOTIMPL; }
};

/* ---- Sample data: item number i is "item_<i>.txt" ---- */

inline std::wstring SampleName(unsigned number)
{
  return L"item_" + std::to_wstring(number) + L".txt";
}

/* Some lines of words; item 0 is empty. The same at each call. */
inline std::string SampleContent(unsigned number)
{
  static const char *const kWords[] = { "stream ", "archive ", "thread ", "block ", "volume ", "item ", "key ", "\n" };
  const size_t size = number == 0 ? 0 : 10000u + number * 37777u % 300000u;
  std::string content;
  UInt32 random = number;
  while (content.size() < size)
  {
    random = random * 1664525u + 1013904223u;
    content += kWords[random >> 29];
  }
  return content;
}

/* Says what is wrong and ends the program if the result is another one. */
inline void Expect(const char *what, HRESULT result, HRESULT expected = S_OK)
{
  if (result == expected)
    return;
  fprintf(stderr, "%s: result %08X, expected %08X (%ls)\n", what, static_cast<unsigned>(result),
      static_cast<unsigned>(expected), CParallelCompressor::LastErrorMessage());
  exit(1);
}

#endif
