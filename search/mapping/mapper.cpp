#include "search/mapping/mapper.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "model/core/evaluate.hpp"
#include "model/core/index.hpp"
#include "model/core/problem.hpp"
#include "search/mapping/mapping_report.hpp"
#include "search/mapping/spatial_candidates.hpp"
#include "search/mapping/spatial_search.hpp"

namespace ridgeline::search {

SpatialOptions spatial_options(const MapperOptions& options) {
  return {options.spatial_candidates, options.mixed_spatial, {}, options.no_quirks};
}

double objective_value(Objective objective, const model::Cost& cost) {
  switch (objective) {
    case Objective::latency:
      return cost.latency;
    case Objective::energy:
      return cost.energy;
    case Objective::edp:
      return cost.latency * cost.energy;
    default:  // no objective of mappings
      return cost.latency;
  }
}

bool better(Objective objective, const model::Cost& x, const model::Cost& best) {
  const double ours = objective_value(objective, x);
  const double theirs = objective_value(objective, best);
  if (ours != theirs) return ours < theirs;
  switch (objective) {
    case Objective::latency:
      return x.energy < best.energy;
    case Objective::energy:
      return x.latency < best.latency;
    default:
      return false;
  }
}

LayerResult map_layer(const model::Layer& layer, const model::Accelerator& accelerator,
                      const model::Hierarchy& hierarchy, const model::MappingEntry& mapping,
                      const MapperOptions& options) {
  LayerResult result;
  const auto levels = model::operand_levels(layer, hierarchy, mapping);
  for (std::size_t o = 0; o < layer.operands.size(); ++o) {
    if (!mapping.link(layer.operands[o].name)) {
      result.infeasible =
          "the mapping links operand " + layer.operands[o].name + " to no memory operand";
      return result;
    }
    if (levels[o].empty()) {
      result.infeasible = "no memory stores " +
                          std::string(to_string(*mapping.link(layer.operands[o].name))) +
                          ", which operand " + layer.operands[o].name + " is linked to";
      return result;
    }
  }
  SpatialOptions listing = spatial_options(options);
  listing.budget = options.budget;
  const SpatialCandidates candidates =
      spatial_candidates(layer, accelerator, hierarchy, mapping, listing);
  if (!candidates.infeasible.empty()) {
    result.infeasible = candidates.infeasible;
    result.cut_off = candidates.cut_off;
    return result;
  }
  const SpatialResult found = search_spatial(layer, accelerator, hierarchy, mapping,
                                             candidates.mappings, !candidates.cut_off, options);
  result.evaluated = found.evaluated;
  result.nodes = found.nodes;
  result.orderings = found.orderings;
  result.refused = found.refused;
  result.reference = found.reference;
  result.cut_off = found.cut_off;
  if (!found.place) {
    result.infeasible = found.reason;
    return result;
  }
  const TemporalSearchResult& best = found.best;
  const model::Problem& best_problem = found.problem;
  result.remark = best.remark;
  result.spatial = candidates.mappings[*found.place];
  const double value = objective_value(options.objective, best.cost);
  result.optimal = found.proven;
  result.lower_bound = found.proven ? value : std::min(found.lower_bound, value);
  if (options.front && options.engine == Engine::exact && !options.no_quirks) {
    result.front = cost_front(layer, accelerator, hierarchy, mapping, candidates.mappings, options,
                              result.front_proven);
  }
  result.samples = sample_costs(layer, best_problem, options);
  model::Detail detail;
  result.evaluation = model::explain(best_problem, best.ordering, best.cuts, &detail);
  result.ports = port_uses(best_problem, hierarchy, detail);
  for (const model::Cost& cost : found.near) {
    if (cost.latency <= kNear * best.cost.latency && cost.energy < best.cost.energy) {
      result.cheaper = cost;
    }
  }
  for (int i = 0; i < best.ordering.count; ++i) {
    result.temporal.push_back(
        {best.ordering.dim[z(i)], static_cast<std::int64_t>(best.ordering.size[z(i)])});
  }
  for (int o = 0; o < best_problem.operands; ++o) {
    model::LevelLoops operand_levels_loops;
    int begin = 0;
    for (int m = 0; m < best_problem.operand[z(o)].levels; ++m) {
      std::vector<model::TemporalLoop> loops;
      for (int i = begin; i < best.cuts.end[z(o)][z(m)]; ++i) {
        loops.push_back(result.temporal[z(i)]);
      }
      begin = std::max<int>(begin, best.cuts.end[z(o)][z(m)]);
      operand_levels_loops.push_back(std::move(loops));
    }
    result.allocation.push_back(std::move(operand_levels_loops));
  }
  return result;
}

}  // namespace ridgeline::search
