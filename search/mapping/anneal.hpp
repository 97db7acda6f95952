// Simulated annealing over orderings of prime-factor loops, after SALSA (Jung et al., 2023).
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "model/core/evaluation.hpp"
#include "search/budget.hpp"

namespace ridgeline::search {

struct AnnealOptions {
  int iterations = 1000;
  double start_temperature = 0.05;
  double cooling = 0.995;
  std::uint64_t seed = 42;
  Budget budget;
};

// Calls `cost` on orderings of `loops` (innermost first); infinite: does not fit, never
// accepted once something that fits was found. The caller keeps the best.
void anneal_ordering(std::vector<model::TemporalLoop> loops, const AnnealOptions& options,
                     const std::function<double(const std::vector<model::TemporalLoop>&)>& cost);

}  // namespace ridgeline::search
