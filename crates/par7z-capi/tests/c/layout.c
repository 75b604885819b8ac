/* layout.c - the binary form of the C API: sizes and offsets of every struct, types of every function and callback,
   values of every constant. What is here never changes within a major version. C11; most is checked by compiling it. */

#include "ParallelCompressAPI.h"

#include <stdio.h>

#define SAME_TYPE(expression, type) _Static_assert(_Generic((expression), type: 1, default: 0), #expression)
#define OFFSET(type, field, offset) _Static_assert(offsetof(type, field) == (offset), #type "." #field)
#define SIZE(type, size) _Static_assert(sizeof(type) == (size), #type)
#define VALUE(name, value) _Static_assert((UInt32)(name) == (value), #name)

/* ---- Types ---- */

SIZE(Byte, 1);
SIZE(Int32, 4);
SIZE(UInt32, 4);
SIZE(Int64, 8);
SIZE(UInt64, 8);
SIZE(HRESULT, 4);
_Static_assert((HRESULT)-1 < 0 && (UInt32)-1 > 0, "signs");
SAME_TYPE((ParallelCompressorHandle)0, void *);
SAME_TYPE((ParallelStreamQueueHandle)0, void *);
SAME_TYPE((ParallelArchiveHandle)0, void *);

/* ---- Structs, where pointers have 64 bits ---- */

#if UINTPTR_MAX == 0xFFFFFFFFFFFFFFFF

SIZE(ParallelInputItemC, 48);
OFFSET(ParallelInputItemC, Data, 0);
OFFSET(ParallelInputItemC, DataSize, 8);
OFFSET(ParallelInputItemC, FilePath, 16);
OFFSET(ParallelInputItemC, Name, 24);
OFFSET(ParallelInputItemC, Size, 32);
OFFSET(ParallelInputItemC, UserData, 40);

SIZE(ParallelItemC, 80);
OFFSET(ParallelItemC, StructSize, 0);
OFFSET(ParallelItemC, Attributes, 4);
OFFSET(ParallelItemC, Name, 8);
OFFSET(ParallelItemC, Data, 16);
OFFSET(ParallelItemC, DataSize, 24);
OFFSET(ParallelItemC, FilePath, 32);
OFFSET(ParallelItemC, Read, 40);
OFFSET(ParallelItemC, Close, 48);
OFFSET(ParallelItemC, UserData, 56);
OFFSET(ParallelItemC, Size, 64);
OFFSET(ParallelItemC, ModificationTime, 72);

SIZE(ParallelStatisticsC, 72);
OFFSET(ParallelStatisticsC, ItemsTotal, 0);
OFFSET(ParallelStatisticsC, ItemsCompleted, 4);
OFFSET(ParallelStatisticsC, ItemsFailed, 8);
OFFSET(ParallelStatisticsC, ItemsInProgress, 12);
OFFSET(ParallelStatisticsC, TotalInSize, 16);
OFFSET(ParallelStatisticsC, TotalOutSize, 24);
OFFSET(ParallelStatisticsC, BytesPerSecond, 32);
OFFSET(ParallelStatisticsC, FilesPerSecond, 40);
OFFSET(ParallelStatisticsC, ElapsedTimeMs, 48);
OFFSET(ParallelStatisticsC, EstimatedTimeRemainingMs, 56);
OFFSET(ParallelStatisticsC, CompressionRatioX100, 64);
OFFSET(ParallelStatisticsC, ActiveThreads, 68);

SIZE(ParallelSegmentC, 40);
OFFSET(ParallelSegmentC, StructSize, 0);
OFFSET(ParallelSegmentC, Flags, 4);
OFFSET(ParallelSegmentC, Number, 8);
OFFSET(ParallelSegmentC, Size, 16);
OFFSET(ParallelSegmentC, Read, 24);
OFFSET(ParallelSegmentC, Stream, 32);

