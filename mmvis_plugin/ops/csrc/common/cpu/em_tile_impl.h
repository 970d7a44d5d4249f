// Tile kernels of em_cluster in GCC/Clang vector extensions.
//
// Included once per instruction set with MMVIS_LANES (floats of a register),
// MMVIS_PANELS (panels that the E step takes at a time) and MMVIS_TABLE (name
// of the function that returns the table) defined.
//
// E step: the lanes are pixels. A register holds one channel of `lanes`
// pixels, every prototype has an accumulator, and its value is broadcast.
// M step: the lanes are clusters, the pixel's value is broadcast. Neither
// needs a sum across lanes.
#include "em_tile.h"

namespace mmvis {
namespace {

constexpr int kLanes = MMVIS_LANES;
constexpr int kRowsAhead = 12;    // of a tile's copy, to fetch early
constexpr int kMaxBlock = 12;     // accumulators per panel in the E step
// Channels at a time in the M step, so that their accumulators (two per
// channel) fill the registers but leave room for the operands.
constexpr int kChannelBlock = kLanes == 16 ? 8 : 4;

typedef float Vec __attribute__((vector_size(kLanes * 4)));
typedef int IntVec __attribute__((vector_size(kLanes * 4)));
// The same registers at any address of floats.
typedef float LooseVec
    __attribute__((vector_size(kLanes * 4), aligned(4), may_alias));

#define MMVIS_INLINE inline __attribute__((always_inline))

MMVIS_INLINE void load(Vec& to, const float* from) {
  to = *reinterpret_cast<const LooseVec*>(from);
}

MMVIS_INLINE void store(float* to, const Vec& from) {
  *reinterpret_cast<LooseVec*>(to) = from;
}

int num_blocks(int clusters) {
  return (clusters + kMaxBlock - 1) / kMaxBlock;
}

// Clusters per block: as equal as possible, so that little is padding.
int block_size(int clusters) {
  const int blocks = num_blocks(clusters);
  return (clusters + blocks - 1) / blocks;
}

int padded_clusters(int clusters) {
  return (clusters + kLanes - 1) / kLanes * kLanes;
}

int padded_channels(int channels) {
  return (channels + kChannelBlock - 1) / kChannelBlock * kChannelBlock;
}

int mu_size(const EmShape& shape) {
  const int clusters = num_blocks(shape.clusters) * block_size(shape.clusters);
  return clusters * shape.channels;
}

// exp(x) for x <= 0: 0 below -87.3, NaN stays NaN, relative error < 2e-7.
MMVIS_INLINE void exp_negative(Vec& x) {
  const float lowest = -87.3f, magic = 12582912.f;  // 1.5 * 2^23
  const IntVec tiny = x < lowest;
  const Vec rounded = x * 1.44269504f + magic;
  const Vec n = rounded - magic;
  Vec f = x - n * 0.693359375f;
  f = f - n * -2.12194440e-4f;
  Vec p = f * 1.9875691500e-4f + 1.3981999507e-3f;
  p = p * f + 8.3334519073e-3f;
  p = p * f + 4.1665795894e-2f;
  p = p * f + 1.6666665459e-1f;
  p = p * f + 5.0000001201e-1f;
  p = p * (f * f) + f + 1.f;
  // n sits in the low bits of `rounded`: 2^n from the exponent field
  p = p * (Vec)(((IntVec)rounded + 127) << 23);
  const Vec zero = {};
  x = tiny ? zero : p;
}

// PANELS whole panels of neighbouring pixels, from pixel `first` on.
template <int PANELS>
void copy_panels(const EmSource& source, const EmShape& shape, int first,
                 long panel_stride, float* panel) {
  const float* row = source.data + first;
  for (int c = 0; c < shape.channels; ++c, row += source.stride_c) {
    for (int p = 0; p < PANELS; ++p) {
      // the rows are too far apart for the machine to foresee
      __builtin_prefetch(row + kRowsAhead * source.stride_c + p * kLanes);
    }
    for (int p = 0; p < PANELS; ++p) {
      Vec values;
      load(values, row + p * kLanes);
      store(panel + p * panel_stride + c * kLanes, values);
    }
  }
}

// Up to one panel of any pixels, the rest of it zero.
void gather_panel(const EmSource& source, const EmShape& shape, int first,
                  int width, float* panel) {
  long offsets[kLanes];
  for (int j = 0; j < width; ++j) {
    const int n = source.indices ? source.indices[first + j] : first + j;
    offsets[j] = n * source.stride_n;
  }
  const float* row = source.data;
  for (int c = 0; c < shape.channels; ++c, row += source.stride_c) {
    for (int j = 0; j < width; ++j) *panel++ = row[offsets[j]];
    for (int j = width; j < kLanes; ++j) *panel++ = 0.f;
  }
}

void pack(const EmSource& source, const EmShape& shape, int count,
          float* panels) {
  constexpr int group = 4;
  const long channels = padded_channels(shape.channels);
  const long panel_stride = channels * kLanes;
  int first = 0;
  if (source.stride_n == 1 && !source.indices) {
    for (; first + group * kLanes <= count; first += group * kLanes) {
      copy_panels<group>(source, shape, first, panel_stride,
                         panels + first * channels);
    }
    for (; first + kLanes <= count; first += kLanes) {
      copy_panels<1>(source, shape, first, panel_stride,
                     panels + first * channels);
    }
  }
  for (; first < count; first += kLanes) {
    const int width = count - first < kLanes ? count - first : kLanes;
    gather_panel(source, shape, first, width, panels + first * channels);
  }
  for (float* panel = panels; panel < panels + first * channels;
       panel += panel_stride) {
    for (long i = shape.channels * kLanes; i < panel_stride; ++i) {
      panel[i] = 0.f;
    }
  }
}

// To [block][channel][cluster of the block], zeros where there is none.
void pack_mu(const float* mu, const EmShape& shape, float* packed) {
  const int size = block_size(shape.clusters);
  for (int first = 0; first < shape.clusters; first += size) {
    for (int c = 0; c < shape.channels; ++c) {
      const float* row = mu + static_cast<long>(c) * shape.clusters;
      for (int k = first; k < first + size; ++k) {
        *packed++ = k < shape.clusters ? row[k] : 0.f;
      }
    }
  }
}

// logits[k][pixel] of SIZE clusters and PANELS panels.
template <int SIZE, int PANELS>
void dot_products(const float* panel, long panel_stride, const float* mu,
                  const EmShape& shape, float* logits) {
  Vec acc[PANELS][SIZE];
  for (int p = 0; p < PANELS; ++p) {
    for (int k = 0; k < SIZE; ++k) acc[p][k] = Vec{};
  }
  for (int c = 0; c < shape.channels; ++c, mu += SIZE, panel += kLanes) {
    Vec x[PANELS];
    for (int p = 0; p < PANELS; ++p) load(x[p], panel + p * panel_stride);
    for (int k = 0; k < SIZE; ++k) {
      for (int p = 0; p < PANELS; ++p) acc[p][k] += x[p] * mu[k];
    }
  }
  for (int k = 0; k < SIZE; ++k) {
    for (int p = 0; p < PANELS; ++p) {
      store(logits + (k * PANELS + p) * kLanes, acc[p][k] * shape.temp);
    }
  }
}

// logits[k * stride + lane] -> softmax over k, in place.
MMVIS_INLINE void softmax(float* logits, int clusters, int stride) {
  Vec value, highest;
  load(highest, logits);
  for (int k = 1; k < clusters; ++k) {
    load(value, logits + k * stride);
    highest = value > highest ? value : highest;
  }
  Vec total = {};
  for (int k = 0; k < clusters; ++k) {
    load(value, logits + k * stride);
    value -= highest;
    exp_negative(value);
    total += value;
    store(logits + k * stride, value);
  }
  const Vec inverse = 1.f / total;
  for (int k = 0; k < clusters; ++k) {
    load(value, logits + k * stride);
    store(logits + k * stride, value * inverse);
  }
}

// The E step with SIZE clusters per block.
template <int SIZE>
struct EStep {
  template <int PANELS>
  static void panels(const float* panel, const float* mu, const EmShape& shape,
                     int count, const float* weights, float* resp,
                     float* raw) {
    constexpr int stride = PANELS * kLanes;
    alignas(64) float logits[(64 + kMaxBlock) * stride];
    const int rows = padded_clusters(shape.clusters);
    const long panel_stride =
        static_cast<long>(padded_channels(shape.channels)) * kLanes;
    for (int first = 0; first < shape.clusters; first += SIZE) {
      dot_products<SIZE, PANELS>(panel, panel_stride,
                                 mu + static_cast<long>(first) * shape.channels,
                                 shape, logits + first * stride);
    }
    for (int p = 0; p < PANELS; ++p) {
      softmax(logits + p * kLanes, shape.clusters, stride);
    }
    const int width = count < stride ? count : stride;
    for (int j = 0; j < width; ++j) {
      const float weight = weights ? weights[j] : 1.f;
      float* row = resp + static_cast<long>(j) * rows;
      int k = 0;
      for (; k < shape.clusters; ++k) row[k] = logits[k * stride + j] * weight;
      for (; k < rows; ++k) row[k] = 0.f;
      if (!raw) continue;
      float* out = raw + static_cast<long>(j) * shape.clusters;
      for (k = 0; k < shape.clusters; ++k) out[k] = logits[k * stride + j];
    }
  }

