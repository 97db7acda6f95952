// Changes of a chain of cuts that lead to a chain again: a factor goes to another place between the
// cuts, two factors change their places, or a cut moves. For searches near a good mapping
// (docs/exact-mapping.md, "Limits").
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "model/core/index.hpp"
#include "search/exact/cut_lattice.hpp"
#include "search/fronts/random.hpp"

namespace ridgeline::search {

// `Lattice`: CutLattice or StrictLattice, of which numbers of nodes rise outwards.
template <class Lattice>
class CutMoves {
 public:
  explicit CutMoves(const Lattice& lattice) : lattice_(lattice) {}

  // Different nodes of the cuts, innermost first.
  std::vector<std::int64_t> marks_of(const PlacedCuts& placed) const {
    std::vector<std::int64_t> marks;
    for (int o = 0; o < operands(); ++o) {
      for (int c = 0; c < lattice_.cuts_of(o); ++c) marks.push_back(placed[z(o)][z(c)]);
    }
    std::sort(marks.begin(), marks.end());
    marks.erase(std::unique(marks.begin(), marks.end()), marks.end());
    return marks;
  }

  // Calls attempt(cuts) with each chain in which a factor has gone elsewhere, with another in its
  // place or without, until it returns true; whether it did. Goes on as long as `more()`.
  template <class Attempt, class More>
  bool move_factors(const PlacedCuts& cuts, const Attempt& attempt, const More& more) const {
    const std::vector<std::int64_t> marks = marks_of(cuts);
    const std::vector<Segment> segments = segments_of(marks);
    for (int t = 0; t < lattice_.type_count(); ++t) {
      for (std::size_t a = 0; a < segments.size(); ++a) {
        if (!has(segments[a], t)) continue;
        for (std::size_t b = 0; b < segments.size() && more(); ++b) {
          if (a == b) continue;
          std::vector<std::int64_t> moved = marks;
          shift(moved, a, b, t);
          if (attempt(moved_to(cuts, marks, moved))) return true;
          for (int u = 0; u < lattice_.type_count(); ++u) {
            if (u == t || !has(segments[b], u)) continue;
            std::vector<std::int64_t> both = moved;
            shift(both, b, a, u);
            if (attempt(moved_to(cuts, marks, both))) return true;
          }
        }
      }
    }
    return false;
  }

  // The same with each chain in which a cut has moved.
  template <class Attempt, class More>
  bool move_cuts(const PlacedCuts& cuts, const Attempt& attempt, const More& more) const {
    const std::vector<std::int64_t> places = places_near(marks_of(cuts));
    for (int o = 0; o < operands(); ++o) {
      for (int c = 0; c < lattice_.cuts_of(o); ++c) {
        for (const std::int64_t place : places) {
          if (!more()) return false;
          if (!may_move(cuts, o, c, place)) continue;
          PlacedCuts placed = cuts;
          placed[z(o)][z(c)] = place;
          if (attempt(placed)) return true;
        }
      }
    }
    return false;
  }

  // Changes at random, less and less freely, so many. `value_of`: logarithm of what cuts cost,
  // kNever where they cannot be. Ends early where stop(), or where found(cuts, value), called of
  // what is lower than ever, returns false; whether it did neither.
  static constexpr double kNever = 1e300;
  template <class ValueOf, class Found, class Stop>
  bool anneal(PlacedCuts here, std::int64_t steps, RandomStream& random, const ValueOf& value_of,
              const Found& found, const Stop& stop) const {
    double value = value_of(here);
    double lowest = value;
    for (std::int64_t i = 0; i < steps; ++i) {
      if (i % 64 == 0 && stop()) return false;
      PlacedCuts there = here;
      change(there, random);
      const double next = value_of(there);
      const double heat =
          kHot * std::pow(kCold / kHot, static_cast<double>(i) / static_cast<double>(steps));
      if (next >= kNever || next > value - heat * std::log(random.uniform() + 1e-300)) continue;
      here = there;
      value = next;
      if (value >= lowest) continue;
      lowest = value;
      if (!found(here, value)) return false;
    }
    return true;
  }

