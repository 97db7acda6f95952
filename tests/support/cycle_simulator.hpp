// Runs a mapping cycle by cycle: an array, memories with one or two buffers a tile, and ports that
// move one word a cycle. It says when the last result has arrived. It knows nothing of how the
// strict model comes to its latency; what it executes is in docs/strict-model.md.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "tests/support/execution.hpp"

namespace ridgeline::testing {

struct Machine {
  // [operand][architecture level][direction of the upper memory's port, or of the lower's]: number
  // of a port; -1: none.
  std::vector<std::vector<std::array<int, model::kDirections>>> up_port;
  std::vector<std::vector<std::array<int, model::kDirections>>> down_port;
  std::vector<std::vector<int>> buffers;        // [operand][architecture level]
  std::vector<std::vector<std::int64_t>> wait;  // cycles until data comes from the upper memory
  int ports = 0;
  std::int64_t cycles_per_operation = 1;
  std::int64_t skew = 0;  // cycles that results take through the array
};

// Cycles until everything has arrived; -1: it never does.
std::int64_t simulate(const Execution& execution, const Machine& machine);

}  // namespace ridgeline::testing
