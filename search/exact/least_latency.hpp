// What every mapping of a problem takes in cycles at least, without a lattice: for those who ask of
// very many problems whether one is worth a closer look.
#pragma once

#include "model/core/problem.hpp"

namespace ridgeline::search {

// By how much it is lowered, as sums differ in the last bits.
inline constexpr double kLatencyTie = 1e-12;

// Not of the strict model. The longer of
// - the cycles in which the array computes, with what loading and off-loading take at least, and
// - for each port, the cycles in which it moves each datum once, and in each iteration what the
//   innermost loop changes (innermost_loop.hpp), with loading that goes by other ports.
// Cycles that the computation leaves may shorten loading (docs/model.md, 6.6), by no more than
// there are on the port, and only that of what moves once, for which its memory needs room.
double least_latency(const model::Problem& problem);

}  // namespace ridgeline::search
