#include "io/onnx/multicore_lowering.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <optional>
#include <set>

#include "io/document/document.hpp"
#include "io/document/given.hpp"
#include "io/inputs/language_model.hpp"
#include "io/inputs/workload_reader.hpp"
#include "io/onnx/axis.hpp"
#include "io/onnx/missing.hpp"
#include "io/onnx/operator_nests.hpp"
#include "io/onnx/operator_table.hpp"

namespace ridgeline::io {

namespace {

using model::Layer;
using model::Movement;
using model::Moving;
using model::Network;
using model::NetworkInput;
using model::NetworkNode;

// More steps than this of one recurrence are not unrolled.
constexpr std::int64_t kMaxSteps = 100'000;

class Lowering {
 public:
  Lowering(const OnnxGraph& graph, const std::string& name, const LoweringOptions& options)
      : graph_(graph), options_(options) {
    import_.network.name = name;
    import_.notes = graph.notes;
  }

  NetworkImport run() {
    for (int n = 0; n < static_cast<int>(graph_.nodes.size()); ++n) {
      const OnnxNode& node = graph_.nodes[static_cast<std::size_t>(n)];
      const bool any_input = std::any_of(node.inputs.begin(), node.inputs.end(),
                                         [](int tensor) { return tensor >= 0; });
      if (any_input) add(n);  // constants are no nodes
    }
    if (inflated_.layers > 0) {
      import_.notes.push_back(
          std::to_string(inflated_.layers) +
          (inflated_.layers == 1 ? " pooling layer walks its channels"
                                 : " pooling layers walk their channels") +
          " twice, as in the reference: " +
          std::to_string(std::llround(inflated_.operations / inflated_.needed)) +
          " times the operations (not with --no-quirks)");
    }
    return std::move(import_);
  }

 private:
  Network& network() { return import_.network; }

  void add(int n) {
    const OnnxNode& node = graph_.nodes[static_cast<std::size_t>(n)];
    if (node.constant) {  // known before the network runs; it keeps its place among the ids
      ++next_id_;
      return;
    }
    OperatorContext op{.graph = graph_,
                       .node = n,
                       .semantics = options_.semantics,
                       .dialect = Dialect::scheduling,
                       .quirks = options_.onnx.quirks,
                       .precision = options_.onnx.precision,
                       .first_id = next_id_};
    for (std::size_t i = 0; i < node.inputs.size(); ++i) {
      const auto found = made_by_.find(node.inputs[i]);
      if (found == made_by_.end()) continue;
      const NetworkNode& producer = network().nodes[static_cast<std::size_t>(found->second.node)];
      op.producers.push_back({static_cast<int>(i), producer.id});
    }
    if (options_.mapping != nullptr) {
      const auto* entry = options_.mapping->choose(graph_.node_name(n), node.op_type);
      if (entry != nullptr) op.dimension_names = entry->dimension_names;
    }

    const bool modern = options_.semantics == model::Semantics::v2025;
    std::vector<LoweredLayer> layers;
    if (modern && node.op_type == "SSM") {
      add_recurrence(op);
    } else {
      if (can_be_lowered(op)) layers = lower_operator(op);
      count_pooling(op, layers);
      if (layers.size() == 1) {
        add_layer(op, std::move(layers.front()));
      } else if (layers.empty()) {
        add_mover(op);
      }
      if (layers.size() > 1) add_layers(op, std::move(layers));
    }
    const int last = static_cast<int>(network().nodes.size()) - 1;
    for (std::size_t o = 0; o < node.outputs.size(); ++o) {
      if (node.outputs[o] >= 0) made_by_[node.outputs[o]] = {last, static_cast<int>(o)};
    }
  }

