// The interface of the tile kernels of em_cluster.
//
// One table per instruction set is compiled from em_tile_impl.h. Everything
// here works on one tile: up to a few hundred pixels of one problem that stay
// in the second-level cache while all steps read them. No header of torch or
// of the standard library is included, so that no inline function of theirs
// is compiled for an instruction set which the machine may lack.
#pragma once

namespace mmvis {

// Sizes of one tile problem. The layouts below depend on them alone.
struct EmShape {
  int channels;  // C
  int clusters;  // K
  float temp;    // factor on the dot products in the E step
};

// Where the pixels of a tile lie in the input.
struct EmSource {
  const float* data;   // channel 0 of the first pixel
  long stride_c;       // elements between two channels
  long stride_n;       // elements between two pixels
  const int* indices;  // pixels of the tile, or null for 0, 1, 2, ...
};

struct EmTileKernels {
  const char* name;
  int lanes;  // pixels of a panel

  // Clusters with the padding that a row of `resp` has.
  int (*padded_clusters)(int clusters);
  // Elements of the prototypes in the layout of the E step.
  int (*mu_size)(const EmShape& shape);
  // Channels with the padding that `panels` and `sums` have.
  int (*padded_channels)(int channels);

  // Copy `count` pixels to panels[ceil(count / lanes)][channels][lanes].
  void (*pack)(const EmSource& source, const EmShape& shape, int count,
               float* panels);
  // Copy mu (C, K), rows contiguous, to the layout of the E step.
  void (*pack_mu)(const float* mu, const EmShape& shape, float* packed);
  // Softmax over the clusters. resp (count, padded clusters) is multiplied by
  // weights[i] if there are any; raw (count, K), if not null, is not.
  void (*e_step)(const float* panels, const float* packed_mu,
                 const EmShape& shape, int count, const float* weights,
                 float* resp, float* raw);
  // sums (padded channels, padded clusters) += x resp and
  // mass (padded clusters) += sum of resp over the pixels.
  void (*m_step)(const float* panels, const float* resp, const EmShape& shape,
                 int count, float* sums, float* mass);
};

const EmTileKernels& em_tile_default();
const EmTileKernels& em_tile_avx2();
const EmTileKernels& em_tile_avx512();

}  // namespace mmvis
