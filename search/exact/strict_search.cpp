#include "search/exact/strict_search.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <queue>
#include <utility>
#include <vector>

#include "model/core/index.hpp"
#include "search/exact/least_cost.hpp"
#include "search/exact/strict_chains.hpp"
#include "search/exact/strict_lattice.hpp"
#include "search/exact/strict_leaf.hpp"
#include "search/exact/strict_polish.hpp"
#include "search/exact/strict_tables.hpp"

namespace ridgeline::search {
namespace {

using model::Cost;

constexpr std::int64_t kMostNodes = 100'000;
constexpr std::int64_t kMostBytes = 400'000'000;
constexpr std::int64_t kMostCells = 8'000'000;  // of all tables
// A walk through tiles takes as long as so many nodes, and another for so many blocks.
constexpr std::int64_t kNodesOfWalk = 40;
constexpr std::int64_t kBlocksOfNode = 4;
// Nodes of the reference's search that take as long as one, with what comes before the search;
// there are more tables where energy and latency count.
constexpr std::int64_t kSlowNode = 100;
constexpr std::int64_t kSlowestNode = 200;
// Where tables have more cells, the share of the limit is larger, up to so many times.
constexpr double kUsualCells = 400'000;
constexpr double kMostShare = 10;
// Bounds and costs are sums in different orders.
constexpr double kProven = 1 - 1e-10;
// Where next to nothing is left to gain, the search ends when it has gone on for as long again, and
// a little.
constexpr double kNextToNothing = 1e-3;
constexpr std::int64_t kAWhile = 300;
// Orders of loops between cuts that are walked through: at first, and of a search without a limit.
constexpr std::int64_t kFewOrders = 4;
constexpr std::int64_t kMostOrders = 20'000;
// Of so many steps one goes all the way, for good mappings to beat.
constexpr std::int64_t kDiveEvery = 64;
constexpr int kDiveSteps = 200;
// Changes of mappings before the search, each of which takes as long as a node: so many in a round,
// for each node of the lattice, and of the limit in all rounds.
constexpr std::int64_t kMostChanges = 20'000;
constexpr std::int64_t kChangesOfNode = 8;
constexpr std::int64_t kShareOfPolish = 5;
constexpr int kPolishRounds = 3;
// More rounds, each twice as long, where what was found is so far from what is known to be needed,
// but for lattices that are searched soon.
constexpr int kMostRounds = 6;
constexpr double kWide = 0.1;
constexpr std::int64_t kFewNodes = 500;

// A chain, and how far inwards its next cut may be.
struct Step {
  double bound = 0;
  std::int32_t chain = 0;
  std::int32_t node = 0;
  std::int16_t placed = 0;    // cuts
  std::int8_t type = 0;       // factors are taken away in order
  std::uint8_t relevant = 0;  // bit o: operand o depends on what has been taken away
  bool leaf = false;
};
struct Later {
  bool operator()(const Step& a, const Step& b) const {
    if (a.bound != b.bound) return a.bound > b.bound;
    if (a.leaf != b.leaf) return b.leaf;
    if (a.placed != b.placed) return a.placed < b.placed;
    if (a.node != b.node) return a.node > b.node;
    return a.chain > b.chain;
  }
};

using Steps = std::priority_queue<Step, std::vector<Step>, Later>;

class StrictSearch {
 public:
  StrictSearch(const model::Problem& problem, const ExactOptions& options,
               const std::optional<Cost>& incumbent, const StrictLattice& lattice,
               std::int64_t most_bytes, Watch& watch)
      : problem_(problem),
        options_(options),
        lattice_(lattice),
        tables_(lattice, options, watch),
        watch_(watch),
        most_bytes_(most_bytes),
        chains_(lattice, tables_) {
    if (incumbent) {
      best_ = *incumbent;
      has_best_ = true;
    }
    if (options.node_limit > 0) {
      const bool both = options.objective == Objective::edp;
      const double share =
          std::clamp(static_cast<double>(lattice.nodes() * lattice.combinations()) / kUsualCells,
                     1.0, kMostShare) /
          static_cast<double>(both ? kSlowestNode : kSlowNode);
      limit_ = std::max<std::int64_t>(
          1, static_cast<std::int64_t>(static_cast<double>(options.node_limit) * share));
    }
  }

