#include "io/results/schedule_layers.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "io/document/text_output.hpp"

namespace ridgeline::io {

namespace {

std::size_t at(std::int64_t i) {
  return static_cast<std::size_t>(i);
}

// Core-to-core transfers and loads that a node waited for, and when the last of each arrived.
struct Arrivals {
  double offchip = -1;
  double cores = -1;
};

std::vector<Arrivals> arrivals(const ScheduleReport& report) {
  const model::ScheduleRecord& record = report.result.record;
  std::vector<Arrivals> result(record.start.size());
  for (const model::ScheduledTransfer& t : record.transfers) {
    if (t.at_node < 0) continue;
    Arrivals& one = result[at(t.at_node)];
    if (t.cause == model::TransferCause::offchip) one.offchip = std::max(one.offchip, t.end);
    if (t.cause == model::TransferCause::core_to_core) one.cores = std::max(one.cores, t.end);
  }
  return result;
}

}  // namespace

const char* ScheduledLayer::waits_for() const {
  constexpr const char* kNames[] = {"off-chip data", "data from cores", "layers before",
                                    "memory or links"};
  if (waited() <= 0) return "";
  return kNames[std::max_element(waiting.begin(), waiting.end()) - waiting.begin()];
}

std::vector<ScheduledLayer> scheduled_layers(const ScheduleReport& report) {
  const model::CnGraph& graph = *report.problem().graph;
  const model::ScheduleRecord& record = report.result.record;
  std::vector<ScheduledLayer> layers(graph.layers.size());
  std::vector<std::set<int>> cores(layers.size());
  const std::vector<Arrivals> arrived = arrivals(report);
  std::vector<int> nodes(graph.nodes.size());
  for (std::size_t i = 0; i < nodes.size(); ++i) nodes[i] = static_cast<int>(i);
  std::sort(nodes.begin(), nodes.end(), [&](int a, int b) {
    return record.start[at(a)] != record.start[at(b)] ? record.start[at(a)] < record.start[at(b)]
                                                      : a < b;
  });
  std::map<int, double> free_since;  // by core
  for (const int n : nodes) {
    const model::CnNode& node = graph.nodes[at(n)];
    ScheduledLayer& layer = layers[at(node.layer)];
    const double start = record.start[at(n)];
    const double end = record.end[at(n)];
    const int core = record.core[at(n)];
    if (layer.nodes++ == 0 || start < layer.start) layer.start = start;
    layer.end = std::max(layer.end, end);
    layer.busy += end - start;
    cores[at(node.layer)].insert(core);
    const model::NodeCost& cost = report.problem().costs.at(node.unique, core);
    layer.energy += cost.onchip_energy + cost.offchip_energy;
    double& free = free_since[core];
    if (start > free) {
      double before = -1;
      for (const model::CnEdge& edge : graph.predecessors_of(n)) {
        before = std::max(before, record.end[at(edge.node)]);
      }
      const Arrivals& one = arrived[at(n)];
      const double last = std::max({before, one.offchip, one.cores});
      auto cause = ScheduledLayer::other;
      if (last > free) {
        cause = last == one.offchip ? ScheduledLayer::offchip
                : last == one.cores ? ScheduledLayer::cores_data
                                    : ScheduledLayer::producer;
      }
      layer.waiting[cause] += start - free;
    }
    free = std::max(free, end);
  }
  for (const model::ScheduledTransfer& t : record.transfers) {
    if (t.at_node < 0) continue;
    ScheduledLayer& layer = layers[at(graph.nodes[at(t.at_node)].layer)];
    layer.energy += t.link_energy + t.memory_energy;
    layer.link_cycles += t.end - t.start;
    layer.bits += static_cast<double>(t.part < 0 ? report.problem().tensors[at(t.tensor)].bits
                                                 : report.problem().parts[at(t.part)].bits);
  }
  for (std::size_t l = 0; l < layers.size(); ++l) {
    layers[l].layer = static_cast<int>(l);
    layers[l].cores.assign(cores[l].begin(), cores[l].end());
  }
  return layers;
}

std::vector<LayerCost> layer_costs(const ScheduleReport& report) {
  const model::CnGraph& graph = *report.problem().graph;
  std::vector<LayerCost> costs;
  for (std::size_t l = 0; l < graph.layers.size(); ++l) {
    const model::CnLayer& layer = graph.layers[l];
    for (int core = 0; core < report.problem().cores; ++core) {
      LayerCost cost{static_cast<int>(l), core, 0, 0};
      bool known = layer.node_count > 0;
      for (int n = layer.first_node; known && n < layer.first_node + layer.node_count; ++n) {
        const model::NodeCost& one = report.problem().costs.at(graph.nodes[at(n)].unique, core);
        known = one.known;
        cost.cycles += one.runtime;
        cost.energy += one.onchip_energy + one.offchip_energy;
      }
      if (known) costs.push_back(cost);
    }
  }
  return costs;
}

std::string schedule_number(double x) {
  if (x == std::trunc(x) && std::abs(x) < 1e15) return fixed(x, 0);
  return fixed(x, 2, true);
}

std::string layers_text(const ScheduleReport& report) {
  const model::CnGraph& graph = *report.problem().graph;
  std::vector<std::vector<std::string>> rows{{"Layer", "core", "nodes", "start", "end",
                                              "busy (cycles)", "energy (pJ)", "waits (cycles)",
                                              "link bits", "waits for"}};
  for (const ScheduledLayer& layer : scheduled_layers(report)) {
    std::string cores;
    for (const int core : layer.cores) cores += (cores.empty() ? "" : ",") + std::to_string(core);
    const std::string& name = graph.layers[at(layer.layer)].name;
    rows.push_back({name.size() <= 40 ? name : "..." + name.substr(name.size() - 37), cores,
                    std::to_string(layer.nodes), schedule_number(layer.start),
                    schedule_number(layer.end), schedule_number(layer.busy), fixed(layer.energy, 0),
                    schedule_number(layer.waited()), fixed(layer.bits, 0), layer.waits_for()});
  }
  return table_text(rows, 1, 9);
}

std::string costs_text(const ScheduleReport& report) {
  const model::CnGraph& graph = *report.problem().graph;
  const std::vector<LayerCost> costs = layer_costs(report);
  std::set<int> cores;
  for (const LayerCost& cost : costs) cores.insert(cost.core);
  std::vector<std::vector<std::string>> rows{{"Layer"}};
  std::map<int, std::size_t> column;
  for (const int core : cores) {
    column[core] = rows.front().size();
    rows.front().push_back("core " + std::to_string(core) + " cycles");
    rows.front().push_back("pJ");
  }
  int last = -1;
  for (const LayerCost& cost : costs) {
    if (cost.layer != last) {
      const std::string& name = graph.layers[at(cost.layer)].name;
      rows.emplace_back(rows.front().size(), "-");
      rows.back()[0] = name.size() <= 40 ? name : "..." + name.substr(name.size() - 37);
      last = cost.layer;
    }
    rows.back()[column[cost.core]] = schedule_number(cost.cycles);
    rows.back()[column[cost.core] + 1] = fixed(cost.energy, 0);
  }
  return table_text(rows, 1);
}

}  // namespace ridgeline::io
