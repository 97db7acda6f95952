#include "search/exact/exact_mapper.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <map>
#include <tuple>
#include <unordered_map>

#include "model/core/assert.hpp"
#include "model/core/index.hpp"
#include "search/exact/bounds.hpp"
#include "search/exact/chain_orderings.hpp"
#include "search/exact/chains.hpp"
#include "search/exact/cut_lattice.hpp"
#include "search/exact/dominance.hpp"
#include "search/exact/dual_bounds.hpp"
#include "search/exact/least_cost.hpp"
#include "search/exact/least_product.hpp"
#include "search/exact/prefix_nodes.hpp"
#include "search/exact/rows.hpp"

namespace ridgeline::search {

namespace {

// Sums of energies in another order differ in the last bits; bounds that are equal up to this
// count as equal.
constexpr double kTie = 1e-12;

// Chains that a new one is compared with at most: the comparisons would take longer than they save.
constexpr std::size_t kMostCompared = 150;

// Bytes that a search holds at most, whatever its budget.
constexpr std::int64_t kMostBytes = 400'000'000;
std::int64_t bytes_of(const Budget& budget) {
  return budget.bytes > 0 ? std::min(budget.bytes, kMostBytes) : kMostBytes;
}

// Steps towards good prices, and what follows if the problem is not easy: more steps, and chains
// that a first pass keeps of each state.
constexpr int kFirstSteps = 12;
constexpr int kMoreSteps = 60;
constexpr int kBeam = 2;

// Tables are built as long as their cells are no more than so many in all; a few are built
// whatever their size. No more than so many are held, of one goal and of all.
constexpr std::int64_t kMostCells = 60'000'000;
constexpr int kLeastSteps = 4;
constexpr int kMostTables = 4;
constexpr std::size_t kMostTablesInAll = 12;

// A first pass that need not tell apart what differs by less than this leaves little to prove.
constexpr double kRoughGap = 0.01;
// Share of the nodes allowed that the pass that keeps few chains may use; and those that look for
// good mappings one after the other, and for the least energy alone. What they leave is the
// others'.
constexpr double kBeamShare = 0.03;
constexpr double kDiveShare = 0.1;
constexpr double kEnergyShare = 0.3;
// And the second term of latency or energy.
constexpr double kSecondShare = 0.3;

// Cells of a table of prices that take as long as a node.
constexpr std::int64_t kCellsOfNode = 200;

// Beyond so many bytes of tables a node waits for memory, and takes so many times as long.
constexpr std::int64_t kCached = 100'000'000;
constexpr std::int64_t kSlowNode = 3;

// Chains that are searched on their own where memory is short, in groups.
constexpr std::size_t kGroups = 16;
constexpr std::int64_t kLeastChains = 1000;

// Orderings that are costed of a chain which prices lead to: one of the first will do.
constexpr int kMostAttempts = 32;

class ChainSearch {
 public:
  ChainSearch(const CutLattice& space, ExactBounds& bounds, const PrefixNodes& prefix,
              const ExactOptions& options, const std::optional<model::Cost>& incumbent,
              Watch& watch)
      : space_(space),
        bounds_(bounds),
        prefix_(prefix),
        options_(options),
        watch_(watch),
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
    const std::int64_t bytes = bytes_of(options_.budget);
    bytes_ = std::max(bytes - space_.bytes() - bounds_.bytes(), bytes / 4);
    table_bytes_ = DualBoundTable::bytes(space_, bounds_);
    limit_ = options_.node_limit;
    if (space_.bytes() + bounds_.bytes() > kCached) slow_ = kSlowNode;
    if (limit_ > 0) limit_ = std::max<std::int64_t>(1, limit_ / slow_);
    if (options_.front || options_.objective == Objective::edp) {
      solve(Focus::both, false);
    } else {
      // The first term of the objective alone needs fewer chains; once it is known, few are left.
      const bool latency = options_.objective == Objective::latency;
      solve(latency ? Focus::latency : Focus::energy, false);
      if (!stopped_ && !settled_for_less_ && !options_.first_term) {
        if (has_best_) proven_ = objective_value(options_.objective, best_);
        // Nobody waits as long for the second term as for the first.
        const auto share = static_cast<double>(limit_) * kSecondShare;
        if (limit_ > 0) {
          limit_ = std::min(limit_, result_.nodes + filling_ + static_cast<std::int64_t>(share));
        }
        solve(Focus::both, true);
      }
    }
    result_.optimal = !stopped_ && !settled_for_less_;
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
    if (stopped_ || settled_for_less_) {
      result_.lower_bound = std::min(best, std::max({open_bound_, proven_, root_bound()}));
    }
    std::sort(result_.front.begin(), result_.front.end(),
              [](const auto& a, const auto& b) { return a.cost.latency < b.cost.latency; });
    return result_;
  }

