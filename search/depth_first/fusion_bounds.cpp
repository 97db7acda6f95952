#include "search/depth_first/fusion_bounds.hpp"

#include <algorithm>

namespace ridgeline::search {

namespace {

model::Cost larger(const model::Cost& a, const model::Cost& b) {
  return {std::max(a.energy, b.energy), std::max(a.latency, b.latency)};
}

}  // namespace

WayBounds::WayBounds(const FusionCore& core, const FusionOptions& options)
    : core_(core),
      options_(options),
      quick_(core, options.rules, options.mapper, options.for_each, TileSolver::Depth::quick),
      alone_(core, options.rules, options.mapper, options.for_each, TileSolver::Depth::alone),
      close_(core, options.rules, options.mapper, options.for_each, TileSolver::Depth::bound) {
  switch (options.mapper.objective) {
    case Objective::energy:
      weight_ = {1, 0};
      break;
    case Objective::latency:
      weight_ = {0, 1};
      break;
    default:
      break;
  }
  alone_.begin_with(quick_);
}

double WayBounds::value_of(const model::Cost& cost) const {
  if (options_.mapper.objective != Objective::edp) {
    return objective_value(options_.mapper.objective, cost);
  }
  return weight_.energy * cost.energy + weight_.latency * cost.latency;
}

TileSolver& WayBounds::solver_of(BoundTier tier) {
  return tier == BoundTier::quick ? quick_ : tier == BoundTier::alone ? alone_ : close_;
}

BoundTier WayBounds::next(const FusionWay& way) const {
  if (options_.rules.defines) return BoundTier::none;  // there is nothing to know before
  switch (way.tier) {
    case BoundTier::none:
      return BoundTier::quick;
    case BoundTier::quick:
      return BoundTier::alone;
    case BoundTier::alone:
      return BoundTier::close;
    case BoundTier::close:
      break;
  }
  return way.known == close_.knowledge() ? BoundTier::none : BoundTier::close;
}

void WayBounds::bound(std::vector<BlockWay> ways, BoundTier tier) {
  TileSolver& solver = solver_of(tier);
  std::vector<StackJob> jobs = jobs_of(core_, options_.rules, solver, ways);
  for (std::size_t w = 0; w < ways.size(); ++w) {
    jobs[w].limit.weight = weight_;
    jobs[w].limit.value = ways[w].enough;
  }
  const std::size_t known = close_.knowledge();
  solver.run(pointers(jobs));
  for (std::size_t w = 0; w < ways.size(); ++w) {
    const StackCost& cost = jobs[w].cost;
    FusionBlock& block = *ways[w].block;
    FusionWay& way = ways[w].way;
    if (!cost.infeasible.empty()) {
      if (block.fault.empty()) block.fault = cost.infeasible;
      continue;
    }
    // Where it is not known whether a layer-tile fits, neither is what the way costs.
    if (cost.optimal) {
      way.least = larger(way.least, {cost.energy, cost.latency});
      way.bound = std::max(way.bound, value_of(way.least));
    }
    // What ended at the limit goes on from there when it is the most promising way again; where
    // nothing was learnt it is of no use to ask again.
    if (!cost.beyond || !cost.optimal) way.tier = tier;
    way.known = known;
    block.put(way);
  }
}

model::Cost WayBounds::certain(StackJob mapped, const FusionWay& way) {
  mapped.detail = false;
  mapped.limit = {};
  close_.run(mapped);
  if (!mapped.cost.infeasible.empty() || !mapped.cost.optimal) return way.least;
  return larger(way.least, {mapped.cost.energy, mapped.cost.latency});
}

}  // namespace ridgeline::search
