/* ParallelCompressCom.h - the COM basics that the C++ headers of par7z stand on: GUID, IUnknown, the stream interfaces,
   CMyComPtr, CObjectVector. Not to be included by itself: IParallelCompress.h includes it.

   There are two modes, and a program keeps to one of them:

   In 7-Zip's source tree everything comes from 7-Zip's own headers. That is so if one of them was included before, if
     PAR7Z_7ZIP_TREE is defined, or if they are found beside this header or on the include path (-I CPP/7zip/Compress).
   Standalone, this header defines the same names itself, so that a stream class that is written for one mode compiles
     in the other. PAR7Z_STANDALONE asks for it where 7-Zip's headers would be found.

   C++11 or later. */

#ifndef PARALLEL_COMPRESS_COM_H
#define PARALLEL_COMPRESS_COM_H

#if !defined(_MSC_VER) && __cplusplus < 201103L
  #error "par7z's C++ headers need C++11 or later"
#endif

#ifdef __has_include
  #define PAR7Z_HAS_INCLUDE(file) __has_include(file)
#else
  #define PAR7Z_HAS_INCLUDE(file) 0
#endif

/* ---- Which mode ---- */

#if defined(PAR7Z_STANDALONE)
  #undef PAR7Z_7ZIP_TREE
#elif !defined(PAR7Z_7ZIP_TREE)
  #if defined(ZIP7_INC_COMMON_H) || defined(ZIP7_INC_MY_COM_H) || defined(ZIP7_INC_COMMON_MY_VECTOR_H) \
      || defined(ZIP7_INC_MY_VECTOR_H) || defined(ZIP7_INC_ISTREAM_H) || defined(ZIP7_INC_MY_WINDOWS_H)
    #define PAR7Z_7ZIP_TREE
  #elif PAR7Z_HAS_INCLUDE("../../Common/MyCom.h") && PAR7Z_HAS_INCLUDE("../ICoder.h")
    #define PAR7Z_7ZIP_TREE
  #endif
#endif

#ifdef PAR7Z_7ZIP_TREE

/* ---- 7-Zip's own ---- */

#if defined(ZIP7_INC_MY_COM_H) && defined(ZIP7_INC_COMMON_MY_VECTOR_H) && defined(ZIP7_INC_ICODER_H)
  /* all there already */
#elif PAR7Z_HAS_INCLUDE("../../Common/MyCom.h") || !defined(__has_include)
  #include "../../Common/MyCom.h"
  #include "../../Common/MyVector.h"
  #include "../ICoder.h"
#elif PAR7Z_HAS_INCLUDE("Common/MyCom.h") && PAR7Z_HAS_INCLUDE("7zip/ICoder.h")
  #include "Common/MyCom.h"
  #include "Common/MyVector.h"
  #include "7zip/ICoder.h"
#else
  #error "Include 7-Zip's Common/MyCom.h, Common/MyVector.h and 7zip/ICoder.h first, or add -I CPP, or define PAR7Z_STANDALONE"
#endif
#include "ParallelCompressAPI.h"

#else /* standalone */

#include "ParallelCompressAPI.h"

#include <atomic>
#include <string.h>

typedef uint16_t UInt16;

#ifdef _WIN32

#include <unknwn.h>

#else

/* ---- What windows.h has. 7-Zip's widths: LONG, ULONG and DWORD have 32 bits ---- */

typedef Int32 LONG;
typedef UInt32 ULONG;
typedef UInt32 DWORD;

#ifndef GUID_DEFINED
#define GUID_DEFINED

typedef struct
{
  UInt32 Data1;
  UInt16 Data2;
  UInt16 Data3;
  Byte Data4[8];
} GUID;

#define REFGUID const GUID &
#define REFIID REFGUID
#define REFCLSID REFGUID

inline bool operator==(REFGUID a, REFGUID b) { return memcmp(&a, &b, sizeof(GUID)) == 0; }
inline bool operator!=(REFGUID a, REFGUID b) { return !(a == b); }

#endif

/* 100 ns since 1601-01-01 UTC. */
typedef struct
{
  DWORD dwLowDateTime;
  DWORD dwHighDateTime;
} FILETIME;

typedef enum tagSTREAM_SEEK
{
  STREAM_SEEK_SET = 0,
  STREAM_SEEK_CUR = 1,
  STREAM_SEEK_END = 2
} STREAM_SEEK;

