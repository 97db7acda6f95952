// Whether an accelerator could be built as its document says: what bigger memories cost, what ports
// can move (docs/strict-model.md, "Physics").
#pragma once

#include <string>
#include <vector>

#include "model/core/accelerator.hpp"

namespace ridgeline::model {

// Sentences that name what is implausible, with the figures; empty: nothing is. Costs are compared
// by the bit, and only between memories of the same kind (`mem_type`).
std::vector<std::string> implausible(const Accelerator& accelerator);

}  // namespace ridgeline::model
