#include "model/system/network.hpp"

#include <algorithm>

#include "model/core/graph_order.hpp"

namespace ridgeline::model {

int Network::node_index(int id) const {
  const auto it = std::find_if(nodes.begin(), nodes.end(),
                               [&](const NetworkNode& node) { return node.id == id; });
  return it == nodes.end() ? -1 : static_cast<int>(it - nodes.begin());
}

std::vector<int> Network::topological_order() const {
  std::vector<std::vector<int>> successors(nodes.size());
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    for (const NetworkInput& input : nodes[i].inputs) {
      auto& list = successors[static_cast<std::size_t>(input.node)];
      if (std::find(list.begin(), list.end(), static_cast<int>(i)) != list.end()) continue;
      list.push_back(static_cast<int>(i));
    }
  }
  return order_of(successors);
}

}  // namespace ridgeline::model
