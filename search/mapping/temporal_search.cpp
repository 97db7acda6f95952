#include "search/mapping/temporal_search.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <utility>

#include "model/core/index.hpp"
#include "model/core/strict_evaluate.hpp"
#include "search/exact/cut_lattice.hpp"
#include "search/exact/exact_mapper.hpp"
#include "search/exact/least_cost.hpp"
#include "search/fronts/cost_front.hpp"
#include "search/mapping/allocate.hpp"
#include "search/mapping/anneal.hpp"
#include "search/mapping/describe_failure.hpp"
#include "search/mapping/fixed_ordering.hpp"
#include "search/mapping/loop_factors.hpp"
#include "search/mapping/ordering_batch.hpp"
#include "search/mapping/replay.hpp"
#include "search/mapping/strict_costs.hpp"

namespace ridgeline::search {

namespace {

bool satisfies(const std::vector<model::TemporalLoop>& loops,
               const std::vector<LoopConstraint>& constraints) {
  for (std::size_t i = 0; i < constraints.size(); ++i) {
    if (loops[i].dim != constraints[i].dim) return false;
    if (constraints[i].size && loops[i].size != *constraints[i].size) return false;
  }
  return true;
}

// Without loops there is one of size 1.
void set_ordering(const model::Layer& layer, const std::vector<model::TemporalLoop>& loops,
                  model::Ordering& ordering) {
  ordering.count = 0;
  for (const model::TemporalLoop& loop : loops) ordering.push(loop.dim, loop.size);
  if (loops.empty() && !layer.dims.empty()) ordering.push(0, 1);
}

model::Ordering as_ordering(const model::Layer& layer,
                            const std::vector<model::TemporalLoop>& loops) {
  model::Ordering ordering;
  set_ordering(layer, loops, ordering);
  return ordering;
}

// Ways to cut a given ordering that are costed at most.
constexpr std::int64_t kMostCuts = 4'000'000;

// Of the mappings that were costed, so many are remembered as nearly as fast as the best.
constexpr std::size_t kMostNear = 64;

// Orderings between two looks at the budget: a millisecond or two. Under the strict model each may
// be two mappings.
std::int64_t poll_every(const model::Problem& problem) {
  return problem.strict ? 32 : 1024;
}

// Mappings whose latency is estimated by the strict model: so many are worth the walk through
// their tiles.
constexpr std::size_t kMostWalked = 6;
// Of so many of them other cuts are looked at.
constexpr std::size_t kMostMoved = 4;
// So much more than the best of those that were walked through may be expected of one.
constexpr double kWorthAWalk = 1.05;

class TemporalSearch {
 public:
  TemporalSearch(const model::Layer& layer, const model::Accelerator& accelerator,
                 const model::MappingEntry& mapping, const MapperOptions& options)
      : layer_(layer), accelerator_(accelerator), mapping_(mapping), options_(options) {}

