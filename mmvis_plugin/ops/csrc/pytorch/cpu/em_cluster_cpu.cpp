// em_cluster on the CPU.
//
// A problem whose pixels fit the cache is copied there once and all its
// iterations run in one thread. A larger one is cut into chunks, whose number
// depends on its size alone; each iteration adds up every chunk in its own
// buffer and then the buffers in order. So the result does not depend on the
// number of threads.
#include <ATen/Parallel.h>
#include <ATen/Version.h>
#include <ATen/ops/empty.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <string>

#include "common/cpu/em_tile.h"
#include "pytorch/em_cluster.h"

namespace mmvis {
namespace {

constexpr int64_t kResidentFloats = 96 * 1024;  // of x, in one thread's cache
constexpr int64_t kTileFloats = 64 * 1024;
constexpr int64_t kMaxTile = 1024;      // pixels
constexpr int64_t kChunkPixels = 1024;  // at least, in a cut problem
constexpr int64_t kMaxChunks = 64;

const EmTileKernels& kernels() {
#if defined(__x86_64__)
  static const std::string isa = at::get_cpu_capability();
  if (isa == "AVX512") return em_tile_avx512();
  if (isa == "AVX2") return em_tile_avx2();
#endif
  return em_tile_default();
}

int64_t round_up(int64_t value, int64_t step) {
  return (value + step - 1) / step * step;
}

// Raw pointers and sizes of an EmProblem.
struct Sizes {
  explicit Sizes(const EmProblem& p)
      : tiles(kernels()),
        batch(p.x.size(0)),
        channels(p.x.size(1)),
        pixels(p.x.size(2)),
        clusters(p.mu.size(2)),
        rows(tiles.padded_channels(channels)),
        cols(tiles.padded_clusters(clusters)),
        eps(p.eps),
        shape{static_cast<int>(channels), static_cast<int>(clusters), p.temp},
        x(p.x.const_data_ptr<float>()),
        mu(p.mu.mutable_data_ptr<float>()),
        weight(p.weight ? p.weight->const_data_ptr<float>() : nullptr),
        resp(p.resp ? p.resp->mutable_data_ptr<float>() : nullptr),
        stride_b(p.x.stride(0)),
        stride_c(p.x.stride(1)),
        stride_n(p.x.stride(2)) {}

  float* mu_of(int64_t b) const { return mu + b * channels * clusters; }
  // Elements of the sums and the mass of all clusters.
  int64_t sums_size() const { return (rows + 1) * cols; }

  const EmTileKernels& tiles;
  int64_t batch, channels, pixels, clusters, rows, cols;
  float eps;
  EmShape shape;
  const float* x;
  float* mu;
  const float* weight;
  float* resp;
  int64_t stride_b, stride_c, stride_n;
};

// The pixels of a tile in the cache, with what the E step makes of them.
class Tile {
 public:
  Tile(const Sizes& sizes, int64_t capacity)
      : sizes_(sizes), capacity_(round_up(capacity, sizes.tiles.lanes)) {}

  int64_t size() const {
    return round_up(capacity_ * (sizes_.rows + sizes_.cols + 2), 16);
  }

  void use(float* memory) {
    panels_ = memory;
    resp_ = panels_ + capacity_ * sizes_.rows;
    weights_ = resp_ + capacity_ * sizes_.cols;
    indices_ = reinterpret_cast<int*>(weights_ + capacity_);
  }

  // Take pixels [begin, end) of problem b. Pixels of weight 0 are left out,
  // unless all responsibilities are asked for; returns NaN in place of 0 if
  // they hold a value that is not finite, as adding 0 times it would give.
  float fill(int64_t b, int64_t begin, int64_t end) {
    begin_ = b * sizes_.pixels + begin;
    EmSource source{sizes_.x + b * sizes_.stride_b + begin * sizes_.stride_n,
                    sizes_.stride_c, sizes_.stride_n, nullptr};
    const int total = end - begin;
    count_ = total;
    float missing = 0.f;
    if (sizes_.weight) {
      const float* weight = sizes_.weight + begin_;
      count_ = 0;
      for (int i = 0; i < total; ++i) {
        if (weight[i] == 0.f && !sizes_.resp) continue;
        indices_[count_] = i;
        weights_[count_++] = weight[i];
      }
      if (count_ < total) {
        missing = zero_times(source, total);
        source.indices = indices_;
      }
    }
    sizes_.tiles.pack(source, sizes_.shape, count_, panels_);
    return missing;
  }

