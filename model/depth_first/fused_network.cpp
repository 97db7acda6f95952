#include "model/depth_first/fused_network.hpp"

#include <algorithm>
#include <map>

#include "model/core/index.hpp"

namespace ridgeline::model {

namespace {

constexpr std::array<const char*, kAxes> kLoopNames{"OX", "OY"};

bool indexes(const LayerOperand& operand, bool relation, int index) {
  return std::any_of(operand.indices.begin(), operand.indices.end(), [&](const OperandIndex& one) {
    return one.is_relation == relation && one.index == index;
  });
}

AxisLink axis_link(const Layer& layer, const LayerOperand& operand, int loop) {
  AxisLink link;
  link.loop = loop;
  if (loop < 0) {
    link.whole = true;
    return link;
  }
  if (indexes(operand, false, loop)) return link;
  for (std::size_t r = 0; r < layer.relations.size(); ++r) {
    const DimRelation& relation = layer.relations[r];
    if (!indexes(operand, true, static_cast<int>(r))) continue;
    if (relation.dim[0] != loop && relation.dim[1] != loop) continue;
    const std::size_t own = relation.dim[0] == loop ? 0 : 1;
    link.relation = static_cast<int>(r);
    link.stride = relation.coefficient[own];
    const std::int64_t taps = layer.dims[z(relation.dim[1 - own])].size;
    link.reach = relation.coefficient[1 - own] * (taps - 1) + 1;
    link.padding = relation.padding_begin;
    return link;
  }
  link.loop = -1;
  link.whole = true;
  return link;
}

// Elements of an operand for each place of the map: all of its dimensions but the two axes.
double channels_of(const Layer& layer, int o, const Relevance& classes,
                   const std::array<int, kAxes>& loops) {
  const LayerOperand& operand = layer.operands[z(o)];
  double product = 1;
  for (std::size_t d = 0; d < layer.dims.size(); ++d) {
    const bool axis = static_cast<int>(d) == loops[0] || static_cast<int>(d) == loops[1];
    if (!axis && (classes.relevant >> d & 1u)) product *= static_cast<double>(layer.dims[d].size);
  }
  for (std::size_t r = 0; r < layer.relations.size(); ++r) {
    const DimRelation& relation = layer.relations[r];
    const bool axis = std::any_of(loops.begin(), loops.end(), [&](int loop) {
      return loop >= 0 && (relation.dim[0] == loop || relation.dim[1] == loop);
    });
    if (!axis && indexes(operand, true, static_cast<int>(r))) {
      product *= static_cast<double>(layer.relation_size(static_cast<int>(r)));
    }
  }
  return product;
}

FusedNode node_of(const WorkloadNode& source) {
  FusedNode node;
  node.id = source.id;
  node.name = source.name;
  node.key = "LayerNode_" + std::to_string(source.id);
  node.layer = source.layer;
  node.count = source.count;
  const Layer& layer = *node.layer;
  node.precision = layer.output_final_precision;
  for (std::size_t o = 0; o < layer.operands.size(); ++o) {
    node.classes.push_back(relevance(layer, static_cast<int>(o)));
    if (o > 0 && is_weight(layer, static_cast<int>(o))) node.weights = static_cast<int>(o);
  }
  for (std::size_t a = 0; a < kAxes; ++a) {
    const int loop = layer.dim_index(kLoopNames[a]);
    if (loop < 0 || !indexes(layer.operands.front(), false, loop)) continue;
    node.loop[a] = loop;
    node.map[a] = layer.dims[z(loop)].size;
  }
  node.channels = channels_of(layer, 0, node.classes.front(), node.loop);
  return node;
}

// What operand `o` of `node` reads along the axes, apart from who produces it.
FusedInput input_of(const FusedNode& node, int o) {
  const Layer& layer = *node.layer;
  FusedInput input;
  input.operand = o;
  input.channels = channels_of(layer, o, node.classes[z(o)], node.loop);
  for (std::size_t a = 0; a < kAxes; ++a) {
    input.axis[a] = axis_link(layer, layer.operands[z(o)], node.loop[a]);
  }
  return input;
}

std::int64_t whole_extent(const FusedNode& node, const AxisLink& link, std::size_t axis) {
  if (link.whole) return 1;
  if (link.relation < 0) return node.map[axis];
  return node.layer->relation_size(link.relation);
}

// Padding that a document does not tell of but that its sizes ask for counts on both sides.
void fit_padding(const FusedNode& producer, const FusedNode& reader, FusedInput& input) {
  for (std::size_t a = 0; a < kAxes; ++a) {
    AxisLink& link = input.axis[a];
    if (link.whole || link.relation < 0 || link.padding != 0) continue;
    const std::int64_t need = link.stride * (reader.map[a] - 1) + link.reach;
    if (need > producer.map[a]) link.padding = (need - producer.map[a]) / 2;
  }
}

std::string whole_reason(const FusedNode& producer, const FusedNode& reader,
                         const FusedInput& input) {
  for (std::size_t a = 0; a < kAxes; ++a) {
    if (!input.axis[a].whole || producer.map[a] == 1) continue;
    return reader.name + " reads all of " + producer.name + " for each of its outputs (" +
           (a == 0 ? "x" : "y") + " axis of " + std::to_string(producer.map[a]) + ")";
  }
  return "";
}

}  // namespace

bool is_weight(const Layer& layer, int operand) {
  const LayerOperand& one = layer.operands[z(operand)];
  return one.constant && one.name == "W";
}

std::int64_t FusedNode::weight_bits() const {
  if (!layer || !weights) return 0;
  std::int64_t bits = layer->operands[z(*weights)].precision;
  for (std::size_t d = 0; d < layer->dims.size(); ++d) {
    if (classes[z(*weights)].relevant >> d & 1u) bits *= layer->dims[d].size;
  }
  return bits;
}

double FusedNode::bits() const {
  return channels * static_cast<double>(map[0]) * static_cast<double>(map[1]) *
         static_cast<double>(precision);
}

int FusedNetwork::node_index(int id) const {
  const auto it = std::find_if(nodes.begin(), nodes.end(),
                               [&](const FusedNode& node) { return node.id == id; });
  return it == nodes.end() ? -1 : static_cast<int>(it - nodes.begin());
}

std::vector<std::vector<int>> FusedNetwork::readers() const {
  std::vector<std::vector<int>> lists(nodes.size());
  for (std::size_t n = 0; n < nodes.size(); ++n) {
    const auto add = [&](int producer) {
      auto& list = lists[z(producer)];
      if (std::find(list.begin(), list.end(), static_cast<int>(n)) == list.end()) {
        list.push_back(static_cast<int>(n));
      }
    };
    for (const FusedInput& input : nodes[n].inputs) {
      add(input.producer);
      for (const int producer : input.also) add(producer);
    }
  }
  return lists;
}

std::int64_t data_extent(const Layer& layer, int relation, std::int64_t first,
                         std::int64_t second) {
  const DimRelation& r = layer.relations[z(relation)];
  return joint_extent(r.coefficient[0], first, r.coefficient[1], second);
}

FusedNetwork fused_network(const Workload& given, const std::vector<Rearranged>& rearranged) {
  const Workload workload = given.without_dummies();
  FusedNetwork unordered;
  std::map<int, int> place;  // of the workload's ids
  // Inputs stand before all layers, so that they are the first to be processed.
  struct Reading {
    std::size_t node;
    int operand;
    int source;  // of the workload's ids
  };
  std::vector<Reading> readings;
  std::vector<FusedNode> layers;
  std::vector<FusedNode> inputs;
  for (const WorkloadNode& source : workload.nodes) {
    layers.push_back(node_of(source));
    FusedNode& node = layers.back();
    for (std::size_t o = 1; o < node.layer->operands.size(); ++o) {
      const int operand = static_cast<int>(o);
      const LayerOperand& one = node.layer->operands[o];
      if (node.weights == operand) continue;
      if (one.source && !one.constant && workload.node_index(*one.source) >= 0) {
        readings.push_back({layers.size() - 1, operand, *one.source});
        continue;
      }
      const FusedInput reads = input_of(node, operand);
      FusedNode input;
      input.id = -1 - static_cast<int>(inputs.size());
      input.key = "InputLayerNode_" + std::to_string(input.id);
      input.name = inputs.empty() ? "input" : "input " + std::to_string(inputs.size() + 1);
      input.channels = reads.channels;
      input.precision = one.precision;
      for (std::size_t a = 0; a < kAxes; ++a) {
        input.map[a] = whole_extent(node, reads.axis[a], a);
      }
      readings.push_back({layers.size() - 1, operand, input.id});
      inputs.push_back(std::move(input));
    }
  }
  for (auto* list : {&inputs, &layers}) {
    for (FusedNode& node : *list) {
      place[node.id] = static_cast<int>(unordered.nodes.size());
      unordered.nodes.push_back(std::move(node));
    }
  }
  auto& nodes = unordered.nodes;
  for (const Reading& reading : readings) {
    FusedNode& reader = nodes[inputs.size() + reading.node];
    FusedInput input = input_of(reader, reading.operand);
    input.producer = place.at(reading.source);
    const FusedNode& producer = nodes[z(input.producer)];
    if (producer.layer) {
      fit_padding(producer, reader, input);
      input.unfusable = whole_reason(producer, reader, input);
      for (const Rearranged& pair : rearranged) {
        if (pair.reader != reader.id || pair.operand != reading.operand) continue;
        input.unfusable =
            "a " + pair.how + " rearranges what " + reader.name + " reads of " + producer.name;
        for (const int id : pair.producers) {
          const auto other = place.find(id);
          if (other != place.end() && other->second != input.producer) {
            input.also.push_back(other->second);
          }
        }
      }
    }
    reader.inputs.push_back(std::move(input));
  }

  // By generations: a node follows when the last of its producers is done.
  const std::vector<std::vector<int>> readers = unordered.readers();
  std::vector<int> waiting(nodes.size(), 0);
  for (const auto& list : readers) {
    for (int reader : list) ++waiting[z(reader)];
  }
  std::vector<int> order;
  for (std::size_t n = 0; n < nodes.size(); ++n) {
    if (waiting[n] == 0) order.push_back(static_cast<int>(n));
  }
  for (std::size_t next = 0; next < order.size(); ++next) {
    for (int reader : readers[z(order[next])]) {
      if (--waiting[z(reader)] == 0) order.push_back(reader);
    }
  }
  std::vector<int> to(nodes.size(), -1);
  for (std::size_t i = 0; i < order.size(); ++i) to[z(order[i])] = static_cast<int>(i);
  FusedNetwork network;
  for (int from : order) {
    network.nodes.push_back(std::move(nodes[z(from)]));
    for (FusedInput& input : network.nodes.back().inputs) {
      input.producer = to[z(input.producer)];
      for (int& producer : input.also) producer = to[z(producer)];
    }
  }
  return network;
}

}  // namespace ridgeline::model