  // Of the objective, before anything is searched.
  double root_bound() {
    if (!price_search_) price_search_.emplace(space_, bounds_, watch_);
    const double latency = price_search_->least_latency();
    const double energy =
        std::max(least_energy_,
                 space_.constant_energy() + bounds_.energy_left(space_.full(), bounds_.all_left()));
    if (options_.objective == Objective::edp && latency <= 0) return 0;
    return objective_value(options_.objective, {energy, latency});
  }

  // Searches everything: most problems are easy, and only the others get better prices, a first
  // pass that keeps few chains, to find what the search has to beat, and one that is content with
  // a small gap.
  void solve(Focus focus, bool second) {
    if (options_.front || !options_.prune) {
      search(0, focus, 0);
      return;
    }
    if (find_prices(second, kFirstSteps) || search(0, focus, options_.easy_nodes) || stopped_)
      return;
    if (!second && close_enough()) return;
    if (find_prices(second, kMoreSteps) || (!second && close_enough())) return;
    const std::int64_t nodes = limit_;
    const auto share = [&](double part) {
      const auto some = static_cast<std::int64_t>(part * static_cast<double>(nodes));
      return nodes == 0 ? 0 : std::max(options_.easy_nodes, some);
    };
    // Few chains at a time, the most promising first: a good mapping soon.
    dive_ = true;
    const bool exhausted = search(0, focus, share(kDiveShare));
    dive_ = false;
    if (exhausted || stopped_) return;
    if (options_.objective == Objective::edp) least_energy_first(share(kEnergyShare));
    search(kBeam, focus, share(kBeamShare));
    if (stopped_) return;
    if (!second) {
      if (close_enough()) return;
      keep_ = 1 - std::max(kRoughGap, options_.gap);
      const bool done = search_by_turns(focus);
      if (stopped_) return;
      if (done && has_best_) {
        proven_ = std::max(proven_, keep_ * objective_value(options_.objective, best_));
      }
      keep_ = 1 - options_.gap;
      if (close_enough()) return;
    }
    const bool done = search_by_turns(focus);
    if (done && !stopped_ && !second && options_.gap > 0 && has_best_) {
      proven_ = std::max(proven_, keep_ * objective_value(options_.objective, best_));
      settled_for_less_ = true;
    }
  }

  // Everything, within what is left of the limit: half of it outermost nodes first, where chains
  // meet and stand for each other; half of the rest the most promising chains first, which sooner
  // finds what many others are not better than; and what is then left as before.
  bool search_by_turns(Focus focus) {
    const auto half = [&] {
      return limit_ == 0 ? 0 : std::max<std::int64_t>(1, (limit_ - result_.nodes - filling_) / 2);
    };
    if (search(0, focus, half()) || stopped_) return !stopped_;
    dive_ = true;
    const bool done = search(0, focus, half());
    dive_ = false;
    return done || (!stopped_ && search(0, focus, 0));
  }

