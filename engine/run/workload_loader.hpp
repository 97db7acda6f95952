// Workloads by the ending of their file: ONNX models and workload documents.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "io/onnx/missing.hpp"
#include "io/onnx/onnx_graph.hpp"
#include "model/core/accelerator.hpp"
#include "model/core/workload.hpp"

namespace ridgeline::engine {

struct LoadedWorkload {
  model::Workload workload;
  std::vector<io::MissingArithmetic> missing;  // operators without a loop nest
  std::vector<std::string> notes;              // what one should know of the figures
  std::vector<std::string> details;            // remarks for --verbose
};

// io::InputError: also where nothing in the workload has a cost.
LoadedWorkload load_workload(const std::filesystem::path& path, const io::OnnxOptions& options);

// Of `missing` what the accelerator's vector unit does not do either.
std::vector<io::MissingArithmetic> without_vector_unit(
    const std::vector<io::MissingArithmetic>& missing, const model::Accelerator& accelerator);

}  // namespace ridgeline::engine
