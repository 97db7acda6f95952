// The best way to fuse a network: cuts, tiles and ways of overlap together (docs/depth-first.md,
// "The optimum").
//
// A stack costs the same whatever the others do, so the best cuts follow from the best way of each
// possible stack by dynamic programming. Ways are bounded first, by bounds of their layer-tiles;
// only what could be part of the best fusion is mapped.
#pragma once

#include "search/depth_first/fusion.hpp"

namespace ridgeline::search {

// Tile extents that a search tries along an axis of `map` elements: for each number of tiles in
// 1, 2, 3, 4, 6, 8, 12, 16, ... the smallest extent that needs no more; with `all`, every extent.
std::vector<std::int64_t> tile_extents(std::int64_t map, bool all);

struct FusionSearchOptions {
  bool all_tiles = false;
  bool quick = false;  // do not reach for a proof: map the most promising ways alone
};

// Given parts of `options` (cuts, tiles, ways of overlap) stay as they are; the rest is searched.
// Where the budget ends it, the best so far, with its bound. Objective edp: the best product over
// the front of energies and latencies, without a proof.
FusionResult search_fusion(model::FusedNetwork network, const model::Accelerator& accelerator,
                           const model::MappingSpec& mapping, const FusionOptions& options,
                           const FusionSearchOptions& search);

}  // namespace ridgeline::search
