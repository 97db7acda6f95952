// `ridgeline explore`: a study, alone or under mpirun (docs/distribution.md).
#pragma once

#include <string>
#include <vector>

namespace ridgeline::engine {

int explore_command(const std::vector<std::string>& arguments);

}  // namespace ridgeline::engine