  ExactResult run() {
    const auto best = [this] { return has_best_ ? std::optional<Cost>(best_) : std::nullopt; };
    tables_.build(best(), [&](const PlacedCuts& nodes) {
      attempt(nodes);
      return best();
    });
    spent_ += tables_.spent();
    chains_.add_root();
    polish(chains_.least(0, lattice_.full()).value);
    if (!stopped_) descend();
    finish();
    return result_;
  }

  // Without tables: good mappings, of which nothing more is known than what any costs at least.
  ExactResult run_without_tables(double least) {
    polish(least);
    result_.lower_bound = least;
    result_.nodes = spent_;
    return result_;
  }

 private:
  // Whether nothing that costs so much is wanted.
  bool useless(const StrictLeast& least) {
    if (least.value >= StrictBounds::kNothing) return true;
    if (!has_best_) return false;
    const double best = objective_value(options_.objective, best_);
    if (least.value >= best * (1 - options_.gap)) {
      if (least.value < best) dropped_ = std::min(dropped_, least.value);
      if (options_.gap > 0 || options_.first_term || options_.objective == Objective::edp ||
          least.value > best * (1 + 1e-12)) {
        return true;
      }
      return options_.objective == Objective::latency
                 ? least.cost.energy >= best_.energy * kStrictSlack
                 : least.cost.latency >= best_.latency;
    }
    return false;
  }

  // --- branching ------------------------------------------------------------------------------

  // Places the next cut of an operand at a node; -1: it cannot be there, or nothing comes of it.
  std::int32_t place(std::int32_t from, int o, std::int64_t node) {
    const std::int32_t added = chains_.add(from, o, node);
    if (added < 0) return -1;
    bool any = !useless(chains_.least(added, node));
    if (any && chains_[added].complete()) {
      look_closer(added);
      any = !useless(chains_.least(added, node));
    }
    if (any) return added;
    chains_.forget();
    return -1;
  }

  void look_closer(std::int32_t chain) {
    if (options_.objective == Objective::energy && options_.first_term) return;
    if (!chains_[chain].close) chains_.look_closer(chain);
  }

  void push(Step step) {
    const StrictLeast bound = chains_.least(step.chain, step.node);
    if (useless(bound)) return;
    step.bound = bound.value;
    children_.push_back(step);
  }

  // The most promising of those with most cuts first, until one has all: a good mapping soon.
  void dive(const Step& from) {
    std::vector<Step> pool{from};
    const std::int64_t before = completed_;
    for (int i = 0; i < kDiveSteps && !pool.empty() && completed_ == before; ++i) {
      const auto first =
          std::min_element(pool.begin(), pool.end(), [](const Step& x, const Step& y) {
            if (x.placed != y.placed) return x.placed > y.placed;
            return Later()(y, x);
          });
      const Step step = *first;
      *first = pool.back();
      pool.pop_back();
      children_.clear();
      expand(step);
      pool.insert(pool.end(), children_.begin(), children_.end());
      ++result_.nodes;
    }
    for (const Step& step : pool) heap_.push(step);
  }

