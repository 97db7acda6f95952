#include "search/mapping/mapper.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>
#include <variant>

#include "model/core/evaluate.hpp"
#include "model/core/index.hpp"
#include "model/core/problem.hpp"
#include "model/core/strict_evaluate.hpp"
#include "search/exact/cut_lattice.hpp"
#include "search/exact/exact_mapper.hpp"
#include "search/exact/least_cost.hpp"
#include "search/fronts/pareto.hpp"
#include "search/fronts/random.hpp"
#include "search/mapping/allocate.hpp"
#include "search/mapping/anneal.hpp"
#include "search/mapping/fixed_ordering.hpp"
#include "search/mapping/loop_factors.hpp"
#include "search/mapping/mapping_report.hpp"
#include "search/mapping/ordering_batch.hpp"
#include "search/mapping/replay.hpp"
#include "search/mapping/spatial_candidates.hpp"

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

// How many spatial mappings the reference tries by default.
constexpr std::size_t kReferenceCandidates = 3;

constexpr const char* kStoppedTooEarly =
    "the search was stopped before it found a mapping: whether there is one is not known";

// Ways to cut a given ordering that are costed at most.
constexpr std::int64_t kMostCuts = 4'000'000;

// Latency of mappings that count as nearly as fast as the best, relative to it; and how many of
// those that were costed are remembered.
constexpr double kNear = 1.05;
constexpr std::size_t kMostNear = 64;

// Keeps what is cheaper than all that is faster.
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

// Orderings between two looks at the budget: a fraction of a millisecond.
constexpr std::int64_t kPoll = 1024;

// Spatial mappings that are searched independently of each other.
constexpr std::size_t kSpatialBlock = 8;

// Nodes that each of very many spatial mappings may visit whatever the limit.
constexpr std::int64_t kLeastNodes = 2000;

// Mappings whose latency is estimated by the strict model: so many are worth the walk through
// their tiles.
constexpr std::size_t kMostWalked = 32;
struct Estimated {
  model::Cost cost;
  model::Ordering ordering;
  model::Cuts cuts;
};

// The best mapping under one spatial mapping.
struct Found {
  bool any = false;
  model::Cost cost;
  model::Ordering ordering;
  model::Cuts cuts;
  std::int64_t evaluated = 0;
  std::vector<model::Cost> near{};     // costed, fast first, each cheaper than all before
  std::vector<Estimated> estimated{};  // of the strict model, the best first
  std::string reason;                  // why there is none
  bool cut_off = false;                // the search was stopped
  std::string remark;
  bool proven = false;  // there is no better one than this or the incumbent
  double lower_bound = -std::numeric_limits<double>::infinity();
  double orderings = 0;
  std::int64_t nodes = 0;
  std::optional<model::Cost> reference;  // what loma finds
  std::string refused;                   // why the exact engine searched nothing
};

class Search {
 public:
  Search(const model::Layer& layer, const model::Accelerator& accelerator,
         const model::MappingEntry& mapping, const MapperOptions& options)
      : layer_(layer), accelerator_(accelerator), mapping_(mapping), options_(options) {}

