// The ways to tile a stack that a search looks at, and what a solver needs to cost them.
#pragma once

#include <cstdint>
#include <limits>
#include <vector>

#include "search/depth_first/fusion.hpp"
#include "search/depth_first/fusion_blocks.hpp"

namespace ridgeline::search {

// Tile extents that a search tries along an axis of `map` elements: for each number of tiles in
// 1, 2, 3, 4, 6, 8, 12, 16, ... the smallest extent that needs no more; with `all`, every extent.
std::vector<std::int64_t> tile_extents(std::int64_t map, bool all);

// Tiles, as given or as `tile_extents` has them, times the ways of overlap that differ for them.
std::vector<FusionWay> ways_of(const model::Stack& stack, const FusionOptions& options,
                               bool all_tiles);

struct BlockWay {
  FusionBlock* block = nullptr;
  FusionWay way;
  double enough = std::numeric_limits<double>::infinity();  // a value that is as good as more
};

// The ways, planned, for `solver` to cost; of use as long as the blocks are.
std::vector<StackJob> jobs_of(const FusionCore& core, const FusionRules& rules,
                              const TileSolver& solver, const std::vector<BlockWay>& ways);
std::vector<StackJob*> pointers(std::vector<StackJob>& jobs);

}  // namespace ridgeline::search
