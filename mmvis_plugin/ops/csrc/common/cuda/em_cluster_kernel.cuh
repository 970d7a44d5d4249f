// em_cluster on CUDA devices. Free of torch: `nvcc -c` compiles it alone.
//
// Resident: one block per problem copies all its pixels to shared memory once
// (196 pixels of 256 channels are 200 KB, which a block of sm_90 may have) and
// runs all iterations there. x is read once from device memory.
//
// Chunked: problems that do not fit (frames; on sm_80, with 163 KB, also 196
// pixels of 256 channels) are cut into chunks of tiles. A block adds up its
// chunk in registers and writes one partial sum; a second kernel adds the
// partial sums in order and normalises. x is read once per iteration, from L2
// where it fits. Half precision in shared memory would fit more pixels, but
// loses what the sharp softmax of the E step needs.
//
// Sums have a fixed order and nothing is atomic: every run gives the same
// bits on the same device. The host waits for nothing.
#pragma once

#ifdef __CUDACC__
#include <cuda_runtime.h>
#endif
#include <math.h>

namespace mmvis {

constexpr int kEmMaxThreads = 512;  // one per channel
constexpr int kEmReduceThreads = 1024;

struct EmCudaArgs {
  const float* x;  // (B, C, N)
  long long stride_b, stride_c, stride_n;
  float* mu;            // (B, C, K), start values and result
  const float* weight;  // (B, N) or null
  float* resp;          // (B, N, K) or null
  float* partial;       // EmPlan::partial_floats
  int batch, channels, pixels, clusters;
  float temp, eps;
};

struct EmDevice {
  int shared_per_block;  // bytes, with opt-in
  int shared_per_sm;
  int multiprocessors;
};

struct EmPlan {
  int tile_pixels = 0;  // 0: the device has too little shared memory
  int chunks = 0;       // per problem; 0: resident
  int chunk_pixels = 0;
  int shared_bytes = 0;
  long long partial_floats = 0;
};

__host__ __device__ constexpr int em_round_up(int value, int step) {
  return (value + step - 1) / step * step;
}

// Rows of an odd number of 16-byte words: eight lanes that read one word each
// of consecutive rows meet no bank twice.
__host__ __device__ constexpr int em_odd_row(int size) {
  const int words = em_round_up(size, 4) / 4;
  return 4 * (words % 2 ? words : words + 1);
}

// The shared memory of a block. KP: clusters, padded to a multiple of 4.
template <int KP>
struct EmTile {
  static constexpr int kRespRow = em_odd_row(KP);
  // clusters that one thread takes in the E step
  static constexpr int kGroup = KP <= 12 ? KP : 8;

  __device__ EmTile(float* memory, int channels_, int clusters_, int pixels)
      : channels(channels_), clusters(clusters_), row(em_odd_row(pixels)) {
    x = memory;
    mu = x + channels * row;
    resp = mu + channels * KP;
    scratch = resp + em_round_up(pixels, 4) * kRespRow;
  }

  static __host__ int bytes(int channels, int pixels, int threads) {
    const int floats = channels * (em_odd_row(pixels) + KP) +
                       em_round_up(pixels, 4) * kRespRow + threads + 2 * KP;
    return floats * static_cast<int>(sizeof(float));
  }

