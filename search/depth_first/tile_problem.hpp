// A layer of one kind of tile as a mapping problem, for either cost model.
#pragma once

#include "search/depth_first/stack_cost.hpp"

namespace ridgeline::search {

// Not complete yet; with all memories that each operand may have; `n`: place of the node in the
// stack.
TileProblem tile_problem(const FusionCore& core, const model::FusedNode& node, const TileKind& kind,
                         std::size_t n);

// Names a layer by what its mappings depend on, apart from sizes of tiles.
std::string content_of(const model::FusedNode& node, const FusionCore& core);

}  // namespace ridgeline::search