  TemporalSearchResult run(const model::Problem& problem, const TemporalAsk& ask) {
    TemporalSearchResult found;
    if (problem.strict) costs_.emplace(problem);
    std::vector<std::int64_t> sizes(problem.temporal_size.begin(),
                                    problem.temporal_size.begin() + problem.dims);
    const FixedOrdering fixed = fixed_ordering(
        layer_, ordered_by_memory_loops(layer_, accelerator_, problem, mapping_), sizes);
    found.remark = fixed.incomplete;
    if (!fixed.fault.empty()) {
      found.reason = fixed.fault;
      if (!fixed.incomplete.empty()) found.reason += "; " + fixed.incomplete;
      found.proven = true;
    } else if (fixed.complete) {
      if (fixed.loops.size() > model::kMaxLoops) {
        found.reason = "temporal_ordering has more than 56 loops";
        return found;
      }
      if (mapping_.memory_loops.empty()) {
        consider(problem, as_ordering(layer_, fixed.loops), found);
        found.proven = problem.strict == nullptr;  // there is no choice
        if (problem.strict && options_.engine == Engine::exact && !options_.even) {
          replay(problem, as_ordering(layer_, fixed.loops), found);  // all cuts
        }
      } else {
        replay(problem, as_ordering(layer_, fixed.loops), found);
      }
    } else if (!mapping_.memory_loops.empty()) {
      found.reason =
          "memory_loops needs a temporal_ordering of all loops, with their sizes, or all loops of "
          "one operand";
      if (!fixed.incomplete.empty()) found.reason += "; " + fixed.incomplete;
      found.proven = true;
    } else if (options_.engine == Engine::exact) {
      if (!fixed.constraints.empty()) {
        if (!ask.again) fixed_prefix(problem, sizes, fixed, found);
      } else if (ask.with_loma) {
        loma(problem, sizes, {}, found);
      }
      settle(problem, found);
      if (found.any) found.reference = found.cost;
      if (problem.strict && (options_.even || !fixed.constraints.empty())) {
        all_mappings(problem, sizes, fixed.constraints, ask.node_limit, found);
      } else {
        exact(problem, fixed.constraints, ask.incumbent, ask.node_limit, found);
      }
    } else if (options_.engine == Engine::anneal && fixed.constraints.empty()) {
      anneal(problem, sizes, found);
    } else if (fixed.constraints.empty()) {
      loma(problem, sizes, {}, found);
    } else if (options_.no_quirks) {
      fixed_prefix(problem, sizes, fixed, found);
    } else {
      found.reason = reference_refuses(sizes, fixed);
      if (found.reason.empty()) loma(problem, sizes, fixed.constraints, found);
    }
    settle(problem, found);
    if (!found.any && found.reason.empty()) {
      found.reason =
          found.cut_off ? kStoppedTooEarly : describe(failure_, layer_, accelerator_, problem);
    }
    return found;
  }

 private:
  // The reference splits a fixed size off a dimension prime by prime, which is right for one prime
  // and its powers alone; and it may merge what is fixed. Why its rules cannot be followed, in
  // words; empty: they can.
  std::string reference_refuses(const std::vector<std::int64_t>& sizes,
                                const FixedOrdering& fixed) const {
    const LoopFactors factors = loop_factors(layer_, sizes, options_.lpf_limit, fixed.constraints);
    std::vector<double> products(sizes.size(), 1);
    for (const model::TemporalLoop& loop : factors.loops) {
      products[z(loop.dim)] *= static_cast<double>(loop.size);
    }
    double times = 1;
    for (std::size_t d = 0; d < sizes.size(); ++d) {
      times *= products[d] / static_cast<double>(sizes[d]);
    }
    std::string trouble;
    if (!factors.error.empty()) {
      trouble = "find no loops to order within the loop-prime-factor limit";
    } else if (times != 1) {
      char number[32];
      std::snprintf(number, sizeof number, "%.4g", times);
      trouble =
          std::string("order loops that are not the layer's (") + number + " times its iterations)";
    } else {
      return "";
    }
    const std::string first =
        fixed.incomplete.empty() ? "temporal_ordering fixes the innermost loops" : fixed.incomplete;
    return first + ": ZigZag's rules, which the engine loma follows, then " + trouble +
           "; give all loops, a size of \"*\", or use --engine exact or --no-quirks";
  }

  // The best cuts of a given ordering among those that the mapping leaves open.
  void replay(const model::Problem& problem, const model::Ordering& ordering,
              TemporalSearchResult& found) {
    const GivenCuts given = given_cuts(layer_, accelerator_, problem, mapping_, ordering);
    if (!given.fault.empty()) {
      found.reason = given.fault;
      found.proven = true;
      return;
    }
    found.proven = visit_cuts(
        problem, ordering, given, kMostCuts, [&] { return options_.budget.stopped(); },
        [&](const model::Cuts& cuts) { cost(problem, ordering, cuts, found); });
    found.cut_off = !found.proven;
    if (found.any || found.cut_off) return;
    found.reason = "the tiles of the given mapping do not fit the memories";
  }

