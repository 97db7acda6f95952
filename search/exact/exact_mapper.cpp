#include "search/exact/exact_mapper.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <unordered_map>

#include "search/exact/bounds.hpp"
#include "search/exact/chain_orderings.hpp"
#include "search/exact/chains.hpp"
#include "search/exact/cut_lattice.hpp"
#include "search/exact/dominance.hpp"
#include "search/exact/dual_bounds.hpp"
#include "search/exact/prefix_nodes.hpp"

namespace ridgeline::search {

namespace {

std::size_t z(std::int64_t i) {
  return static_cast<std::size_t>(i);
}

// Sums of energies in another order differ in the last bits; bounds that are equal up to this
// count as equal.
constexpr double kTie = 1e-12;

// Chains that a new one is compared with at most: the comparisons would take longer than they save.
constexpr std::size_t kMostCompared = 150;

// Chains that are kept of one pass at most, some 3 GB of them; a search that needs more stops.
constexpr std::size_t kMostChains = 5'000'000;

// Steps towards good prices, nodes that show whether a problem is easy, and what follows if it
// is not: more steps, and chains that a first pass keeps of each state.
constexpr int kFirstSteps = 12;
constexpr std::int64_t kEasyNodes = 5000;
constexpr int kMoreSteps = 60;
constexpr int kBeam = 2;

// Orderings that are costed of a chain which prices lead to: one of the first will do.
constexpr int kMostAttempts = 32;

class ChainSearch {
 public:
  ChainSearch(const CutLattice& space, ExactBounds& bounds, const PrefixNodes& prefix,
              const ExactOptions& options, const std::optional<model::Cost>& incumbent)
      : space_(space),
        bounds_(bounds),
        prefix_(prefix),
        options_(options),
        leaf_(space, options.even),
        chains_(space, bounds, leaf_, options.constraints, prefix, options.even),
        dominance_(space, bounds, chains_, options.prune) {
    if (incumbent) {
      has_best_ = true;
      best_ = *incumbent;
    }
  }

  ExactResult run() {
    if (!leaf_.top_levels_fit() || space_.constant_energy() >= CutLattice::kInfeasible) {
      result_.optimal = true;
      return finish();
    }
    if (options_.front || options_.objective == Objective::edp) {
      solve(Focus::both, false);
    } else {
      // The first term of the objective alone needs fewer chains; once it is known, few are left.
      const bool latency = options_.objective == Objective::latency;
      solve(latency ? Focus::latency : Focus::energy, false);
      if (!stopped_) {
        if (has_best_) proven_ = objective_value(options_.objective, best_);
        solve(Focus::both, true);
      }
    }
    result_.optimal = !stopped_;
    return finish();
  }

  void add_to_front(const ExactMapping& mapping) {
    const auto covers = [](const model::Cost& a, const model::Cost& b) {
      return a.latency <= b.latency && a.energy <= b.energy;
    };
    auto& front = result_.front;
    for (const ExactMapping& other : front) {
      if (covers(other.cost, mapping.cost)) return;
    }
    std::erase_if(front,
                  [&](const ExactMapping& other) { return covers(mapping.cost, other.cost); });
    front.push_back(mapping);
  }

 private:
  ExactResult finish() {
    const double infinity = std::numeric_limits<double>::infinity();
    const double best = has_best_ ? objective_value(options_.objective, best_) : infinity;
    result_.lower_bound = best;
    if (stopped_) {
      result_.lower_bound = std::min(best, std::max({open_bound_, proven_, root_bound()}));
    }
    std::sort(result_.front.begin(), result_.front.end(),
              [](const auto& a, const auto& b) { return a.cost.latency < b.cost.latency; });
    return result_;
  }

  // Of the objective, before anything is searched.
  double root_bound() {
    if (!price_search_) price_search_.emplace(space_, bounds_);
    const double latency = price_search_->least_latency();
    const double energy =
        space_.constant_energy() + bounds_.energy_left(space_.full(), bounds_.all_left());
    if (options_.objective == Objective::edp && latency <= 0) return 0;
    return objective_value(options_.objective, {energy, latency});
  }