 private:
  // How much worse a change may make a mapping at first and at last: about so much, relative.
  static constexpr double kHot = 0.1;
  static constexpr double kCold = 0.0005;

  // One change at random.
  void change(PlacedCuts& cuts, RandomStream& random) const {
    const std::vector<std::int64_t> marks = marks_of(cuts);
    if (random.below(3) == 0) {
      const std::vector<std::int64_t> places = places_near(marks);
      const int o = static_cast<int>(random.below(z(operands())));
      if (lattice_.cuts_of(o) == 0) return;
      const int c = static_cast<int>(random.below(z(lattice_.cuts_of(o))));
      const std::int64_t place = places[random.below(places.size())];
      if (may_move(cuts, o, c, place)) cuts[z(o)][z(c)] = place;
      return;
    }
    const std::vector<Segment> segments = segments_of(marks);
    std::vector<std::pair<std::size_t, int>> factors;
    for (std::size_t s = 0; s < segments.size(); ++s) {
      for (int t = 0; t < lattice_.type_count(); ++t) {
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

  // Of the factors between two marks that follow each other, or innermost and outermost.
  struct Segment {
    std::int64_t lower = 0;
    std::int64_t upper = 0;
  };

  int operands() const { return lattice_.problem().operands; }

  std::vector<Segment> segments_of(const std::vector<std::int64_t>& marks) const {
    std::vector<Segment> segments;
    for (std::size_t s = 0; s <= marks.size(); ++s) {
      segments.push_back(
          {s == 0 ? 0 : marks[s - 1], s == marks.size() ? lattice_.full() : marks[s]});
    }
    return segments;
  }
  bool has(const Segment& segment, int type) const {
    return lattice_.count_in(segment.upper, type) > lattice_.count_in(segment.lower, type);
  }

  // What becomes of each mark where a factor goes from one segment to another.
  void shift(std::vector<std::int64_t>& marks, std::size_t from, std::size_t to, int type) const {
    const std::int64_t stride = lattice_.type(type).stride;
    for (std::size_t m = from; m < to; ++m) marks[m] -= stride;
    for (std::size_t m = to; m < from; ++m) marks[m] += stride;
  }

  PlacedCuts moved_to(const PlacedCuts& base, const std::vector<std::int64_t>& marks,
                      const std::vector<std::int64_t>& moved) const {
    PlacedCuts placed = base;
    for (int o = 0; o < operands(); ++o) {
      for (int c = 0; c < lattice_.cuts_of(o); ++c) {
        std::int64_t& node = placed[z(o)][z(c)];
        node = moved[z(std::lower_bound(marks.begin(), marks.end(), node) - marks.begin())];
      }
    }
    return placed;
  }

  // Nodes that are comparable with all marks, near these.
  std::vector<std::int64_t> places_near(const std::vector<std::int64_t>& marks) const {
    std::vector<std::int64_t> places;
    for (const Segment& segment : segments_of(marks)) {
      places.push_back(segment.lower);
      places.push_back(segment.upper);
      for (int t = 0; t < lattice_.type_count(); ++t) {
        if (!has(segment, t)) continue;
        places.push_back(segment.lower + lattice_.type(t).stride);
        places.push_back(segment.upper - lattice_.type(t).stride);
      }
    }
    return places;
  }

  bool lies_in(std::int64_t inner, std::int64_t outer) const {
    for (int t = 0; t < lattice_.type_count(); ++t) {
      if (lattice_.count_in(inner, t) > lattice_.count_in(outer, t)) return false;
    }
    return true;
  }

  // Whether a cut may lie at a node between the same operand's others.
  bool may_move(const PlacedCuts& cuts, int o, int c, std::int64_t place) const {
    const auto& own = cuts[z(o)];
    return place != own[z(c)] && (c == 0 || lies_in(own[z(c - 1)], place)) &&
           (c + 1 == lattice_.cuts_of(o) || lies_in(place, own[z(c + 1)]));
  }

  const Lattice& lattice_;
};

}  // namespace ridgeline::search