#define STDMETHODCALLTYPE
#define STDMETHOD_(type, method) virtual type STDMETHODCALLTYPE method
#define STDMETHOD(method)        STDMETHOD_(HRESULT, method)
#define STDMETHODIMP_(type)      type STDMETHODCALLTYPE
#define STDMETHODIMP             STDMETHODIMP_(HRESULT)

#endif /* _WIN32 */

#ifndef FILE_ATTRIBUTE_DIRECTORY
  #define FILE_ATTRIBUTE_DIRECTORY 0x10
#endif
#ifndef FILE_ATTRIBUTE_UNIX_EXTENSION
  #define FILE_ATTRIBUTE_UNIX_EXTENSION 0x8000
#endif
#ifndef RINOK
  #define RINOK(x) { const HRESULT _result_ = (x); if (_result_ != S_OK) return _result_; }
#endif

#endif /* PAR7Z_7ZIP_TREE */

/* ---- For the declarations below and in IParallelCompress.h ---- */

/* Interfaces have no virtual destructor: it would change the order of their methods in memory. */
#if defined(__GNUC__) || defined(__clang__)
  #define PAR7Z_INTERFACES_BEGIN \
    _Pragma("GCC diagnostic push") _Pragma("GCC diagnostic ignored \"-Wnon-virtual-dtor\"")
  #define PAR7Z_INTERFACES_END _Pragma("GCC diagnostic pop")
#else
  #define PAR7Z_INTERFACES_BEGIN
  #define PAR7Z_INTERFACES_END
#endif

/* The GUID of one of 7-Zip's interfaces. */
#define PAR7Z_IID(groupId, subId) { 0x23170F69, 0x40C1, 0x278A, { 0, 0, 0, (groupId), 0, (subId), 0, 0 } }

/* Declares an interface and its IID. The methods are those of Z7_IFACEM_<name>, from which 7-Zip's macros make the
   declarations in a class that implements it. The IID is a constant of each file, not a symbol: nothing has to define it,
   and it cannot clash. The methods are declared without throw(), so that overrides with and without it compile. */