  int channels, clusters, row;
  float* x;        // [channel][row]
  float* mu;       // [channel][KP]
  float* resp;     // [pixel][kRespRow], weighted
  float* scratch;  // one per thread and two per cluster
};

template <int KP>
__device__ void em_load_pixels(const EmTile<KP>& tile, const EmCudaArgs& args,
                               int b, int first, int count) {
  const float* source =
      args.x + b * args.stride_b + first * args.stride_n;
  const int warps = blockDim.x / 32, lane = threadIdx.x % 32;
  const int padded = em_round_up(count, 4);
  for (int c = threadIdx.x / 32; c < tile.channels; c += warps) {
    const float* from = source + c * args.stride_c;
    float* to = tile.x + c * tile.row;
#pragma unroll 4
    for (int n = lane; n < padded; n += 32) {
      to[n] = n < count ? from[n * args.stride_n] : 0.f;
    }
  }
}

template <int KP>
__device__ void em_load_mu(const EmTile<KP>& tile, const float* mu) {
  for (int i = threadIdx.x; i < tile.channels * KP; i += blockDim.x) {
    const int c = i / KP, k = i % KP;
    tile.mu[i] = k < tile.clusters ? mu[c * tile.clusters + k] : 0.f;
  }
}

// resp[pixel][cluster] = temp * x . mu, minus infinity for padding. A thread
// takes one pixel and kGroup clusters at a time. The lanes of a warp are
// pixels: x is read without conflicts, mu is the same address for all.
template <int KP>
__device__ void em_logits(const EmTile<KP>& tile, int count, float temp) {
  constexpr int group = EmTile<KP>::kGroup;
  const int padded = em_round_up(count, 32);
  for (int i = threadIdx.x; i < padded * (KP / group); i += blockDim.x) {
    const int n = i % padded, first = i / padded * group;
    if (n >= count) continue;
    float acc[group] = {};
#pragma unroll 4
    for (int c = 0; c < tile.channels; ++c) {
      const float x = tile.x[c * tile.row + n];
      const float4* mu =
          reinterpret_cast<const float4*>(tile.mu + c * KP + first);
#pragma unroll
      for (int k = 0; k < group / 4; ++k) {
        const float4 m = mu[k];
        acc[4 * k] += x * m.x;
        acc[4 * k + 1] += x * m.y;
        acc[4 * k + 2] += x * m.z;
        acc[4 * k + 3] += x * m.w;
      }
    }
    float* resp = tile.resp + n * EmTile<KP>::kRespRow + first;
#pragma unroll
    for (int k = 0; k < group; ++k) {
      resp[k] = first + k < tile.clusters ? temp * acc[k] : -INFINITY;
    }
  }
}

// Softmax of every row of resp, times the weight of the pixel; 0 in the
// padding of pixels and clusters. `raw` gets the softmax alone. A thread takes
// one pixel and reads its row again in every pass, to save registers.
template <int KP>
__device__ void em_softmax(const EmTile<KP>& tile, int count,
                           const float* weight, float* raw) {
  for (int n = threadIdx.x; n < em_round_up(count, 4); n += blockDim.x) {
    float* row = tile.resp + n * EmTile<KP>::kRespRow;
    float4* const words = reinterpret_cast<float4*>(row);
    if (n >= count) {
      for (int k = 0; k < KP; ++k) row[k] = 0.f;
      continue;
    }
    float highest = row[0], total = 0.f;
#pragma unroll 4
    for (int k = 0; k < KP / 4; ++k) {
      const float4 v = words[k];
      highest = fmaxf(highest, fmaxf(fmaxf(v.x, v.y), fmaxf(v.z, v.w)));
    }
#pragma unroll 4
    for (int k = 0; k < KP / 4; ++k) {
      float4 v = words[k];
      v.x = expf(v.x - highest);
      v.y = expf(v.y - highest);
      v.z = expf(v.z - highest);
      v.w = expf(v.w - highest);
      total += v.x + v.y + v.z + v.w;
      words[k] = v;
    }
    const float scale = 1.f / total;
    if (raw) {
      float* const out = raw + static_cast<long long>(n) * tile.clusters;
      for (int k = 0; k < tile.clusters; ++k) out[k] = row[k] * scale;
    }
    const float factor = weight ? weight[n] * scale : scale;
#pragma unroll 4
    for (int k = 0; k < KP / 4; ++k) {
      float4 v = words[k];
      v.x *= factor;
      v.y *= factor;
      v.z *= factor;
      v.w *= factor;
      words[k] = v;
    }
  }
}

// acc[k] += sum of x resp for the channel of this thread, and mass += sum of
// resp for its cluster. x is read in words of four pixels by neighbouring
// channels, resp is the same address for all.
template <int KP>
__device__ void em_accumulate(const EmTile<KP>& tile, int count,
                              float (&acc)[KP], float& mass) {
  constexpr int row = EmTile<KP>::kRespRow;
  if (threadIdx.x < static_cast<unsigned>(KP)) {
#pragma unroll 8
    for (int n = 0; n < count; ++n) mass += tile.resp[n * row + threadIdx.x];
  }
  if (threadIdx.x >= static_cast<unsigned>(tile.channels)) return;
  for (int n = 0; n < count; n += 4) {
    const float4 four =
        *reinterpret_cast<const float4*>(tile.x + threadIdx.x * tile.row + n);
    const float x[4] = {four.x, four.y, four.z, four.w};
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      const float4* resp =
          reinterpret_cast<const float4*>(tile.resp + (n + i) * row);
#pragma unroll
      for (int k = 0; k < KP / 4; ++k) {
        const float4 r = resp[k];
        acc[4 * k] += x[i] * r.x;
        acc[4 * k + 1] += x[i] * r.y;
        acc[4 * k + 2] += x[i] * r.z;
        acc[4 * k + 3] += x[i] * r.w;
      }
    }
  }
}

