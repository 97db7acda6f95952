// Energies and areas of hardware documents.
#pragma once

#include "io/document/document.hpp"

namespace ridgeline::io {

// No cost of hardware is larger, in whatever unit; and sums and products of smaller ones over any
// workload stay finite.
inline constexpr double kMaxCost = 1e30;

// From 0 to kMaxCost, in pJ or the document's unit of area; else an InputError.
inline double cost_figure(const Value& value) {
  const double cost = value.as_real_at_least(0);
  if (cost > kMaxCost) {
    throw value.error("a cost of more than 1e+30", "in pJ, or in a unit of area such as mm2");
  }
  return cost;
}

}  // namespace ridgeline::io
