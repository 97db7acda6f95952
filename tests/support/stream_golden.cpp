#include "tests/support/stream_golden.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <sstream>
#include <stdexcept>

namespace ridgeline::test {

namespace {

using nlohmann::json;
using namespace ridgeline::model;

// The whole set where it is there, else the few in this repository.
std::filesystem::path folder() {
  const std::filesystem::path all =
      std::filesystem::path(RIDGELINE_REFERENCE_DIR) / "golden" / "stream";
  if (std::filesystem::is_directory(all)) return all;
  return std::filesystem::path(RIDGELINE_SOURCE_DIR) / "tests" / "golden" / "stream";
}

Layer layer_of(const json& golden) {
  Layer layer;
  layer.id = golden.at("id");
  layer.name = golden.at("name");
  layer.equation = golden.at("equation");
  const auto names = golden.at("dims").get<std::vector<std::string>>();
  const auto sizes = golden.at("original_dim_sizes").get<std::vector<std::int64_t>>();
  for (std::size_t d = 0; d < names.size(); ++d) layer.dims.push_back({names[d], sizes[d]});
  const auto related = golden.at("pr_dims").get<std::vector<std::string>>();
  for (const std::string& name : related) {
    DimRelation relation;
    relation.name = name;
    const json& scaling = golden.at("pr_scaling").at(name);
    for (std::size_t i = 0; i < 2; ++i) {
      relation.dim[i] = layer.dim_index(scaling.at(i).at(0).get<std::string>());
      relation.coefficient[i] = scaling.at(i).at(1);
    }
    const json& padding = golden.at("padding");
    if (padding.contains(name)) {
      relation.padding_begin = padding.at(name).at(0);
      relation.padding_end = padding.at(name).at(1);
    }
    layer.relations.push_back(relation);
  }
  for (const json& o : golden.at("operands")) {
    LayerOperand operand;
    operand.name = o;
    operand.precision = golden.at("operand_precision").at(operand.name);
    for (const json& d : golden.at("operand_dims").at(operand.name)) {
      const auto dim = d.get<std::string>();
      const auto place = std::find(related.begin(), related.end(), dim);
      const bool relation = place != related.end();
      operand.indices.push_back(
          {relation, relation ? static_cast<int>(place - related.begin()) : layer.dim_index(dim)});
    }
    const json& sources = golden.at("input_operand_source");
    if (sources.contains(operand.name)) operand.source = sources.at(operand.name).get<int>();
    layer.operands.push_back(operand);
  }
  layer.constant_operands = golden.at("constant_operands").get<std::vector<std::string>>();
  layer.output_final_precision = golden.at("operand_precision").at("O_final");
  return layer;
}

std::vector<TilingRequest> requests(const json& tilings) {
  std::vector<TilingRequest> result;
  for (const json& tiling : tilings) result.push_back({tiling.at(0), tiling.at(1)});
  return result;
}

// The weight memories of all cores but the off-chip one.
std::int64_t weight_bits(const json& accelerator) {
  std::int64_t bits = 0;
  for (const json& core : accelerator.at("cores")) {
    if (core.at("id") == accelerator.at("offchip_core_id")) continue;
    for (const json& place : core.at("top_memory_instances")) {
      const json& memory = accelerator.at("top_memory_instances").at(place.get<std::size_t>());
      const auto operands = memory.at("memory_operands").at(0).get<std::vector<std::string>>();
      if (std::find(operands.begin(), operands.end(), "I2") != operands.end()) {
        bits += memory.at("size_bits").get<std::int64_t>();
      }
    }
  }
  return bits;
}

// Collects what differs, and stops listing after a few.
class Differences {
 public:
  template <typename A, typename B>
  void compare(const std::string& what, const A& ours, const B& theirs) {
    const json a = ours;
    const json b = theirs;
    if (a == b) return;
    if (list_.size() < 12) list_.push_back(what + ": " + a.dump() + " instead of " + b.dump());
  }
  std::vector<std::string> take() { return std::move(list_); }

