// What a tile takes in a memory, written from the rule of the allocator, not from its code.
#pragma once

#include "model/core/evaluate.hpp"
#include "model/core/problem.hpp"

namespace ridgeline::testing {

// Bits of an operand's tile when the loops before `end` lie below the upper end of a level that
// begins at loop `begin` (docs/mapping-search.md, 3).
double literal_tile_bits(const model::Problem& problem, const model::Ordering& ordering, int o,
                         int level, int begin, int end);

}  // namespace ridgeline::testing
