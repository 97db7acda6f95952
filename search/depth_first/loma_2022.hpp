// Mapping of a layer under the cost model of 2022: all orderings of the temporal loops, the
// cheapest in energy wins, and of equals the first (docs/depth-first.md).
#pragma once

#include <vector>

#include "model/depth_first/core_2022.hpp"
#include "search/mapping/mapper.hpp"

namespace ridgeline::search {

// `options`: lpf_limit and budget count. `unrolls`: of loops that the layer has.
LayerResult map_layer_2022(const model::Layer& layer, const std::vector<model::Relevance>& classes,
                           const model::Accelerator& accelerator,
                           const std::vector<model::OperandPlaces>& places,
                           const std::vector<model::Unrolling>& unrolls,
                           const MapperOptions& options);

}  // namespace ridgeline::search
