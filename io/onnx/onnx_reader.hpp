// ONNX models as workloads of `evaluate`: convolutions and matrix products become layers, every
// other operator stays a node of the graph without cost (docs/input-formats.md).
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "io/onnx/onnx_graph.hpp"
#include "model/core/workload.hpp"

namespace ridgeline::io {

struct OnnxImport {
  model::Workload workload;
  // Operator types that carry no cost, in order of first appearance, each once.
  std::vector<std::string> free_operators;
  // Those that do real arithmetic, whose cost is missing from all totals; not in the list above.
  std::vector<std::string> uncosted_arithmetic;
};

// InputError: what read_onnx_graph refuses; a layer whose shapes or attributes do not fit; with
// `options.strict` any operator without cost.
OnnxImport read_onnx_workload(const std::filesystem::path& path, const OnnxOptions& options = {});

// The same from a graph that is read already. `name` becomes the workload's name.
OnnxImport lower_onnx_workload(const OnnxGraph& graph, const std::string& name,
                               const OnnxOptions& options = {});

// One line for people about operators without cost; empty where there are none.
std::string free_operators_note(const OnnxImport& import);

// Whether an operator that is no layer does arithmetic that matters (a convolution, a matrix
// product or a loop over such), or is not known at all.
bool is_uncosted_arithmetic(const OnnxNode& node);

}  // namespace ridgeline::io
