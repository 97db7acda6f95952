#include "search/exact/exact_mapper.hpp"

#include <algorithm>
#include <limits>
#include <optional>

#include "model/core/index.hpp"
#include "search/exact/chain_search.hpp"
#include "search/exact/least_cost.hpp"
#include "search/exact/strict_search.hpp"
#include "search/fronts/cost_front.hpp"

namespace ridgeline::search {

namespace {

// Whether nothing need be looked for where nothing costs less than `least`: nothing is better than
// the incumbent, or within the gap that is asked for.
bool enough(double least, const model::Cost& incumbent, const ExactOptions& options,
            ExactResult& result) {
  const double best = objective_value(options.objective, incumbent);
  const double tie =
      options.first_term && options.objective == Objective::energy ? 1 - kTie : 1 + kTie;
  if (least > best * tie) {
    result.optimal = true;
    result.lower_bound = best;
    return true;
  }
  if (options.gap <= 0 || least < best * (1 - options.gap)) return false;
  result.optimal = false;
  result.lower_bound = std::min(best, least);
  return true;
}

// All that is not better than what is known of a front, and than its ends.
ExactResult front_search(const CutLattice& space, ExactBounds& bounds, const PrefixNodes& prefix,
                         const ExactOptions& options, Watch& watch) {
  ChainSearch search(space, bounds, prefix, options, std::nullopt, watch);
  for (const model::Cost& cost : options.known) search.add_to_front({cost, {}, {}});
  std::int64_t nodes = 0;
  std::int64_t work = 0;
  std::int64_t evaluated = 0;
  // The ends of the front, and one between, leave less to look for.
  for (const Objective objective : {Objective::latency, Objective::energy, Objective::edp}) {
    ExactOptions single = options;
    single.front = false;
    single.objective = objective;
    std::optional<model::Cost> incumbent;
    for (const model::Cost& cost : options.known) {
      if (!incumbent || better(objective, cost, *incumbent)) incumbent = cost;
    }
    const ExactResult end = ChainSearch(space, bounds, prefix, single, incumbent, watch).run();
    nodes += end.nodes;
    work += end.work;
    evaluated += end.evaluated;
    if (end.improved) search.add_to_front(end.best);
  }
  ExactResult result = search.run();
  std::erase_if(result.front, [&](const ExactMapping& one) {
    return std::any_of(options.known.begin(), options.known.end(), [&](const model::Cost& cost) {
      return cost.latency == one.cost.latency && cost.energy == one.cost.energy;
    });
  });
  result.nodes += nodes;
  result.work += work;
  result.evaluated += evaluated;
  return result;
}

}  // namespace

ExactResult exact_search(const model::Problem& problem, const ExactOptions& options,
                         const std::optional<model::Cost>& incumbent) {
  if (problem.strict) return strict_search(problem, options, incumbent);
  const bool ask = incumbent && !options.front && options.prune;
  model::Cost least = least_cost(problem);
  ExactResult result;
  result.orderings = orderings_of(problem);
  // Whether nothing need be looked for: most spatial mappings of many need not be looked into.
  const auto nothing_better = [&] {
    if (options.front && options.prune) {
      result.optimal = covers(options.known, least);
      return result.optimal;
    }
    return ask && least.latency > 0 &&
           enough(objective_value(options.objective, least), *incumbent, options, result);
  };
  if (ask && options.first_term && options.objective == Objective::latency && least.latency > 0 &&
      reaches(incumbent->latency, least)) {
    result.optimal = true;
    result.lower_bound = incumbent->latency;
    return result;
  }
  if (nothing_better()) return result;
  result.lower_bound = objective_value(options.objective, least);
  if (options.objective == Objective::edp && least.latency <= 0) result.lower_bound = 0;
  const std::int64_t bytes = bytes_of(options.budget);
  const double proven_before = result.lower_bound;
  Watch watch(options.budget);
  CutLattice space(problem, options.state_limit, bytes, watch, false, options.dense_states,
                   options.constraints.empty());
  if (space.too_large() || watch.stopped_now()) {
    result.refused = space.refusal();
    return result;
  }
  const PrefixNodes prefix(space, options.constraints);
  if (prefix.constrained()) {
    if (prefix.impossible()) {
      result.optimal = true;
      result.lower_bound = incumbent ? objective_value(options.objective, *incumbent)
                                     : std::numeric_limits<double>::infinity();
      return result;
    }
    prefix.limit(space);
  }
  const double orderings = result.orderings;
  ExactBounds bounds(space, watch, ExactBounds::Use::energies);
  if (watch.stopped_now()) return result;
  // The root of the energy table often shows that nothing is better.
  least.energy = std::max(
      least.energy, space.constant_energy() + bounds.energy_left(space.full(), bounds.all_left()));
  if (nothing_better()) return result;
  bounds.extend(watch, ExactBounds::Use::search);
  if (watch.stopped_now()) return result;
  if (options.front) {
    result = front_search(space, bounds, prefix, options, watch);
  } else {
    result = ChainSearch(space, bounds, prefix, options, incumbent, watch).run();
    if (!result.optimal) result.lower_bound = std::max(result.lower_bound, proven_before);
  }
  result.orderings = orderings;
  return result;
}

}  // namespace ridgeline::search
