/* double_include.cpp - the headers in every order, each twice. Compiled once per ORDER:
     1 the C header first, 2 last, 3 not named at all, 4 7-Zip's headers first (needs its tree), 5 the C header, then
     7-Zip's, then the C++ ones (needs the tree). */

#if ORDER == 4
  #include "StdAfx.h"
#endif
#if ORDER == 1 || ORDER == 5
  #include "ParallelCompressAPI.h"
#endif
#if ORDER == 5
  #include "StdAfx.h"
#endif
#include "IParallelCompress.h"
#include "ParallelCompressor.h"
#include "IParallelCompress.h"
#include "ParallelCompressor.h"
#if ORDER != 3
  #include "ParallelCompressAPI.h"
  #include "ParallelCompressAPI.h"
#endif
#if ORDER == 4 || ORDER == 5
  #include "../../Common/MyCom.h"
  #include "../../Common/MyVector.h"
  #include "../ICoder.h"
  #include "../Common/MethodId.h"
#endif

#if (ORDER == 4 || ORDER == 5) && !defined(PAR7Z_7ZIP_TREE)
  #error "7-Zip's tree was not noticed"
#endif
#if ORDER < 4 && defined(PAR7Z_7ZIP_TREE)
  #error "7-Zip's tree is not there"
#endif

/* A second file of the same program: nothing may be defined twice. */
UInt32 CountOfSecondFile()
{
  CParallelCompressor compressor;
  CObjectVector<CParallelInputItem> items;
  return items.Size();
}