  static void run(const float* x, const float* mu, const EmShape& shape,
                  int count, const float* weights, float* resp, float* raw) {
    const int rows = padded_clusters(shape.clusters);
    const int step = MMVIS_PANELS * kLanes;
    const long channels = padded_channels(shape.channels);
    for (int first = 0; first < count; first += step) {
      const int left = count - first;
      const auto process =
          left > kLanes ? panels<MMVIS_PANELS> : panels<1>;
      process(x + first * channels, mu, shape, left,
              weights ? weights + first : nullptr,
              resp + static_cast<long>(first) * rows,
              raw ? raw + static_cast<long>(first) * shape.clusters : nullptr);
    }
  }
};

void e_step(const float* panels, const float* packed_mu, const EmShape& shape,
            int count, const float* weights, float* resp, float* raw) {
  using Run = void (*)(const float*, const float*, const EmShape&, int,
                       const float*, float*, float*);
  static constexpr Run runs[kMaxBlock] = {
      EStep<1>::run,  EStep<2>::run,  EStep<3>::run, EStep<4>::run,
      EStep<5>::run,  EStep<6>::run,  EStep<7>::run, EStep<8>::run,
      EStep<9>::run,  EStep<10>::run, EStep<11>::run, EStep<12>::run};
  runs[block_size(shape.clusters) - 1](panels, packed_mu, shape, count,
                                       weights, resp, raw);
}

// VECS registers of clusters at `resp` and `sums`, whose rows have `rows`
// elements, over all channels.
template <int VECS>
void accumulate(const float* panels, const float* resp, long channels,
                int rows, int count, float* sums) {
  for (long c = 0; c < channels; c += kChannelBlock) {
    Vec acc[kChannelBlock][VECS];
    for (int i = 0; i < kChannelBlock; ++i) {
      for (int v = 0; v < VECS; ++v) {
        load(acc[i][v], sums + (c + i) * rows + v * kLanes);
      }
    }
    const float* weight = resp;
    for (int first = 0; first < count; first += kLanes) {
      const float* x = panels + first * channels + c * kLanes;
      const int width = count - first < kLanes ? count - first : kLanes;
      for (int j = 0; j < width; ++j, weight += rows) {
        Vec r[VECS];
        for (int v = 0; v < VECS; ++v) load(r[v], weight + v * kLanes);
        for (int i = 0; i < kChannelBlock; ++i) {
          for (int v = 0; v < VECS; ++v) acc[i][v] += r[v] * x[i * kLanes + j];
        }
      }
    }
    for (int i = 0; i < kChannelBlock; ++i) {
      for (int v = 0; v < VECS; ++v) {
        store(sums + (c + i) * rows + v * kLanes, acc[i][v]);
      }
    }
  }
}

void m_step(const float* panels, const float* resp, const EmShape& shape,
            int count, float* sums, float* mass) {
  const int rows = padded_clusters(shape.clusters);
  const long channels = padded_channels(shape.channels);
  for (int k = 0; k < rows; k += kLanes) {
    Vec total, value;
    load(total, mass + k);
    for (int n = 0; n < count; ++n) {
      load(value, resp + static_cast<long>(n) * rows + k);
      total += value;
    }
    store(mass + k, total);
  }
  int k = 0;
  for (; k + 2 * kLanes <= rows; k += 2 * kLanes) {
    accumulate<2>(panels, resp + k, channels, rows, count, sums + k);
  }
  if (k < rows) {
    accumulate<1>(panels, resp + k, channels, rows, count, sums + k);
  }
}

#undef MMVIS_INLINE

}  // namespace

const EmTileKernels& MMVIS_TABLE() {
  static const EmTileKernels table = {
      MMVIS_NAME, kLanes,  padded_clusters, mu_size, padded_channels,
      pack,       pack_mu, e_step,          m_step};
  return table;
}

}  // namespace mmvis
