/* ParallelCompressAPI.h - the C API of par7z, and of the Parallel Compression API for 7-Zip that it implements.

   Compresses many independent inputs - memory, files, network streams - in parallel into one standard .7z archive, and
   lists and extracts .7z archives. C99 or later, C++11 or later. Link with -lpar7z (pkg-config: par7z; CMake: par7z::par7z).

   THE RULES, which hold for every function unless it says otherwise

   Arguments   NULL where it is not allowed, sizes that cannot be, misaligned structs, a StructSize other than sizeof: they are
               E_INVALIDARG. What a pointer points to cannot be checked.
   Handles     Numbers in a pointer's clothes: never dereferenced, never used twice. NULL, a destroyed handle or one of
               another kind is E_INVALIDARG (Destroy: nothing happens).
   Results     S_OK, S_FALSE (some items failed, the archive holds the others), or a negative code; see "Result codes".
               ParallelCompress_GetLastErrorMessage tells the reason in words. A function that fails has changed nothing:
               an archive that stood at the output path stands there still.
   Strings     wchar_t, zero-terminated, copied unless said otherwise. Where wchar_t has 32 bits, characters may be
               whole code points or UTF-16 units (as 7-Zip's own UString holds them): both are understood.
               Names in archives have '/' between their parts.
   Threads     Functions may be called from any thread. One compressor may run several archives at once and be changed
               meanwhile; a run keeps the settings it began with.
   Callbacks   Come from several threads at once, with no lock held. They may call every function of this API that does
               not wait for their own run (as WaitForCompletion of its queue would); queries, Cancel and Destroy are
               fine. They must not throw C++ exceptions or longjmp out. None comes after the function that runs the
               archive has returned, or after Destroy has.
   Paths       Where a path may stand, so may the URL of an object store, if the library was built with them (feature
               "cloud"); see "Object stores". Otherwise a URL is E_INVALIDARG. A URL is what begins with letters and ://.
   Memory      (encoder + input in flight) x threads, and for the whole run 512 MiB of packed data that waits for its
               turn at the most. An LZMA2 encoder at level 5 takes up to 16 MB for items up to 1 MB; for large ones
               some 0.4 GB with usual content and 2.5 GB in the worst case. Item data in memory is read where it is,
               not copied.
*/

#ifndef PARALLEL_COMPRESS_API_H
#define PARALLEL_COMPRESS_API_H

#include <stddef.h>
#include <stdint.h>
#include <wchar.h>

/* ---- Types, as 7-Zip's C/7zTypes.h has them; that header may be included before or after ---- */

#ifdef _WIN32
  #ifndef WIN32_LEAN_AND_MEAN
    #define WIN32_LEAN_AND_MEAN
  #endif
  #ifndef NOMINMAX
    #define NOMINMAX
  #endif
  #include <windows.h>
#endif

#ifndef ZIP7_7Z_TYPES_H
  typedef unsigned char Byte;
  typedef int32_t Int32;
  typedef uint32_t UInt32;
  typedef int64_t Int64;
  typedef uint64_t UInt64;
  #ifndef _WIN32
    typedef int32_t HRESULT;
  #endif
#endif

/* ---- Result codes ---- */

#ifndef S_OK
  #define S_OK    ((HRESULT)0x00000000L)
#endif
#ifndef S_FALSE
  #define S_FALSE ((HRESULT)0x00000001L)
#endif
#ifndef E_NOTIMPL      /* the archive uses a method that this library does not have; SetStoreOption: built without stores */
  #define E_NOTIMPL     ((HRESULT)0x80004001L)
#endif
#ifndef E_NOINTERFACE
  #define E_NOINTERFACE ((HRESULT)0x80004002L)
#endif
#ifndef E_POINTER
  #define E_POINTER     ((HRESULT)0x80004003L)
#endif
#ifndef E_ABORT        /* cancelled */
  #define E_ABORT       ((HRESULT)0x80004004L)
#endif
#ifndef E_FAIL         /* every item failed, or a failure without a better code */
  #define E_FAIL        ((HRESULT)0x80004005L)
#endif
#ifndef E_OUTOFMEMORY
  #define E_OUTOFMEMORY               ((HRESULT)0x8007000EL)
#endif
#ifndef E_INVALIDARG
  #define E_INVALIDARG                ((HRESULT)0x80070057L)
#endif
#ifndef SUCCEEDED
  #define SUCCEEDED(hr) ((HRESULT)(hr) >= 0)
