#include "search/depth_first/fusion_mapping.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "search/fronts/cost_front.hpp"

namespace ridgeline::search {

WayMapper::WayMapper(FusionResult& fusion, const FusionOptions& options, WayBounds& bounds)
    : fusion_(fusion),
      options_(options),
      bounds_(bounds),
      products_(options.mapper.objective == Objective::edp),
      stepwise_(!products_ && !options.rules.defines && options.mapper.engine == Engine::exact &&
                !options.mapper.no_quirks) {}

TileSolver::Effort WayMapper::next(const FusionWay& way) const {
  if (!stepwise_) return TileSolver::Effort::full;
  switch (way.mapped) {
    case TileSolver::Effort::simple:
      return TileSolver::Effort::rough;
    case TileSolver::Effort::rough:
      return TileSolver::Effort::fine;
    default:
      return TileSolver::Effort::full;
  }
}

void WayMapper::map_first(FusionBlock& block, std::size_t count) {
  fusion_.solver->map_with(TileSolver::Effort::simple);
  for (bool first = true; (first || !block.best) && !block.ways.empty(); first = false) {
    std::vector<BlockWay> ways;
    while (ways.size() < count && !block.ways.empty()) ways.push_back({&block, block.take()});
    std::vector<StackJob> jobs = jobs_of(*fusion_.core, options_.rules, *fusion_.solver, ways);
    fusion_.solver->run(pointers(jobs));
    for (std::size_t w = 0; w < ways.size(); ++w) {
      const StackCost& cost = jobs[w].cost;
      if (!cost.infeasible.empty()) {
        if (block.fault.empty()) block.fault = cost.infeasible;
        continue;
      }
      keep(block, ways[w].way, cost);
      block.put(ways[w].way);  // to be mapped in full, if it may be part of the best
    }
    if (options_.mapper.budget.stopped()) break;
  }
  fusion_.solver->map_with(TileSolver::Effort::full);
}

void WayMapper::map_next(const std::vector<FusionBlock*>& blocks) {
  std::array<std::vector<BlockWay>, TileSolver::kEfforts> by_effort;
  for (FusionBlock* block : blocks) {
    const FusionWay way = block->take();
    by_effort[static_cast<std::size_t>(next(way))].push_back({block, way});
  }
  for (std::size_t e = 0; e < by_effort.size(); ++e) {
    if (!by_effort[e].empty()) map_ways(by_effort[e], static_cast<TileSolver::Effort>(e));
  }
}

void WayMapper::map_ways(const std::vector<BlockWay>& ways, TileSolver::Effort effort) {
  std::vector<StackJob> jobs = jobs_of(*fusion_.core, options_.rules, *fusion_.solver, ways);
  for (StackJob& job : jobs) job.needed = false;
  fusion_.solver->map_with(effort);
  fusion_.solver->run(pointers(jobs));
  fusion_.solver->map_with(TileSolver::Effort::full);
  for (std::size_t w = 0; w < jobs.size(); ++w) {
    FusionBlock& block = *ways[w].block;
    FusionWay way = ways[w].way;
    const StackCost cost = jobs[w].cost;
    if (!cost.known) {
      block.put(way);
      continue;
    }
    if (way.mapped == TileSolver::Effort::simple) ++mapped_;
    if (!cost.infeasible.empty()) {
      if (block.fault.empty()) block.fault = cost.infeasible;
      continue;
    }
    keep(block, way, cost);
    const bool sure = options_.rules.defines || cost.optimal;
    model::Cost certain{cost.energy, cost.latency};
    if (!sure) {
      certain = products_ ? way.least : bounds_.certain(std::move(jobs[w]), way);
      if (products_) block.unsure.push_back(certain);
    }
    if (!sure && effort != TileSolver::Effort::full) {
      way.mapped = effort;
      way.least = certain;
      way.bound = std::max(way.bound, bounds_.value_of(certain));
      block.put(way);
      continue;
    }
    block.least = std::min(block.least, bounds_.value_of(certain));
  }
}

// A way that was mapped, if it is the block's best, or on its front.
void WayMapper::keep(FusionBlock& block, const FusionWay& way, const StackCost& cost) {
  const double value = bounds_.value_of(cost);
  if (products_) add_to_front(block.front, {{cost.energy, cost.latency}, way}, cost_of_way);
  if (block.best &&
      (value > block.value || (value == block.value && way.place > block.best->place))) {
    return;
  }
  block.value = value;
  block.best = way;
}

}  // namespace ridgeline::search