  // Light operators on data of unknown size are passed through; products of such are an error.
  bool can_be_lowered(const OperatorContext& op) const {
    const OperatorRule* rule = operator_rule(op.source());
    if (rule == nullptr) return false;
    if (has_macs(rule->kind)) return true;
    const auto known = [&](int tensor) {
      const auto& shape = graph_.tensor(tensor).shape;
      return shape && std::all_of(shape->begin(), shape->end(),
                                  [](const OnnxDim& dim) { return dim.size > 0; });
    };
    const OnnxNode& node = op.source();
    if (node.outputs.empty() || node.outputs[0] < 0 || !known(node.outputs[0])) return false;
    return std::all_of(op.producers.begin(), op.producers.end(), [&](const LoweredInput& p) {
      return known(node.inputs[static_cast<std::size_t>(p.input)]);
    });
  }

  // The node that makes one of the operator's inputs.
  NetworkInput made_by(const OperatorContext& op, int input) const {
    const OnnxNode& node = graph_.nodes[static_cast<std::size_t>(op.node)];
    return made_by_.at(node.inputs[static_cast<std::size_t>(input)]);
  }

  NetworkNode node_of(const OperatorContext& op, LoweredLayer& made) {
    NetworkNode node;
    node.id = next_id_++;
    node.name = graph_.node_name(op.node) + made.suffix;
    node.operator_type = op.source().op_type;
    node.type = made.type;
    node.cycles_per_op = made.cycles_per_op;
    node.exact = made.exact;
    made.layer.id = node.id;
    made.layer.name = node.name;
    made.layer.operator_type = node.operator_type;
    return node;
  }

  void add_layer(const OperatorContext& op, LoweredLayer made) {
    NetworkNode node = node_of(op, made);
    // Only inputs that an operand reads: not a bias, not the steps of a normalisation.
    for (const LoweredInput& producer : op.producers) {
      const bool read = std::any_of(
          made.layer.operands.begin(), made.layer.operands.end(),
          [&](const model::LayerOperand& operand) { return operand.source == producer.id; });
      if (read) node.inputs.push_back(made_by(op, producer.input));
    }
    if (node.name.find("_cache") != std::string::npos) {
      const int weight = made.layer.operand_index("W");
      const auto place = static_cast<std::size_t>(weight);
      if (weight >= 0 && made.layer.operands[place].source) node.partly_constant.emplace_back("W");
    }
    node.layer = std::move(made.layer);
    network().nodes.push_back(std::move(node));
  }

  // Layers of an operator that becomes several; inputs are nodes by id.
  void add_layers(const OperatorContext& op, std::vector<LoweredLayer> layers) {
    if (op.source().op_type == "Softmax") note_softmax(op);
    for (LoweredLayer& made : layers) add_generated(op, std::move(made));
  }

  NetworkNode& add_generated(const OperatorContext& op, LoweredLayer made) {
    NetworkNode node = node_of(op, made);
    for (const model::LayerOperand& operand : made.layer.operands) {
      if (!operand.source) continue;
      NetworkInput input{network().node_index(*operand.source), 0};
      for (const LoweredInput& producer : op.producers) {
        if (producer.id == *operand.source) input = made_by(op, producer.input);
      }
      node.inputs.push_back(input);
    }
    node.layer = std::move(made.layer);
    network().nodes.push_back(std::move(node));
    return network().nodes.back();
  }

  // The reference's nest of 2025 has the channels once more, in a loop that no operand uses.
  void count_pooling(const OperatorContext& op, const std::vector<LoweredLayer>& layers) {
    const OperatorRule* rule = operator_rule(op.source());
    if (rule == nullptr || rule->kind != OperatorKind::pooling) return;
    for (const LoweredLayer& made : layers) {
      const int again = made.layer.dim_index("C");
      if (again < 0 || made.layer.dim_index("K") < 0) continue;
      const auto operations = static_cast<double>(made.layer.mac_count());
      ++inflated_.layers;
      inflated_.operations += operations;
      inflated_.needed +=
          operations / static_cast<double>(made.layer.dims[static_cast<std::size_t>(again)].size);
    }
  }