  // Orderings that meet the constraints, free factors merged as loma does.
  void fixed_prefix(const model::Problem& problem, const std::vector<std::int64_t>& sizes,
                    const FixedOrdering& fixed, TemporalSearchResult& found) {
    FixedOrderings orderings(layer_, sizes, options_.lpf_limit, fixed.constraints);
    std::vector<model::TemporalLoop> loops;
    std::int64_t since_poll = 0;
    while (orderings.next(loops)) {
      if (loops.size() > model::kMaxLoops) {
        found.reason = "more than 56 temporal loops";
        return;
      }
      consider(problem, as_ordering(layer_, loops), found);
      if (++since_poll % poll_every(problem) == 0 && options_.budget.stopped()) {
        found.cut_off = true;
        return;
      }
    }
  }

  // The objective's likely value by the strict model.
  double consider(const model::Problem& problem, const model::Ordering& ordering,
                  TemporalSearchResult& found) {
    model::Cuts cuts;
    AllocationFailure failure;
    StrictCosts* costs = costs_ && costs_->usable() ? &*costs_ : nullptr;
    if (costs != nullptr) costs->set(ordering);
    if (!allocate(problem, ordering, options_.even, cuts, &failure, false, costs)) {
      remember(problem, failure);
      return std::numeric_limits<double>::infinity();
    }
    if (!problem.strict) {
      cost(problem, ordering, cuts, found);
      return std::numeric_limits<double>::infinity();
    }
    const bool enough = options_.engine != Engine::anneal;
    const double value =
        objective_value(options_.objective, estimate(problem, ordering, cuts, found, enough));
    // The same ordering, with room for second buffers: full buffers have to be waited for.
    model::Cuts roomy;
    if (!allocate(problem, ordering, options_.even, roomy, nullptr, true, costs)) return value;
    const bool same =
        std::equal(roomy.end.begin(), roomy.end.begin() + problem.operands, cuts.end.begin(),
                   [](const auto& x, const auto& y) { return x == y; });
    if (same) return value;
    return std::min(value, objective_value(options_.objective,
                                           estimate(problem, ordering, roomy, found, enough)));
  }

  // Remembers what may be worth a walk; what it is likely to cost, infinite where it cannot be.
  // `enough`: of what is not worth a walk, any cost that shows it.
  model::Cost estimate(const model::Problem& problem, const model::Ordering& ordering,
                       const model::Cuts& cuts, TemporalSearchResult& found, bool enough = false) {
    ++found.evaluated;
    std::vector<EstimatedMapping>& list = found.estimated;
    const bool full = list.size() == kMostWalked;
    const double limit = enough && full && options_.objective == Objective::latency
                             ? list.back().cost.latency
                             : model::CostLimit::kNone;
    const model::Cost cost = costs_ && costs_->usable()
                                 ? costs_->estimate(cuts, limit)
                                 : model::estimate_strict(problem, ordering, cuts);
    if (!std::isfinite(cost.energy)) return cost;
    if (full && !better(options_.objective, cost, list.back().cost)) {
      return cost;
    }
    const auto place = std::find_if(list.begin(), list.end(), [&](const EstimatedMapping& one) {
      return !better(options_.objective, one.cost, cost);
    });
    // What costs the same is most likely the same.
    if (place != list.end() && place->cost.latency == cost.latency &&
        place->cost.energy == cost.energy) {
      return cost;
    }
    list.insert(place, {cost, ordering, cuts});
    if (list.size() > kMostWalked) list.pop_back();
    return cost;
  }

