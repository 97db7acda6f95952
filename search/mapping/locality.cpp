#include "search/mapping/locality.hpp"

#include <algorithm>
#include <optional>

namespace ridgeline::search {

namespace {

using model::MemoryOperand;

// What the search for levels needs to know about one layer.
struct LayerTensors {
  int node = 0;  // place in the workload that was asked for
  std::optional<MemoryOperand> activation;
  std::optional<MemoryOperand> weight;
  std::optional<MemoryOperand> output;
  bool has_constant = false;
  double activation_bits = 0;  // of all inputs, where none is constant
  double weight_bits = 0;
  double output_bits = 0;         // at the precision of partial sums
  std::vector<int> predecessors;  // places in the list of layers
  std::vector<int> successors;
};

LayerTensors describe(const model::Layer& layer, const model::MappingSpec& mapping) {
  static const model::MappingEntry usual;
  const model::MappingEntry* chosen = mapping.choose(layer.name, layer.operator_type);
  const model::MappingEntry& entry = chosen ? *chosen : usual;
  const model::OperandRoles roles = model::operand_roles(layer);
  const auto bits = [&](int o) { return static_cast<double>(layer.operand_bits(o)); };
  const auto link = [&](int o) {
    return entry.link(layer.operands[static_cast<std::size_t>(o)].name);
  };
  LayerTensors tensors;
  tensors.has_constant = !layer.constant_operands.empty();
  tensors.output = link(0);
  tensors.output_bits = bits(0);
  if (roles.activation >= 0) {
    tensors.activation = link(roles.activation);
    tensors.activation_bits = bits(roles.activation);
  }
  if (roles.weight >= 0) {
    tensors.weight = link(roles.weight);
    tensors.weight_bits = bits(roles.weight);
    if (!tensors.has_constant) tensors.activation_bits += tensors.weight_bits;
  }
  return tensors;
}

// Layers in topological order, with places in `workload.nodes`.
std::vector<LayerTensors> layers_in_order(const model::Workload& workload,
                                          const model::MappingSpec& mapping) {
  const model::Workload graph = workload.without_dummies();
  std::vector<LayerTensors> layers;
  std::vector<int> position(graph.nodes.size(), -1);
  for (int i : graph.topological_order()) {
    const model::WorkloadNode& node = graph.nodes[static_cast<std::size_t>(i)];
    LayerTensors tensors = describe(*node.layer, mapping);
    tensors.node = workload.node_index(node.id);
    position[static_cast<std::size_t>(i)] = static_cast<int>(layers.size());
    for (int id : node.predecessors) {
      const int place = graph.node_index(id);
      if (place < 0) continue;
      const int from = position[static_cast<std::size_t>(place)];
      auto& list = tensors.predecessors;
      if (std::find(list.begin(), list.end(), from) != list.end()) continue;
      list.push_back(from);
      layers[static_cast<std::size_t>(from)].successors.push_back(static_cast<int>(layers.size()));
    }
    layers.push_back(std::move(tensors));
  }
  return layers;
}

class LevelSearch {
 public:
  LevelSearch(const std::vector<LayerTensors>& layers, const model::Accelerator& accelerator)
      : layers_(layers),
        accelerator_(accelerator),
        activation_(layers.size()),
        output_(layers.size()) {
    for (const LayerTensors& layer : layers) {
      if (!layer.has_constant) continue;
      weight_bits_ += layer.weight_bits;
      if (!weight_link_) weight_link_ = layer.weight;
    }
  }

  Locality run(std::size_t nodes) {
    Locality result;
    result.nodes.resize(nodes);
    result.weight_bits = weight_bits_;
    if (layers_.empty()) return result;
    weight_ = top(layers_.front().weight);
    for (std::size_t i = 0; i < layers_.size(); ++i) visit(i);
    result.top_weight = weight_;
    for (std::size_t i = 0; i < layers_.size(); ++i) {
      result.nodes[static_cast<std::size_t>(layers_[i].node)] = keep(i);
    }
    return result;
  }

 private:
  bool stores(std::size_t memory, std::optional<MemoryOperand> operand) const {
    const auto& list = accelerator_.memories[memory].operands;
    return operand && std::find(list.begin(), list.end(), *operand) != list.end();
  }