  void note_softmax(const OperatorContext& op) {
    const OnnxTensor& output = graph_.tensor(op.source().outputs[0]);
    const auto rank = output.shape ? static_cast<std::int64_t>(output.shape->size()) : 0;
    const std::int64_t axis = integer_attribute(graph_, op.node, "axis", -1);
    if (!op.quirks || axis == -1 || axis == rank - 1) return;
    import_.notes.push_back(graph_.node_name(op.node) + ": a Softmax over axis " +
                            std::to_string(axis) + " of " + std::to_string(rank) +
                            " is costed over the last one");
  }

  void add_recurrence(const OperatorContext& op) {
    const OnnxNode& node = graph_.nodes[static_cast<std::size_t>(op.node)];
    if (node.inputs.size() < 3) {
      throw onnx_error(graph_, op.node, "it has " + std::to_string(node.inputs.size()) + " inputs",
                       "state decay, input and output weights");
    }
    const int first_split = next_id_;
    for (int i = 0; i < 3; ++i) {
      NetworkNode split;
      split.id = next_id_++;
      split.name = graph_.node_name(op.node) + "-split" + std::to_string(i);
      split.operator_type = "Split";
      split.moving.kind = Movement::generated_split;
      split.moving.axis = 1;
      for (const LoweredInput& producer : op.producers) {
        if (producer.input == i) split.inputs.push_back(made_by(op, i));
      }
      network().nodes.push_back(std::move(split));
    }
    OperatorContext inside = op;
    inside.producers.clear();
    const int first = next_id_;
    if (tensor_sizes(op, node.inputs[0]).size() > 1 &&
        tensor_sizes(op, node.inputs[0])[1] > kMaxSteps) {
      throw onnx_error(graph_, op.node, "it has more than " + std::to_string(kMaxSteps) + " steps");
    }
    Recurrence recurrence =
        lower_recurrence(inside, first_split, first_split + 1, first_split + 2, first);
    const char* names[] = {"mul_h_dA", "add_dBx", "mul_h_C"};
    const char* types[] = {"mul", "add", "mul"};
    std::vector<NetworkInput> steps;
    for (std::size_t i = 0; i < recurrence.layers.size(); ++i) {
      const int step = static_cast<int>(i / 3);
      LoweredLayer layer{std::move(recurrence.layers[i]), types[i % 3]};
      layer.suffix = std::string("-") + names[i % 3] + (step > 0 ? "-" + std::to_string(step) : "");
      NetworkNode& made = add_generated(inside, std::move(layer));
      made.base_id = first + static_cast<int>(i % 3);
      made.generation = step;
      made.generations = static_cast<int>(recurrence.steps);
      if (i % 3 == 2) steps.push_back({static_cast<int>(network().nodes.size()) - 1, 0});
    }
    NetworkNode concat;
    concat.id = next_id_++;
    concat.name = graph_.node_name(op.node) + "-concat";
    concat.operator_type = "Concat";
    concat.inputs = std::move(steps);
    concat.moving.kind = Movement::generated_concat;
    concat.moving.axis = 1;
    concat.moving.shape = {0, recurrence.steps};
    network().nodes.push_back(std::move(concat));
  }