  // Searches everything: most problems are easy, and only the others get better prices and a
  // first pass that keeps few chains, to find what the search has to beat.
  void solve(Focus focus, bool second) {
    if (find_prices(second, kFirstSteps) || search(0, focus, kEasyNodes) || stopped_) return;
    if (find_prices(second, kMoreSteps)) return;
    search(kBeam, focus, 0);
    if (!stopped_) search(0, focus, 0);
  }

  // Tables of prices, and an incumbent; returns whether nothing is better. `second`: for the second
  // term of the objective.
  bool find_prices(bool second, int steps) {
    if (!options_.prune || options_.front) return false;
    if (!price_search_) price_search_.emplace(space_, bounds_);
    const auto best = [&] { return has_best_ ? best_ : model::Cost{1e300, 1e300}; };
    const auto attempt = [&](const DualBoundTable::Marks& marks) {
      try_marks(marks);
      return best();
    };
    PriceGoal goal;
    if (options_.objective == Objective::energy) {
      if (!second || !has_best_) return false;  // energy has its own table
      goal = {100 * best_.latency / best_.energy, 1, false};
    } else if (second) {
      goal = {1, 1000 * best_.energy / best_.latency, true};
    } else if (options_.objective == Objective::edp) {
      if (!has_best_) price_search_->run({0, 1, false}, 3, attempt, best(), tables_);
      if (!has_best_) return false;
      tables_.clear();
      goal = {1, best_.energy / best_.latency, false};
    }
    const bool closed = price_search_->run(goal, steps, attempt, best(), tables_);
    return closed && !second && options_.objective == Objective::latency;
  }

  void try_marks(const DualBoundTable::Marks& marks) {
    if (prefix_.constrained() && prefix_.stops().empty()) return;
    PlacedCuts placed{};
    std::vector<ChainMark> chain;
    for (const std::int64_t stop : prefix_.stops()) chain.push_back({stop, 0});
    for (int o = 0; o < space_.problem().operands; ++o) {
      for (int c = 0; c < space_.cuts_of(o); ++c) {
        placed[z(o)][z(c)] = marks[z(o)][z(c)];
        chain.push_back({marks[z(o)][z(c)], 0});
      }
    }
    std::sort(chain.begin(), chain.end(), [&](const ChainMark& a, const ChainMark& b) {
      return space_.cycles(a.node) < space_.cycles(b.node);
    });
    chain.erase(
        std::unique(chain.begin(), chain.end(),
                    [](const ChainMark& a, const ChainMark& b) { return a.node == b.node; }),
        chain.end());
    expand(chain, placed, -CutLattice::kInfeasible, kMostAttempts);
  }

  // ---- bounds and pruning

  struct Bound {
    double energy = 0;
    double latency = 0;
    double stall = 0;
  };

  bool bound(std::int32_t id, std::int64_t node, Bound& result) const {
    const Chain& chain = chains_[id];
    const double rest = bounds_.energy_left(node, chain.state);
    if (rest >= CutLattice::kInfeasible) return false;
    result.energy = chains_.paid(id)[kPaidEnergy] + rest;
    double priced_latency = -CutLattice::kInfeasible;
    if (node != space_.full()) {
      for (std::size_t k = 0; k < tables_.size(); ++k) {
        const double bound =
            lines_[z(id) * tables_.size() + k] + tables_[k].left(node, chain.state);
        if (options_.objective != Objective::edp && beyond(tables_[k], bound, result)) return false;
        if (tables_[k].energy_price() == 0) {
          priced_latency =
              std::max(priced_latency, bound / tables_[k].latency_price() * (1 - kPriceTie));
        }
      }
    }
    const ExactBounds::Latency latency =
        bounds_.latency(chains_.paid(id), chain.type, chain.left, node);
    result.latency = std::max(priced_latency, latency.total);
    result.stall = latency.stall;
    if (options_.objective == Objective::edp && node != space_.full()) {
      for (std::size_t k = 0; k < tables_.size(); ++k) {
        const double bound =
            lines_[z(id) * tables_.size() + k] + tables_[k].left(node, chain.state);
        if (beyond(tables_[k], bound, result)) return false;
      }
    }
    return true;
  }

