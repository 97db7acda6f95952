#include "io/onnx/multicore_layers.hpp"

#include <set>

#include "io/onnx/operator_nests.hpp"

namespace ridgeline::io {

namespace {

using model::Layer;
using Sizes = std::vector<std::int64_t>;

const std::set<std::string>& unary_operators() {
  static const std::set<std::string> names{"Relu", "Gelu", "Silu", "Sigmoid",   "Exp",
                                           "Sqrt", "Div",  "Pow",  "Reciprocal"};
  return names;
}

}  // namespace

Sizes tensor_sizes(const OperatorContext& op, int tensor) {
  const OnnxTensor& t = op.graph.tensor(tensor);
  if (!t.shape) {
    throw onnx_error(op.graph, op.node, "the shape of '" + t.name + "' is not known",
                     "run shape inference on the model and save it");
  }
  Sizes sizes;
  for (int a = 0; a < static_cast<int>(t.shape->size()); ++a) {
    sizes.push_back(known_size(op.graph, op.node, tensor, a));
  }
  return sizes;
}

std::optional<Layer> lower_layer(const OperatorContext& op, std::string& type) {
  const OnnxNode& node = node_of(op);
  const std::string& name = node.op_type;
  type = lower_case(name);
  if (name == "Conv" || name == "QLinearConv") {
    type = "conv";
    return lower_conv(op);
  }
  if (name == "Gemm" || name == "MatMul") return lower_matrix_product(op);
  if (name == "MaxPool" || name == "AveragePool" || name == "GlobalMaxPool" ||
      name == "GlobalAveragePool") {
    type = "pooling";
    return lower_pool(op);
  }
  if (name == "Add") return lower_elementwise(op, true);
  // The 2023 version passes activation functions and the like through.
  if (op.semantics == model::Semantics::v2023) return std::nullopt;
  if (name == "Mul") return lower_elementwise(op, true);
  if (name == "Einsum") return lower_einsum(op);
  if (name == "ReduceMean") return lower_reduction(op);
  if (unary_operators().contains(name)) return lower_elementwise(op, false);
  return std::nullopt;
}

std::vector<Layer> lower_softmax(const OperatorContext& op, int first_id) {
  const Sizes sizes = at_least_one_axis(output_sizes(op));
  const std::vector<std::string> names = loop_names(op, sizes.size(), kElementNames);
  std::vector<std::string> row = names;
  row.back() = "R";
  const Precisions bits = precisions(op);
  const auto nest = [&](bool reduces, bool rows, bool two_producers,
                        const std::vector<std::pair<std::string, int>>& sources) {
    LayerBuilder b;
    for (std::size_t a = 0; a < sizes.size(); ++a) b.dim(names[a], sizes[a]);
    b.dim("R", 1);
    b.operand("O", reduces ? row : names, bits.output);
    b.operand("I", names, bits.activation);
    b.operand("W", rows ? row : std::vector<std::string>{},
              two_producers ? bits.activation : bits.weight);
    b.layer.output_final_precision = bits.activation;
    return b.finish(sources);
  };
  std::vector<std::pair<std::string, int>> input;
  if (!op.producers.empty()) input.emplace_back("I", op.producers[0].id);
  std::vector<std::pair<std::string, int>> shifted = input;
  shifted.emplace_back("W", first_id);
  std::vector<Layer> layers;
  layers.push_back(nest(true, false, false, input));
  layers.push_back(nest(false, true, shifted.size() > 1, shifted));
  layers.push_back(nest(true, false, false, {{"I", first_id + 1}}));
  layers.push_back(nest(false, true, true, {{"I", first_id + 1}, {"W", first_id + 2}}));
  return layers;
}

Recurrence lower_recurrence(const OperatorContext& op, int decay_id, int input_id, int output_id,
                            int first_id) {
  const Sizes decay = input_sizes(op, 0);
  if (decay.size() != 4) {
    throw onnx_error(op.graph, op.node, "its first input has shape " + shape_text(decay),
                     "four axes: batch, steps, channels, states");
  }
  const Precisions bits = precisions(op);
  Recurrence recurrence;
  recurrence.steps = decay[1];
  const std::vector<std::string> state{"B", "L", "D", "N"};
  const auto nest = [&](const std::vector<std::string>& output,
                        const std::vector<std::string>& weight,
                        const std::vector<std::pair<std::string, int>>& sources) {
    LayerBuilder b;
    b.dim("B", decay[0]);
    b.dim("L", 1);
    b.dim("D", decay[2]);
    b.dim("N", decay[3]);
    b.operand("O", output, bits.output);
    b.operand("I", state, bits.activation);
    b.operand("W", weight, sources.size() > 1 ? bits.activation : bits.weight);
    b.layer.output_final_precision = bits.activation;
    recurrence.layers.push_back(b.finish(sources));
  };
  for (int step = 0; step < recurrence.steps; ++step) {
    const int id = first_id + 3 * step;
    std::vector<std::pair<std::string, int>> previous;
    if (step > 0) previous.emplace_back("I", id - 2);  // the sum of the step before
    previous.emplace_back("W", decay_id);
    nest(state, state, previous);
    nest(state, state, {{"I", id}, {"W", input_id}});
    nest({"B", "L", "D"}, {"B", "L", "N"}, {{"I", id + 1}, {"W", output_id}});
  }
  return recurrence;
}

}  // namespace ridgeline::io
