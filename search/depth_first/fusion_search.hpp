// The best way to fuse a network: cuts, tiles and ways of overlap together (docs/depth-first.md,
// "The optimum").
//
// A stack costs the same whatever the others do, so the best cuts follow from the best way of each
// possible stack by dynamic programming. Ways are bounded first, by bounds of their layer-tiles;
// only what could be part of the best fusion is mapped.
#pragma once

#include "search/depth_first/fusion.hpp"

namespace ridgeline::search {

struct FusionSearchOptions {
  bool all_tiles = false;
  bool quick = false;  // do not reach for a proof: map the most promising ways alone
  double gap = 0;      // relative: end where nothing can be better by more than this
};

// Given parts of `options` (cuts, tiles, ways of overlap) stay as they are; the rest is searched.
// Where the budget ends it, the best so far, with its bound. Objective edp: the best product over
// the front of energies and latencies, each layer-tile being mapped for its own least product.
FusionResult search_fusion(model::FusedNetwork network, const model::Accelerator& accelerator,
                           const model::MappingSpec& mapping, const FusionOptions& options,
                           const FusionSearchOptions& search);

}  // namespace ridgeline::search
