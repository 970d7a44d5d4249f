#define MMVIS_NAME "default"
#define MMVIS_TABLE em_tile_default
#define MMVIS_LANES 4
#define MMVIS_PANELS 1
#include "common/cpu/em_tile_impl.h"
