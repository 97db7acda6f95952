// What the best mapping of a layer costs at least, from what the exact engine knows before it
// searches (docs/exact-mapping.md, "Bounds"): enough to see that a design cannot reach a front.
#pragma once

#include "model/core/evaluation.hpp"
#include "model/core/problem.hpp"
#include "search/budget.hpp"

namespace ridgeline::search {

// Least energy and least latency over all mappings of a compiled problem, each on its own. The
// energy is that of the energy table's root, seldom below the least there is; where the table would
// be too large, each datum crosses each level once. With `price_steps` (three: within 1 % as a
// rule) the latency is that of so many rounds of prices, at one table a round. If the budget ends,
// what is known at once.
model::Cost root_bound(const model::Problem& problem, int price_steps = 0,
                       const Budget& budget = {});

}  // namespace ridgeline::search
