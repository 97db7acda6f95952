// The list of what is missing from a result, as JSON.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
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

// The same of several workloads: each entry says of which. A study file keeps this text.
inline nlohmann::ordered_json missing_json(const std::vector<MissingOfWorkload>& workloads) {
  auto json = nlohmann::ordered_json::array();
  for (const MissingOfWorkload& of : workloads) {
    for (auto& entry : missing_json(of.list)) {
      nlohmann::ordered_json named{{"workload", of.workload}};
      named.update(entry);
      json.push_back(std::move(named));
    }
  }
  return json;
}

// What the text says; empty where it is no such list.
inline std::vector<MissingOfWorkload> missing_of_json(const std::string& text) {
  std::vector<MissingOfWorkload> workloads;
  const auto json = nlohmann::ordered_json::parse(text, nullptr, false);
  if (!json.is_array()) return workloads;
  for (const auto& entry : json) {
    if (!entry.is_object()) continue;
    const auto number = [&](const char* key) {
      return entry.contains(key) && entry[key].is_number() ? entry[key].get<double>() : 0.0;
    };
    const auto word = [&](const char* key) {
      return entry.contains(key) && entry[key].is_string() ? entry[key].get<std::string>()
                                                           : std::string();
    };
    if (workloads.empty() || workloads.back().workload != word("workload")) {
      workloads.push_back({word("workload"), {}});
    }
    MissingArithmetic m{word("operator")};
    m.count = static_cast<std::int64_t>(number("count"));
    m.macs = number("macs");
    m.operations = number("operations");
    m.bytes = number("bytes");
    m.unknown = entry.contains("unknown");
    workloads.back().list.push_back(std::move(m));
  }
  return workloads;
}

}  // namespace ridgeline::io
