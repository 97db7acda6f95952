#include "search/mapping/mapper.hpp"

#include <algorithm>
#include <limits>
#include <string>
#include <unordered_map>
#include <utility>
#include <variant>

#include "model/core/evaluate.hpp"
#include "model/core/index.hpp"
#include "model/core/problem.hpp"
#include "search/exact/least_cost.hpp"
#include "search/mapping/mapping_report.hpp"
#include "search/mapping/problem_key.hpp"
#include "search/mapping/spatial_candidates.hpp"
#include "search/mapping/temporal_search.hpp"

namespace ridgeline::search {

namespace {

// How many spatial mappings the reference tries by default.
constexpr std::size_t kReferenceCandidates = 3;

// Spatial mappings that are searched independently of each other.
constexpr std::size_t kSpatialBlock = 8;

// Nodes that each of very many spatial mappings may visit whatever the limit.
constexpr std::int64_t kLeastNodes = 2000;

// Spatial mappings under which every temporal mapping costs the same as under an earlier one: what
// the search of that one found is true of them too, and nothing better.
class EqualProblems {
 public:
  explicit EqualProblems(bool looks) : looks_(looks) {}

  // Whether this spatial mapping, the next in order, is to be searched.
  bool first(const model::Problem& problem, std::size_t spatial) {
    if (!looks_) return true;
    const auto [place, added] = by_key_.try_emplace(problem_key(problem), spatial);
    if (!added) same_as_[spatial] = place->second;
    return added;
  }

  // To be called for each one in order, once its block is searched.
  void share(std::size_t spatial, TemporalSearchResult& result) {
    if (!looks_) return;
    if (const auto same = same_as_.find(spatial); same != same_as_.end()) {
      result = found_[same->second];
    } else {
      TemporalSearchResult& kept = found_[spatial];
      kept.reason = result.reason;
      kept.cut_off = result.cut_off;
      kept.proven = result.proven;
      kept.lower_bound = result.lower_bound;
      kept.orderings = result.orderings;
      kept.refused = result.refused;
    }
  }

