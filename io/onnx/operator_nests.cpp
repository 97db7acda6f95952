#include "io/onnx/operator_nests.hpp"

#include <algorithm>

#include "io/onnx/nest_builder.hpp"
#include "model/core/limits.hpp"

namespace ridgeline::io {

namespace {

constexpr std::int64_t kMaxPrecision = 4096;

// Bits of integers and small floats; 0 where the type says nothing about an accelerator: floats
// are what networks are trained in, and integers of 32 bits and more are indices or sums.
std::int64_t bits_of_type(int type) {
  switch (type) {
    case 2:   // uint8
    case 3:   // int8
    case 17:  // the float8 types
    case 18:
    case 19:
    case 20:
      return 8;
    case 4:  // uint16
    case 5:  // int16
      return 16;
    case 21:  // uint4
    case 22:  // int4
    case 23:  // float4
      return 4;
    default:
      return 0;
  }
}

// The type that a tensor is stored in before it is dequantised and laid out anew.
std::int64_t stored_bits(const OnnxGraph& graph, int tensor) {
  for (int step = 0; tensor >= 0 && step < 16; ++step) {
    const OnnxTensor& t = graph.tensor(tensor);
    if (const std::int64_t bits = bits_of_type(t.element_type); bits > 0) return bits;
    if (t.producer < 0) return 0;
    const OnnxNode& node = graph.nodes[static_cast<std::size_t>(t.producer)];
    const bool passes = node.op_type == "DequantizeLinear" || node.op_type == "Identity" ||
                        node.op_type == "Transpose" || node.op_type == "Reshape" ||
                        node.op_type == "Squeeze" || node.op_type == "Unsqueeze" ||
                        node.op_type == "Flatten";
    if (!passes || node.inputs.empty()) return 0;
    tensor = node.inputs[0];
  }
  return 0;
}

}  // namespace

std::string lower_case(std::string text) {
  for (char& c : text) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return text;
}

std::int64_t ceil_div(std::int64_t a, std::int64_t b) {
  return a / b + (a % b != 0 ? 1 : 0);
}

InputError nest_error(const OperatorContext& op, const std::string& problem,
                      const std::string& remedy) {
  return onnx_error(op.graph, op.node, problem, remedy);
}

std::int64_t integer_of(const OperatorContext& op, const char* attribute, std::int64_t otherwise) {
  return integer_attribute(op.graph, op.node, attribute, otherwise);
}

bool has_input(const OperatorContext& op, std::size_t input) {
  return input < op.source().inputs.size() && op.source().inputs[input] >= 0;
}

bool varies(const OperatorContext& op, std::size_t input) {
  return std::any_of(op.producers.begin(), op.producers.end(),
                     [&](const LoweredInput& p) { return p.input == static_cast<int>(input); });
}

Sizes tensor_sizes(const OperatorContext& op, int tensor) {
  const OnnxTensor& t = op.graph.tensor(tensor);
  if (!t.shape) {
    const auto& inputs = op.source().inputs;
    const auto place = std::find(inputs.begin(), inputs.end(), tensor);
    if (place != inputs.end()) {
      input_shape(op.graph, op.node, static_cast<int>(place - inputs.begin()));  // says why
    }
    const auto& outputs = op.source().outputs;
    const auto written = std::find(outputs.begin(), outputs.end(), tensor);
    output_shape(op.graph, op.node, static_cast<int>(written - outputs.begin()));
  }
  Sizes sizes;
  for (int a = 0; a < static_cast<int>(t.shape->size()); ++a) {
    sizes.push_back(known_size(op.graph, op.node, tensor, a));
  }
  return sizes;
}

Sizes input_sizes(const OperatorContext& op, std::size_t input) {
  if (!has_input(op, input)) {
    throw nest_error(op, "it lacks its input " + std::to_string(input));
  }
  return tensor_sizes(op, op.source().inputs[input]);
}

Sizes output_sizes(const OperatorContext& op) {
  const auto& outputs = op.source().outputs;
  if (outputs.empty() || outputs[0] < 0) throw nest_error(op, "it has no output");
  return tensor_sizes(op, outputs[0]);
}

std::optional<Sizes> known_sizes(const OperatorContext& op, int tensor) {
  if (tensor < 0 || !op.graph.tensor(tensor).shape) return std::nullopt;
  Sizes sizes;
  for (const OnnxDim& dim : *op.graph.tensor(tensor).shape) {
    if (dim.size == 0) return std::nullopt;
    sizes.push_back(dim.size);
  }
  return sizes;
}

std::string shape_text(const Sizes& sizes) {
  std::string text;
  for (std::int64_t size : sizes) text += (text.empty() ? "" : "x") + std::to_string(size);
  return text.empty() ? "scalar" : text;
}

Names loop_names(const OperatorContext& op, std::size_t count, const Names& defaults) {
  if (!op.dimension_names.empty()) {
    if (op.dimension_names.size() < count) {
      throw nest_error(op,
                       "it has " + std::to_string(count) + " axes and only " +
                           std::to_string(op.dimension_names.size()) + " names for loops",
                       "name them with layer_dimension_names in the mapping");
    }
    return {op.dimension_names.begin(), op.dimension_names.begin() + static_cast<long>(count)};
  }
  Names names;
  for (std::size_t a = 0; a < count; ++a) {
    names.push_back(a < defaults.size() ? defaults[a] : "A" + std::to_string(a));
  }
  return names;
}

Precisions precisions(const OperatorContext& op) {
  const OnnxNode& node = op.source();
  const OperatorRule* rule = operator_rule(node);
  const auto second = static_cast<std::size_t>(rule ? rule->second : 1);
  std::int64_t weight = 0;
  if (node.op_type == "MatMulNBits" || node.op_type == "MatMulBnb4") {
    weight = integer_of(op, "bits", 4);
  } else if (has_input(op, second)) {
    weight = stored_bits(op.graph, node.inputs[second]);
  }
  const std::int64_t activation = has_input(op, 0) ? stored_bits(op.graph, node.inputs[0]) : 0;
  const auto read = [&](const char* name, std::int64_t otherwise) {
    const std::int64_t value = integer_of(op, name, otherwise);
    if (value < 1 || value > kMaxPrecision) {
      throw nest_error(op, "attribute '" + std::string(name) + "' is " + std::to_string(value),
                       "bits an element, from 1 to " + std::to_string(kMaxPrecision));
    }
    return value;
  };
  Precisions bits;
  bits.weight = op.precision.weight.value_or(read("weight_size", weight > 0 ? weight : 8));
  bits.activation =
      op.precision.activation.value_or(read("act_size", activation > 0 ? activation : 8));
  bits.output = op.precision.output.value_or(read("output_size", 2 * bits.activation));
  bits.final_output = bits.activation;
  return bits;
}

void NestBuilder::dim(const std::string& name, std::int64_t size) {
  if (layer.dims.size() >= static_cast<std::size_t>(model::kMaxDims)) {
    throw nest_error(op_, "it has more than " + std::to_string(model::kMaxDims) + " loops");
  }
  layer.dims.push_back({name, size});
}

void NestBuilder::relation(const std::string& name, const std::string& outer, std::int64_t stride,
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
  // Keeps the closed form of the joint extent exact, and ranges of tiles within integers.
  constexpr std::int64_t kMost = std::int64_t{1} << 31;
  for (const std::int64_t pad : {padding_begin, padding_end}) {
    if (pad < -kMost || pad > kMost) {
      throw nest_error(op_, "attribute 'pads' has an entry " + std::to_string(pad), "up to 2^31");
    }
  }
  for (std::size_t t = 0; t < 2; ++t) {
    const std::int64_t walked = layer.dims[static_cast<std::size_t>(relation.dim[t])].size;
    if (walked > model::kMaxExactInteger / std::max(stride, dilation)) {
      throw nest_error(op_, "its strides or dilations reach beyond 2^53 elements");
    }
  }
  layer.relations.push_back(std::move(relation));
}

void NestBuilder::operand(const std::string& name, const Names& indices, std::int64_t precision) {
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

void NestBuilder::source(const std::string& operand, int id) {
  const int place = layer.operand_index(operand);
  if (place >= 0) layer.operands[static_cast<std::size_t>(place)].source = id;
}

void NestBuilder::source_of_input(const std::string& operand, std::size_t input) {
  for (const LoweredInput& producer : op_.producers) {
    if (producer.input == static_cast<int>(input)) source(operand, producer.id);
  }
}

LoweredLayer NestBuilder::finish(const std::string& type, std::int64_t final_precision) {
  layer.output_final_precision = final_precision;
  std::int64_t operations = 1;
  for (const model::LoopDim& dim : layer.dims) {
    if (dim.size < 1 || operations > model::kMaxExactInteger / dim.size) {
      throw nest_error(op_, "has more than 2^53 operations");
    }
    operations *= dim.size;
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
  return {std::move(layer), type};
}

std::vector<LoweredLayer> lower_operator(const OperatorContext& op) {
  const OperatorRule* rule = operator_rule(op.source());
  if (rule == nullptr) return {};
  const auto second = static_cast<std::size_t>(rule->second);
  switch (rule->kind) {
    case OperatorKind::convolution:
      return lower_convolution(op, second);
    case OperatorKind::transposed_convolution:
      return lower_transposed_convolution(op);
    case OperatorKind::matrix_product:
      return lower_product(op, second);
    case OperatorKind::einsum:
      return lower_einsum(op);
    case OperatorKind::recurrent:
      return lower_recurrent(op);
    case OperatorKind::attention:
      return lower_attention(op);
    default:
      break;
  }
  if (!op.scheduling()) return {};
  // What a schedule costs beside products: of 2023 pooling and additions alone.
  if (rule->kind == OperatorKind::pooling) return lower_pooling(op);
  const bool old = op.semantics == model::Semantics::v2023;
  if (old && rule->type != "Add") return {};
  if (rule->passed && op.quirks) return {};
  switch (rule->kind) {
    case OperatorKind::elementwise:
      return lower_elementwise(op, rule->operations);
    case OperatorKind::softmax:
      return lower_softmax(op);
    case OperatorKind::normalisation:
      return lower_normalisation(op);
    case OperatorKind::reduction:
      return lower_reduction(op);
    case OperatorKind::resampling:
      // What grids say is nobody's constant.
      if (rule->type != "Resize" && rule->type != "Upsample") return {};
      return lower_resampling(op);
    default:
      return {};
  }
}

}  // namespace ridgeline::io
