// Decoupling of partially relevant loops (docs/model.md, 3.3): a loop over OX, say, becomes a
// relevant loop (new columns of the input) and an irrelevant one (columns met before).
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>

#include "model/core/problem.hpp"

namespace ridgeline::model {

// Extent of a relation's data dimension for extents of its two loops, which are whole numbers.
inline double whole_extent(const ProblemRelation& relation, double a, double b) {
  const double joint = a * b - std::max(0.0, b - relation.reduced[0]) * (a - relation.reduced[1]);
  return std::min(relation.size, joint);
}

// The same for perhaps fractional extents.
inline double relation_extent(const ProblemRelation& relation, double first, double second) {
  return whole_extent(relation, std::trunc(first), std::trunc(second));
}

// Elements of an operand for (perhaps fractional) products of its loops by dimension: the product
// over the relevant dimensions as the equation names them, then over the relations.
inline double tile_elements(const Problem& problem, const ProblemOperand& operand,
                            const std::array<double, kMaxDims>& range) {
  double size = 1;
  for (std::size_t i = 0; i < operand.relevant_count; ++i) size *= range[operand.relevant_dims[i]];
  if (!operand.partial) return size;
  for (std::size_t r = 0; r < static_cast<std::size_t>(problem.relations); ++r) {
    const ProblemRelation& relation = problem.relation[r];
    size *= relation_extent(relation, range[relation.dim[0]], range[relation.dim[1]]);
  }
  return size;
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