// tile.mu = the prototypes of the sums that all threads hold.
template <int KP>
__device__ void em_normalise(const EmTile<KP>& tile, float (&acc)[KP],
                             float mass, float eps) {
  float* const squares = tile.scratch;
  float* const scale = squares + blockDim.x;
  const int thread = threadIdx.x, parts = blockDim.x / KP;
  if (thread < KP) scale[thread] = 1.f / (eps + mass);
  __syncthreads();
  float* const mu = tile.mu + thread * KP;
  if (thread < tile.channels) {
#pragma unroll
    for (int k = 0; k < KP; ++k) mu[k] = acc[k] *= scale[k];
  }
  __syncthreads();
  if (thread < parts * KP) {
    float total = 0.f;
    for (int c = thread / KP; c < tile.channels; c += parts) {
      const float value = tile.mu[c * KP + thread % KP];
      total += value * value;
    }
    squares[thread] = total;
  }
  __syncthreads();
  if (thread < KP) {
    float total = 0.f;
    for (int i = 0; i < parts; ++i) total += squares[i * KP + thread];
    scale[thread] = 1.f / (eps + sqrtf(total));
  }
  __syncthreads();
  if (thread < tile.channels) {
#pragma unroll
    for (int k = 0; k < KP; ++k) mu[k] = acc[k] * scale[k];
  }
}

template <int KP>
__global__ void __launch_bounds__(kEmMaxThreads, 1)
    em_resident_kernel(EmCudaArgs args, int num_iters) {
  extern __shared__ float4 em_shared[];
  const EmTile<KP> tile(reinterpret_cast<float*>(em_shared), args.channels,
                        args.clusters, args.pixels);
  const long long b = blockIdx.x;
  const int count = args.pixels;
  float* mu = args.mu + b * args.channels * args.clusters;
  em_load_pixels(tile, args, b, 0, count);
  em_load_mu(tile, mu);
  for (int i = 0; i < num_iters; ++i) {
    __syncthreads();
    em_logits(tile, count, args.temp);
    __syncthreads();
    em_softmax(tile, count, args.weight ? args.weight + b * count : nullptr,
               args.resp && i + 1 == num_iters
                   ? args.resp + b * count * args.clusters : nullptr);
    __syncthreads();
    float acc[KP] = {}, mass = 0.f;
    em_accumulate(tile, count, acc, mass);
    em_normalise(tile, acc, mass, args.eps);
  }
  __syncthreads();
  for (int i = threadIdx.x; i < args.channels * args.clusters;
       i += blockDim.x) {
    mu[i] = tile.mu[i / args.clusters * KP + i % args.clusters];
  }
}

