// Workloads by the ending of their file: ONNX models and workload documents.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "model/core/workload.hpp"

namespace ridgeline::engine {

struct LoadedWorkload {
  model::Workload workload;
  std::string cost_free;           // one line naming operators without cost; may be empty
  std::vector<std::string> notes;  // remarks for --verbose
};

LoadedWorkload load_workload(const std::filesystem::path& path,
                             const std::map<std::string, std::int64_t>& dims, bool strict);

}  // namespace ridgeline::engine
