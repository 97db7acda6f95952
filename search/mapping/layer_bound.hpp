// What a layer costs at least on a core, over the spatial mappings that a search would try.
#pragma once

#include "search/mapping/mapper.hpp"

namespace ridgeline::search {

class SharedRoots;

// Least energy and least latency, each on its own, by the exact engine's tables
// (search/exact/root_bound.hpp); 0 where nothing is known, as of mappings that the user gives.
// `roots`: what is known of other designs. `quick`: by what each datum costs at least, in
// microseconds.
model::Cost bound_layer(const model::Layer& layer, const model::Accelerator& accelerator,
                        const model::Hierarchy& hierarchy, const model::MappingEntry& mapping,
                        const MapperOptions& options, SharedRoots* roots = nullptr,
                        bool quick = false);

}  // namespace ridgeline::search