SIZE(ParallelEventC, 64);
OFFSET(ParallelEventC, StructSize, 0);
OFFSET(ParallelEventC, Kind, 4);
OFFSET(ParallelEventC, ItemIndex, 8);
OFFSET(ParallelEventC, Result, 12);
OFFSET(ParallelEventC, Name, 16);
OFFSET(ParallelEventC, Message, 24);
OFFSET(ParallelEventC, InSize, 32);
OFFSET(ParallelEventC, OutSize, 40);
OFFSET(ParallelEventC, TotalInSize, 48);
OFFSET(ParallelEventC, TotalOutSize, 56);

SIZE(ParallelRunC, 72);
OFFSET(ParallelRunC, StructSize, 0);
OFFSET(ParallelRunC, NumItems, 4);
OFFSET(ParallelRunC, Items, 8);
OFFSET(ParallelRunC, NextItems, 16);
OFFSET(ParallelRunC, OutputPath, 24);
OFFSET(ParallelRunC, Write, 32);
OFFSET(ParallelRunC, Seek, 40);
OFFSET(ParallelRunC, SetSize, 48);
OFFSET(ParallelRunC, OnEvent, 56);
OFFSET(ParallelRunC, UserData, 64);

SIZE(ParallelEntryC, 56);
OFFSET(ParallelEntryC, StructSize, 0);
OFFSET(ParallelEntryC, Flags, 4);
OFFSET(ParallelEntryC, Name, 8);
OFFSET(ParallelEntryC, Method, 16);
OFFSET(ParallelEntryC, Size, 24);
OFFSET(ParallelEntryC, PackedSize, 32);
OFFSET(ParallelEntryC, ModificationTime, 40);
OFFSET(ParallelEntryC, Attributes, 48);
OFFSET(ParallelEntryC, Crc, 52);

SIZE(ParallelExtractC, 40);
OFFSET(ParallelExtractC, StructSize, 0);
OFFSET(ParallelExtractC, NumThreads, 4);
OFFSET(ParallelExtractC, Overwrite, 8);
OFFSET(ParallelExtractC, NumIndices, 12);
OFFSET(ParallelExtractC, Indices, 16);
OFFSET(ParallelExtractC, OnEvent, 24);
OFFSET(ParallelExtractC, UserData, 32);

#endif

/* ---- Constants ---- */

VALUE(S_OK, 0);
VALUE(S_FALSE, 1);
VALUE(E_NOTIMPL, 0x80004001);
VALUE(E_NOINTERFACE, 0x80004002);
VALUE(E_POINTER, 0x80004003);
VALUE(E_ABORT, 0x80004004);
VALUE(E_FAIL, 0x80004005);
VALUE(E_OUTOFMEMORY, 0x8007000E);
VALUE(E_INVALIDARG, 0x80070057);
VALUE(PARALLEL_E_NOT_ARCHIVE, 0x80040701);
VALUE(PARALLEL_E_CORRUPT, 0x80040702);
VALUE(PARALLEL_E_PASSWORD_REQUIRED, 0x80040703);
VALUE(PARALLEL_E_WRONG_PASSWORD, 0x80040704);
VALUE(PARALLEL_E_LIMIT, 0x80040705);
VALUE(PARALLEL_E_UNSAFE_PATH, 0x80040706);
VALUE(PARALLEL_E_EXISTS, 0x80040707);
VALUE(PARALLEL_EVENT_ITEM_STARTED, 1);
VALUE(PARALLEL_EVENT_ITEM_PROGRESS, 2);
VALUE(PARALLEL_EVENT_ITEM_FINISHED, 3);
VALUE(PARALLEL_EVENT_ITEM_FAILED, 4);
VALUE(PARALLEL_SEGMENT_LAST, 1);
VALUE(PARALLEL_ENTRY_DIRECTORY, 1);
VALUE(PARALLEL_ENTRY_ENCRYPTED, 2);
VALUE(PARALLEL_ENTRY_HAS_CRC, 4);
VALUE(PARALLEL_ENTRY_SYMLINK, 8);
VALUE(PARALLEL_OVERWRITE_REFUSE, 0);
VALUE(PARALLEL_OVERWRITE_REPLACE, 1);
VALUE(PARALLEL_OVERWRITE_SKIP, 2);
VALUE(PARALLEL_OVERWRITE_RENAME, 3);
_Static_assert(SUCCEEDED(S_OK) && SUCCEEDED(S_FALSE) && FAILED(E_FAIL) && !FAILED(S_FALSE), "macros");

