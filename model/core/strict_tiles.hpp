// The tiles of a temporal mapping under the strict model: which loops are below each level, and
// which tiles of an operand cross a side of a memory (docs/strict-model.md, 3).
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>

#include "model/core/index.hpp"
#include "model/core/port_time.hpp"
#include "model/core/strict_problem.hpp"
#include "model/core/strict_walk.hpp"

namespace ridgeline::model {

// What the temporal loops below an architecture level multiply to.
struct StrictBelow {
  double period;      // all of them
  double count;       // all others
  double relevant;    // of relevant dimensions that are unrolled evenly, without sliding ones
  double irrelevant;  // of all irrelevant ones
  int position;       // how many loops
  std::array<double, kMaxRagged> ragged;
  std::array<std::uint16_t, 2 * kMaxRelations> divisor;  // places in SlidingTable::divisors
};

// Sizes that vary from tile to tile along one dimension, or one sliding window.
struct StrictVarying {
  const TileCount* begin;
  const TileCount* end;
  const TileCount* time_end;  // from `end`: the largest at a time
  RoundSizes rounds;
};

// One side of a memory level: the tiles that cross it.
struct StrictSide {
  double base = 1;     // elements of a tile, but for what varies
  double count = 1;    // tiles with different elements, over all instances
  double rounds = 1;   // the same of one instance
  double visits = 1;   // how often each of them crosses
  double repeats = 1;  // the same, of one instance
  double largest = 1;  // elements of the largest tile
  double adding = 1;   // instances that add to the same sum in the last round
  int varying = 0;
  bool spread = false;   // of the largest tiles at a time only limits are known
  double instances = 1;  // then: with different elements
  std::array<StrictVarying, kMaxRagged + kMaxRelations> vary;
  std::array<std::array<TileCount, 2 * kMaxEdges + 4>, kMaxRagged> edges;
};

// Calls each(size, count) for all kinds of tiles; `time`: one instance.
template <class Each>
void over_tiles(const StrictSide& side, bool time, int k, double size, double count,
                const Each& each) {
  if (k == side.varying) {
    each(size, count);
    return;
  }
  const StrictVarying& v = side.vary[z(k)];
  const TileCount* end = time ? v.time_end : v.end;
  for (const TileCount* t = time ? v.end : v.begin; t != end; ++t) {
    over_tiles(side, time, k + 1, size * t->size, count * t->count, each);
  }
}

// Words of all tiles, each crossing once, `bits` an element.
inline double words_of(const StrictSide& side, double bits, const Divisor& word, bool time) {
  if (side.varying == 0) {
    return (time ? side.rounds : side.count) * rounded_up(word.divides(side.base * bits));
  }
  double sum = 0;
  over_tiles(
      side, time, 0, side.base, time ? side.rounds : side.count,
      [&](double size, double count) { sum += count * rounded_up(word.divides(size * bits)); });
  return sum;
}

inline double elements_of(const StrictSide& side) {
  double sum = side.base * side.count;
  for (int k = 0; k < side.varying; ++k) {
    double along = 0;
    for (const TileCount* t = side.vary[z(k)].begin; t != side.vary[z(k)].end; ++t) {
      along += t->size * t->count;
    }
    sum *= along;
  }
  return sum;
}

// Of one problem and mapping, which have to outlive it.
class StrictTiles {
 public:
  StrictTiles(const Problem& problem, const Ordering& ordering, const Cuts& cuts);

  // Below architecture level a of operand o, after irrelevant loops have sunk.
  const StrictBelow& below(int o, int a) const { return below_[z(o)][z(a)]; }
  // Of all temporal loops.
  double iterations() const { return iterations_; }

  // The tiles of an operand that cross a side of memory level m whose loops inside are those below
  // architecture level a.
  void set_side(int o, int m, int a, StrictSide& side) const;

 private:
  const StrictLevel& level(int o, int m) const { return strict_.level[z(o)][z(m)]; }
  void walk(int o, const Cuts& cuts);
  int first_end(int o, const Cuts& cuts) const;
  void add_sliding(int o, int m, const StrictBelow& below, StrictSide& side) const;
  void count_instances(int o, int m, StrictSide& side) const;

  const Problem& problem_;
  const StrictProblem& strict_;
  const Ordering& ordering_;
  double iterations_ = 1;
  std::array<std::array<StrictBelow, kMaxArchLevels>, kMaxOperands> below_;
};

}  // namespace ridgeline::model
