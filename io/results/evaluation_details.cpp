// What `evaluate --detail full` adds: the layer and the accelerator as they were understood, and
// what each memory level of each operand holds and is unrolled over.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "io/results/evaluation_parts.hpp"
#include "io/results/evaluation_writer.hpp"
#include "search/mapping/mapping_details.hpp"

namespace ridgeline::io {
namespace {

using nlohmann::ordered_json;

std::size_t at(int i) {
  return static_cast<std::size_t>(i);
}

std::string relation_text(const model::Layer& layer, const model::DimRelation& relation) {
  std::string text = relation.name + " = ";
  for (std::size_t t = 0; t < 2; ++t) {
    text += (t == 0 ? "" : " + ") + std::to_string(relation.coefficient[t]) + "*" +
            layer.dims[at(relation.dim[t])].name;
  }
  return text;
}

// Loops between the levels, innermost first: entry 0 below the first memory, entry m + 1 above
// memory m. An array dimension lies below the first memory that serves it.
std::vector<ordered_json> unrolled(const search::LayerResult& mapped, const model::Layer& layer,
                                   const model::Accelerator& accelerator,
                                   const model::OperandFigures& operand) {
  std::vector<ordered_json> levels(operand.levels.size() + 1, ordered_json::array());
  for (const model::SpatialDim& dim : mapped.spatial) {
    std::size_t place = 0;
    for (; place < operand.levels.size(); ++place) {
      const std::vector<int>& served =
          accelerator.memories[at(operand.levels[place].memory)].served_dims;
      if (std::find(served.begin(), served.end(), dim.array_dim) != served.end()) break;
    }
    for (const model::SpatialLoop& loop : dim.loops) {
      levels[place].push_back({layer.dims[at(loop.dim)].name, loop.factor});
    }
  }
  return levels;
}

// How far ports are from making the array wait, and the bandwidths that memories need.
void add_details(const search::LayerResult& mapped, const model::Layer& layer,
                 const model::Accelerator& accelerator, const model::MappingEntry& mapping,
                 ordered_json& json) {
  const search::MappingDetails details =
      search::mapping_details(layer, accelerator, mapping, mapped);
  ordered_json ports = ordered_json::array();
  for (const search::PortBalance& port : details.ports) {
    const model::Memory& memory = accelerator.memories[at(port.memory)];
    ports.push_back({{"memory", memory.name},
                     {"port", memory.ports[at(port.port)].name},
                     {"stall_or_slack", port.stall}});
  }
  json["port_balance"] = std::move(ports);
  json["drain"] = details.drain;
  json["cycles_per_operation"] = details.cycles_per_operation;
  ordered_json& levels = json["levels"];
  for (std::size_t o = 0; o < mapped.evaluation.operands.size(); ++o) {
    const model::OperandFigures& operand = mapped.evaluation.operands[o];
    ordered_json& list = levels[operand_name(layer, operand)];
    for (std::size_t m = 0; details.bandwidth.size() > at(operand.operand) &&
                            m < details.bandwidth[at(operand.operand)].size();
         ++m) {
      const search::LevelBandwidth& bandwidth = details.bandwidth[at(operand.operand)][m];
      ordered_json required = ordered_json::object();
      for (int d = 0; d < model::kDirections; ++d) {
        required[std::string(model::to_string(static_cast<model::Direction>(d)))] =
            bandwidth.required[at(d)];
      }
      list[m + 1]["bandwidth"] = std::move(required);
      list[m + 1]["loading"] = bandwidth.loading;
    }
  }
}

ordered_json layer_details(const search::LayerResult& mapped, const model::Layer& layer,
                           const model::Accelerator& accelerator,
                           const model::MappingEntry* mapping) {
  ordered_json description{{"id", layer.id},
                           {"equation", layer.equation},
                           {"dims", ordered_json::object()},
                           {"relations", ordered_json::array()},
                           {"precision", ordered_json::object()},
                           {"operand_bits", ordered_json::object()},
                           {"constant_operands", layer.constant_operands},
                           {"sources", ordered_json::object()},
                           {"links", ordered_json::object()}};
  for (const model::LoopDim& dim : layer.dims) description["dims"][dim.name] = dim.size;
  for (const model::DimRelation& relation : layer.relations) {
    description["relations"].push_back(relation_text(layer, relation));
  }
  for (const model::LayerOperand& operand : layer.operands) {
    description["precision"][operand.name] = operand.precision;
    description["operand_bits"][operand.name] =
        layer.operand_bits(layer.operand_index(operand.name));
    if (operand.source) description["sources"][operand.name] = *operand.source;
    if (mapping == nullptr) continue;
    if (const auto link = mapping->link(operand.name)) {
      description["links"][operand.name] = model::to_string(*link);
    }
  }
  description["precision"][layer.operands.front().name + "_final"] = layer.output_final_precision;

  ordered_json levels = ordered_json::object();
  for (const model::OperandFigures& operand : mapped.evaluation.operands) {
    const std::vector<ordered_json> spatial = unrolled(mapped, layer, accelerator, operand);
    ordered_json list{{{"memory", nullptr}, {"spatial", spatial[0]}}};
    for (std::size_t m = 0; m < operand.levels.size(); ++m) {
      ordered_json loops = ordered_json::array();
      if (m < operand.stationary.size()) {
        for (const model::TemporalLoop& loop : operand.stationary[m]) {
          loops.push_back({layer.dims[at(loop.dim)].name, loop.size});
        }
      }
      list.push_back({{"memory", accelerator.memories[at(operand.levels[m].memory)].name},
                      {"spatial", spatial[m + 1]},
                      {"temporal", std::move(loops)}});
    }
    levels[operand_name(layer, operand)] = std::move(list);
  }
  ordered_json details{{"layer", std::move(description)}, {"levels", std::move(levels)}};
  if (mapped.infeasible.empty() && mapping != nullptr) {
    add_details(mapped, layer, accelerator, *mapping, details);
  }
  return details;
}

ordered_json accelerator_details(const model::Accelerator& accelerator) {
  const auto dim_names = [&](const std::vector<int>& places) {
    ordered_json names = ordered_json::array();
    for (const int place : places) names.push_back(accelerator.array.dims[at(place)].name);
    return names;
  };
  ordered_json array{{"dims", ordered_json::object()},
                     {"unit_energy", accelerator.array.unit_energy},
                     {"unit_area", accelerator.array.unit_area}};
  for (const model::ArrayDim& dim : accelerator.array.dims) array["dims"][dim.name] = dim.size;
  ordered_json memories = ordered_json::array();
  for (std::size_t m = 0; m < accelerator.memories.size(); ++m) {
    const model::Memory& memory = accelerator.memories[m];
    ordered_json operands = ordered_json::array();
    for (const model::MemoryOperand operand : memory.operands) {
      operands.push_back(model::to_string(operand));
    }
    ordered_json ports = ordered_json::array();
    for (const model::Port& port : memory.ports) {
      ordered_json allocation = ordered_json::array();
      for (const auto& [operand, direction] : port.allocation) {
        allocation.push_back({model::to_string(operand), model::to_string(direction)});
      }
      ports.push_back({{"name", port.name},
                       {"bandwidth_min", port.bandwidth_min},
                       {"bandwidth_max", port.bandwidth_max},
                       {"allocation", std::move(allocation)}});
    }
    memories.push_back({{"name", memory.name},
                        {"size", memory.size},
                        {"r_cost", memory.r_cost},
                        {"w_cost", memory.w_cost},
                        {"area", memory.area},
                        {"instances", accelerator.instances(static_cast<int>(m))},
                        {"operands", std::move(operands)},
                        {"served_dimensions", dim_names(memory.served_dims)},
                        {"ports", std::move(ports)}});
  }
  return {{"name", accelerator.name},
          {"operational_array", std::move(array)},
          {"memories", std::move(memories)}};
}

}  // namespace

std::string evaluation_full_json_text(const EvaluationReport& report,
                                      const model::MappingSpec& mapping) {
  ordered_json json = evaluation_json(report);
  json["accelerator_details"] = accelerator_details(report.accelerator);
  for (std::size_t l = 0; l < report.result.layers.size(); ++l) {
    const search::WorkloadLayer& place = report.result.layers[l];
    const model::WorkloadNode& node = report.workload.nodes[at(place.node)];
    const model::MappingEntry* entry = mapping.choose(node.name, node.operator_type);
    json["layers"][l].update(
        layer_details(report.result.of(place), *node.layer, report.accelerator, entry));
  }
  return json.dump(1, ' ', false, ordered_json::error_handler_t::replace) + "\n";
}

}  // namespace ridgeline::io