/* ---- Callbacks ---- */

SAME_TYPE((ParallelReadCallback)0, HRESULT (*)(void *, void *, UInt32, UInt32 *));
SAME_TYPE((ParallelCloseCallback)0, void (*)(void *));
SAME_TYPE((ParallelProgressCallback)0, void (*)(UInt32, UInt64, UInt64, void *));
SAME_TYPE((ParallelErrorCallback)0, void (*)(UInt32, HRESULT, const wchar_t *, void *));
SAME_TYPE((ParallelLookAheadCallback)0, HRESULT (*)(UInt32, UInt32, ParallelInputItemC *, UInt32 *, void *));
SAME_TYPE((ParallelDetailedProgressCallback)0, void (*)(const ParallelStatisticsC *, void *));
SAME_TYPE((ParallelThroughputCallback)0, void (*)(UInt64, UInt64, void *));
SAME_TYPE((ParallelSegmentCallback)0, HRESULT (*)(void *, const ParallelSegmentC *));
SAME_TYPE((ParallelNextItemsCallback)0, HRESULT (*)(void *, UInt32, UInt32, ParallelItemC *, UInt32 *));
SAME_TYPE((ParallelWriteCallback)0, HRESULT (*)(void *, const void *, UInt32, UInt32 *));
SAME_TYPE((ParallelSeekCallback)0, HRESULT (*)(void *, Int64, UInt32, UInt64 *));
SAME_TYPE((ParallelSetSizeCallback)0, HRESULT (*)(void *, UInt64));
SAME_TYPE((ParallelEventCallback)0, HRESULT (*)(void *, const ParallelEventC *));

/* ---- Functions: their types, and that the library has them all ---- */

SAME_TYPE(&ParallelCompress_GetVersion, const char *(*)(void));
SAME_TYPE(&ParallelCompress_GetVersionNumber, UInt32 (*)(void));
SAME_TYPE(&ParallelCompress_GetLastErrorMessage, const wchar_t *(*)(void));
SAME_TYPE(&ParallelCompressor_Create, ParallelCompressorHandle (*)(void));
SAME_TYPE(&ParallelCompressor_Destroy, void (*)(ParallelCompressorHandle));
SAME_TYPE(&ParallelCompressor_SetNumThreads, HRESULT (*)(ParallelCompressorHandle, UInt32));
SAME_TYPE(&ParallelCompressor_SetCompressionLevel, HRESULT (*)(ParallelCompressorHandle, UInt32));
SAME_TYPE(&ParallelCompressor_SetCompressionMethod, HRESULT (*)(ParallelCompressorHandle, UInt64));
SAME_TYPE(&ParallelCompressor_SetEncryption, HRESULT (*)(ParallelCompressorHandle, const Byte *, UInt32, const Byte *,
    UInt32));
SAME_TYPE(&ParallelCompressor_SetPassword, HRESULT (*)(ParallelCompressorHandle, const wchar_t *));
SAME_TYPE(&ParallelCompressor_SetEncryptNames, HRESULT (*)(ParallelCompressorHandle, int));
SAME_TYPE(&ParallelCompressor_SetSegmentSize, HRESULT (*)(ParallelCompressorHandle, UInt64));
SAME_TYPE(&ParallelCompressor_SetVolumeSize, HRESULT (*)(ParallelCompressorHandle, UInt64));
SAME_TYPE(&ParallelCompressor_SetVolumePrefix, HRESULT (*)(ParallelCompressorHandle, const wchar_t *));
SAME_TYPE(&ParallelCompressor_SetSegmentCallback, HRESULT (*)(ParallelCompressorHandle, ParallelSegmentCallback, UInt64,
    void *));
