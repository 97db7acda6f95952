// What holds for all mappings of a problem and needs no lattice: what they cost at least, and how
// many orders of loops there are.
#pragma once

#include "model/core/evaluation.hpp"
#include "model/core/problem.hpp"

namespace ridgeline::search {

// What every mapping of a problem costs at least: each datum crosses each level once, in each
// iteration moves what the innermost loop changes (innermost_loop.hpp), and latencies are those of
// least_latency.hpp.
model::Cost least_cost(const model::Problem& problem);

// Bounds that are so much above what was found are not equal to it.
inline constexpr double kSurely = 1e-9;

// Whether a latency is as low as that bound, but for the last bits.
bool reaches(double latency, const model::Cost& least);

// What one access of every transfer costs.
double accesses_cut_off(const model::Problem& problem);

// Orderings of all prime factors of a problem's loops, for reports.
double orderings_of(const model::Problem& problem);

}  // namespace ridgeline::search
