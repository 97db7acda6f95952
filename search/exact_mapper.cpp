#include "search/exact_mapper.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <unordered_map>

#include "search/exact_bounds.hpp"
#include "search/exact_leaf.hpp"
#include "search/exact_prices.hpp"
#include "search/exact_space.hpp"

namespace ridgeline::search {

namespace {

std::size_t z(std::int64_t i) {
  return static_cast<std::size_t>(i);
}

// Sums of energies in another order differ in the last bits; bounds that are equal up to this
// count as equal.
constexpr double kTie = 1e-12;
// The same, of two chains that are compared; a chain is compared a few times at most.
constexpr double kDominanceTie = 1e-14;

// Chains that a new one is compared with at most: the comparisons would take longer than they save.
constexpr std::size_t kMostCompared = 150;

// Orderings that are costed of a chain which prices lead to: one of the first will do.
constexpr int kMostAttempts = 32;

// The outer part of a chain of cuts: one placed cut, with a link to those above it. The node
// that a chain has reached on its way inwards is kept outside.
struct Chain {
  std::int32_t above = -1;
  std::int32_t mark = 0;          // node of the last cut
  std::int32_t output_mark = -1;  // node of the last cut of the output; -1: none
  std::int32_t zone_start = 0;    // node at which the constraint in hand begins
  std::int8_t operand = -1;       // of the last cut; -1: none, the end of a constraint
  std::int8_t zone = 0;           // constraints still to be met
  bool in_zone = false;
  std::int16_t type = 0;   // LoadingType
  std::int32_t state = 0;  // cuts left, as the bounds number them
  OperandCounts left{};
  OperandCounts at_top{};
  // Bits are places of cuts. `tight`: cuts at `mark` whose memories may have no room for a
  // second buffer. `dirty`: those further out for which in addition no ordering keeps an
  // irrelevant loop from ending the level: their windows may be shorter than the bounds take them.
  std::uint32_t tight = 0;
  std::uint32_t dirty = 0;
  bool uncertain = false;  // sums are lower bounds only
  // Of the tight cuts: those above which a loop can lie that is not irrelevant to them, so that
  // they do not sink. The loop lies between `upper_mark` and `mark`, where another one may have
  // to end the levels of the operands `upper_top`, and holds for the operands `anchors`.
  std::uint32_t anchored = 0;
  std::int32_t upper_mark = 0;
  std::uint8_t upper_top = 0;
  std::uint8_t anchors = 0;
  // Bits are tracked ports: with a transfer that may use its whole period; with any; with more
  // than one.
  std::uint32_t wide_ports = 0;
  std::uint32_t used_ports = 0;
  std::uint32_t shared_ports = 0;
  std::array<std::uint16_t, model::kMaxOperands> floor_class{};
  std::uint64_t even_key = 0;  // all placed cuts, where evenness depends on them
};

class ChainSearch {
 public:
  ChainSearch(const ExactSpace& space, ExactBounds& bounds, const ExactOptions& options,
              const std::optional<model::Cost>& incumbent)
      : space_(space),
        bounds_(bounds),
        options_(options),
        leaf_(space, options.even),
        tracked_(space.tracked()) {
    if (incumbent) {
      has_best_ = true;
      best_ = *incumbent;
    }
    const model::Problem& p = space_.problem();
    for (int m = 0; m < p.memories; ++m) shared_place_.push_back(-1);
    width_ = kPaidPorts + kPaidPortWidth * tracked_;
    pending_ = width_++;
    for (int m = 0; m < p.memories; ++m) {
      if (p.memory[z(m)].count > 1) shared_place_[z(m)] = width_++;
    }
    // Only inputs that never wait for each other load in each other's shadow.
    shadows_ = p.operands == 3;
    for (int c = 0; c < space_.cut_count(); ++c) {
      if (space_.cut(c).role == LoadingRole::together) shadows_ = false;
    }
    comparable_ = options.prune && space_.all_tracked() &&
                  p.cycles_per_operation == std::floor(p.cycles_per_operation);
    paid_next_.resize(z(width_));
  }

  ExactResult run() {
    if (!leaf_.top_levels_fit() || space_.constant_energy() >= ExactSpace::kInfeasible) {
      result_.optimal = true;
      return finish();
    }
    if (options_.front || options_.objective == Objective::edp) {
      solve(Focus::both, false);
    } else {
      // The first term of the objective alone needs fewer chains; once it is known, few are left.
      const bool latency = options_.objective == Objective::latency;
      solve(latency ? Focus::latency : Focus::energy, false);
      if (!stopped_) solve(Focus::both, true);
    }
    result_.optimal = !stopped_;
    return finish();
  }

 private:
  // Which costs chains are compared by.
  enum class Focus { both, latency, energy };

  ExactResult finish() {
    const double best = has_best_ ? objective_value(options_.objective, best_)
                                  : std::numeric_limits<double>::infinity();
    result_.lower_bound = std::min(stopped_ ? open_bound_ : best, best);
    std::sort(result_.front.begin(), result_.front.end(),
              [](const auto& a, const auto& b) { return a.cost.latency < b.cost.latency; });
    return result_;
  }

