#include "search/mapping/workload_search.hpp"

#include <algorithm>
#include <map>
#include <optional>

#include "model/core/compute_array.hpp"
#include "search/mapping/content_key.hpp"
#include "search/mapping/locality.hpp"

namespace ridgeline::search {

namespace {

// One distinct problem, with the first layer that poses it.
struct Problem {
  std::string key;
  const model::Layer* layer = nullptr;
  const model::Hierarchy* hierarchy = nullptr;
  const model::MappingEntry* mapping = nullptr;
};

void add(WorkloadTotal& total, const model::Evaluation& evaluation, double count) {
  total.energy += count * evaluation.cost.energy;
  total.mac_energy += count * evaluation.mac_energy;
  total.memory_energy += count * evaluation.memory_energy;
  total.macs += count * evaluation.macs;
  total.latency.ideal += count * evaluation.latency.ideal;
  total.latency.ideal_temporal += count * evaluation.latency.ideal_temporal;
  total.latency.stall += count * evaluation.latency.stall;
  total.latency.onload += count * evaluation.latency.onload;
  total.latency.offload += count * evaluation.latency.offload;
  total.latency.total0 += count * evaluation.latency.total0;
  total.latency.total1 += count * evaluation.latency.total1;
  total.latency.total2 += count * evaluation.latency.total2;
}

void add(WorkloadTotal& total, const model::ElementCost& cost) {
  total.energy += cost.energy;
  total.element_energy += cost.energy;
  total.latency.total0 += cost.latency;
  total.latency.total1 += cost.latency;
  total.latency.total2 += cost.latency;
}

}  // namespace

WorkloadResult map_workload(const model::Workload& workload, const model::Accelerator& accelerator,
                            const model::MappingSpec& mapping,
                            const WorkloadSearchOptions& options) {
  WorkloadResult result;
  const model::Hierarchy whole = model::build_hierarchy(accelerator);
  std::optional<Locality> locality;
  if (options.keep_on_chip) locality = keep_on_chip(workload, accelerator, mapping);
  std::vector<Problem> problems;
  std::map<std::string, std::size_t> known;
  for (int place : workload.topological_order()) {
    const model::WorkloadNode& node = workload.nodes[static_cast<std::size_t>(place)];
    if (!node.layer) {
      const bool all = options.layers.empty();
      const auto cost = node.work && all ? model::element_cost(*node.work, accelerator)
                                         : std::optional<model::ElementCost>();
      if (cost) result.elements.push_back({place, *cost});
      continue;
    }
    if (!options.layers.empty() && std::find(options.layers.begin(), options.layers.end(),
                                             node.name) == options.layers.end()) {
      continue;
    }
    if (model::skips_operator(accelerator.array, node.operator_type)) {
      result.skipped.push_back(place);
      continue;
    }
    Problem problem;
    problem.layer = &*node.layer;
    problem.hierarchy =
        locality ? &locality->nodes[static_cast<std::size_t>(place)].hierarchy : &whole;
    problem.mapping = mapping.choose(node.name, node.operator_type);
    problem.key = content_key(*problem.layer, accelerator, *problem.hierarchy, *problem.mapping);
    const auto [it, fresh] = known.emplace(problem.key, problems.size());
    if (fresh) problems.push_back(std::move(problem));
    result.layers.push_back({place, it->second});
  }

  result.problems.resize(problems.size());
  std::vector<char> released(problems.size(), 0);
  const auto body = [&](std::size_t i) {
    const Problem& problem = problems[i];
    const auto solve = [&] {
      return map_layer(*problem.layer, accelerator, *problem.hierarchy, *problem.mapping,
                       options.mapper);
    };
    result.problems[i] = options.solve ? options.solve(problem.key, solve) : solve();
    // Where what is kept leaves no room for any mapping, the layer uses the outermost memories.
    if (!locality || result.problems[i].infeasible.empty()) return;
    LayerResult instead =
        map_layer(*problem.layer, accelerator, whole, *problem.mapping, options.mapper);
    if (!instead.infeasible.empty()) return;
    result.problems[i] = std::move(instead);
    released[i] = true;
  };
  if (options.for_each) {
    options.for_each(problems.size(), body);
  } else {
    for (std::size_t i = 0; i < problems.size(); ++i) body(i);
  }

  for (const WorkloadLayer& layer : result.layers) {
    if (released[layer.problem]) ++result.not_kept;
    const LayerResult& mapped = result.of(layer);
    if (mapped.infeasible.empty()) {
      const auto& node = workload.nodes[static_cast<std::size_t>(layer.node)];
      add(result.total, mapped.evaluation, static_cast<double>(node.count));
    } else {
      ++result.infeasible;
    }
  }
  for (const WorkloadElement& element : result.elements) add(result.total, element.cost);
  model::LatencyFigures& latency = result.total.latency;
  if (latency.ideal_temporal > 0) {
    result.total.spatial_utilization = latency.ideal / latency.ideal_temporal;
  }
  if (latency.total2 > 0) result.total.utilization = latency.ideal / latency.total2;
  return result;
}

}  // namespace ridgeline::search