// partial[problem][chunk][cluster][channel], the mass after the last channel.
template <int KP>
__global__ void __launch_bounds__(kEmMaxThreads, 1)
    em_chunk_kernel(EmCudaArgs args, EmPlan plan) {
  extern __shared__ float4 em_shared[];
  const EmTile<KP> tile(reinterpret_cast<float*>(em_shared), args.channels,
                        args.clusters, plan.tile_pixels);
  const long long b = blockIdx.x / plan.chunks;
  const int first = blockIdx.x % plan.chunks * plan.chunk_pixels;
  const int left = args.pixels - first;
  const int end = first + (left < plan.chunk_pixels ? left : plan.chunk_pixels);
  em_load_mu(tile, args.mu + b * args.channels * args.clusters);
  float acc[KP] = {}, mass = 0.f;
  for (int n = first; n < end; n += plan.tile_pixels) {
    const int count = end - n < plan.tile_pixels ? end - n : plan.tile_pixels;
    const long long pixel = b * args.pixels + n;
    __syncthreads();
    em_load_pixels(tile, args, b, n, count);
    __syncthreads();
    em_logits(tile, count, args.temp);
    __syncthreads();
    em_softmax(tile, count, args.weight ? args.weight + pixel : nullptr,
               args.resp ? args.resp + pixel * args.clusters : nullptr);
    __syncthreads();
    em_accumulate(tile, count, acc, mass);
  }
  const int width = args.channels + 1, thread = threadIdx.x;
  float* out = args.partial +
               static_cast<long long>(blockIdx.x) * args.clusters * width;
#pragma unroll
  for (int k = 0; k < KP; ++k) {
    if (k < args.clusters && thread < args.channels) {
      out[k * width + thread] = acc[k];
    }
  }
  if (thread < args.clusters) out[thread * width + args.channels] = mass;
}

// One block per cluster of a problem; `width` threads, at least one for every
// channel and the mass, take every (blockDim / width)-th chunk.
static __global__ void __launch_bounds__(kEmReduceThreads)
    em_reduce_kernel(EmCudaArgs args, int chunks, int width) {
  extern __shared__ float4 em_shared[];
  float* const sums = reinterpret_cast<float*>(em_shared);
  const int channels = args.channels, clusters = args.clusters;
  const long long b = blockIdx.x / clusters;
  const int k = blockIdx.x % clusters, parts = blockDim.x / width;
  const int part = threadIdx.x / width, c = threadIdx.x % width;
  float total = 0.f;
  if (c <= channels) {
    const long long step = static_cast<long long>(clusters) * (channels + 1);
    const float* from = args.partial + b * chunks * step +
                        static_cast<long long>(k) * (channels + 1) + c;
#pragma unroll 8
    for (int i = part; i < chunks; i += parts) total += from[i * step];
  }
  sums[threadIdx.x] = total;
  __syncthreads();
  if (part == 0) {
    for (int p = 1; p < parts; ++p) total += sums[p * width + c];
    sums[c] = total;
  }
  __syncthreads();
  const float value = c < channels ? total / (args.eps + sums[channels]) : 0.f;
  __syncthreads();
  if (part == 0) sums[c] = value * value;
  __syncthreads();
  for (int half = kEmReduceThreads / 2; half > 0; half /= 2) {
    if (part == 0 && c < half && c + half < width) sums[c] += sums[c + half];
    __syncthreads();
  }
  if (part == 0 && c < channels) {
    args.mu[(b * channels + c) * clusters + k] =
        value / (args.eps + sqrtf(sums[0]));
  }
}

inline int em_threads(int channels) {
  return em_round_up(channels < 128 ? 128 : channels, 32);
}

