// Better mappings near the best one (docs/exact-mapping.md, "Limits"): what a hard search has to
// beat should be good before it begins.
#pragma once

#include <algorithm>
#include <array>
#include <vector>

#include "model/core/index.hpp"
#include "search/exact/chain_walk.hpp"
#include "search/exact/cut_moves.hpp"
#include "search/fronts/random.hpp"

namespace ridgeline::search {

class ChainPolish : public ChainWalk {
 public:
  using ChainWalk::ChainWalk;

 protected:
  // Changes the best mapping that was found as long as that makes it better: a factor goes to
  // another place between the cuts, two factors change their places, or a cut moves. Where nothing
  // does any more, a few changes at random lead to where others may. At most so many changed
  // mappings are costed, each of which counts as a node.
  void polish(std::int64_t most) {
    if (!has_placed_ || prefix_.constrained() || !options_.prune) return;
    const std::int64_t end = result_.nodes + most;
    Placed here{best_placed_, placed_cost_};
    descend(here, end);
    if (stopped_ || result_.nodes >= end || watch_.stopped_now()) return;
    anneal(here.cuts, (end - result_.nodes) / 2 * kChangesOfNode);
    here = {best_placed_, placed_cost_};
    descend(here, end);
  }

 private:
  // Orderings that are costed of a changed mapping.
  static constexpr int kMostOrderings = 4;
  // Changes at random that take as long as a node.
  static constexpr int kChangesOfNode = 2;

  static constexpr model::Cost kNone{CutLattice::kInfeasible, CutLattice::kInfeasible};

  struct Placed {
    PlacedCuts cuts{};
    model::Cost cost;
  };

  // Of the tile below a cut. The output's is sized with partial sums if irrelevant loops lie
  // outside of where its level begins.
  double bits_of(const PlacedCuts& placed, int o, int c) const {
    const Cut& cut = space_.cut(o, c);
    const std::int64_t node = placed[z(o)][z(c)];
    if (o != 0 || c == 0) return bounds_.least_bits(cut, node);
    const bool partial = space_.problem().operand[0].real.irrelevant_from[z(cut.level)] ||
                         !space_.reduced(placed[0][z(c - 1)]);
    return (partial ? cut.bits_partial : cut.bits_final)[cut.at(node)];
  }

  // What orderings with these cuts cost at least: sums over cuts alone.
  model::Cost least_of(const PlacedCuts& placed) const {
    double energy = space_.constant_energy();
    std::array<double, model::kMaxMemories> bits{};
    for (const int m : space_.shared_memories()) bits[z(m)] = space_.fixed_bits(m);
    std::array<double, kMaxTrackedPorts> busy{};
    std::array<double, kMaxTrackedPorts> excess{};
    for (int o = 0; o < space_.problem().operands; ++o) {
      for (int c = 0; c < space_.cuts_of(o); ++c) {
        const Cut& cut = space_.cut(o, c);
        const std::int64_t node = placed[z(o)][z(c)];
        energy += cut.energy[cut.at(node)];
        if (energy >= CutLattice::kInfeasible || bounds_.surely_too_large(cut, node)) return kNone;
        if (!cut.stationary) bits[z(cut.memory)] += bits_of(placed, o, c);
        const PortShare* share = cut.shares_at(node);
        for (const int port : cut.own_ports) {
          busy[z(port)] += share->busy;
          excess[z(port)] += share->excess;
          ++share;
        }
      }
    }
    for (const int m : space_.shared_memories()) {
      if (bits[z(m)] > space_.problem().memory[z(m)].size * (1 + 1e-9)) return kNone;
    }
    const double beta = space_.problem().cycles_per_operation;
    double stall = 0;
    for (int i = 0; i < space_.tracked(); ++i) {
      const PortShare& fixed = space_.constant_share(i);
      stall = std::max({stall, busy[z(i)] + fixed.busy - space_.iterations() * std::ceil(beta),
                        excess[z(i)] + fixed.excess});
    }
    return {energy, space_.iterations() * beta + stall};
  }

  // Costs the orderings with these cuts, at most so many; false if none is feasible.
  bool cost_of(Placed& placed) {
    ++result_.nodes;
    std::vector<ChainMark> chain;
    for (const std::int64_t node : moves_.marks_of(placed.cuts)) chain.push_back({node, 0});
    const std::optional<model::Cost> cost = expand(chain, placed.cuts, -CutLattice::kInfeasible,
                                                   -CutLattice::kInfeasible, kMostOrderings);
    if (cost) placed.cost = *cost;
    return cost.has_value();
  }

  // Takes these cuts instead if they are better; costs them only if their sums allow it.
  bool attempt(Placed& here, const PlacedCuts& cuts) {
    const model::Cost least = least_of(cuts);
    const double value = objective_value(options_.objective, here.cost);
    if (least.energy >= CutLattice::kInfeasible ||
        objective_value(options_.objective, least) > value * (1 + kTie)) {
      return false;
    }
    Placed there{cuts, {}};
    if (!cost_of(there) || !better(options_.objective, there.cost, here.cost)) return false;
    here = there;
    return true;
  }

  void descend(Placed& here, std::int64_t end) {
    const auto better = [&](const PlacedCuts& cuts) { return attempt(here, cuts); };
    const auto more = [&] { return result_.nodes < end; };
    while (!stopped_ && !watch_.stopped_now() && more()) {
      if (!moves_.move_factors(here.cuts, better, more) &&
          !moves_.move_cuts(here.cuts, better, more)) {
        return;
      }
    }
  }

  // Changes cuts at random, by what their sums cost; on the way, orderings of the best are costed.
  void anneal(const PlacedCuts& from, std::int64_t steps) {
    RandomStream random(0, 0, 0, anneals_++);
    const auto value_of = [&](const PlacedCuts& cuts) {
      const model::Cost least = least_of(cuts);
      return least.energy >= CutLattice::kInfeasible
                 ? CutMoves<CutLattice>::kNever
                 : std::log(objective_value(options_.objective, least));
    };
    const auto found = [&](const PlacedCuts& cuts, double value) {
      if (std::exp(value) >= objective_value(options_.objective, best_)) return true;
      Placed one{cuts, {}};
      cost_of(one);
      return !stopped_;
    };
    const auto stop = [&] { return stopped_ || watch_.stopped_now(); };
    if (moves_.anneal(from, steps, random, value_of, found, stop)) {
      result_.nodes += steps / kChangesOfNode;
    }
  }

  CutMoves<CutLattice> moves_{space_};
  std::uint32_t anneals_ = 0;
};

}  // namespace ridgeline::search