#endif
#ifndef FAILED
  #define FAILED(hr)    ((HRESULT)(hr) < 0)
#endif

/* Input and output errors: 0x88000000 | errno, on Windows 0x80070000 | GetLastError(). A failing callback's own HRESULT
   is handed through. Reading archives has these besides: */
#define PARALLEL_E_NOT_ARCHIVE       ((HRESULT)0x80040701L)  /* it is no .7z archive */
#define PARALLEL_E_CORRUPT           ((HRESULT)0x80040702L)  /* damaged: a header, data that cannot be decoded, a wrong CRC */
#define PARALLEL_E_PASSWORD_REQUIRED ((HRESULT)0x80040703L)  /* encrypted, and no password or key was given */
#define PARALLEL_E_WRONG_PASSWORD    ((HRESULT)0x80040704L)  /* the password or key is wrong */
#define PARALLEL_E_LIMIT             ((HRESULT)0x80040705L)  /* it would need more memory or work than is allowed */
#define PARALLEL_E_UNSAFE_PATH       ((HRESULT)0x80040706L)  /* an entry's name or link leads out of the destination */
#define PARALLEL_E_EXISTS            ((HRESULT)0x80040707L)  /* a file is in the way, and overwriting was not asked for */

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Handles ---- */

typedef void *ParallelCompressorHandle;
typedef void *ParallelStreamQueueHandle;
typedef void *ParallelArchiveHandle;

/* ---- Items ---- */

/* An input, in its classic form. 48 bytes on 64-bit systems. What the item is made of, first match:
   Data != NULL: DataSize bytes there (0: an empty file); no other field but Name is looked at.
   FilePath != NULL: that file, opened when its turn comes; its times and attributes are stored. A directory's path
     stores the directory's own entry. DataSize is not looked at. A URL may stand for many items; see "Object stores".
   Neither: E_INVALIDARG. */
typedef struct ParallelInputItemC
{
  const void *Data;         /* lent: must stay as it is until the call that was given it returns */
  size_t DataSize;          /* bytes */
  const wchar_t *FilePath;
  const wchar_t *Name;      /* in the archive. Needed with Data; with FilePath, NULL or "" is the path's last part */
  UInt64 Size;              /* not looked at */
  void *UserData;           /* not looked at */
} ParallelInputItemC;

/* Gives up to size bytes (size > 0) and their number in *processed; fewer than asked for is fine. S_OK with 0 bytes is
   the end. Any other result than S_OK fails the item with it. Called by one thread at a time for one item, not always
   the same thread. */
typedef HRESULT (*ParallelReadCallback)(void *userData, void *data, UInt32 size, UInt32 *processed);

/* The item is not needed any more: it is complete, or has failed. Comes once for each item that was accepted, before the
   run's function returns, from any thread. */
typedef void (*ParallelCloseCallback)(void *userData);

/* An input, in full. Set the whole struct to zero first, then StructSize = sizeof(ParallelItemC). What it is made of:
   exactly one of Data, FilePath and Read; or none of them and Attributes with 0x10: a directory. */
typedef struct ParallelItemC
{
  UInt32 StructSize;
  UInt32 Attributes;              /* Windows attributes; with bit 15 set, the high half is the unix mode. 0: the file's, or none */
  const wchar_t *Name;            /* as in ParallelInputItemC */
  const void *Data;               /* lent until Close comes; without Close, until the run's function returns.
                                     ParallelStreamQueue_AddItem copies it unless there is a Close */
  size_t DataSize;
  const wchar_t *FilePath;
  ParallelReadCallback Read;      /* a stream: a socket, a blob, a generator */
  ParallelCloseCallback Close;    /* may be NULL */
  void *UserData;                 /* for Read and Close */
  UInt64 Size;                    /* of a stream, in bytes, if known: serves planning and progress. 0 = unknown. The stream's end decides */
  UInt64 ModificationTime;        /* 100 ns since 1601-01-01 UTC (a FILETIME). 0 = the file's own, or none */
} ParallelItemC;

/* ---- Callbacks of a compressor ---- */

/* Item itemIndex (from 0, in the order given) has come to inSize unpacked bytes, which take outSize bytes so far; 0 where
   that is not known (items that share a solid block). Comes at most once per update interval and item while it is in
   work, and at its end, be it good or bad (bad: outSize 0, after the error callback). */
typedef void (*ParallelProgressCallback)(UInt32 itemIndex, UInt64 inSize, UInt64 outSize, void *userData);

