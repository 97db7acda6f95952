#include "io/results/evaluation_writer.hpp"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "io/results/array_report.hpp"
#include "io/results/evaluation_parts.hpp"
#include "io/results/json_count.hpp"
#include "io/results/mapping_json.hpp"
#include "io/results/missing_json.hpp"
#include "model/core/limits.hpp"

namespace ridgeline::io {

namespace {

using nlohmann::ordered_json;

// `times`: how often the layer runs.
ordered_json by_direction(const std::string& memory, const std::array<double, 4>& figures,
                          bool counts, double times) {
  ordered_json level{{"memory", memory}};
  for (int d = 0; d < model::kDirections; ++d) {
    const auto direction = static_cast<model::Direction>(d);
    const double figure = times * figures[static_cast<std::size_t>(d)];
    level[std::string(model::to_string(direction))] = counts ? count(figure) : ordered_json(figure);
  }
  return level;
}

ordered_json spatial_json(const search::LayerResult& mapped, const model::Layer& layer,
                          const model::Accelerator& accelerator) {
  auto spatial = ordered_json::object();
  for (const model::SpatialDim& dim : mapped.spatial) {
    auto loops = ordered_json::object();
    for (const model::SpatialLoop& loop : dim.loops) {
      loops[layer.dims[static_cast<std::size_t>(loop.dim)].name] = loop.factor;
    }
    spatial[accelerator.array.dims[static_cast<std::size_t>(dim.array_dim)].name] =
        std::move(loops);
  }
  return spatial;
}

ordered_json temporal_json(const search::LayerResult& mapped, const model::Layer& layer,
                           const model::Accelerator& accelerator) {
  auto temporal = ordered_json::array();
  const auto memories = loop_memories(mapped);
  for (std::size_t i = 0; i < mapped.temporal.size(); ++i) {
    const model::TemporalLoop& loop = mapped.temporal[i];
    auto memory = ordered_json::object();
    for (std::size_t o = 0; o < mapped.evaluation.operands.size(); ++o) {
      const int place = memories[o][i];
      if (place < 0) continue;
      memory[operand_name(layer, mapped.evaluation.operands[o])] =
          accelerator.memories[static_cast<std::size_t>(place)].name;
    }
    temporal.push_back({{"dim", layer.dims[static_cast<std::size_t>(loop.dim)].name},
                        {"size", loop.size},
                        {"memory", std::move(memory)}});
  }
  return temporal;
}

// Ports, the roofline, energy an operation, and a mapping that is cheaper and nearly as fast.
void add_limits(const EvaluationReport& report, const search::LayerResult& mapped,
                ordered_json& entry) {
  const LayerLimits limits = layer_limits(report.accelerator, mapped);
  auto ports = ordered_json::array();
  for (const search::PortUse& use : mapped.ports) {
    const model::Memory& memory = report.accelerator.memories[static_cast<std::size_t>(use.memory)];
    ports.push_back({{"memory", memory.name},
                     {"port", memory.ports[static_cast<std::size_t>(use.port)].name},
                     {"bandwidth", count(use.bandwidth)},
                     {"used", use.bits / mapped.evaluation.latency.total2},
                     {"share", use.bits / mapped.evaluation.latency.total2 / use.bandwidth},
                     {"stall", use.stall}});
  }
  entry["ports"] = std::move(ports);
  entry["limit"] = limits.limit;
  entry["roofline"] = {{"macs_per_cycle", limits.achieved},
                       {"peak", limits.peak},
                       {"macs_per_byte", limits.intensity},
                       {"attainable", limits.attainable},
                       {"bound", limits.memory_bound ? "memory" : "compute"}};
  entry["energy_per_mac"] = limits.energy_per_mac;
  if (mapped.cheaper) {
    entry["cheaper"] = {{"latency", mapped.cheaper->latency}, {"energy", mapped.cheaper->energy}};
  }
}

void add_figures(const EvaluationReport& report, const search::LayerResult& mapped,
                 const model::Layer& layer, double times, ordered_json& entry) {
  const model::Evaluation& evaluation = mapped.evaluation;
  auto energy = ordered_json::object();
  auto accesses = ordered_json::object();
  auto occupancy = ordered_json::object();
  for (const model::OperandFigures& operand : evaluation.operands) {
    const std::string name = operand_name(layer, operand);
    energy[name] = accesses[name] = occupancy[name] = ordered_json::array();
    for (const model::LevelFigures& level : operand.levels) {
      const std::string& memory =
          report.accelerator.memories[static_cast<std::size_t>(level.memory)].name;
      energy[name].push_back(by_direction(memory, level.energy, false, times));
      accesses[name].push_back(by_direction(memory, level.accesses, true, times));
      occupancy[name].push_back(
          {{"memory", memory}, {"operand", level.utilization}, {"all", level.utilization_shared}});
    }
  }
  entry["energy"] = {{"total", times * evaluation.cost.energy},
                     {"mac", times * evaluation.mac_energy},
                     {"memory", std::move(energy)}};
  add_compute_energy(report.accelerator, layer, mapped.spatial, entry["energy"]);
  entry["accesses"] = std::move(accesses);
  const model::LatencyFigures& latency = evaluation.latency;
  entry["latency"] = {{"ideal", count(times * latency.ideal)},
                      {"ideal_temporal", count(times * latency.ideal_temporal)},
                      {"stall", times * latency.stall},
                      {"onload", times * latency.onload},
                      {"offload", times * latency.offload},
                      {"compute", times * latency.total0},
                      {"total", times * latency.total2}};
  entry["utilization"] = {{"spatial", evaluation.spatial_utilization},
                          {"overall", evaluation.utilization}};
  add_throughput(report.accelerator, times * evaluation.macs, times * latency.total2,
                 times * evaluation.cost.energy, entry);
  entry["occupancy"] = std::move(occupancy);
  add_limits(report, mapped, entry);
  entry["mapping"] = mapping_json(mapped, layer, report.accelerator);
}

ordered_json options_json(const search::WorkloadSearchOptions& options) {
  const search::MapperOptions& mapper = options.mapper;
  ordered_json json{{"objective", model::to_string(mapper.objective)},
                    {"engine", to_string(mapper.engine)}};
  // The exact engine begins with loma's search, and says what it would have found.
  if (mapper.engine != search::Engine::anneal) json["lpf_limit"] = mapper.lpf_limit;
  if (mapper.engine == search::Engine::exact && mapper.node_limit > 0) {
    json["node_limit"] = mapper.node_limit;
  }
  if (mapper.engine == search::Engine::exact && mapper.gap > 0) json["gap"] = mapper.gap;
  if (mapper.engine == search::Engine::exact && mapper.front) json["front"] = true;
  if (mapper.samples > 0) json["samples"] = mapper.samples;
  if (mapper.engine == search::Engine::anneal || mapper.samples > 0) json["seed"] = mapper.seed;
  json["spatial_candidates"] =
      mapper.spatial_candidates > 0 ? ordered_json(mapper.spatial_candidates) : ordered_json("all");
  json["mixed_spatial"] = mapper.mixed_spatial;
  json["even"] = mapper.even;
  json["keep_on_chip"] = options.keep_on_chip;
  if (mapper.no_quirks) json["no_quirks"] = true;
  if (!options.layers.empty()) json["layers"] = options.layers;
  return json;
}

// The proof, or how far it got, and what the reference's search would have found.
void add_search_figures(const search::LayerResult& mapped, search::Objective objective,
                        ordered_json& json) {
  if (!mapped.infeasible.empty()) return;
  if (std::isfinite(mapped.lower_bound) && mapped.lower_bound > 0) {
    json["lower_bound"] = mapped.lower_bound;
    const double value = search::objective_value(objective, mapped.evaluation.cost);
    json["gap"] = value > 0 ? (value - mapped.lower_bound) / value : 0.0;
  }
  if (mapped.orderings > 0) {
    json["orderings"] = mapped.orderings;
    json["nodes"] = mapped.nodes;
  }
  if (!mapped.refused.empty()) json["refused"] = mapped.refused;
  for (const model::Cost& cost : mapped.front) {
    json["front"].push_back({cost.latency, cost.energy});
  }
  if (!mapped.front.empty()) json["front_proven"] = mapped.front_proven;
  for (const model::Cost& cost : mapped.samples) {
    json["samples"].push_back({cost.latency, cost.energy});
  }
  if (mapped.reference) {
    json["loma"] = {{"energy", mapped.reference->energy}, {"latency", mapped.reference->latency}};
  }
}

// Nodes on the vector unit.
ordered_json elements_json(const EvaluationReport& report) {
  auto list = ordered_json::array();
  double latency = 0;
  for (const search::WorkloadElement& element : report.result.elements) {
    const model::WorkloadNode& node = report.workload.nodes[static_cast<std::size_t>(element.node)];
    list.push_back({{"name", node.name},
                    {"operator", node.work->operator_type},
                    {"operations", count(node.work->operations)},
                    {"bytes", (node.work->input_bits + node.work->output_bits) / 8},
                    {"energy", element.cost.energy},
                    {"latency", element.cost.latency}});
    latency += element.cost.latency;
  }
  return {{"energy", report.result.total.element_energy},
          {"latency", latency},
          {"nodes", std::move(list)}};
}

// The outermost memory of a memory operand, where what does not fit below stays.
std::string residency(const model::Accelerator& accelerator, model::MemoryOperand operand) {
  for (std::size_t m = accelerator.memories.size(); m-- > 0;) {
    const model::Memory& memory = accelerator.memories[m];
    if (std::find(memory.operands.begin(), memory.operands.end(), operand) !=
        memory.operands.end()) {
      return memory.name;
    }
  }
  return "";
}

ordered_json sequence_json(const EvaluationReport& report) {
  const model::Sequence& s = *report.workload.sequence;
  const std::string memory = residency(report.accelerator, model::MemoryOperand::I2);
  ordered_json json{{"tokens", s.tokens},
                    {"weights", {{"bytes", s.weight_bits / 8}, {"memory", memory}}},
                    {"cache", {{"bytes", s.cache_bits / 8}, {"memory", memory}}}};
  const double cycles = report.result.total.latency.total2;
  if (s.clock > 0 && cycles > 0) json["tokens_per_second"] = s.tokens * s.clock / cycles;
  return json;
}

}  // namespace

ordered_json mapping_json(const search::LayerResult& mapped, const model::Layer& layer,
                          const model::Accelerator& accelerator) {
  return {{"spatial", spatial_json(mapped, layer, accelerator)},
          {"temporal", temporal_json(mapped, layer, accelerator)}};
}

ordered_json evaluation_json(const EvaluationReport& report) {
  const search::WorkloadResult& result = report.result;
  ordered_json json{{"schema", "ridgeline.evaluation/1"},
                    {"workload", report.workload.name},
                    {"accelerator", report.accelerator.name},
                    {"options", options_json(report.options)}};
  json["total"] = {
      {"energy", result.total.energy},
      {"latency", result.total.latency.total2},
      {"area", report.accelerator.area()},
      {"macs", count(result.total.macs)},
      {"utilization",
       {{"spatial", result.total.spatial_utilization}, {"overall", result.total.utilization}}}};
  add_throughput(report.accelerator, result.total.macs, result.total.latency.total2,
                 result.total.energy, json["total"]);
  if (report.leakage > 0) json["total"]["leakage_w"] = report.leakage * 1e-3;
  add_array(report.accelerator, json);
  if (!report.accelerator.technology.empty()) json["technology"] = report.accelerator.technology;
  if (!report.accelerator.area_unit.empty()) json["area_unit"] = report.accelerator.area_unit;
  json["layers"] = ordered_json::array();
  for (const search::WorkloadLayer& layer : result.layers) {
    const model::WorkloadNode& node = report.workload.nodes[static_cast<std::size_t>(layer.node)];
    const search::LayerResult& mapped = result.of(layer);
    ordered_json entry{{"name", node.name},
                       {"operator", node.operator_type},
                       {"macs", count(static_cast<double>(node.count) *
                                      static_cast<double>(node.layer->mac_count()))}};
    if (node.count != 1) entry["count"] = node.count;
    if (mapped.infeasible.empty()) {
      add_figures(report, mapped, *node.layer, static_cast<double>(node.count), entry);
    } else {
      entry[mapped.cut_off ? "unfinished" : "infeasible"] = mapped.infeasible;
    }
    entry["search"] = {{"engine", to_string(report.options.mapper.engine)},
                       {"evaluated", mapped.evaluated},
                       {"optimal", mapped.optimal}};
    add_search_figures(mapped, report.options.mapper.objective, entry["search"]);
    entry["search"]["seconds"] =
        layer.problem < report.seconds.size() ? report.seconds[layer.problem] : 0.0;
    json["layers"].push_back(std::move(entry));
  }
  if (report.workload.sequence) json["sequence"] = sequence_json(report);
  if (!result.elements.empty()) json["vector_unit"] = elements_json(report);
  json["missing"] = missing_json(report.missing);
  json["notes"] = report.notes;
  return json;
}

std::string evaluation_json_text(const EvaluationReport& report) {
  // Names from models may hold any bytes.
  return evaluation_json(report).dump(1, ' ', false, ordered_json::error_handler_t::replace) + "\n";
}

std::string to_string(search::Engine engine) {
  switch (engine) {
    case search::Engine::loma:
      return "loma";
    case search::Engine::exact:
      return "exact";
    case search::Engine::anneal:
      return "anneal";
  }
  return "";
}

}  // namespace ridgeline::io
