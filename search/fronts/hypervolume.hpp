// How good a front is, as one number.
#pragma once

#include <vector>

namespace ridgeline::search {

// Volume that `points` dominate below `reference` (smaller is better in both). Exact. Takes n log n
// steps for up to three objectives, and n times that for each further one: the caller limits n.
double hypervolume(const std::vector<std::vector<double>>& points,
                   const std::vector<double>& reference);

}  // namespace ridgeline::search
