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

// How a side's elements lie in the rows that a port's requests are made of.
struct StrictRow {
  const StrictRequests* requests = nullptr;  // null: words alone
  double base = 1;                           // elements of a row, but for what varies
  std::uint32_t varying = 0;                 // places in StrictSide::vary that are along it
};

// Calls each(size, row, count) for all kinds of tiles; `time`: one instance.
template <class Each>
void over_tiles(const StrictSide& side, const StrictRow& row, bool time, int k, double size,
                double along, double count, const Each& each) {
  if (k == side.varying) {
    each(size, along, count);
    return;
  }
  const StrictVarying& v = side.vary[z(k)];
  const TileCount* end = time ? v.time_end : v.end;
  for (const TileCount* t = time ? v.end : v.begin; t != end; ++t) {
    over_tiles(side, row, time, k + 1, size * t->size,
               row.varying >> k & 1u ? along * t->size : along, count * t->count, each);
  }
}

// One tile: elements, and those of a row.
inline Moved moved(double size, double along, double bits, const Divisor& word,
                   const StrictRow& row) {
  if (row.requests != nullptr) return requested(size, along, bits, word, *row.requests);
  const double words = rounded_up(word.divides(size * bits));
  return {words, words};
}

// All tiles, each crossing once, `bits` an element.
inline Moved moved_of(const StrictSide& side, const StrictRow& row, double bits,
                      const Divisor& word, bool time) {
  if (side.varying == 0) {
    const Moved one = moved(side.base, row.base, bits, word, row);
    const double times = time ? side.rounds : side.count;
    return {times * one.words, times * one.cycles};
  }
  Moved sum;
  over_tiles(side, row, time, 0, side.base, row.base, time ? side.rounds : side.count,
             [&](double size, double along, double count) {
               const Moved one = moved(size, along, bits, word, row);
               sum.words += count * one.words;
               sum.cycles += count * one.cycles;
             });
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
  // Of architecture level a of operand o alone, with what the loops below multiply to, by
  // dimension.
  StrictTiles(const Problem& problem, int o, int a, const std::array<double, kMaxDims>& inside);
  // Of none: how many iterations there are.
  explicit StrictTiles(const Problem& problem);

  // Below architecture level a of operand o, after irrelevant loops have sunk.
  const StrictBelow& below(int o, int a) const { return below_[z(o)][z(a)]; }
  // Of all temporal loops.
  double iterations() const { return iterations_; }

  // The tiles of an operand that cross a side of memory level m whose loops inside are those below
  // architecture level a.
  void set_side(int o, int m, int a, StrictSide& side) const;
  // Of that side, for what crosses in a direction.
  StrictRow row(int o, int m, int a, int direction, const StrictSide& side) const;

 private:
  const StrictLevel& level(int o, int m) const { return strict_.level[z(o)][z(m)]; }
  void walk(int o, const Cuts& cuts);
  void set_below(int o, const std::array<double, kMaxDims>& inside, StrictBelow& below) const;
  std::uint16_t divisor_place(int o, int slot, double product) const;
  int first_end(int o, const Cuts& cuts) const;
  int reload_end(int o, int a, const Cuts& cuts) const;
  void add_sliding(int o, int m, const StrictBelow& below, StrictSide& side) const;
  void count_instances(int o, int m, StrictSide& side) const;
  const SlidingTiles& sliding_tiles(int o, int m, const StrictBelow& below, int r) const;

  const Problem& problem_;
  const StrictProblem& strict_;
  const Ordering* ordering_ = nullptr;                    // either these are known
  const std::array<double, kMaxDims>* inside_ = nullptr;  // or what is below one level
  double iterations_ = 1;
  std::array<std::array<StrictBelow, kMaxArchLevels>, kMaxOperands> below_;
};

}  // namespace ridgeline::model
