// Decoupling of partially relevant loops (docs/model.md, 3.3): a loop over OX, say, becomes a
// relevant loop (new columns of the input) and an irrelevant one (columns met before).
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>

#include "model/core/problem.hpp"

namespace ridgeline::model {

// Extent of a relation's data dimension for (perhaps fractional) extents of its two loops.
inline double relation_extent(const ProblemRelation& relation, double first, double second) {
  const double a = std::trunc(first);
  const double b = std::trunc(second);
  const double joint = a * b - std::max(0.0, b - relation.reduced[0]) * (a - relation.reduced[1]);
  return std::min(relation.size, joint);
}

struct DecoupledLoop {
  double relevant = 1;
  double irrelevant = 1;  // of dimensions that are irrelevant (not of size-1 ones)
  double other = 1;       // whatever is not relevant
};

// Walks the loops of one operand from the innermost; what a loop means depends on those before.
class Decoupler {
 public:
  Decoupler(const Problem& problem, const ProblemOperand& operand)
      : problem_(problem), operand_(operand) {
    extent_.fill(1);
    relevant_.fill(1);
    repeated_.fill(1);
  }

  DecoupledLoop next(int dim, double size) {
    const int slot = operand_.partial ? problem_.relation_slot[static_cast<std::size_t>(dim)] : -1;
    if (slot < 0) {
      if (operand_.relevant >> dim & 1u) return {size, 1, 1};
      return {1, operand_.irrelevant >> dim & 1u ? size : 1, size};
    }
    const auto r = static_cast<std::size_t>(slot / 2);
    extent_[static_cast<std::size_t>(slot)] *= size;
    const double first = extent_[2 * r];
    const double second = extent_[2 * r + 1];
    const double relevant = relation_extent(problem_.relation[r], first, second);
    const double repeated = (first * second) / relevant;
    const DecoupledLoop parts{relevant / relevant_[r], repeated / repeated_[r],
                              repeated / repeated_[r]};
    relevant_[r] = relevant;
    repeated_[r] = repeated;
    return parts;
  }

 private:
  const Problem& problem_;
  const ProblemOperand& operand_;
  std::array<double, 2 * kMaxRelations> extent_;
  std::array<double, kMaxRelations> relevant_;
  std::array<double, kMaxRelations> repeated_;
};

}  // namespace ridgeline::model
