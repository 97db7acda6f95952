#include "search/exact_mapper.hpp"

#include <algorithm>
#include <cmath>

#include "search/exact_leaf.hpp"
#include "search/exact_space.hpp"

namespace ridgeline::search {

namespace {

std::size_t z(std::int64_t i) {
  return static_cast<std::size_t>(i);
}

// Sums of energies in another order differ in the last bits; bounds that are equal up to this
// count as equal.
constexpr double kTie = 1e-12;

class BranchAndBound {
 public:
  BranchAndBound(const ExactSpace& space, const ExactOptions& options,
                 const std::optional<model::Cost>& incumbent)
      : space_(space), options_(options), leaf_(space, options.even) {
    if (incumbent) {
      has_best_ = true;
      best_ = *incumbent;
    }
  }

  ExactResult run() {
    if (!leaf_.top_levels_fit() || !space_.feasible(0, 0)) {
      result_.optimal = true;
      return result_;
    }
    State state;
    state.paid = space_.constant();
    chain_.clear();
    result_.lower_bound = std::numeric_limits<double>::infinity();
    visit(state);
    result_.optimal = !stopped_;
    const double best = has_best_ ? objective_value(options_.objective, best_)
                                  : std::numeric_limits<double>::infinity();
    result_.lower_bound = std::min(stopped_ ? open_bound_ : best, best);
    std::sort(result_.front.begin(), result_.front.end(),
              [](const auto& a, const auto& b) { return a.cost.latency < b.cost.latency; });
    return result_;
  }

 private:
  struct State {
    std::int64_t node = 0;
    std::int64_t passed_index = 0;
    std::array<int, model::kMaxOperands> passed{};
    int first_type = 0;         // loops of one segment are added in this order
    int first_operand = 0;      // cuts at one node are placed in this order
    bool since_mark = false;    // loops lie above the last mark
    std::uint8_t must_not = 0;  // operands cut at the last mark: the next loop must not be
                                // irrelevant to them, or their cuts would have sunk past it
    bool has_start = true;      // the segment has a loop that may come first
    int stage = 0;              // constraints that are met
    std::int64_t stage_product = 1;
    std::array<double, kMaxTracked> paid{};
  };

  // Lower bounds of what a state can still lead to.
  model::Cost bound(const State& state) const {
    const double* rest = space_.bound(state.node, state.passed_index);
    double busiest = 0;
    for (int i = 1; i < space_.tracked(); ++i) {
      busiest = std::max(busiest, state.paid[z(i)] + rest[i]);
    }
    const double beta = space_.problem().cycles_per_operation;
    return {state.paid[0] + rest[0],
            std::max(space_.iterations() * beta, busiest) + loading_bound(state)};
  }

  double loading_bound(const State& state) const {
    const model::Problem& p = space_.problem();
    std::array<double, model::kMaxOperands> separate{};
    std::array<double, model::kMaxOperands> half{};
    std::array<double, model::kMaxOperands> together{};
    double offload = 0;
    for (int o = 0; o < p.operands; ++o) {
      const int cuts = space_.cuts_of(o);
      for (int i = o == 0 ? 0 : 1; i < cuts; ++i) {
        const Cut& cut = space_.cut(o, i);
        const std::int64_t node = i < state.passed[z(o)] ? placed_[z(o)][z(i)] : state.node;
        double value = cut.loading[z(node)];
        if (node == space_.full()) {
          value = cut.loading_once;
        } else if (i >= state.passed[z(o)]) {
          value = std::min(cut.loading_beyond[z(node)], cut.loading_once);
        }
        if (o == 0) {
          offload += value;
          continue;
        }
        switch (p.operand[z(o)].shared_ports[z(cut.level - 1)]) {
          case 0:
            separate[z(o)] += value;
            break;
          case 1:
            half[z(o)] = value;
            break;
          default:
            together[z(o)] += value;
        }
      }
    }
    if (p.operands == 2) return separate[1] + offload;
    const double first =
        together[1] + std::max(together[2] + half[2] + separate[2], half[1] + separate[1]);
    const double second =
        together[2] + std::max(together[1] + half[1] + separate[1], half[2] + separate[2]);
    return std::min(first, second) + offload;
  }

  bool prunable(const model::Cost& lower) const {
    if (!options_.prune) return false;
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
        return lower.latency * lower.energy >= best_.latency * best_.energy * (1 - kTie);
    }
    return false;
  }

  // Enters a state unless it cannot lead to anything better.
  void enter(const State& state) {
    if (!space_.feasible(state.node, state.passed_index)) return;
    const model::Cost lower = bound(state);
    if (prunable(lower)) return;
    if (stopped_) {
      open_bound_ = std::min(open_bound_, objective_value(options_.objective, lower));
      return;
    }
    ++result_.nodes;
    if ((options_.node_limit > 0 && result_.nodes > options_.node_limit) ||
        (result_.nodes % 1024 == 0 && options_.stop && options_.stop())) {
      stopped_ = true;
      open_bound_ = objective_value(options_.objective, lower);
      return;
    }
    visit(state);
  }

