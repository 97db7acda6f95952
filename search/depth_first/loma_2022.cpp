#include "search/depth_first/loma_2022.hpp"

#include <algorithm>
#include <variant>

#include "search/mapping/loop_factors.hpp"

namespace ridgeline::search {

namespace {

model::SpatialMapping spatial_mapping(const std::vector<model::Unrolling>& unrolls) {
  model::SpatialMapping mapping;
  for (const model::Unrolling& unroll : unrolls) {
    if (mapping.empty() || mapping.back().array_dim != unroll.array_dim) {
      mapping.push_back({unroll.array_dim, {}});
    }
    mapping.back().loops.push_back({unroll.dim, unroll.factor});
  }
  return mapping;
}

}  // namespace

LayerResult map_layer_2022(const model::Layer& layer, const std::vector<model::Relevance>& classes,
                           const model::Accelerator& accelerator,
                           const std::vector<model::OperandPlaces>& places,
                           const std::vector<model::Unrolling>& unrolls,
                           const MapperOptions& options) {
  LayerResult result;
  result.spatial = spatial_mapping(unrolls);
  const auto compiled = model::compile_2022(layer, classes, accelerator, places, unrolls);
  if (const auto* why = std::get_if<std::string>(&compiled)) {
    result.infeasible = *why;
    return result;
  }
  const model::Core2022& core = std::get<model::Core2022>(compiled);
  const LoopFactors factors = loop_factors(layer, core.temporal_size, options.lpf_limit, {});
  if (factors.loops.size() > model::kMaxLoops) {
    result.infeasible = "more than 56 temporal loops";
    return result;
  }
  LoopPermutations permutations(layer, factors.loops);
  model::Ordering best_ordering;
  model::Cuts best_cuts;
  double least = 0;
  bool any = false;
  Watch watch(options.budget);
  do {
    if (watch.stopped()) {
      result.cut_off = true;
      break;
    }
    model::Ordering ordering;
    for (const model::TemporalLoop& loop : permutations.current()) {
      ordering.push(loop.dim, loop.size);
    }
    model::Cuts cuts;
    if (!model::allocate_2022(core, ordering, cuts)) continue;
    const double energy = model::energy_2022(core, ordering, cuts);
    ++result.evaluated;
    if (energy < 0) {
      result.infeasible = "a mapping would overfill a memory that operands share";
      return result;
    }
    if (any && energy >= least) continue;
    any = true;
    least = energy;
    best_ordering = ordering;
    best_cuts = cuts;
  } while (permutations.next());
  if (!any) {
    result.infeasible = result.cut_off ? "the search was stopped before it found a mapping"
                                       : "no ordering of its loops fits the memories";
    return result;
  }
  result.cut_off = false;
  result.evaluation = model::explain_2022(core, best_ordering, best_cuts);
  for (int i = 0; i < best_ordering.count; ++i) {
    result.temporal.push_back(
        {best_ordering.dim[static_cast<std::size_t>(i)],
         static_cast<std::int64_t>(best_ordering.size[static_cast<std::size_t>(i)])});
  }
  for (std::size_t o = 0; o < core.operand.size(); ++o) {
    model::LevelLoops levels;
    int begin = 0;
    for (int l = 0; l < core.operand[o].levels; ++l) {
      const int end = best_cuts.end[o][static_cast<std::size_t>(l)];
      levels.emplace_back(result.temporal.begin() + begin,
                          result.temporal.begin() + std::max(begin, end));
      begin = std::max(begin, end);
    }
    result.evaluation.operands[o].stationary = levels;
    result.allocation.push_back(std::move(levels));
  }
  return result;
}

}  // namespace ridgeline::search