  void add_mover(const OperatorContext& op) {
    const OnnxNode& onnx = graph_.nodes[static_cast<std::size_t>(op.node)];
    NetworkNode node;
    node.id = next_id_++;
    node.name = graph_.node_name(op.node);
    node.operator_type = onnx.op_type;
    node.type = lower_case(onnx.op_type);
    const std::string& type = onnx.op_type;
    // What only computes shapes or indices carries no data on.
    static const std::set<std::string> followed{"Transpose", "Reshape", "Flatten", "Gather",
                                                "Split",     "Slice",   "Squeeze", "Unsqueeze"};
    static const std::set<std::string> first_only{
        "Expand", "Tile", "Pad", "Resize", "Upsample", "TopK", "OneHot", "CumSum", "Trilu"};
    const bool standard = onnx.domain.empty();
    const bool one_input = standard && (followed.contains(type) || first_only.contains(type));
    for (const LoweredInput& producer : op.producers) {
      if (one_input && producer.input != 0) continue;
      node.inputs.push_back(made_by(op, producer.input));
    }
    if (type == "Shape" || type == "Size") node.inputs.clear();
    const bool shaped = !onnx.outputs.empty() && onnx.outputs[0] >= 0 && is_shaped(onnx.outputs[0]);
    const OperatorRule* rule = operator_rule(onnx);
    if (standard && followed.contains(type)) {
      if (!node.inputs.empty()) node.moving = follow(op, shaped);
    } else if (standard && type == "Concat") {
      if (!node.inputs.empty()) node.moving = concat(op);
    } else {
      note_transparent(op);
      if (!passes_on(op, rule)) node.moving.kind = Movement::opaque;
    }
    if (rule != nullptr && rule->kind == OperatorKind::movement) report_missing(op);
    network().nodes.push_back(std::move(node));
  }

  bool is_shaped(int tensor) const {
    const auto& shape = graph_.tensor(tensor).shape;
    return shape && std::all_of(shape->begin(), shape->end(),
                                [](const OnnxDim& dim) { return dim.size > 0; });
  }

  // Whether every element of the result comes from the same place in the data.
  bool passes_on(const OperatorContext& op, const OperatorRule* rule) const {
    const OnnxNode& node = op.source();
    // As in the reference, where unknown operators are transparent; no data changes its shape.
    if (op.producers.empty() || node.outputs.empty() || node.outputs[0] < 0) return true;
    const OnnxTensor& out = graph_.tensor(node.outputs[0]);
    const int data = node.inputs[static_cast<std::size_t>(op.producers.front().input)];
    const auto& before = graph_.tensor(data).shape;
    const bool same_shape =
        before && out.shape && before->size() == out.shape->size() &&
        std::equal(before->begin(), before->end(), out.shape->begin(),
                   [](const OnnxDim& a, const OnnxDim& b) { return a.size == b.size; });
    const bool light =
        rule != nullptr &&
        (rule->kind == OperatorKind::view || rule->kind == OperatorKind::elementwise ||
         rule->kind == OperatorKind::softmax || rule->kind == OperatorKind::normalisation);
    if (!light && options_.semantics == model::Semantics::v2023) return true;
    return light && same_shape;
  }

  void note_transparent(const OperatorContext& op) {
    refuse_if_strict(graph_, op.node, options_.onnx);
    const OperatorRule* rule = operator_rule(op.source());
    if (rule == nullptr || rule->kind != OperatorKind::movement) report_missing(op);
  }

  void report_missing(const OperatorContext& op) {
    add_missing(graph_, op.node, options_.onnx.precision.activation.value_or(8), import_.missing);
  }

  // What a movement does to indices; opaque where that is not known.
  Moving follow(const OperatorContext& op, bool shaped) {
    const std::string& type = op.source().op_type;
    Moving opaque;
    opaque.kind = Movement::opaque;
    if (!shaped) return opaque;
    if (type == "Squeeze" || type == "Unsqueeze") {
      Moving reshaped;
      reshaped.kind = Movement::reshape;
      reshaped.shape = tensor_sizes(op, op.source().outputs[0]);
      return reshaped;
    }
    if (type == "Split" && std::any_of(op.source().outputs.begin(), op.source().outputs.end(),
                                       [&](int t) { return t >= 0 && !is_shaped(t); })) {
      return opaque;
    }
    if (type == "Slice" && !can_slice(op)) return opaque;
    return moving(op);
  }

  // One axis with known bounds, forwards.
  bool can_slice(const OperatorContext& op) const {
    const auto list = [&](std::size_t input, const char* name) {
      auto values = constant(op, input);
      const bool given = input < op.source().inputs.size() && op.source().inputs[input] >= 0;
      if (!values && !given) values = integers_attribute(graph_, op.node, name, {});
      return values;
    };
    const auto starts = list(1, "starts");
    const auto ends = list(2, "ends");
    const auto steps = list(4, "steps");
    const auto axes = list(3, "axes");
    if (!starts || !ends || !steps || !axes || starts->empty() || ends->empty()) return false;
    if (options_.onnx.quirks) return steps->empty() || steps->front() >= 1;
    return starts->size() == 1 && ends->size() == 1 && axes->size() <= 1 &&
           (steps->empty() || steps->front() >= 1);
  }

