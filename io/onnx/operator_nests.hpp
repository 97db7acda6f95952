// From operators to loop nests: one lowering for both commands, with the rules of each one's
// reference as a dialect (docs/networks.md).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "io/onnx/onnx_graph.hpp"
#include "io/onnx/operator_table.hpp"
#include "model/core/layer.hpp"
#include "model/system/node_tiling.hpp"

namespace ridgeline::io {

enum class Dialect : std::uint8_t { evaluation, scheduling };

// An operator's input, and the layer or node that feeds it.
struct LoweredInput {
  int input = 0;  // place among the operator's inputs
  int id = 0;     // of who produces it
};

// An operator, and who feeds it.
struct OperatorContext {
  const OnnxGraph& graph;
  int node = 0;
  std::vector<LoweredInput> producers{};       // of its inputs that vary, input order
  std::vector<std::string> dimension_names{};  // the mapping's; empty: the default ones
  model::Semantics semantics = model::Semantics::v2025;
  Dialect dialect = Dialect::scheduling;
  bool quirks = true;         // the reference's rules where they are not what the model says
  OnnxPrecision precision{};  // replaces the model's
  int first_id = 0;           // of the first layer of an operator that becomes several

  const OnnxNode& source() const { return graph.nodes[static_cast<std::size_t>(node)]; }
  bool scheduling() const { return dialect == Dialect::scheduling; }
};

// One layer of an operator. Of several the last one makes the operator's output; those before it
// have the ids from OperatorContext::first_id on.
struct LoweredLayer {
  model::Layer layer;
  std::string type;        // lower case kind: "conv", "pooling", "matmul", ...
  std::string suffix{};    // of the operator's name, where there are several
  std::int64_t count = 1;  // how many times it runs, one after the other
  bool exact = true;       // its loops over operands are the axes of the tensors
  double cycles_per_op = 1;
};

// The layers of an operator that has multiply-accumulates, or in the scheduling dialect any
// arithmetic; empty where the operator has no loop nest. InputError: what does not fit.
std::vector<LoweredLayer> lower_operator(const OperatorContext& op);

// A recurrence over L steps: for each step three layers, ids counting from `first_id`: state
// times its decay (`decay_id`), plus input (`input_id`), times output weights (`output_id`).
struct Recurrence {
  std::int64_t steps = 1;
  std::vector<model::Layer> layers;
};
Recurrence lower_recurrence(const OperatorContext& op, int decay_id, int input_id, int output_id,
                            int first_id);

// Sizes of one of the graph's tensors; an error where its shape is not known.
std::vector<std::int64_t> tensor_sizes(const OperatorContext& op, int tensor);

std::string lower_case(std::string text);

}  // namespace ridgeline::io