  // Searches everything: most problems are easy, and only the others get better prices and a
  // first pass that keeps few chains, to find what the search has to beat.
  void solve(Focus focus, bool second) {
    static const int s1 = getenv("S1") ? atoi(getenv("S1")) : 12;
    static const int s2 = getenv("S2") ? atoi(getenv("S2")) : 60;
    static const int lim = getenv("LIM") ? atoi(getenv("LIM")) : 5000;
    static const int bm = getenv("BM") ? atoi(getenv("BM")) : 2;
    if (find_prices(second, s1) || search(0, focus, lim) || stopped_) return;
    if (find_prices(second, s2)) return;
    search(bm, focus, 0);
    if (!stopped_) search(0, focus, 0);
  }

  // Tables of prices, and an incumbent; returns whether nothing is better. `second`: for the second
  // term of the objective.
  bool find_prices(bool second, int steps) {
    if (!options_.prune || options_.front) return false;
    if (!price_search_) price_search_.emplace(space_, bounds_);
    const auto best = [&] { return has_best_ ? best_ : model::Cost{1e300, 1e300}; };
    const auto attempt = [&](const PriceTable::Marks& marks) {
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

  void try_marks(const PriceTable::Marks& marks) {
    if (!options_.constraints.empty()) return;
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
    expand(chain, placed, -ExactSpace::kInfeasible, kMostAttempts);
  }

  double* paid(std::int32_t id) { return &paid_[z(id) * z(width_)]; }
  const double* paid(std::int32_t id) const { return &paid_[z(id) * z(width_)]; }

  // ---- bounds and pruning

  struct Bound {
    double energy = 0;
    double latency = 0;
    double stall = 0;
  };

  bool bound(std::int32_t id, std::int64_t node, Bound& result) const {
    const Chain& chain = chains_[z(id)];
    const double rest = bounds_.energy_left(node, chain.state);
    if (rest >= ExactSpace::kInfeasible) return false;
    result.energy = paid(id)[kPaidEnergy] + rest;
    double priced_latency = -ExactSpace::kInfeasible;
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
    const ExactBounds::Latency latency = bounds_.latency(paid(id), chain.type, chain.left, node);
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
  bool beyond(const PriceTable& table, double bound, const Bound& lower) const {
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
    }
    return false;
  }

  double objective_bound(const Bound& lower) const {
    return objective_value(options_.objective, {lower.energy, lower.latency});
  }

  // ---- comparing chains

  std::uint8_t operands_of(std::uint32_t cuts) const {
    std::uint8_t mask = 0;
    for (int o = 0; o < space_.problem().operands; ++o) {
      const std::uint32_t own = ((1u << space_.cuts_of(o)) - 1) << space_.first_cut(o);
      if (cuts & own) mask |= static_cast<std::uint8_t>(1u << o);
    }
    return mask;
  }

  // Whether a loop between two nodes is irrelevant to none of the operands.
  bool has_other_loop(std::int64_t outer, std::int64_t inner, std::uint8_t operands) const {
    for (int t = 0; t < space_.type_count(); ++t) {
      if ((space_.type(t).irrelevant_to & operands) == 0 &&
          space_.count_in(outer, t) > space_.count_in(inner, t)) {
        return true;
      }
    }
    return false;
  }

  // Whether the loops between two nodes can begin (from the outside) with one that is irrelevant
  // to none of `top` and end with one that is irrelevant to none of `bottom`.
  bool can_hold(std::int64_t outer, std::int64_t inner, std::uint8_t top,
                std::uint8_t bottom) const {
    int loops = 0;
    int tops = 0;
    int bottoms = 0;
    int both = 0;
    for (int t = 0; t < space_.type_count(); ++t) {
      const int count = space_.count_in(outer, t) - space_.count_in(inner, t);
      const bool is_top = (space_.type(t).irrelevant_to & top) == 0;
      const bool is_bottom = (space_.type(t).irrelevant_to & bottom) == 0;
      loops += count;
      tops += is_top ? count : 0;
      bottoms += is_bottom ? count : 0;
      both += is_top && is_bottom ? count : 0;
    }
    if (tops == 0 || bottoms == 0) return false;
    return top == 0 || loops == 1 || tops > both || bottoms > both || both > 1;
  }

  // Ports that a cut at a node uses.
  static std::uint32_t ports_of(const Cut& cut, std::int64_t node) {
    const bool back = !cut.stationary && cut.comes_back[z(node)] != 0;
    return cut.ports | (back ? cut.partial_ports : 0u);
  }
  // Those of the anchored cuts at a chain's mark.
  std::uint32_t anchored_ports(const Chain& chain, std::uint32_t cuts) const {
    std::uint32_t ports = 0;
    for (int c = 0; c < space_.cut_count(); ++c) {
      if (cuts & chain.anchored & (1u << c)) ports |= ports_of(space_.cut(c), chain.mark);
    }
    return ports;
  }

  // Adds the ports of a transfer to those used and, where they were, to those shared.
  static void use(std::uint32_t ports, std::uint32_t& used, std::uint32_t& shared) {
    shared |= used & ports;
    used |= ports;
  }

  // Whether some ordering of whatever completes the chain costs no more than the bounds'
  // sums say, so that it may stand for others.
  bool exact_so_far(const Chain& chain, std::int64_t node) const {
    if (chain.uncertain) return false;
    if (focus_ == Focus::energy) return options_.prune;
    if (!comparable_ || chain.dirty != 0 || bounds_.type(chain.type).opaque) return false;
    return chain.tight == 0 || has_other_loop(chain.mark, node, operands_of(chain.tight));
  }

  // Ports that several transfers will share, none of which is known to use its whole period:
  // how much of the time their windows cover depends on all of them.
  std::uint32_t doubtful_ports(const Chain& chain, std::int64_t node) const {
    std::uint32_t wide = chain.wide_ports | always_wide_;
    if (chain.anchored != 0 &&
        has_other_loop(chain.mark, node, operands_of(chain.tight | chain.anchored))) {
      wide |= anchored_ports(chain, ~0u);
    } else if (chain.tight != 0 && has_other_loop(chain.mark, node, operands_of(chain.tight))) {
      wide |= anchored_ports(chain, chain.tight);
    }
    std::uint32_t used = chain.used_ports;
    std::uint32_t shared = chain.shared_ports;
    for (int o = 0; o < space_.problem().operands; ++o) {
      for (int i = 0; i < chain.left[z(o)]; ++i) {
        use(space_.cut(o, i).ports, used, shared);
        use(space_.cut(o, i).partial_ports, used, shared);
      }
    }
    return shared & ~wide;
  }

  // Whether every completion of b is no better than the same completion of a. Both have the
  // same key.
  bool dominates(std::int32_t a, std::int32_t b, std::int64_t node) const {
    const double* x = paid(a);
    const double* y = paid(b);
    if (focus_ != Focus::latency && x[kPaidEnergy] > y[kPaidEnergy] * (1 + kDominanceTie)) {
      return false;
    }
    for (int i = pending_; i < width_; ++i) {
      if (x[i] > y[i]) return false;
    }
    if (focus_ == Focus::energy) return true;
    const Chain& chain = chains_[z(a)];
    const LoadingType& type = bounds_.type(chain.type);
    for (int i = 1; i < kPaidPorts; ++i) {
      if (x[i] > y[i] && !loads_in_shadow(chain, x, y, i, node)) return false;
    }
    // What only the cuts left will use is used alike by both.
    const std::uint32_t doubtful =
        visits_[z(a)].doubtful & (chain.used_ports | chains_[z(b)].used_ports);
    const double stall = visits_[z(b)].stall;
    const double ideal = space_.iterations() * space_.problem().cycles_per_operation;
    for (int i = 0; i < tracked_; ++i) {
      const double* p = x + kPaidPorts + kPaidPortWidth * i;
      const double* q = y + kPaidPorts + kPaidPortWidth * i;
      const bool demands = (type.demand_ports >> i & 1u) != 0 && p[2] > q[2];
      if (type.stall_matters && (p[0] != q[0] || p[1] != q[1])) return false;
      const bool doubt = (doubtful >> i & 1u) != 0;
      if (p[0] <= q[0] && p[1] <= q[1] && !demands && !doubt) continue;
      // More is as good where it cannot bind.
      const PortShare most = bounds_.most_left(node, chain.left, i);
      if (p[0] > q[0] && p[0] + most.busy - ideal > stall) return false;
      if (doubt && p[0] + most.busy > stall) return false;
      if (p[1] > q[1] && p[1] + most.excess > stall) return false;
      if (demands) {
        const double bandwidth = space_.problem().port[z(space_.tracked_port(i))].bandwidth_max;
        const double spare = (1 - (p[2] + most.demand) / bandwidth) * ideal;
        if (spare < type.settled[z(i)]) return false;
      }
    }
    return true;
  }

  // Whether an input's separate loading, though longer in x than in y, surely takes no longer
  // than the other input's, beside which it happens.
  bool loads_in_shadow(const Chain& chain, const double* x, const double* y, int figure,
                       std::int64_t node) const {
    const int o = figure - kPaidSeparate;
    if (!shadows_ || o < 1 || o > 2 || node == space_.full()) return false;
    const LoadingType& type = bounds_.type(chain.type);
    if (type.at_top[z(o)] > 0) return false;
    const double own = x[figure] + bounds_.most_loading(node, chain.left, o);
    const double other = y[kPaidSeparate + 3 - o] + type.least.separate[z(3 - o)] +
                         bounds_.least_loading(node, chain.left, 3 - o);
    return own <= other;
  }

  struct Key {
    std::int32_t state;
    std::int32_t type;
    std::int32_t zone;
    std::int32_t zone_start;
    std::array<std::uint16_t, model::kMaxOperands> floor_class;
    std::uint64_t even_key;
    bool operator==(const Key&) const = default;
  };
  struct KeyHash {
    std::size_t operator()(const Key& key) const {
      std::uint64_t h = key.even_key;
      const auto mix = [&](std::uint64_t v) {
        h = (h ^ v) * 0x9E3779B97F4A7C15ull;
        h ^= h >> 29;
      };
      mix(static_cast<std::uint64_t>(key.state) << 32 | static_cast<std::uint32_t>(key.type));
      mix(static_cast<std::uint64_t>(key.zone) << 32 | static_cast<std::uint32_t>(key.zone_start));
      mix(static_cast<std::uint64_t>(key.floor_class[0]) << 32 |
          static_cast<std::uint64_t>(key.floor_class[1]) << 16 | key.floor_class[2]);
      return static_cast<std::size_t>(h);
    }
  };
  Key key_of(const Chain& c) const {
    Key key{c.state, c.type, c.in_zone ? c.zone : -1, c.in_zone ? c.zone_start : 0, {}, 0};
    key.even_key = c.even_key;
    if (focus_ == Focus::energy) {
      key.type = -1;
      return key;
    }
    const LoadingType& type = bounds_.type(c.type);
    for (int o = 0; o < space_.problem().operands; ++o) {
      if (type.floor_matters[z(o)]) key.floor_class[z(o)] = c.floor_class[z(o)];
    }
    return key;
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
    double stall = 0;
    std::uint32_t doubtful = 0;
    bool dead = false;  // dropped there
  };

  // Returns whether it is complete: neither stopped nor out of `budget` nodes (0: none).
  bool search(int beam, Focus focus, std::int64_t budget) {
    beam_ = beam;
    const auto start_nodes = result_.nodes;
    budget_ = budget == 0 ? 0 : result_.nodes + budget;
    focus_ = focus;
    chains_.clear();
    paid_.clear();
    lines_.clear();
    visits_.clear();
    buckets_.assign(z(space_.nodes()), {});
    always_wide_ = 0;
    for (int o = 1; o < space_.problem().operands; ++o) always_wide_ |= space_.cut(o, 0).ports;
    for (int i = 0; i < tracked_; ++i) {
      const int p = space_.tracked_port(i);
      if (space_.port_of(0, 0, static_cast<int>(model::Direction::wr_in_by_low)) == p) {
        always_wide_ |= 1u << i;
      }
    }
    Chain root;
    // The array's own transfers of the output share their ports with others.
    for (int i = 0; i < tracked_; ++i) {
      for (const auto direction :
           {model::Direction::wr_in_by_low, model::Direction::rd_out_to_low}) {
        if (space_.port_of(0, 0, static_cast<int>(direction)) == space_.tracked_port(i)) {
          use(1u << i, root.used_ports, root.shared_ports);
        }
      }
    }
    root.mark = root.upper_mark = root.zone_start = static_cast<std::int32_t>(space_.full());
    root.zone = static_cast<std::int8_t>(options_.constraints.size());
    for (int o = 0; o < space_.problem().operands; ++o) {
      root.left[z(o)] = static_cast<std::uint8_t>(space_.cuts_of(o));
    }
    root.state = bounds_.all_left();
    root.type = static_cast<std::int16_t>(bounds_.type_index(root.at_top));
    std::fill(paid_next_.begin(), paid_next_.end(), 0.0);
    paid_next_[kPaidEnergy] = space_.constant_energy();
    for (int i = 0; i < tracked_; ++i) {
      paid_next_[z(kPaidPorts + kPaidPortWidth * i)] = space_.constant_share(i).busy;
      paid_next_[z(kPaidPorts + kPaidPortWidth * i + 1)] = space_.constant_share(i).excess;
      paid_next_[z(kPaidPorts + kPaidPortWidth * i + 2)] = space_.constant_share(i).demand;
      paid_next_[z(kPaidPorts + kPaidPortWidth * i + 3)] = space_.constant_share(i).cycles;
    }
    for (int m = 0; m < space_.problem().memories; ++m) {
      if (shared_place_[z(m)] < 0) continue;
      for (int o = 0; o < space_.problem().operands; ++o) {
        const model::ProblemOperand& operand = space_.problem().operand[z(o)];
        if (operand.memory[z(operand.levels - 1)] != m) continue;
        paid_next_[z(shared_place_[z(m)])] += leaf_.top_bits(o, space_.full());
      }
    }
    add_chain(root);
    buckets_[z(space_.full())].push_back(0);
    for (std::int64_t node = space_.full(); node >= 0 && !stopped_; --node) {
      if (budget_ > 0 && result_.nodes > budget_) return false;
      if (!buckets_[z(node)].empty()) process(node);
    }
    if (stopped_) {
      // What was not looked at bounds what could still be found.
      for (std::int64_t node = 0; node < space_.nodes(); ++node) {
        for (const std::int32_t id : buckets_[z(node)]) {
          Bound lower;
          if (bound(id, node, lower) && !prunable(lower)) {
            open_bound_ = std::min(open_bound_, objective_bound(lower));
          }
        }
      }
    }
    if (getenv("DBG"))
      fprintf(stderr,
              "search focus %d beam %d budget %ld: nodes %ld chains %zu evaluated %ld best %.3f "
              "%.1f stopped %d tables %zu stall_m\n",
              (int)focus, beam, (long)budget, (long)(result_.nodes - start_nodes), chains_.size(),
              (long)result_.evaluated, best_.latency, best_.energy, stopped_, tables_.size());
    return !stopped_;
  }

  std::int32_t add_chain(const Chain& chain) {
    const auto id = static_cast<std::int32_t>(chains_.size());
    chains_.push_back(chain);
    paid_.insert(paid_.end(), paid_next_.begin(), paid_next_.end());
    for (const PriceTable& table : tables_) {
      lines_.push_back(table.paid(paid_next_.data()) + table.constant(chain.type));
    }
    visits_.emplace_back();
    return id;
  }

  bool count_node() {
    ++result_.nodes;
    return (options_.node_limit > 0 && result_.nodes > options_.node_limit) ||
           (result_.nodes % 1024 == 0 && options_.stop && options_.stop());
  }

  // Enters a chain into the node in hand, unless it is worse than the incumbent or than another
  // chain there.
  bool enter(std::int32_t id, std::int64_t node) {
    Visit& visit = visits_[z(id)];
    if (visit.node == node) return false;
    visit.node = node;
    visit.dead = false;
    if (!bound(id, node, visit.lower)) return false;
    visit.stall = visit.lower.stall;
    if (prunable(visit.lower)) return false;
    if (count_node()) stopped_ = true;
    return true;
  }

  bool keep(std::int32_t id, std::int64_t node) {
    Group& group = groups_[key_of(chains_[z(id)])];
    for (std::size_t i = 0; i < group.exact.size(); ++i) {
      const std::int32_t other = group.exact[i];
      if (visits_[z(other)].dead || !dominates(other, id, node)) continue;
      visits_[z(id)].dead = true;
      // What stands for one chain often stands for the next one.
      std::swap(group.exact[i], group.exact[i / 2]);
      return false;
    }
    if (!exact_so_far(chains_[z(id)], node)) {
      if (group.others.size() < kMostCompared) group.others.push_back(id);
      return true;
    }
    visits_[z(id)].doubtful = doubtful_ports(chains_[z(id)], node);
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
      const double x = paid(a)[kPaidEnergy];
      const double y = paid(b)[kPaidEnergy];
      return x != y ? x < y : a < b;
    });
    for (const std::int32_t id : here) {
      if (keep(id, node)) alive_.push_back(id);
    }
    for (std::size_t i = 0; i < alive_.size(); ++i) {
      if (!visits_[z(alive_[i])].dead) end_zone(alive_[i], node);
    }
    for (int o = 0; o < space_.problem().operands; ++o) {
      for (std::size_t i = 0; i < alive_.size() && !stopped_; ++i) {
        if (!visits_[z(alive_[i])].dead) place_cut(alive_[i], o, node);
      }
    }
    if (stopped_) {
      buckets_[z(node)] = alive_;
      return;
    }
    std::erase_if(alive_, [&](std::int32_t id) { return visits_[z(id)].dead; });
    if (beam_ > 0) thin(node);
    for (const std::int32_t id : alive_) {
      const Chain& chain = chains_[z(id)];
      if (chain.state == 0 && zones_met(chain, node)) {
        close(id);
      } else {
        walk(id, node);
      }
    }
  }

