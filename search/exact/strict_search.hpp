// Branch and bound over the mappings of the strict model (docs/strict-model.md, 5).
#pragma once

#include <optional>

#include "search/exact/exact_mapper.hpp"

namespace ridgeline::search {

// As exact_search, of a problem of the strict model; neither fronts, even mappings nor loops that
// the user fixes.
ExactResult strict_search(const model::Problem& problem, const ExactOptions& options,
                          const std::optional<model::Cost>& incumbent);

}  // namespace ridgeline::search
