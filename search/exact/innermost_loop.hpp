// What the innermost temporal loop alone decides: an operand of which a register holds one tile
// changes there with every step of a loop that it depends on, so whichever loop is innermost,
// some operands come and go in every iteration.
#pragma once

#include <array>
#include <cstdint>

#include "model/core/problem.hpp"

namespace ridgeline::search {

// Sets of operands, a bit each.
struct InnermostLoops {
  std::uint32_t single = 0;  // whose innermost memory holds one tile and no loop that changes it
  // By innermost loop, each different set once: those that change with every iteration.
  std::array<std::uint32_t, 1u << model::kMaxOperands> changing{};
  int count = 0;  // at least one; without loops nothing changes

  // Whether with one of them an operand crosses its innermost memory's upper end every time.
  bool passes(int which, int operand) const {
    return (changing[static_cast<std::size_t>(which)] & single) >> operand & 1u;
  }
  bool changes(int which, int operand) const {
    return changing[static_cast<std::size_t>(which)] >> operand & 1u;
  }
};

InnermostLoops innermost_loops(const model::Problem& problem);

}  // namespace ridgeline::search
