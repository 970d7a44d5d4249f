#if defined(__x86_64__)
#pragma GCC target("avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")
#define MMVIS_NAME "avx512"
#define MMVIS_TABLE em_tile_avx512
#define MMVIS_LANES 16
#define MMVIS_PANELS 2
#include "common/cpu/em_tile_impl.h"
#endif
