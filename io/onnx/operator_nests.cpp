#include "io/onnx/operator_nests.hpp"

#include <algorithm>
#include <map>
#include <set>

namespace ridgeline::io {

namespace {

using model::Layer;
using Sizes = std::vector<std::int64_t>;

int input_tensor(const OperatorContext& op, std::size_t input) {
  const auto& inputs = node_of(op).inputs;
  if (input >= inputs.size() || inputs[input] < 0) {
    throw onnx_error(op.graph, op.node, "it lacks its input " + std::to_string(input));
  }
  return inputs[input];
}

int output_tensor(const OperatorContext& op) {
  const auto& outputs = node_of(op).outputs;
  if (outputs.empty() || outputs[0] < 0) throw onnx_error(op.graph, op.node, "it has no output");
  return outputs[0];
}

std::int64_t ceil_div(std::int64_t a, std::int64_t b) {
  return (a + b - 1) / b;
}

// Kernel, strides, dilations and pads of a windowed operator over `axes` axes.
struct Window {
  Sizes kernel;
  Sizes stride;
  Sizes dilation;
  Sizes pads;  // begins, then ends
};

Window read_window(const OperatorContext& op, std::size_t axes, const Sizes& kernel,
                   const Sizes& input, const Sizes& output) {
  const auto list = [&](const char* name, const Sizes& otherwise) {
    Sizes values = integers_attribute(op.graph, op.node, name, otherwise);
    if (values.size() != otherwise.size()) {
      throw onnx_error(
          op.graph, op.node,
          std::string("its ") + name + " has " + std::to_string(values.size()) + " numbers",
          "it takes " + std::to_string(otherwise.size()));
    }
    return values;
  };
  Window window;
  window.kernel = list("kernel_shape", kernel);
  window.stride = list("strides", Sizes(axes, 1));
  window.dilation = list("dilations", Sizes(axes, 1));
  window.pads = list("pads", Sizes(2 * axes, 0));
  for (std::size_t a = 0; a < axes; ++a) {
    if (window.kernel[a] < 1 || window.stride[a] < 1 || window.dilation[a] < 1) {
      throw onnx_error(op.graph, op.node, "its kernel, strides and dilations must be at least 1");
    }
  }
  const OnnxAttribute* automatic = node_of(op).attribute("auto_pad");
  if (automatic != nullptr && automatic->text.starts_with("SAME")) {
    for (std::size_t a = 0; a < axes; ++a) {
      const std::int64_t span = (window.kernel[a] - 1) * window.dilation[a] + 1;
      const std::int64_t total =
          std::max<std::int64_t>(0, (output[a + 2] - 1) * window.stride[a] + span - input[a + 2]);
      const std::int64_t less = total / 2;
      const bool upper = automatic->text == "SAME_UPPER";
      window.pads[a] = upper ? less : total - less;
      window.pads[a + axes] = total - window.pads[a];
    }
  }
  return window;
}

// Operands of a layer with at most two producers: which takes the first and the second.
std::vector<std::pair<std::string, int>> sources_of(const OperatorContext& op, const char* first,
                                                    const char* second) {
  std::vector<std::pair<std::string, int>> sources;
  if (op.producers.size() == 1) sources.emplace_back("I", op.producers[0].id);
  if (op.producers.size() >= 2) {
    sources.emplace_back(first, op.producers[0].id);
    sources.emplace_back(second, op.producers[1].id);
  }
  return sources;
}

// Loops that an input of this shape walks, where the whole has the loops `names` of `sizes`:
// axes are aligned from the right, and those that are broadcast have none.
std::vector<std::string> broadcast(const Sizes& shape, const std::vector<std::string>& names,
                                   const Sizes& sizes) {
  std::vector<std::string> indices;
  for (std::size_t a = 0; a < names.size(); ++a) {
    if (a + shape.size() < names.size()) continue;
    const std::int64_t size = shape[a + shape.size() - names.size()];
    if (size == sizes[a]) indices.push_back(names[a]);
  }
  return indices;
}

// The axes that a reduction takes away, as places in `rank` axes.
std::set<std::size_t> reduced_axes(const OperatorContext& op, std::size_t rank) {
  Sizes axes = integers_attribute(op.graph, op.node, "axes", {});
  const OnnxNode& node = node_of(op);
  if (axes.empty() && node.inputs.size() > 1 && node.inputs[1] >= 0) {
    const OnnxTensor& tensor = op.graph.tensor(node.inputs[1]);
    if (tensor.values) axes = *tensor.values;
  }
  std::set<std::size_t> places;
  for (std::int64_t axis : axes) {
    const std::int64_t place = axis < 0 ? axis + static_cast<std::int64_t>(rank) : axis;
    if (place < 0 || place >= static_cast<std::int64_t>(rank)) {
      throw onnx_error(op.graph, op.node,
                       "it reduces axis " + std::to_string(axis) + " of " + std::to_string(rank));
    }
    places.insert(static_cast<std::size_t>(place));
  }
  if (places.empty()) places.insert(rank - 1);
  return places;
}

}  // namespace

const std::vector<std::string> kElementNames{"B", "H", "D", "K"};

std::string lower_case(std::string text) {
  for (char& c : text) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return text;
}

const OnnxNode& node_of(const OperatorContext& op) {
  return op.graph.nodes[static_cast<std::size_t>(op.node)];
}

Sizes input_sizes(const OperatorContext& op, std::size_t input) {
  return tensor_sizes(op, input_tensor(op, input));
}
Sizes output_sizes(const OperatorContext& op) {
  return tensor_sizes(op, output_tensor(op));
}

std::string shape_text(const Sizes& sizes) {
  std::string text;
  for (std::int64_t size : sizes) text += (text.empty() ? "" : "x") + std::to_string(size);
  return text.empty() ? "scalar" : text;
}

Sizes at_least_one_axis(Sizes sizes) {
  if (sizes.empty()) sizes.push_back(1);
  return sizes;
}

void LayerBuilder::relation(const std::string& name, const std::string& outer, std::int64_t stride,
                            const std::string& inner, std::int64_t dilation,
                            std::int64_t padding_begin, std::int64_t padding_end,
                            std::int64_t size) {
  model::DimRelation relation;
  relation.name = name;
  relation.dim = {layer.dim_index(outer), layer.dim_index(inner)};
  relation.coefficient = {stride, dilation};
  relation.padding_begin = padding_begin;
  relation.padding_end = padding_end;
  relation.given_size = size;
  layer.relations.push_back(std::move(relation));
}

void LayerBuilder::operand(const std::string& name, const std::vector<std::string>& indices,
                           std::int64_t precision) {
  model::LayerOperand operand;
  operand.name = name;
  operand.precision = precision;
  for (const std::string& index : indices) {
    const int dim = layer.dim_index(index);
    if (dim >= 0) {
      operand.indices.push_back({false, dim});
      continue;
    }
    for (std::size_t r = 0; r < layer.relations.size(); ++r) {
      if (layer.relations[r].name == index) operand.indices.push_back({true, static_cast<int>(r)});
    }
  }
  layer.operands.push_back(std::move(operand));
}

Layer LayerBuilder::finish(const std::vector<std::pair<std::string, int>>& sources) {
  for (const auto& [operand, id] : sources) {
    const int place = layer.operand_index(operand);
    if (place >= 0) layer.operands[static_cast<std::size_t>(place)].source = id;
  }
  for (const char* name : {"W", "I"}) {
    const int place = layer.operand_index(name);
    if (place < 0) continue;
    auto& operand = layer.operands[static_cast<std::size_t>(place)];
    operand.constant = !operand.source;
    if (operand.constant) layer.constant_operands.emplace_back(name);
  }
  for (std::size_t o = 0; o < layer.operands.size(); ++o) {
    std::string term = layer.operands[o].name;
    for (const model::OperandIndex& index : layer.operands[o].indices) {
      const auto place = static_cast<std::size_t>(index.index);
      term += "[" +
              lower_case(index.is_relation ? layer.relations[place].name : layer.dims[place].name) +
              "]";
    }
    if (layer.operands[o].indices.empty()) term += "[]";
    layer.equation += (o == 0 ? "" : o == 1 ? " = " : " * ") + term;
  }
  return std::move(layer);
}

Precisions precisions(const OperatorContext& op) {
  Precisions bits;
  const auto read = [&](const char* name, std::int64_t otherwise) {
    const std::int64_t value = integer_attribute(op.graph, op.node, name, otherwise);
    if (value < 1 || value > 4096) {
      throw onnx_error(op.graph, op.node,
                       std::string("its ") + name + " is " + std::to_string(value) + " bits");
    }
    return value;
  };
  bits.weight = read("weight_size", 8);
  bits.activation = read("act_size", 8);
  bits.output = read("output_size", 2 * bits.activation);
  return bits;
}

std::vector<std::string> loop_names(const OperatorContext& op, std::size_t count,
                                    const std::vector<std::string>& defaults) {
  const std::vector<std::string>& names =
      op.dimension_names.empty() ? defaults : op.dimension_names;
  if (names.size() < count) {
    throw onnx_error(op.graph, op.node,
                     "it has " + std::to_string(count) + " axes and only " +
                         std::to_string(names.size()) + " names for loops",
                     "name them with layer_dimension_names in the mapping");
  }
  return {names.begin(), names.begin() + static_cast<long>(count)};
}

Layer lower_conv(const OperatorContext& op) {
  const Sizes input = input_sizes(op, 0);
  const Sizes output = output_sizes(op);
  if (input.size() != output.size() || (input.size() != 3 && input.size() != 4)) {
    throw onnx_error(op.graph, op.node,
                     "a convolution from " + shape_text(input) + " to " + shape_text(output),
                     "one or two spatial axes after batch and channels");
  }
  const std::size_t axes = input.size() - 2;
  const std::int64_t groups = integer_attribute(op.graph, op.node, "group", 1);
  if (groups < 1 || groups > input[1]) {
    throw onnx_error(op.graph, op.node, "its group is " + std::to_string(groups),
                     "from 1 to the number of input channels");
  }
  // QLinearConv has scale and zero point between the data and the weights.
  const std::size_t weight_input = node_of(op).op_type == "QLinearConv" ? 3 : 1;
  Sizes kernel(axes, 1);
  if (node_of(op).attribute("kernel_shape") == nullptr) {
    const Sizes weights = input_sizes(op, weight_input);
    if (weights.size() != axes + 2) {
      throw onnx_error(op.graph, op.node, "its weights have shape " + shape_text(weights));
    }
    kernel.assign(weights.begin() + 2, weights.end());
  }
  const Window window = read_window(op, axes, kernel, input, output);
  const std::int64_t outputs = ceil_div(output[1], groups);
  const std::int64_t channels = ceil_div(input[1], groups);
  const bool with_k = outputs > 1;
  const bool with_c = channels > 1;
  const bool flat = axes == 1;

  LayerBuilder b;
  b.dim("B", output[0]);
  if (with_k) b.dim("K", outputs);
  b.dim("G", groups);
  b.dim("OX", output[2]);
  if (with_c) b.dim("C", channels);
  b.dim("FX", window.kernel[0]);
  if (!flat) {
    b.dim("OY", output[3]);
    b.dim("FY", window.kernel[1]);
  }
  b.relation("IX", "OX", window.stride[0], "FX", window.dilation[0], window.pads[0],
             window.pads[axes], input[2]);
  if (!flat) {
    b.relation("IY", "OY", window.stride[1], "FY", window.dilation[1], window.pads[1],
               window.pads[3], input[3]);
  }
  const Precisions bits = precisions(op);
  const auto indices = [&](std::vector<std::string> names) {
    std::erase_if(names, [&](const std::string& name) {
      return (name == "K" && !with_k) || (name == "C" && !with_c) ||
             (flat && (name == "OY" || name == "IY" || name == "FY"));
    });
    return names;
  };
  // Data and weights only: a bias is not part of the nest.
  OperatorContext data = op;
  std::erase_if(data.producers, [&](const LoweredInput& p) {
    return p.input != 0 && p.input != static_cast<int>(weight_input);
  });
  const bool computed_weights = data.producers.size() > 1;
  b.operand("O", indices({"B", "G", "K", "OY", "OX"}), bits.output);
  b.operand("W", indices({groups > 1 ? "G" : "K", "C", "FY", "FX"}),
            computed_weights ? bits.activation : bits.weight);
  b.operand("I", indices({"B", "G", "C", "IY", "IX"}), bits.activation);
  b.layer.output_final_precision = bits.activation;
  return b.finish(sources_of(data, "I", "W"));
}

Layer lower_pool(const OperatorContext& op) {
  const Sizes input = input_sizes(op, 0);
  const Sizes output = output_sizes(op);
  if (input.size() != 4 || output.size() != 4) {
    throw onnx_error(op.graph, op.node,
                     "pooling from " + shape_text(input) + " to " + shape_text(output),
                     "two spatial axes after batch and channels");
  }
  const bool global = node_of(op).op_type.starts_with("Global");
  Sizes kernel{input[2], input[3]};
  if (!global && node_of(op).attribute("kernel_shape") == nullptr) {
    throw onnx_error(op.graph, op.node, "it has no kernel_shape");
  }
  const Window window = read_window(op, 2, kernel, input, output);
  LayerBuilder b;
  // The 2025 nest walks the channels a second time, in a loop that no operand uses.
  const bool modern = op.semantics == model::Semantics::v2025;
  const std::string channel = modern ? "K" : "G";
  b.dim("B", output[0]);
  b.dim(channel, output[1]);
  b.dim("OX", output[2]);
  b.dim("OY", output[3]);
  if (modern) b.dim("C", input[1]);
  b.dim("FX", window.kernel[0]);
  b.dim("FY", window.kernel[1]);
  b.relation("IX", "OX", window.stride[0], "FX", window.dilation[0], window.pads[0], window.pads[2],
             input[2]);
  b.relation("IY", "OY", window.stride[1], "FY", window.dilation[1], window.pads[1], window.pads[3],
             input[3]);
  b.operand("O", {"B", channel, "OY", "OX"}, 8);
  b.operand("W", {"FY", "FX"}, 0);
  b.operand("I", {"B", channel, "IY", "IX"}, 8);
  b.layer.output_final_precision = 8;
  OperatorContext data = op;
  std::erase_if(data.producers, [](const LoweredInput& p) { return p.input != 0; });
  return b.finish(sources_of(data, "I", "W"));
}

Layer lower_matrix_product(const OperatorContext& op) {
  Sizes input = input_sizes(op, 0);
  Sizes output = output_sizes(op);
  if (input.size() == 1) {
    input.insert(input.begin(), 1);
    output.insert(output.begin(), 1);
  }
  if (input.size() != output.size() || input.size() < 2) {
    throw onnx_error(op.graph, op.node,
                     "a product from " + shape_text(input) + " to " + shape_text(output),
                     "matrices, perhaps with batch axes before them");
  }
  const std::size_t batch = input.size() - 2;
  std::vector<std::string> names = op.dimension_names;
  if (names.empty()) {
    const std::vector<std::string> defaults{"B", "H", "D", "C", "K"};
    if (batch > 2) {
      throw onnx_error(op.graph, op.node, "it has " + std::to_string(batch) + " batch axes",
                       "name its loops with layer_dimension_names in the mapping");
    }
    names.assign(defaults.begin(), defaults.begin() + static_cast<long>(batch));
    names.insert(names.end(), defaults.begin() + 2, defaults.end());
  }
  if (names.size() != batch + 3) {
    throw onnx_error(op.graph, op.node,
                     "its mapping names " + std::to_string(names.size()) + " loops",
                     "it has " + std::to_string(batch + 3));
  }
  const std::vector<std::string> batches(names.begin(), names.begin() + static_cast<long>(batch));
  const std::string rows = names[batch];
  const std::string inner = names[batch + 1];
  const std::string cols = names[batch + 2];
  LayerBuilder b;
  for (std::size_t a = 0; a < batch; ++a) b.dim(batches[a], output[a]);
  b.dim(rows, input[batch]);
  b.dim(inner, input[batch + 1]);
  b.dim(cols, output.back());
  const auto with_batch = [&](const std::string& first, const std::string& second) {
    std::vector<std::string> indices = batches;
    indices.push_back(first);
    indices.push_back(second);
    return indices;
  };
  const Precisions bits = precisions(op);
  OperatorContext data = op;
  std::erase_if(data.producers, [](const LoweredInput& p) { return p.input > 1; });
  const bool both = data.producers.size() >= 2;
  std::vector<std::string> weight{inner, cols};
  if (both && input_sizes(op, 1).size() == output.size()) weight = with_batch(inner, cols);
  b.operand("O", with_batch(rows, cols), bits.output);
  b.operand("I", with_batch(rows, inner), bits.activation);
  b.operand("W", weight, both ? bits.activation : bits.weight);
  b.layer.output_final_precision = bits.activation;
  return b.finish(sources_of(data, "I", "W"));
}

Layer lower_elementwise(const OperatorContext& op, bool two_inputs) {
  const Sizes output = at_least_one_axis(output_sizes(op));
  std::vector<std::string> defaults = kElementNames;
  if (op.semantics == model::Semantics::v2023) defaults = {"B", "K", "OY", "OX"};
  const std::vector<std::string> names = loop_names(op, output.size(), defaults);
  LayerBuilder b;
  for (std::size_t a = 0; a < output.size(); ++a) b.dim(names[a], output[a]);
  const Precisions bits = precisions(op);
  const auto shape_of = [&](const LoweredInput& p) {
    return input_sizes(op, static_cast<std::size_t>(p.input));
  };

  // Which producer's data is the weight operand; the other one is the activation.
  std::vector<std::pair<std::string, int>> sources;
  std::vector<std::string> weight;
  std::vector<std::string> activation = names;
  if (op.producers.size() >= 2) {
    std::size_t w = 0;
    if (two_inputs && shape_of(op.producers[0]) == output && shape_of(op.producers[1]) != output) {
      w = 1;
    }
    const LoweredInput& second = op.producers[w];
    const LoweredInput& first = op.producers[1 - w];
    sources = {{"I", first.id}, {"W", second.id}};
    weight = broadcast(shape_of(second), names, output);
    activation = broadcast(shape_of(first), names, output);
  } else if (op.producers.size() == 1) {
    const Sizes data = shape_of(op.producers[0]);
    sources = {{"I", op.producers[0].id}};
    if (two_inputs && node_of(op).inputs.size() > 1) {
      const std::size_t other = op.producers[0].input == 0 ? 1 : 0;
      weight = broadcast(input_sizes(op, other), names, output);
      activation = broadcast(data, names, output);
    } else if (at_least_one_axis(data) != output) {
      throw onnx_error(op.graph, op.node,
                       "it turns " + shape_text(data) + " into " + shape_text(output),
                       "an element-wise operator with one variable input keeps its shape");
    }
  } else if (two_inputs && node_of(op).inputs.size() > 1) {
    const bool first_whole = input_sizes(op, 0) == output;
    activation = broadcast(input_sizes(op, first_whole ? 0 : 1), names, output);
    weight = broadcast(input_sizes(op, first_whole ? 1 : 0), names, output);
  }
  b.operand("O", names, bits.output);
  b.operand("I", activation, bits.activation);
  b.operand("W", weight, op.producers.size() >= 2 ? bits.activation : bits.weight);
  b.layer.output_final_precision = bits.activation;
  return b.finish(sources);
}

Layer lower_reduction(const OperatorContext& op) {
  const Sizes input = at_least_one_axis(input_sizes(op, 0));
  const std::vector<std::string> names = loop_names(op, input.size(), kElementNames);
  const std::set<std::size_t> reduced = reduced_axes(op, input.size());
  const bool keep = integer_attribute(op.graph, op.node, "keepdims", 1) != 0;
  LayerBuilder b;
  std::vector<std::string> remaining;
  for (std::size_t a = 0; a < input.size(); ++a) {
    b.dim(names[a], input[a]);
    if (!reduced.contains(a)) remaining.push_back(names[a]);
  }
  // A reduced last axis may stay, with one element.
  if (keep && reduced == std::set<std::size_t>{input.size() - 1}) {
    b.dim("R", 1);
    remaining.push_back("R");
  }
  const Precisions bits = precisions(op);
  b.operand("O", remaining, bits.output);
  b.operand("I", names, bits.activation);
  b.operand("W", {}, bits.weight);
  b.layer.output_final_precision = bits.activation;
  OperatorContext data = op;
  std::erase_if(data.producers, [](const LoweredInput& p) { return p.input != 0; });
  return b.finish(sources_of(data, "I", "W"));
}

Layer lower_einsum(const OperatorContext& op) {
  const OnnxAttribute* attribute = node_of(op).attribute("equation");
  if (attribute == nullptr) throw onnx_error(op.graph, op.node, "it has no equation");
  std::vector<std::string> terms(1);
  for (std::size_t i = 0; i < attribute->text.size(); ++i) {
    const char c = attribute->text[i];
    if (c == ' ') continue;
    if (c == ',' || (c == '-' && attribute->text.substr(i, 2) == "->")) {
      terms.emplace_back();
      if (c == '-') ++i;
    } else if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')) {
      terms.back() += c >= 'a' ? static_cast<char>(c - 'a' + 'A') : c;
    } else {
      throw onnx_error(op.graph, op.node,
                       "its equation '" + attribute->text + "' has a '" + std::string(1, c) + "'",
                       "letters, commas and ->");
    }
  }
  const std::size_t inputs = node_of(op).inputs.size();
  if (terms.size() != inputs + 1 || inputs < 1 || inputs > 2) {
    throw onnx_error(
        op.graph, op.node,
        "its equation is '" + attribute->text + "' for " + std::to_string(inputs) + " inputs",
        "one or two inputs, and the output after ->");
  }
  LayerBuilder b;
  const auto names = [](const std::string& term) {
    std::vector<std::string> result;
    for (char c : term) result.emplace_back(1, c);
    return result;
  };
  std::map<std::string, std::int64_t> size_of;
  for (std::size_t i = 0; i < inputs; ++i) {
    const Sizes sizes = input_sizes(op, i);
    if (sizes.size() != terms[i].size()) {
      throw onnx_error(
          op.graph, op.node,
          "its equation '" + attribute->text + "' does not fit an input of " + shape_text(sizes));
    }
    for (std::size_t a = 0; a < sizes.size(); ++a) {
      size_of.emplace(std::string(1, terms[i][a]), sizes[a]);
    }
  }
  for (const std::string& term : {terms.back(), terms.front(), terms[inputs - 1]}) {
    for (const std::string& name : names(term)) {
      if (!size_of.contains(name)) {
        throw onnx_error(op.graph, op.node, "no input has the index " + name + " of its output");
      }
      if (b.layer.dim_index(name) < 0) b.dim(name, size_of.at(name));
    }
  }
  if (b.layer.dims.empty()) b.dim("K", 1);
  const Precisions bits = precisions(op);
  b.operand("O", names(terms.back()), bits.output);
  b.operand("I", names(terms[0]), bits.activation);
  b.operand("W", inputs > 1 ? names(terms[1]) : std::vector<std::string>{},
            op.producers.size() > 1 ? bits.activation : bits.weight);
  b.layer.output_final_precision = bits.activation;
  return b.finish(sources_of(op, "I", "W"));
}

}  // namespace ridgeline::io
