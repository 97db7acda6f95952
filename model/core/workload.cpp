#include "model/core/workload.hpp"

#include <algorithm>
#include <unordered_map>

#include "model/core/graph_order.hpp"

namespace ridgeline::model {

namespace {

using Adjacency = std::vector<std::vector<int>>;

// Distinct successors of every node, in the order in which edges are first inserted.
Adjacency successors_of(const std::vector<WorkloadNode>& nodes) {
  std::unordered_map<int, int> place;
  for (std::size_t i = 0; i < nodes.size(); ++i) place.emplace(nodes[i].id, static_cast<int>(i));
  Adjacency successors(nodes.size());
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    for (int id : nodes[i].predecessors) {
      const auto it = place.find(id);
      if (it == place.end()) continue;
      auto& list = successors[static_cast<std::size_t>(it->second)];
      if (std::find(list.begin(), list.end(), static_cast<int>(i)) == list.end()) {
        list.push_back(static_cast<int>(i));
      }
    }
  }
  return successors;
}

}  // namespace

int Workload::node_index(int id) const {
  const auto it = std::find_if(nodes.begin(), nodes.end(),
                               [&](const WorkloadNode& node) { return node.id == id; });
  return it == nodes.end() ? -1 : static_cast<int>(it - nodes.begin());
}

std::vector<int> Workload::topological_order() const {
  return order_of(successors_of(nodes));
}

Workload Workload::without_dummies() const {
  Workload result{name, nodes};
  auto& list = result.nodes;
  // Join each dummy's predecessors to its successors, in node order. Edges are kept at the
  // consumers; what a removal adds comes after the edges that were there.
  for (std::size_t d = 0; d < list.size(); ++d) {
    if (list[d].layer) continue;
    const int id = list[d].id;
    for (WorkloadNode& consumer : list) {
      auto& inputs = consumer.predecessors;
      if (std::find(inputs.begin(), inputs.end(), id) == inputs.end()) continue;
      inputs.erase(std::remove(inputs.begin(), inputs.end(), id), inputs.end());
      for (int source : list[d].predecessors) {
        if (std::find(inputs.begin(), inputs.end(), source) == inputs.end()) {
          inputs.push_back(source);
        }
      }
    }
  }
  list.erase(std::remove_if(list.begin(), list.end(),
                            [](const WorkloadNode& node) { return !node.layer; }),
             list.end());
  return result;
}

}  // namespace ridgeline::model