  void descend() {
    push({0, 0, static_cast<std::int32_t>(lattice_.full()), 0, 0, 0xff, false});
    for (const Step& step : children_) heap_.push(step);
    std::int64_t pops = 0;
    for (;;) {
      const double best = has_best_ ? objective_value(options_.objective, best_) : 0;
      const auto little_left = [&](const Steps& steps) {
        return steps.empty() || (has_best_ && steps.top().bound >= best * (1 - kNextToNothing));
      };
      if (heap_.empty() && later_.empty()) return;
      const bool thorough = little_left(heap_) && !later_.empty() &&
                            (heap_.empty() || later_.top().bound <= heap_.top().bound);
      Steps& steps = thorough ? later_ : heap_;
      const Step step = steps.top();
      if (has_best_ && options_.gap > 0 && bound_of_open() >= best * (1 - options_.gap)) return;
      if (until_ == 0 && limit_ > 0 && little_left(heap_) && little_left(later_)) {
        until_ = a_while_longer();
      }
      const std::int64_t bytes =
          chains_.bytes() + static_cast<std::int64_t>(heap_.size() * sizeof(Step) +
                                                      chain_least_.size() * sizeof(Cost));
      if (watch_.stopped() || over() || bytes > most_bytes_) {
        stopped_ = true;
        return;
      }
      steps.pop();
      ++result_.nodes;
      StrictLeast again;
      if (step.leaf) {
        again = {step.bound, chain_least_[z(step.chain)]};
      } else {
        look_closer(step.chain);
        again = chains_.least(step.chain, step.node);
      }
      if (useless(again)) continue;
      if (again.value > step.bound) {
        Step later = step;
        later.bound = again.value;
        heap_.push(later);
        continue;
      }
      if (step.leaf) {
        settle(step, thorough);
      } else {
        if (pops++ % kDiveEvery == 0) {
          dive(step);
        } else {
          children_.clear();
          expand(step);
          for (const Step& child : children_) heap_.push(child);
        }
      }
    }
  }

  std::int64_t a_while_longer() const { return 2 * (result_.nodes + spent_) + kAWhile; }
  // Whether the search has gone on for long enough.
  bool over() const {
    const std::int64_t nodes = result_.nodes + spent_;
    return (limit_ > 0 && nodes >= limit_) || (until_ > 0 && nodes >= until_);
  }
  // Of all that has not been looked into.
  double bound_of_open() const {
    double open = std::min(unsettled_, dropped_);
    if (!heap_.empty()) open = std::min(open, heap_.top().bound);
    if (!later_.empty()) open = std::min(open, later_.top().bound);
    return open;
  }

  void expand(const Step& step) {
    const StrictChain chain = chains_[step.chain];
    const bool here = step.node == chain.node;  // where the last cut is
    for (int o = 0; o < problem_.operands; ++o) {
      if (chain.left[z(o)] == 0 || (here && o < chain.operand)) continue;
      if (!(step.relevant >> o & 1u) && lattice_.sinks(o, chain.left[z(o)] - 1)) continue;
      const std::int32_t next = place(step.chain, o, step.node);
      if (next < 0) continue;
      Step child{0, next,          step.node, static_cast<std::int16_t>(step.placed + 1),
                 0, step.relevant, false};
      if (chains_[next].complete()) {
        complete(child);
      } else {
        push(child);
      }
    }
    const auto& types = lattice_.types();
    for (int t = here ? 0 : step.type; t < static_cast<int>(types.size()); ++t) {
      const FactorType& type = types[z(t)];
      if (lattice_.count_in(step.node, type) == 0) continue;
      Step child = step;
      child.node = static_cast<std::int32_t>(step.node - type.stride);
      child.type = static_cast<std::int8_t>(t);
      const auto relevant = static_cast<std::uint8_t>(~type.irrelevant_to);
      child.relevant = here ? relevant : static_cast<std::uint8_t>(step.relevant | relevant);
      push(child);
    }
  }

  // --- leaves ---------------------------------------------------------------------------------

  // A chain with all its cuts: what it costs at least is known much better.
  void complete(Step step) {
    StrictLeaf leaf(lattice_);
    if (!leaf.set(chains_.placed(step.chain))) return;
    model::Ordering ordering;
    model::Cuts cuts;
    if (!leaf.mapping(ordering, cuts)) return;
    ++result_.evaluated;
    StrictLeast bound;
    bound.cost = model::bound_strict(problem_, ordering, cuts);
    if (!std::isfinite(bound.cost.energy)) return;
    bound.value = objective_value(options_.objective, bound.cost);
    ++completed_;
    if (useless(bound)) return;
    // What promises to be the best is walked through at once.
    if (!has_best_ ||
        better(options_.objective, model::estimate_strict(problem_, ordering, cuts), best_)) {
      take(ordering, cuts);
      if (useless(bound)) return;
    }
    if (chain_least_.size() < chains_.size()) chain_least_.resize(chains_.size());
    chain_least_[z(step.chain)] = bound.cost;
    step.bound = bound.value;
    step.leaf = true;
    heap_.push(step);
  }

