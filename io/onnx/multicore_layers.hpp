// Loop nests of single ONNX operators for multi-core scheduling. Only for
// multicore_lowering.cpp.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "io/onnx/onnx_graph.hpp"
#include "model/system/network.hpp"
#include "model/system/node_tiling.hpp"

namespace ridgeline::io {

// An operator, and who feeds it.
struct LoweredInput {
  int input = 0;  // place among the operator's inputs
  int id = 0;     // of the node that produces it
};
struct OperatorContext {
  const OnnxGraph& graph;
  int node = 0;
  std::vector<LoweredInput> producers{};       // of its inputs, input order
  std::vector<std::string> dimension_names{};  // the mapping's; empty: the default ones
  model::Semantics semantics = model::Semantics::v2025;
};

// Sizes of one of the graph's tensors; an error where its shape is not known.
std::vector<std::int64_t> tensor_sizes(const OperatorContext& op, int tensor);

// The layer of one operator; nothing where it is none of those with cost. `type` receives the
// kind of layer in lower case.
std::optional<model::Layer> lower_layer(const OperatorContext& op, std::string& type);

// The four layers of a Softmax: maximum, exponentials, sum, quotients. Sources are filled in from
// `first_id`, the id of the first.
std::vector<model::Layer> lower_softmax(const OperatorContext& op, int first_id);

// A recurrence over L steps: for each step three layers, ids counting from `first_id`: state
// times its decay (`decay_id`), plus input (`input_id`), times output weights (`output_id`).
struct Recurrence {
  std::int64_t steps = 1;
  std::vector<model::Layer> layers;
};
Recurrence lower_recurrence(const OperatorContext& op, int decay_id, int input_id, int output_id,
                            int first_id);

}  // namespace ridgeline::io