  // Of the mappings that promise most, other cuts of the same orderings: tiles that are smaller
  // than what fits are there sooner. One cut moves at a time, as long as that promises more.
  void move_cuts(const model::Problem& problem, TemporalSearchResult& found) {
    if (options_.even || !costs_ || !costs_->usable()) return;
    std::vector<EstimatedMapping> starts = found.estimated;
    if (starts.size() > kMostMoved) starts.resize(kMostMoved);
    for (EstimatedMapping& one : starts) {
      costs_->set(one.ordering);
      for (bool moved = true; moved && !options_.budget.stopped();) {
        moved = false;
        for (int o = 0; o < problem.operands; ++o) {
          const int levels = problem.operand[z(o)].levels;
          for (int m = 0; m + 1 < levels; ++m) {
            model::Cuts cuts = one.cuts;
            std::uint8_t& end = cuts.end[z(o)][z(m)];
            const int first = m == 0 ? 0 : cuts.end[z(o)][z(m - 1)];
            const int last = cuts.end[z(o)][z(m + 1)];
            for (int at = first; at <= last; ++at) {
              if (at == one.cuts.end[z(o)][z(m)]) continue;
              end = static_cast<std::uint8_t>(at);
              if (!costs_->fits(cuts)) break;
              const model::Cost cost = estimate(problem, one.ordering, cuts, found);
              if (!better(options_.objective, cost, one.cost)) continue;
              one.cost = cost;
              one.cuts = cuts;
              moved = true;
            }
          }
        }
      }
    }
  }

  // Walks through the tiles of those that promise most; of one, if time is over.
  void settle(const model::Problem& problem, TemporalSearchResult& found) {
    move_cuts(problem, found);
    const std::vector<EstimatedMapping> list = std::move(found.estimated);
    found.estimated.clear();
    for (const EstimatedMapping& one : list) {
      if (found.any && options_.budget.stopped()) {
        found.cut_off = true;
        return;
      }
      // Walks hardly ever take less than what is expected of them.
      if (found.any && objective_value(options_.objective, one.cost) >
                           kWorthAWalk * objective_value(options_.objective, found.cost)) {
        return;
      }
      --found.evaluated;  // counted already
      cost(problem, one.ordering, one.cuts, found);
    }
  }

  // Whether a mapping that costs no less than `least` may change what was found.
  bool may_help(const model::Cost& least, const TemporalSearchResult& found) const {
    if (!std::isfinite(least.energy)) return false;
    if (options_.objective != Objective::latency) {
      return better(options_.objective, least, found.cost);
    }
    return !covers(found.near, least);
  }

  void cost(const model::Problem& problem, const model::Ordering& ordering, const model::Cuts& cuts,
            TemporalSearchResult& found) {
    ++found.evaluated;
    // Walking through tiles takes most of the time: only where it may be worth it.
    if (problem.strict && found.any &&
        !may_help(model::bound_strict(problem, ordering, cuts), found))
      return;
    const model::Cost cost = model::evaluate(problem, ordering, cuts);
    if (!std::isfinite(cost.energy)) return;
    if (options_.objective == Objective::latency) add_near(cost, found.near);
    if (!found.any || better(options_.objective, cost, found.cost)) {
      found.any = true;
      found.cost = cost;
      found.ordering = ordering;
      found.cuts = cuts;
    }
  }

