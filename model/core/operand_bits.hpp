// Bits an element that somebody wants in place of those that a workload says.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "model/core/layer.hpp"

namespace ridgeline::model {

struct OperandBits {
  std::string operand;    // "O" (partial sums), "I" (and finished outputs), "W"
  std::int64_t bits = 0;  // an element
};

void set_precision(Layer& layer, const std::vector<OperandBits>& precision);

}  // namespace ridgeline::model
