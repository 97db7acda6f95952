#include <cmath>
#include <nlohmann/json.hpp>

#include "io/onnx/operator_table.hpp"
#include "io/results/missing_json.hpp"
#include "io/results/schedule_layers.hpp"
#include "io/results/schedule_report.hpp"

namespace ridgeline::io {
namespace {

using Json = nlohmann::ordered_json;

std::size_t at(std::int64_t i) {
  return static_cast<std::size_t>(i);
}

// Whole cycles without a fraction.
Json time(double t) {
  if (!std::isfinite(t)) return nullptr;
  if (t == std::trunc(t) && std::abs(t) < 9e15) return static_cast<std::int64_t>(t);
  return t;
}

const char* cause_name(model::TransferCause cause) {
  switch (cause) {
    case model::TransferCause::offchip:
      return "offchip";
    case model::TransferCause::eviction:
      return "eviction";
    case model::TransferCause::sink:
      return "output";
    case model::TransferCause::core_to_core:
      return "core_to_core";
  }
  return "";
}

Json energy(const model::ScheduleFigures& f) {
  const model::EnergyParts& e = f.energy;
  const auto c2c = static_cast<std::size_t>(model::TransferCause::core_to_core);
  double offchip_link = 0, offchip_memory = 0;
  for (std::size_t c = 0; c < c2c; ++c) {
    offchip_link += e.link[c];
    offchip_memory += e.memory[c];
  }
  return {{"total", e.total()},
          {"compute", f.mac_energy},
          {"memory", e.onchip - f.mac_energy + e.memory[c2c]},
          {"link", e.link[c2c]},
          {"offchip_link", offchip_link},
          {"offchip_memory", offchip_memory}};
}

Json allocation(const model::ScheduleProblem& problem, const model::Allocation& a) {
  Json list = Json::array();
  for (std::size_t l = 0; l < problem.layers.size(); ++l) {
    const model::CnLayer& layer = problem.graph->layers[l];
    Json cores = Json::array();
    for (int g = 0; g < problem.layers[l].groups; ++g) {
      cores.push_back(a.core[at(problem.layers[l].first_slot + g)]);
    }
    list.push_back({{"layer", layer.name}, {"id", layer.id}, {"cores", std::move(cores)}});
  }
  return list;
}

// What each layer is, how much it does, and what it took.
Json layers(const ScheduleReport& r) {
  Json list = Json::array();
  for (const ScheduledLayer& l : scheduled_layers(r)) {
    const model::CnLayer& layer = r.problem().graph->layers[at(l.layer)];
    const bool macs = has_macs(layer.whole.operator_type);
    list.push_back({{"layer", layer.name},
                    {"id", layer.id},
                    {"operator", layer.whole.operator_type},
                    {"macs", macs ? layer.operations : 0},
                    {"operations", macs ? 0 : layer.operations},
                    {"cores", l.cores},
                    {"nodes", l.nodes},
                    {"start", time(l.start)},
                    {"end", time(l.end)},
                    {"busy", time(l.busy)},
                    {"energy", l.energy},
                    {"waiting",
                     {{"offchip", time(l.waiting[ScheduledLayer::offchip])},
                      {"cores", time(l.waiting[ScheduledLayer::cores_data])},
                      {"producers", time(l.waiting[ScheduledLayer::producer])},
                      {"other", time(l.waiting[ScheduledLayer::other])}}},
                    {"link_bits", l.bits},
                    {"link_cycles", time(l.link_cycles)}});
  }
  return list;
}

Json costs(const ScheduleReport& r) {
  Json list = Json::array();
  for (const LayerCost& c : layer_costs(r)) {
    const model::CnLayer& layer = r.problem().graph->layers[at(c.layer)];
    list.push_back({{"layer", layer.name},
                    {"id", layer.id},
                    {"core", c.core},
                    {"cycles", time(c.cycles)},
                    {"energy", c.energy}});
  }
  return list;
}

Json node_id(const model::CnGraph& graph, int node) {
  return Json::array({graph.layer_of(node).id, graph.nodes[at(node)].sub_id});
}

Json nodes(const ScheduleReport& r) {
  const model::CnGraph& graph = *r.problem().graph;
  Json list = Json::array();
  for (int i = 0; i < static_cast<int>(graph.nodes.size()); ++i) {
    const model::CnNode& n = graph.nodes[at(i)];
    const int core = r.result.record.core[at(i)];
    list.push_back({{"layer", graph.layer_of(i).name},
                    {"id", graph.layer_of(i).id},
                    {"sub_id", n.sub_id},
                    {"group", n.group},
                    {"core", core},
                    {"start", time(r.result.record.start[at(i)])},
                    {"end", time(r.result.record.end[at(i)])},
                    {"energy", r.problem().costs.at(n.unique, core).onchip_energy}});
    const double streamed = r.problem().costs.at(n.unique, core).offchip_energy;
    if (streamed != 0) list.back()["offchip_energy"] = streamed;
  }
  return list;
}

std::int64_t bits_of(const model::ScheduleProblem& problem, int tensor, int part) {
  return part < 0 ? problem.tensors[at(tensor)].bits : problem.parts[at(part)].bits;
}

Json transfers(const ScheduleReport& r, bool full) {
  Json list = Json::array();
  for (const model::ScheduledTransfer& t : r.result.record.transfers) {
    Json one{{"tensor", tensor_label(r.problem(), t.tensor, t.part)},
             {"from", t.from},
             {"to", t.to},
             {"start", time(t.start)},
             {"end", time(t.end)},
             {"bits", bits_of(r.problem(), t.tensor, t.part)},
             {"energy", t.link_energy + t.memory_energy}};
    if (full) {
      one["cause"] = cause_name(t.cause);
      one["operand"] = to_string(t.operand);
      one["share"] = t.share;
      one["link_energy"] = t.link_energy;
      one["memory_energy"] = t.memory_energy;
      one["fresh"] = t.fresh;
      one["decided"] = time(t.decided);
      Json links = Json::array();
      Json bandwidths = Json::array();
      for (const int link : r.problem().interconnect.route(t.from, t.to)) {
        links.push_back(link);
        bandwidths.push_back(
            time(std::ceil(t.share * r.problem().interconnect.links[at(link)].bandwidth)));
      }
      one["links"] = std::move(links);
      one["bandwidth"] = std::move(bandwidths);
      if (t.at_node >= 0) one["for"] = node_id(*r.problem().graph, t.at_node);
    }
    list.push_back(std::move(one));
  }
  return list;
}

Json memories(const ScheduleReport& r, bool full) {
  Json list = Json::array();
  for (std::size_t m = 0; m < r.result.record.memories.size(); ++m) {
    const model::TopMemory& memory = r.problem().memories.instances[m];
    const model::ScheduleRecord::Memory& use = r.result.record.memories[m];
    Json one{{"core", memory.cores.front()},
             {"memory", memory.name},
             {"capacity", memory.size},
             {"peak", use.peak}};
    if (memory.cores.size() > 1) one["cores"] = memory.cores;
    if (full) {
      Json operands = Json::array();
      for (const model::MemoryOperand o : memory.operands) operands.push_back(to_string(o));
      one["operands"] = std::move(operands);
      one["read_cost"] = memory.r_cost;
      one["write_cost"] = memory.w_cost;
      one["port"] = {memory.bandwidth_min, memory.bandwidth_max};
      one["peak_at"] = time(use.peak_time);
      Json steps = Json::array();
      for (std::size_t i = 0; i < use.time.size(); ++i) {
        steps.push_back({time(use.time[i]), use.used[i]});
      }
      one["usage"] = std::move(steps);
    }
    list.push_back(std::move(one));
  }
  return list;
}

void add_details(const ScheduleReport& r, Json& document) {
  const model::ScheduleProblem& p = r.problem();
  const model::CnGraph& graph = *p.graph;
  const auto core = [](int c) { return c == model::kAnyCore ? Json("any") : Json(c); };
  Json links = Json::array();
  for (const model::Link& l : p.interconnect.links) {
    links.push_back({{"from", core(l.sender)},
                     {"to", core(l.receiver)},
                     {"bandwidth", time(l.bandwidth)},
                     {"unit_energy_cost", l.unit_energy},
                     {"unit_energy_per_bit", l.unit_energy_per_bit}});
  }
  document["links"] = std::move(links);
  Json edges = Json::array();
  for (int i = 0; i < static_cast<int>(graph.nodes.size()); ++i) {
    for (const model::CnEdge& e : graph.predecessors_of(i)) {
      edges.push_back(
          {{"from", node_id(graph, e.node)},
           {"to", node_id(graph, i)},
           {"operand", e.operand < 0 ? Json(nullptr)
                                     : Json(graph.layer_of(i).whole.operands[at(e.operand)].name)},
           {"bits", e.bits}});
    }
  }
  document["edges"] = std::move(edges);
  Json blocks = Json::array();
  for (const model::ScheduledBlock& b : r.result.record.blocks) {
    blocks.push_back({{"node", node_id(graph, b.node)},
                      {"tensor", tensor_label(p, b.tensor, -1)},
                      {"operand", to_string(b.operand)},
                      {"link", b.link},
                      {"start", time(b.start)},
                      {"end", time(b.end)},
                      {"bandwidth", time(b.bandwidth)}});
  }
  document["blocks"] = std::move(blocks);
  Json stays = Json::array();
  for (const model::Residency& s : r.result.record.residencies) {
    stays.push_back({{"tensor", tensor_label(p, s.tensor, s.part)},
                     {"memory", s.memory},
                     {"bits", bits_of(p, s.tensor, s.part)},
                     {"stored", time(s.stored)},
                     {"available", time(s.available)},
                     {"removed", time(s.removed)},
                     {"unchecked", s.unchecked}});
  }
  document["residency"] = std::move(stays);
  Json order = Json::array();
  for (const int n : r.result.record.order) order.push_back(node_id(graph, n));
  document["order"] = std::move(order);
  Json causes;
  for (std::size_t c = 0; c < model::kTransferCauses; ++c) {
    causes[cause_name(static_cast<model::TransferCause>(c))] = {
        {"link", r.result.figures.energy.link[c]}, {"memory", r.result.figures.energy.memory[c]}};
  }
  document["energy"]["nodes_onchip"] = r.result.figures.energy.onchip;
  document["energy"]["by_cause"] = std::move(causes);
}

// How the optimum was proven, or how far that came.
Json proof(const search::AllocationProof& p) {
  Json document{{"complete", p.complete},       {"nodes", p.nodes},    {"cut", p.cut},
                {"cut_at", p.cut_at},           {"leaves", p.leaves},  {"root_bound", p.root_bound},
                {"lower_bound", p.lower_bound}, {"least_cut", nullptr}};
  if (p.cut > 0) document["least_cut"] = p.least_cut;
  return document;
}

Json factors(const std::vector<std::int64_t>& cuts) {
  Json list = Json::array();
  for (const std::int64_t f : cuts) list.push_back(f == 0 ? Json("all") : Json(f));
  return list;
}

}  // namespace

std::string_view ScheduleReport::engine() const {
  if (!result.searched) return "none";
  switch (result.engine) {
    case search::AllocationEngine::ga:
      return "ga";
    case search::AllocationEngine::exact:
      return "exact";
    case search::AllocationEngine::automatic:
    case search::AllocationEngine::exhaustive:
      break;
  }
  return "exhaustive";
}

double common_clock(const model::MultiCore& system) {
  double period = 0;
  for (const model::Core& core : system.cores) {
    const double own = core.accelerator.clock_ns;
    if (own <= 0 || own == period) continue;
    if (period > 0) return 0;
    period = own;
  }
  return period;
}

std::string tensor_label(const model::ScheduleProblem& problem, int tensor, int part) {
  const model::CnGraph& graph = *problem.graph;
  const model::CnTensor& t = graph.tensors[at(tensor)];
  const model::CnLayer& layer = graph.layer_of(t.origin);
  std::string label = layer.name + "." + layer.whole.operands[at(t.operand)].name + "[" +
                      std::to_string(graph.nodes[at(t.origin)].sub_id) + "]";
  if (part >= 0) {
    for (const model::Range& r : problem.parts[at(part)].ranges) {
      label += " " + std::to_string(r.lo) + ":" + std::to_string(r.hi);
    }
  }
  return label;
}

void write_schedule_json(const ScheduleReport& r, bool full, std::ostream& out) {
  Json document{{"schema", "ridgeline.schedule/1"},
                {"workload", r.workload},
                {"accelerator", r.accelerator},
                {"mode", r.mode},
                {"semantics", r.semantics},
                {"latency", time(r.result.figures.latency)},
                {"energy", energy(r.result.figures)},
                {"lower_bound", r.result.lower_bound},
                {"gap", r.result.gap},
                {"converged", r.result.converged}};
  if (const double period = common_clock(r.system); period > 0 && r.result.figures.latency > 0) {
    document["clock"] = {{"period", period}};
    document["time_ms"] = r.result.figures.latency * period * 1e-6;
    document["power_w"] =
        r.result.figures.energy.total() * 1e-3 / (r.result.figures.latency * period);
  }
  Json stacks = Json::array();
  for (const std::vector<int>& stack : r.problem().graph->stacks) {
    if (!stack.empty()) stacks.push_back(stack);
  }
  document["stacks"] = std::move(stacks);
  if (!r.result.chosen().granularity.empty()) {
    document["granularity"] = {{"dim", r.granularity_dim},
                               {"factors", factors(r.result.chosen().granularity)}};
    if (!r.granularity_dims.empty()) document["granularity"]["dims"] = r.granularity_dims;
  }
  document["allocation"] = allocation(r.problem(), r.result.chosen().allocation);
  document["layers"] = layers(r);
  document["costs"] = costs(r);
  document["nodes"] = nodes(r);
  document["transfers"] = transfers(r, full);
  document["memory"] = memories(r, full);
  if (full) add_details(r, document);
  document["missing"] = missing_json(r.missing);
  document["notes"] = r.notes;
  Json front = Json::array();
  for (const search::ScheduleChoice& c : r.result.front) {
    Json member{{"latency", time(c.figures.latency)},
                {"energy", c.figures.energy.total()},
                {"peak_bits", c.figures.peak_bits},
                {"equals", c.equals}};
    if (!c.granularity.empty()) member["granularity"] = factors(c.granularity);
    member["allocation"] = allocation(r.problem(), c.allocation);
    front.push_back(std::move(member));
  }
  document["search"] = {{"engine", r.engine()},
                        {"space", r.result.space},
                        {"distinct", r.result.distinct},
                        {"evaluated", r.result.evaluated},
                        {"mappings_evaluated", r.result.mappings_evaluated},
                        {"stopped", r.result.stopped},
                        {"restarts", r.result.restarts},
                        {"seconds", r.seconds},
                        {"front", std::move(front)}};
  if (r.result.engine == search::AllocationEngine::exact)
    document["search"]["proof"] = proof(r.result.proof);
  out << document.dump(1) << '\n';
}

}  // namespace ridgeline::io
