// Golden vectors of multi-core schedules: a network rebuilt from a vector's own description of
// its layers, so that graphs can be compared without reading the network from its file.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "model/system/cn_graph.hpp"
#include "model/system/core_mapping.hpp"
#include "model/system/network.hpp"
#include "model/system/node_tiling.hpp"

namespace ridgeline::test {

// Names of the vectors: all of the reference folder, or the few in this repository.
std::vector<std::string> stream_golden_names();
nlohmann::json load_stream_golden(const std::string& name);

struct GoldenNetwork {
  model::Network network;
  model::CoreMapping mapping;
  model::TilingOptions options;
};
// Nodes without cost that lie between layers are in `moving`, by id, with their input's id.
struct GoldenMover {
  int id = 0;
  int input = 0;
  model::Moving moving;
};
GoldenNetwork golden_network(const nlohmann::json& golden,
                             const std::vector<GoldenMover>& movers = {});

// Mode, stacks asked for and weights that fit.
model::TilingOptions golden_options(const nlohmann::json& golden);

// What differs between a graph and a golden vector's "workload"; empty where nothing does.
// `costs`: compare also what depends on the extents of the network's input.
std::vector<std::string> differences(const model::CnGraph& graph, const nlohmann::json& golden,
                                     bool costs);

}  // namespace ridgeline::test
