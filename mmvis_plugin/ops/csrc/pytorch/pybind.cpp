// Python names of the compiled operators and the choice of the device.
#include <c10/util/Exception.h>
#include <torch/csrc/utils/pybind.h>

#include <string>
#include <vector>

#include "pytorch/em_cluster.h"

namespace {

// False if the device cannot run it; nothing was written then.
bool em_cluster(const at::Tensor& x, const at::Tensor& mu,
                const std::optional<at::Tensor>& weight,
                const std::optional<at::Tensor>& resp, int64_t num_iters,
                double temp, double eps) {
  const mmvis::EmProblem problem{x,
                                 mu,
                                 weight,
                                 resp,
                                 num_iters,
                                 static_cast<float>(temp),
                                 static_cast<float>(eps)};
#ifdef MMVIS_WITH_CUDA
  if (x.is_cuda()) return mmvis::em_cluster_cuda(problem);
#endif
  TORCH_CHECK(x.is_cpu(), "em_cluster is not compiled for ", x.device());
  mmvis::em_cluster_cpu(problem);
  return true;
}

// Device types that the operators were compiled for.
std::vector<std::string> devices() {
#ifdef MMVIS_WITH_CUDA
  return {"cpu", "cuda"};
#else
  return {"cpu"};
#endif
}

}  // namespace

PYBIND11_MODULE(TORCH_EXTENSION_NAME, m) {
  namespace py = pybind11;
  m.def("devices", &devices);
  m.def("em_cluster", &em_cluster, py::arg("x"), py::arg("mu"),
        py::arg("weight"), py::arg("resp"), py::arg("num_iters"),
        py::arg("temp"), py::arg("eps"),
        py::call_guard<py::gil_scoped_release>());
}
