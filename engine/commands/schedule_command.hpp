// `ridgeline schedule`
#pragma once

#include <string>
#include <vector>

namespace ridgeline::engine {

int schedule_command(const std::vector<std::string>& arguments);

}  // namespace ridgeline::engine