SAME_TYPE(&ParallelCompressor_SetStoreOption, HRESULT (*)(ParallelCompressorHandle, const wchar_t *, const wchar_t *));
SAME_TYPE(&ParallelCompressor_SetSolidMode, HRESULT (*)(ParallelCompressorHandle, int));
SAME_TYPE(&ParallelCompressor_SetSolidBlockSize, HRESULT (*)(ParallelCompressorHandle, UInt32));
SAME_TYPE(&ParallelCompressor_SetCallbacks, HRESULT (*)(ParallelCompressorHandle, ParallelProgressCallback,
    ParallelErrorCallback, ParallelLookAheadCallback, void *));
SAME_TYPE(&ParallelCompressor_SetDetailedCallbacks, HRESULT (*)(ParallelCompressorHandle,
    ParallelDetailedProgressCallback, ParallelThroughputCallback, void *));
SAME_TYPE(&ParallelCompressor_SetProgressUpdateInterval, HRESULT (*)(ParallelCompressorHandle, UInt32));
SAME_TYPE(&ParallelCompressor_CompressMultiple, HRESULT (*)(ParallelCompressorHandle, ParallelInputItemC *, UInt32,
    const wchar_t *));
SAME_TYPE(&ParallelCompressor_CompressMultipleToMemory, HRESULT (*)(ParallelCompressorHandle, ParallelInputItemC *,
    UInt32, void **, size_t *));
SAME_TYPE(&ParallelCompressor_FreeMemory, void (*)(void *));
SAME_TYPE(&ParallelCompressor_Cancel, HRESULT (*)(ParallelCompressorHandle));
SAME_TYPE(&ParallelCompressor_GetDetailedStatistics, HRESULT (*)(ParallelCompressorHandle, ParallelStatisticsC *));
SAME_TYPE(&ParallelCompressor_Run, HRESULT (*)(ParallelCompressorHandle, const ParallelRunC *));
SAME_TYPE(&ParallelStreamQueue_Create, ParallelStreamQueueHandle (*)(void));
SAME_TYPE(&ParallelStreamQueue_Destroy, void (*)(ParallelStreamQueueHandle));
SAME_TYPE(&ParallelStreamQueue_GetCompressor, ParallelCompressorHandle (*)(ParallelStreamQueueHandle));
SAME_TYPE(&ParallelStreamQueue_SetMaxQueueSize, HRESULT (*)(ParallelStreamQueueHandle, UInt32));
SAME_TYPE(&ParallelStreamQueue_AddStream, HRESULT (*)(ParallelStreamQueueHandle, const void *, size_t,
    const wchar_t *));
SAME_TYPE(&ParallelStreamQueue_AddItem, HRESULT (*)(ParallelStreamQueueHandle, const ParallelItemC *));
SAME_TYPE(&ParallelStreamQueue_StartProcessing, HRESULT (*)(ParallelStreamQueueHandle, const wchar_t *));
SAME_TYPE(&ParallelStreamQueue_Start, HRESULT (*)(ParallelStreamQueueHandle, const ParallelRunC *));
SAME_TYPE(&ParallelStreamQueue_WaitForCompletion, HRESULT (*)(ParallelStreamQueueHandle));
SAME_TYPE(&ParallelStreamQueue_GetStatus, HRESULT (*)(ParallelStreamQueueHandle, UInt32 *, UInt32 *, UInt32 *));
SAME_TYPE(&ParallelArchive_Open, HRESULT (*)(const wchar_t *, const wchar_t *, ParallelArchiveHandle *));
SAME_TYPE(&ParallelArchive_OpenWithKey, HRESULT (*)(const wchar_t *, const Byte *, UInt32, ParallelArchiveHandle *));
SAME_TYPE(&ParallelArchive_OpenMemory, HRESULT (*)(const void *, size_t, const wchar_t *, ParallelArchiveHandle *));
SAME_TYPE(&ParallelArchive_Close, void (*)(ParallelArchiveHandle));
SAME_TYPE(&ParallelArchive_GetNumEntries, HRESULT (*)(ParallelArchiveHandle, UInt32 *));
SAME_TYPE(&ParallelArchive_GetEntry, HRESULT (*)(ParallelArchiveHandle, UInt32, ParallelEntryC *));
SAME_TYPE(&ParallelArchive_ReadEntry, HRESULT (*)(ParallelArchiveHandle, UInt32, size_t, void **, size_t *));
SAME_TYPE(&ParallelArchive_ReadEntryTo, HRESULT (*)(ParallelArchiveHandle, UInt32, ParallelWriteCallback, void *));
SAME_TYPE(&ParallelArchive_Extract, HRESULT (*)(ParallelArchiveHandle, const wchar_t *, const ParallelExtractC *));
SAME_TYPE(&ParallelArchive_Test, HRESULT (*)(ParallelArchiveHandle, const ParallelExtractC *));
SAME_TYPE(&ParallelArchive_Cancel, HRESULT (*)(ParallelArchiveHandle));