 private:
  std::vector<std::string> list_;
};

json ranges_json(std::span<const Range> ranges) {
  json result = json::array();
  for (const Range& range : ranges) result.push_back({range.lo, range.hi});
  return result;
}

json loops_json(const Layer& layer, const std::vector<TilingLoop>& loops) {
  json result = json::array();
  for (const TilingLoop& loop : loops) {
    result.push_back({layer.dims[static_cast<std::size_t>(loop.dim)].name, loop.factor});
  }
  return result;
}

void compare_layer(const CnGraph& graph, const CnLayer& layer, const json& golden, bool costs,
                   Differences& d) {
  const std::string name = "layer " + std::to_string(layer.id) + " ";
  d.compare(name + "id", layer.id, golden.at("id"));
  d.compare(name + "type", layer.type, golden.at("type"));
  std::vector<std::string> names;
  std::vector<std::int64_t> sizes;
  std::vector<std::int64_t> tile;
  for (std::size_t i = 0; i < layer.whole.dims.size(); ++i) {
    names.push_back(layer.whole.dims[i].name);
    sizes.push_back(layer.whole.dims[i].size);
    tile.push_back(layer.tile.dims[i].size);
  }
  d.compare(name + "dims", names, golden.at("dims"));
  d.compare(name + "sizes", sizes, golden.at("original_dim_sizes"));
  d.compare(name + "tile sizes", tile, golden.at("tile_dim_sizes"));
  d.compare(name + "intra", loops_json(layer.whole, layer.intra), golden.at("intra_core_tiling"));
  d.compare(name + "inter", loops_json(layer.whole, layer.inter), golden.at("inter_core_tiling"));
  d.compare(name + "cores", layer.cores, golden.at("possible_core_allocation"));
  d.compare(name + "nodes", layer.node_count, golden.at("nb_tiles"));
  d.compare(name + "macs", graph.tile_macs(layer.first_node), golden.at("tile_mac_count"));
  std::vector<std::string> constants;
  for (int o : layer.constant_operands) {
    constants.push_back(layer.whole.operands[static_cast<std::size_t>(o)].name);
  }
  d.compare(name + "constants", constants, golden.at("constant_operands"));
  for (std::size_t o = 0; o < layer.whole.operands.size(); ++o) {
    const LayerOperand& operand = layer.whole.operands[o];
    d.compare(name + "operand", operand.name, golden.at("operands").at(o));
    d.compare(name + "precision", operand.precision,
              golden.at("operand_precision").at(operand.name));
    static const std::map<MemoryOperand, std::string> kNames{
        {MemoryOperand::I1, "I1"}, {MemoryOperand::I2, "I2"}, {MemoryOperand::O, "O"}};
    d.compare(name + "memory operand", kNames.at(layer.memory_operand[o]),
              golden.at("operand_to_memory_operand").at(operand.name));
    std::vector<std::string> indices;
    for (const OperandIndex& index : operand.indices) {
      const auto place = static_cast<std::size_t>(index.index);
      indices.push_back(index.is_relation ? layer.whole.relations[place].name
                                          : layer.whole.dims[place].name);
    }
    d.compare(name + operand.name + " indices", indices,
              golden.at("operand_dims").at(operand.name));
    if (costs) {
      d.compare(name + operand.name + " bits", layer.tile_operand_bits[o],
                golden.at("tile_operand_size_bit").at(operand.name));
    }
  }
}

void compare_nodes(const CnGraph& graph, const json& golden, Differences& d) {
  const json& nodes = golden.at("nodes");
  d.compare("number of nodes", graph.nodes.size(), nodes.size());
  for (std::size_t n = 0; n < std::min(graph.nodes.size(), nodes.size()); ++n) {
    const CnNode& node = graph.nodes[n];
    const CnLayer& layer = graph.layers[static_cast<std::size_t>(node.layer)];
    const int place = static_cast<int>(n);
    std::vector<std::int32_t> tensors(
        node.tensor.begin(), node.tensor.begin() + static_cast<long>(layer.whole.operands.size()));
    const json ours{layer.id,
                    node.sub_id,
                    node.group,
                    ranges_json(graph.ranges_of(place)),
                    tensors,
                    node.produced_bits,
                    node.real_predecessors,
                    node.final_output ? 1 : 0,
                    layer.sink ? 1 : 0,
                    graph.real_macs(place)};
    d.compare("node " + std::to_string(n), ours, nodes[n]);
  }
}

void compare_tensors(const CnGraph& graph, const json& golden, Differences& d) {
  const json& tensors = golden.at("tensors");
  d.compare("number of tensors", graph.tensors.size(), tensors.size());
  for (std::size_t t = 0; t < std::min(graph.tensors.size(), tensors.size()); ++t) {
    const CnTensor& tensor = graph.tensors[t];
    const LayerOperand& operand =
        graph.layer_of(tensor.origin).whole.operands[static_cast<std::size_t>(tensor.operand)];
    std::vector<Range> ranges;
    for (int i = 0; i < static_cast<int>(operand.indices.size()); ++i) {
      ranges.push_back(graph.operand_range(tensor.origin, tensor.operand, i));
    }
    json ours{tensor.origin, operand.name, tensor.bits};
    ours.push_back(tensor.base_priority < 0 ? json() : json(tensor.base_priority));
    ours.push_back(tensors[t].at(4));
    ours.push_back(ranges_json(ranges));
    d.compare("tensor " + std::to_string(t), ours, tensors[t]);
  }
}

void compare_edges(const CnGraph& graph, const json& golden, Differences& d) {
  std::vector<json> ours;
  for (std::size_t n = 0; n < graph.nodes.size(); ++n) {
    const int node = static_cast<int>(n);
    for (const CnEdge& edge : graph.predecessors_of(node)) {
      json operand;
      if (edge.operand >= 0) {
        operand = graph.layer_of(node).whole.operands[static_cast<std::size_t>(edge.operand)].name;
      }
      ours.push_back({edge.node, node, operand, edge.bits});
    }
  }
  std::vector<json> theirs = golden.at("edges");
  const auto less = [](const json& a, const json& b) {
    return std::pair{a[1].get<int>(), a[0].get<int>()} <
           std::pair{b[1].get<int>(), b[0].get<int>()};
  };
  std::sort(ours.begin(), ours.end(), less);
  std::sort(theirs.begin(), theirs.end(), less);
  d.compare("number of edges", ours.size(), theirs.size());
  for (std::size_t e = 0; e < std::min(ours.size(), theirs.size()); ++e) {
    d.compare("edge", ours[e], theirs[e]);
  }
  // The edges by producer are the same ones.
  std::multiset<std::pair<int, int>> by_consumer;
  std::multiset<std::pair<int, int>> by_producer;
  for (std::size_t n = 0; n < graph.nodes.size(); ++n) {
    const int node = static_cast<int>(n);
    for (const CnEdge& e : graph.predecessors_of(node)) by_consumer.insert({e.node, node});
    for (const CnEdge& e : graph.successors_of(node)) by_producer.insert({node, e.node});
  }
  d.compare("edges by producer", by_consumer == by_producer, true);
}

}  // namespace

std::vector<std::string> stream_golden_names() {
  std::vector<std::string> names;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(folder(), error)) {
    if (entry.path().extension() == ".json") names.push_back(entry.path().stem().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

nlohmann::json load_stream_golden(const std::string& name) {
  std::ifstream file(folder() / (name + ".json"));
  if (!file) throw std::runtime_error("no golden vector " + name);
  return json::parse(file);
}

GoldenNetwork golden_network(const json& golden, const std::vector<GoldenMover>& movers) {
  GoldenNetwork result;
  std::map<int, NetworkNode> nodes;
  std::map<int, std::vector<int>> inputs;
  for (const json& g : golden.at("workload").at("layers")) {
    NetworkNode node;
    node.layer = layer_of(g);
    node.id = node.layer->id;
    node.name = "node " + std::to_string(node.id);
    node.type = g.at("type");
    for (const LayerOperand& operand : node.layer->operands) {
      if (operand.source) inputs[node.id].push_back(*operand.source);
    }
    // Nodes with two inputs list them as the network does: the weight operand's first, except
    // where the operation is a product of two matrices.
    if (node.type != "matmul" && node.type != "gemm") {
      std::reverse(inputs[node.id].begin(), inputs[node.id].end());
    }
    result.mapping.entries.push_back({.name = node.name,
                                      .cores = g.at("possible_core_allocation"),
                                      .inter = requests(g.at("inter_core_tiling")),
                                      .intra = requests(g.at("intra_core_tiling"))});
    nodes[node.id] = node;
  }
  for (const GoldenMover& mover : movers) {
    NetworkNode node;
    node.id = mover.id;
    node.name = "node " + std::to_string(node.id);
    node.moving = mover.moving;
    inputs[node.id] = {mover.input};
    nodes[node.id] = node;
  }
  std::map<int, int> place;
  for (auto& [id, node] : nodes) {
    for (int input : inputs[id]) node.inputs.push_back({place.at(input), 0});
    place[id] = static_cast<int>(result.network.nodes.size());
    result.network.nodes.push_back(node);
  }

  result.options = golden_options(golden);
  return result;
}

TilingOptions golden_options(const json& golden) {
  TilingOptions options;
  const json& settings = golden.at("settings");
  options.mode = settings.at("mode") == "lbl" ? ScheduleMode::layer_by_layer : ScheduleMode::fused;
  if (!settings.at("layer_stacks_requested").is_null()) {
    options.stacks = settings.at("layer_stacks_requested").get<std::vector<std::vector<int>>>();
  }
  options.weight_capacity = weight_bits(golden.at("accelerator"));
  return options;
}

std::vector<std::string> differences(const CnGraph& graph, const json& golden, bool costs) {
  Differences d;
  const json& workload = golden.at("workload");
  const json& layers = workload.at("layers");
  d.compare("number of layers", graph.layers.size(), layers.size());
  std::vector<int> sinks;
  for (std::size_t l = 0; l < std::min(graph.layers.size(), layers.size()); ++l) {
    compare_layer(graph, graph.layers[l], layers[l], costs, d);
    if (graph.layers[l].sink) sinks.push_back(graph.layers[l].id);
  }
  compare_nodes(graph, workload, d);
  compare_tensors(graph, workload, d);
  compare_edges(graph, workload, d);
  d.compare("order", graph.order, workload.at("scheduling_order"));
  json stacks = json::array();
  for (const auto& stack : graph.stacks) stacks.push_back(stack);
  d.compare("stacks", stacks, workload.at("layer_stacks"));
  d.compare("sinks", sinks, workload.at("sink_layer_ids"));
  // Classes of nodes that cost the same, in the order of their first nodes.
  std::vector<int> representatives;
  for (const json& entry : golden.at("lut")) representatives.push_back(entry.at("representative"));
  d.compare("unique nodes", graph.unique_nodes, representatives);
  return d.take();
}

}  // namespace ridgeline::test