  void loma(const model::Problem& problem, const std::vector<std::int64_t>& sizes,
            const std::vector<LoopConstraint>& constraints, TemporalSearchResult& found) {
    LoopFactors factors = loop_factors(layer_, sizes, options_.lpf_limit, constraints);
    if (!factors.error.empty()) {
      found.reason = factors.error;
      return;
    }
    if (factors.loops.size() > model::kMaxLoops) {
      found.reason = "more than 56 temporal loops";
      return;
    }
    if (constraints.size() > std::max<std::size_t>(factors.loops.size(), 1)) {
      found.reason = "temporal_ordering has " + std::to_string(constraints.size()) +
                     " positions, but only " + std::to_string(factors.loops.size()) +
                     " temporal loops remain after spatial unrolling";
      return;
    }
    LoopPermutations permutations(layer_, factors.loops);
    std::optional<OrderingBatch> batch;  // the strict model has its own way
    if (!problem.strict) batch.emplace(problem, permutations.current(), options_.even);
    const auto cost_batch = [&] {
      if (!batch) return;
      batch->cost([&](const model::Cost& one, int i) {
        ++found.evaluated;
        if (!std::isfinite(one.energy)) return;
        if (options_.objective == Objective::latency) add_near(one, found.near);
        if (found.any && !better(options_.objective, one, found.cost)) return;
        found.any = true;
        found.cost = one;
        found.ordering = batch->ordering(i);
        found.cuts = batch->cuts(i);
      });
    };
    bool any_ordering = false;
    std::int64_t since_poll = 0;
    model::Ordering ordering;
    const std::int64_t poll = poll_every(problem);
    do {
      if (++since_poll == poll) {
        since_poll = 0;
        if (options_.budget.stopped()) {
          found.cut_off = true;
          break;
        }
      }
      if (!permutations.current().empty() && !satisfies(permutations.current(), constraints)) {
        continue;
      }
      any_ordering = true;
      if (!problem.strict) {
        if (batch->add(permutations.places()) && batch->full()) cost_batch();
        continue;
      }
      set_ordering(layer_, permutations.current(), ordering);
      consider(problem, ordering, found);
    } while (permutations.next());
    cost_batch();
    if (!found.any && found.estimated.empty()) remember_all(problem, factors.loops, constraints);
    if (!any_ordering && !found.cut_off && found.reason.empty()) {
      found.reason =
          "no ordering of the loops, merged down to the loop-prime-factor limit, satisfies "
          "temporal_ordering; raise --lpf-limit, or use --engine exact";
    }
  }

  // Why none of the orderings fits.
  void remember_all(const model::Problem& problem, const std::vector<model::TemporalLoop>& loops,
                    const std::vector<LoopConstraint>& constraints) {
    LoopPermutations permutations(layer_, loops);
    model::Ordering ordering;
    std::int64_t since_poll = 0;
    do {
      if (++since_poll % poll_every(problem) == 0 && options_.budget.stopped()) break;
      if (!permutations.current().empty() && !satisfies(permutations.current(), constraints)) {
        continue;
      }
      set_ordering(layer_, permutations.current(), ordering);
      model::Cuts cuts;
      AllocationFailure failure;
      if (!allocate(problem, ordering, options_.even, cuts, &failure)) remember(problem, failure);
    } while (permutations.next());
  }

  // All orderings of all prime factors with all cuts that fit, as far as the limit goes: what the
  // exact engine knows of bounds is of the reference's rules.
  void all_mappings(const model::Problem& problem, const std::vector<std::int64_t>& sizes,
                    const std::vector<LoopConstraint>& constraints, std::int64_t limit,
                    TemporalSearchResult& found) {
    found.orderings = orderings_of(problem);
    found.lower_bound = objective_value(options_.objective, least_cost(problem));
    const LoopFactors factors = loop_factors(layer_, sizes, 0, {});
    if (options_.even || !constraints.empty() || factors.loops.size() > model::kMaxLoops) return;
    GivenCuts free;
    for (auto& ends : free.end) ends.fill(-1);
    LoopPermutations permutations(layer_, factors.loops);
    model::Ordering ordering;
    bool all = true;
    do {
      set_ordering(layer_, permutations.current(), ordering);
      const std::int64_t left = limit == 0 ? kMostCuts : limit - found.nodes;
      if (left <= 0 || options_.budget.stopped()) {
        all = false;
        break;
      }
      all = visit_cuts(
          problem, ordering, free, left, [&] { return options_.budget.stopped(); },
          [&](const model::Cuts& cuts) {
            ++found.nodes;
            cost(problem, ordering, cuts, found);
          });
    } while (all && permutations.next());
    found.proven = all;
    found.cut_off = !all && !found.any;
    found.out_of_nodes = !all && limit > 0;
    found.work = found.nodes;
    if (all && found.any) found.lower_bound = objective_value(options_.objective, found.cost);
  }

