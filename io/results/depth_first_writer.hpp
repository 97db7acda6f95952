// Results of depth-first inference, as JSON (the schema `ridgeline.depth_first/1` of
// docs/depth-first.md) and as text for people.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "io/onnx/missing.hpp"
#include "search/depth_first/fusion.hpp"

namespace ridgeline::io {

struct DepthFirstReport {
  const std::string& workload;
  const model::Accelerator& accelerator;
  const search::FusionOptions& options;
  const search::FusionResult& result;
  std::string tile;     // as asked
  std::string overlap;  // as asked
  std::string stacks;   // as asked
  double seconds = 0;
  std::vector<MissingArithmetic> missing{};
  std::vector<std::string> notes{};
};

std::string depth_first_json_text(const DepthFirstReport& report);
std::string depth_first_text(const DepthFirstReport& report);

}  // namespace ridgeline::io
