// From a mapping's tiles to the walk through them (docs/strict-model.md, 2.2 and 2.3): loops that
// may be walked as one, and what each link moves.
#pragma once

#include <array>

#include "model/core/evaluate.hpp"
#include "model/core/strict_latency.hpp"
#include "model/core/strict_tiles.hpp"
#include "model/core/strict_walk.hpp"

namespace ridgeline::model {

// `transfers` has the links and buffers of all levels; `finishes`, by the output's memory level:
// the visits in which sums arrive finished. `limit`: StrictWalk::run.
WalkTimes walk_tiles(const Problem& problem, const Ordering& ordering, const StrictTiles& tiles,
                     const StrictTransfers& transfers,
                     const std::array<double, kMaxLevels>& finishes, double limit);

}  // namespace ridgeline::model