  void exact(const model::Problem& problem, const std::vector<LoopConstraint>& constraints,
             std::optional<model::Cost> incumbent, std::int64_t node_limit,
             TemporalSearchResult& found) {
    ExactOptions settings;
    settings.objective = options_.objective;
    settings.even = options_.even;
    settings.node_limit = node_limit;
    settings.gap = options_.gap;
    settings.first_term = options_.first_term;
    settings.budget = options_.budget;
    settings.constraints = constraints;
    if (found.any && (!incumbent || better(options_.objective, found.cost, *incumbent))) {
      incumbent = found.cost;
    }
    const ExactResult result = exact_search(problem, settings, incumbent);
    found.proven = result.optimal;
    found.cut_off = !result.optimal;
    found.refused = result.refused;
    found.lower_bound = result.lower_bound;
    found.orderings = result.orderings;
    found.nodes = result.nodes;
    found.work = std::max(result.work, result.nodes);
    found.out_of_nodes = !result.optimal && node_limit > 0 && result.refused.empty();
    found.evaluated += result.evaluated;
    if (result.improved) {
      found.any = true;
      found.cost = result.best.cost;
      found.ordering = result.best.ordering;
      found.cuts = result.best.cuts;
      found.reason.clear();
    }
  }

  void anneal(const model::Problem& problem, const std::vector<std::int64_t>& sizes,
              TemporalSearchResult& found) {
    const LoopFactors factors = loop_factors(layer_, sizes, 0, {});
    if (factors.loops.size() > model::kMaxLoops) {
      found.reason = "more than 56 temporal loops";
      return;
    }
    AnnealOptions settings;
    settings.seed = options_.seed;
    settings.budget = options_.budget;
    anneal_ordering(factors.loops, settings, [&](const std::vector<model::TemporalLoop>& loops) {
      if (problem.strict) return consider(problem, as_ordering(layer_, loops), found);
      TemporalSearchResult one;
      consider(problem, as_ordering(layer_, loops), one);
      found.evaluated += one.evaluated;
      if (!one.any) return std::numeric_limits<double>::infinity();
      if (!found.any || better(options_.objective, one.cost, found.cost)) {
        const std::int64_t evaluated = found.evaluated;
        found = one;
        found.evaluated = evaluated;
      }
      return objective_value(options_.objective, one.cost);
    });
  }

  // Keeps the failure that came nearest to fitting.
  void remember(const model::Problem& problem, const AllocationFailure& failure) {
    const auto excess = [&](const AllocationFailure& f) {
      return f.left_over ? std::numeric_limits<double>::max()
                         : f.bits - problem.memory[z(f.memory)].size;
    };
    if (failure_.memory < 0 || excess(failure) < excess(failure_)) failure_ = failure;
  }

  const model::Layer& layer_;
  const model::Accelerator& accelerator_;
  const model::MappingEntry& mapping_;
  const MapperOptions& options_;
  AllocationFailure failure_;
  std::optional<StrictCosts> costs_;  // of the strict model
};

}  // namespace

void add_near(const model::Cost& cost, std::vector<model::Cost>& near) {
  const auto place = std::upper_bound(
      near.begin(), near.end(), cost.latency,
      [](double latency, const model::Cost& other) { return latency < other.latency; });
  if (place != near.begin() && std::prev(place)->energy <= cost.energy) return;
  auto end = place;
  while (end != near.end() && end->energy >= cost.energy) ++end;
  auto begin = place;
  if (begin != near.begin() && std::prev(begin)->latency == cost.latency) --begin;
  const auto at = near.erase(begin, end);
  near.insert(at, cost);
  if (near.size() > kMostNear) near.pop_back();
}

TemporalSearchResult search_temporal(const model::Layer& layer,
                                     const model::Accelerator& accelerator,
                                     const model::MappingEntry& mapping,
                                     const MapperOptions& options, const model::Problem& problem,
                                     const TemporalAsk& ask) {
  return TemporalSearch(layer, accelerator, mapping, options).run(problem, ask);
}

}  // namespace ridgeline::search
