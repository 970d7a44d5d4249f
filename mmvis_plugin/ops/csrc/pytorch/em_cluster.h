// What the operator takes on every device; checked and brought into this form
// by mmvis_plugin/ops/em_cluster.py.
#pragma once

#include <ATen/core/Tensor.h>

#include <optional>

namespace mmvis {

// x       (B, C, N) float, any strides
// mu      (B, C, K) float, contiguous; start values, overwritten by the result
// weight  (B, N) float, contiguous, or none
// resp    (B, N, K) float, contiguous, or none: softmax of the last E step
struct EmProblem {
  at::Tensor x;
  at::Tensor mu;
  std::optional<at::Tensor> weight;
  std::optional<at::Tensor> resp;
  int64_t num_iters;
  float temp;
  float eps;
};

void em_cluster_cpu(const EmProblem& problem);
// False if the device has too little shared memory for these sizes.
bool em_cluster_cuda(const EmProblem& problem);

}  // namespace mmvis