  // The energy alone is much easier than its product with the latency. Its least is a floor, and
  // what attains it often nearly the best.
  void least_energy_first(std::int64_t nodes) {
    ExactOptions single = options_;
    single.objective = Objective::energy;
    single.node_limit = nodes * slow_;
    single.budget.bytes = std::max<std::int64_t>(bytes_ / 2, 1);
    ChainSearch sub(space_, bounds_, prefix_, single, std::nullopt, watch_);
    const ExactResult found = sub.run();
    result_.nodes += found.nodes;
    result_.evaluated += found.evaluated;
    filling_ += sub.filling_;
    least_energy_ = std::max(least_energy_, found.lower_bound * (1 - kTie));
    if (found.improved && (!has_best_ || better(options_.objective, found.best.cost, best_))) {
      has_best_ = true;
      best_ = found.best.cost;
      result_.improved = true;
      result_.best = found.best;
    }
  }

  // Whether what is known is within the gap that is asked for.
  bool close_enough() {
    if (options_.gap <= 0 || !has_best_) return false;
    proven_ = std::max(proven_, root_bound());
    const double best = objective_value(options_.objective, best_);
    settled_for_less_ = proven_ >= (1 - options_.gap) * best;
    return settled_for_less_;
  }

  // Tables of prices, and an incumbent; returns whether nothing is better. `second`: for the second
  // term of the objective.
  bool find_prices(bool second, int steps) {
    if (!price_search_) price_search_.emplace(space_, bounds_, watch_);
    const std::int64_t cells =
        std::max<std::int64_t>(1, table_bytes_ / static_cast<std::int64_t>(sizeof(double)));
    steps = static_cast<int>(
        std::clamp<std::int64_t>(kMostCells / cells, std::min(steps, kLeastSteps), steps));
    const bool more = steps > kFirstSteps || tables_built_;
    tables_built_ = true;
    PriceGoal goal;
    if (options_.objective == Objective::edp) return edp_prices(more, steps);
    if (second) {
      if (!has_best_) return false;
      if (options_.objective == Objective::energy) {
        goal = {100 * best_.latency / best_.energy, 1, false};
      } else {
        goal = {1, 1000 * best_.energy / best_.latency, true};
      }
    } else if (options_.objective == Objective::energy) {
      goal = {1, 0, false};
    }
    const bool closed = run_prices(goal, steps);
    return closed && !second;
  }

  bool run_prices(const PriceGoal& goal, int steps) {
    const auto best = [&] { return has_best_ ? best_ : model::Cost{1e300, 1e300}; };
    const auto attempt = [&](const DualBoundTable::Marks& marks) {
      try_marks(marks);
      return best();
    };
    // Tables leave room for chains.
    const auto room = bytes_ / 2 / std::max<std::int64_t>(1, table_bytes_) -
                      static_cast<std::int64_t>(tables_.size());
    if (tables_.size() >= kMostTablesInAll) return false;
    if (room < 1 && !tables_.empty()) {
      // Of the product of both no line replaces another, and two are needed.
      if (options_.objective != Objective::edp) {
        tables_.clear();
      } else if (tables_.size() >= 2) {
        return false;
      }
    }
    const int most = static_cast<int>(std::clamp<std::int64_t>(room, 1, kMostTables));
    const std::int64_t before = price_search_->built();
    const bool closed = price_search_->run(goal, steps, most, attempt, best(), tables_);
    const std::int64_t cells = table_bytes_ / static_cast<std::int64_t>(sizeof(double));
    filling_ += (price_search_->built() - before) * cells / (kCellsOfNode * slow_);
    return closed;
  }

  // A line that touches the curve of the best product, and where that is not enough, others: of
  // energy and of latency alone, and in between. What attains them is costed, so that one of them
  // is often the best.
  bool edp_prices(bool more, int steps) {
    tables_.clear();
    if (!has_best_) run_prices({0, 1, false}, 3);
    if (!has_best_) run_prices({1, 0, false}, 3);
    if (!has_best_) return false;
    if (!more) {
      tables_.clear();
      run_prices({1, best_.energy / best_.latency, false}, steps);
      return false;
    }
    tables_.clear();
    const int few = std::min(steps, 8);
    const double slope = best_.energy / best_.latency;
    std::array<PriceGoal, 5> goals{{{1, 0, false},
                                    {0, 1, false},
                                    {1, 4 * slope, false},
                                    {1, 0.25 * slope, false},
                                    {1, slope, false}}};
    // Where not all fit, the most telling first.
    if (bytes_ / 2 / std::max<std::int64_t>(1, table_bytes_) < 5) std::swap(goals[0], goals[4]);
    for (const PriceGoal& goal : goals) run_prices(goal, few);
    return false;
  }