  // Keeps the best few of each state.
  void thin(std::int64_t node) {
    (void)node;
    std::sort(alive_.begin(), alive_.end(), [&](std::int32_t a, std::int32_t b) {
      const Bound& x = visits_[z(a)].lower;
      const Bound& y = visits_[z(b)].lower;
      const model::Cost c{x.energy, x.latency};
      const model::Cost d{y.energy, y.latency};
      if (better(options_.objective, c, d)) return true;
      if (better(options_.objective, d, c)) return false;
      return a < b;
    });
    std::unordered_map<int, int> count;
    std::erase_if(alive_, [&](std::int32_t id) { return ++count[chains_[z(id)].state] > beam_; });
  }

  void walk(std::int32_t id, std::int64_t node) {
    const Chain& chain = chains_[z(id)];
    for (int t = 0; t < space_.type_count(); ++t) {
      if (space_.count_in(node, t) == 0) continue;
      if (chain.in_zone) {
        const LoopConstraint& constraint = options_.constraints[z(chain.zone - 1)];
        if (space_.type(t).dim != constraint.dim) continue;
      }
      buckets_[z(node - space_.type(t).stride)].push_back(id);
    }
  }

  // ---- constraints on the innermost loops: each is a run of factors of one dimension

  bool zones_met(const Chain& chain, std::int64_t node) const {
    if (chain.in_zone) return node == 0 && chain.zone == 0;
    return chain.zone == 0;
  }