  // Whether nothing is better than the incumbent if energy and latency, so priced, cost at least
  // `bound`, and neither is less than `lower` says.
  bool beyond(const DualBoundTable& table, double bound, const Bound& lower) const {
    if (!has_best_) return false;
    const double energy = table.energy_price();
    const double latency = table.latency_price();
    if (energy == 0) {
      if (options_.objective == Objective::edp) {
        return bound * lower.energy >= latency * best_.latency * best_.energy * (1 + kPriceTie);
      }
      const double limit = latency * best_.latency;
      return focus_ == Focus::latency ? bound >= limit * (1 - kPriceTie)
                                      : bound > limit * (1 + kPriceTie);
    }
    if (options_.objective == Objective::edp) {
      // The product is least at an end of the line that the prices draw.
      const double best = best_.latency * best_.energy * (1 + kPriceTie);
      if (latency == 0 || lower.latency <= 0) return false;
      const double l = std::max(lower.latency, (bound - energy * lower.energy) / latency);
      const double e = std::max(lower.energy, (bound - latency * lower.latency) / energy);
      return l * lower.energy >= best && e * lower.latency >= best;
    }
    return bound >= (energy * best_.energy + latency * best_.latency) * (1 - kPriceTie);
  }

  bool prunable(const Bound& lower) const {
    if (!options_.prune) return false;
    if (focus_ == Focus::latency) return has_best_ && lower.latency >= best_.latency;
    if (focus_ == Focus::energy) return has_best_ && lower.energy >= best_.energy * (1 - kTie);
    if (options_.front) {
      return std::any_of(result_.front.begin(), result_.front.end(), [&](const ExactMapping& m) {
        return m.cost.latency <= lower.latency && m.cost.energy * (1 - kTie) <= lower.energy;
      });
    }
    if (!has_best_) return false;
    const double near = best_.energy * (1 - kTie);
    switch (options_.objective) {
      case Objective::latency:
        return lower.latency > best_.latency ||
               (lower.latency == best_.latency && lower.energy >= near);
      case Objective::energy:
        return lower.energy > best_.energy * (1 + kTie) ||
               (lower.energy >= near && lower.latency >= best_.latency);
      case Objective::edp:
        return lower.latency > 0 &&
               lower.latency * lower.energy >= best_.latency * best_.energy * (1 - kTie);
      default:  // no objective of mappings
        return false;
    }
  }

  double objective_bound(const Bound& lower) const {
    return objective_value(options_.objective, {lower.energy, lower.latency});
  }

  // Chains of equal keys at the node in hand: those that may stand for others, and others.
  struct Group {
    std::vector<std::int32_t> exact;
    std::vector<std::int32_t> others;
  };

  // ---- the walk from the outermost loop inwards

  struct Visit {
    std::int64_t node = -1;  // last one
    Bound lower;
    std::uint32_t doubtful = 0;  // ports
    bool dead = false;           // dropped there
  };

  // Returns whether it is complete: neither stopped nor out of `budget` nodes (0: none).
  bool search(int beam, Focus focus, std::int64_t budget) {
    beam_ = beam;
    budget_ = budget == 0 ? 0 : result_.nodes + budget;
    focus_ = focus;
    lines_.clear();
    visits_.clear();
    buckets_.assign(z(space_.nodes()), {});
    chains_.restart();
    add_chain();
    buckets_[z(space_.full())].push_back(0);
    for (std::int64_t node = space_.full(); node >= 0 && !stopped_; --node) {
      if (budget_ > 0 && result_.nodes > budget_) return false;
      if (!buckets_[z(node)].empty()) process(node);
    }
    if (stopped_ && beam_ == 0) {
      // What was not looked at bounds what could still be found.
      open_bound_ = std::numeric_limits<double>::infinity();
      for (std::int64_t node = 0; node < space_.nodes(); ++node) {
        for (const std::int32_t id : buckets_[z(node)]) {
          Bound lower;
          if (bound(id, node, lower) && !prunable(lower)) {
            open_bound_ = std::min(open_bound_, objective_bound(lower));
          }
        }
      }
    }
    return !stopped_;
  }