 private:
  bool looks_;
  std::unordered_map<std::string, std::size_t> by_key_;
  std::unordered_map<std::size_t, std::size_t> same_as_;
  std::unordered_map<std::size_t, TemporalSearchResult> found_;
};

}  // namespace

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
  const SpatialCandidates candidates =
      spatial_candidates(layer, accelerator, hierarchy, mapping,
                         {options.spatial_candidates, options.mixed_spatial, options.budget});
  if (!candidates.infeasible.empty()) {
    result.infeasible = candidates.infeasible;
    result.cut_off = candidates.cut_off;
    return result;
  }
  std::vector<model::Cost> near;
  bool proven = !candidates.cut_off;
  // Nothing is known of spatial mappings that were not listed.
  double lower_bound = candidates.cut_off ? -std::numeric_limits<double>::infinity()
                                          : std::numeric_limits<double>::infinity();
  double open_bound = lower_bound;  // of those that are not proven
  TemporalSearchResult best;
  model::Problem best_problem;
  const model::SpatialMapping* best_spatial = nullptr;
  std::string reason;
  // Spatial mappings are searched in blocks, those of a block independently of each other, each
  // with the best of the blocks before as what the exact engine has to beat: so the result does
  // not depend on how many are searched at the same time. The first, ranked best, is a block.
  const std::size_t count = candidates.mappings.size();
  // The other spatial mappings together may visit half as many nodes as the first one, and what it
  // and those before them left.
  const auto allowed = [&](std::size_t begin) {
    if (options.node_limit == 0 || begin == 0) return options.node_limit;
    const std::int64_t left = options.node_limit / 2 * 3 - result.nodes;
    return std::max(std::min(options.node_limit, kLeastNodes),
                    std::min(options.node_limit, left / static_cast<std::int64_t>(count - begin)));
  };
  EqualProblems equals(options.engine == Engine::exact && !options.no_quirks && count > 1);
  std::vector<TemporalSearchResult> block;
  std::vector<std::variant<model::Problem, std::string>> compiled_block;
  for (std::size_t begin = 0, end = 1; begin < count;
       begin = end, end = std::min(count, end + kSpatialBlock)) {
    if (begin > 0 && options.budget.stopped()) {
      proven = false;
      lower_bound = open_bound = -std::numeric_limits<double>::infinity();
      if (!best_spatial) {
        result.cut_off = true;
        reason = kStoppedTooEarly;
      }
      break;
    }
    std::optional<model::Cost> incumbent;
    if (best_spatial) incumbent = best.cost;
    block.assign(end - begin, {});
    compiled_block.assign(end - begin, std::string{});
    const std::int64_t node_limit = allowed(begin);
    std::vector<std::size_t> searched;
    for (std::size_t i = 0; i < block.size(); ++i) {
      compiled_block[i] =
          model::compile(layer, accelerator, hierarchy, mapping, candidates.mappings[begin + i],
                         model::cost_model(options.no_quirks));
      const auto* problem = std::get_if<model::Problem>(&compiled_block[i]);
      if (problem != nullptr && equals.first(*problem, begin + i)) searched.push_back(i);
    }
    const auto search_one = [&](std::size_t place) {
      const std::size_t i = searched[place];
      // Of very many spatial mappings only the first few are also searched as the reference does.
      const bool with_loma = begin + i < kReferenceCandidates;
      block[i] = search_temporal(layer, accelerator, mapping, options,
                                 std::get<model::Problem>(compiled_block[i]), incumbent, with_loma,
                                 node_limit);
    };
    if (options.for_each && searched.size() > 1) {
      options.for_each(searched.size(), search_one);
    } else {
      for (std::size_t place = 0; place < searched.size(); ++place) search_one(place);
    }
    for (std::size_t i = 0; i < block.size(); ++i) equals.share(begin + i, block[i]);
    for (std::size_t i = 0; i < block.size(); ++i) {
      if (const auto* why = std::get_if<std::string>(&compiled_block[i])) {
        if (reason.empty()) reason = *why;
        continue;
      }
      const TemporalSearchResult& found = block[i];
      for (const model::Cost& cost : found.near) add_near(cost, near);
      result.evaluated += found.evaluated;
      result.nodes += found.nodes;
      result.orderings += found.orderings;
      proven = proven && found.proven;
      if (result.refused.empty()) result.refused = found.refused;
      lower_bound = std::min(lower_bound, found.lower_bound);
      if (!found.proven) open_bound = std::min(open_bound, found.lower_bound);
      if (found.reference &&
          (!result.reference || better(options.objective, *found.reference, *result.reference))) {
        result.reference = found.reference;
      }
      if (!found.any) {
        if (found.cut_off && !result.cut_off) reason.clear();
        result.cut_off = result.cut_off || found.cut_off;
        if (reason.empty() && found.cut_off == result.cut_off) reason = found.reason;
        continue;
      }
      if (!best_spatial || better(options.objective, found.cost, best.cost)) {
        best = found;
        best_problem = std::get<model::Problem>(compiled_block[i]);
        best_spatial = &candidates.mappings[begin + i];
      }
    }
  }
  if (!best_spatial) {
    result.infeasible = reason;
    return result;
  }
  result.cut_off = false;
  result.remark = best.remark;
  result.spatial = *best_spatial;
  const double value = objective_value(options.objective, best.cost);
  // What surely costs more need not be proven itself.
  proven = proven || (options.engine == Engine::exact && open_bound > value * (1 + kSurely));
  result.optimal = proven;
  result.lower_bound = proven ? value : std::min(lower_bound, value);
  if (options.front && options.engine == Engine::exact && !options.no_quirks) {
    result.front = cost_front(layer, accelerator, hierarchy, mapping, candidates.mappings, options,
                              result.front_proven);
  }
  result.samples = sample_costs(layer, best_problem, options);
  model::Detail detail;
  result.evaluation = model::explain(best_problem, best.ordering, best.cuts, &detail);
  result.ports = port_uses(best_problem, hierarchy, detail);
  for (const model::Cost& cost : near) {
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