  // Whether the constraint in hand may begin above `node`.
  bool zone_complete(const Chain& chain, std::int64_t node) const {
    if (!chain.in_zone) return true;
    if (chain.zone == 0) return false;
    const LoopConstraint& constraint = options_.constraints[z(chain.zone - 1)];
    const double product = space_.cycles(chain.zone_start) / space_.cycles(node);
    if (product == 1) return false;
    return !constraint.size || static_cast<double>(*constraint.size) == product;
  }

  void end_zone(std::int32_t id, std::int64_t node) {
    const Chain chain = chains_[z(id)];
    if (options_.constraints.empty() || !zone_complete(chain, node)) return;
    Chain next = chain;
    next.above = id;
    next.operand = -1;
    if (chain.in_zone) --next.zone;
    if (next.zone == 0 && node != 0) return;
    next.in_zone = true;
    next.zone_start = static_cast<std::int32_t>(node);
    std::copy(paid(id), paid(id) + width_, paid_next_.begin());
    if (node != chain.mark) pass_mark(chain, node, next);
    next.mark = static_cast<std::int32_t>(node);
    offer(next, node);
  }

  // Accounts for the loops between a chain's mark and the next one. A tight cut below which only
  // irrelevant loops have come so far stays open: its windows are shorter by their product.
  // Others need a loop that ends their levels and is irrelevant to none of them.
  void pass_mark(const Chain& chain, std::int64_t node, Chain& next) {
    next.tight = 0;
    next.anchored = 0;
    next.upper_mark = chain.mark;
    next.upper_top = 0;
    next.anchors = 0;
    // Cuts above all loops are anchored without being tight: their windows only matter to
    // others on their ports.
    if (chain.anchored != 0 &&
        has_other_loop(chain.mark, node, operands_of(chain.tight | chain.anchored))) {
      next.upper_top = operands_of(chain.tight | chain.anchored);
      next.wide_ports |= anchored_ports(chain, ~0u);
      return;
    }
    if (chain.tight == 0) return;
    std::uint32_t ended = 0;
    for (int place = 0; place < space_.cut_count(); ++place) {
      const std::uint32_t bit = 1u << place;
      if (!(chain.tight & bit)) continue;
      const Cut& cut = space_.cut(place);
      const auto own = static_cast<std::uint8_t>(1u << cut.operand);
      if (has_other_loop(chain.mark, node, own)) {
        ended |= bit;
        continue;
      }
      const std::int64_t mark = mark_of(chain, cut.operand, place - space_.first_cut(cut.operand));
      if (cut.single_buffer[z(mark)] == 0 || space_.problem().cycles_per_operation != 1) {
        next.dirty |= bit;
        continue;
      }
      next.tight |= bit;
      shorten_windows(cut, mark, space_.cycles(chain.mark), space_.cycles(node));
    }
    if (ended == 0) return;
    if (!has_other_loop(chain.mark, node, operands_of(ended))) {
      next.dirty |= ended;
      return;
    }
    next.upper_top = operands_of(ended);
    next.wide_ports |= anchored_ports(chain, ended);
  }

