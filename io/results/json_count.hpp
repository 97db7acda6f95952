// Counts in results.
#pragma once

#include <cmath>
#include <cstdint>
#include <nlohmann/json.hpp>

#include "model/core/limits.hpp"

namespace ridgeline::io {

// A count: written as an integer, which it is unless the model says otherwise.
inline nlohmann::ordered_json count(double value) {
  if (value == std::floor(value) &&
      std::abs(value) <= static_cast<double>(model::kMaxExactInteger)) {
    return static_cast<std::int64_t>(value);
  }
  return value;
}

}  // namespace ridgeline::io