  // One E step and the sums of the M step over the pixels of the tile.
  void step(const float* packed_mu, bool last, float* sums) const {
    float* raw = last && sizes_.resp
        ? sizes_.resp + begin_ * sizes_.clusters : nullptr;
    sizes_.tiles.e_step(panels_, packed_mu, sizes_.shape, count_,
                        sizes_.weight ? weights_ : nullptr, resp_, raw);
    sizes_.tiles.m_step(panels_, resp_, sizes_.shape, count_, sums,
                        sums + sizes_.rows * sizes_.cols);
  }

 private:
  float zero_times(const EmSource& source, int64_t total) const {
    constexpr uint32_t exponent = 0x7f800000u;
    uint32_t found = 0;
    for (int64_t c = 0; c < sizes_.channels; ++c) {
      const float* row = source.data + c * source.stride_c;
      for (int64_t i = 0; i < total; ++i) {
        uint32_t bits;
        std::memcpy(&bits, row + i * source.stride_n, sizeof(bits));
        found |= (bits & exponent) == exponent;
      }
    }
    return found ? std::numeric_limits<float>::quiet_NaN() : 0.f;
  }

  const Sizes& sizes_;
  const int64_t capacity_;
  int64_t begin_ = 0;
  int count_ = 0;
  float* panels_ = nullptr;
  float* resp_ = nullptr;
  float* weights_ = nullptr;
  int* indices_ = nullptr;
};

// mu = sums / (eps + mass), then every prototype / (eps + its length).
void normalise(const Sizes& s, float* sums, float missing, float* mu) {
  float* mass = sums + s.rows * s.cols;
  float* square = sums + (s.rows - 1) * s.cols;  // free once it was read
  for (int64_t k = 0; k < s.clusters; ++k) {
    mass[k] = 1.f / (s.eps + mass[k] + missing);
  }
  for (int64_t c = 0; c < s.channels; ++c) {
    for (int64_t k = 0; k < s.clusters; ++k) {
      mu[c * s.clusters + k] = sums[c * s.cols + k] * mass[k];
    }
  }
  std::fill(square, square + s.cols, 0.f);
  for (int64_t c = 0; c < s.channels; ++c) {
    for (int64_t k = 0; k < s.clusters; ++k) {
      square[k] += mu[c * s.clusters + k] * mu[c * s.clusters + k];
    }
  }
  for (int64_t k = 0; k < s.clusters; ++k) {
    square[k] = 1.f / (s.eps + std::sqrt(square[k]));
  }
  for (int64_t c = 0; c < s.channels; ++c) {
    for (int64_t k = 0; k < s.clusters; ++k) {
      mu[c * s.clusters + k] *= square[k];
    }
  }
}

// NaN if a start value is not finite, else 0: a problem of which no pixel has
// a weight would not see it otherwise.
float zero_times(const Sizes& s, const float* mu) {
  float total = 0.f;
  for (int64_t i = 0; i < s.channels * s.clusters; ++i) total += mu[i] * 0.f;
  return total;
}

// All problems in parallel, each in the cache of one thread.
void run_resident(const Sizes& s, int64_t num_iters) {
  Tile layout(s, s.pixels);
  const int64_t mu_size = round_up(s.tiles.mu_size(s.shape), 16);
  const int64_t per_thread =
      round_up(layout.size() + mu_size + s.sums_size(), 16);
  const at::Tensor memory = at::empty({at::get_num_threads(), per_thread});
  float* base = memory.mutable_data_ptr<float>();
  at::parallel_for(0, s.batch, 1, [&](int64_t begin, int64_t end) {
    Tile tile(s, s.pixels);
    float* own = base + at::get_thread_num() * per_thread;
    tile.use(own);
    float* packed_mu = own + tile.size();
    float* sums = packed_mu + mu_size;
    for (int64_t b = begin; b < end; ++b) {
      float* mu = s.mu_of(b);
      const float missing = tile.fill(b, 0, s.pixels) + zero_times(s, mu);
      for (int64_t i = 0; i < num_iters; ++i) {
        s.tiles.pack_mu(mu, s.shape, packed_mu);
        std::fill(sums, sums + s.sums_size(), 0.f);
        tile.step(packed_mu, i + 1 == num_iters, sums);
        normalise(s, sums, missing, mu);
      }
    }
  });
}

// Problems cut into chunks; every iteration reads all pixels again.
class Streaming {
 public:
  explicit Streaming(const Sizes& sizes)
      : s_(sizes),
        tile_pixels_(std::clamp<int64_t>(
            kTileFloats / s_.rows / s_.tiles.lanes * s_.tiles.lanes,
            2 * s_.tiles.lanes, kMaxTile)),
        chunk_pixels_(round_up(
            std::max((s_.pixels + kMaxChunks - 1) / kMaxChunks, kChunkPixels),
            tile_pixels_)),
        chunks_((s_.pixels + chunk_pixels_ - 1) / chunk_pixels_),
        mu_size_(round_up(s_.tiles.mu_size(s_.shape), 16)),
        chunk_size_(round_up(s_.sums_size() + 1, 16)),
        tile_size_(Tile(s_, tile_pixels_).size()),
        memory_(at::empty({at::get_num_threads() * tile_size_ +
                           s_.batch * (mu_size_ + chunks_ * chunk_size_)})),
        packed_mu_(memory_.mutable_data_ptr<float>()),
        sums_(packed_mu_ + s_.batch * mu_size_),
        tiles_(sums_ + s_.batch * chunks_ * chunk_size_) {}

