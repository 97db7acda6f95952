// A layer of one kind of tile as a mapping problem, for either cost model.
#pragma once

#include "search/depth_first/stack_cost.hpp"

namespace ridgeline::search {

// Numbers the network's layers by what their mappings depend on, apart from sizes of tiles.
void number_contents(model::FusedNetwork& network, const FusionCore& core);

}  // namespace ridgeline::search