  void try_marks(const DualBoundTable::Marks& marks) {
    // Cuts alone do not say how the loops that are fixed lie between them.
    if (prefix_.constrained()) return;
    PlacedCuts placed{};
    std::vector<ChainMark> chain;
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
    expand(chain, placed, -CutLattice::kInfeasible, -CutLattice::kInfeasible, kMostAttempts);
  }

  // ---- bounds and pruning

  struct Bound {
    double energy = 0;
    double latency = 0;
    double stall = 0;
    double product = 0;  // of energy and latency; only where that is the objective
  };

  bool bound(std::int32_t id, std::int64_t node, Bound& result) const {
    const Chain& chain = chains_[id];
    const double rest = bounds_.energy_left(node, chain.state);
    if (rest >= CutLattice::kInfeasible) return false;
    result.energy = std::max(least_energy_, chains_.paid(id)[kPaidEnergy] + rest);
    result.latency = -CutLattice::kInfeasible;
    std::array<CostLine, kMostTablesInAll + kMostTables> lines;
    std::size_t count = 0;
    if (node != space_.full()) {
      for (std::size_t k = 0; k < tables_.size(); ++k) {
        const DualBoundTable& table = tables_[k];
        const double left = table.left(node, chain.state);
        if (left >= CutLattice::kInfeasible) return false;
        const double least = lines_[z(id)][k] + left;
        if (options_.objective != Objective::edp && beyond(table, least)) return false;
        const double safe = least - kPriceTie * std::abs(least);
        if (table.energy_price() == 0) {
          result.latency = std::max(result.latency, safe / table.latency_price());
        } else if (table.latency_price() == 0) {
          result.energy = std::max(result.energy, safe / table.energy_price());
        } else if (count < lines.size()) {
          lines[count++] = {table.energy_price(), table.latency_price(), safe};
        }
      }
    }
    const ExactBounds::Latency latency =
        bounds_.latency(chains_.paid(id), chain.type, chain.left, node);
    result.latency = std::max(result.latency, latency.total);
    result.stall = latency.stall;
    if (options_.objective == Objective::edp) {
      result.product = result.latency <= 0
                           ? -CutLattice::kInfeasible
                           : least_product(result.energy, result.latency, {lines.data(), count});
    }
    return true;
  }

  // Whether nothing is better than the incumbent if energy and latency, so priced, cost at least
  // `least`.
  bool beyond(const DualBoundTable& table, double least) const {
    if (!has_best_) return false;
    const double energy = table.energy_price();
    const double latency = table.latency_price();
    if (energy == 0) {
      const double limit = latency * best_.latency;
      return focus_ == Focus::latency ? least >= limit * keep_ * (1 - kPriceTie)
                                      : least > limit * (1 + kPriceTie);
    }
    if (latency == 0) {
      const double limit = energy * best_.energy;
      return focus_ == Focus::energy ? least >= limit * keep_ * (1 - kTie)
                                     : least > limit * (1 + kTie);
    }
    return focus_ == Focus::both &&
           least >= (energy * best_.energy + latency * best_.latency) * (1 - kPriceTie);
  }

  bool prunable(const Bound& lower) const {
    if (!options_.prune) return false;
    if (focus_ == Focus::latency) return has_best_ && lower.latency >= best_.latency * keep_;
    if (focus_ == Focus::energy) {
      return has_best_ && lower.energy >= best_.energy * keep_ * (1 - kTie);
    }
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
        return lower.product >= best_.latency * best_.energy * keep_ * (1 - kTie);
      default:  // no objective of mappings
        return false;
    }
  }

