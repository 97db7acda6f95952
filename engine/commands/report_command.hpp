// `ridgeline report STUDY.h5`
#pragma once

#include <string>
#include <vector>

namespace ridgeline::engine {

int report_command(const std::vector<std::string>& arguments);

}  // namespace ridgeline::engine
