// Executes a mapping of a small layer element by element, and notes every access of every memory.
//
// It knows loop nests, sets of elements and who holds what, and nothing of the strict model that it
// judges: no closed forms, no relevance classes, no sinking of loops, no counts of anything but by
// counting. docs/strict-model.md says what it executes.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "model/core/accelerator.hpp"
#include "tests/support/random_mapping.hpp"

namespace ridgeline::testing {

// One exchange between a memory level and the one below it (or the array).
struct Exchange {
  std::int64_t first = 0;  // cycles in which the lower level works with the tile
  std::int64_t last = 0;
  // Cycles of the ports, of the fullest instance: a word takes one, unless requests take longer.
  // `up`: the upper level's.
  std::int64_t up = 0;
  std::int64_t down = 0;
  std::int64_t back_up = 0;  // partial sums that come back
  std::int64_t back_down = 0;
  std::int64_t post = 0;  // cycles in the unit that finishes outputs
};

struct Execution {
  std::int64_t cycles = 1;  // of the array
  // [operand][memory level][direction]: accesses, half-used words too.
  std::vector<std::vector<std::array<std::int64_t, model::kDirections>>> accesses;
  // [operand][architecture level]: with the level below, in order of time.
  std::vector<std::vector<std::vector<Exchange>>> exchanges;
  // [operand][memory level]: bits of the largest tile.
  std::vector<std::vector<std::int64_t>> stored;
};

// The mapping's layer, accelerator and loops.
Execution execute(const RandomMapping& mapping);

}  // namespace ridgeline::testing