typedef void (*Function)(void);

static Function const functions[] =
{
  (Function)ParallelCompress_GetVersion,
  (Function)ParallelCompress_GetVersionNumber,
  (Function)ParallelCompress_GetLastErrorMessage,
  (Function)ParallelCompressor_Create,
  (Function)ParallelCompressor_Destroy,
  (Function)ParallelCompressor_SetNumThreads,
  (Function)ParallelCompressor_SetCompressionLevel,
  (Function)ParallelCompressor_SetCompressionMethod,
  (Function)ParallelCompressor_SetEncryption,
  (Function)ParallelCompressor_SetPassword,
  (Function)ParallelCompressor_SetEncryptNames,
  (Function)ParallelCompressor_SetSegmentSize,
  (Function)ParallelCompressor_SetVolumeSize,
  (Function)ParallelCompressor_SetVolumePrefix,
  (Function)ParallelCompressor_SetSegmentCallback,
  (Function)ParallelCompressor_SetStoreOption,
  (Function)ParallelCompressor_SetSolidMode,
  (Function)ParallelCompressor_SetSolidBlockSize,
  (Function)ParallelCompressor_SetCallbacks,
  (Function)ParallelCompressor_SetDetailedCallbacks,
  (Function)ParallelCompressor_SetProgressUpdateInterval,
  (Function)ParallelCompressor_CompressMultiple,
  (Function)ParallelCompressor_CompressMultipleToMemory,
  (Function)ParallelCompressor_FreeMemory,
  (Function)ParallelCompressor_Cancel,
  (Function)ParallelCompressor_GetDetailedStatistics,
  (Function)ParallelCompressor_Run,
  (Function)ParallelStreamQueue_Create,
  (Function)ParallelStreamQueue_Destroy,
  (Function)ParallelStreamQueue_GetCompressor,
  (Function)ParallelStreamQueue_SetMaxQueueSize,
  (Function)ParallelStreamQueue_AddStream,
  (Function)ParallelStreamQueue_AddItem,
  (Function)ParallelStreamQueue_StartProcessing,
  (Function)ParallelStreamQueue_Start,
  (Function)ParallelStreamQueue_WaitForCompletion,
  (Function)ParallelStreamQueue_GetStatus,
  (Function)ParallelArchive_Open,
  (Function)ParallelArchive_OpenWithKey,
  (Function)ParallelArchive_OpenMemory,
  (Function)ParallelArchive_Close,
  (Function)ParallelArchive_GetNumEntries,
  (Function)ParallelArchive_GetEntry,
  (Function)ParallelArchive_ReadEntry,
  (Function)ParallelArchive_ReadEntryTo,
  (Function)ParallelArchive_Extract,
  (Function)ParallelArchive_Test,
  (Function)ParallelArchive_Cancel,
};

int main(void)
{
  size_t count = sizeof(functions) / sizeof(functions[0]), i;
  for (i = 0; i < count; i++)
    if (functions[i] == NULL)
      return 1;
  printf("layout: %u functions, version %s\n", (unsigned)count, ParallelCompress_GetVersion());
  return 0;
}