  double objective_bound(const Bound& lower) const {
    if (options_.objective == Objective::edp) return std::max(0.0, lower.product);
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

  // Chains on their way inwards: those that have reached a node, outermost nodes first.
  using Frontier = std::map<std::int64_t, std::vector<std::int32_t>, std::greater<>>;

  // Returns whether it is complete: neither stopped nor out of `budget` nodes (0: none).
  bool search(int beam, Focus focus, std::int64_t budget) {
    beam_ = beam;
    budget_ = budget == 0 ? 0 : result_.nodes + budget;
    focus_ = focus;
    lines_.restart(static_cast<int>(tables_.size()));
    visits_.restart(1);
    chains_.restart();
    add_chain();
    Frontier frontier;
    frontier[space_.full()].push_back(0);
    on_way_ = 1;
    const std::int64_t room = bytes_ - table_bytes_ * static_cast<std::int64_t>(tables_.size());
    // What was not looked at bounds what could still be found.
    open_ = std::numeric_limits<double>::infinity();
    const bool done = explore(frontier, 0,
                              dive_                      ? 4 * least_room()
                              : options_.chain_bytes > 0 ? options_.chain_bytes
                                                         : std::max(room, bytes_ / 4));
    if (stopped_ && beam_ == 0) {
      open_bound_ = open_;
      if (has_best_) {  // what was left out for being hardly better
        open_bound_ = std::min(open_, keep_ * objective_value(options_.objective, best_));
      }
    }
    return done;
  }

  std::int64_t held() const {
    const std::size_t one = chains_.bytes_each() + sizeof(Visit) + tables_.size() * sizeof(double);
    return parked_ +
           static_cast<std::int64_t>(chains_.size() * one + on_way_ * 2 * sizeof(std::int32_t));
  }

  std::int64_t least_room() const {
    const std::int64_t room = kLeastChains * static_cast<std::int64_t>(chains_.bytes_each());
    return options_.chain_bytes > 0 ? std::min(options_.chain_bytes, room) : room;
  }

  // Searches what a frontier leads to. Chains from `first` on are this frontier's own. Where they
  // take more than half of `room` bytes, what is left is searched in parts, one after the other.
  bool explore(Frontier& frontier, std::int32_t first, std::int64_t room) {
    const std::int64_t before = held();
    while (!frontier.empty()) {
      if (budget_ > 0 && result_.nodes > budget_) return false;
      if (held() - before > room / 2) {
        forget(frontier, first);
        if (held() - before > room / 4) {
          return explore_in_parts(frontier, std::max(room / 2, least_room()));
        }
      }
      frontier_ = &frontier;
      const auto outermost = frontier.begin();
      const std::int64_t node = outermost->first;
      std::vector<std::int32_t> here = std::move(outermost->second);
      frontier.erase(outermost);
      on_way_ -= here.size();
      process(node, std::move(here));
      if (stopped_) {
        for (const auto& [at, ids] : frontier) {
          for (const std::int32_t id : ids) leave_open(id, at);
        }
        return false;
      }
    }
    return true;
  }

  void leave_open(std::int32_t id, std::int64_t node) {
    Bound lower;
    if (bound(id, node, lower) && !prunable(lower)) open_ = std::min(open_, objective_bound(lower));
  }

  // Gives up the chains from `first` on that nothing on its way was built from.
  void forget(Frontier& frontier, std::int32_t first) {
    std::vector<std::int32_t> place(chains_.size() - z(first), -1);
    for (const auto& [node, ids] : frontier) {
      for (std::int32_t id : ids) {
        for (; id >= first && place[z(id - first)] < 0; id = chains_[id].above) {
          place[z(id - first)] = 0;
        }
      }
    }
    std::int32_t next = first;
    for (std::size_t i = 0; i < place.size(); ++i) {
      if (place[i] < 0) continue;
      const std::size_t from = z(first) + i;
      place[i] = next;
      visits_.copy(from, z(next));
      lines_.copy(from, z(next));
      ++next;
    }
    chains_.keep(first, place);
    shrink(z(next));
    for (auto& [node, ids] : frontier) {
      for (std::int32_t& id : ids) {
        if (id >= first) id = place[z(id - first)];
      }
    }
  }

  void shrink(std::size_t count) {
    chains_.shrink(count);
    visits_.shrink(count);
    lines_.shrink(count);
  }

  // The most promising chains first, each with everything that it leads to, so that less is held
  // at a time. Chains of different parts do not stand for each other.
  bool explore_in_parts(Frontier& frontier, std::int64_t room) {
    struct Parked {
      double least;  // of the objective, wherever the chain is on its way
      std::int32_t id;
      std::int32_t node;
    };
    std::vector<Parked> parked;
    for (const auto& [node, ids] : frontier) {
      on_way_ -= ids.size();
      for (const std::int32_t id : ids) {
        Bound lower;
        if (!bound(id, node, lower) || prunable(lower)) continue;
        parked.push_back({objective_bound(lower), id, static_cast<std::int32_t>(node)});
      }
    }
    frontier.clear();
    std::sort(parked.begin(), parked.end(), [](const Parked& a, const Parked& b) {
      return std::tie(a.id, a.least, a.node) < std::tie(b.id, b.least, b.node);
    });
    std::size_t chains = 0;
    for (std::size_t i = 0; i < parked.size(); ++i) {
      const bool same = i > 0 && parked[i].id == parked[i - 1].id;
      if (same) parked[i].least = parked[i - 1].least;
      chains += same ? 0 : 1;
    }
    std::sort(parked.begin(), parked.end(), [](const Parked& a, const Parked& b) {
      return std::tie(a.least, a.id, a.node) < std::tie(b.least, b.id, b.node);
    });
    const auto bytes = static_cast<std::int64_t>(parked.capacity() * sizeof(Parked));
    parked_ += bytes;
    const std::size_t size = std::max<std::size_t>(1, (chains + kGroups - 1) / kGroups);
    const std::size_t before = chains_.size();
    bool all = true;
    for (std::size_t i = 0; all && i < parked.size();) {
      Frontier some;
      for (std::size_t taken = 0; i < parked.size(); ++i) {
        const auto [least, id, node] = parked[i];
        if (i == 0 || parked[i - 1].id != id) {
          if (taken == size) break;
          ++taken;
        }
        visits_[z(id)]->node = -1;
        some[node].push_back(id);
        ++on_way_;
      }
      all = explore(some, static_cast<std::int32_t>(before), room);
      shrink(before);
      if (!all && i < parked.size()) open_ = std::min(open_, parked[i].least);
    }
    parked_ -= bytes;
    return all;
  }

  std::int32_t add_chain() {
    const std::int32_t id = chains_.commit();
    *visits_.tail() = {};
    visits_.commit();
    double* line = lines_.tail();
    for (const DualBoundTable& table : tables_) {
      *line++ = table.paid(chains_.paid(id)) + table.constant(chains_[id].type);
    }
    lines_.commit();
    return id;
  }

  bool count_node() {
    ++result_.nodes;
    return (limit_ > 0 && result_.nodes + filling_ > limit_) || watch_.stopped();
  }

  // Enters a chain into the node in hand, unless it is worse than the incumbent or than another
  // chain there.
  bool enter(std::int32_t id, std::int64_t node) {
    Visit& visit = *visits_[z(id)];
    if (visit.node == node) return false;
    visit.node = node;
    visit.dead = false;
    if (!bound(id, node, visit.lower)) return false;
    if (prunable(visit.lower)) return false;
    if (count_node()) stopped_ = true;
    return true;
  }

  bool dominates(std::int32_t a, std::int32_t b, std::int64_t node) const {
    return dominance_.dominates(a, b, node, focus_, visits_[z(a)]->doubtful,
                                visits_[z(b)]->lower.stall);
  }

  bool keep(std::int32_t id, std::int64_t node) {
    Group& group = groups_[dominance_.key_of(chains_[id], focus_)];
    for (std::size_t i = 0; i < group.exact.size(); ++i) {
      const std::int32_t other = group.exact[i];
      if (visits_[z(other)]->dead || !dominates(other, id, node)) continue;
      visits_[z(id)]->dead = true;
      // What stands for one chain often stands for the next one.
      std::swap(group.exact[i], group.exact[i / 2]);
      return false;
    }
    if (!dominance_.may_stand_for_others(chains_[id], node, focus_)) {
      if (group.others.size() < kMostCompared) group.others.push_back(id);
      return true;
    }
    visits_[z(id)]->doubtful = chains_.doubtful_ports(chains_[id], node);
    for (std::vector<std::int32_t>* list : {&group.exact, &group.others}) {
      std::erase_if(*list, [&](std::int32_t other) {
        Visit& visit = *visits_[z(other)];
        if (!visit.dead && dominates(id, other, node)) visit.dead = true;
        return visit.dead;
      });
    }
    if (group.exact.size() < kMostCompared) group.exact.push_back(id);
    return true;
  }

  void process(std::int64_t node, std::vector<std::int32_t> here) {
    groups_.clear();
    alive_.clear();
    std::size_t kept = 0;
    for (std::size_t i = 0; i < here.size(); ++i) {
      if (enter(here[i], node)) here[kept++] = here[i];
      if (stopped_) {
        for (std::size_t k = 0; k < here.size(); ++k) {
          if (k < kept || k >= i) leave_open(here[k], node);
        }
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
      if (!visits_[z(alive_[i])]->dead && chains_.end_zone(alive_[i], node)) offer(node);
    }
    for (int o = 0; o < space_.problem().operands; ++o) {
      for (std::size_t i = 0; i < alive_.size() && !stopped_; ++i) {
        if (!visits_[z(alive_[i])]->dead && chains_.place_cut(alive_[i], o, node)) offer(node);
      }
    }
    if (stopped_) {
      for (const std::int32_t id : alive_) leave_open(id, node);
      return;
    }
    std::erase_if(alive_, [&](std::int32_t id) { return visits_[z(id)]->dead; });
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
      const Bound& x = visits_[z(a)]->lower;
      const Bound& y = visits_[z(b)]->lower;
      if (options_.objective == Objective::edp && x.product != y.product) {
        return x.product < y.product;
      }
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
      (*frontier_)[node - space_.type(t).stride].push_back(id);
      ++on_way_;
    }
  }

  // Enters the chain that was built last into the node in hand.
  void offer(std::int64_t node) {
    const std::int32_t id = add_chain();
    if (enter(id, node) && keep(id, node)) {
      alive_.push_back(id);
    } else if (!stopped_) {
      shrink(chains_.size() - 1);
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
    const Bound& lower = visits_[z(id)]->lower;
    const bool bounded = options_.prune && !chain.uncertain;
    expand(marks, placed, bounded ? lower.latency : -CutLattice::kInfeasible,
           exact ? lower.energy : -CutLattice::kInfeasible, 0);
  }

  // Costs the orderings that a chain stands for, at most so many (0: all), until one takes no
  // longer than `least`, a bound for all of them. Only an ordering in which a cut sinks may take
  // less: it is another chain's, costed here for those that were dropped, and needs no more than
  // this chain's `energy` (-infinity: no such ordering is costed).
  void expand(const std::vector<ChainMark>& marks, const PlacedCuts& placed, double least,
              double energy, int most) {
    int count = 0;
    leaf_.expand(marks, placed, [&](const model::Ordering& ordering, const model::Cuts& cuts) {
      const model::Cost cost = model::evaluate(space_.problem(), ordering, cuts);
      ++result_.evaluated;
      RIDGELINE_ASSERT(cost.latency >= least - 1e-9 * std::abs(least) ||
                       cost.energy <= energy + 1e-9 * std::abs(energy));
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
  Watch& watch_;
  ChainOrderings leaf_;
  Chains chains_;
  Dominance dominance_;
  ExactResult result_;
  std::int64_t bytes_ = 0;        // that chains and tables may take
  std::int64_t table_bytes_ = 0;  // of one table
  std::int64_t filling_ = 0;      // nodes that would have taken as long as the tables
  bool tables_built_ = false;
  bool dive_ = false;        // hold little, and so reach whole chains soon
  double least_energy_ = 0;  // of any mapping
  bool has_best_ = false;
  model::Cost best_;
  bool stopped_ = false;
  double open_bound_ = -std::numeric_limits<double>::infinity();  // of what is left, where stopped
  double open_ = std::numeric_limits<double>::infinity();
  double proven_ = -std::numeric_limits<double>::infinity();  // nothing is less
  double keep_ = 1;                // share of the incumbent's value from which on nothing matters
  bool settled_for_less_ = false;  // the gap is as small as was asked for

  std::optional<DualBoundSearch> price_search_;
  std::vector<DualBoundTable> tables_;
  Rows<double> lines_;  // by chain, for each table: what is paid, so priced
  int beam_ = 0;
  std::int64_t limit_ = 0;  // of nodes in all; 0: none
  std::int64_t slow_ = 1;   // times that a node takes longer than usual
  std::int64_t budget_ = 0;
  Focus focus_ = Focus::both;
  Rows<Visit> visits_;
  Frontier* frontier_ = nullptr;  // in hand
  std::size_t on_way_ = 0;        // entries of all frontiers
  std::int64_t parked_ = 0;       // bytes of what waits for its part to be searched
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
  ExactResult result;
  result.orderings = orderings_of(problem);
  result.lower_bound = objective_value(options.objective, least_cost(problem));
  if (options.objective == Objective::edp && least_cost(problem).latency <= 0) {
    result.lower_bound = 0;
  }
  const std::int64_t bytes = bytes_of(options.budget);
  const double proven_before = result.lower_bound;
  Watch watch(options.budget);
  CutLattice space(problem, options.state_limit, bytes, watch);
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
    std::vector<std::uint8_t> open(static_cast<std::size_t>(space.nodes()));
    for (std::int64_t x = 0; x < space.nodes(); ++x) {
      open[z(x)] = prefix.outside(x) || prefix.inside(x);
    }
    space.allow_cuts(open);
  }
  const double orderings = result.orderings;
  // The root of the energy table often shows that nothing is better.
  const auto nothing_better = [&](const ExactBounds& bounds) {
    model::Cost least = least_cost(problem);
    least.energy = std::max(least.energy, space.constant_energy() +
                                              bounds.energy_left(space.full(), bounds.all_left()));
    const double best = objective_value(options.objective, *incumbent);
    const double tie =
        options.first_term && options.objective == Objective::energy ? 1 - kTie : 1 + kTie;
    if (least.latency <= 0 || objective_value(options.objective, least) <= best * tie) return false;
    result.optimal = true;
    result.lower_bound = best;
    return true;
  };
  const bool ask = incumbent && !options.front && options.prune;
  if (ask && options.first_term && options.objective == Objective::energy) {
    const ExactBounds energies(space, watch, true);
    if (watch.stopped_now() || nothing_better(energies)) return result;
  }
  ExactBounds bounds(space, watch);
  if (watch.stopped_now() || (ask && nothing_better(bounds))) return result;
  if (options.front) {
    // The ends of the front, and one between, leave less to look for.
    ChainSearch search(space, bounds, prefix, options, std::nullopt, watch);
    std::int64_t nodes = 0;
    std::int64_t evaluated = 0;
    for (const Objective objective : {Objective::latency, Objective::energy, Objective::edp}) {
      ExactOptions single = options;
      single.front = false;
      single.objective = objective;
      const ExactResult end = ChainSearch(space, bounds, prefix, single, std::nullopt, watch).run();
      nodes += end.nodes;
      evaluated += end.evaluated;
      if (end.improved) search.add_to_front(end.best);
    }
    result = search.run();
    result.nodes += nodes;
    result.evaluated += evaluated;
  } else {
    result = ChainSearch(space, bounds, prefix, options, incumbent, watch).run();
    if (!result.optimal) result.lower_bound = std::max(result.lower_bound, proven_before);
  }
  result.orderings = orderings;
  return result;
}

}  // namespace ridgeline::search