  // What is not worse than the best mapping.
  model::CostLimit wanted() const {
    constexpr double kSlack = 1 + 1e-9;
    model::CostLimit limit;
    if (!has_best_) return limit;
    if (options_.objective == Objective::latency) limit.latency = best_.latency * kSlack;
    if (options_.objective == Objective::energy) limit.energy = best_.energy * kSlack;
    if (options_.objective == Objective::edp) {
      limit.product = best_.energy * best_.latency * kSlack;
    }
    return limit;
  }

  // Walks through a mapping; whether it is the best.
  bool take(const StrictLeaf& leaf) {
    model::Ordering ordering;
    model::Cuts cuts;
    return leaf.mapping(ordering, cuts) && take(ordering, cuts);
  }
  bool take(const model::Ordering& ordering, const model::Cuts& cuts) {
    ++result_.evaluated;
    std::int64_t blocks = 0;
    const Cost cost = model::evaluate_strict(problem_, ordering, cuts, wanted(), blocks);
    const std::int64_t nodes = kNodesOfWalk + blocks / kBlocksOfNode;
    ++walks_;
    walked_ += nodes;
    spent_ += nodes;
    watch_.stopped(static_cast<int>(nodes));
    if (!std::isfinite(cost.energy) || !std::isfinite(cost.latency)) return false;
    if (has_best_ && !better(options_.objective, cost, best_)) return false;
    has_best_ = true;
    best_ = cost;
    result_.improved = true;
    result_.best = {cost, ordering, cuts};
    return true;
  }

  // All orders of the loops between cuts; where they are many, once nothing else is left
  // (`thorough`).
  void settle(const Step& step, bool thorough) {
    StrictLeaf leaf(lattice_);
    if (!leaf.set(chains_.placed(step.chain))) return;
    StrictLeast least;
    least.value = step.bound;
    least.cost = chain_least_[z(step.chain)];
    std::int64_t most = kMostOrders;
    if (limit_ > 0) {
      const std::int64_t each = std::max(kNodesOfWalk, walked_ / std::max<std::int64_t>(walks_, 1));
      most = std::min(most, thorough ? (limit_ - result_.nodes - spent_) / each : kFewOrders);
    }
    if (leaf.orders() > static_cast<double>(most)) {
      if (!thorough && limit_ > 0) {
        later_.push(step);
      } else if (unsettled_ > step.bound) {
        unsettled_ = step.bound;
        until_ = a_while_longer();
      }
      take(leaf);
      return;
    }
    leaf.each_order([&] {
      take(leaf);
      return !useless(least) && !watch_.stopped() && !over();
    });
    if (over() && !useless(least)) unsettled_ = std::min(unsettled_, step.bound);
  }

  void attempt(const PlacedCuts& nodes) {
    StrictLeaf leaf(lattice_);
    if (!leaf.set(nodes)) return;
    if (take(leaf) || !attempted_) best_nodes_ = nodes;
    attempted_ = true;
  }

  // Good mappings to beat, by changing the best of those that the tables take for the cheapest, or
  // the smallest tiles. `root`: what any costs at least.
  void polish(double root) {
    const auto value = [&] {
      return has_best_ ? objective_value(options_.objective, best_) : StrictBounds::kNothing;
    };
    std::int64_t changes = std::min(kMostChanges, kChangesOfNode * lattice_.nodes());
    if (limit_ > 0) changes = std::min(changes, limit_ / kPolishRounds / kShareOfPolish);
    StrictPolish polish(lattice_, options_.objective, watch_);
    const double enough = std::max(kNextToNothing, options_.gap);
    for (int i = 0; i < kMostRounds && root < value() * (1 - enough); ++i) {
      const double before = value();
      spent_ += polish.anneal(best_nodes_, changes, [&](const PlacedCuts& cuts) { attempt(cuts); });
      const bool wide = root < value() * (1 - kWide) && lattice_.nodes() > kFewNodes;
      if (watch_.stopped_now() || (limit_ > 0 && 2 * spent_ > limit_)) return;
      if (i + 1 >= kPolishRounds && wide) changes *= 2;
      if (!wide && (i + 1 >= kPolishRounds || value() >= before * (1 - kNextToNothing))) return;
    }
  }

