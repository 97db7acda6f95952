// Operators that go over their data element by element or row by row, as a schedule costs them.
#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>

#include "io/onnx/axis.hpp"
#include "io/onnx/nest_builder.hpp"

namespace ridgeline::io {

namespace {

const Names kElementNames{"B", "H", "D", "K"};

Names names_of(const OperatorContext& op, std::size_t rank) {
  const bool old = op.semantics == model::Semantics::v2023;
  return loop_names(op, rank, old ? Names{"B", "K", "OY", "OX"} : kElementNames);
}

// Axes a loop nest needs where a tensor has none.
Sizes at_least_one_axis(Sizes sizes) {
  if (sizes.empty()) sizes.push_back(1);
  return sizes;
}

// Loops that an input of this shape walks, where the whole has the loops `names` of `sizes`:
// axes are aligned from the right, and those that are broadcast have none.
Names broadcast(const Sizes& shape, const Names& names, const Sizes& sizes) {
  Names indices;
  for (std::size_t a = 0; a < names.size(); ++a) {
    if (a + shape.size() < names.size()) continue;
    const std::int64_t size = shape[a + shape.size() - names.size()];
    if (size == sizes[a]) indices.push_back(names[a]);
  }
  return indices;
}

// Cycles of one element: the reference's three slow functions, and those it does not know.
double cycles_of(const std::string& type, int operations) {
  if (type == "Silu" || type == "Sigmoid" || type == "Exp") return 4;
  static const std::set<std::string> quick{"Gelu", "Sqrt", "Pow", "Reciprocal", "LRN"};
  return operations >= 4 && !quick.contains(type) ? 4 : 1;
}

// Operators of the reference's table that take one input alone, whatever the model says.
bool of_one_input(const OperatorContext& op) {
  static const std::set<std::string> names{"Relu", "Gelu", "Silu", "Sigmoid",   "Exp",
                                           "Sqrt", "Div",  "Pow",  "Reciprocal"};
  return op.quirks && names.contains(op.source().op_type);
}

std::optional<int> producer(const OperatorContext& op, std::size_t input) {
  for (const LoweredInput& p : op.producers) {
    if (p.input == static_cast<int>(input)) return p.id;
  }
  return std::nullopt;
}

// A row keeps these loops; where it would keep none, one of size 1.
LoweredLayer row_layer(const OperatorContext& op, const Sizes& sizes, const Names& names,
                       const Names& out, const Names& weight, std::optional<int> data,
                       std::optional<int> row, const std::string& type, const std::string& suffix) {
  NestBuilder b(op);
  for (std::size_t a = 0; a < sizes.size(); ++a) b.dim(names[a], sizes[a]);
  b.dim("R", 1);
  const Precisions bits = precisions(op);
  b.operand("O", out, bits.output);
  b.operand("I", names, bits.activation);
  b.operand("W", weight, data && row ? bits.activation : bits.weight);
  if (data) b.source("I", *data);
  if (row) b.source("W", *row);
  LoweredLayer made = b.finish(type, bits.final_output);
  made.suffix = suffix;
  made.cycles_per_op = type == "exp" ? 4 : 1;
  return made;
}

}  // namespace

std::vector<LoweredLayer> lower_elementwise(const OperatorContext& op, int operations) {
  const OnnxNode& node = op.source();
  const Sizes output = at_least_one_axis(output_sizes(op));
  const Names names = names_of(op, output.size());
  const Precisions bits = precisions(op);
  const bool two_inputs = !of_one_input(op);
  const auto shape_of = [&](int input) { return input_sizes(op, static_cast<std::size_t>(input)); };
  std::vector<LoweredLayer> layers;
  const auto nest = [&](const Names& activation, const Names& weight, std::optional<int> first,
                        std::optional<int> second) {
    NestBuilder b(op);
    for (std::size_t a = 0; a < output.size(); ++a) b.dim(names[a], output[a]);
    b.operand("O", names, bits.output);
    b.operand("I", activation, bits.activation);
    b.operand("W", weight, first && second ? bits.activation : bits.weight);
    if (first) b.source("I", *first);
    if (second) b.source("W", *second);
    LoweredLayer made = b.finish(lower_case(node.op_type), bits.final_output);
    made.cycles_per_op = cycles_of(node.op_type, operations);
    return made;
  };

  std::vector<LoweredInput> data = op.producers;
  // Quantisation parameters and the like are small.
  if (node.domain == "com.microsoft" && node.op_type.starts_with("QLinear")) {
    std::erase_if(data, [](const LoweredInput& p) { return p.input != 0 && p.input != 3; });
  }
  if (data.size() >= 2) {
    // Which producer's data is the weight operand; the other one is the activation.
    std::size_t w = 0;
    if (two_inputs && shape_of(data[0].input) == output && shape_of(data[1].input) != output) w = 1;
    layers.push_back(nest(broadcast(shape_of(data[1 - w].input), names, output),
                          broadcast(shape_of(data[w].input), names, output), data[1 - w].id,
                          data[w].id));
    // Further inputs join one by one.
    for (std::size_t i = 2; i < data.size(); ++i) {
      const int before = op.first_id + static_cast<int>(layers.size()) - 1;
      layers.push_back(
          nest(names, broadcast(shape_of(data[i].input), names, output), before, data[i].id));
    }
    for (std::size_t i = 0; layers.size() > 1 && i < layers.size(); ++i) {
      layers[i].suffix = "-" + std::to_string(i);
    }
    return layers;
  }
  Names weight;
  Names activation = names;
  std::optional<int> first;
  // The constant that goes with the data, if any.
  const auto constant = [&](std::size_t besides) -> std::optional<Sizes> {
    for (std::size_t i = 0; i < node.inputs.size() && i < 3; ++i) {
      if (i != besides && has_input(op, i)) return known_sizes(op, node.inputs[i]);
    }
    return std::nullopt;
  };
  if (data.size() == 1) {
    first = data[0].id;
    const auto place = static_cast<std::size_t>(data[0].input);
    activation = broadcast(shape_of(data[0].input), names, output);
    if (node.op_type == "BatchNormalization" && names.size() > 1) {
      weight = {names[1]};
    } else if (const auto other = constant(place); two_inputs && other) {
      weight = broadcast(*other, names, output);
    }
  } else if (two_inputs && has_input(op, 1)) {
    const bool first_whole = input_sizes(op, 0) == output;
    activation = broadcast(input_sizes(op, first_whole ? 0 : 1), names, output);
    weight = broadcast(input_sizes(op, first_whole ? 1 : 0), names, output);
  }
  layers.push_back(nest(activation, weight, first, std::nullopt));
  return layers;
}

// Maximum, exponentials, sum, quotients. The reference's rows are along the last axis.
std::vector<LoweredLayer> lower_softmax(const OperatorContext& op) {
  const Sizes sizes = at_least_one_axis(output_sizes(op));
  const Names names = names_of(op, sizes.size());
  const auto rank = static_cast<std::int64_t>(sizes.size());
  std::int64_t axis = integer_of(op, "axis", op.graph.opset >= 13 || op.quirks ? -1 : 1);
  if (axis < 0) axis += rank;
  if (op.quirks || axis < 0 || axis >= rank) axis = rank - 1;
  Names row = names;
  row[static_cast<std::size_t>(axis)] = "R";
  const std::optional<int> input = producer(op, 0);
  const int id = op.first_id;
  std::vector<LoweredLayer> layers;
  layers.push_back(row_layer(op, sizes, names, row, {}, input, std::nullopt, "max", "-max"));
  layers.push_back(row_layer(op, sizes, names, names, row, input, id, "exp", "-exp"));
  layers.push_back(row_layer(op, sizes, names, row, {}, id + 1, std::nullopt, "sum", "-sum"));
  layers.push_back(row_layer(op, sizes, names, names, row, id + 1, id + 2, "div", "-div"));
  return layers;
}

// The mean of each row and its variance (or the mean of squares), then element by element.
std::vector<LoweredLayer> lower_normalisation(const OperatorContext& op) {
  const std::string& type = op.source().op_type;
  const Sizes sizes = at_least_one_axis(output_sizes(op));
  const Names names = names_of(op, sizes.size());
  const std::size_t rank = sizes.size();
  std::size_t from = rank - 1;
  std::size_t to = rank;
  if (type == "InstanceNormalization" || type.starts_with("Group")) {
    from = std::min<std::size_t>(2, rank - 1);
  } else {
    const std::int64_t axis = integer_of(op, "axis", -1);
    const std::int64_t place = axis_from_front(axis, rank);
    if (place < 0) {
      throw nest_error(op,
                       "normalises axis " + std::to_string(axis) + " of " + std::to_string(rank));
    }
    from = static_cast<std::size_t>(place);
    if (type == "LpNormalization") to = from + 1;
  }
  Names row;
  for (std::size_t a = 0; a < rank; ++a) {
    if (a < from || a >= to) row.push_back(names[a]);
  }
  row.emplace_back("R");
  std::vector<LoweredLayer> layers;
  std::optional<int> data = producer(op, 0);
  const auto last = [&] { return op.first_id + static_cast<int>(layers.size()) - 1; };
  if (type.starts_with("Skip") && has_input(op, 1)) {
    layers.push_back(
        row_layer(op, sizes, names, names, names, data, producer(op, 1), "add", "-add"));
    data = last();
  }
  std::optional<int> mean;
  const bool centred = type.find("RMS") == std::string::npos &&
                       type.find("Simplified") == std::string::npos && type != "LpNormalization";
  if (centred) {
    layers.push_back(row_layer(op, sizes, names, row, {}, data, std::nullopt, "sum", "-mean"));
    mean = last();
  }
  layers.push_back(
      row_layer(op, sizes, names, row, mean ? row : Names{}, data, mean, "sum", "-variance"));
  layers.push_back(row_layer(op, sizes, names, names, row, data, last(), "div", "-scale"));
  return layers;
}

std::vector<LoweredLayer> lower_reduction(const OperatorContext& op) {
  const OnnxNode& node = op.source();
  const Sizes input = at_least_one_axis(input_sizes(op, 0));
  const Names names = names_of(op, input.size());
  const auto rank = static_cast<std::int64_t>(input.size());
  const bool arg = node.op_type.starts_with("Arg");
  Sizes axes =
      arg ? Sizes{integer_of(op, "axis", 0)} : integers_attribute(op.graph, op.node, "axes", {});
  if (!arg && axes.empty() && has_input(op, 1) && op.graph.tensor(node.inputs[1]).values) {
    axes = *op.graph.tensor(node.inputs[1]).values;
  }
  std::set<std::int64_t> reduced;
  for (const std::int64_t axis : axes) {
    const std::int64_t place = axis_from_front(axis, static_cast<std::size_t>(rank));
    if (place < 0) {
      throw nest_error(op,
                       "it reduces axis " + std::to_string(axis) + " of " + std::to_string(rank));
    }
    reduced.insert(place);
  }
  if (reduced.empty()) {
    // Without axes: all of them, in the reference the last one.
    for (std::int64_t a = op.quirks ? rank - 1 : 0; a < rank; ++a) reduced.insert(a);
  }
  const bool keep = integer_of(op, "keepdims", 1) != 0;
  NestBuilder b(op);
  Names remaining;
  for (std::int64_t a = 0; a < rank; ++a) {
    const auto place = static_cast<std::size_t>(a);
    b.dim(names[place], input[place]);
    if (!reduced.contains(a)) remaining.push_back(names[place]);
  }
  // A reduced last axis may stay, with one element.
  if (remaining.empty() || (keep && reduced == std::set<std::int64_t>{rank - 1})) {
    b.dim("R", 1);
    remaining.emplace_back("R");
  }
  const Precisions bits = precisions(op);
  b.operand("O", remaining, bits.output);
  b.operand("I", names, bits.activation);
  b.operand("W", {}, bits.weight);
  b.source_of_input("I", 0);
  std::vector<LoweredLayer> layers{b.finish(lower_case(node.op_type), bits.final_output)};
  return layers;
}

// Every element of the result from some of the data. An axis that grows by a whole factor is walked
// as the data's axis and the copies of each of its indices, which come first.
std::vector<LoweredLayer> lower_resampling(const OperatorContext& op) {
  const Sizes input = at_least_one_axis(input_sizes(op, 0));
  const Sizes output = at_least_one_axis(output_sizes(op));
  if (input.size() != output.size()) {
    throw nest_error(
        op, "its result has shape " + shape_text(output) + " and its data " + shape_text(input));
  }
  const Names names = names_of(op, output.size());
  NestBuilder b(op);
  Names walked;
  int resized = 0;
  for (std::size_t a = 0; a < output.size(); ++a) {
    if (output[a] != input[a]) ++resized;
    if (output[a] == input[a] || output[a] % input[a] != 0) continue;
    walked.push_back("R" + std::to_string(walked.size()));
    b.dim(walked.back(), output[a] / input[a]);
  }
  for (std::size_t a = 0; a < output.size(); ++a) {
    b.dim(names[a], output[a] % input[a] == 0 ? input[a] : output[a]);
  }
  walked.insert(walked.end(), names.begin(), names.end());
  const Precisions bits = precisions(op);
  b.operand("O", walked, bits.output);
  b.operand("I", names, bits.activation);
  b.operand("W", {}, bits.weight);
  b.source_of_input("I", 0);
  LoweredLayer made = b.finish(lower_case(op.source().op_type), bits.final_output);
  const OnnxAttribute* mode = op.source().attribute("mode");
  const std::string how = mode ? mode->text : "nearest";
  // Neighbours of a point along one axis.
  const double neighbours = how.find("cubic") != std::string::npos    ? 4
                            : how.find("linear") != std::string::npos ? 2
                                                                      : 1;
  made.cycles_per_op = std::pow(neighbours, std::min(resized, 3));
  made.exact = resized == 0;
  std::vector<LoweredLayer> layers{std::move(made)};
  return layers;
}

Recurrence lower_recurrence(const OperatorContext& op, int decay_id, int input_id, int output_id,
                            int first_id) {
  const Sizes decay = input_sizes(op, 0);
  if (decay.size() != 4) {
    throw nest_error(op, "its first input has shape " + shape_text(decay),
                     "four axes: batch, steps, channels, states");
  }
  const Precisions bits = precisions(op);
  Recurrence recurrence;
  recurrence.steps = decay[1];
  const Names state{"B", "L", "D", "N"};
  const auto nest = [&](const Names& output, const Names& weight, std::optional<int> data,
                        int other) {
    NestBuilder b(op);
    b.dim("B", decay[0]);
    b.dim("L", 1);
    b.dim("D", decay[2]);
    b.dim("N", decay[3]);
    b.operand("O", output, bits.output);
    b.operand("I", state, bits.activation);
    b.operand("W", weight, data ? bits.activation : bits.weight);
    if (data) b.source("I", *data);
    b.source("W", other);
    recurrence.layers.push_back(b.finish("", bits.final_output).layer);
  };
  for (int step = 0; step < recurrence.steps; ++step) {
    const int id = first_id + 3 * step;
    // The state is the sum of the step before.
    nest(state, state, step > 0 ? std::optional(id - 2) : std::nullopt, decay_id);
    nest(state, state, id, input_id);
    nest({"B", "L", "D"}, {"B", "L", "N"}, id + 1, output_id);
  }
  return recurrence;
}

}  // namespace ridgeline::io