  // A missing axis is the last one in the reference, and what ONNX says without its quirks.
  int axis_attribute(const OperatorContext& op) const {
    const std::int64_t standard = op.source().op_type == "Flatten" ? 1 : 0;
    const std::int64_t otherwise = options_.onnx.quirks ? -1 : standard;
    return static_cast<int>(
        std::clamp<std::int64_t>(integer_attribute(graph_, op.node, "axis", otherwise), -64, 64));
  }

  // Integers of a constant input; nothing where it is absent or not known.
  std::optional<std::vector<std::int64_t>> constant(const OperatorContext& op,
                                                    std::size_t input) const {
    const OnnxNode& node = graph_.nodes[static_cast<std::size_t>(op.node)];
    if (input >= node.inputs.size() || node.inputs[input] < 0) return std::nullopt;
    return graph_.tensor(node.inputs[input]).values;
  }

  Moving moving(const OperatorContext& op) {
    const OnnxNode& node = graph_.nodes[static_cast<std::size_t>(op.node)];
    Moving moving;
    if (node.op_type == "Transpose") {
      moving.kind = Movement::transpose;
      const std::size_t rank = integers_attribute(graph_, op.node, "perm", {}).size();
      const auto order = rank == 0 ? std::vector<std::int64_t>{} : axis_order(node, rank);
      if (!order) {
        throw onnx_error(graph_, op.node, "its perm is no permutation",
                         "each axis from 0 on, once");
      }
      moving.permutation.assign(order->begin(), order->end());
    } else if (node.op_type == "Reshape") {
      moving.kind = Movement::reshape;
      moving.shape = tensor_sizes(op, node.outputs.at(0));
    } else if (node.op_type == "Flatten") {
      moving.kind = Movement::flatten;
      moving.axis = axis_attribute(op);
    } else if (node.op_type == "Gather") {
      moving.kind = Movement::gather;
      moving.axis = axis_attribute(op);
      // Only a list that a Constant node holds counts; anything else is the first index (as in the
      // reference).
      const OnnxTensor& tensor = graph_.tensor(node.inputs.at(1));
      const bool stored = tensor.producer >= 0 || !options_.onnx.quirks;
      const bool list = stored && tensor.shape && !tensor.shape->empty();
      if (const auto indices = constant(op, 1); indices && list) moving.indices = *indices;
      moving.scalar_index = moving.indices.empty();
    } else if (node.op_type == "Split") {
      moving.kind = Movement::split;
      moving.axis = axis_attribute(op);
      for (int tensor : node.outputs) {
        moving.sizes.push_back(tensor < 0 ? 0 : size_along(op, tensor, moving.axis));
      }
    } else if (node.op_type == "Slice") {
      read_slice(op, moving);
    }
    return moving;
  }

  // Extent of a tensor along an axis, perhaps counted from the end.
  std::int64_t size_along(const OperatorContext& op, int tensor, int axis) {
    const auto sizes = tensor_sizes(op, tensor);
    const std::int64_t at = axis_from_front(axis, sizes.size());
    if (at < 0) {
      throw onnx_error(
          graph_, op.node,
          "its axis is " + std::to_string(axis) + " of " + std::to_string(sizes.size()));
    }
    return sizes[static_cast<std::size_t>(at)];
  }

