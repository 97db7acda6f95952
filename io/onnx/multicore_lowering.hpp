// ONNX models and workload documents as networks for multi-core scheduling: operators with
// arithmetic become layers, operators that only move data keep what they do to it
// (docs/networks.md; the reference's rules: docs/multicore.md, 1.4).
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "io/onnx/missing.hpp"
#include "io/onnx/onnx_graph.hpp"
#include "model/core/workload.hpp"
#include "model/system/core_mapping.hpp"
#include "model/system/network.hpp"
#include "model/system/node_tiling.hpp"

namespace ridgeline::io {

struct LoweringOptions {
  OnnxOptions onnx;
  model::Semantics semantics = model::Semantics::v2025;
  // Its `layer_dimension_names` replace the loops' default names; may be null.
  const model::CoreMapping* mapping = nullptr;
};

struct NetworkImport {
  model::Network network;
  std::vector<MissingArithmetic> missing;  // what is passed through without cost
  std::vector<std::string> notes;          // where a layer is not quite what the model says
};

// InputError: shapes or attributes that do not fit; what `options.onnx.strict` and
// `options.onnx.strict_graph` refuse.
NetworkImport lower_network(const OnnxGraph& graph, const std::string& name,
                            const LoweringOptions& options = {});

// The layers of a workload document as they are.
model::Network network_of(const model::Workload& workload);

// An ONNX file, or a workload document in YAML or JSON, by the file's ending.
NetworkImport load_network(const std::filesystem::path& path, const LoweringOptions& options = {},
                           std::vector<std::string>* notes = nullptr);

}  // namespace ridgeline::io
