// Loop nests of single ONNX operators for multi-core scheduling. Only for
// multicore_lowering.cpp.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "io/onnx_graph.hpp"
#include "model/network.hpp"
#include "model/tiling.hpp"

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

// Assembles a layer operand by operand.
class LayerBuilder {
 public:
  void dim(const std::string& name, std::int64_t size) { layer.dims.push_back({name, size}); }
  void relation(const std::string& name, const std::string& outer, std::int64_t stride,
                const std::string& inner, std::int64_t dilation, std::int64_t padding_begin,
                std::int64_t padding_end, std::int64_t size);
  // Indices are loops or relations, by name.
  void operand(const std::string& name, const std::vector<std::string>& indices,
               std::int64_t precision);
  // Constants, sources and the equation's text. `sources`: operand and id of its producer.
  model::Layer finish(const std::vector<std::pair<std::string, int>>& sources);

  model::Layer layer;
};

struct Precisions {
  std::int64_t weight = 8;
  std::int64_t activation = 8;
  std::int64_t output = 16;
};
Precisions precisions(const OperatorContext& op);
std::vector<std::int64_t> tensor_sizes(const OperatorContext& op, int tensor);
// Loop names for `count` axes: the mapping's, or the first of `defaults`.
std::vector<std::string> loop_names(const OperatorContext& op, std::size_t count,
                                    const std::vector<std::string>& defaults);

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
