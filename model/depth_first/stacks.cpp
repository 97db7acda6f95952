#include "model/depth_first/stacks.hpp"

#include <algorithm>
#include <limits>
#include <map>

#include "model/core/index.hpp"

namespace ridgeline::model {

namespace {

// Which nodes `node` needs, itself included.
std::vector<bool> needed_by(const FusedNetwork& network, int node) {
  std::vector<bool> needed(network.nodes.size(), false);
  needed[z(node)] = true;
  for (int n = node; n >= 0; --n) {
    if (!needed[z(n)]) continue;
    for (const FusedInput& input : network.nodes[z(n)].inputs) needed[z(input.producer)] = true;
  }
  return needed;
}

std::vector<bool> needing(const FusedNetwork& network, int node) {
  std::vector<bool> list(network.nodes.size(), false);
  list[z(node)] = true;
  for (std::size_t n = z(node) + 1; n < network.nodes.size(); ++n) {
    for (const FusedInput& input : network.nodes[n].inputs) {
      if (list[z(input.producer)]) list[n] = true;
    }
  }
  return list;
}

std::int64_t whole_data(const FusedNetwork& network, const FusedNode& reader,
                        const FusedInput& input, std::size_t axis) {
  const AxisLink& link = input.axis[axis];
  if (link.whole) return network.nodes[z(input.producer)].map[axis];
  if (link.relation < 0) return reader.map[axis];
  const DimRelation& relation = reader.layer->relations[z(link.relation)];
  const auto extent = [&](std::size_t t) {
    return relation.dim[t] == link.loop ? reader.map[axis]
                                        : reader.layer->dims[z(relation.dim[t])].size;
  };
  const std::int64_t all = data_extent(*reader.layer, link.relation, extent(0), extent(1));
  return std::min(all, std::max<std::int64_t>(network.nodes[z(input.producer)].map[axis], 1));
}

// `as_read`: inputs are as large as what is read of them.
void build(const FusedNetwork& network, const std::vector<bool>& kept, bool as_read, Stack& stack) {
  const std::size_t count = network.nodes.size();
  // Inputs for what the kept nodes read from before, one for each producer, in the order in which
  // they are first read.
  std::map<int, int> fresh;  // producer in `network` to node of the stack
  std::vector<FusedNode>& nodes = stack.network.nodes;
  for (std::size_t n = 0; n < count; ++n) {
    if (!kept[n]) continue;
    for (const FusedInput& input : network.nodes[n].inputs) {
      if (kept[z(input.producer)]) continue;
      const auto [it, made] = fresh.emplace(input.producer, static_cast<int>(nodes.size()));
      if (made) {
        FusedNode node;
        node.id = -1001 - static_cast<int>(nodes.size());
        const FusedNode& producer = network.nodes[z(input.producer)];
        node.name = producer.layer ? "output of " + producer.name : producer.name;
        node.key = "InputLayerNode_substack_input_layer_" + std::to_string(nodes.size());
        node.channels = std::numeric_limits<double>::infinity();
        node.precision = 0;
        nodes.push_back(std::move(node));
      }
      FusedNode& node = nodes[z(it->second)];
      const FusedNode& reader = network.nodes[n];
      node.channels = std::min(node.channels, input.channels);
      node.precision = std::max(node.precision, reader.layer->operands[z(input.operand)].precision);
      for (std::size_t a = 0; a < kAxes; ++a) {
        // An operand that needs all of an axis counts it among its channels.
        const std::int64_t whole =
            input.axis[a].whole ? 1 : network.nodes[z(input.producer)].map[a];
        node.map[a] =
            std::max(node.map[a], as_read ? whole_data(network, reader, input, a) : whole);
      }
    }
  }
  // Kept nodes keep their order; inputs stand first where something reads before.
  std::vector<int> to(count, -1);
  for (std::size_t n = 0; n < count; ++n) {
    if (!kept[n]) continue;
    to[n] = static_cast<int>(nodes.size());
    FusedNode node = network.nodes[n];
    for (FusedInput& input : node.inputs) {
      const auto it = fresh.find(input.producer);
      const bool from_before = it != fresh.end();
      if (from_before) {
        input.unfusable.clear();
        input.also.clear();
      }
      for (int& producer : input.also) producer = to[z(producer)];
      input.producer = from_before ? it->second : to[z(input.producer)];
    }
    nodes.push_back(std::move(node));
  }
  stack.last = static_cast<int>(nodes.size()) - 1;
  stack.readers = stack.network.readers();
  for (const FusedNode& node : nodes) {
    stack.weight_bits.push_back(static_cast<double>(node.weight_bits()));
  }
  for (std::size_t n = 0; n + 1 < nodes.size(); ++n) {
    if (!stack.readers[n].empty()) continue;
    stack.fault = nodes[n].name + " and " + nodes.back().name +
                  " would both be outputs of it: a stack has one";
    return;
  }
}

}  // namespace

std::vector<std::vector<int>> indivisible_units(const FusedNetwork& network) {
  std::vector<std::vector<int>> units(1);
  const auto readers = network.readers();
  std::int64_t open = 1;
  for (std::size_t n = 0; n < network.nodes.size(); ++n) {
    std::vector<int> producers;
    for (const FusedInput& input : network.nodes[n].inputs) {
      if (std::find(producers.begin(), producers.end(), input.producer) == producers.end()) {
        producers.push_back(input.producer);
      }
    }
    if (n > 0) {
      open -= static_cast<std::int64_t>(producers.size()) - 1;
      units.back().push_back(static_cast<int>(n));
      if (open == 1) units.emplace_back();
    } else {
      units.back().push_back(0);
    }
    if (n > 0) open += static_cast<std::int64_t>(readers[n].size()) - 1;
  }
  while (!units.empty() && units.back().empty()) units.pop_back();
  return units;
}

std::vector<int> automatic_cuts(const FusedNetwork& network, double weight_bits) {
  std::vector<int> cuts;
  double sum = 0;
  const std::vector<int>* previous = nullptr;
  const auto id = [&](int n) { return network.nodes[z(n)].id; };
  const std::vector<std::vector<int>> units = indivisible_units(network);
  for (const std::vector<int>& unit : units) {
    double weights = 0;
    for (int n : unit) weights += static_cast<double>(network.nodes[z(n)].weight_bits());
    if (weights > weight_bits) {
      if (previous != nullptr && (cuts.empty() || cuts.back() != id(previous->back()))) {
        cuts.push_back(id(previous->back()));
      }
      for (int n : unit) cuts.push_back(id(n));
      sum = 0;
    } else if (sum + weights > weight_bits) {
      cuts.push_back(id(previous->back()));
      sum = weights;
    } else {
      sum += weights;
    }
    previous = &unit;
  }
  return cuts;
}

Stack cut_stack(const FusedNetwork& network, std::optional<int> begin, std::optional<int> end) {
  Stack stack;
  const std::size_t count = network.nodes.size();
  const int begin_node = begin ? network.node_index(*begin) : -1;
  const int end_node = end ? network.node_index(*end) : static_cast<int>(count) - 1;
  std::vector<bool> gone(count, false);
  if (begin) gone = needed_by(network, begin_node);
  const std::vector<bool> after = needing(network, end_node);
  const std::vector<bool> wanted = needed_by(network, end_node);
  std::vector<bool> kept(count, false);
  for (std::size_t n = 0; n < count; ++n) {
    kept[n] = !gone[n] && wanted[n] && (!after[n] || static_cast<int>(n) == end_node);
  }
  if (!kept[z(end_node)]) {
    stack.fault = "nothing is left of it";
    return stack;
  }
  build(network, kept, true, stack);
  return stack;
}

Stack layers_as_stack(const FusedNetwork& network, int first, int last) {
  Stack stack;
  std::vector<bool> kept(network.nodes.size(), false);
  for (int n = first; n <= last; ++n) kept[z(n)] = network.nodes[z(n)].layer.has_value();
  const auto readers = network.readers();
  for (int n = first; n <= last; ++n) {
    if (!kept[z(n)]) continue;
    for (const FusedInput& input : network.nodes[z(n)].inputs) {
      if (input.unfusable.empty() || !kept[z(input.producer)]) continue;
      stack.fault = input.unfusable;
      return stack;
    }
    for (const int reader : readers[z(n)]) {
      if (n == last || kept[z(reader)]) continue;
      stack.fault = network.nodes[z(n)].name + " is read by " + network.nodes[z(reader)].name +
                    " outside of it, and only its last layer's output leaves a stack";
      return stack;
    }
  }
  build(network, kept, false, stack);
  return stack;
}

}  // namespace ridgeline::model
