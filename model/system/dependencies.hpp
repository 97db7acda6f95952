// Which computation nodes of different layers wait for each other (docs/multicore.md, 3.2-3.4).
#pragma once

#include <cstdint>
#include <vector>

#include "model/system/cn_graph.hpp"
#include "model/system/network.hpp"
#include "model/system/node_tiling.hpp"

namespace ridgeline::model {

struct Dependency {
  std::int32_t consumer = 0;  // places in CnGraph::nodes
  std::int32_t producer = 0;
  std::int32_t operand = 0;  // of the consumer
};

// Appends the dependencies between nodes of `graph`, whose layers are those of `network`. A pair
// of nodes may appear several times; the last one counts. `original`: loop sizes of each layer
// as the network gives them. `aligned` receives the pairs of layers whose axes are compared one by
// one, sorted.
TilingFault find_dependencies(const Network& network, const CnGraph& graph,
                              const std::vector<std::vector<std::int64_t>>& original,
                              std::vector<Dependency>& dependencies,
                              std::vector<AlignedPair>& aligned);

}  // namespace ridgeline::model
