// The order of a graph's nodes in which each comes after what it depends on.
#pragma once

#include <vector>

namespace ridgeline::model {

// Places of nodes, by the nodes that follow each (distinct). Kahn's order: nodes that wait for
// nothing in their own order, then each node as the last that it waits for is taken. Nodes on a
// cycle, and what comes after them, are left out.
std::vector<int> order_of(const std::vector<std::vector<int>>& successors);

}  // namespace ridgeline::model
