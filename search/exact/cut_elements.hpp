// How many elements of an operand lie below a cut, as the allocator and as the model count them.
// Inline: the lattice asks at each of its nodes.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>

#include "model/core/index.hpp"
#include "model/core/problem.hpp"

namespace ridgeline::search {

// Whether the last bits of the product of a dimension's loops below architecture level `a`,
// temporal ones with the product `loops` and unrolled ones, depend on the order of its factors:
// powers of two are never rounded, and two other factors are rounded once.
inline bool order_matters(const model::OperandSpatial& spatial, int a, int dim, double loops) {
  int others = 0;
  for (int i = spatial.begin[0]; i < spatial.begin[z(a)]; ++i) {
    if (spatial.loops[z(i)].dim != dim) continue;
    int exponent = 0;
    if (std::frexp(spatial.loops[z(i)].factor, &exponent) != 0.5) ++others;
  }
  auto rest = static_cast<std::int64_t>(loops);
  while (rest > 1 && rest % 2 == 0) rest /= 2;
  for (std::int64_t prime = 3; rest > 1 && others <= 2; prime += 2) {
    if (prime * prime > rest) prime = rest;
    for (; rest % prime == 0; rest /= prime) ++others;
  }
  return others > 2;
}

// Elements below a cut at architecture level `a`, for products of temporal loops by dimension.
// Not rounded: the allocator compares it as it is, the model rounds it.
// `slack` is added to fractional extents, relatively.
inline double elements_below(const model::Problem& problem, const model::ProblemOperand& operand,
                             const model::OperandSpatial& spatial, int a,
                             const std::array<double, model::kMaxDims>& loops, double slack = 0) {
  if (a == 0) return 1;
  // Products of factors with few binary digits are exact whatever their order.
  const auto widened = [&](double factor, double value) {
    const double scaled = factor * 1048576;
    return scaled == std::floor(scaled) ? value : value + value * slack;
  };
  double size = spatial.relevant_product[z(a - 1)];
  if (!spatial.whole) size = widened(size, size);
  for (int d = 0; d < problem.dims; ++d) {
    if (operand.relevant >> d & 1u) size *= loops[z(d)];
  }
  if (operand.partial) {
    for (int r = 0; r < problem.relations; ++r) {
      const model::ProblemRelation& relation = problem.relation[z(r)];
      const double* extent = &spatial.extent[z(a - 1)][z(2 * r)];
      double first = loops[relation.dim[0]] * extent[0];
      double second = loops[relation.dim[1]] * extent[1];
      if (!spatial.whole) {
        // An extent that should be whole may come out just below, and lose an element.
        if (slack != 0 && order_matters(spatial, a, relation.dim[0], loops[relation.dim[0]])) {
          first = widened(extent[0], first);
        }
        if (slack != 0 && order_matters(spatial, a, relation.dim[1], loops[relation.dim[1]])) {
          second = widened(extent[1], second);
        }
        first = std::trunc(first);
        second = std::trunc(second);
      }
      const double joint = first * second - std::max(0.0, second - relation.reduced[0]) *
                                                (first - relation.reduced[1]);
      size *= std::min(relation.size, joint);
    }
    // The model multiplies ratios of extents.
    if (!spatial.whole) size += size * slack;
  }
  return size;
}

// Where unrollings are fractional, the model's last bits depend on the order of the loops, and
// rounding may make an element of them.
struct Elements {
  double least = 0;
  double most = 0;
};
inline Elements rounded_elements(const model::Problem& problem,
                                 const model::ProblemOperand& operand,
                                 const model::OperandSpatial& spatial, int a,
                                 const std::array<double, model::kMaxDims>& loops) {
  constexpr double kLastBits = 1e-12;
  const auto at = [&](double slack) {
    return std::nearbyint(elements_below(problem, operand, spatial, a, loops, slack));
  };
  if (spatial.whole) {
    const double exact = at(0);
    return {exact, exact};
  }
  return {at(-kLastBits), at(kLastBits)};
}

// Elements of which the tiles below a cut at level `a` >= 1 consist together at least, `all` being
// the products of all temporal loops.
inline double distinct_elements(const model::Problem& problem, const model::ProblemOperand& operand,
                                const model::OperandSpatial& spatial, int a,
                                const std::array<double, model::kMaxDims>& all) {
  double elements = spatial.relevant_product[z(a - 1)];
  for (int d = 0; d < problem.dims; ++d) {
    if (operand.relevant >> d & 1u) elements *= all[z(d)];
  }
  // Two loops of sizes A and B that index one dimension touch at least A + B - 1 places of it,
  // whatever their strides; the model's own count may be too high.
  for (int r = 0; operand.partial && r < problem.relations; ++r) {
    const model::ProblemRelation& relation = problem.relation[z(r)];
    const double* extent = &spatial.extent[z(a - 1)][z(2 * r)];
    const double first = std::trunc(all[relation.dim[0]] * extent[0]);
    const double second = std::trunc(all[relation.dim[1]] * extent[1]);
    elements *= std::max(1.0, std::min(relation.size, first + second - 1));
    // Tiles whose extents are cut off to whole numbers lose less than half.
    const bool cut_off = extent[0] != std::trunc(extent[0]) || extent[1] != std::trunc(extent[1]);
    if (!spatial.whole && cut_off) elements /= 2;
  }
  // Tiles that are rounded down to the nearest element lose a third at most.
  return spatial.whole ? elements : elements * 2.0 / 3.0;
}

// How often what an input gives the array changes, whatever the order of the temporal loops:
// it may wait in the array for those that are irrelevant to it.
inline double least_changes(const model::Problem& problem, const model::ProblemOperand& operand,
                            const std::array<double, model::kMaxDims>& all) {
  double product = 1;
  for (int d = 0; d < problem.dims; ++d) {
    const bool waits =
        !operand.output && problem.repeats_are_free && (operand.irrelevant >> d & 1u) != 0;
    if (!waits) product *= all[z(d)];
  }
  return product;
}

// Product of the irrelevant spatial loops of levels `from` and outwards.
inline double irrelevant_spatial(const model::ProblemOperand& operand,
                                 const model::OperandSpatial& spatial, int from) {
  double product = 1;
  for (int a = from; a <= operand.levels; ++a) {
    for (int i = spatial.begin[z(a)]; i < spatial.begin[z(a + 1)]; ++i) {
      if (operand.irrelevant >> spatial.loops[z(i)].dim & 1u) product *= spatial.loops[z(i)].factor;
    }
  }
  return product;
}

}  // namespace ridgeline::search