  // `incumbent`: the best cost under other spatial mappings, which the exact engine has to beat.
  // `node_limit`: of the exact engine; 0: none.
  Found run(const model::Problem& problem, const std::optional<model::Cost>& incumbent,
            bool with_loma, std::int64_t node_limit) {
    Found found;
    std::vector<std::int64_t> sizes(problem.temporal_size.begin(),
                                    problem.temporal_size.begin() + problem.dims);
    const FixedOrdering fixed = fixed_ordering(layer_, mapping_, sizes);
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
      found.reason = "memory_loops needs a temporal_ordering of all loops, with their sizes";
      if (!fixed.incomplete.empty()) found.reason += "; " + fixed.incomplete;
      found.proven = true;
    } else if (options_.engine == Engine::exact) {
      if (!fixed.constraints.empty()) {
        fixed_prefix(problem, sizes, fixed, found);
      } else if (with_loma) {
        loma(problem, sizes, {}, found);
      }
      settle(problem, found);
      if (found.any) found.reference = found.cost;
      if (problem.strict) {
        all_mappings(problem, sizes, fixed.constraints, node_limit, found);
      } else {
        exact(problem, fixed.constraints, incumbent, node_limit, found);
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
      found.reason = found.cut_off ? kStoppedTooEarly : describe_failure(problem);
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
  void replay(const model::Problem& problem, const model::Ordering& ordering, Found& found) {
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
                    const FixedOrdering& fixed, Found& found) {
    FixedOrderings orderings(layer_, sizes, options_.lpf_limit, fixed.constraints);
    std::vector<model::TemporalLoop> loops;
    std::int64_t since_poll = 0;
    while (orderings.next(loops)) {
      if (loops.size() > model::kMaxLoops) {
        found.reason = "more than 56 temporal loops";
        return;
      }
      consider(problem, as_ordering(layer_, loops), found);
      if (++since_poll % kPoll == 0 && options_.budget.stopped()) {
        found.cut_off = true;
        return;
      }
    }
  }

  // The objective's likely value by the strict model.
  double consider(const model::Problem& problem, const model::Ordering& ordering, Found& found) {
    model::Cuts cuts;
    AllocationFailure failure;
    if (!allocate(problem, ordering, options_.even, cuts, &failure)) {
      remember(problem, failure);
      return std::numeric_limits<double>::infinity();
    }
    if (!problem.strict) {
      cost(problem, ordering, cuts, found);
      return std::numeric_limits<double>::infinity();
    }
    const double value = estimate(problem, ordering, cuts, found);
    // The same ordering, with room for second buffers: full buffers have to be waited for.
    model::Cuts roomy;
    if (!allocate(problem, ordering, options_.even, roomy, nullptr, true)) return value;
    const bool same =
        std::equal(roomy.end.begin(), roomy.end.begin() + problem.operands, cuts.end.begin(),
                   [](const auto& x, const auto& y) { return x == y; });
    return same ? value : std::min(value, estimate(problem, ordering, roomy, found));
  }

  // Remembers what may be worth a walk; what it is likely to cost.
  double estimate(const model::Problem& problem, const model::Ordering& ordering,
                  const model::Cuts& cuts, Found& found) {
    ++found.evaluated;
    const model::Cost cost = model::estimate_strict(problem, ordering, cuts);
    if (!std::isfinite(cost.energy)) return std::numeric_limits<double>::infinity();
    const double value = objective_value(options_.objective, cost);
    std::vector<Estimated>& list = found.estimated;
    if (list.size() == kMostWalked && !better(options_.objective, cost, list.back().cost)) {
      return value;
    }
    const auto place = std::find_if(list.begin(), list.end(), [&](const Estimated& one) {
      return !better(options_.objective, one.cost, cost);
    });
    // What costs the same is most likely the same.
    if (place != list.end() && place->cost.latency == cost.latency &&
        place->cost.energy == cost.energy) {
      return value;
    }
    list.insert(place, {cost, ordering, cuts});
    if (list.size() > kMostWalked) list.pop_back();
    return value;
  }

  // Walks through the tiles of those that promise most; of one, if time is over.
  void settle(const model::Problem& problem, Found& found) {
    const std::vector<Estimated> list = std::move(found.estimated);
    found.estimated.clear();
    for (const Estimated& one : list) {
      if (found.any && options_.budget.stopped()) {
        found.cut_off = true;
        return;
      }
      --found.evaluated;  // counted already
      cost(problem, one.ordering, one.cuts, found);
    }
  }

  // Whether a mapping that costs no less than `least` may change what was found.
  bool may_help(const model::Cost& least, const Found& found) const {
    if (!std::isfinite(least.energy)) return false;
    if (options_.objective != Objective::latency) {
      return better(options_.objective, least, found.cost);
    }
    return std::none_of(found.near.begin(), found.near.end(), [&](const model::Cost& one) {
      return one.latency <= least.latency && one.energy <= least.energy;
    });
  }

  void cost(const model::Problem& problem, const model::Ordering& ordering, const model::Cuts& cuts,
            Found& found) {
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
            const std::vector<LoopConstraint>& constraints, Found& found) {
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
    OrderingBatch batch(problem, permutations.current(), options_.even);
    const auto cost_batch = [&] {
      batch.cost([&](const model::Cost& one, int i) {
        ++found.evaluated;
        if (!std::isfinite(one.energy)) return;
        if (options_.objective == Objective::latency) add_near(one, found.near);
        if (found.any && !better(options_.objective, one, found.cost)) return;
        found.any = true;
        found.cost = one;
        found.ordering = batch.ordering(i);
        found.cuts = batch.cuts(i);
      });
    };
    bool any_ordering = false;
    std::int64_t since_poll = 0;
    model::Ordering ordering;
    const std::int64_t poll = problem.strict ? kPoll / 8 : kPoll;
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
        if (batch.add(permutations.places()) && batch.full()) cost_batch();
        continue;
      }
      set_ordering(layer_, permutations.current(), ordering);
      consider(problem, ordering, found);
    } while (permutations.next());
    cost_batch();
    if (!found.any) remember_all(problem, factors.loops, constraints);
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
      if (++since_poll % kPoll == 0 && options_.budget.stopped()) break;
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
                    Found& found) {
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
    if (all && found.any) found.lower_bound = objective_value(options_.objective, found.cost);
  }

