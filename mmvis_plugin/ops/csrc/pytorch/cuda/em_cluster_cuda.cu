// em_cluster for CUDA tensors.
#include <ATen/ops/empty.h>
#include <c10/cuda/CUDAException.h>
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>

#include "common/cuda/em_cluster_kernel.cuh"
#include "pytorch/em_cluster.h"

namespace mmvis {
namespace {

EmDevice current_device() {
  int index;
  EmDevice device;
  C10_CUDA_CHECK(cudaGetDevice(&index));
  C10_CUDA_CHECK(cudaDeviceGetAttribute(
      &device.shared_per_block, cudaDevAttrMaxSharedMemoryPerBlockOptin,
      index));
  C10_CUDA_CHECK(cudaDeviceGetAttribute(
      &device.shared_per_sm, cudaDevAttrMaxSharedMemoryPerMultiprocessor,
      index));
  C10_CUDA_CHECK(cudaDeviceGetAttribute(
      &device.multiprocessors, cudaDevAttrMultiProcessorCount, index));
  return device;
}

}  // namespace

bool em_cluster_cuda(const EmProblem& p) {
  const c10::cuda::CUDAGuard guard(p.x.device());
  EmCudaArgs args;
  args.x = p.x.const_data_ptr<float>();
  args.stride_b = p.x.stride(0);
  args.stride_c = p.x.stride(1);
  args.stride_n = p.x.stride(2);
  args.mu = p.mu.mutable_data_ptr<float>();
  args.weight = p.weight ? p.weight->const_data_ptr<float>() : nullptr;
  args.resp = p.resp ? p.resp->mutable_data_ptr<float>() : nullptr;
  args.batch = static_cast<int>(p.x.size(0));
  args.channels = static_cast<int>(p.x.size(1));
  args.pixels = static_cast<int>(p.x.size(2));
  args.clusters = static_cast<int>(p.mu.size(2));
  args.temp = p.temp;
  args.eps = p.eps;
  const EmPlan plan = em_plan(args, current_device());
  if (plan.tile_pixels == 0) return false;
  const at::Tensor partial =
      at::empty({plan.partial_floats}, p.x.options());
  args.partial = partial.mutable_data_ptr<float>();
  C10_CUDA_CHECK(em_run(args, plan, static_cast<int>(p.num_iters),
                        c10::cuda::getCurrentCUDAStream()));
  return true;
}

}  // namespace mmvis