/* Item itemIndex failed, for this reason; the others go on. Once per failed item. message lives as long as the call. */
typedef void (*ParallelErrorCallback)(UInt32 itemIndex, HRESULT errorCode, const wchar_t *message, void *userData);

/* Asked for items that follow those given as an array, on the thread that called CompressMultiple, as room for them
   comes up. currentIndex: how many this callback has handed over so far in this run (0 at first). Write up to
   lookAheadCount items to items (zeroed before) and their number to *itemsReturned; they continue the numbering of the
   array. 0 items, or a result other than S_OK, is the end; a negative result ends the run with it, and so does a number
   above lookAheadCount, with E_INVALIDARG.
   Data, FilePath and Name of an item must live until the run returns. */
typedef HRESULT (*ParallelLookAheadCallback)(UInt32 currentIndex, UInt32 lookAheadCount, ParallelInputItemC *items,
    UInt32 *itemsReturned, void *userData);

/* 72 bytes. Counts of the run that began last; all 0 before the first. */
typedef struct ParallelStatisticsC
{
  UInt32 ItemsTotal;
  UInt32 ItemsCompleted;            /* failed ones included */
  UInt32 ItemsFailed;
  UInt32 ItemsInProgress;
  UInt64 TotalInSize;               /* unpacked bytes that are done */
  UInt64 TotalOutSize;              /* packed bytes that are done; at the end, the archive's size */
  UInt64 BytesPerSecond;            /* unpacked, mean since the start */
  UInt64 FilesPerSecond;            /* items x 100 per second */
  UInt64 ElapsedTimeMs;             /* stands still at the end */
  UInt64 EstimatedTimeRemainingMs;  /* 0 = not known, or over */
  UInt32 CompressionRatioX100;      /* TotalOutSize in percent of TotalInSize; 100 while nothing is done */
  UInt32 ActiveThreads;
} ParallelStatisticsC;

typedef void (*ParallelDetailedProgressCallback)(const ParallelStatisticsC *stats, void *userData);
typedef void (*ParallelThroughputCallback)(UInt64 bytesPerSecond, UInt64 filesPerSecondX100, void *userData);

#define PARALLEL_SEGMENT_LAST 1u  /* it has the highest number: the archive ends with it */

/* A complete volume. It and its stream live as long as the call that hands it over. */
typedef struct ParallelSegmentC
{
  UInt32 StructSize;
  UInt32 Flags;                /* PARALLEL_SEGMENT_... */
  UInt64 Number;               /* from 1: what output.7z.001 ends in */
  UInt64 Size;                 /* bytes */
  ParallelReadCallback Read;   /* to be called by you: segment->Read(segment->Stream, data, size, &processed). S_OK with 0
                                  bytes is the end. Any thread may read while the call lasts, one at a time */
  void *Stream;
} ParallelSegmentC;

/* Takes a volume: uploads it, writes it anywhere. What it does not read is lost. Any result but S_OK ends the run with it. */
typedef HRESULT (*ParallelSegmentCallback)(void *userData, const ParallelSegmentC *segment);

/* ---- The library ---- */

/* "major.minor.patch"; static, ASCII. */
const char *ParallelCompress_GetVersion(void);

/* major << 16 | minor << 8 | patch. */
UInt32 ParallelCompress_GetVersionNumber(void);

/* Why the last function that failed on this thread did so: one line, e.g. "cannot create the archive /a/b.7z: Permission
   denied (os error 13)"; "" if none has. The text is the thread's own and lives until the next failure on it. S_FALSE
   leaves the text of the first failed item. */
const wchar_t *ParallelCompress_GetLastErrorMessage(void);

/* ---- Compressor ---- */

/* A compressor with the defaults that each Set function names. NULL if memory is out. */
ParallelCompressorHandle ParallelCompressor_Create(void);

/* Cancels what runs, waits for it (except from one of its own callbacks: then the run ends soon after), wipes the password
   and key. NULL is fine. */
void ParallelCompressor_Destroy(ParallelCompressorHandle handle);

/* Threads that compress. Default 1. 0 is 1, more than 256 is 256. The archive's bytes do not depend on it. */
HRESULT ParallelCompressor_SetNumThreads(ParallelCompressorHandle handle, UInt32 numThreads);

