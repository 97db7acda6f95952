// The walk through chains of cuts (docs/exact-mapping.md): each chain is bounded, compared with
// others at the same node, and led inwards loop by loop until it is complete and its orderings are
// costed.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <optional>
#include <tuple>
#include <unordered_map>
#include <vector>

#include "model/core/assert.hpp"
#include "model/core/index.hpp"
#include "search/exact/bounds.hpp"
#include "search/exact/chain_orderings.hpp"
#include "search/exact/chain_pruning.hpp"
#include "search/exact/chains.hpp"
#include "search/exact/cut_lattice.hpp"
#include "search/exact/dominance.hpp"
#include "search/exact/dual_bounds.hpp"
#include "search/exact/exact_mapper.hpp"
#include "search/exact/prefix_nodes.hpp"
#include "search/exact/rows.hpp"
#include "search/fronts/cost_front.hpp"

namespace ridgeline::search {

// Chains that a new one is compared with at most: the comparisons would take longer than they save.
// Fewer where of so many comparisons hardly one has told.
inline constexpr std::size_t kMostCompared = 150;
inline constexpr std::size_t kFewCompared = 16;
inline constexpr std::int64_t kCompared = 10'000;
inline constexpr std::int64_t kHardlyOne = 50;
inline constexpr std::int64_t kSeldom = 16;

// Chains that are searched on their own where memory is short, in groups.
inline constexpr std::size_t kGroups = 16;
inline constexpr std::int64_t kLeastChains = 1000;
// So many times as many where whole chains are to be reached soon; and where chains should meet
// others that stand for them, but stay in the processor's cache.
inline constexpr std::int64_t kDeep = 4;
inline constexpr std::int64_t kWide = 64;

// What all passes over the chains share; ChainSearch (chain_search.hpp) decides on the passes.
class ChainWalk : public ChainPruning {
 public:
  ChainWalk(const CutLattice& space, ExactBounds& bounds, const PrefixNodes& prefix,
            const ExactOptions& options, const std::optional<model::Cost>& incumbent, Watch& watch)
      : ChainPruning(space, bounds, prefix, options, incumbent),
        prefix_(prefix),
        watch_(watch),
        dominance_(space, bounds, chains_, options.prune) {}

  void add_to_front(const ExactMapping& mapping) {
    search::add_to_front(result_.front, mapping,
                         [](const ExactMapping& one) -> const model::Cost& { return one.cost; });
  }

 protected:
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

  // Returns whether it is complete: neither stopped nor out of `budget` nodes (0: none). Beyond
  // `first` nodes (0: not) it only goes on where chains hardly ever stand for each other, so that
  // nothing is lost by holding few of them.
  bool search(int beam, Focus focus, std::int64_t budget, std::int64_t first = 0) {
    beam_ = beam;
    most_ = budget == 0 ? 0 : result_.nodes + budget;
    budget_ = first == 0 ? most_ : result_.nodes + first;
    focus_ = focus;
    chains_.only_sums(focus == Focus::line);
    compared_ = told_ = 0;
    lines_.restart(static_cast<int>(tables_.size()));
    visits_.restart(1);
    chains_.restart();
    add_chain();
    Frontier frontier;
    frontier[space_.full()].push_back(0);
    on_way_ = 1;
    const std::int64_t room = bytes_ - held_bytes_ * static_cast<std::int64_t>(tables_.size());
    // What was not looked at bounds what could still be found.
    open_ = std::numeric_limits<double>::infinity();
    const std::int64_t most =
        options_.chain_bytes > 0 ? options_.chain_bytes : std::max(room, bytes_ / 4);
    const std::int64_t few = std::max(kDeep * least_room(), std::min(dive_ * least_room(), most));
    const bool done = explore(frontier, 0, dive_ > 0 ? few : most);
    if (stopped_ && !content_ && beam_ == 0 && focus_ != Focus::line) {
      open_bound_ = open_;
      if (has_best_) {  // what was left out for being hardly better
        open_bound_ = std::min(open_, keep_ * objective_value(options_.objective, best_));
      }
    }
    return done;
  }

