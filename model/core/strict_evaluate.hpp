// Evaluates temporal mappings by the strict model (docs/strict-model.md): counts are those of
// execution, and the latency is that of a schedule that exists. Neither allocates, throws nor
// locks.
#pragma once

#include "model/core/evaluate.hpp"
#include "model/core/strict_problem.hpp"

namespace ridgeline::model {

// As evaluate_strict (evaluate.hpp), with all figures; `evaluation` has its operands and levels,
// `detail` may be null.
Cost explain_strict(const Problem& problem, const Ordering& ordering, const Cuts& cuts,
                    Evaluation& evaluation, Detail* detail);

// The energy of evaluate_strict, and a latency that it does not fall below, several times as fast.
Cost bound_strict(const Problem& problem, const Ordering& ordering, const Cuts& cuts);

// The energy of evaluate_strict, and nearly its latency, many times as fast: for choosing which
// mappings are worth the walk through their tiles.
Cost estimate_strict(const Problem& problem, const Ordering& ordering, const Cuts& cuts);

}  // namespace ridgeline::model