#define PAR7Z_PURE_METHOD(method) virtual HRESULT STDMETHODCALLTYPE method = 0;
#define PAR7Z_INTERFACE(name, base, groupId, subId) \
  static const GUID IID_ ## name = PAR7Z_IID(groupId, subId); \
  struct name: public base { Z7_IFACEM_ ## name(PAR7Z_PURE_METHOD) };

#ifndef PAR7Z_7ZIP_TREE

/* ---- Interfaces, as in 7-Zip's IStream.h, ICoder.h and IProgress.h ---- */

PAR7Z_INTERFACES_BEGIN

#ifndef _WIN32
static const GUID IID_IUnknown = { 0, 0, 0, { 0xC0, 0, 0, 0, 0, 0, 0, 0x46 } };

/* Objects begin with the count 0; CMyComPtr and other owners add 1. The one that gets it back to 0 deletes the object. */
struct IUnknown
{
  /* On failure, *object becomes NULL. */
  virtual HRESULT STDMETHODCALLTYPE QueryInterface(REFIID iid, void **object) = 0;
  virtual ULONG STDMETHODCALLTYPE AddRef() = 0;
  virtual ULONG STDMETHODCALLTYPE Release() = 0;
};
#endif

/* Read gives up to size bytes and their number in *processedSize, which is never NULL. Fewer than asked for is fine;
   S_OK with 0 bytes is the end of the stream. */
#define Z7_IFACEM_ISequentialInStream(x) \
  x(Read(void *data, UInt32 size, UInt32 *processedSize))
PAR7Z_INTERFACE(ISequentialInStream, IUnknown, 3, 0x01)

/* Write takes up to size bytes, at least 1, and gives their number in *processedSize, which is never NULL. */
#define Z7_IFACEM_ISequentialOutStream(x) \
  x(Write(const void *data, UInt32 size, UInt32 *processedSize))
PAR7Z_INTERFACE(ISequentialOutStream, IUnknown, 3, 0x02)

/* seekOrigin is one of STREAM_SEEK. newPosition may be NULL. */
#define Z7_IFACEM_IInStream(x) \
  x(Seek(Int64 offset, UInt32 seekOrigin, UInt64 *newPosition))
PAR7Z_INTERFACE(IInStream, ISequentialInStream, 3, 0x03)

#define Z7_IFACEM_IOutStream(x) \
  x(Seek(Int64 offset, UInt32 seekOrigin, UInt64 *newPosition)) \
  x(SetSize(UInt64 newSize))
PAR7Z_INTERFACE(IOutStream, ISequentialOutStream, 3, 0x04)

#define Z7_IFACEM_IStreamGetSize(x) \
  x(GetSize(UInt64 *size))
PAR7Z_INTERFACE(IStreamGetSize, IUnknown, 3, 0x06)

#define Z7_IFACEM_IProgress(x) \
  x(SetTotal(UInt64 total)) \
  x(SetCompleted(const UInt64 *completeValue))
PAR7Z_INTERFACE(IProgress, IUnknown, 0, 0x05)

/* Sizes done so far; each may be NULL: not known. A failing result stops the work. */
#define Z7_IFACEM_ICompressProgressInfo(x) \
  x(SetRatioInfo(const UInt64 *inSize, const UInt64 *outSize))
PAR7Z_INTERFACE(ICompressProgressInfo, IUnknown, 4, 0x04)

#define Z7_IFACEM_ICompressCoder(x) \
  x(Code(ISequentialInStream *inStream, ISequentialOutStream *outStream, \
      const UInt64 *inSize, const UInt64 *outSize, ICompressProgressInfo *progress))
PAR7Z_INTERFACE(ICompressCoder, IUnknown, 4, 0x05)

PAR7Z_INTERFACES_END

/* ---- CMyComPtr: holds one reference to a COM object, or NULL ---- */

template <class T>
class CMyComPtr
{
  T *_p;
public:
  CMyComPtr(): _p(NULL) {}
  CMyComPtr(T *p): _p(p) { if (_p) _p->AddRef(); }
  CMyComPtr(const CMyComPtr &other): _p(other._p) { if (_p) _p->AddRef(); }
  ~CMyComPtr() { if (_p) _p->Release(); }

  T *operator=(T *p)
  {
    if (p)
      p->AddRef();
    if (_p)
      _p->Release();
    _p = p;
    return p;
  }
  T *operator=(const CMyComPtr &other) { return (*this = other._p); }

  operator T *() const { return _p; }
  T *Interface() const { return _p; }
  T *operator->() const { return _p; }
  bool operator!() const { return _p == NULL; }

  /* For functions that give a reference through an argument. The pointer must be NULL before. */
  T **operator&() { return &_p; }

  void Release() { *this = static_cast<T *>(NULL); }

  /* Takes over the caller's reference. */
  void Attach(T *p)
  {
    Release();
    _p = p;
  }

  /* Hands the reference to the caller. */
  T *Detach()
  {
    T *p = _p;
    _p = NULL;
    return p;
  }

  template <class Q>
  HRESULT QueryInterface(REFGUID iid, Q **object) const
  {
    return _p->QueryInterface(iid, reinterpret_cast<void **>(object));
  }
};

/* ---- Helpers to write COM classes, named as 7-Zip's. For example:

     Z7_CLASS_IMP_COM_1(CMyStream, ISequentialInStream)
       UInt64 _position;   // private members
     public:
       CMyStream(): _position(0) {}
     };
     Z7_COM7F_IMF(CMyStream::Read(void *data, UInt32 size, UInt32 *processedSize)) { ... }

   or, with the methods declared by hand:

     class CMyStream final: public ISequentialInStream, public CMyUnknownImp
     {
       Z7_COM_UNKNOWN_IMP_1(ISequentialInStream)
     public:
       STDMETHOD(Read)(void *data, UInt32 size, UInt32 *processedSize) noexcept override;
     };
   ---- */

/* The reference count. Atomic, unlike 7-Zip's. */
class CMyUnknownImp
{
  CMyUnknownImp(const CMyUnknownImp &) = delete;
  CMyUnknownImp &operator=(const CMyUnknownImp &) = delete;
protected:
  std::atomic<ULONG> _m_RefCount;
  CMyUnknownImp(): _m_RefCount(0) {}
};

#define Z7_final    final
#define Z7_override override
#define Z7_class_final(c) class c final

#define Z7_COM7F_IMF(method)        STDMETHODIMP method noexcept
#define Z7_COM7F_IMF2(type, method) STDMETHODIMP_(type) method noexcept
#define Z7_COM7F_IMP(method)        Z7_COM7F_IMF(method) override final;
#define Z7_IFACE_COM7_IMP(name)     Z7_IFACEM_ ## name(Z7_COM7F_IMP)

#define Z7_COM_QI_ENTRY_UNKNOWN_0 \
  if (iid == IID_IUnknown) \
    { IUnknown *ti = this; *outObject = ti; }
#define Z7_COM_QI_ENTRY_UNKNOWN(i) \
  if (iid == IID_IUnknown) \
    { i *ti = this; IUnknown *tu = ti; *outObject = tu; }
#define Z7_COM_QI_ENTRY(i) \
  else if (iid == IID_ ## i) \
    { i *ti = this; *outObject = ti; }

#define Z7_COM_UNKNOWN_IMP_SPEC(entries) \
  private: \
  STDMETHOD(QueryInterface)(REFIID iid, void **outObject) noexcept override final \
  { \
    *outObject = NULL; \
    entries \
    else return E_NOINTERFACE; \
    ++_m_RefCount; \
    return S_OK; \
  } \
  STDMETHOD_(ULONG, AddRef)() noexcept override final { return ++_m_RefCount; } \
  STDMETHOD_(ULONG, Release)() noexcept override final \
  { \
    const ULONG count = --_m_RefCount; \
    if (count == 0) \
      delete this; \
    return count; \
  }

#define Z7_COM_UNKNOWN_IMP_0 \
  Z7_COM_UNKNOWN_IMP_SPEC(Z7_COM_QI_ENTRY_UNKNOWN_0)
#define Z7_COM_UNKNOWN_IMP_1(i) \
  Z7_COM_UNKNOWN_IMP_SPEC(Z7_COM_QI_ENTRY_UNKNOWN(i) Z7_COM_QI_ENTRY(i))
#define Z7_COM_UNKNOWN_IMP_2(i1, i2) \
  Z7_COM_UNKNOWN_IMP_SPEC(Z7_COM_QI_ENTRY_UNKNOWN(i1) Z7_COM_QI_ENTRY(i1) Z7_COM_QI_ENTRY(i2))
#define Z7_COM_UNKNOWN_IMP_3(i1, i2, i3) \
  Z7_COM_UNKNOWN_IMP_SPEC(Z7_COM_QI_ENTRY_UNKNOWN(i1) Z7_COM_QI_ENTRY(i1) Z7_COM_QI_ENTRY(i2) Z7_COM_QI_ENTRY(i3))

#define Z7_IFACES_IMP_UNK_1(i1) \
  Z7_COM_UNKNOWN_IMP_1(i1) Z7_IFACE_COM7_IMP(i1)
#define Z7_IFACES_IMP_UNK_2(i1, i2) \
  Z7_COM_UNKNOWN_IMP_2(i1, i2) Z7_IFACE_COM7_IMP(i1) Z7_IFACE_COM7_IMP(i2)
#define Z7_IFACES_IMP_UNK_3(i1, i2, i3) \
  Z7_COM_UNKNOWN_IMP_3(i1, i2, i3) Z7_IFACE_COM7_IMP(i1) Z7_IFACE_COM7_IMP(i2) Z7_IFACE_COM7_IMP(i3)

/* They open the class; what follows is private. */
#define Z7_CLASS_IMP_COM_0(c) \
  Z7_class_final(c): public IUnknown, public CMyUnknownImp { Z7_COM_UNKNOWN_IMP_0 private:
#define Z7_CLASS_IMP_COM_1(c, i1) \
  Z7_class_final(c): public i1, public CMyUnknownImp { Z7_IFACES_IMP_UNK_1(i1) private:
#define Z7_CLASS_IMP_COM_2(c, i1, i2) \
  Z7_class_final(c): public i1, public i2, public CMyUnknownImp { Z7_IFACES_IMP_UNK_2(i1, i2) private:
#define Z7_CLASS_IMP_COM_3(c, i1, i2, i3) \
  Z7_class_final(c): public i1, public i2, public i3, public CMyUnknownImp { Z7_IFACES_IMP_UNK_3(i1, i2, i3) private:

/* For the interfaces with a base: the class answers for both, and declares the methods of both. */
#define Z7_CLASS_IMP_IInStream(c) \
  Z7_class_final(c): public IInStream, public CMyUnknownImp { Z7_IFACES_IMP_UNK_2(ISequentialInStream, IInStream) private:

#endif /* standalone */

#endif