  void read_slice(const OperatorContext& op, Moving& moving) {
    moving.kind = Movement::slice;
    std::array<std::optional<std::vector<std::int64_t>>, 4> given;
    const char* attributes[] = {"starts", "ends", "axes", "steps"};
    for (std::size_t i = 0; i < 4; ++i) {
      given[i] = constant(op, i + 1);
      if (!given[i]) {
        auto values = integers_attribute(graph_, op.node, attributes[i], {});
        if (!values.empty()) given[i] = std::move(values);
      }
    }
    if (!given[0] || given[0]->empty() || !given[1] || given[1]->empty()) {
      throw onnx_error(graph_, op.node, "its starts and ends are not known",
                       "give them as constants");
    }
    moving.start = given[0]->front();
    moving.end = given[1]->front();
    if (given[2] && !given[2]->empty()) moving.axis = static_cast<int>(given[2]->front());
    if (given[3] && !given[3]->empty()) moving.step = given[3]->front();
    if (moving.step < 1) {
      throw onnx_error(graph_, op.node, "its step is " + std::to_string(moving.step),
                       "slices step forward");
    }
  }

  Moving concat(const OperatorContext& op) {
    const OnnxNode& node = graph_.nodes[static_cast<std::size_t>(op.node)];
    Moving moving;
    moving.kind = Movement::opaque;
    for (int tensor : node.inputs) {
      if (tensor >= 0 && !is_shaped(tensor)) return moving;
    }
    moving.axis = axis_attribute(op);
    std::int64_t constants = 0;
    for (int tensor : node.inputs) {
      if (tensor < 0) continue;
      if (made_by_.contains(tensor)) {
        moving.sizes.push_back(size_along(op, tensor, moving.axis));
      } else {
        constants += size_along(op, tensor, moving.axis);
      }
    }
    moving.kind = moving.sizes.size() == 1 ? Movement::concat_constant : Movement::concat;
    moving.constant_extent = constants;
    return moving;
  }

  const OnnxGraph& graph_;
  const LoweringOptions& options_;
  // Pooling layers that walk their channels twice.
  struct {
    std::int64_t layers = 0;
    double operations = 0;
    double needed = 0;
  } inflated_;
  NetworkImport import_;
  std::map<int, NetworkInput> made_by_;  // tensor -> the node that makes it
  int next_id_ = 0;
};

// Kinds of layers as the tiling's defaults know them.
std::string type_of(const std::string& operator_type) {
  const std::string type = lower_case(operator_type);
  return type.find("pool") == std::string::npos ? type : "pooling";
}

}  // namespace

NetworkImport lower_network(const OnnxGraph& graph, const std::string& name,
                            const LoweringOptions& options) {
  return Lowering(graph, name, options).run();
}

model::Network network_of(const model::Workload& workload) {
  Network network;
  network.name = workload.name;
  // Inputs refer to earlier nodes: the document may list them in any order.
  std::map<int, int> place;
  for (int index : workload.topological_order()) {
    const model::WorkloadNode& given = workload.nodes[static_cast<std::size_t>(index)];
    NetworkNode node;
    node.id = given.id;
    node.name = given.name;
    node.operator_type = given.operator_type;
    node.type = type_of(given.operator_type);
    node.layer = given.layer;
    for (int id : given.predecessors) {
      const auto found = place.find(id);
      if (found != place.end()) node.inputs.push_back({found->second, 0});
    }
    place[node.id] = static_cast<int>(network.nodes.size());
    network.nodes.push_back(std::move(node));
  }
  return network;
}

NetworkImport load_network(const std::filesystem::path& path, const LoweringOptions& options,
                           std::vector<std::string>* notes) {
  const std::string ending = lower_case(path.extension().string());
  if (is_document_text(path) || ending == ".yaml" || ending == ".yml" || ending == ".json") {
    const Document document = load_document(path);
    if (is_language_model(document.root())) {
      const auto workload = read_language_model(document.root(), stem_of(path), true);
      return {network_of(workload), missing_of(workload), {}};
    }
    return {network_of(load_workload_document(path, notes)), {}, {}};
  }
  return lower_network(read_onnx_graph(path, options.onnx), path.stem().string(), options);
}

}  // namespace ridgeline::io
