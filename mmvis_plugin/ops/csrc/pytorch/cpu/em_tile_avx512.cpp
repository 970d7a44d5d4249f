#if defined(__x86_64__)
#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx2,fma"))), \
                             apply_to = function)
#else
#pragma GCC target("avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")
#endif

#define MMVIS_NAME "avx512"
#define MMVIS_TABLE em_tile_avx512
#define MMVIS_LANES 16
#define MMVIS_PANELS 2
#include "common/cpu/em_tile_impl.h"

#if defined(__clang__)
#pragma clang attribute pop
#endif
#endif