  void finish() {
    const double infinity = std::numeric_limits<double>::infinity();
    const double best = has_best_ ? objective_value(options_.objective, best_) : infinity;
    const double open = bound_of_open();
    result_.lower_bound = std::min(best, open);
    // Of equal values the better second term may not have been found.
    result_.optimal = open >= best * kProven;
    if (result_.optimal) result_.lower_bound = best;
    result_.nodes += spent_;
  }

  const model::Problem& problem_;
  const ExactOptions& options_;
  const StrictLattice& lattice_;
  StrictTables tables_;
  Watch& watch_;
  std::int64_t most_bytes_;  // of chains and steps
  std::int64_t limit_ = 0;
  std::int64_t completed_ = 0;  // chains with all cuts
  std::int64_t until_ = 0;  // next to nothing is left to gain, or to prove: ends here; 0: not yet
  std::int64_t spent_ = 0;  // nodes that took as long as tables and walks
  std::int64_t walks_ = 0;
  std::int64_t walked_ = 0;  // nodes that took as long as walks
  bool stopped_ = false;
  bool has_best_ = false;
  bool attempted_ = false;
  PlacedCuts best_nodes_{};  // of the best of the mappings that were attempted, or the first
  Cost best_;
  double unsettled_ = std::numeric_limits<double>::infinity();
  double dropped_ = std::numeric_limits<double>::infinity();  // within the gap
  StrictChains chains_;
  std::vector<Step> children_;
  std::vector<Cost> chain_least_;
  Steps heap_;
  Steps later_;  // all cuts are placed, of very many orders of loops
  ExactResult result_;
};

}  // namespace

ExactResult strict_search(const model::Problem& problem, const ExactOptions& options,
                          const std::optional<Cost>& incumbent) {
  ExactResult result;
  result.orderings = orderings_of(problem);
  const double root = objective_value(options.objective, least_cost(problem));
  result.lower_bound = root;
  if (incumbent) {
    const double best = objective_value(options.objective, *incumbent);
    if (root > best * (1 + 1e-12)) {
      result.optimal = true;
      result.lower_bound = best;
      return result;
    }
  }
  Watch watch(options.budget);
  const std::int64_t bytes =
      options.budget.bytes > 0 ? std::min(options.budget.bytes, kMostBytes) : kMostBytes;
  const StrictLattice lattice(problem, kMostNodes, bytes, watch);
  if (watch.stopped_now()) return result;
  if (lattice.too_large()) {
    result.refused = "the strict model's lattice of cuts has " + std::to_string(lattice.nodes()) +
                     " nodes, more than fit";
    return result;
  }
  const double orderings = result.orderings;
  if (lattice.nothing_fits()) {
    result.optimal = true;
    result.lower_bound = incumbent ? objective_value(options.objective, *incumbent)
                                   : std::numeric_limits<double>::infinity();
    return result;
  }
  const std::int64_t cells = lattice.combinations() * lattice.nodes();
  const std::int64_t left = options.budget.bytes > 0 ? options.budget.bytes - lattice.bytes()
                                                     : std::numeric_limits<std::int64_t>::max();
  const std::int64_t tables = cells * StrictTables::kMostBytesOfCell;
  StrictSearch search(problem, options, incumbent, lattice, std::min(bytes, left - tables), watch);
  if (cells > kMostCells || tables > left) {
    result = search.run_without_tables(root);
    result.refused = "tables of what is left of the strict model's chains of cuts have " +
                     std::to_string(cells) + " cells, more than fit";
  } else {
    result = search.run();
  }
  result.orderings = orderings;
  return result;
}

}  // namespace ridgeline::search