  // Adds to the excess of a cut's ports what follows from windows of `after` cycles instead of
  // `before`.
  void shorten_windows(const Cut& cut, std::int64_t mark, double before, double after) {
    const double count = std::floor(space_.iterations() / space_.cycles(mark));
    const auto add = [&](int level, model::Direction direction, double cycles) {
      const int i =
          space_.tracked_place(space_.port_of(cut.operand, level, static_cast<int>(direction)));
      if (i < 0) return;
      paid_next_[z(kPaidPorts + kPaidPortWidth * i + 1)] +=
          (std::max(0.0, cycles - after) - std::max(0.0, cycles - before)) * (count - 1);
    };
    const double below = cut.below_cycles[z(mark)];
    const double above = cut.above_cycles[z(mark)];
    if (cut.operand == 0) {
      add(cut.level - 1, model::Direction::rd_out_to_high, below);
      add(cut.level, model::Direction::wr_in_by_low, above);
      if (cut.comes_back[z(mark)] == 0) return;
      add(cut.level, model::Direction::rd_out_to_low, above);
    }
    if (cut.operand != 0) add(cut.level, model::Direction::rd_out_to_low, above);
    add(cut.level - 1, model::Direction::wr_in_by_high, below);
  }

  void offer(const Chain& next, std::int64_t node) {
    const std::int32_t id = add_chain(next);
    if (enter(id, node) && keep(id, node)) {
      alive_.push_back(id);
    } else if (!stopped_) {
      chains_.pop_back();
      visits_.pop_back();
      paid_.resize(paid_.size() - z(width_));
      lines_.resize(lines_.size() - tables_.size());
    } else {
      alive_.push_back(id);
    }
  }

