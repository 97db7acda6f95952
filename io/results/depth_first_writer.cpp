#include "io/results/depth_first_writer.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>

#include "io/results/evaluation_writer.hpp"
#include "io/results/json_count.hpp"
#include "io/results/mapping_json.hpp"
#include "io/results/missing_json.hpp"
#include "model/core/index.hpp"
#include "model/core/limits.hpp"

namespace ridgeline::io {

namespace {

using nlohmann::ordered_json;

std::string memory_name(const DepthFirstReport& report, int memory) {
  return memory < 0 ? "" : report.accelerator.memories[z(memory)].name;
}

ordered_json figures(const search::FusionPoint& point) {
  return {
      {"energy", point.energy},
      {"latency", count(point.latency)},
      {"macs", count(point.macs)},
      {"energy_of",
       {{"mac", point.mac_energy}, {"memory", point.memory_energy}, {"copies", point.copy_energy}}},
      {"copy_latency", count(point.copy_latency)}};
}

ordered_json copies_json(const DepthFirstReport& report, const model::CopyLayer& layer) {
  auto list = ordered_json::array();
  for (const model::CopyCost& copy : layer.copies) {
    auto cycles = ordered_json::array();
    for (const model::CopyHop& hop : copy.hops) cycles.push_back(count(hop.cycles));
    list.push_back({{"cause", model::to_string(copy.copy.cause)},
                    {"bits", count(copy.copy.bits)},
                    {"from", memory_name(report, copy.copy.from.memory)},
                    {"to", memory_name(report, copy.copy.to.memory)},
                    {"energy", copy.energy},
                    {"cycles", std::move(cycles)}});
  }
  return list;
}

ordered_json node_json(const DepthFirstReport& report, const search::FusedStack& stack,
                       const search::TileKind& kind, const search::TileNode& node) {
  const model::FusedNode& fused = stack.stack->network.nodes[z(node.node)];
  ordered_json json{{"name", fused.name},
                    {"id", fused.id},
                    {"x", kind.x->tile.size[z(node.node)]},
                    {"y", kind.y->tile.size[z(node.node)]},
                    {"copies", copies_json(report, node.copies)},
                    {"copy_energy", node.copies.energy},
                    {"copy_latency", count(node.copies.latency)}};
  if (!fused.layer) {
    if (!node.top.empty()) json["memory"] = memory_name(report, node.top.front());
    return json;
  }
  if (node.mapped == nullptr) return json;  // what is left to write after the last layer
  auto top = ordered_json::object();
  for (std::size_t o = 0; o < node.top.size(); ++o) {
    top[fused.layer->operands[o].name] = memory_name(report, node.top[o]);
  }
  const model::Evaluation& one = node.mapped->evaluation;
  json["top"] = std::move(top);
  json["energy"] = one.cost.energy;
  json["mac_energy"] = one.mac_energy;
  json["latency"] = count(report.options.rules.defines ? one.latency.total1 : one.latency.total2);
  json["stall"] = count(one.latency.stall);
  json["onload"] = count(one.latency.onload);
  json["offload"] = count(one.latency.offload);
  json["optimal"] = report.options.rules.defines || node.mapped->optimal;
  if (node.raised > 0) json["raised"] = node.raised;
  json["mapping"] = mapping_json(*node.mapped, *fused.layer, report.accelerator);
  return json;
}

// Copies of all tiles, by what `key` says of each.
template <typename Key>
ordered_json copies_by(const search::FusedStack& stack, Key key) {
  struct Sum {
    double bits = 0;
    double energy = 0;
  };
  std::map<std::string, Sum> sums;
  for (std::size_t k = 0; k < stack.job.cost.tiles.size(); ++k) {
    const double times = stack.job.plan.kinds[k].count;
    for (const search::TileNode& node : stack.job.cost.tiles[k].nodes) {
      for (const model::CopyCost& copy : node.copies.copies) {
        key(copy, [&](const std::string& name, double bits, double energy) {
          sums[name].bits += times * bits;
          sums[name].energy += times * energy;
        });
      }
    }
  }
  auto json = ordered_json::object();
  for (const auto& [name, sum] : sums) {
    json[name] = {{"bits", count(sum.bits)}, {"energy", sum.energy}};
  }
  return json;
}

ordered_json stack_json(const DepthFirstReport& report, const search::FusedStack& stack) {
  const search::StackPlan& plan = stack.job.plan;
  const search::StackCost& cost = stack.job.cost;
  auto layers = ordered_json::array();
  for (const model::FusedNode& node : stack.stack->network.nodes) {
    if (node.layer) layers.push_back(node.name);
  }
  ordered_json json{{"name", stack.name()}, {"layers", std::move(layers)}};
  if (!cost.infeasible.empty()) {
    json["infeasible"] = cost.infeasible;
    return json;
  }
  double tiles = 0;
  for (const search::TileKind& kind : plan.kinds) tiles += kind.count;
  json["tile"] = {plan.tile_x, plan.tile_y};
  json["overlap"] = search::to_string(plan.overlap);
  json["tiles"] = count(tiles);
  json["energy"] = cost.energy;
  json["latency"] = count(cost.latency);
  json["macs"] = count(cost.macs);
  json["energy_of"] = {
      {"mac", cost.mac_energy}, {"memory", cost.memory_energy}, {"copies", cost.copy_energy}};
  json["copy_latency"] = count(cost.copy_latency);
  if (stack.lower_bound > 0) json["lower_bound"] = stack.lower_bound;
  auto caches = ordered_json::object();
  const auto cache = [&](const char* name, int memory, double bits) {
    if (memory < 0) return;
    caches[name] = {{"memory", memory_name(report, memory)}};
    if (bits > 0) caches[name]["bits"] = count(bits);
  };
  cache("columns", plan.levels.columns, plan.column_bits);
  cache("rows", plan.levels.rows, plan.row_bits);
  cache("weights", plan.levels.weights, plan.weight_bits);
  json["kept"] = std::move(caches);
  auto peaks = ordered_json::object();
  for (std::size_t m = 0; m < cost.peak.size(); ++m) {
    if (cost.peak[m] == 0) continue;
    peaks[report.accelerator.memories[m].name] = {
        {"bits", count(cost.peak[m])}, {"capacity", report.accelerator.memories[m].size}};
  }
  json["peaks"] = std::move(peaks);
  json["copies"] = {{"by_cause", copies_by(stack,
                                           [](const model::CopyCost& copy, auto add) {
                                             add(std::string(model::to_string(copy.copy.cause)),
                                                 copy.copy.bits, copy.energy);
                                           })},
                    {"by_memory", copies_by(stack, [&](const model::CopyCost& copy, auto add) {
                       for (const model::CopyHop& hop : copy.hops) {
                         add(memory_name(report, hop.from), copy.copy.bits, hop.read_energy);
                         add(memory_name(report, hop.to), copy.copy.bits,
                             hop.energy - hop.read_energy);
                       }
                     })}};
  auto kinds = ordered_json::array();
  for (std::size_t k = 0; k < plan.kinds.size(); ++k) {
    const search::TileKind& kind = plan.kinds[k];
    auto nodes = ordered_json::array();
    for (const search::TileNode& node : cost.tiles[k].nodes) {
      nodes.push_back(node_json(report, stack, kind, node));
    }
    kinds.push_back({{"count", count(kind.count)},
                     {"x", kind.x->tile.size[z(stack.stack->last)]},
                     {"y", kind.y->tile.size[z(stack.stack->last)]},
                     {"first", kind.first},
                     {"energy", cost.tiles[k].energy},
                     {"latency", count(cost.tiles[k].latency)},
                     {"layers", std::move(nodes)}});
  }
  json["tile_types"] = std::move(kinds);
  return json;
}

ordered_json saved_json(const search::FusionPoint& best, const search::FusionPoint& other) {
  if (other.stacks.empty() || other.infeasible > 0) return nullptr;
  return {{"energy", other.energy},
          {"latency", count(other.latency)},
          {"energy_ratio", other.energy / best.energy},
          {"latency_ratio", other.latency / best.latency}};
}

// Which tile sizes the result, and its proof, are over.
const char* searched_tiles(const std::string& asked) {
  return asked == "all" ? "every" : asked == "search" ? "listed" : "given";
}

ordered_json json_of(const DepthFirstReport& report) {
  const search::FusionResult& result = report.result;
  const search::FusionOptions& options = report.options;
  const search::FusionPoint& best = result.points[result.best];
  const bool defines = options.rules.defines;
  ordered_json json{{"schema", "ridgeline.depth_first/1"},
                    {"workload", report.workload},
                    {"accelerator", report.accelerator.name}};
  json["options"] = {{"semantics", defines ? "defines" : "ridgeline"},
                     {"objective", model::to_string(options.mapper.objective)},
                     {"engine", defines ? "loma" : to_string(options.mapper.engine)},
                     {"lpf_limit", options.mapper.lpf_limit},
                     {"no_quirks", options.mapper.no_quirks},
                     {"tile", report.tile},
                     {"overlap", report.overlap},
                     {"stacks", report.stacks}};
  json["total"] = figures(best);
  if (defines) json["total"]["latency_offloaded"] = count(best.latency_offloaded);
  json["total"]["area"] = report.accelerator.area();
  const double value = search::objective_value(options.mapper.objective, best.cost());
  if (result.lower_bound > 0) {
    json["lower_bound"] = result.lower_bound;
    json["gap"] = value > 0 ? (value - result.lower_bound) / value : 0.0;
  }
  json["optimal"] = result.proven;
  json["search"] = {{"tiles", searched_tiles(report.tile)},
                    {"ways", result.considered},
                    {"mapped", result.costed},
                    {"layer_tiles", result.solver->solved()},
                    {"mappings", result.solver->evaluated()},
                    {"seconds", report.seconds}};
  if (!result.front.empty()) {
    auto front = ordered_json::array();
    for (const model::Cost& cost : result.front) {
      front.push_back({{"energy", cost.energy}, {"latency", count(cost.latency)}});
    }
    json["front"] = std::move(front);
  }
  json["cuts"] = result.cuts;
  json["saved"] = {{"layer_by_layer", saved_json(best, result.layer_by_layer)},
                   {"single_layers", saved_json(best, result.single_layers)}};
  if (result.points.size() > 1) {
    auto points = ordered_json::array();
    for (const search::FusionPoint& point : result.points) {
      ordered_json one{{"tile", {point.tile.x, point.tile.y}},
                       {"overlap", search::to_string(*point.overlap)}};
      one.update(figures(point));
      auto kinds = ordered_json::array();
      for (const search::FusedStack& stack : point.stacks) {
        kinds.push_back(stack.job.plan.kinds.size());
      }
      one["tile_types"] = std::move(kinds);
      if (point.infeasible > 0) one["infeasible_stacks"] = point.infeasible;
      points.push_back(std::move(one));
    }
    json["points"] = std::move(points);
  }
  json["stacks"] = ordered_json::array();
  for (const search::FusedStack& stack : best.stacks) {
    json["stacks"].push_back(stack_json(report, stack));
  }
  json["missing"] = missing_json(report.missing);
  json["notes"] = report.notes;
  return json;
}

}  // namespace

std::string depth_first_json_text(const DepthFirstReport& report) {
  return json_of(report).dump(1, ' ', false, ordered_json::error_handler_t::replace) + "\n";
}

}  // namespace ridgeline::io
