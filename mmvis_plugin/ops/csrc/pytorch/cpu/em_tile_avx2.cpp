#if defined(__x86_64__)
#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2,fma"))), \
                             apply_to = function)
#else
#pragma GCC target("avx2,fma")
#endif

#define MMVIS_NAME "avx2"
#define MMVIS_TABLE em_tile_avx2
#define MMVIS_LANES 8
#define MMVIS_PANELS 1
#include "common/cpu/em_tile_impl.h"

#if defined(__clang__)
#pragma clang attribute pop
#endif
#endif
