// Spatial mapping: which loops the array unrolls, and what that means for each memory level
// (docs/model.md, section 3).
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "model/core/accelerator.hpp"
#include "model/core/hierarchy.hpp"
#include "model/core/layer.hpp"
#include "model/core/limits.hpp"
#include "model/core/mapping_spec.hpp"

namespace ridgeline::model {

// Unrolling of one loop dimension on one array dimension, by index.
struct SpatialLoop {
  int dim = 0;              // place in Layer::dims
  std::int64_t factor = 1;  // >= 1
};
struct SpatialDim {
  int array_dim = 0;  // place in OperationalArray::dims
  std::vector<SpatialLoop> loops;
};
// In mapping order: array dimensions that the user names in document order, then filled ones.
using SpatialMapping = std::vector<SpatialDim>;

// A spatial loop after conversion to the layer: sizes may be fractional.
struct UnrolledLoop {
  int dim = 0;
  double factor = 1;
};
// Per architecture level (0: the array) of one operand: the loops between it and the memory
// level above it. One entry more than the operand has memory levels.
using UnrolledLevels = std::vector<std::vector<UnrolledLoop>>;

struct ConvertedSpatial {
  // Per place in Layer::operands. `real` drives energy, `integer` latency; they are equal
  // unless an unrolling does not divide its loop.
  std::vector<UnrolledLevels> real;
  std::vector<UnrolledLevels> integer;
  // Temporal loop sizes that remain, of every loop dimension (1: none remains).
  std::vector<std::int64_t> temporal_sizes;
};

// Converts a spatial mapping to the layer. `levels[o]`: places in Hierarchy::memories of the
// levels of layer operand o, innermost first.
ConvertedSpatial convert_spatial(const Layer& layer, const Accelerator& accelerator,
                                 const Hierarchy& hierarchy,
                                 const std::vector<std::vector<int>>& levels,
                                 const SpatialMapping& mapping, bool rules_of_2023 = false);

}  // namespace ridgeline::model
