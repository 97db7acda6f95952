#include "model/core/strict_tiles.hpp"

namespace ridgeline::model {
namespace {

void add_ragged(const RaggedLoop& loop, const RaggedLevel& along, double inside, StrictSide& side,
                int k) {
  const double rounds = loop.rounds / inside;
  std::array<TileCount, 2 * kMaxEdges + 4>& list = side.edges[z(k)];
  int n = 0;
  const double whole = inside * along.inner;
  if (rounds > 1) list[z(n++)] = {whole, (rounds - 1) * along.outer};
  // The last round, and instances that have nothing left in its last iteration.
  for (int e = 0; e < along.last_count; ++e) {
    list[z(n++)] = {(inside - 1) * along.inner + along.last[z(e)].size, along.last[z(e)].count};
  }
  if (inside > 1 && along.outer > along.last_instances) {
    list[z(n++)] = {(inside - 1) * along.inner, along.outer - along.last_instances};
  }
  const int counted = n;
  if (rounds > 1) list[z(n++)] = {whole, rounds - 1};
  list[z(n++)] = {(inside - 1) * along.inner + along.last_largest, 1};
  side.largest *= list[z(counted)].size;
  RoundSizes by_round;
  by_round.dim[0] = static_cast<std::int8_t>(loop.dim);
  by_round.rounds = rounds;
  by_round.whole = whole;
  by_round.last = list[z(n - 1)].size;
  side.vary[z(side.varying++)] = {list.data(), list.data() + counted, list.data() + n, by_round};
}

// All tiles of a sliding window are alike.
bool is_uniform(const SlidingTiles& tiles) {
  return !tiles.spread && tiles.end - tiles.begin == 1 && tiles.time_end - tiles.end == 1;
}

}  // namespace

StrictTiles::StrictTiles(const Problem& problem, const Ordering& ordering, const Cuts& cuts)
    : problem_(problem), strict_(*problem.strict), ordering_(&ordering) {
  for (int o = 0; o < problem.operands; ++o) walk(o, cuts);
}

StrictTiles::StrictTiles(const Problem& problem, int o, int a,
                         const std::array<double, kMaxDims>& inside)
    : problem_(problem), strict_(*problem.strict), inside_(&inside) {
  std::array<double, kMaxDims> all;
  for (int d = 0; d < problem.dims; ++d) {
    all[z(d)] = static_cast<double>(problem.temporal_size[z(d)]);
    iterations_ *= all[z(d)];
  }
  const int levels = problem.operand[z(o)].levels;
  set_below(o, all, below_[z(o)][z(levels)]);
  set_below(o, inside, below_[z(o)][z(a)]);
  below_[z(o)][z(a)].count = iterations_ / below_[z(o)][z(a)].period;
}

StrictTiles::StrictTiles(const Problem& problem) : problem_(problem), strict_(*problem.strict) {
  for (int d = 0; d < problem.dims; ++d) {
    iterations_ *= static_cast<double>(problem.temporal_size[z(d)]);
  }
}

void StrictTiles::set_below(int o, const std::array<double, kMaxDims>& inside,
                            StrictBelow& below) const {
  const ProblemOperand& operand = problem_.operand[z(o)];
  below = {1, 1, 1, 1, 0, {}, {}};
  below.ragged.fill(1);
  for (int d = 0; d < problem_.dims; ++d) {
    const double size = inside[z(d)];
    below.period *= size;
    if (operand.irrelevant >> d & 1u) below.irrelevant *= size;
    const int ragged = strict_.ragged_place[z(d)];
    const int slot = operand.partial ? problem_.relation_slot[z(d)] : -1;
    if (ragged >= 0) below.ragged[z(ragged)] *= size;
    if (ragged < 0 && slot < 0 && (operand.relevant >> d & 1u)) below.relevant *= size;
    if (slot >= 0) below.divisor[z(slot)] = divisor_place(o, slot, size);
  }
}

// Where a product of loops is among SlidingTable::divisors.
std::uint16_t StrictTiles::divisor_place(int o, int slot, double product) const {
  const int table = level(o, 0).table[z(slot / 2)];
  const auto& divisors = strict_.tables[z(table)].divisors[z(slot % 2)];
  std::uint16_t place = 0;
  while (place + 1u < divisors.size() && divisors[place] < product) ++place;
  return place;
}

// Loops below each architecture level of an operand, after irrelevant ones have sunk.
void StrictTiles::walk(int o, const Cuts& cuts) {
  const ProblemOperand& operand = problem_.operand[z(o)];
  const int count = ordering_->count;
  const auto is = [&](std::uint32_t mask, int i) {
    return (mask >> ordering_->dim[z(i)] & 1u) != 0;
  };
  StrictBelow now{1, 1, 1, 1, 0, {}, {}};
  now.ragged.fill(1);
  now.divisor.fill(0);
  std::array<double, 2 * kMaxRelations> term;
  term.fill(1);
  int i = 0;
  for (int a = 0; a <= operand.levels; ++a) {
    int end = a == 0 ? 0 : a == operand.levels ? count : cuts.end[z(o)][z(a - 1)];
    // An input waits in the array while loops step that it does not depend on; so do tiles.
    if (a > 0 || (!operand.output && problem_.repeats_are_free)) {
      end = std::max(end, i);
      const int limit = std::min(a == 0 ? first_end(o, cuts) : count, reload_end(o, a, cuts));
      while (end < limit && is(operand.irrelevant, end)) ++end;
    }
    for (; i < end; ++i) {
      const double size = ordering_->size[z(i)];
      const int dim = ordering_->dim[z(i)];
      now.period *= size;
      if (is(operand.irrelevant, i)) now.irrelevant *= size;
      const int ragged = strict_.ragged_place[z(dim)];
      const int slot = operand.partial ? problem_.relation_slot[z(dim)] : -1;
      if (slot >= 0) term[z(slot)] *= size;
      if (ragged >= 0) now.ragged[z(ragged)] *= size;
      if (ragged < 0 && slot < 0 && is(operand.relevant, i)) now.relevant *= size;
    }
    if (operand.partial) {
      for (int s = 0; s < 2 * problem_.relations; ++s) {
        if (term[z(s)] != 1) now.divisor[z(s)] = divisor_place(o, s, term[z(s)]);
      }
    }
    now.position = i;
    below_[z(o)][z(a)] = now;
  }
  iterations_ = now.period;
  for (int a = 0; a <= operand.levels; ++a) {
    below_[z(o)][z(a)].count = iterations_ / below_[z(o)][z(a)].period;
  }
}

// Where level 0 of an input ends, after sinking.
int StrictTiles::first_end(int o, const Cuts& cuts) const {
  const ProblemOperand& operand = problem_.operand[z(o)];
  if (operand.levels == 1) return ordering_->count;
  int end = cuts.end[z(o)][0];
  while (end < ordering_->count && (operand.irrelevant >> ordering_->dim[z(end)] & 1u) != 0) ++end;
  return end;
}

// Tiles of architecture level a do not stay beyond the loops of a memory that loads its own anew.
int StrictTiles::reload_end(int o, int a, const Cuts& cuts) const {
  int end = ordering_->count;
  for (int m = problem_.operand[z(o)].levels - 1; m >= std::max(0, a - 1); --m) {
    if (level(o, m).reloads) end = std::min<int>(end, cuts.end[z(o)][z(m)]);
  }
  return end;
}

void StrictTiles::set_side(int o, int m, int a, StrictSide& side) const {
  const ProblemOperand& operand = problem_.operand[z(o)];
  const StrictLevel& at = level(o, m);
  const StrictBelow& below = below_[z(o)][z(a)];
  const double all_irrelevant = below_[z(o)][z(operand.levels)].irrelevant;
  side.base = below.relevant * at.relevant_inner;
  side.rounds = strict_.relevant_rounds[z(o)] / below.relevant;
  side.count = side.rounds * at.relevant_outer;
  side.repeats = all_irrelevant / below.irrelevant;
  side.visits = side.repeats * at.irrelevant_outer;
  side.adding = at.irrelevant_outer;
  side.largest = side.base;
  side.varying = 0;
  side.spread = false;
  for (int k = 0; k < strict_.ragged_count; ++k) {
    const RaggedLoop& loop = strict_.ragged[z(k)];
    const RaggedLevel& along = loop.level[z(o)][z(m)];
    const double inside = below.ragged[z(k)];
    if (operand.partial && problem_.relation_slot[z(loop.dim)] >= 0) continue;
    if (operand.irrelevant >> loop.dim & 1u) {
      const double rounds = loop.rounds / inside;
      side.adding *= inside > 1 ? along.outer : along.last_instances;
      // In the last round of one iteration some instances have nothing to do.
      side.visits *=
          (inside > 1 ? rounds * along.outer : (rounds - 1) * along.outer + along.last_instances) /
          rounds;
    } else if (operand.relevant >> loop.dim & 1u) {
      add_ragged(loop, along, inside, side, k);
    }
  }
  if (!operand.partial) return;
  add_sliding(o, m, below, side);
  if (side.spread) count_instances(o, m, side);
}

const SlidingTiles& StrictTiles::sliding_tiles(int o, int m, const StrictBelow& below,
                                               int r) const {
  const SlidingTable& table = strict_.tables[z(level(o, m).table[z(r)])];
  return table
      .tiles[below.divisor[z(2 * r)] * table.divisors[1].size() + below.divisor[z(2 * r + 1)]];
}

void StrictTiles::add_sliding(int o, int m, const StrictBelow& below, StrictSide& side) const {
  const StrictLevel& at = level(o, m);
  for (int r = 0; r < problem_.relations; ++r) {
    const SlidingTable& table = strict_.tables[z(at.table[z(r)])];
    const SlidingTiles& tiles = sliding_tiles(o, m, below, r);
    const TileCount* pool = table.pool.data();
    side.largest *= tiles.largest;
    if (is_uniform(tiles)) {
      side.base *= pool[tiles.begin].size;
      side.count *= pool[tiles.begin].count;
      side.rounds *= pool[tiles.end].count;
      continue;
    }
    RoundSizes rounds;
    if (tiles.rounds >= 0) {
      rounds.by_round = table.by_round.data() + tiles.rounds;
      for (std::size_t t = 0; t < 2; ++t) {
        rounds.dim[t] = static_cast<std::int8_t>(problem_.relation[z(r)].dim[t]);
      }
      rounds.rounds = tiles.second_rounds;
      if (tiles.spread) {
        rounds.instances = &at.instances[z(r)];
        rounds.operand = o;
        side.spread = true;
      }
    } else {
      rounds.whole = rounds.last = pool[tiles.end].size;
      rounds.dim[0] = static_cast<std::int8_t>(problem_.relation[z(r)].dim[0]);
      rounds.dim[1] = static_cast<std::int8_t>(problem_.relation[z(r)].dim[1]);
    }
    side.vary[z(side.varying++)] = {pool + tiles.begin, pool + tiles.end, pool + tiles.time_end,
                                    rounds};
  }
}

StrictRow StrictTiles::row(int o, int m, int a, int direction, const StrictSide& side) const {
  const StrictLevel& at = level(o, m);
  const int place = at.requests[z(direction)];
  if (place < 0) return {};
  const StrictRequests& requests = strict_.requests[z(place)];
  if (requests.whole_tiles) return {&requests, side.base, ~std::uint32_t{0}};
  const ProblemOperand& operand = problem_.operand[z(o)];
  const StrictBelow& below = below_[z(o)][z(a)];
  const auto along = [&](int d) { return d >= 0 && (requests.rows >> d & 1u) != 0; };
  StrictRow row{&requests, at.row_inner[z(direction)], 0};
  const auto add = [&](int d, double size) {
    const bool plain = (operand.relevant >> d & 1u) != 0 && strict_.ragged_place[z(d)] < 0 &&
                       !(operand.partial && problem_.relation_slot[z(d)] >= 0);
    if (plain && along(d)) row.base *= size;
  };
  if (inside_ != nullptr) {
    for (int d = 0; d < problem_.dims; ++d) add(d, (*inside_)[z(d)]);
  } else {
    for (int l = 0; l < below.position; ++l) add(ordering_->dim[z(l)], ordering_->size[z(l)]);
  }
  for (int k = 0; k < side.varying; ++k) {
    const RoundSizes& rounds = side.vary[z(k)].rounds;
    if (along(rounds.dim[0]) || along(rounds.dim[1])) row.varying |= 1u << k;
  }
  for (int r = 0; operand.partial && r < problem_.relations; ++r) {
    const auto& dim = problem_.relation[z(r)].dim;
    if (!along(static_cast<int>(dim[0])) && !along(static_cast<int>(dim[1]))) continue;
    const SlidingTiles& tiles = sliding_tiles(o, m, below, r);
    if (is_uniform(tiles)) row.base *= strict_.tables[z(at.table[z(r)])].pool[tiles.begin].size;
  }
  return row;
}

void StrictTiles::count_instances(int o, int m, StrictSide& side) const {
  side.instances = level(o, m).relevant_outer;
  for (int k = 0; k < strict_.ragged_count; ++k) {
    const RaggedLoop& loop = strict_.ragged[z(k)];
    if (problem_.operand[z(o)].irrelevant >> loop.dim & 1u) continue;
    side.instances *= loop.level[z(o)][z(m)].outer;
  }
  for (int r = 0; r < problem_.relations; ++r) {
    for (const Instances& along : level(o, m).instances[z(r)]) {
      for (const double count : along.at) side.instances *= count;
    }
  }
}

}  // namespace ridgeline::model
