// The list of what is missing from a result, as JSON.
#pragma once

#include <nlohmann/json.hpp>
#include <vector>

#include "io/onnx/missing.hpp"

namespace ridgeline::io {

// Whole numbers as such.
inline nlohmann::ordered_json missing_json(const std::vector<MissingArithmetic>& list) {
  const auto amount = [](double x) {
    return x < 9e15 ? nlohmann::ordered_json(static_cast<std::int64_t>(x))
                    : nlohmann::ordered_json(x);
  };
  auto json = nlohmann::ordered_json::array();
  for (const MissingArithmetic& m : list) {
    json.push_back({{"operator", m.type},
                    {"count", m.count},
                    {"macs", amount(m.macs)},
                    {"operations", amount(m.operations)},
                    {"bytes", amount(m.bytes)}});
    if (m.unknown) json.back()["unknown"] = true;
  }
  return json;
}

}  // namespace ridgeline::io
