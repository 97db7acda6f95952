#include "io/onnx/multicore_lowering.hpp"

#include <algorithm>
#include <map>
#include <optional>

#include "io/inputs/workload_reader.hpp"
#include "io/onnx/multicore_layers.hpp"
#include "io/onnx/onnx_reader.hpp"

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

std::string lower_case(std::string text) {
  for (char& c : text) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return text;
}

class Lowering {
 public:
  Lowering(const OnnxGraph& graph, const std::string& name, const LoweringOptions& options)
      : graph_(graph), options_(options) {
    import_.network.name = name;
  }

  NetworkImport run() {
    for (int n = 0; n < static_cast<int>(graph_.nodes.size()); ++n) {
      const OnnxNode& node = graph_.nodes[static_cast<std::size_t>(n)];
      const bool any_input = std::any_of(node.inputs.begin(), node.inputs.end(),
                                         [](int tensor) { return tensor >= 0; });
      if (any_input) add(n);  // constants are no nodes
    }
    return std::move(import_);
  }

 private:
  Network& network() { return import_.network; }

  void add(int n) {
    const OnnxNode& node = graph_.nodes[static_cast<std::size_t>(n)];
    OperatorContext op{.graph = graph_, .node = n, .semantics = options_.semantics};
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
    if (modern && node.op_type == "Softmax") {
      add_softmax(op);
    } else if (modern && node.op_type == "SSM") {
      add_recurrence(op);
    } else {
      std::string type;
      std::optional<Layer> layer = lower_layer(op, type);
      if (layer) {
        add_layer(op, std::move(*layer), type, graph_.node_name(n));
      } else {
        add_mover(op);
      }
    }
    const int last = static_cast<int>(network().nodes.size()) - 1;
    for (std::size_t o = 0; o < node.outputs.size(); ++o) {
      if (node.outputs[o] >= 0) made_by_[node.outputs[o]] = {last, static_cast<int>(o)};
    }
  }

  // The node that makes one of the operator's inputs.
  NetworkInput made_by(const OperatorContext& op, int input) const {
    const OnnxNode& node = graph_.nodes[static_cast<std::size_t>(op.node)];
    return made_by_.at(node.inputs[static_cast<std::size_t>(input)]);
  }

  void add_layer(const OperatorContext& op, Layer layer, const std::string& type,
                 const std::string& name) {
    NetworkNode node;
    node.id = next_id_++;
    node.name = name;
    node.operator_type = graph_.nodes[static_cast<std::size_t>(op.node)].op_type;
    node.type = type;
    node.cycles_per_op = type == "silu" || type == "sigmoid" || type == "exp" ? 4 : 1;
    layer.id = node.id;
    layer.name = name;
    layer.operator_type = node.operator_type;
    // Only inputs that an operand reads: not a bias, not the steps of a normalisation.
    for (const LoweredInput& producer : op.producers) {
      const bool read = std::any_of(
          layer.operands.begin(), layer.operands.end(),
          [&](const model::LayerOperand& operand) { return operand.source == producer.id; });
      if (read) node.inputs.push_back(made_by(op, producer.input));
    }
    if (name.find("_cache") != std::string::npos) {
      const int weight = layer.operand_index("W");
      const auto place = static_cast<std::size_t>(weight);
      if (weight >= 0 && layer.operands[place].source) node.partly_constant.emplace_back("W");
    }
    node.layer = std::move(layer);
    network().nodes.push_back(std::move(node));
  }

  // A layer of an operator that becomes several; its inputs are nodes by id.
  NetworkNode& add_generated(const OperatorContext& op, Layer layer, const std::string& type,
                             const std::string& suffix) {
    NetworkNode node;
    node.id = next_id_++;
    node.name = graph_.node_name(op.node) + suffix;
    node.operator_type = graph_.nodes[static_cast<std::size_t>(op.node)].op_type;
    node.type = type;
    node.cycles_per_op = type == "exp" ? 4 : 1;
    layer.id = node.id;
    layer.name = node.name;
    layer.operator_type = node.operator_type;
    for (const model::LayerOperand& operand : layer.operands) {
      if (!operand.source) continue;
      NetworkInput input{network().node_index(*operand.source), 0};
      for (const LoweredInput& producer : op.producers) {
        if (producer.id == *operand.source) input = made_by(op, producer.input);
      }
      node.inputs.push_back(input);
    }
    node.layer = std::move(layer);
    network().nodes.push_back(std::move(node));
    return network().nodes.back();
  }

