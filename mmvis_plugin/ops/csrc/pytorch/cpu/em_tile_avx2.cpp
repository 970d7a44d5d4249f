#if defined(__x86_64__)
#pragma GCC target("avx2,fma")
#define MMVIS_NAME "avx2"
#define MMVIS_TABLE em_tile_avx2
#define MMVIS_LANES 8
#define MMVIS_PANELS 1
#include "common/cpu/em_tile_impl.h"
#endif
