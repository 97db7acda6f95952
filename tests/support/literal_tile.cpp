#include "tests/support/literal_tile.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include "model/core/index.hpp"

namespace ridgeline::testing {

double literal_tile_bits(const model::Problem& problem, const model::Ordering& ordering, int o,
                         int level, int begin, int end) {
  const model::ProblemOperand& operand = problem.operand[z(o)];
  std::array<double, model::kMaxDims> range;
  range.fill(1);
  for (int i = 0; i < end; ++i) range[ordering.dim[z(i)]] *= ordering.size[z(i)];
  for (int i = 0; i < operand.real.begin[z(level + 1)]; ++i) {
    range[z(operand.real.loops[z(i)].dim)] *= operand.real.loops[z(i)].factor;
  }
  double elements = 1;
  for (int d = 0; d < problem.dims; ++d) {
    if (operand.relevant >> d & 1u) elements *= range[z(d)];
  }
  if (operand.partial) {
    for (int r = 0; r < problem.relations; ++r) {
      const auto& relation = problem.relation[z(r)];
      const double a = std::trunc(range[relation.dim[0]]);
      const double b = std::trunc(range[relation.dim[1]]);
      elements *= std::min(relation.size, a * b - std::max(0.0, b - relation.reduced[0]) *
                                                      (a - relation.reduced[1]));
    }
  }
  bool partial = false;
  if (operand.output) {
    for (int i = begin; i < ordering.count; ++i) {
      partial = partial || (operand.irrelevant >> ordering.dim[z(i)] & 1u);
    }
    for (int i = operand.real.begin[z(level + 1)]; i < operand.real.begin[z(operand.levels + 1)];
         ++i) {
      partial = partial || (operand.irrelevant >> operand.real.loops[z(i)].dim & 1u);
    }
  }
  return elements * (partial ? operand.precision : operand.final_precision);
}

}  // namespace ridgeline::testing