/* 0 (fastest) to 9 (smallest), default 5; more than 9 is 9. 0 compresses too; to store, choose method 0. */
HRESULT ParallelCompressor_SetCompressionLevel(ParallelCompressorHandle handle, UInt32 level);

/* 7-Zip's method id: 0x030101 LZMA (default), 0x21 LZMA2 (one large item uses all threads), 0x030401 PPMd,
   0x040202 BZip2, 0x040108 Deflate, 0 Copy. 0x030901 is taken for LZMA2. Others: E_INVALIDARG. */
HRESULT ParallelCompressor_SetCompressionMethod(ParallelCompressorHandle handle, UInt64 methodId);

/* Encrypts contents and names with AES-256 in CBC mode under this key: keySize 32, ivSize 16, both copied; each block of
   items gets an IV of its own, derived from iv, and a second run of this compressor other ones. Give every archive made
   with a key a fresh random iv. Replaces a password. NULL, 0, NULL, 0 turns encryption off. Other sizes, a missing iv,
   and an iv that overlaps the key (it is stored readably) are E_INVALIDARG.
   7-Zip opens the archive if the 32 bytes are the UTF-16LE of 16 characters, with these as the password. */
HRESULT ParallelCompressor_SetEncryption(ParallelCompressorHandle handle, const Byte *key, UInt32 keySize,
    const Byte *iv, UInt32 ivSize);

/* Encrypts contents and names as 7-Zip does with -p and -mhe. Replaces a key. NULL or "" turns encryption off. Copied;
   the copy is wiped when it is replaced and by Destroy. */
HRESULT ParallelCompressor_SetPassword(ParallelCompressorHandle handle, const wchar_t *password);

/* Whether names, times and structure are encrypted along with the contents: 1 (default) or 0. Without encryption it means
   nothing. */
HRESULT ParallelCompressor_SetEncryptNames(ParallelCompressorHandle handle, int enabled);

/* Cuts the archive into volumes of so many bytes, as 7-Zip's -v: output.7z.001, .002, ... 0 (default) = one file. An
   existing set is replaced when the new one is complete. */
HRESULT ParallelCompressor_SetSegmentSize(ParallelCompressorHandle handle, UInt64 segmentSize);

/* The same setting under its other name. */
HRESULT ParallelCompressor_SetVolumeSize(ParallelCompressorHandle handle, UInt64 volumeSize);

/* What volumes are called, if not after the output path: prefix "dir/part." or "dir/part" gives dir/part.001, ... The
   output path is then not used and may be NULL. NULL or "" (default): after the output path. */
HRESULT ParallelCompressor_SetVolumePrefix(ParallelCompressorHandle handle, const wchar_t *prefix);

/* Volumes go to this function and not to files, each as soon as it is complete, while later ones are being made: 2, 3, ...,
   n, and 1 last, because the archive begins with a pointer to its end. (Volumes of less than 32 bytes that hold a part of
   it come last, too, and 1 after them.) One call at a time; items go on being compressed meanwhile, until 512 MiB wait.
   Only when the run's function returns S_OK or S_FALSE is the set complete. After any other result it lacks volume 1, and
   what was taken is to be thrown away.
   It needs SetSegmentSize; without it, with a volume prefix, or to memory, the run is E_INVALIDARG. The output path (or
   Write) is not used and may be NULL. Volume 1 and the one being made are held: each takes up to memoryLimit bytes of
   memory (0: 64 MiB), beyond that a temporary file. callback NULL (default): volumes are files. */
HRESULT ParallelCompressor_SetSegmentCallback(ParallelCompressorHandle handle, ParallelSegmentCallback callback,
    UInt64 memoryLimit, void *userData);

