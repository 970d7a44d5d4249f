// The CUDA kernels of em_cluster, run on the host: block by block, one context
// per CUDA thread, which gives way at __syncthreads. In between the threads of
// a block run one after the other, first to last or last to first, so that a
// missing barrier shows. Shared memory holds NaN at the start of a block, and
// a guard after what the launch asked for.
#include <ucontext.h>

#include <cmath>
#include <cstdlib>
#include <functional>
#include <limits>
#include <vector>

#define __host__
#define __device__
#define __global__
#define __shared__
#define __launch_bounds__(...)

struct alignas(16) float4 {
  float x, y, z, w;
};
struct dim3 {
  unsigned x;
  explicit dim3(unsigned x_ = 1) : x(x_) {}
};
using cudaStream_t = void*;
enum cudaError_t { cudaSuccess, cudaErrorInvalidValue };
enum { cudaFuncAttributeMaxDynamicSharedMemorySize };
struct cudaLaunchConfig_t {
  dim3 gridDim, blockDim;
  size_t dynamicSmemBytes;
  cudaStream_t stream;
};

constexpr size_t kWords = 16384;  // 256 KB
constexpr float kGuard = -12345.f;
namespace mmvis {
float4 em_shared[kWords];
}

static dim3 threadIdx, blockIdx, blockDim;
static ucontext_t scheduler;
static std::vector<ucontext_t> contexts;
static std::function<void()> body;
static int running = 0;  // threads of the block that are not done
static bool backwards = false;
static int allowed_bytes = 48 * 1024;
static bool overrun = false;

static void __syncthreads() {
  swapcontext(&contexts[threadIdx.x], &scheduler);
}

static void run_thread() {
  body();
  --running;
}

// All threads up to the next barrier, again and again.
static void run_block(unsigned size, std::vector<char>& stacks) {
  const size_t stack = stacks.size() / size;
  for (unsigned t = 0; t < size; ++t) {
    getcontext(&contexts[t]);
    contexts[t].uc_stack.ss_sp = stacks.data() + t * stack;
    contexts[t].uc_stack.ss_size = stack;
    contexts[t].uc_link = &scheduler;
    makecontext(&contexts[t], run_thread, 0);
  }
  running = size;
  while (running > 0) {
    const int before = running;
    for (unsigned t = 0; t < size; ++t) {
      threadIdx = dim3(backwards ? size - 1 - t : t);
      swapcontext(&scheduler, &contexts[threadIdx.x]);
    }
    // a barrier that not all threads reach
    if (running > 0 && running != before) std::abort();
  }
}

static cudaError_t cudaFuncSetAttribute(const void*, int, int bytes) {
  allowed_bytes = bytes;
  return cudaSuccess;
}

static void prepare_block(unsigned block, size_t bytes) {
  float* shared = &mmvis::em_shared[0].x;
  const size_t used = bytes / 4;
  for (size_t i = 0; i < 4 * kWords; ++i) {
    if (block > 0 && i >= used && shared[i] != kGuard) overrun = true;
    shared[i] = i < used ? std::numeric_limits<float>::quiet_NaN() : kGuard;
  }
  blockIdx = dim3(block);
}

template <typename... Params, typename... Args>
cudaError_t cudaLaunchKernelEx(const cudaLaunchConfig_t* config,
                               void (*kernel)(Params...), Args... args) {
  const unsigned size = config->blockDim.x, blocks = config->gridDim.x;
  const size_t bytes = config->dynamicSmemBytes;
  if (size < 1 || size > 1024 || blocks < 1 || bytes > 16 * kWords ||
      bytes > static_cast<size_t>(allowed_bytes)) {
    return cudaErrorInvalidValue;
  }
  blockDim = config->blockDim;
  contexts.resize(size);
  std::vector<char> stacks(size * size_t{65536});
  body = [=] { kernel(args...); };
  for (unsigned block = 0; block < blocks; ++block) {
    prepare_block(block, bytes);
    run_block(size, stacks);
  }
  prepare_block(blocks, bytes);
  return cudaSuccess;
}

#include "common/cuda/em_cluster_kernel.cuh"

// What was done: -1 no plan, -2 a failed launch, -3 memory overrun, else the
// number of chunks per problem (0: resident).
extern "C" int run_em_cluster(const float* x, const long long* strides,
                              const int* sizes, float* mu, const float* weight,
                              float* resp, int num_iters, float temp,
                              float eps, const int* limits, int reverse) {
  using namespace mmvis;
  backwards = reverse;
  EmCudaArgs args{x,        strides[0], strides[1], strides[2], mu,
                  weight,   resp,       nullptr,    sizes[0],   sizes[1],
                  sizes[2], sizes[3],   temp,       eps};
  const EmPlan plan = em_plan(args, {limits[0], limits[1], limits[2]});
  if (plan.tile_pixels == 0) return -1;
  const float nan = std::numeric_limits<float>::quiet_NaN();
  std::vector<float> partial(plan.partial_floats + 1, nan);
  partial.back() = kGuard;
  args.partial = partial.data();
  overrun = false;
  if (em_run(args, plan, num_iters, nullptr) != cudaSuccess) return -2;
  if (overrun || partial.back() != kGuard) return -3;
  return plan.chunks;
}

// tile_pixels, chunks, chunk_pixels and shared_bytes of a plan.
extern "C" void plan_em_cluster(const int* sizes, const int* limits,
                                int* plan) {
  mmvis::EmCudaArgs args = {};
  args.batch = sizes[0];
  args.channels = sizes[1];
  args.pixels = sizes[2];
  args.clusters = sizes[3];
  const auto p = mmvis::em_plan(args, {limits[0], limits[1], limits[2]});
  const int values[] = {p.tile_pixels, p.chunks, p.chunk_pixels,
                        p.shared_bytes};
  for (int i = 0; i < 4; ++i) plan[i] = values[i];
}
