// What each memory level sees of an ordering of temporal loops (docs/model.md, section 4).
#pragma once

#include <array>
#include <cstdint>

#include "model/core/problem.hpp"

namespace ridgeline::model {

// Temporal loops, innermost first. Sizes are whole numbers.
struct Ordering {
  int count = 0;
  std::array<std::uint8_t, kMaxLoops> dim{};
  std::array<double, kMaxLoops> size{};

  void push(int d, std::int64_t n) {
    dim[static_cast<std::size_t>(count)] = static_cast<std::uint8_t>(d);
    size[static_cast<std::size_t>(count++)] = static_cast<double>(n);
  }
};

// end[o][m]: how many of the loops, from the innermost, lie in memory levels 0..m of operand o.
struct Cuts {
  std::array<std::array<std::uint8_t, kMaxLevels>, kMaxOperands> end{};
};

// The same for both versions of the spatial mapping.
struct TilingVersion {
  std::array<double, kMaxArchLevels> elements;  // in one instance at architecture level a
  // Bit a / m, of the output: level a holds partial sums; the transfers on the low and the high
  // side of memory level m carry partial sums.
  std::uint32_t partial_sums = 0;
  std::uint32_t partial_low = 0;
  std::uint32_t partial_high = 0;
};

// What the levels of one operand see of the temporal loops, after irrelevant loops have sunk.
struct OperandTiling {
  std::array<double, kMaxArchLevels> period;          // iterations between transfers
  std::array<double, kMaxArchLevels> count;           // whole periods in all iterations
  std::array<double, kMaxArchLevels> top_relevant;    // outermost run of relevant loops
  std::array<double, kMaxArchLevels> top_irrelevant;  // and of irrelevant ones
  std::array<TilingVersion, 2> version;  // real, integer; the second unset where they are equal
  std::array<std::uint8_t, kMaxLevels> boundary;  // loops in levels 0..m, after sinking
};

struct LoopTiling {
  double iterations = 1;  // product of all temporal loops
  std::array<OperandTiling, kMaxOperands> operand;
};

// Neither allocates, throws nor locks.
void tile(const Problem& problem, const Ordering& ordering, const Cuts& cuts, LoopTiling& tiling);

}  // namespace ridgeline::model
