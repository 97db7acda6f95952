#include "search/mapping/workload_search.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <optional>
#include <variant>

#include "model/core/compute_array.hpp"
#include "search/exact/bounds.hpp"
#include "search/exact/shared_root.hpp"
#include "search/mapping/content_key.hpp"
#include "search/mapping/layer_bound.hpp"
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

// What there is to solve.
struct Listed {
  explicit Listed(const model::Accelerator& accelerator)
      : whole(model::build_hierarchy(accelerator)) {}

  const model::Hierarchy whole;
  std::optional<Locality> locality;
  std::vector<Problem> problems;
  std::vector<WorkloadLayer> layers;
  std::vector<WorkloadElement> elements;
  std::vector<int> skipped;
};

void list_problems(const model::Workload& workload, const model::Accelerator& accelerator,
                   const model::MappingSpec& mapping, const WorkloadSearchOptions& options,
                   Listed& listed) {
  if (options.keep_on_chip) listed.locality = keep_on_chip(workload, accelerator, mapping);
  std::map<std::string, std::size_t> known;
  for (int place : workload.topological_order()) {
    const model::WorkloadNode& node = workload.nodes[static_cast<std::size_t>(place)];
    if (!node.layer) {
      const bool all = options.layers.empty();
      const auto cost = node.work && all ? model::element_cost(*node.work, accelerator)
                                         : std::optional<model::ElementCost>();
      if (cost) listed.elements.push_back({place, *cost});
      continue;
    }
    if (!options.layers.empty() && std::find(options.layers.begin(), options.layers.end(),
                                             node.name) == options.layers.end()) {
      continue;
    }
    if (model::skips_operator(accelerator.array, node.operator_type)) {
      listed.skipped.push_back(place);
      continue;
    }
    Problem problem;
    problem.layer = &*node.layer;
    problem.hierarchy = listed.locality
                            ? &listed.locality->nodes[static_cast<std::size_t>(place)].hierarchy
                            : &listed.whole;
    problem.mapping = mapping.choose(node.name, node.operator_type);
    problem.key = content_key(*problem.layer, accelerator, *problem.hierarchy, *problem.mapping);
    const auto [it, fresh] = known.emplace(problem.key, listed.problems.size());
    if (fresh) listed.problems.push_back(std::move(problem));
    listed.layers.push_back({place, it->second});
  }
}

double executions(const model::Workload& workload, const WorkloadLayer& layer) {
  return static_cast<double>(workload.nodes[static_cast<std::size_t>(layer.node)].count);
}

// Least energy and latency, each on its own, over the spatial mappings that are tried.
model::Cost bound_problem(const Problem& problem, const model::Accelerator& accelerator,
                          const MapperOptions& options, SharedRoots* roots) {
  BoundOptions how;
  how.roots = roots;
  return bound_layer(*problem.layer, accelerator, *problem.hierarchy, *problem.mapping, options,
                     how)
      .least;
}

}  // namespace

WorkloadBounds bound_workload(const model::Workload& workload,
                              const model::Accelerator& accelerator,
                              const model::MappingSpec& mapping,
                              const WorkloadSearchOptions& options) {
  Listed listed(accelerator);
  list_problems(workload, accelerator, mapping, options, listed);
  WorkloadBounds bounds;
  for (const Problem& problem : listed.problems) {
    model::Cost least = bound_problem(problem, accelerator, options.mapper, options.roots);
    if (listed.locality) {  // it may have to use the outermost memories after all
      Problem instead = problem;
      instead.hierarchy = &listed.whole;
      const model::Cost other = bound_problem(instead, accelerator, options.mapper, options.roots);
      least = {std::min(least.energy, other.energy), std::min(least.latency, other.latency)};
    }
    bounds.problems.push_back(least);
  }
  for (const WorkloadLayer& layer : listed.layers) {
    const double count = executions(workload, layer);
    bounds.total.energy += count * bounds.problems[layer.problem].energy;
    bounds.total.latency += count * bounds.problems[layer.problem].latency;
  }
  return bounds;
}

WorkloadResult map_workload(const model::Workload& workload, const model::Accelerator& accelerator,
                            const model::MappingSpec& mapping,
                            const WorkloadSearchOptions& options) {
  WorkloadResult result;
  Listed listed(accelerator);
  list_problems(workload, accelerator, mapping, options, listed);
  const std::vector<Problem>& problems = listed.problems;
  result.layers = listed.layers;
  result.elements = listed.elements;
  result.skipped = listed.skipped;
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
    // Not where results are remembered by the problem that was posed.
    if (!listed.locality || options.solve || result.problems[i].infeasible.empty()) return;
    LayerResult instead =
        map_layer(*problem.layer, accelerator, listed.whole, *problem.mapping, options.mapper);
    if (!instead.infeasible.empty()) return;
    result.problems[i] = std::move(instead);
    released[i] = true;
  };
  if (options.for_each) {
    options.for_each(problems.size(), body);
  } else {
    model::Cost least = options.bounds ? options.bounds->total : model::Cost{};
    for (std::size_t i = 0; i < problems.size(); ++i) {
      body(i);
      if (!options.give_up || !options.bounds || !result.problems[i].infeasible.empty()) continue;
      for (const WorkloadLayer& layer : result.layers) {
        if (layer.problem != i) continue;
        const double count = executions(workload, layer);
        const model::Cost& cost = result.problems[i].evaluation.cost;
        least.energy += count * (cost.energy - options.bounds->problems[i].energy);
        least.latency += count * (cost.latency - options.bounds->problems[i].latency);
      }
      // Sums of differences: what is lost in the last bits is given back.
      constexpr double kSlack = 1 - 1e-9;
      result.given_up = options.give_up({least.energy * kSlack, least.latency * kSlack});
      if (result.given_up) return result;
    }
  }

  for (const WorkloadLayer& layer : result.layers) {
    if (released[layer.problem]) ++result.not_kept;
    const LayerResult& mapped = result.of(layer);
    if (mapped.infeasible.empty()) {
      add(result.total, mapped.evaluation, executions(workload, layer));
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
