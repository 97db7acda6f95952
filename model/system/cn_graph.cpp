#include "model/system/cn_graph.hpp"

#include <algorithm>
#include <map>
#include <numeric>

#include "model/system/dependencies.hpp"
#include "model/system/node_tiling.hpp"

namespace ridgeline::model {

namespace {

// Rank of every node by (layer id, sub id), the order in which the scheduler goes through edges.
std::vector<std::int32_t> ranks_by_layer_id(const CnGraph& graph) {
  std::vector<std::size_t> layers(graph.layers.size());
  std::iota(layers.begin(), layers.end(), std::size_t{0});
  std::sort(layers.begin(), layers.end(),
            [&](std::size_t a, std::size_t b) { return graph.layers[a].id < graph.layers[b].id; });
  std::vector<std::int32_t> rank(graph.nodes.size());
  std::int32_t next = 0;
  for (std::size_t l : layers) {
    const CnLayer& layer = graph.layers[l];
    for (int n = 0; n < layer.node_count; ++n) {
      rank[static_cast<std::size_t>(layer.first_node + n)] = next++;
    }
  }
  return rank;
}

// Nodes of one group of a layer follow each other.
void chain_groups(const CnGraph& graph, std::vector<Dependency>& dependencies) {
  std::vector<std::int32_t> last;
  for (const CnLayer& layer : graph.layers) {
    last.assign(static_cast<std::size_t>(layer.groups), -1);
    for (int n = 0; n < layer.node_count; ++n) {
      const std::int32_t node = layer.first_node + n;
      const auto group =
          static_cast<std::size_t>(graph.nodes[static_cast<std::size_t>(node)].group);
      if (last[group] >= 0) dependencies.push_back({node, last[group], -1});
      last[group] = node;
    }
  }
}

// Fills both edge lists. One edge a pair of nodes: the last dependency found counts.
void make_edges(CnGraph& graph, const std::vector<Dependency>& dependencies) {
  const std::vector<std::int32_t> rank = ranks_by_layer_id(graph);
  const std::size_t nodes = graph.nodes.size();
  std::vector<std::uint32_t> begin(nodes + 1, 0);
  for (const Dependency& d : dependencies) ++begin[static_cast<std::size_t>(d.consumer) + 1];
  std::partial_sum(begin.begin(), begin.end(), begin.begin());
  std::vector<CnEdge> edges(dependencies.size());
  std::vector<std::uint32_t> next(begin.begin(), begin.end() - 1);
  for (const Dependency& d : dependencies) {
    edges[next[static_cast<std::size_t>(d.consumer)]++] = {d.producer, d.operand, 0};
  }

  graph.predecessor_begin.assign(1, 0);
  graph.predecessor_begin.reserve(nodes + 1);
  graph.predecessors.clear();
  graph.predecessors.reserve(edges.size());
  graph.successor_begin.assign(nodes + 1, 0);
  for (std::size_t n = 0; n < nodes; ++n) {
    const auto first = edges.begin() + begin[n];
    const auto end = edges.begin() + begin[n + 1];
    std::stable_sort(first, end, [&](const CnEdge& a, const CnEdge& b) {
      return rank[static_cast<std::size_t>(a.node)] < rank[static_cast<std::size_t>(b.node)];
    });
    for (auto edge = first; edge != end; ++edge) {
      if (edge + 1 != end && (edge + 1)->node == edge->node) continue;
      CnEdge kept = *edge;
      const CnNode& producer = graph.nodes[static_cast<std::size_t>(kept.node)];
      if (kept.operand >= 0) {
        kept.bits = producer.produced_bits;
        ++graph.nodes[n].real_predecessors;
      }
      graph.predecessors.push_back(kept);
      ++graph.successor_begin[static_cast<std::size_t>(kept.node) + 1];
    }
    graph.predecessor_begin.push_back(static_cast<std::uint32_t>(graph.predecessors.size()));
  }

  std::partial_sum(graph.successor_begin.begin(), graph.successor_begin.end(),
                   graph.successor_begin.begin());
  graph.successors.resize(graph.predecessors.size());
  next.assign(graph.successor_begin.begin(), graph.successor_begin.end() - 1);
  // Consumers in ascending order of rank, so that every list comes out sorted.
  std::vector<std::int32_t> by_rank(nodes);
  for (std::size_t n = 0; n < nodes; ++n) {
    by_rank[static_cast<std::size_t>(rank[n])] = static_cast<std::int32_t>(n);
  }
  for (std::int32_t consumer : by_rank) {
    for (const CnEdge& edge : graph.predecessors_of(consumer)) {
      graph.successors[next[static_cast<std::size_t>(edge.node)]++] = {consumer, edge.operand,
                                                                       edge.bits};
    }
  }
}

// The output tensors' priority is the number of successors of the last node that has them.
void set_output_priorities(CnGraph& graph) {
  for (std::size_t n = 0; n < graph.nodes.size(); ++n) {
    const auto tensor = static_cast<std::size_t>(graph.nodes[n].tensor[0]);
    graph.tensors[tensor].base_priority =
        static_cast<std::int64_t>(graph.successors_of(static_cast<int>(n)).size());
  }
}

void find_sinks(CnGraph& graph, Semantics semantics) {
  for (CnLayer& layer : graph.layers) {
    bool all = true;
    bool some = false;
    for (int n = 0; n < layer.node_count; ++n) {
      const bool none = graph.successors_of(layer.first_node + n).empty();
      all = all && none;
      some = some || none;
    }
    layer.sink = semantics == Semantics::v2023 ? some : all;
  }
}

// Whether nodes of two layers cost the same on every core.
bool same_work(const CnLayer& a, const CnLayer& b) {
  const auto same_sizes = [](const Layer& x, const Layer& y) {
    return std::equal(
        x.dims.begin(), x.dims.end(), y.dims.begin(), y.dims.end(),
        [](const LoopDim& p, const LoopDim& q) { return p.name == q.name && p.size == q.size; });
  };
  const auto same_operands = [](const Layer& x, const Layer& y) {
    return std::equal(x.operands.begin(), x.operands.end(), y.operands.begin(), y.operands.end(),
                      [](const LayerOperand& p, const LayerOperand& q) {
                        return p.name == q.name && p.precision == q.precision;
                      });
  };
  return a.base_id == b.base_id && same_sizes(a.tile, b.tile) && same_operands(a.tile, b.tile) &&
         a.tile.equation == b.tile.equation && a.alone == b.alone;
}

void find_unique_nodes(CnGraph& graph) {
  std::map<int, std::vector<std::size_t>> layers_of_base;
  std::map<std::pair<std::size_t, std::int32_t>, std::int32_t> known;
  for (std::size_t l = 0; l < graph.layers.size(); ++l) {
    const CnLayer& layer = graph.layers[l];
    auto& alike = layers_of_base[layer.base_id];
    const auto first = std::find_if(alike.begin(), alike.end(), [&](std::size_t other) {
      return same_work(graph.layers[other], layer);
    });
    const std::size_t representative = first == alike.end() ? l : *first;
    if (first == alike.end()) alike.push_back(l);
    for (int n = 0; n < layer.node_count; ++n) {
      const std::int32_t node = layer.first_node + n;
      CnNode& cn = graph.nodes[static_cast<std::size_t>(node)];
      const auto next = static_cast<std::int32_t>(graph.unique_nodes.size());
      const auto [entry, inserted] =
          known.emplace(std::pair{representative, cn.real_predecessors}, next);
      if (inserted) graph.unique_nodes.push_back(node);
      cn.unique = entry->second;
    }
  }
}

// Stack after stack; within one, slot by slot, each layer in turn (docs/multicore.md, 3.6).
TilingFault make_order(CnGraph& graph, Semantics semantics) {
  std::map<int, const CnLayer*> by_id;
  for (const CnLayer& layer : graph.layers) by_id[layer.id] = &layer;
  graph.order.reserve(graph.nodes.size());
  for (const auto& stack : graph.stacks) {
    if (stack.empty()) continue;
    if (semantics == Semantics::v2023) {
      for (int id : stack) {
        const CnLayer& layer = *by_id.at(id);
        for (int n = 0; n < layer.node_count; ++n) graph.order.push_back(layer.first_node + n);
      }
      continue;
    }
    std::int64_t slots = by_id.at(stack.front())->intra_tiles;
    for (int id : stack) slots = std::min(slots, by_id.at(id)->intra_tiles);
    for (int id : stack) {
      const CnLayer& layer = *by_id.at(id);
      if (layer.intra_tiles % slots != 0) {
        return {id,
                "layer '" + layer.name + "' has " + std::to_string(layer.intra_tiles) +
                    " intra-core tiles, which is no multiple of the " + std::to_string(slots) +
                    " of another layer of its stack",
                "choose tilings that divide each other, or put the layers in different stacks"};
      }
    }
    std::map<int, int> done;
    for (std::int64_t slot = 0; slot < slots; ++slot) {
      for (int id : stack) {
        const CnLayer& layer = *by_id.at(id);
        const int last = static_cast<int>((slot + 1) * (layer.node_count / slots));
        for (int& sub = done[id]; sub < last; ++sub) graph.order.push_back(layer.first_node + sub);
      }
    }
  }
  for (std::size_t i = 0; i < graph.order.size(); ++i) {
    graph.nodes[static_cast<std::size_t>(graph.order[i])].order = static_cast<std::int32_t>(i);
  }
  return {};
}

}  // namespace

Range CnGraph::operand_range(int node, int operand, int index) const {
  const CnLayer& layer = layer_of(node);
  const OperandIndex& i = layer.whole.operands[static_cast<std::size_t>(operand)]
                              .indices[static_cast<std::size_t>(index)];
  const std::size_t place = static_cast<std::size_t>(i.index) +
                            (i.is_relation ? layer.whole.dims.size() : std::size_t{0});
  return ranges_of(node)[place];
}

std::int64_t CnGraph::tile_macs(int node) const {
  return layer_of(node).tile.mac_count();
}

std::int64_t CnGraph::real_macs(int node) const {
  const CnLayer& layer = layer_of(node);
  const auto extent = ranges_of(node);
  std::int64_t macs = 1;
  for (std::size_t d = 0; d < layer.whole.dims.size(); ++d) {
    const std::int64_t size = layer.whole.dims[d].size;
    macs *= std::min(extent[d].hi, size) - std::min(extent[d].lo, size);
  }
  return macs;
}

CnGraphResult build_cn_graph(const Network& network, const CoreMapping& mapping,
                             const TilingOptions& options) {
  CnGraphResult result;
  CnGraph& graph = result.graph;
  std::vector<std::vector<std::int64_t>> original;
  result.problem = tile_network(network, mapping, options, graph, original);
  if (result.problem) return result;
  std::vector<Dependency> dependencies;
  chain_groups(graph, dependencies);
  result.problem = find_dependencies(network, graph, original, dependencies, graph.aligned);
  if (result.problem) return result;
  make_edges(graph, dependencies);
  set_output_priorities(graph);
  find_sinks(graph, options.semantics);
  find_unique_nodes(graph);
  result.problem = make_order(graph, options.semantics);
  return result;
}

}  // namespace ridgeline::model
