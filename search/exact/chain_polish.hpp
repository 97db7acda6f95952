// Better mappings near the best one (docs/exact-mapping.md, "Limits"): what a hard search has to
// beat should be good before it begins.
#pragma once

#include <algorithm>
#include <vector>

#include "model/core/index.hpp"
#include "search/exact/chain_walk.hpp"

namespace ridgeline::search {

class ChainPolish : public ChainWalk {
 public:
  using ChainWalk::ChainWalk;

 protected:
  // Costs the orderings of a chain with these cuts, at most so many.
  void try_placed(const PlacedCuts& placed, int most) {
    std::vector<ChainMark> chain;
    for (const std::int64_t node : marks_of(placed)) chain.push_back({node, 0});
    expand(chain, placed, -CutLattice::kInfeasible, -CutLattice::kInfeasible, most);
  }

  // Changes the best mapping that was found as long as that makes it better: a factor goes to
  // another place between the cuts, two factors change their places, or a cut moves. At most so
  // many changed mappings are costed, each of which counts as a node.
  void polish(std::int64_t most) {
    if (!has_placed_ || prefix_.constrained() || !options_.prune) return;
    const std::int64_t end = result_.nodes + most;
    while (!watch_.stopped_now() && result_.nodes < end) {
      const PlacedCuts base = best_placed_;
      const std::vector<std::int64_t> marks = marks_of(base);
      if (!move_factors(base, marks, end) && !move_cuts(base, marks, end)) return;
    }
  }

 private:
  // Orderings that are costed of a changed mapping.
  static constexpr int kMostOrderings = 4;

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

  // Whether these cuts are better than the best; costs them only if their energy allows it.
  bool attempt(const PlacedCuts& placed) {
    double energy = space_.constant_energy();
    for (int o = 0; o < space_.problem().operands; ++o) {
      for (int c = 0; c < space_.cuts_of(o); ++c) {
        const Cut& cut = space_.cut(o, c);
        const std::int64_t node = placed[z(o)][z(c)];
        energy += cut.energy[cut.at(node)];
        if (energy >= CutLattice::kInfeasible || bounds_.surely_too_large(cut, node)) return false;
      }
    }
    const double ideal = space_.iterations() * space_.problem().cycles_per_operation;
    if (options_.objective == Objective::energy && energy > best_.energy * (1 + kTie)) return false;
    if (options_.objective == Objective::edp && energy * ideal >= best_.energy * best_.latency) {
      return false;
    }
    ++result_.nodes;
    const model::Cost before = best_;
    try_placed(placed, kMostOrderings);
    return better(options_.objective, best_, before);
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

  // What becomes of each mark where a factor goes from one segment to another.
  void shift(std::vector<std::int64_t>& marks, std::size_t from, std::size_t to, int type) const {
    const std::int64_t stride = space_.type(type).stride;
    for (std::size_t m = from; m < to; ++m) marks[m] -= stride;
    for (std::size_t m = to; m < from; ++m) marks[m] += stride;
  }

  bool attempt_marks(const PlacedCuts& base, const std::vector<std::int64_t>& marks,
                     const std::vector<std::int64_t>& moved) {
    PlacedCuts placed = base;
    for (int o = 0; o < space_.problem().operands; ++o) {
      for (int c = 0; c < space_.cuts_of(o); ++c) {
        std::int64_t& node = placed[z(o)][z(c)];
        node = moved[z(std::find(marks.begin(), marks.end(), node) - marks.begin())];
      }
    }
    return attempt(placed);
  }

  bool move_factors(const PlacedCuts& base, const std::vector<std::int64_t>& marks,
                    std::int64_t end) {
    const std::vector<Segment> segments = segments_of(marks);
    const auto has = [&](std::size_t s, int t) {
      return space_.count_in(segments[s].upper, t) > space_.count_in(segments[s].lower, t);
    };
    for (int t = 0; t < space_.type_count(); ++t) {
      for (std::size_t a = 0; a < segments.size(); ++a) {
        if (!has(a, t)) continue;
        for (std::size_t b = 0; b < segments.size() && result_.nodes < end; ++b) {
          if (a == b) continue;
          std::vector<std::int64_t> moved = marks;
          shift(moved, a, b, t);
          if (attempt_marks(base, marks, moved)) return true;
          for (int u = 0; u < space_.type_count(); ++u) {
            if (u == t || !has(b, u)) continue;
            std::vector<std::int64_t> both = moved;
            shift(both, b, a, u);
            if (attempt_marks(base, marks, both)) return true;
          }
        }
      }
    }
    return false;
  }

  bool move_cuts(const PlacedCuts& base, const std::vector<std::int64_t>& marks, std::int64_t end) {
    std::vector<std::int64_t> places;  // that are comparable with all marks
    for (const Segment& segment : segments_of(marks)) {
      places.push_back(segment.lower);
      places.push_back(segment.upper);
      for (int t = 0; t < space_.type_count(); ++t) {
        if (space_.count_in(segment.upper, t) == space_.count_in(segment.lower, t)) continue;
        places.push_back(segment.lower + space_.type(t).stride);
        places.push_back(segment.upper - space_.type(t).stride);
      }
    }
    for (int o = 0; o < space_.problem().operands; ++o) {
      const auto& own = base[z(o)];
      for (int c = 0; c < space_.cuts_of(o); ++c) {
        for (const std::int64_t place : places) {
          if (result_.nodes >= end) return false;
          if (place == own[z(c)] || (c > 0 && !lies_in(own[z(c - 1)], place)) ||
              (c + 1 < space_.cuts_of(o) && !lies_in(place, own[z(c + 1)]))) {
            continue;
          }
          PlacedCuts placed = base;
          placed[z(o)][z(c)] = place;
          if (attempt(placed)) return true;
        }
      }
    }
    return false;
  }
};

}  // namespace ridgeline::search
