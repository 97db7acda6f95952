// What the best mapping of a layer costs at least, from what the exact engine knows before it
// searches (docs/exact-mapping.md, "Bounds"): enough to see that a design cannot reach a front.
#pragma once

#include "model/core/evaluation.hpp"
#include "model/core/problem.hpp"

namespace ridgeline::search {

// Least energy and least latency over all mappings of a compiled problem, each on its own. The
// energy is that of the energy table's root, seldom below the least there is; where the table would
// be too large, each datum crosses each level once.
model::Cost root_bound(const model::Problem& problem);

}  // namespace ridgeline::search