/* ---- Object stores ----

   az://container/name, s3://bucket/name, gs://bucket/name, https://account.blob.core.windows.net/container/name?SAS,
   https://host/file (to read only); docs/cloud.md has how credentials are found in the environment.

   Output      An object, which appears when the archive is complete and then replaces an older one; volumes likewise.
   FilePath    One object: an item under Name; Name NULL or "": under the last part of the object's name. Its time is the
               store's unless ModificationTime is given.
               A name that ends in '/' (or is empty) means all objects below it, one with * or ? those that match (* stops
               at '/', ** does not): each is an item, under its name without the part that is fixed up to the last '/', and
               below the folder Name, if given. Attributes and ModificationTime are then not looked at. They are listed
               while others are compressed; the statistics count each when it is listed, and item indices count it, too.
               An object that cannot be had is an item that fails, and so is a list without objects. If a list breaks
               off, the run ends with that failure and writes nothing.
   Archives    ParallelArchive_Open and OpenWithKey read what they need of an object, with what the environment has for
               the store, or the URL itself (a SAS).
   Memory      Besides what a run takes: for a list that is read, read_ahead and 4 MiB for each thread; for each single
               object in work or about to be a quarter of read_ahead at the most; for output, upload and two parts of
               8 MiB (larger from 8 GB on); for an open archive 64 MiB and 4 MiB for each thread.
   Cancel      Ends what waits for a store within a second; but a store has 20 seconds to forget an upload that was begun,
               and to answer if it was asked to complete one. An open archive that is being read waits for its server until
               the request is given up, 3 minutes at the most.

   Sets how the runs of this compressor talk to stores:
     endpoint            another address: an emulator or a compatible store
     connection_string   Azure's
     anonymous           1: without credentials, to public objects. Default 0
     environment         0: the environment is not asked for credentials. Default 1
     requests            that may be under way at once for a list, 1 to 1024. Default 32
     read_ahead, upload  bytes of memory for each. Default 67108864 (64 MiB)
     AWS_..., AZURE_..., GOOGLE_...   as the environment variable of this name, which it goes before
   Values are copied, wiped when they are not needed any more, and never part of a message. name and value NULL: as if
   nothing had been set. E_INVALIDARG: there is no such option, or it cannot have this value. E_NOTIMPL: the library was
   built without object stores. */
HRESULT ParallelCompressor_SetStoreOption(ParallelCompressorHandle handle, const wchar_t *name, const wchar_t *value);

/* 1: items share blocks: smaller for many similar small items, but a reader must unpack from a block's begin.
   0 (default): each item is a block of its own. */
HRESULT ParallelCompressor_SetSolidMode(ParallelCompressorHandle handle, int enabled);

/* Items in a solid block at the most. 0 (default) = no bound but the size that 7-Zip allows. */
HRESULT ParallelCompressor_SetSolidBlockSize(ParallelCompressorHandle handle, UInt32 numFilesPerBlock);

/* Any callback may be NULL. userData is handed to all three. Older clients have no lookAheadCallback: with four arguments
   the name stands for the same function, in C and in C++. */
HRESULT ParallelCompressor_SetCallbacks(ParallelCompressorHandle handle, ParallelProgressCallback progressCallback,
    ParallelErrorCallback errorCallback, ParallelLookAheadCallback lookAheadCallback, void *userData);

/* The whole run's figures, every update interval while it goes on and once at its end, from a thread of their own; one
   call at a time. Either may be NULL. */
HRESULT ParallelCompressor_SetDetailedCallbacks(ParallelCompressorHandle handle,
    ParallelDetailedProgressCallback detailedCallback, ParallelThroughputCallback throughputCallback, void *userData);

/* How often progress is told, in milliseconds. Default 100; 0 is 100. */
HRESULT ParallelCompressor_SetProgressUpdateInterval(ParallelCompressorHandle handle, UInt32 intervalMs);

/* Compresses 1 to 1,000,000 items (as many again may come from the look-ahead callback) into the archive outputPath, and
   returns when it is complete. What stood there is replaced at that moment, and stays if there is none.
   S_OK: all items are in. S_FALSE: some failed (the error callback named each), the archive holds the others.
   E_FAIL: all failed, nothing was written. E_ABORT: cancelled, nothing was written. E_INVALIDARG: an item or a setting
   makes no sense, nothing was begun; the message says which. Others: the archive could not be written. */
HRESULT ParallelCompressor_CompressMultiple(ParallelCompressorHandle handle, ParallelInputItemC *items, UInt32 numItems,
    const wchar_t *outputPath);

/* The same into memory: on S_OK and S_FALSE, *outputBuffer and *outputSize are the archive, to be freed with
   ParallelCompressor_FreeMemory or free(); else NULL and 0. With volumes set it is E_INVALIDARG. */
HRESULT ParallelCompressor_CompressMultipleToMemory(ParallelCompressorHandle handle, ParallelInputItemC *items,
    UInt32 numItems, void **outputBuffer, size_t *outputSize);

/* Frees what CompressMultipleToMemory or ParallelArchive_ReadEntry gave. NULL is fine. */
void ParallelCompressor_FreeMemory(void *buffer);

/* Makes every run of this compressor end with E_ABORT, soon: workers look every 64 KiB of input. A Read or Write callback
   that blocks holds that up. S_FALSE: nothing was running. Runs that begin later are not touched. */
