// Branch and bound over the exact mapping space (docs/exact-mapping.md).
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "model/core/evaluate.hpp"
#include "search/budget.hpp"
#include "search/exact/cut_lattice.hpp"
#include "search/mapping/loop_factors.hpp"
#include "search/mapping/mapper.hpp"

namespace ridgeline::search {

struct ExactOptions {
  Objective objective = Objective::latency;
  bool front = false;  // all costs that no other dominates, not only the objective's best
  std::vector<model::Cost> known;  // of a front: what matters is only what none of these dominates
  bool even = false;               // operands that share a memory end at the same loop there
  std::int64_t node_limit = 0;     // branch-and-bound nodes; 0: none
  Budget budget;
  // For tests: nodes that show whether a problem is easy, and bytes that chains may take at a time
  // (0: what the budget leaves).
  std::int64_t easy_nodes = 5000;
  std::int64_t chain_bytes = 0;
  std::int64_t dense_states =
      CutLattice::kDenseStates;  // of more, what is out of reach is left out
  // Relative: end where the optimum is at most this much better than what was found.
  double gap = 0;
  bool first_term = false;  // of mappings that are best in the objective's first term, any will do
  std::vector<LoopConstraint> constraints;  // innermost positions that the user fixes
  bool prune = true;                        // false: visit the whole space (for tests)
  std::int64_t state_limit = 40'000'000;    // of the bound table; larger spaces are not proven
};

struct ExactMapping {
  model::Cost cost;
  model::Ordering ordering;
  model::Cuts cuts;
};

struct ExactResult {
  bool optimal = false;             // the space was exhausted
  std::string refused;              // why the space was not searched at all; empty: it was
  bool improved = false;            // a mapping better than the incumbent was found
  ExactMapping best;                // where `improved`
  std::vector<ExactMapping> front;  // with ExactOptions::front: by latency
  std::int64_t nodes = 0;           // visited by the branch and bound
  std::int64_t work = 0;            // nodes, and what filling tables took as so many more
  std::int64_t evaluated = 0;       // mappings costed
  double lower_bound = -std::numeric_limits<double>::infinity();  // of the objective
  double orderings = 0;                                           // of all prime factors
};

// Finds a mapping that is better than `incumbent` (if there is one), or proves that none is,
// up to a relative 1e-12 of the last term that decides. Where memory is short, chains are searched
// in parts, so that it takes longer; what cannot be opened at all is `refused`.
ExactResult exact_search(const model::Problem& problem, const ExactOptions& options,
                         const std::optional<model::Cost>& incumbent);

}  // namespace ridgeline::search