  void visit(const State& state) {
    const bool constrained = state.stage < static_cast<int>(options_.constraints.size());
    if (state.passed_index == space_.passed_total() - 1 && !constrained) {
      close(state);
      return;
    }
    if (constrained) end_run(state);
    pass_cuts(state);
    add_loops(state, constrained);
  }

  void end_run(const State& state) {
    const LoopConstraint& constraint = options_.constraints[z(state.stage)];
    if (state.stage_product == 1 || (constraint.size && *constraint.size != state.stage_product)) {
      return;
    }
    if (state.since_mark && !state.has_start) return;
    State next = state;
    ++next.stage;
    next.stage_product = 1;
    next.first_type = 0;
    if (state.since_mark) {
      chain_.push_back({state.node, state.must_not});
      next.since_mark = false;
      next.must_not = 0;
      next.has_start = true;
      next.first_operand = 0;
    }
    enter(next);
    if (state.since_mark) chain_.pop_back();
  }

  void pass_cuts(const State& state) {
    if (state.since_mark && !state.has_start) return;
    const int from = state.since_mark ? 0 : state.first_operand;
    for (int o = from; o < space_.problem().operands; ++o) {
      if (state.passed[z(o)] == space_.cuts_of(o)) continue;
      const Cut& cut = space_.cut(o, state.passed[z(o)]);
      const std::int64_t previous =
          cut.stationary || cut.level == 1 ? 0 : placed_[z(o)][z(state.passed[z(o)] - 1)];
      if (!cut.stationary && !leaf_.fits(cut, state.node, previous)) continue;
      State next = state;
      placed_[z(o)][z(state.passed[z(o)])] = state.node;
      next.passed[z(o)]++;
      next.passed_index += space_.passed_stride(o);
      next.first_operand = o;
      next.first_type = 0;
      const double* cost = &cut.cost[z(state.node * space_.tracked())];
      for (int i = 0; i < space_.tracked(); ++i) next.paid[z(i)] += cost[i];
      const bool new_mark = state.since_mark || chain_.empty();
      if (new_mark) {
        chain_.push_back({state.node, 0});
        next.must_not = 0;
      }
      // must_not of the segment below stays with its own mark; this one starts afresh.
      next.must_not |= static_cast<std::uint8_t>(1u << o);
      next.since_mark = false;
      next.has_start = false;
      const std::uint8_t before = chain_.back().must_not;
      chain_.back().must_not = next.must_not;
      enter(next);
      chain_.back().must_not = before;
      if (new_mark) chain_.pop_back();
    }
  }

  void add_loops(const State& state, bool constrained) {
    for (int t = state.first_type; t < space_.type_count(); ++t) {
      const FactorType& type = space_.type(t);
      if (space_.count_in(state.node, t) == type.count) continue;
      State next = state;
      if (constrained) {
        const LoopConstraint& constraint = options_.constraints[z(state.stage)];
        if (type.dim != constraint.dim) continue;
        next.stage_product *= type.prime;
        if (constraint.size && *constraint.size % next.stage_product != 0) continue;
      }
      next.node += type.stride;
      next.first_type = t;
      next.since_mark = true;
      if (!(type.irrelevant_to & state.must_not)) next.has_start = true;
      enter(next);
    }
  }

  // All cuts are placed: cost the mappings that the chain stands for.
  void close(const State& state) {
    // Loops above the last mark that the state does not count yet are free to be ordered.
    if (state.since_mark && !state.has_start) return;
    leaf_.expand(chain_, placed_, [&](const model::Ordering& ordering, const model::Cuts& cuts) {
      const model::Cost cost = model::evaluate(space_.problem(), ordering, cuts);
      ++result_.evaluated;
      if (!std::isfinite(cost.energy)) return;
      if (options_.front) {
        add_to_front({cost, ordering, cuts});
        return;
      }
      if (has_best_ && !better(options_.objective, cost, best_)) return;
      has_best_ = true;
      best_ = cost;
      result_.improved = true;
      result_.best = {cost, ordering, cuts};
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
  const ExactOptions& options_;
  ExactLeaf leaf_;
  ExactResult result_;
  bool has_best_ = false;
  model::Cost best_;
  bool stopped_ = false;
  double open_bound_ = std::numeric_limits<double>::infinity();
  std::vector<ChainMark> chain_;
  PlacedCuts placed_{};
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
  ExactResult result = BranchAndBound(space, options, incumbent).run();
  result.orderings = space.orderings();
  return result;
}

}  // namespace ridgeline::search