HRESULT ParallelCompressor_Cancel(ParallelCompressorHandle handle);

/* The figures at this moment; see ParallelStatisticsC. stats NULL: E_INVALIDARG. */
HRESULT ParallelCompressor_GetDetailedStatistics(ParallelCompressorHandle handle, ParallelStatisticsC *stats);

/* ---- A run with everything: streams in, a stream out, events ---- */

/* As ParallelLookAheadCallback, for items in full. A negative result ends the run with it. */
typedef HRESULT (*ParallelNextItemsCallback)(void *userData, UInt32 currentIndex, UInt32 capacity, ParallelItemC *items,
    UInt32 *itemsReturned);

/* Takes up to size bytes (size > 0) and gives their number in *processed, at least 1. Any result but S_OK ends the run
   with it. Seek (origin: 0 start, 1 current, 2 end; newPosition may be NULL) and SetSize belong to it. All three are
   called by one thread at a time, not always the same. */
typedef HRESULT (*ParallelWriteCallback)(void *userData, const void *data, UInt32 size, UInt32 *processed);
typedef HRESULT (*ParallelSeekCallback)(void *userData, Int64 offset, UInt32 origin, UInt64 *newPosition);
typedef HRESULT (*ParallelSetSizeCallback)(void *userData, UInt64 size);

#define PARALLEL_EVENT_ITEM_STARTED  1u  /* a thread begins with it; InSize is its size, if known */
#define PARALLEL_EVENT_ITEM_PROGRESS 2u  /* every MiB or so; InSize and OutSize are what is done of it */
#define PARALLEL_EVENT_ITEM_FINISHED 3u  /* InSize and OutSize are its sizes; OutSize 0: not known */
#define PARALLEL_EVENT_ITEM_FAILED   4u  /* Result and Message say why */

typedef struct ParallelEventC
{
  UInt32 StructSize;
  UInt32 Kind;              /* PARALLEL_EVENT_... */
  UInt32 ItemIndex;
  HRESULT Result;           /* S_OK unless failed */
  const wchar_t *Name;      /* this and Message live as long as the call */
  const wchar_t *Message;   /* "" unless failed */
  UInt64 InSize;            /* unpacked bytes */
  UInt64 OutSize;           /* packed bytes */
  UInt64 TotalInSize;       /* the same of the whole run */
  UInt64 TotalOutSize;
} ParallelEventC;

/* A negative result cancels the run: it ends with E_ABORT. Calls come from several threads at once. */
typedef HRESULT (*ParallelEventCallback)(void *userData, const ParallelEventC *event);

/* Set the whole struct to zero first, then StructSize = sizeof(ParallelRunC). */
typedef struct ParallelRunC
{
  UInt32 StructSize;
  UInt32 NumItems;                     /* 0 to 1,000,000; 0 together with NextItems NULL makes an archive without entries */
  const ParallelItemC *Items;
  ParallelNextItemsCallback NextItems; /* may be NULL */
  const wchar_t *OutputPath;           /* a file; or else */
  ParallelWriteCallback Write;         /* a stream. When volumes have a prefix or a callback, neither is used; both may be NULL */
  ParallelSeekCallback Seek;           /* NULL: the archive is kept (in memory up to 64 MiB, then in a temporary file) and
                                          sent when it is complete, for it begins with a pointer to its end. Else it is
                                          written as it is made, from the present position on; a failed run leaves bytes
                                          there that no reader takes for an archive */
  ParallelSetSizeCallback SetSize;     /* may be NULL; used with Seek, to cut off what a failed item has left */
  ParallelEventCallback OnEvent;       /* may be NULL; besides the callbacks of the compressor */
  void *UserData;                      /* for the five above */
} ParallelRunC;

/* As CompressMultiple. Close comes for each item given, be it used or not; but not if the result is E_INVALIDARG because
   an argument or a setting makes no sense: then nothing was begun. */
HRESULT ParallelCompressor_Run(ParallelCompressorHandle handle, const ParallelRunC *run);

/* ---- Stream queue: items are added while others are compressed ---- */

/* A queue with a compressor of its own, as ParallelCompressor_Create makes them. */
ParallelStreamQueueHandle ParallelStreamQueue_Create(void);

/* Cancels what runs, waits for it, drops what waits. From a callback of its own run it cannot wait: then the run ends soon
   after, and callbacks may come until then. NULL is fine. */