  void place_cut(std::int32_t id, int o, std::int64_t node) {
    const Chain chain = chains_[z(id)];
    if (chain.left[z(o)] == 0) return;
    const int index = chain.left[z(o)] - 1;
    const int place = space_.first_cut(o) + index;
    const Cut& cut = space_.cut(place);
    const double energy = cut.energy[z(node)];
    if (energy >= ExactSpace::kInfeasible || bounds_.surely_too_large(cut, node)) return;

    Chain next = chain;
    next.above = id;
    next.operand = static_cast<std::int8_t>(o);
    next.left[z(o)]--;
    next.state = bounds_.placed(chain.state, o, node);
    if (next.state < 0) return;
    if (cut.uncertain[z(node)]) next.uncertain = true;
    const bool at_top = node == space_.full();
    if (at_top) {
      next.at_top[z(o)]++;
      next.type = static_cast<std::int16_t>(bounds_.type_index(next.at_top));
    }
    std::copy(paid(id), paid(id) + width_, paid_next_.begin());
    if (node != chain.mark) pass_mark(chain, node, next);
    next.mark = static_cast<std::int32_t>(node);
    paid_next_[kPaidEnergy] += energy;
    const PortShare* shares = cut.shares.data() + node * tracked_;
    for (int i = 0; i < tracked_; ++i) {
      double* port = &paid_next_[z(kPaidPorts + kPaidPortWidth * i)];
      port[0] += shares[i].busy;
      port[1] += shares[i].excess;
      port[2] += shares[i].demand;
      port[3] += shares[i].cycles;
    }
    if (!at_top) {
      if (cut.role == LoadingRole::separate) {
        paid_next_[z(kPaidSeparate + o)] += cut.loading[z(node)];
      } else if (cut.role == LoadingRole::together) {
        paid_next_[z(kPaidTogether + o)] += cut.loading[z(node)];
      } else if (cut.role == LoadingRole::offload) {
        paid_next_[kPaidOffload] += cut.loading[z(node)];
      }
    }
    if (o == 0 && !settle_output(chain, next, node)) return;
    use(cut.ports, next.used_ports, next.shared_ports);
    use(ports_of(cut, node) & cut.partial_ports, next.used_ports, next.shared_ports);
    if (cut.stationary) {
      next.wide_ports |= cut.ports;
    } else {
      if (!store(cut, place, node, next)) return;
      if (cut.level == 1) {
        next.floor_class[z(o)] = static_cast<std::uint16_t>(bounds_.floor_class(o, node));
      }
      // A level without loops ends with no irrelevant one; one with irrelevant loops only is
      // accounted for.
      if (index + 1 < space_.cuts_of(o)) next.tight &= ~(1u << (place + 1));
      if (index + 1 < space_.cuts_of(o)) next.anchored &= ~(1u << (place + 1));
    }
    if (options_.even) {
      next.even_key =
          (next.even_key + static_cast<std::uint64_t>(node) + 1) * 0x9E3779B97F4A7C15ull ^
          static_cast<std::uint64_t>(place);
    }
    offer(next, node);
  }

