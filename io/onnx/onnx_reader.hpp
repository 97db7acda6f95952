// ONNX models as workloads of `evaluate`: operators with multiply-accumulates become layers,
// every other operator stays a node of the graph (docs/networks.md).
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "io/onnx/missing.hpp"
#include "io/onnx/onnx_graph.hpp"
#include "model/core/operand_bits.hpp"
#include "model/core/workload.hpp"

namespace ridgeline::io {

struct OnnxImport {
  model::Workload workload;
  // What has no loop nest, by type of operator; a vector unit may cost some of it.
  std::vector<MissingArithmetic> missing;
  std::vector<std::string> notes;  // where a layer is not quite what the model says
};

// InputError: what read_onnx_graph refuses; a layer whose shapes or attributes do not fit; what
// `options.strict` and `options.strict_graph` refuse.
OnnxImport read_onnx_workload(const std::filesystem::path& path, const OnnxOptions& options = {});

// The same from a graph that is read already. `name` becomes the workload's name.
OnnxImport lower_onnx_workload(const OnnxGraph& graph, const std::string& name,
                               const OnnxOptions& options = {});

// As far as they are given, by operands.
std::vector<model::OperandBits> operand_bits(const OnnxPrecision& precision);

}  // namespace ridgeline::io