  std::int32_t add_chain() {
    const std::int32_t id = chains_.commit();
    visits_.emplace_back();
    for (const DualBoundTable& table : tables_) {
      lines_.push_back(table.paid(chains_.paid(id)) + table.constant(chains_[id].type));
    }
    return id;
  }

  bool count_node() {
    ++result_.nodes;
    return (options_.node_limit > 0 && result_.nodes > options_.node_limit) ||
           chains_.size() > kMostChains || (result_.nodes % 1024 == 0 && options_.budget.stopped());
  }

  // Enters a chain into the node in hand, unless it is worse than the incumbent or than another
  // chain there.
  bool enter(std::int32_t id, std::int64_t node) {
    Visit& visit = visits_[z(id)];
    if (visit.node == node) return false;
    visit.node = node;
    visit.dead = false;
    if (!bound(id, node, visit.lower)) return false;
    if (prunable(visit.lower)) return false;
    if (count_node()) stopped_ = true;
    return true;
  }

  bool dominates(std::int32_t a, std::int32_t b, std::int64_t node) const {
    return dominance_.dominates(a, b, node, focus_, visits_[z(a)].doubtful,
                                visits_[z(b)].lower.stall);
  }

  bool keep(std::int32_t id, std::int64_t node) {
    Group& group = groups_[dominance_.key_of(chains_[id], focus_)];
    for (std::size_t i = 0; i < group.exact.size(); ++i) {
      const std::int32_t other = group.exact[i];
      if (visits_[z(other)].dead || !dominates(other, id, node)) continue;
      visits_[z(id)].dead = true;
      // What stands for one chain often stands for the next one.
      std::swap(group.exact[i], group.exact[i / 2]);
      return false;
    }
    if (!dominance_.may_stand_for_others(chains_[id], node, focus_)) {
      if (group.others.size() < kMostCompared) group.others.push_back(id);
      return true;
    }
    visits_[z(id)].doubtful = chains_.doubtful_ports(chains_[id], node);
    for (std::vector<std::int32_t>* list : {&group.exact, &group.others}) {
      std::erase_if(*list, [&](std::int32_t other) {
        Visit& visit = visits_[z(other)];
        if (!visit.dead && dominates(id, other, node)) visit.dead = true;
        return visit.dead;
      });
    }
    if (group.exact.size() < kMostCompared) group.exact.push_back(id);
    return true;
  }

  void process(std::int64_t node) {
    std::vector<std::int32_t> here;
    here.swap(buckets_[z(node)]);
    groups_.clear();
    alive_.clear();
    std::size_t kept = 0;
    for (std::size_t i = 0; i < here.size(); ++i) {
      if (enter(here[i], node)) here[kept++] = here[i];
      if (stopped_) {
        // Give back what is not done yet.
        buckets_[z(node)].assign(here.begin(), here.begin() + static_cast<std::ptrdiff_t>(kept));
        buckets_[z(node)].insert(buckets_[z(node)].end(),
                                 here.begin() + static_cast<std::ptrdiff_t>(i), here.end());
        return;
      }
    }
    here.resize(kept);
    std::sort(here.begin(), here.end(), [&](std::int32_t a, std::int32_t b) {
      const double x = chains_.paid(a)[kPaidEnergy];
      const double y = chains_.paid(b)[kPaidEnergy];
      return x != y ? x < y : a < b;
    });
    for (const std::int32_t id : here) {
      if (keep(id, node)) alive_.push_back(id);
    }
    for (std::size_t i = 0; i < alive_.size(); ++i) {
      if (!visits_[z(alive_[i])].dead && chains_.end_zone(alive_[i], node)) offer(node);
    }
    for (int o = 0; o < space_.problem().operands; ++o) {
      for (std::size_t i = 0; i < alive_.size() && !stopped_; ++i) {
        if (!visits_[z(alive_[i])].dead && chains_.place_cut(alive_[i], o, node)) offer(node);
      }
    }
    if (stopped_) {
      buckets_[z(node)] = alive_;
      return;
    }
    std::erase_if(alive_, [&](std::int32_t id) { return visits_[z(id)].dead; });
    if (beam_ > 0) thin();
    for (const std::int32_t id : alive_) {
      const Chain& chain = chains_[id];
      if (chain.state == 0 && chains_.zones_met(chain, node)) {
        close(id);
      } else {
        walk(id, node);
      }
    }
  }