  // The tile above the output's last cut is sized with partial sums if irrelevant loops lie
  // outside of where its level begins, which is known now.
  bool settle_output(const Chain& chain, Chain& next, std::int64_t node) {
    const int above = chain.left[0];  // index of the last cut
    if (above == space_.cuts_of(0)) {
      const int m = space_.problem().operand[0].memory[z(above)];
      const double more = leaf_.top_bits(0, node) - leaf_.top_bits(0, space_.full());
      const double size = space_.problem().memory[z(m)].size;
      if (shared_place_[z(m)] < 0) {
        if (leaf_.top_bits(0, node) > size) return false;
      } else if ((paid_next_[z(shared_place_[z(m)])] += more) > size) {
        return false;
      }
    } else {
      const Cut& cut = space_.cut(0, above);
      const std::int64_t mark = chain.output_mark;
      const bool partial =
          space_.problem().operand[0].real.irrelevant_from[z(cut.level)] || !space_.reduced(node);
      const double bits = (partial ? cut.bits_partial : cut.bits_final)[z(mark)];
      const double size = space_.problem().memory[z(cut.memory)].size;
      if (bits > size) return false;
      const int place = shared_place_[z(cut.memory)];
      if (place >= 0) {
        double& used = paid_next_[z(place)];
        used += bits - least_bits(cut, mark);
        if (used > size) return false;
      }
    }
    paid_next_[z(pending_)] = 0;
    next.output_mark = static_cast<std::int32_t>(node);
    return true;
  }

  double least_bits(const Cut& cut, std::int64_t node) const {
    const bool partial =
        cut.operand == 0 && (space_.problem().operand[0].real.irrelevant_from[z(cut.level)] ||
                             !space_.reduced(node) || (cut.level == 1 && !space_.reduced(0)));
    return (partial ? cut.bits_partial : cut.bits_final)[z(node)];
  }

  // Puts the tile below a cut into its memory, and notes whether there is room for a second one.
  bool store(const Cut& cut, int place, std::int64_t node, Chain& next) {
    const model::ProblemMemory& memory = space_.problem().memory[z(cut.memory)];
    const std::uint32_t bit = 1u << place;
    const double bits = least_bits(cut, node);
    if (cut.operand == 0) {
      const bool may_grow = cut.level > 1 && cut.bits_partial[z(node)] > bits;
      paid_next_[z(pending_)] = may_grow ? cut.bits_partial[z(node)] : bits;
    }
    bool roomy = false;
    if (memory.count == 1) {
      roomy = cut.bits_most[z(node)] <= 0.5 * memory.size;
    } else {
      double& used = paid_next_[z(shared_place_[z(cut.memory)])];
      used += bits;
      if (used > memory.size) return false;
      double most = 0;
      if (fullest(cut.memory, next, most) && most <= 0.5 * memory.size) {
        roomy = true;
        for (int i = 0; i < memory.count; ++i) {
          const model::MemoryResident& resident = memory.residents[z(i)];
          if (resident.level + 1 == space_.problem().operand[resident.operand].levels) continue;
          const int other = space_.first_cut(resident.operand) +
                            (resident.operand == 0 ? resident.level : resident.level + 1);
          next.dirty &= ~(1u << other);
          next.tight &= ~(1u << other);
          next.anchored &= ~(1u << other);
          const Cut& mate = space_.cut(other);
          const int index = other - space_.first_cut(mate.operand);
          next.wide_ports |= ports_of(mate, mark_of(next, mate.operand, index));
        }
      }
    }
    if (roomy) {
      next.wide_ports |= ports_of(cut, node);
      return true;
    }
    // What moves once waits for no window.
    if (cut.short_window[z(node)]) return true;
    if (node == space_.full()) {
      next.anchored |= bit;
      return true;
    }
    next.tight |= bit;
    const auto anchors = static_cast<std::uint8_t>(next.anchors | 1u << cut.operand);
    if (can_hold(next.upper_mark, node, next.upper_top, anchors)) {
      next.anchors = anchors;
      next.anchored |= bit;
    }
    return true;
  }

