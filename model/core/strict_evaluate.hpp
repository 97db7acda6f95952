// Evaluates temporal mappings by the strict model (docs/strict-model.md): counts are those of
// execution, and the latency is that of a schedule that exists. Neither allocates, throws nor
// locks.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <limits>

#include "model/core/evaluate.hpp"
#include "model/core/strict_latency.hpp"
#include "model/core/strict_problem.hpp"

namespace ridgeline::model {

// As evaluate_strict (evaluate.hpp), with all figures; `evaluation` has its operands and levels,
// `detail` may be null.
Cost explain_strict(const Problem& problem, const Ordering& ordering, const Cuts& cuts,
                    Evaluation& evaluation, Detail* detail);

// What a mapping may cost that is still wanted.
struct CostLimit {
  static constexpr double kNone = std::numeric_limits<double>::infinity();
  double energy = kNone;
  double latency = kNone;
  double product = kNone;  // of both

  double latency_at(double of_energy) const {
    return of_energy > energy ? 0 : std::min(latency, product / of_energy);
  }
};
// As evaluate_strict, but the latency is infinite where the walk shows before its end that the
// mapping costs more than the limit. Adds the blocks of operations that are walked to `blocks`.
Cost evaluate_strict(const Problem& problem, const Ordering& ordering, const Cuts& cuts,
                     const CostLimit& limit, std::int64_t& blocks);

// The energy of evaluate_strict, and a latency that it does not fall below, several times as fast.
Cost bound_strict(const Problem& problem, const Ordering& ordering, const Cuts& cuts);

// The energy of evaluate_strict, and nearly its latency, many times as fast: for choosing which
// mappings are worth the walk through their tiles.
Cost estimate_strict(const Problem& problem, const Ordering& ordering, const Cuts& cuts);

// What is known of an output's tiles from all that lies further out.
struct StrictSums {
  double finishes = 1;     // visits in which sums are finished: 1, or 0 where parts lie elsewhere
  double fresh = 0;        // elements, in all visits, to which nothing has been added yet
  std::uint32_t stay = 0;  // bit m: memory level m holds sums to which something is to be added
};

// What an operand's transfers between architecture level a and the one below cost, whatever the
// other levels are: it depends on the loops inside alone, and of outputs on `sums`.
struct StrictCut {
  bool served = true;      // a port does what is asked for
  double energy = 0;       // pJ
  StrictInterface link{};  // cycles
  double largest = 0;      // elements of the largest tile below, in memory level a - 1
  double wait = 0;         // cycles that the array surely waits for exchanges, where that is known
  StrictSums sums{};       // of outputs, for the next level inwards
};

// `inside`: what the temporal loops inside multiply to, by dimension; those that follow are taken
// to begin with one that the operand depends on, if there is any.
StrictCut strict_cut(const Problem& problem, int o, int a,
                     const std::array<double, kMaxDims>& inside, const StrictSums& sums);
// All levels of a mapping.
struct StrictCuts {
  std::array<std::array<StrictCut, kMaxLevels>, kMaxOperands> cut;
  std::array<double, kMaxOperands> top;  // elements in the outermost memory
  std::uint32_t stay = 0;                // StrictSums::stay of all levels
};
// As estimate_strict of that mapping; of a latency beyond the limit no more than a bound.
Cost estimate_strict(const Problem& problem, const StrictCuts& cuts,
                     double limit = CostLimit::kNone);
// Of the whole output, in its outermost memory.
StrictSums whole_output(const Problem& problem);

}  // namespace ridgeline::model
