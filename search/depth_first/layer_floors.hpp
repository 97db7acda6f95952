// What layers cost at least in whichever stack, tiles and way of overlap: for the stacks that a
// search does not get to look at.
#pragma once

#include <vector>

#include "model/core/evaluation.hpp"
#include "model/depth_first/fused_network.hpp"
#include "search/depth_first/stack_plan.hpp"

namespace ridgeline::search {

// By node; energy (pJ) and latency (cycles), each on its own. Of each map every place that a later
// layer looks at is computed once, by no more units than the mapping leaves, and by our rules
// weights come from the outermost memory, while nothing but their layer runs.
std::vector<model::Cost> layer_floors(const model::FusedNetwork& network, const FusionCore& core,
                                      const FusionRules& rules);

}  // namespace ridgeline::search