  // Keeps the best few of each state.
  void thin() {
    std::sort(alive_.begin(), alive_.end(), [&](std::int32_t a, std::int32_t b) {
      const Bound& x = visits_[z(a)].lower;
      const Bound& y = visits_[z(b)].lower;
      const model::Cost c{x.energy, x.latency};
      const model::Cost d{y.energy, y.latency};
      if (better(options_.objective, c, d)) return true;
      if (better(options_.objective, d, c)) return false;
      return a < b;
    });
    std::map<std::pair<int, int>, int> count;
    std::erase_if(alive_, [&](std::int32_t id) {
      const Chain& chain = chains_[id];
      return ++count[{chain.state, chain.in_zone ? chain.zone : -1}] > beam_;
    });
  }

  void walk(std::int32_t id, std::int64_t node) {
    const Chain& chain = chains_[id];
    for (int t = 0; t < space_.type_count(); ++t) {
      if (space_.count_in(node, t) == 0 || !chains_.may_take(chain, node, t)) continue;
      buckets_[z(node - space_.type(t).stride)].push_back(id);
    }
  }

  // Enters the chain that was built last into the node in hand.
  void offer(std::int64_t node) {
    const std::int32_t id = add_chain();
    if (enter(id, node) && keep(id, node)) {
      alive_.push_back(id);
    } else if (!stopped_) {
      chains_.drop_last();
      visits_.pop_back();
      lines_.resize(lines_.size() - tables_.size());
    } else {
      alive_.push_back(id);
    }
  }

  // ---- complete chains

  void close(std::int32_t id) {
    std::vector<ChainMark> marks;
    PlacedCuts placed{};
    for (std::int32_t i = id; chains_[i].above >= 0; i = chains_[i].above) {
      const Chain& chain = chains_[i];
      if (marks.empty() || marks.back().node != chain.mark) marks.push_back({chain.mark, 0});
      if (chain.operand < 0) continue;
      const int o = chain.operand;
      placed[z(o)][chain.left[z(o)]] = chain.mark;
      marks.back().must_not |= static_cast<std::uint8_t>(1u << o);
    }
    const Chain& chain = chains_[id];
    const bool exact = !chain.uncertain &&
                       (focus_ == Focus::energy || (dominance_.comparable() && chain.dirty == 0));
    // Chains in which a cut would sink stand for what another chain stands for too. Only of
    // those that others were dropped for they have to be costed here.
    for (std::size_t i = 0; i < marks.size(); ++i) {
      const std::int64_t outer = i + 1 < marks.size() ? marks[i + 1].node : space_.full();
      if (exact) {
        marks[i].must_not = 0;
      } else if (outer != marks[i].node &&
                 !chains_.has_other_loop(outer, marks[i].node, marks[i].must_not)) {
        return;
      }
    }
    const double least = chain.uncertain ? -CutLattice::kInfeasible : visits_[z(id)].lower.latency;
    expand(marks, placed, options_.prune ? least : -CutLattice::kInfeasible, 0);
  }