void ParallelStreamQueue_Destroy(ParallelStreamQueueHandle handle);

/* The queue's compressor, to set it up, cancel it and ask for statistics. It belongs to the queue: Destroy does nothing to
   it, and the handle ends with the queue. NULL for a bad handle. */
ParallelCompressorHandle ParallelStreamQueue_GetCompressor(ParallelStreamQueueHandle handle);

/* Items that wait or are in work at the most; in solid mode, that wait to be taken by the run. Default 1000; 0 is
   E_INVALIDARG. */
HRESULT ParallelStreamQueue_SetMaxQueueSize(ParallelStreamQueueHandle handle, UInt32 maxSize);

/* Adds an item; data and name are copied. Size 0 with data not NULL is an empty file. When the queue is full: before the
   start, and from a callback, E_OUTOFMEMORY, as when there is no memory for the copy; else the call waits until an item
   is done. E_ABORT: the run was cancelled or has failed (WaitForCompletion says why). E_FAIL: WaitForCompletion has been
   called and has not returned yet. Only an item that was added (S_OK) gets a Close. */
HRESULT ParallelStreamQueue_AddStream(ParallelStreamQueueHandle handle, const void *data, size_t dataSize,
    const wchar_t *name);

/* The same for an item in full. With a Close callback Data is not copied but lent until Close comes. */
HRESULT ParallelStreamQueue_AddItem(ParallelStreamQueueHandle handle, const ParallelItemC *item);

/* Starts compressing into outputPath in the background, what is in the queue and what comes. E_FAIL while it runs.
   Errors of creating the output show here. */
HRESULT ParallelStreamQueue_StartProcessing(ParallelStreamQueueHandle handle, const wchar_t *outputPath);

/* The same with a stream for output, or events. NumItems must be 0 and NextItems NULL. */
HRESULT ParallelStreamQueue_Start(ParallelStreamQueueHandle handle, const ParallelRunC *run);

/* Call it when the last item was added. Compresses what is left, completes the archive, and gives the result as
   CompressMultiple does; a queue that got no items makes an archive without entries. After that the queue is ready for
   the next archive. Without a start before it: S_OK at once. Several threads may wait. E_INVALIDARG: called by a callback
   of the run itself, which would wait for its own end. */
HRESULT ParallelStreamQueue_WaitForCompletion(ParallelStreamQueueHandle handle);

/* Items of the present archive (after WaitForCompletion: of the last one, until an item is added). processed includes
   failed; pending = added - processed. Each may be NULL. */
HRESULT ParallelStreamQueue_GetStatus(ParallelStreamQueueHandle handle, UInt32 *processed, UInt32 *failed,
    UInt32 *pending);

/* ---- Reading archives ---- */

/* Opens an archive file (or URL), the first volume of a set (name.7z.001), or a self-extractor. password may be NULL; it is needed
   here if the names are encrypted, else for the contents only. The archive can be used from several threads at once. */
HRESULT ParallelArchive_Open(const wchar_t *path, const wchar_t *password, ParallelArchiveHandle *archive);

/* The same with a raw key, as ParallelCompressor_SetEncryption takes it: keySize 32. */
HRESULT ParallelArchive_OpenWithKey(const wchar_t *path, const Byte *key, UInt32 keySize, ParallelArchiveHandle *archive);

/* The same for an archive in memory, lent until Close has returned. */
HRESULT ParallelArchive_OpenMemory(const void *data, size_t size, const wchar_t *password,
    ParallelArchiveHandle *archive);

/* Frees it. Calls that run on it in other threads are cancelled and end first - but not if a callback of such a call is
   what calls: lent memory must then stay until that call has returned. NULL is fine. */
void ParallelArchive_Close(ParallelArchiveHandle archive);

HRESULT ParallelArchive_GetNumEntries(ParallelArchiveHandle archive, UInt32 *numEntries);

#define PARALLEL_ENTRY_DIRECTORY 1u
#define PARALLEL_ENTRY_ENCRYPTED 2u
#define PARALLEL_ENTRY_HAS_CRC   4u
#define PARALLEL_ENTRY_SYMLINK   8u