  // Highest memory that stores an operand, -1 where none does.
  int top(std::optional<MemoryOperand> operand) const {
    for (std::size_t m = accelerator_.memories.size(); m-- > 0;) {
      if (stores(m, operand)) return static_cast<int>(m);
    }
    return -1;
  }

  static void lower(std::optional<int>& level, int to) {
    if (!level || to < *level) level = to;
  }

  void visit(std::size_t i) {
    const LayerTensors& layer = layers_[i];
    const bool first = layer.predecessors.empty();
    if (!first) {
      if (const auto& before = output_[static_cast<std::size_t>(layer.predecessors.front())]) {
        lower(activation_[i], *before);
      }
    }
    // A tensor with several readers, or one that waits for another, is not followed.
    const bool branches =
        layer.successors.size() > 1 ||
        (layer.successors.size() == 1 && at(layer.successors.front()).predecessors.size() > 1);
    if (branches) {
      lower(output_[i], top(layers_.front().output));
      if (first) lower(activation_[i], top(layers_.front().activation));
      return;
    }
    // All memories are tried: a lower one can have room although a higher one has not.
    for (std::size_t m = accelerator_.memories.size(); m-- > 0;) place(i, m, first);
  }

  // Whether layer i's tensors and the weights can stay in memory m.
  void place(std::size_t i, std::size_t m, bool first) {
    const LayerTensors& layer = layers_[i];
    const model::Memory& memory = accelerator_.memories[m];
    const auto reader =
        layer.successors.empty() ? layer.activation : at(layer.successors.front()).activation;
    const bool passes = stores(m, layer.output) && stores(m, reader);
    // What two activations multiply is no weight: where another memory operand carries it, it says
    // nothing about where weights are.
    const bool weights = stores(m, layer.weight) &&
                         (layer.has_constant || !weight_link_ || layer.weight == weight_link_);
    if (!passes && !weights) return;
    double needed = 0;
    if (!layer.has_constant && passes) {
      needed = layer.output_bits + layer.activation_bits;
    } else {
      if (weights) needed += weight_bits_;
      if (stores(m, layer.activation)) needed += layer.activation_bits;
      if (stores(m, layer.output)) needed += layer.output_bits;
    }
    const double capacity = static_cast<double>(memory.size) *
                            static_cast<double>(accelerator_.instances(static_cast<int>(m)));
    if (needed > capacity) return;
    if (passes) {
      lower(output_[i], static_cast<int>(m));
      if (first) lower(activation_[i], static_cast<int>(m));
    }
    if (weights && memory.served_dims.size() == accelerator_.array.dims.size()) {
      weight_ = std::min(weight_, static_cast<int>(m));
    }
  }

  LayerLocality keep(std::size_t i) const {
    const LayerTensors& layer = layers_[i];
    LayerLocality result;
    if (layer.activation) result.top_activation = activation_[i].value_or(top(layer.activation));
    if (layer.output) result.top_output = output_[i].value_or(top(layer.output));
    if (layer.weight) result.top_weight = layer.has_constant ? weight_ : result.top_activation;
    for (std::size_t m = 0; m < accelerator_.memories.size(); ++m) {
      auto& kept = result.kept.emplace_back();
      const auto take = [&](std::optional<MemoryOperand> operand, int highest) {
        if (stores(m, operand) && static_cast<int>(m) <= highest) kept.push_back(*operand);
      };
      take(layer.activation, result.top_activation);
      take(layer.weight, result.top_weight);
      take(layer.output, result.top_output);
    }
    result.hierarchy = model::build_hierarchy(accelerator_, result.kept);
    return result;
  }

  const LayerTensors& at(int i) const { return layers_[static_cast<std::size_t>(i)]; }

  const std::vector<LayerTensors>& layers_;
  const model::Accelerator& accelerator_;
  std::vector<std::optional<int>> activation_;  // by layer; only ever lowered
  std::vector<std::optional<int>> output_;
  int weight_ = -1;                           // one for the whole workload
  std::optional<MemoryOperand> weight_link_;  // memory operand of constant weights
  double weight_bits_ = 0;
};

}  // namespace

Locality keep_on_chip(const model::Workload& workload, const model::Accelerator& accelerator,
                      const model::MappingSpec& mapping) {
  const std::vector<LayerTensors> layers = layers_in_order(workload, mapping);
  return LevelSearch(layers, accelerator).run(workload.nodes.size());
}

}  // namespace ridgeline::search
