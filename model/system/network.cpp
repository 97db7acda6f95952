#include "model/system/network.hpp"

#include <algorithm>

namespace ridgeline::model {

int Network::node_index(int id) const {
  const auto it = std::find_if(nodes.begin(), nodes.end(),
                               [&](const NetworkNode& node) { return node.id == id; });
  return it == nodes.end() ? -1 : static_cast<int>(it - nodes.begin());
}

std::vector<int> Network::topological_order() const {
  std::vector<std::vector<int>> successors(nodes.size());
  std::vector<int> waiting(nodes.size(), 0);
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    for (const NetworkInput& input : nodes[i].inputs) {
      auto& list = successors[static_cast<std::size_t>(input.node)];
      if (std::find(list.begin(), list.end(), static_cast<int>(i)) != list.end()) continue;
      list.push_back(static_cast<int>(i));
      ++waiting[i];
    }
  }
  std::vector<int> order;
  order.reserve(nodes.size());
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    if (waiting[i] == 0) order.push_back(static_cast<int>(i));
  }
  for (std::size_t next = 0; next < order.size(); ++next) {
    for (int s : successors[static_cast<std::size_t>(order[next])]) {
      if (--waiting[static_cast<std::size_t>(s)] == 0) order.push_back(s);
    }
  }
  return order;
}

}  // namespace ridgeline::model