  // Costs the orderings that a chain stands for, at most so many (0: all), until one takes no
  // longer than `least`, a bound for all of them; their energies are equal.
  void expand(const std::vector<ChainMark>& marks, const PlacedCuts& placed, double least,
              int most) {
    int count = 0;
    leaf_.expand(marks, placed, [&](const model::Ordering& ordering, const model::Cuts& cuts) {
      const model::Cost cost = model::evaluate(space_.problem(), ordering, cuts);
      ++result_.evaluated;
      const bool go_on = cost.latency > least && ++count != most;
      if (!std::isfinite(cost.energy)) return go_on;
      if (options_.front) {
        add_to_front({cost, ordering, cuts});
        return go_on;
      }
      if (has_best_ && !better(options_.objective, cost, best_)) return go_on;
      has_best_ = true;
      best_ = cost;
      result_.improved = true;
      result_.best = {cost, ordering, cuts};
      return go_on;
    });
  }

  const CutLattice& space_;
  ExactBounds& bounds_;
  const PrefixNodes& prefix_;
  const ExactOptions& options_;
  ChainOrderings leaf_;
  Chains chains_;
  Dominance dominance_;
  ExactResult result_;
  bool has_best_ = false;
  model::Cost best_;
  bool stopped_ = false;
  double open_bound_ = -std::numeric_limits<double>::infinity();  // of what is left, where stopped
  double proven_ = -std::numeric_limits<double>::infinity();      // nothing is less

  std::optional<DualBoundSearch> price_search_;
  std::vector<DualBoundTable> tables_;
  std::vector<double> lines_;  // [chain][table]: what is paid, so priced
  int beam_ = 0;
  std::int64_t budget_ = 0;
  Focus focus_ = Focus::both;
  std::vector<Visit> visits_;
  std::vector<std::vector<std::int32_t>> buckets_;  // chains on their way, by node
  std::vector<std::int32_t> alive_;
  std::unordered_map<ChainKey, Group, ChainKeyHash> groups_;
};

}  // namespace

ExactResult exact_search(const model::Problem& problem, const ExactOptions& options,
                         const std::optional<model::Cost>& incumbent) {
  if (incumbent && !options.front && options.prune) {
    // Most spatial mappings of many need not be looked into.
    const model::Cost least = least_cost(problem);
    const double best = objective_value(options.objective, *incumbent);
    if (least.latency > 0 && objective_value(options.objective, least) > best * (1 + kTie)) {
      ExactResult result;
      result.optimal = true;
      result.lower_bound = best;
      result.orderings = orderings_of(problem);
      return result;
    }
  }
  CutLattice space(problem, options.state_limit);
  if (space.too_large()) {
    ExactResult result;
    result.orderings = orderings_of(problem);
    return result;
  }
  const PrefixNodes prefix(space, options.constraints);
  if (prefix.constrained()) {
    if (prefix.impossible()) {
      ExactResult result;
      result.optimal = true;
      result.lower_bound = incumbent ? objective_value(options.objective, *incumbent)
                                     : std::numeric_limits<double>::infinity();
      return result;
    }
    std::vector<std::uint8_t> open(static_cast<std::size_t>(space.nodes()));
    for (std::int64_t x = 0; x < space.nodes(); ++x) {
      open[z(x)] = prefix.outside(x) || prefix.inside(x);
    }
    space.allow_cuts(open);
  }
  ExactBounds bounds(space);
  ExactResult result;
  if (options.front) {
    // The ends of the front, and one between, leave less to look for.
    ChainSearch search(space, bounds, prefix, options, std::nullopt);
    std::int64_t nodes = 0;
    std::int64_t evaluated = 0;
    for (const Objective objective : {Objective::latency, Objective::energy, Objective::edp}) {
      ExactOptions single = options;
      single.front = false;
      single.objective = objective;
      const ExactResult end = ChainSearch(space, bounds, prefix, single, std::nullopt).run();
      nodes += end.nodes;
      evaluated += end.evaluated;
      if (end.improved) search.add_to_front(end.best);
    }
    result = search.run();
    result.nodes += nodes;
    result.evaluated += evaluated;
  } else {
    result = ChainSearch(space, bounds, prefix, options, incumbent).run();
  }
  result.orderings = orderings_of(problem);
  return result;
}

}  // namespace ridgeline::search
