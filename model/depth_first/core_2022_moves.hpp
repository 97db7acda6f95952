// What the parts of the core model of 2022 share: what an ordering makes of an operand's levels,
// and what moves between them.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <numeric>

#include "model/core/directions.hpp"
#include "model/core/index.hpp"
#include "model/depth_first/core_2022.hpp"

namespace ridgeline::model {

// Extent of a relation's data for perhaps fractional loops, truncated.
inline double relation_extent(const DimRelation& relation, double a, double b) {
  const std::int64_t g = std::gcd(relation.coefficient[0], relation.coefficient[1]);
  const double sa = static_cast<double>(relation.coefficient[0] / g);
  const double sb = static_cast<double>(relation.coefficient[1] / g);
  return std::trunc(a * b - std::max(0.0, b - sa) * (a - sb));
}

// Everything that depends on the ordering, of one operand and version.
struct Levels2022 {
  std::array<double, kMaxLevels + 1> elements{};  // in one instance of memory a - 1
  std::array<bool, kMaxLevels + 2> partial{};     // partial sums from architecture level i up
  std::array<double, kMaxLevels + 1> period{};    // cyc
  std::array<double, kMaxLevels + 1> top_relevant{};
  std::array<double, kMaxLevels + 1> top_irrelevant{};
  double iterations = 1;
};

// One direction of one level.
struct Move2022 {
  double amount = 0;  // elements a period
  double precision = 0;
  double period = 0;
  double count = 0;   // periods
  double window = 0;  // cycles without double buffering
};

using Moves2022 = std::array<std::array<Move2022, kDirections>, kMaxLevels>;

// Bits that the levels of an operand hold.
inline double held_bits(const Operand2022& operand, const Levels2022& levels, int a) {
  const bool partial = operand.output && levels.partial[z(a)];
  return levels.elements[z(a)] * (partial ? operand.precision : operand.final_precision);
}

}  // namespace ridgeline::model
