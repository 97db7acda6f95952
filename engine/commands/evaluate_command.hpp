// `ridgeline evaluate`: a workload on one single-core accelerator.
#pragma once

#include <string>
#include <vector>

namespace ridgeline::engine {

int evaluate_command(const std::vector<std::string>& arguments);

}  // namespace ridgeline::engine
