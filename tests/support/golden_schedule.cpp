#include "tests/support/golden_schedule.hpp"

#include <algorithm>
#include <fstream>
#include <stdexcept>
#include <utility>

namespace ridgeline::testing {
namespace {

std::size_t at(std::int64_t i) {
  return static_cast<std::size_t>(i);
}

model::Layer layer_of(const Json& l, const char* sizes) {
  model::Layer layer;
  layer.id = l.at("id");
  layer.name = l.at("name");
  for (std::size_t d = 0; d < l.at("dims").size(); ++d) {
    layer.dims.push_back({l.at("dims").at(d), l.at(sizes).at(d)});
  }
  for (const std::string pr : l.at("pr_dims")) {
    model::DimRelation relation;
    relation.name = pr;
    layer.relations.push_back(relation);
  }
  for (const std::string name : l.at("operands")) {
    model::LayerOperand operand;
    operand.name = name;
    operand.precision = l.at("operand_precision").at(name);
    for (const std::string dim : l.at("operand_dims").at(name)) {
      const int d = layer.dim_index(dim);
      if (d >= 0) {
        operand.indices.push_back({false, d});
        continue;
      }
      for (int r = 0; r < static_cast<int>(layer.relations.size()); ++r) {
        if (layer.relations[at(r)].name == dim) operand.indices.push_back({true, r});
      }
    }
    layer.operands.push_back(std::move(operand));
  }
  return layer;
}

std::vector<model::TilingLoop> tiling(const Json& loops, const model::Layer& layer) {
  std::vector<model::TilingLoop> result;
  for (const Json& loop : loops) {
    result.push_back({layer.dim_index(std::string(loop.at(0))), loop.at(1).get<std::int64_t>()});
  }
  return result;
}

std::int64_t product(const std::vector<model::TilingLoop>& loops) {
  std::int64_t p = 1;
  for (const model::TilingLoop& loop : loops) p *= loop.factor;
  return p;
}

void read_layers(const Json& workload, model::CnGraph& graph) {
  const std::vector<int> sinks = workload.at("sink_layer_ids");
  for (const Json& l : workload.at("layers")) {
    model::CnLayer layer;
    layer.id = layer.base_id = l.at("id");
    layer.name = l.at("name");
    layer.type = l.at("type");
    layer.whole = layer_of(l, "original_dim_sizes");
    layer.tile = layer_of(l, "tile_dim_sizes");
    for (const model::LayerOperand& o : layer.whole.operands) {
      layer.memory_operand.push_back(
          *model::memory_operand(std::string(l.at("operand_to_memory_operand").at(o.name))));
    }
    for (const std::string name : l.at("constant_operands")) {
      layer.constant_operands.push_back(layer.whole.operand_index(name));
    }
    layer.intra = tiling(l.at("intra_core_tiling"), layer.whole);
    layer.inter = tiling(l.at("inter_core_tiling"), layer.whole);
    layer.intra_tiles = product(layer.intra);
    layer.inter_tiles = product(layer.inter);
    layer.cores = l.at("possible_core_allocation").get<std::vector<int>>();
    layer.sink = std::find(sinks.begin(), sinks.end(), layer.id) != sinks.end();
    layer.range_count = static_cast<int>(l.at("range_dims").size());
    graph.layers.push_back(std::move(layer));
  }
}

void read_nodes(const Json& document, model::CnGraph& graph) {
  const Json& workload = document.at("workload");
  int index = 0;
  for (const Json& n : workload.at("nodes")) {
    const int id = n.at(0);
    model::CnNode node;
    while (graph.layers[at(node.layer)].id != id) ++node.layer;
    model::CnLayer& layer = graph.layers[at(node.layer)];
    if (layer.node_count++ == 0) {
      layer.first_node = index;
      layer.first_range = graph.ranges.size();
    }
    node.sub_id = n.at(1);
    node.group = n.at(2);
    layer.groups = std::max(layer.groups, node.group + 1);
    for (const Json& r : n.at(3)) graph.ranges.push_back({r.at(0), r.at(1)});
    for (std::size_t o = 0; o < n.at(4).size(); ++o) node.tensor[o] = n.at(4).at(o);
    node.produced_bits = n.at(5);
    node.real_predecessors = n.at(6);
    node.final_output = n.at(7).get<int>() != 0;
    node.unique = document.at("node_lut").at(at(index));
    graph.nodes.push_back(node);
    ++index;
  }
  for (const Json& t : workload.at("tensors")) {
    model::CnTensor tensor;
    tensor.origin = t.at(0);
    tensor.operand = graph.layer_of(tensor.origin).whole.operand_index(std::string(t.at(1)));
    tensor.bits = t.at(2);
    tensor.base_priority = t.at(3).is_null() ? 0 : t.at(3).get<std::int64_t>();
    graph.tensors.push_back(tensor);
  }
  graph.order = workload.at("scheduling_order").get<std::vector<std::int32_t>>();
  for (std::size_t i = 0; i < graph.order.size(); ++i) {
    graph.nodes[at(graph.order[i])].order = static_cast<std::int32_t>(i);
  }
}

void read_edges(const Json& edges, model::CnGraph& graph) {
  std::vector<std::vector<model::CnEdge>> in(graph.nodes.size()), out(graph.nodes.size());
  for (const Json& e : edges) {
    const int from = e.at(0), to = e.at(1);
    const int operand =
        e.at(2).is_null() ? -1 : graph.layer_of(to).whole.operand_index(std::string(e.at(2)));
    out[at(from)].push_back({to, operand, e.at(3)});
    in[at(to)].push_back({from, operand, e.at(3)});
  }
  const auto flatten = [&](std::vector<std::vector<model::CnEdge>>& lists,
                           std::vector<std::uint32_t>& begin, std::vector<model::CnEdge>& flat) {
    for (std::vector<model::CnEdge>& list : lists) {
      std::sort(list.begin(), list.end(), [&](const auto& a, const auto& b) {
        return std::pair(graph.layer_of(a.node).id, graph.nodes[at(a.node)].sub_id) <
               std::pair(graph.layer_of(b.node).id, graph.nodes[at(b.node)].sub_id);
      });
      begin.push_back(static_cast<std::uint32_t>(flat.size()));
      flat.insert(flat.end(), list.begin(), list.end());
    }
    begin.push_back(static_cast<std::uint32_t>(flat.size()));
  };
  flatten(in, graph.predecessor_begin, graph.predecessors);
  flatten(out, graph.successor_begin, graph.successors);
}

void read_system(const Json& accelerator, GoldenSystem& system) {
  const int cores = static_cast<int>(accelerator.at("cores").size());
  system.offchip_core = accelerator.at("offchip_core_id");
  model::Interconnect& net = system.interconnect;
  net.cores = cores;
  for (const Json& l : accelerator.at("links")) {
    model::Link link;
    if (l.at("sender").is_number()) link.sender = l.at("sender");
    if (l.at("receiver").is_number()) link.receiver = l.at("receiver");
    link.bandwidth = l.at("bandwidth");
    link.unit_energy = l.at("unit_energy_cost");
    link.bus = l.at("bus_id");
    net.links.push_back(link);
  }
  for (int a = 0; a < cores; ++a) {
    for (int b = 0; b < cores; ++b) {
      net.begin.push_back(static_cast<std::uint32_t>(net.hop_link.size()));
      const std::string pair = std::to_string(a) + ">" + std::to_string(b);
      if (!accelerator.at("path_links").contains(pair)) continue;
      for (const int link : accelerator.at("path_links").at(pair)) net.hop_link.push_back(link);
      const Json& path = accelerator.at("path_cores").at(pair);
      for (std::size_t i = 1; i < path.size(); ++i) net.hop_to.push_back(path.at(i));
    }
  }
  net.begin.push_back(static_cast<std::uint32_t>(net.hop_link.size()));
  system.memories.of_core.assign(at(cores), {-1, -1, -1});
  for (const Json& m : accelerator.at("top_memory_instances")) {
    const int index = static_cast<int>(system.memories.instances.size());
    model::TopMemory memory;
    memory.name = m.at("name");
    memory.size = m.at("size_bits");
    memory.r_cost = m.at("r_cost");
    memory.w_cost = m.at("w_cost");
    memory.bandwidth_min = m.at("port0_bw_min");
    memory.bandwidth_max = m.at("port0_bw_max");
    memory.cores = m.at("cores").get<std::vector<int>>();
    for (std::size_t c = 0; c < memory.cores.size(); ++c) {
      for (const std::string name : m.at("memory_operands").at(c)) {
        const model::MemoryOperand operand = *model::memory_operand(name);
        if (c == 0) memory.operands.push_back(operand);
        system.memories.of_core[at(memory.cores[c])][static_cast<std::size_t>(operand)] = index;
      }
    }
    system.memories.instances.push_back(std::move(memory));
  }
}

void read_costs(const Json& document, GoldenSystem& system) {
  model::NodeCostTable& table = system.costs;
  table.cores = system.interconnect.cores;
  table.costs.resize(document.at("lut").size() * at(table.cores));
  for (std::size_t u = 0; u < document.at("lut").size(); ++u) {
    const Json& row = document.at("lut").at(u);
    system.graph.unique_nodes.push_back(row.at("representative"));
    for (const Json& e : row.at("entries")) {
      model::NodeCost& cost = table.at(static_cast<int>(u), e.at("core"));
      cost.known = true;
      cost.runtime = e.at("runtime");
      cost.mac_energy = e.at("mac_energy");
      cost.onchip_energy = e.at("onchip_energy");
      cost.offchip_energy = e.at("offchip_energy");
      cost.ideal_cycles = e.at("ideal_temporal_cycle");
      for (const std::string name : e.at("too_large_operands")) {
        const model::MemoryOperand operand = *model::memory_operand(name);
        const model::Direction direction = operand == model::MemoryOperand::O
                                               ? model::Direction::wr_in_by_low
                                               : model::Direction::rd_out_to_low;
        cost.streamed[at(cost.streamed_count++)] = {
            operand, e.at("offchip_bandwidth").at(name).at(static_cast<std::size_t>(direction))};
      }
    }
  }
}

}  // namespace

model::ScheduleProblem GoldenSystem::compile(const model::ScheduleOptions& options) const {
  return model::compile_schedule(graph, interconnect, memories, offchip_core, costs, options);
}

model::Allocation GoldenSystem::allocation(const model::ScheduleProblem& problem,
                                           const Json& schedule) const {
  model::Allocation result;
  result.core.assign(at(problem.slots), -1);
  result.whole_cycles.assign(at(problem.slots), false);
  const auto slot = [&](int layer_id, int group) {
    for (std::size_t l = 0; l < graph.layers.size(); ++l) {
      if (graph.layers[l].id == layer_id) return at(problem.layers[l].first_slot + group);
    }
    throw std::runtime_error("no layer " + std::to_string(layer_id));
  };
  for (std::size_t l = 0; l < graph.layers.size(); ++l) {
    for (int g = 0; g < graph.layers[l].groups; ++g) {
      const std::size_t s = at(problem.layers[l].first_slot + g);
      const std::vector<int>& cores = graph.layers[l].cores;
      result.core[s] = cores[std::min(at(g), cores.size() - 1)];
    }
  }
  if (schedule.at("allocation").is_null()) {
    const Json& fixed = document.at("mapping_core_allocation");
    for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
      result.core[at(problem.nodes[i].slot)] = fixed.at(i);
    }
    return result;
  }
  for (std::size_t g = 0; g < schedule.at("allocation").size(); ++g) {
    const Json& gene = document.at("genes").at(g);
    const std::size_t s = slot(gene.at(0), gene.at(1));
    result.core[s] = schedule.at("allocation").at(g);
    result.whole_cycles[s] = true;
  }
  return result;
}

std::vector<std::string> golden_configurations() {
  std::vector<std::string> names;
  const std::filesystem::path folder = golden_folder("stream");
  if (folder.empty()) return names;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().extension() == ".json") names.push_back(entry.path().stem());
  }
  std::sort(names.begin(), names.end());
  return names;
}

bool golden_is_complete() {
  return std::filesystem::is_directory(std::filesystem::path(RIDGELINE_REFERENCE_DIR) / "golden" /
                                       "stream");
}

GoldenSystem golden_system(const std::string& configuration) {
  GoldenSystem system;
  system.configuration = configuration;
  std::ifstream stream(golden_folder("stream") / (configuration + ".json"));
  if (!stream) throw std::runtime_error("cannot read " + configuration);
  system.document = Json::parse(stream);
  const Json& workload = system.document.at("workload");
  read_layers(workload, system.graph);
  read_nodes(system.document, system.graph);
  read_edges(workload.at("edges"), system.graph);
  read_system(system.document.at("accelerator"), system);
  read_costs(system.document, system);
  return system;
}

}  // namespace ridgeline::testing
