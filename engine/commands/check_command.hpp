// `ridgeline check FILE...`
#pragma once

#include <string>
#include <vector>

namespace ridgeline::engine {

int check_command(const std::vector<std::string>& arguments);

}  // namespace ridgeline::engine
