// What a layer costs at least on a core, over the spatial mappings that a search would try.
#pragma once

#include "search/mapping/mapper.hpp"

namespace ridgeline::search {

class SharedRoots;

struct BoundOptions {
  SharedRoots* roots = nullptr;  // what is known of other designs
  bool quick = false;            // by what each datum costs at least, in microseconds
  int price_steps = 0;           // rounds of prices for the latency (search/exact/root_bound.hpp)
};

// A bound that says that nothing fits; sums of what else is infeasible are no less than a tenth.
inline constexpr double kNothingFits = 1e300;

struct LayerBound {
  model::Cost least;  // energy and latency, each on its own; 0 where nothing is known

  bool possible() const {
    return least.energy < kNothingFits / 10 && least.latency < kNothingFits / 10;
  }
  bool fits = false;  // some mapping fits the memories for certain; asked without `roots`
  // By place in Accelerator::memories: with so many bits left in each, something fits for certain,
  // and loops are unrolled as they are with all of it; empty: not known.
  std::vector<double> room;
};

// By the exact engine's tables (search/exact/root_bound.hpp); nothing is known of mappings that the
// user gives.
LayerBound bound_layer(const model::Layer& layer, const model::Accelerator& accelerator,
                       const model::Hierarchy& hierarchy, const model::MappingEntry& mapping,
                       const MapperOptions& options, const BoundOptions& how);

}  // namespace ridgeline::search
