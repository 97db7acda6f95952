// A vector unit beside the array, for arithmetic without a loop nest (docs/networks.md).
#pragma once

#include <optional>

#include "model/core/accelerator.hpp"
#include "model/core/workload.hpp"

namespace ridgeline::model {

struct ElementCost {
  double latency = 0;    // cycles: the longer of computing and of moving the data
  double energy = 0;     // pJ: operations, and words of the outermost memory
  double computing = 0;  // cycles
  double moving = 0;     // cycles
};

// Data comes from the outermost memory of inputs (I1) and goes to that of outputs, each by its
// own port; where that is one port, one after the other. Nothing: the accelerator has no vector
// unit, or it does not know the operator.
std::optional<ElementCost> element_cost(const ElementWork& work, const Accelerator& accelerator);

}  // namespace ridgeline::model