typedef struct ParallelEntryC
{
  UInt32 StructSize;        /* set by the caller: sizeof(ParallelEntryC) */
  UInt32 Flags;             /* PARALLEL_ENTRY_... */
  const wchar_t *Name;      /* as stored: do not use it as a path unchecked. Lives until Close */
  const wchar_t *Method;    /* as 7-Zip shows it, e.g. L"LZMA2:24 7zAES"; "" without content. Lives until Close */
  UInt64 Size;              /* unpacked bytes */
  UInt64 PackedSize;        /* of its block, told with the block's first entry; 0 for the others */
  UInt64 ModificationTime;  /* 100 ns since 1601-01-01 UTC; 0 = none */
  UInt32 Attributes;        /* as in ParallelItemC; 0 = none */
  UInt32 Crc;               /* CRC-32 of the content, with PARALLEL_ENTRY_HAS_CRC */
} ParallelEntryC;

/* index: 0 to the number of entries - 1. */
HRESULT ParallelArchive_GetEntry(ParallelArchiveHandle archive, UInt32 index, ParallelEntryC *entry);

/* One entry's content in memory, to be freed with ParallelCompressor_FreeMemory or free(); its CRC is right. Not for
   directories. maxSize: E_OUTOFMEMORY if it is larger (0: no bound). */
HRESULT ParallelArchive_ReadEntry(ParallelArchiveHandle archive, UInt32 index, size_t maxSize, void **buffer,
    size_t *size);

/* The same through a function, in pieces; what came before an error was found is not taken back. */
HRESULT ParallelArchive_ReadEntryTo(ParallelArchiveHandle archive, UInt32 index, ParallelWriteCallback write,
    void *userData);

#define PARALLEL_OVERWRITE_REFUSE  0u  /* the entry fails with PARALLEL_E_EXISTS */
#define PARALLEL_OVERWRITE_REPLACE 1u  /* the old file stays until the new one is complete and its CRC is right */
#define PARALLEL_OVERWRITE_SKIP    2u
#define PARALLEL_OVERWRITE_RENAME  3u  /* the new file gets another name */

/* Set the whole struct to zero first, then StructSize = sizeof(ParallelExtractC). All zero besides: everything, one
   thread per core, nothing is overwritten. */
typedef struct ParallelExtractC
{
  UInt32 StructSize;
  UInt32 NumThreads;                /* 0 = one per core; at most 256 */
  UInt32 Overwrite;                 /* PARALLEL_OVERWRITE_... */
  UInt32 NumIndices;                /* 0 = all entries */
  const UInt32 *Indices;            /* entries to take, in any order */
  ParallelEventCallback OnEvent;    /* may be NULL. ItemIndex is the entry's index; OutSize is 0 */
  void *UserData;
} ParallelExtractC;

/* Extracts below the directory destination, made if missing; nothing is ever written outside it. options may be NULL.
   S_OK; S_FALSE: some entries failed (an event tells each), the others are there. If all failed, the first one's code. */
HRESULT ParallelArchive_Extract(ParallelArchiveHandle archive, const wchar_t *destination,
    const ParallelExtractC *options);

/* Unpacks and checks every CRC, writing nothing. As Extract otherwise. */
HRESULT ParallelArchive_Test(ParallelArchiveHandle archive, const ParallelExtractC *options);

/* Makes every Extract, Test and Read of this archive that runs end with E_ABORT. S_FALSE: nothing was running. */
HRESULT ParallelArchive_Cancel(ParallelArchiveHandle archive);

#ifdef __cplusplus
}
#endif

/* ---- SetCallbacks with four arguments, as the API's documentation prints it ---- */

#ifdef __cplusplus
inline HRESULT ParallelCompressor_SetCallbacks(ParallelCompressorHandle handle, ParallelProgressCallback progressCallback,
    ParallelErrorCallback errorCallback, void *userData)
{
  return ParallelCompressor_SetCallbacks(handle, progressCallback, errorCallback, NULL, userData);
}
#else
#define PARALLEL_SET_CALLBACKS_4(handle, progress, error, user) \
  (ParallelCompressor_SetCallbacks)(handle, progress, error, NULL, user)
#define PARALLEL_SET_CALLBACKS_5(handle, progress, error, lookAhead, user) \
  (ParallelCompressor_SetCallbacks)(handle, progress, error, lookAhead, user)
#define PARALLEL_SIXTH(a, b, c, d, e, sixth, ...) sixth
#define ParallelCompressor_SetCallbacks(...) \
  PARALLEL_SIXTH(__VA_ARGS__, PARALLEL_SET_CALLBACKS_5, PARALLEL_SET_CALLBACKS_4, unused, unused)(__VA_ARGS__)
#endif

#endif
