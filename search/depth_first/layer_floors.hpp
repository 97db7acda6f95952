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
// weights come from the outermost memory. A latency of 0: nothing is known, as by the model with
// quirks, in which loading may take less than no cycles.
std::vector<model::Cost> layer_floors(const model::FusedNetwork& network, const FusionCore& core,
                                      const FusionRules& rules);

}  // namespace ridgeline::search
