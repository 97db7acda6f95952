// The latency of the core model of 2022 (docs/depth-first.md, "The cost model of 2022").
#pragma once

#include <array>

#include "model/depth_first/core_2022_moves.hpp"

namespace ridgeline::model {

// Cycles, from the levels under the real spatial mapping and what moves under the whole one, of
// each operand.
LatencyFigures latency_2022(const Core2022& core, const std::array<Levels2022, kMaxOperands>& real,
                            const std::array<Moves2022, kMaxOperands>& whole_moves);

}  // namespace ridgeline::model