  bool goes_on() {
    if (budget_ == most_ || often()) return false;
    budget_ = most_;
    return budget_ == 0 || result_.nodes <= budget_;
  }
  // Whether chains often stand for each other.
  bool often() const { return told_ * kSeldom >= compared_; }

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
      if (budget_ > 0 && result_.nodes > budget_ && !goes_on()) return false;
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
    // While they wait, and others wait for parts of them, only what they are, and the least of each
    // group.
    const std::size_t size = std::max<std::size_t>(1, (chains + kGroups - 1) / kGroups);
    std::vector<std::pair<std::int32_t, std::int32_t>> waiting;
    waiting.reserve(parked.size());
    std::vector<std::pair<std::size_t, double>> groups;
    std::size_t taken = size;
    for (std::size_t i = 0; i < parked.size(); ++i) {
      const bool next = i == 0 || parked[i - 1].id != parked[i].id;
      if (next && taken == size) {
        groups.emplace_back(i, parked[i].least);
        taken = 0;
      }
      taken += next ? 1 : 0;
      waiting.emplace_back(parked[i].id, parked[i].node);
    }
    parked = std::vector<Parked>();
    const auto bytes = static_cast<std::int64_t>(waiting.capacity() * sizeof(waiting.front()));
    parked_ += bytes;
    const std::size_t before = chains_.size();
    bool all = true;
    for (std::size_t g = 0; all && g < groups.size(); ++g) {
      const std::size_t end = g + 1 < groups.size() ? groups[g + 1].first : waiting.size();
      Frontier some;
      for (std::size_t i = groups[g].first; i < end; ++i) {
        const auto [id, node] = waiting[i];
        visits_[z(id)]->node = -1;
        some[node].push_back(id);
        ++on_way_;
      }
      all = explore(some, static_cast<std::int32_t>(before), room);
      shrink(before);
      if (!all && g + 1 < groups.size()) open_ = std::min(open_, groups[g + 1].second);
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

  bool dominates(std::int32_t a, std::int32_t b, std::int64_t node) {
    ++compared_;
    const bool tells = stands_for(a, b, node);
    told_ += tells ? 1 : 0;
    return tells;
  }

  bool stands_for(std::int32_t a, std::int32_t b, std::int64_t node) const {
    if (focus_ == Focus::line &&
        (line_of(chains_[a]) != line_of(chains_[b]) || paid_on_line(a) > paid_on_line(b))) {
      return false;
    }
    return dominance_.dominates(a, b, node, focus_, visits_[z(a)]->doubtful,
                                visits_[z(b)]->lower.stall);
  }

  // Of chains of a kind, so many are compared with others.
  std::size_t most_compared() const {
    return compared_ > kCompared && told_ * kHardlyOne < compared_ ? kFewCompared : kMostCompared;
  }

  bool keep(std::int32_t id, std::int64_t node) {
    Group& group = groups_[dominance_.key_of(chains_[id], node, focus_)];
    for (std::size_t i = 0; i < group.exact.size(); ++i) {
      const std::int32_t other = group.exact[i];
      if (visits_[z(other)]->dead || !dominates(other, id, node)) continue;
      visits_[z(id)]->dead = true;
      // What stands for one chain often stands for the next one.
      std::swap(group.exact[i], group.exact[i / 2]);
      return false;
    }
    if (!dominance_.may_stand_for_others(chains_[id], node, focus_)) {
      if (group.others.size() < most_compared()) group.others.push_back(id);
      return true;
    }
    if (focus_ != Focus::energy && focus_ != Focus::line) {
      visits_[z(id)]->doubtful = chains_.doubtful_ports(chains_[id], node);
    }
    for (std::vector<std::int32_t>* list : {&group.exact, &group.others}) {
      std::erase_if(*list, [&](std::int32_t other) {
        Visit& visit = *visits_[z(other)];
        if (!visit.dead && dominates(id, other, node)) visit.dead = true;
        return visit.dead;
      });
    }
    if (group.exact.size() < most_compared()) group.exact.push_back(id);
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
    if (focus_ == Focus::line) {
      line_limit_ = std::min(line_limit_, paid_on_line(id));
      return;
    }
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
  // this chain's `energy` (-infinity: no such ordering is costed). The best cost, if one is
  // feasible.
  std::optional<model::Cost> expand(const std::vector<ChainMark>& marks, const PlacedCuts& placed,
                                    double least, double energy, int most) {
    int count = 0;
    std::optional<model::Cost> lowest;
    leaf_.expand(marks, placed, [&](const model::Ordering& ordering, const model::Cuts& cuts) {
      const model::Cost cost = model::evaluate(space_.problem(), ordering, cuts);
      ++result_.evaluated;
      RIDGELINE_ASSERT(cost.latency >= least - 1e-9 * std::abs(least) ||
                       cost.energy <= energy + 1e-9 * std::abs(energy));
      const bool go_on = cost.latency > least && ++count != most;
      if (!std::isfinite(cost.energy)) return go_on;
      if (!lowest || better(options_.objective, cost, *lowest)) lowest = cost;
      if (!has_placed_ || better(options_.objective, cost, placed_cost_)) {
        has_placed_ = true;
        placed_cost_ = cost;
        best_placed_ = placed;
      }
      if (options_.front) {
        add_to_front({cost, ordering, cuts});
        return go_on;
      }
      if (has_best_ && !better(options_.objective, cost, best_)) return go_on;
      has_best_ = true;
      best_ = cost;
      result_.improved = true;
      result_.best = {cost, ordering, cuts};
      if (objective_value(options_.objective, best_) <= enough_) stopped_ = content_ = true;
      return go_on && !content_;
    });
    return lowest;
  }

  const PrefixNodes& prefix_;
  Watch& watch_;
  Dominance dominance_;
  std::int64_t bytes_ = 0;        // that chains and tables may take
  std::int64_t table_bytes_ = 0;  // of one table while it is filled
  std::int64_t held_bytes_ = 0;   // and from then on
  std::int64_t filling_ = 0;      // nodes that would have taken as long as the tables
  std::int64_t dive_ = 0;         // kDeep or kWide: hold little, and so reach whole chains soon
  bool has_placed_ = false;       // a mapping was costed here
  PlacedCuts best_placed_{};      // cuts of the best of them
  model::Cost placed_cost_;       // and what it costs
  bool stopped_ = false;
  bool content_ = false;                                      // since what was found is good enough
  double enough_ = -std::numeric_limits<double>::infinity();  // value of the objective that is
  double open_bound_ = -std::numeric_limits<double>::infinity();  // of what is left, where stopped
  double open_ = std::numeric_limits<double>::infinity();
  std::int64_t compared_ = 0;  // chains with each other, and how often one stood for the other
  std::int64_t told_ = 0;
  int beam_ = 0;
  std::int64_t limit_ = 0;   // of nodes in all; 0: none
  std::int64_t budget_ = 0;  // nodes at which the search in hand ends; 0: none
  std::int64_t most_ = 0;    // and where it goes on
  Rows<Visit> visits_;
  Frontier* frontier_ = nullptr;  // in hand
  std::size_t on_way_ = 0;        // entries of all frontiers
  std::int64_t parked_ = 0;       // bytes of what waits for its part to be searched
  std::vector<std::int32_t> alive_;
  std::unordered_map<ChainKey, Group, ChainKeyHash> groups_;
};

}  // namespace ridgeline::search