  void exact(const model::Problem& problem, const std::vector<LoopConstraint>& constraints,
             std::optional<model::Cost> incumbent, std::int64_t node_limit, Found& found) {
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
    found.evaluated += result.evaluated;
    if (result.improved) {
      found.any = true;
      found.cost = result.best.cost;
      found.ordering = result.best.ordering;
      found.cuts = result.best.cuts;
      found.reason.clear();
    }
  }

  void anneal(const model::Problem& problem, const std::vector<std::int64_t>& sizes, Found& found) {
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
      Found one;
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

  std::string describe_failure(const model::Problem& problem) const {
    if (failure_.memory < 0) return "no loop ordering could be evaluated";
    const model::ProblemMemory& memory = problem.memory[z(failure_.memory)];
    const std::string& name = accelerator_.memories[z(memory.source)].name;
    const auto whole = [](double value) {
      return std::to_string(static_cast<std::int64_t>(value));
    };
    std::string who;
    std::string level;
    if (failure_.operand >= 0) {
      who = "operand " + layer_.operands[z(failure_.operand)].name;
      for (int i = 0; i < memory.count; ++i) {
        if (memory.residents[z(i)].operand == failure_.operand) {
          level = " (level " + std::to_string(memory.residents[z(i)].level) + " of " +
                  layer_.operands[z(failure_.operand)].name + ")";
        }
      }
    } else {
      who = "operands";
      for (int i = 0; i < memory.count; ++i) {
        who += (i == 0 ? " " : ", ") + layer_.operands[memory.residents[z(i)].operand].name;
      }
    }
    if (failure_.left_over) {
      const double bits =
          failure_.operand < 0 ? 0 : static_cast<double>(layer_.operand_bits(failure_.operand));
      std::string text = who + ": the whole";
      if (bits > memory.size) text += ", " + whole(bits) + " bits,";
      text += " does not fit memory " + name + level + ", the outermost it has, of " +
              whole(memory.size) + " bits";
      if (bits > memory.size) text += ": " + whole(bits - memory.size) + " bits too many";
      return text;
    }
    return who + ": the smallest tile, " + whole(std::ceil(failure_.bits)) +
           " bits, does not fit memory " + name + level + " of " + whole(memory.size) +
           " bits: " + whole(std::ceil(failure_.bits - memory.size)) + " bits too many";
  }

  const model::Layer& layer_;
  const model::Accelerator& accelerator_;
  const model::MappingEntry& mapping_;
  const MapperOptions& options_;
  AllocationFailure failure_;
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
  Found best;
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
  std::vector<Found> block;
  std::vector<std::variant<model::Problem, std::string>> compiled_block;
  for (std::size_t begin = 0, end = 1; begin < count;
       begin = end, end = std::min(count, end + kSpatialBlock)) {
    if (begin > 0 && options.budget.stopped()) {
      proven = false;
      lower_bound = -std::numeric_limits<double>::infinity();
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
    const auto search_one = [&](std::size_t i) {
      compiled_block[i] =
          model::compile(layer, accelerator, hierarchy, mapping, candidates.mappings[begin + i],
                         model::cost_model(options.no_quirks));
      const auto* problem = std::get_if<model::Problem>(&compiled_block[i]);
      if (problem == nullptr) return;
      // Of very many spatial mappings only the first few are also searched as the reference does.
      const bool with_loma = begin + i < kReferenceCandidates;
      block[i] = Search(layer, accelerator, mapping, options)
                     .run(*problem, incumbent, with_loma, node_limit);
    };
    if (options.for_each && block.size() > 1) {
      options.for_each(block.size(), search_one);
    } else {
      for (std::size_t i = 0; i < block.size(); ++i) search_one(i);
    }
    for (std::size_t i = 0; i < block.size(); ++i) {
      if (const auto* why = std::get_if<std::string>(&compiled_block[i])) {
        if (reason.empty()) reason = *why;
        continue;
      }
      const Found& found = block[i];
      for (const model::Cost& cost : found.near) add_near(cost, near);
      result.evaluated += found.evaluated;
      result.nodes += found.nodes;
      result.orderings += found.orderings;
      proven = proven && found.proven;
      if (result.refused.empty()) result.refused = found.refused;
      lower_bound = std::min(lower_bound, found.lower_bound);
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
  result.optimal = proven;
  const double value = objective_value(options.objective, best.cost);
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