// How a problem is laid out on a device; depends on sizes alone.
template <int KP>
EmPlan em_plan_for(const EmCudaArgs& args, const EmDevice& device) {
  EmPlan plan;
  const int threads = em_threads(args.channels);
  const auto bytes = [&](int pixels) {
    return EmTile<KP>::bytes(args.channels, pixels, threads);
  };
  // the product of a frame would not fit an int
  if (args.pixels <= 4096 && bytes(args.pixels) <= device.shared_per_block) {
    plan.tile_pixels = args.pixels > 0 ? args.pixels : 1;
    plan.shared_bytes = bytes(args.pixels);
    return plan;
  }
  // two blocks per multiprocessor, so that one computes while the other loads
  const int half = device.shared_per_sm / 2 - 1024;
  plan.tile_pixels = 64;
  while (plan.tile_pixels > 32 && bytes(plan.tile_pixels) > half) {
    plan.tile_pixels /= 2;
  }
  while (plan.tile_pixels > 4 &&
         bytes(plan.tile_pixels) > device.shared_per_block) {
    plan.tile_pixels /= 2;
  }
  plan.shared_bytes = bytes(plan.tile_pixels);
  if (plan.shared_bytes > device.shared_per_block) return EmPlan();
  const int tiles = (args.pixels + plan.tile_pixels - 1) / plan.tile_pixels;
  int wanted = (2 * device.multiprocessors + args.batch - 1) / args.batch;
  if (wanted > tiles) wanted = tiles;
  plan.chunk_pixels = (tiles + wanted - 1) / wanted * plan.tile_pixels;
  plan.chunks = (args.pixels + plan.chunk_pixels - 1) / plan.chunk_pixels;
  plan.partial_floats = static_cast<long long>(args.batch) * plan.chunks *
                        args.clusters * (args.channels + 1);
  return plan;
}

template <int KP>
cudaError_t em_run_for(EmCudaArgs args, const EmPlan& plan, int num_iters,
                       cudaStream_t stream) {
  const bool resident = plan.chunks == 0;
  const void* kernel = resident
      ? reinterpret_cast<const void*>(em_resident_kernel<KP>)
      : reinterpret_cast<const void*>(em_chunk_kernel<KP>);
  cudaError_t status = cudaFuncSetAttribute(
      kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, plan.shared_bytes);
  if (status != cudaSuccess) return status;
  cudaLaunchConfig_t config = {};
  config.stream = stream;
  config.blockDim = dim3(em_threads(args.channels));
  config.dynamicSmemBytes = plan.shared_bytes;
  if (resident) {
    config.gridDim = dim3(args.batch);
    return cudaLaunchKernelEx(&config, em_resident_kernel<KP>, args,
                              num_iters);
  }
  const int width = em_round_up(args.channels + 1, 32);
  cudaLaunchConfig_t reduce = {};
  reduce.stream = stream;
  reduce.gridDim = dim3(args.batch * args.clusters);
  reduce.blockDim = dim3(kEmReduceThreads / width * width);
  reduce.dynamicSmemBytes = kEmReduceThreads * sizeof(float);
  config.gridDim = dim3(args.batch * plan.chunks);
  float* const resp = args.resp;
  for (int i = 0; i < num_iters && status == cudaSuccess; ++i) {
    args.resp = i + 1 == num_iters ? resp : nullptr;
    status = cudaLaunchKernelEx(&config, em_chunk_kernel<KP>, args, plan);
    if (status != cudaSuccess) return status;
    status = cudaLaunchKernelEx(&reduce, em_reduce_kernel, args, plan.chunks,
                                width);
  }
  return status;
}

// Call f with the padded number of clusters as a compile-time constant.
template <int KP>
struct EmClusters {
  static constexpr int value = KP;
};

template <typename Function>
auto em_dispatch(int clusters, Function f) {
  if (clusters <= 4) return f(EmClusters<4>());
  if (clusters <= 8) return f(EmClusters<8>());
  if (clusters <= 12) return f(EmClusters<12>());
  if (clusters <= 16) return f(EmClusters<16>());
  if (clusters <= 24) return f(EmClusters<24>());
  if (clusters <= 32) return f(EmClusters<32>());
  if (clusters <= 48) return f(EmClusters<48>());
  return f(EmClusters<64>());
}

// Plan with plan.tile_pixels == 0 if the device cannot hold the problem.
inline EmPlan em_plan(const EmCudaArgs& args, const EmDevice& device) {
  return em_dispatch(args.clusters, [&](auto clusters) {
    return em_plan_for<decltype(clusters)::value>(args, device);
  });
}

inline cudaError_t em_run(const EmCudaArgs& args, const EmPlan& plan,
                          int num_iters, cudaStream_t stream) {
  return em_dispatch(args.clusters, [&](auto clusters) {
    return em_run_for<decltype(clusters)::value>(args, plan, num_iters,
                                                 stream);
  });
}

}  // namespace mmvis