  void add_softmax(const OperatorContext& op) {
    std::vector<Layer> layers = lower_softmax(op, next_id_);
    const OnnxTensor& output =
        graph_.tensor(graph_.nodes[static_cast<std::size_t>(op.node)].outputs[0]);
    const auto rank = output.shape ? static_cast<std::int64_t>(output.shape->size()) : 0;
    const std::int64_t axis = integer_attribute(graph_, op.node, "axis", -1);
    if (axis != -1 && axis != rank - 1) {
      import_.remarks.push_back(graph_.node_name(op.node) + ": a Softmax over axis " +
                                std::to_string(axis) + " of " + std::to_string(rank) +
                                " is costed over the last one");
    }
    const char* types[] = {"max", "exp", "sum", "div"};
    for (std::size_t i = 0; i < layers.size(); ++i) {
      add_generated(op, std::move(layers[i]), types[i], std::string("-") + types[i]);
    }
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
      NetworkNode& made = add_generated(
          inside, std::move(recurrence.layers[i]), types[i % 3],
          std::string("-") + names[i % 3] + (step > 0 ? "-" + std::to_string(step) : ""));
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
    const bool first_input_only = type == "Transpose" || type == "Reshape" || type == "Flatten" ||
                                  type == "Gather" || type == "Split" || type == "Slice";
    for (const LoweredInput& producer : op.producers) {
      if (first_input_only && producer.input != 0) continue;
      node.inputs.push_back(made_by(op, producer.input));
    }
    if (type == "Shape" || type == "Size") node.inputs.clear();
    if (first_input_only && !node.inputs.empty()) {
      node.moving = moving(op);
    } else if (type == "Concat" && !node.inputs.empty()) {
      node.moving = concat(op);
    } else if (type != "Concat" && !first_input_only) {
      note_transparent(op);
    }
    network().nodes.push_back(std::move(node));
  }

  void note_transparent(const OperatorContext& op) {
    const OnnxNode& node = graph_.nodes[static_cast<std::size_t>(op.node)];
    const std::string& type = node.op_type;
    if (options_.onnx.strict) {
      throw onnx_error(graph_, op.node, "operator '" + type + "' has no cost",
                       "leave --strict out to pass its data through");
    }
    auto& list = is_uncosted_arithmetic(node) ? import_.uncosted_arithmetic : import_.transparent;
    if (std::find(list.begin(), list.end(), type) == list.end()) list.push_back(type);
  }

  int axis_attribute(const OperatorContext& op) const {
    return static_cast<int>(
        std::clamp<std::int64_t>(integer_attribute(graph_, op.node, "axis", -1), -64, 64));
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
      for (std::int64_t axis : integers_attribute(graph_, op.node, "perm", {})) {
        moving.permutation.push_back(static_cast<int>(axis));
      }
      std::vector<int> sorted = moving.permutation;
      std::sort(sorted.begin(), sorted.end());
      for (std::size_t i = 0; i < sorted.size(); ++i) {
        if (sorted[i] != static_cast<int>(i)) {
          throw onnx_error(graph_, op.node, "its perm is no permutation",
                           "each axis from 0 on, once");
        }
      }
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
      const bool list = tensor.producer >= 0 && tensor.shape && !tensor.shape->empty();
      if (const auto indices = constant(op, 1); indices && list) moving.indices = *indices;
      moving.scalar_index = moving.indices.empty();
    } else if (node.op_type == "Split") {
      moving.kind = Movement::split;
      moving.axis = axis_attribute(op);
      for (int tensor : node.outputs) {
        std::int64_t size = 0;
        if (tensor >= 0) {
          const auto sizes = tensor_sizes(op, tensor);
          const int rank = static_cast<int>(sizes.size());
          const int axis = moving.axis < 0 ? moving.axis + rank : moving.axis;
          if (axis < 0 || axis >= rank) {
            throw onnx_error(
                graph_, op.node,
                "its axis is " + std::to_string(moving.axis) + " of " + std::to_string(rank));
          }
          size = sizes[static_cast<std::size_t>(axis)];
        }
        moving.sizes.push_back(size);
      }
    } else if (node.op_type == "Slice") {
      read_slice(op, moving);
    }
    return moving;
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
    moving.axis = axis_attribute(op);
    const auto extent = [&](int tensor) {
      const auto sizes = tensor_sizes(op, tensor);
      const int rank = static_cast<int>(sizes.size());
      const int axis = moving.axis < 0 ? moving.axis + rank : moving.axis;
      if (axis < 0 || axis >= rank) {
        throw onnx_error(
            graph_, op.node,
            "its axis is " + std::to_string(moving.axis) + " of " + std::to_string(rank));
      }
      return sizes[static_cast<std::size_t>(axis)];
    };
    std::int64_t constants = 0;
    for (int tensor : node.inputs) {
      if (tensor < 0) continue;
      if (made_by_.contains(tensor)) {
        moving.sizes.push_back(extent(tensor));
      } else {
        constants += extent(tensor);
      }
    }
    moving.kind = moving.sizes.size() == 1 ? Movement::concat_constant : Movement::concat;
    moving.constant_extent = constants;
    return moving;
  }

  const OnnxGraph& graph_;
  const LoweringOptions& options_;
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
  if (ending == ".yaml" || ending == ".yml" || ending == ".json") {
    return {network_of(load_workload_document(path, notes)), {}, {}, {}};
  }
  return lower_network(read_onnx_graph(path, options.onnx), path.stem().string(), options);
}

}  // namespace ridgeline::io