  // Bits in a shared memory at most; false while some of its residents' cuts are not placed.
  bool fullest(int m, const Chain& chain, double& bits) const {
    const model::ProblemMemory& memory = space_.problem().memory[z(m)];
    bits = 0;
    for (int i = 0; i < memory.count; ++i) {
      const int o = memory.residents[z(i)].operand;
      const int level = memory.residents[z(i)].level;
      if (level + 1 == space_.problem().operand[z(o)].levels) {
        bits += leaf_.most_top_bits(o);
        continue;
      }
      const int index = o == 0 ? level : level + 1;
      if (chain.left[z(o)] > index) return false;
      bits += space_.cut(o, index).bits_most[z(mark_of(chain, o, index))];
    }
    return true;
  }

  // Node of a placed cut.
  std::int64_t mark_of(const Chain& chain, int o, int index) const {
    const Chain* c = &chain;
    while (!(c->operand == o && c->left[z(o)] == index)) c = &chains_[z(c->above)];
    return c->mark;
  }

  // ---- complete chains

  void close(std::int32_t id) {
    std::vector<ChainMark> marks;
    PlacedCuts placed{};
    for (std::int32_t i = id; chains_[z(i)].above >= 0; i = chains_[z(i)].above) {
      const Chain& chain = chains_[z(i)];
      if (marks.empty() || marks.back().node != chain.mark) marks.push_back({chain.mark, 0});
      if (chain.operand < 0) continue;
      const int o = chain.operand;
      placed[z(o)][chain.left[z(o)]] = chain.mark;
      marks.back().must_not |= static_cast<std::uint8_t>(1u << o);
    }
    const Chain& chain = chains_[z(id)];
    const bool exact =
        !chain.uncertain && (focus_ == Focus::energy || (comparable_ && chain.dirty == 0));
    // Chains in which a cut would sink stand for what another chain stands for too. Only of
    // those that others were dropped for they have to be costed here.
    for (std::size_t i = 0; i < marks.size(); ++i) {
      const std::int64_t outer = i + 1 < marks.size() ? marks[i + 1].node : space_.full();
      if (exact) {
        marks[i].must_not = 0;
      } else if (outer != marks[i].node &&
                 !has_other_loop(outer, marks[i].node, marks[i].must_not)) {
        return;
      }
    }
    const double least = chain.uncertain ? -ExactSpace::kInfeasible : visits_[z(id)].lower.latency;
    expand(marks, placed, options_.prune ? least : -ExactSpace::kInfeasible, 0);
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

  const ExactSpace& space_;
  ExactBounds& bounds_;
  const ExactOptions& options_;
  ExactLeaf leaf_;
  int tracked_;
  ExactResult result_;
  bool has_best_ = false;
  model::Cost best_;
  bool stopped_ = false;
  double open_bound_ = std::numeric_limits<double>::infinity();

  bool comparable_ = true;
  bool shadows_ = false;
  std::optional<PriceSearch> price_search_;
  std::vector<PriceTable> tables_;
  std::vector<double> lines_;  // [chain][table]: what is paid, so priced
  int beam_ = 0;
  std::int64_t budget_ = 0;
  Focus focus_ = Focus::both;
  int width_ = 0;                  // figures of a chain: paid sums, bits in shared memories
  int pending_ = 0;                // place: bits of the output's last tile at most
  std::vector<int> shared_place_;  // place of the bits in a shared memory; -1: not shared
  std::uint32_t always_wide_ = 0;
  std::vector<Chain> chains_;
  std::vector<double> paid_;
  std::vector<double> paid_next_;
  std::vector<Visit> visits_;
  std::vector<std::vector<std::int32_t>> buckets_;  // chains on their way, by node
  std::vector<std::int32_t> alive_;
  std::unordered_map<Key, Group, KeyHash> groups_;
};

}  // namespace

ExactResult exact_search(const model::Problem& problem, const ExactOptions& options,
                         const std::optional<model::Cost>& incumbent) {
  const ExactSpace space(problem, options.state_limit);
  if (space.too_large()) {
    ExactResult result;
    result.orderings = space.orderings();
    return result;
  }
  ExactBounds bounds(space);
  ExactResult result = ChainSearch(space, bounds, options, incumbent).run();
  result.orderings = space.orderings();
  return result;
}

}  // namespace ridgeline::search
