// The multi-core example as Stream's tutorial has it: the arrays, sizes and ports of
// examples/labs/multicore follow it, the costs there are our own.
#pragma once

#include <filesystem>

namespace ridgeline::testing {

// Writes system.yaml, cores/ and what they refer to into `folder`, with the tutorial's costs, so
// that its published figures hold. Returns `folder`.
std::filesystem::path tutorial_system(const std::filesystem::path& folder);

}  // namespace ridgeline::testing
