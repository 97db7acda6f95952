// Workloads for depth-first inference: of ONNX models also poolings and sums are layers, and what
// lies between layers is known to pass maps on as they are or not.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "io/onnx/missing.hpp"
#include "io/onnx/onnx_graph.hpp"
#include "model/depth_first/fused_network.hpp"

namespace ridgeline::io {

struct FusedImport {
  model::Workload workload;  // layers alone
  std::vector<model::Rearranged> rearranged;
  std::vector<MissingArithmetic> missing;
  std::vector<std::string> notes;
  std::vector<std::string> details;
};

// An ONNX file, or a workload document by the file's ending. InputError.
FusedImport load_fused(const std::filesystem::path& path, const OnnxOptions& options);

// The same from a graph that is read already. `name` becomes the workload's name.
FusedImport lower_fused(const OnnxGraph& graph, const std::string& name,
                        const OnnxOptions& options);

}  // namespace ridgeline::io
