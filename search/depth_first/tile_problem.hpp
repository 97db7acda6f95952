// A layer of one kind of tile as a mapping problem, for either cost model.
#pragma once

#include "search/depth_first/stack_cost.hpp"

namespace ridgeline::search {

// With all memories that each operand may have; `n`: place of the node in the stack.
TileProblem tile_problem(const FusionCore& core, const model::FusedNode& node, const TileKind& kind,
                         std::size_t n, const FusionRules& rules);

}  // namespace ridgeline::search
