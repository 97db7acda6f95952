// `ridgeline explore`: a study, alone or under mpirun (docs/distribution.md).
#pragma once

#include <string>
#include <vector>

#include "engine/explore/evaluator.hpp"

namespace ridgeline::engine {

int explore_command(const std::vector<std::string>& arguments);
// The same by other means than the cost model.
int explore_command(const std::vector<std::string>& arguments, const Evaluation& evaluation);

}  // namespace ridgeline::engine
