#include "search/exact/innermost_loop.hpp"

#include <algorithm>

#include "model/core/index.hpp"
#include "search/exact/cut_elements.hpp"

namespace ridgeline::search {

namespace {

std::int64_t least_prime(std::int64_t n) {
  for (std::int64_t p = 2; p * p <= n; ++p) {
    if (n % p == 0) return p;
  }
  return n;
}

}  // namespace

InnermostLoops innermost_loops(const model::Problem& problem) {
  constexpr double kLastBits = 1e-9;
  InnermostLoops result;
  bool reduced = false;
  for (int d = 0; d < problem.dims; ++d) {
    const bool inner = (problem.operand[0].irrelevant >> d & 1u) != 0;
    reduced = reduced || (inner && problem.temporal_size[z(d)] > 1);
  }
  for (int o = 0; o < problem.operands; ++o) {
    const model::ProblemOperand& operand = problem.operand[z(o)];
    if (operand.levels < 2) continue;
    // With loops that reduce the output among those above the array, it holds partial sums.
    const bool partial = operand.output && (reduced || operand.real.irrelevant_from[1]);
    const double bits = partial ? operand.precision : operand.final_precision;
    const double room = problem.memory[z(operand.memory[0])].size * (1 + kLastBits);
    bool single = true;
    for (int d = 0; d < problem.dims && single; ++d) {
      if (problem.temporal_size[z(d)] <= 1 || (operand.irrelevant >> d & 1u)) continue;
      std::array<double, model::kMaxDims> loops;
      loops.fill(1);
      loops[z(d)] = static_cast<double>(least_prime(problem.temporal_size[z(d)]));
      single = bits * elements_below(problem, operand, operand.real, 1, loops, -kLastBits) > room;
    }
    if (single) result.single |= 1u << o;
  }
  for (int d = 0; d < problem.dims; ++d) {
    if (problem.temporal_size[z(d)] <= 1) continue;
    std::uint32_t changing = 0;
    for (int o = 0; o < problem.operands; ++o) {
      if (!(problem.operand[z(o)].irrelevant >> d & 1u)) changing |= 1u << o;
    }
    const auto end = result.changing.begin() + result.count;
    if (std::find(result.changing.begin(), end, changing) == end) {
      result.changing[z(result.count++)] = changing;
    }
  }
  result.count = std::max(result.count, 1);
  return result;
}

}  // namespace ridgeline::search