  void run(int64_t num_iters) {
    for (int64_t i = 0; i < num_iters; ++i) {
      for (int64_t b = 0; b < s_.batch; ++b) {
        s_.tiles.pack_mu(s_.mu_of(b), s_.shape, packed_mu_ + b * mu_size_);
      }
      const bool last = i + 1 == num_iters;
      at::parallel_for(
          0, s_.batch * chunks_, 1, [&](int64_t begin, int64_t end) {
            Tile tile(s_, tile_pixels_);
            tile.use(tiles_ + at::get_thread_num() * tile_size_);
            // back and forth: the end of one iteration is still in the cache
            for (int64_t c = begin; c < end; ++c) {
              add_up_chunk(tile, i % 2 ? begin + end - 1 - c : c, last);
            }
          });
      at::parallel_for(0, s_.batch, 1, [&](int64_t begin, int64_t end) {
        for (int64_t b = begin; b < end; ++b) update(b);
      });
    }
  }

 private:
  void add_up_chunk(Tile& tile, int64_t chunk, bool last) {
    const int64_t b = chunk / chunks_;
    const int64_t first = chunk % chunks_ * chunk_pixels_;
    const int64_t end = std::min(first + chunk_pixels_, s_.pixels);
    float* sums = sums_ + chunk * chunk_size_;
    float& missing = sums[s_.sums_size()];
    std::fill(sums, sums + chunk_size_, 0.f);
    for (int64_t n = first; n < end; n += tile_pixels_) {
      missing += tile.fill(b, n, std::min(n + tile_pixels_, end));
      tile.step(packed_mu_ + b * mu_size_, last, sums);
    }
  }

  void update(int64_t b) {
    float* total = sums_ + b * chunks_ * chunk_size_;
    for (int64_t i = 1; i < chunks_; ++i) {
      const float* part = total + i * chunk_size_;
      for (int64_t j = 0; j <= s_.sums_size(); ++j) total[j] += part[j];
    }
    float* mu = s_.mu_of(b);
    normalise(s_, total, total[s_.sums_size()] + zero_times(s_, mu), mu);
  }

  const Sizes& s_;
  const int64_t tile_pixels_, chunk_pixels_, chunks_;
  const int64_t mu_size_, chunk_size_, tile_size_;
  const at::Tensor memory_;
  float* const packed_mu_;
  float* const sums_;
  float* const tiles_;
};

}  // namespace

void em_cluster_cpu(const EmProblem& problem) {
  const Sizes sizes(problem);
  if (sizes.pixels * sizes.rows <= kResidentFloats) {
    run_resident(sizes, problem.num_iters);
  } else {
    Streaming(sizes).run(problem.num_iters);
  }
}

}  // namespace mmvis
