// Keys of compiled problems by their content (search/mapping/content_key.hpp): of the reference's
// rules only, a strict problem has more to it.
#pragma once

#include <string>

#include "model/core/problem.hpp"

namespace ridgeline::search {

// Everything that decides what mappings move.
std::string structure_key(const model::Problem& problem);

// Everything that decides what mappings cost: spatial mappings that differ in which dimension of
// the array they put a loop on often have one problem between them, where no memory is shared
// along one of the dimensions alone.
std::string problem_key(const model::Problem& problem);

}  // namespace ridgeline::search
