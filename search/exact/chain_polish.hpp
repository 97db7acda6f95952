// Better mappings near the best one (docs/exact-mapping.md, "Limits"): what a hard search has to
// beat should be good before it begins.
#pragma once

#include <algorithm>
#include <array>
#include <vector>

#include "model/core/index.hpp"
#include "search/exact/chain_walk.hpp"
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
  // Changes at random that take as long as a node, and how much worse they may make a mapping at
  // first and at last: about so much, relative.
  static constexpr int kChangesOfNode = 2;
  static constexpr double kHot = 0.1;
  static constexpr double kCold = 0.0005;

  static constexpr model::Cost kNone{CutLattice::kInfeasible, CutLattice::kInfeasible};

  struct Placed {
    PlacedCuts cuts{};
    model::Cost cost;
  };

  // Different nodes of the cuts, innermost first.
  std::vector<std::int64_t> marks_of(const PlacedCuts& placed) const {
    std::vector<std::int64_t> marks;
    for (int o = 0; o < space_.problem().operands; ++o) {
      for (int c = 0; c < space_.cuts_of(o); ++c) marks.push_back(placed[z(o)][z(c)]);
    }
    std::sort(marks.begin(), marks.end(),
              [&](std::int64_t a, std::int64_t b) { return space_.cycles(a) < space_.cycles(b); });
    marks.erase(std::unique(marks.begin(), marks.end()), marks.end());
    return marks;
  }

  bool lies_in(std::int64_t inner, std::int64_t outer) const {
    for (int t = 0; t < space_.type_count(); ++t) {
      if (space_.count_in(inner, t) > space_.count_in(outer, t)) return false;
    }
    return true;
  }

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
    for (const std::int64_t node : marks_of(placed.cuts)) chain.push_back({node, 0});
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
    while (!stopped_ && !watch_.stopped_now() && result_.nodes < end) {
      const std::vector<std::int64_t> marks = marks_of(here.cuts);
      if (!move_factors(here, marks, end) && !move_cuts(here, marks, end)) return;
    }
  }

  // Of the factors between two marks that follow each other, or innermost and outermost.
  struct Segment {
    std::int64_t lower = 0;
    std::int64_t upper = 0;
  };
  std::vector<Segment> segments_of(const std::vector<std::int64_t>& marks) const {
    std::vector<Segment> segments;
    for (std::size_t s = 0; s <= marks.size(); ++s) {
      segments.push_back({s == 0 ? 0 : marks[s - 1], s == marks.size() ? space_.full() : marks[s]});
    }
    return segments;
  }
  bool has(const Segment& segment, int type) const {
    return space_.count_in(segment.upper, type) > space_.count_in(segment.lower, type);
  }

  // What becomes of each mark where a factor goes from one segment to another.
  void shift(std::vector<std::int64_t>& marks, std::size_t from, std::size_t to, int type) const {
    const std::int64_t stride = space_.type(type).stride;
    for (std::size_t m = from; m < to; ++m) marks[m] -= stride;
    for (std::size_t m = to; m < from; ++m) marks[m] += stride;
  }

  PlacedCuts moved_to(const PlacedCuts& base, const std::vector<std::int64_t>& marks,
                      const std::vector<std::int64_t>& moved) const {
    PlacedCuts placed = base;
    for (int o = 0; o < space_.problem().operands; ++o) {
      for (int c = 0; c < space_.cuts_of(o); ++c) {
        std::int64_t& node = placed[z(o)][z(c)];
        node = moved[z(std::find(marks.begin(), marks.end(), node) - marks.begin())];
      }
    }
    return placed;
  }

  bool move_factors(Placed& here, const std::vector<std::int64_t>& marks, std::int64_t end) {
    const std::vector<Segment> segments = segments_of(marks);
    for (int t = 0; t < space_.type_count(); ++t) {
      for (std::size_t a = 0; a < segments.size(); ++a) {
        if (!has(segments[a], t)) continue;
        for (std::size_t b = 0; b < segments.size() && result_.nodes < end; ++b) {
          if (a == b) continue;
          std::vector<std::int64_t> moved = marks;
          shift(moved, a, b, t);
          if (attempt(here, moved_to(here.cuts, marks, moved))) return true;
          for (int u = 0; u < space_.type_count(); ++u) {
            if (u == t || !has(segments[b], u)) continue;
            std::vector<std::int64_t> both = moved;
            shift(both, b, a, u);
            if (attempt(here, moved_to(here.cuts, marks, both))) return true;
          }
        }
      }
    }
    return false;
  }

  // Nodes that are comparable with all marks, near these.
  std::vector<std::int64_t> places_near(const std::vector<std::int64_t>& marks) const {
    std::vector<std::int64_t> places;
    for (const Segment& segment : segments_of(marks)) {
      places.push_back(segment.lower);
      places.push_back(segment.upper);
      for (int t = 0; t < space_.type_count(); ++t) {
        if (!has(segment, t)) continue;
        places.push_back(segment.lower + space_.type(t).stride);
        places.push_back(segment.upper - space_.type(t).stride);
      }
    }
    return places;
  }

  // Whether a cut may lie at a node between the same operand's others.
  bool may_move(const PlacedCuts& cuts, int o, int c, std::int64_t place) const {
    const auto& own = cuts[z(o)];
    return place != own[z(c)] && (c == 0 || lies_in(own[z(c - 1)], place)) &&
           (c + 1 == space_.cuts_of(o) || lies_in(place, own[z(c + 1)]));
  }

  bool move_cuts(Placed& here, const std::vector<std::int64_t>& marks, std::int64_t end) {
    const std::vector<std::int64_t> places = places_near(marks);
    for (int o = 0; o < space_.problem().operands; ++o) {
      for (int c = 0; c < space_.cuts_of(o); ++c) {
        for (const std::int64_t place : places) {
          if (result_.nodes >= end) return false;
          if (!may_move(here.cuts, o, c, place)) continue;
          PlacedCuts placed = here.cuts;
          placed[z(o)][z(c)] = place;
          if (attempt(here, placed)) return true;
        }
      }
    }
    return false;
  }

  // Changes cuts at random, less and less freely, by what their sums cost; on the way, orderings of
  // the best are costed.
  void anneal(PlacedCuts here, std::int64_t steps) {
    RandomStream random(0, 0, 0, anneals_++);
    const auto value_of = [&](const PlacedCuts& cuts) {
      const model::Cost least = least_of(cuts);
      return least.energy >= CutLattice::kInfeasible
                 ? CutLattice::kInfeasible
                 : std::log(objective_value(options_.objective, least));
    };
    double value = value_of(here);
    double lowest = value;
    for (std::int64_t i = 0; i < steps; ++i) {
      if (stopped_ || (i % 64 == 0 && watch_.stopped_now())) return;
      PlacedCuts there = here;
      change(there, random);
      const double next = value_of(there);
      const double heat =
          kHot * std::pow(kCold / kHot, static_cast<double>(i) / static_cast<double>(steps));
      if (next >= CutLattice::kInfeasible ||
          next > value - heat * std::log(random.uniform() + 1e-300))
        continue;
      here = there;
      value = next;
      if (value >= lowest) continue;
      lowest = value;
      if (std::exp(value) < objective_value(options_.objective, best_)) {
        Placed found{here, {}};
        cost_of(found);
      }
    }
    result_.nodes += steps / kChangesOfNode;
  }

  // One change at random.
  void change(PlacedCuts& cuts, RandomStream& random) const {
    const std::vector<std::int64_t> marks = marks_of(cuts);
    if (random.below(3) == 0) {
      const std::vector<std::int64_t> places = places_near(marks);
      const int o = static_cast<int>(random.below(z(space_.problem().operands)));
      if (space_.cuts_of(o) == 0) return;
      const int c = static_cast<int>(random.below(z(space_.cuts_of(o))));
      const std::int64_t place = places[random.below(places.size())];
      if (may_move(cuts, o, c, place)) cuts[z(o)][z(c)] = place;
      return;
    }
    const std::vector<Segment> segments = segments_of(marks);
    std::vector<std::pair<std::size_t, int>> factors;
    for (std::size_t s = 0; s < segments.size(); ++s) {
      for (int t = 0; t < space_.type_count(); ++t) {
        if (has(segments[s], t)) factors.emplace_back(s, t);
      }
    }
    if (factors.empty()) return;
    const auto [a, t] = factors[random.below(factors.size())];
    const auto [b, u] = factors[random.below(factors.size())];
    const bool exchange = random.below(2) == 0;
    std::vector<std::int64_t> moved = marks;
    shift(moved, a, b, t);
    if (exchange && a != b && t != u) shift(moved, b, a, u);
    cuts = moved_to(cuts, marks, moved);
  }

  std::uint32_t anneals_ = 0;
};

}  // namespace ridgeline::search
