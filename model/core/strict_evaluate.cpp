#include "model/core/strict_evaluate.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "model/core/directions.hpp"
#include "model/core/index.hpp"
#include "model/core/port_time.hpp"
#include "model/core/strict_walk.hpp"

namespace ridgeline::model {

namespace {

// What the temporal loops below an architecture level multiply to.
struct Below {
  double period;      // all of them
  double count;       // all others
  double relevant;    // of relevant dimensions that are unrolled evenly, without sliding ones
  double irrelevant;  // of all irrelevant ones
  int position;       // how many loops
  std::array<double, kMaxRagged> ragged;
  std::array<std::uint16_t, 2 * kMaxRelations> divisor;  // places in SlidingTable::divisors
};

// Sizes that vary from tile to tile along one dimension, or one sliding window.
struct Varying {
  const TileCount* begin;
  const TileCount* end;
  const TileCount* time_end;  // from `end`: the largest at a time
  RoundSizes rounds;
};

// One side of a memory level: the tiles that cross it.
struct Side {
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
  std::array<Varying, kMaxRagged + kMaxRelations> vary;
  std::array<std::array<TileCount, 2 * kMaxEdges + 4>, kMaxRagged> edges;
};

// Calls each(size, count) for all kinds of tiles; `time`: one instance.
template <class Each>
void over_tiles(const Side& side, bool time, int k, double size, double count, const Each& each) {
  if (k == side.varying) {
    each(size, count);
    return;
  }
  const Varying& v = side.vary[z(k)];
  const TileCount* end = time ? v.time_end : v.end;
  for (const TileCount* t = time ? v.end : v.begin; t != end; ++t) {
    over_tiles(side, time, k + 1, size * t->size, count * t->count, each);
  }
}

// Words of all tiles, each crossing once, `bits` an element.
inline double words_of(const Side& side, double bits, const Divisor& word, bool time) {
  if (side.varying == 0) {
    return (time ? side.rounds : side.count) * rounded_up(word.divides(side.base * bits));
  }
  double sum = 0;
  over_tiles(
      side, time, 0, side.base, time ? side.rounds : side.count,
      [&](double size, double count) { sum += count * rounded_up(word.divides(size * bits)); });
  return sum;
}

inline double elements_of(const Side& side) {
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

// How much of a mapping is walked through tile by tile.
constexpr double kWalkedOfALoop = 6;
constexpr double kMostBlocks = 256;      // of more than StrictProblem::walked_in_full
constexpr double kMostInnerBlocks = 64;  // for each iteration of inner loops

struct NoFigures {
  static constexpr bool enabled = false;
};
struct AllFigures {
  static constexpr bool enabled = true;
  Evaluation* evaluation;
  Detail* detail;
};

// What crosses between an operand's memory level and the next one (or the array), once a period.
struct Interface {
  double period;
  double count;
  double up;       // cycles of the upper port a period, mean
  double down;     // of the lower port
  double back_up;  // of partial sums that come back
  double back_down;
  double latency;
  double first;    // cycles of the largest transfer
  double edge_up;  // words of an input's first transfer, of the output's last one, at least
  double edge_down;
  std::int8_t up_port, down_port, back_up_port, back_down_port;
  double up_share = 1;  // of the upper port's cycles, so many are certain
  double down_share = 1;
};

template <class Figures>
class StrictEvaluator {
 public:
  StrictEvaluator(const Problem& problem, const Ordering& ordering, const Cuts& cuts,
                  Figures figures)
      : problem_(problem), strict_(*problem.strict), ordering_(ordering), figures_(figures) {
    for (int o = 0; o < problem.operands; ++o) walk(o, cuts);
  }

  // How the latency is taken.
  enum class Latency : std::uint8_t { walked, bound, estimate };

  Cost run(Latency how = Latency::walked) {
    double memory_energy = 0;
    for (int o = 0; o < problem_.operands; ++o) {
      memory_energy += o == 0 ? output_traffic() : input_traffic(o);
    }
    if (unserved_) {
      const double infinity = std::numeric_limits<double>::infinity();
      return {infinity, infinity};
    }
    const double energy = memory_energy + problem_.mac_energy;
    const double least = rounded_up(least_latency());
    if (how == Latency::bound) return {energy, least};
    second_buffers();
    if (how == Latency::estimate) return {energy, std::max(least, estimated_latency())};
    const WalkTimes times = walk_tiles();
    const double total = rounded_up(std::max(times.arrived, least));
    const double onload = times.begin;
    const double steady = total - times.arrived + times.end - times.begin;
    const double offload = times.arrived - times.end;
    if constexpr (Figures::enabled) {
      const double ideal_temporal = iterations_ * problem_.cycles_per_operation;
      Evaluation& e = *figures_.evaluation;
      e.cost = {energy, total};
      e.macs = problem_.macs;
      e.mac_energy = problem_.mac_energy;
      e.memory_energy = memory_energy;
      e.latency = {
          problem_.ideal_cycles, ideal_temporal, steady - ideal_temporal, onload, offload, steady,
          onload + steady,       total};
      e.spatial_utilization = problem_.ideal_cycles / ideal_temporal;
      e.utilization = problem_.ideal_cycles / total;
      finish(steady);
    }
    return {energy, total};
  }

 private:
  const StrictLevel& level(int o, int m) const { return strict_.level[z(o)][z(m)]; }

  // Loops below each architecture level of an operand, after irrelevant ones have sunk.
  void walk(int o, const Cuts& cuts) {
    const ProblemOperand& operand = problem_.operand[z(o)];
    const int count = ordering_.count;
    const auto is = [&](std::uint32_t mask, int i) {
      return (mask >> ordering_.dim[z(i)] & 1u) != 0;
    };
    Below now{1, 1, 1, 1, 0, {}, {}};
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
        const int limit = a == 0 ? first_end(o, cuts) : count;
        while (end < limit && is(operand.irrelevant, end)) ++end;
      }
      for (; i < end; ++i) {
        const double size = ordering_.size[z(i)];
        const int dim = ordering_.dim[z(i)];
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
          if (term[z(s)] == 1) continue;
          const int table = level(o, 0).table[z(s / 2)];
          const auto& divisors = strict_.tables[z(table)].divisors[z(s % 2)];
          std::uint16_t& place = now.divisor[z(s)];
          while (place + 1u < divisors.size() && divisors[place] < term[z(s)]) ++place;
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
  int first_end(int o, const Cuts& cuts) const {
    const ProblemOperand& operand = problem_.operand[z(o)];
    if (operand.levels == 1) return ordering_.count;
    int end = cuts.end[z(o)][0];
    while (end < ordering_.count && (operand.irrelevant >> ordering_.dim[z(end)] & 1u) != 0) ++end;
    return end;
  }

  // The tiles of an operand that cross a side of memory level m whose loops inside are those below
  // architecture level a.
  void set_side(int o, int m, int a, Side& side) const {
    const ProblemOperand& operand = problem_.operand[z(o)];
    const StrictLevel& at = level(o, m);
    const Below& below = below_[z(o)][z(a)];
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
        side.visits *= (inside > 1 ? rounds * along.outer
                                   : (rounds - 1) * along.outer + along.last_instances) /
                       rounds;
      } else if (operand.relevant >> loop.dim & 1u) {
        add_ragged(loop, along, inside, side, k);
      }
    }
    if (!operand.partial) return;
    add_sliding(o, m, below, side);
    if (side.spread) count_instances(o, m, side);
  }

  void add_sliding(int o, int m, const Below& below, Side& side) const {
    const StrictLevel& at = level(o, m);
    for (int r = 0; r < problem_.relations; ++r) {
      const SlidingTable& table = strict_.tables[z(at.table[z(r)])];
      const SlidingTiles& tiles = table.tiles[below.divisor[z(2 * r)] * table.divisors[1].size() +
                                              below.divisor[z(2 * r + 1)]];
      const TileCount* pool = table.pool.data();
      side.largest *= tiles.largest;
      if (!tiles.spread && tiles.end - tiles.begin == 1 && tiles.time_end - tiles.end == 1) {
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
      }
      side.vary[z(side.varying++)] = {pool + tiles.begin, pool + tiles.end, pool + tiles.time_end,
                                      rounds};
    }
  }

  void count_instances(int o, int m, Side& side) const {
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

  static void add_ragged(const RaggedLoop& loop, const RaggedLevel& along, double inside,
                         Side& side, int k) {
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

  // Accesses of all transfers that cross a side `times` over all instances; adds the mean cycles of
  // the port a period, of which `busy` of one instance move data. `share`: Interface::up_share.
  double cross(const Side& side, int o, int m, int direction, double bits, double times,
               double busy, double count, double& cycles, double& share) {
    if (times <= 0 || bits == 0) return 0;
    const StrictLevel& at = level(o, m);
    if (at.port[z(direction)] < 0) {
      unserved_ = true;
      return 0;
    }
    const Divisor& word = at.word[z(direction)];
    const double words = words_of(side, bits, word, false);
    const double time =
        side.varying == 0 ? side.rounds * (words / side.count) : words_of(side, bits, word, true);
    cycles += time * busy / count;
    if (side.spread) share = std::min(share, words / (side.instances * time));
    return words * times;
  }

  double first_cycles(const Side& side, int o, int m, int direction, double bits) const {
    const StrictLevel& at = level(o, m);
    if (at.port[z(direction)] < 0) return 0;
    return rounded_up(at.word[z(direction)].divides(side.largest * bits));
  }

  // Words of an input's first tile, or the output's last one, at least.
  double edge_words(const Side& side, int o, int m, int direction, double bits) const {
    const StrictLevel& at = level(o, m);
    if (at.port[z(direction)] < 0) return 0;
    double size = side.base;
    for (int k = 0; k < side.varying; ++k) {
      const RoundSizes& rounds = side.vary[z(k)].rounds;
      if (rounds.by_round != nullptr) {
        size *= o == 0 ? 0 : rounds.by_round[0];
      } else {
        size *= o == 0 || rounds.rounds == 1 ? rounds.last : rounds.whole;
      }
    }
    return rounded_up(at.word[z(direction)].divides(size * bits));
  }

  static Interface fresh(const Below& below) {
    return {below.period, below.count, 0, 0, 0, 0, 0, 0, 0, 0, -1, -1, -1, -1, 1, 1};
  }

  double input_traffic(int o) {
    const ProblemOperand& operand = problem_.operand[z(o)];
    const double bits = operand.precision;
    double energy = 0;
    Side low;
    Side high;
    for (int m = 0; m < operand.levels; ++m) {
      set_side(o, m, m, low);
      Interface& inner = interface_[z(o)][z(m)];
      if (m == 0) inner = fresh(below_[z(o)][0]);
      std::array<double, kDirections> accesses{};
      accesses[kRdLow] = cross(low, o, m, kRdLow, bits, low.visits, low.repeats, inner.count,
                               inner.up, inner.up_share);
      inner.up_port = level(o, m).port[kRdLow];
      inner.latency = level(o, m).latency;
      inner.first = std::max(inner.first, first_cycles(low, o, m, kRdLow, bits));
      inner.edge_up = edge_words(low, o, m, kRdLow, bits);
      if (m + 1 < operand.levels) {
        set_side(o, m, m + 1, high);
        Interface& outer = interface_[z(o)][z(m + 1)];
        outer = fresh(below_[z(o)][z(m + 1)]);
        accesses[kWrHigh] = cross(high, o, m, kWrHigh, bits, high.visits, high.repeats, outer.count,
                                  outer.down, outer.down_share);
        outer.down_port = level(o, m).port[kWrHigh];
        outer.first = first_cycles(high, o, m, kWrHigh, bits);
        outer.edge_down = edge_words(high, o, m, kWrHigh, bits);
        stored_[z(o)][z(m)] = high.largest * bits;
      } else {
        set_side(o, m, m + 1, high);
        stored_[z(o)][z(m)] = high.largest * bits;
      }
      if constexpr (Figures::enabled) {
        record(o, m, kRdLow, low, bits, low.visits, inner);
        if (m + 1 < operand.levels) {
          record(o, m, kWrHigh, high, bits, high.visits, interface_[z(o)][z(m + 1)]);
        }
      }
      energy += level_energy(o, m, accesses);
    }
    return energy;
  }

  double output_traffic() {
    const ProblemOperand& operand = problem_.operand[0];
    const double partial = operand.precision;
    const double finished = operand.final_precision;
    const int top = operand.levels - 1;
    std::array<Side, 2 * kMaxLevels>& sides = output_sides_;
    // Elements that come back to each level, from the outermost inwards: all that are added to,
    // but those that a tile meets for the first time and that did not come from above.
    std::array<double, kMaxLevels + 1> back;
    std::array<double, kMaxLevels> low_elements;
    std::array<double, kMaxLevels> high_elements;
    // Visits in which sums are finished: the last one, unless parts of them lie elsewhere.
    std::array<double, kMaxLevels + 1>& finishes = finishes_;
    back[z(top + 1)] = 0;
    finishes[z(top + 1)] = 1;
    for (int m = top; m >= 0; --m) {
      Side& low = sides[z(2 * m)];
      Side& high = sides[z(2 * m + 1)];
      set_side(0, m, m, low);
      set_side(0, m, m + 1, high);
      finishes[z(m)] = high.adding == 1 ? finishes[z(m + 1)] : 0;
      low_elements[z(m)] = elements_of(low);
      high_elements[z(m)] = elements_of(high);
      back[z(m)] = std::max(0.0, low_elements[z(m)] * low.visits -
                                     (high_elements[z(m)] * high.visits - back[z(m + 1)]));
    }
    double energy = 0;
    for (int m = 0; m <= top; ++m) {
      const Side& low = sides[z(2 * m)];
      const Side& high = sides[z(2 * m + 1)];
      const double last = finishes[z(m)];
      const bool sums_stay = low.repeats > 1 || level(0, m).reduced_outer > 1;
      stored_[0][z(m)] = high.largest * (sums_stay ? partial : finished);
      Interface& inner = interface_[0][z(m)];
      if (m == 0) inner = fresh(below_[0][0]);
      std::array<double, kDirections> accesses{};
      accesses[kWrLow] =
          cross(low, 0, m, kWrLow, finished, last, last, inner.count, inner.up, inner.up_share) +
          cross(low, 0, m, kWrLow, partial, low.visits - last, low.repeats - last, inner.count,
                inner.up, inner.up_share);
      const double again = back[z(m)] / low_elements[z(m)];
      accesses[kRdLow] = cross(low, 0, m, kRdLow, partial, again, low.repeats - 1, inner.count,
                               inner.back_up, inner.up_share);
      inner.up_port = level(0, m).port[kWrLow];
      inner.back_up_port = level(0, m).port[kRdLow];
      inner.latency = level(0, m).latency;
      inner.first =
          std::max(inner.first, first_cycles(low, 0, m, kWrLow, last > 0 ? finished : partial));
      inner.edge_up = edge_words(low, 0, m, kWrLow, last > 0 ? finished : partial);
      if (m < top) {
        Interface& outer = interface_[0][z(m + 1)];
        outer = fresh(below_[0][z(m + 1)]);
        accesses[kRdHigh] = cross(high, 0, m, kRdHigh, finished, last, last, outer.count,
                                  outer.down, outer.down_share) +
                            cross(high, 0, m, kRdHigh, partial, high.visits - last,
                                  high.repeats - last, outer.count, outer.down, outer.down_share);
        const double fetched = back[z(m + 1)] / high_elements[z(m)];
        accesses[kWrHigh] = cross(high, 0, m, kWrHigh, partial, fetched, high.repeats - 1,
                                  outer.count, outer.back_down, outer.down_share);
        outer.down_port = level(0, m).port[kRdHigh];
        outer.back_down_port = level(0, m).port[kWrHigh];
        outer.first = first_cycles(high, 0, m, kRdHigh, last > 0 ? finished : partial);
        outer.edge_down = edge_words(high, 0, m, kRdHigh, last > 0 ? finished : partial);
        if constexpr (Figures::enabled) {
          record(0, m, kRdHigh, high, last > 0 && high.visits == last ? finished : partial,
                 high.visits, outer);
          record(0, m, kWrHigh, high, partial, fetched, outer);
        }
      }
      if constexpr (Figures::enabled) {
        record(0, m, kWrLow, low, last > 0 && low.visits == last ? finished : partial, low.visits,
               inner);
        record(0, m, kRdLow, low, partial, again, inner);
      }
      energy += level_energy(0, m, accesses);
    }
    return energy;
  }

  double level_energy(int o, int m, const std::array<double, kDirections>& accesses) {
    const ProblemOperand& operand = problem_.operand[z(o)];
    const double read = operand.read_cost[z(m)];
    const double write = operand.write_cost[z(m)];
    const double energy = (accesses[kRdHigh] * read + accesses[kRdLow] * read) +
                          (accesses[kWrHigh] * write + accesses[kWrLow] * write);
    if constexpr (Figures::enabled) {
      LevelFigures& figures = figures_.evaluation->operands[z(o)].levels[z(m)];
      figures.memory = problem_.memory[z(operand.memory[z(m)])].source;
      for (int d = 0; d < kDirections; ++d) {
        figures.accesses[z(d)] = accesses[z(d)];
        figures.energy[z(d)] = accesses[z(d)] * (d == kRdLow || d == kRdHigh ? read : write);
        if (figures_.detail) figures_.detail->real[z(o)][z(m)][z(d)].accesses = accesses[z(d)];
      }
      figures.energy_total = energy;
    }
    return energy;
  }

  // Which tiles have a second buffer: in every memory the inputs first, as long as they fit.
  void second_buffers() {
    for (int k = 0; k < problem_.memories; ++k) {
      const ProblemMemory& memory = problem_.memory[z(k)];
      std::array<int, kMaxOperands> resident{-1, -1, -1};
      double room = memory.size;
      for (int i = 0; i < memory.count; ++i) {
        const MemoryResident& one = memory.residents[z(i)];
        resident[one.operand] = one.level;
        room -= stored_[one.operand][one.level];
      }
      const double used = memory.size - room;
      for (int i = 1; i <= problem_.operands; ++i) {
        const int o = i % problem_.operands;
        const int m = resident[z(o)];
        if (m < 0) continue;
        const bool moves =
            m + 1 < problem_.operand[z(o)].levels && interface_[z(o)][z(m + 1)].count > 1;
        bool twice = moves && stored_[z(o)][z(m)] <= room;
        if (moves && !twice) room = -1;
        if (twice) room -= stored_[z(o)][z(m)];
        double_[z(o)][z(m + 1)] = twice;
        if constexpr (Figures::enabled) {
          LevelFigures& figures = figures_.evaluation->operands[z(o)].levels[z(m)];
          figures.utilization = figures.effective_utilization =
              memory.capacity.divides(stored_[z(o)][z(m)]);
          figures.utilization_shared = figures.effective_utilization_shared =
              memory.capacity.divides(used);
          if (figures_.detail) figures_.detail->double_buffer[z(o)][z(m + 1)] = twice;
        }
      }
    }
    for (int o = 0; o < problem_.operands; ++o) double_[z(o)][0] = true;
  }

  // No schedule is shorter: all operations between the first tiles and the last results, and what
  // each port moves.
  double least_latency() {
    for (int p = 0; p < problem_.ports; ++p) busy_[z(p)] = 0;
    double most = 0;
    for (int o = 0; o < problem_.operands; ++o) {
      for (int a = 0; a < problem_.operand[z(o)].levels; ++a) {
        const Interface& link = interface_[z(o)][z(a)];
        const auto use = [&](int port, double amount) {
          if (port < 0 || amount == 0) return;
          busy_[z(port)] += amount * link.count;
          most = std::max(most, busy_[z(port)]);
        };
        use(link.up_port, link.up * link.up_share);
        use(link.down_port, link.down * link.down_share);
        use(link.back_up_port, link.back_up * link.up_share);
        use(link.back_down_port, link.back_down * link.down_share);
      }
    }
    return std::max(most, iterations_ * problem_.cycles_per_operation + edges());
  }

  // Until the first operands are there, and from the last operation until its results have left.
  double edges() const {
    std::array<double, kMaxPorts> busy;
    for (int p = 0; p < problem_.ports; ++p) busy[z(p)] = 0;
    double first = 0;
    double last = strict_.skew;
    for (int o = 0; o < problem_.operands; ++o) {
      double chain = 0;
      for (int a = 0; a < problem_.operand[z(o)].levels; ++a) {
        const Interface& link = interface_[z(o)][z(a)];
        const double words = std::max(link.edge_up, link.edge_down);
        if (words > 0) chain += words + link.latency;
        if (o == 0) continue;
        for (const auto& [port, amount] :
             {std::pair{link.up_port, link.edge_up}, std::pair{link.down_port, link.edge_down}}) {
          if (port >= 0) first = std::max(first, busy[z(port)] += amount);
        }
      }
      if (o == 0) {
        last += chain;
      } else {
        first = std::max(first, chain);
      }
    }
    return first + last;
  }

  // Loops of one dimension that no level parts are one.
  void merge_loops(std::array<int, kMaxLoops + 1>& place) {
    std::uint64_t parted = 0;
    for (int o = 0; o < problem_.operands; ++o) {
      for (int a = 0; a < problem_.operand[z(o)].levels; ++a) {
        parted |= std::uint64_t{1} << below_[z(o)][z(a)].position;
      }
    }
    merged_.count = 0;
    for (int i = 0; i < ordering_.count; ++i) {
      const bool same =
          i > 0 && !(parted >> i & 1u) && ordering_.dim[z(i)] == ordering_.dim[z(i - 1)];
      place[z(i)] = merged_.count;
      if (same) {
        merged_.size[z(merged_.count - 1)] *= ordering_.size[z(i)];
      } else {
        merged_.push(ordering_.dim[z(i)], static_cast<std::int64_t>(ordering_.size[z(i)]));
      }
    }
    place[z(ordering_.count)] = merged_.count;
  }

  WalkTimes walk_tiles() {
    std::array<int, kMaxLoops + 1> place;
    merge_loops(place);
    StrictWalk::Links links;
    for (int o = 0; o < problem_.operands; ++o) {
      for (int a = 0; a < problem_.operand[z(o)].levels; ++a) {
        WalkLink& link = links[z(o)][z(a)];
        link.position = place[z(below_[z(o)][z(a)].position)];
        set_link(o, a, link);
      }
    }
    WalkBlock block;
    block.cycles = problem_.cycles_per_operation;
    block.repeats = iterations_ > strict_.walked_in_full;
    // Inner loops that are too many take what an iteration of theirs in the middle does.
    for (;;) {
      block.top = merged_.count;
      if (!block.repeats || walked_blocks(block.base, block.top) <= kMostBlocks) break;
      block.top = block.base + 1;
      while (block.top < merged_.count &&
             walked_blocks(block.base, block.top + 1) <= kMostInnerBlocks) {
        ++block.top;
      }
      if (block.top == merged_.count) break;
      std::array<double, kMaxPorts> busy;
      const double pace = StrictWalk(problem_, merged_, links, block, strict_.skew).pace(busy);
      block.base = block.top;
      block.cycles = pace;
      block.busy = busy;
      set_chains(block, links);
    }
    return StrictWalk(problem_, merged_, links, block, strict_.skew).run();
  }

  double walked_blocks(int base, int top) const {
    double blocks = 1;
    for (int l = base; l < top; ++l) blocks *= std::min(merged_.size[z(l)], kWalkedOfALoop);
    return blocks;
  }

  // What it takes until the first tile is at the array, and until the last has left it.
  void set_chains(WalkBlock& block, const StrictWalk::Links& links) const {
    block.chain = {strict_.skew, 0, 0};
    for (int o = 0; o < problem_.operands; ++o) {
      for (int a = 0; a < problem_.operand[z(o)].levels; ++a) {
        if (links[z(o)][z(a)].position >= block.base) continue;
        const Interface& link = interface_[z(o)][z(a)];
        block.chain[z(o)] += link.first + link.latency;
      }
    }
  }

  void set_link(int o, int a, WalkLink& link) const {
    link.latency = level(o, a).latency;
    // The array takes in operands, and gives out results, as fast as they move.
    link.buffers = double_[z(o)][z(a)] ? 2 : 1;
    if (a == 0) {
      const double held = (o == 0 ? 4 + strict_.skew : 2) + 2 * link.latency;
      link.buffers =
          held > StrictWalk::kRing ? std::numeric_limits<int>::max() : static_cast<int>(held);
    }
    set_walk_side(o, a, a, kRdLow, kWrLow, link.up);
    if (a > 0) {
      set_walk_side(o, a - 1, a, kWrHigh, kRdHigh, link.down);
    } else {
      link.down.word = link.down.back_word = {};
    }
  }

  // `in`, `out`: the side's directions of inputs and partial sums that come back, and of outputs.
  void set_walk_side(int o, int m, int a, int in, int out, WalkSide& to) const {
    Side side;
    set_side(o, m, a, side);
    const ProblemOperand& operand = problem_.operand[z(o)];
    const StrictLevel& at = level(o, m);
    to.base = side.base;
    to.varying = side.varying;
    for (int k = 0; k < side.varying; ++k) to.vary[z(k)] = side.vary[z(k)].rounds;
    to.bits = to.last_bits = operand.precision;
    const auto word = [&](int direction) {
      return at.port[z(direction)] < 0 ? Divisor{} : at.word[z(direction)];
    };
    if (o == 0) {
      if (finishes_[z(m)] == 1) to.last_bits = operand.final_precision;
      to.word = word(out);
      to.port = at.port[z(out)];
      to.back_word = word(in);
      to.back_port = at.port[z(in)];
    } else {
      to.word = word(in);
      to.port = at.port[z(in)];
    }
  }

  // Periods are taken from the shortest to the longest: one is a number of shorter ones, between
  // which the array waits for what has a single buffer; and it is no shorter than what any port
  // moves meanwhile.
  double estimated_latency() const {
    std::array<int, kMaxOperands> next{};
    std::array<double, kMaxOperands> waits{};   // for single buffers, one after the other
    std::array<double, kMaxOperands> within{};  // cycles of the period before, of this operand
    std::array<double, kMaxOperands> refill{};  // of double buffers within
    std::array<double, kMaxPorts> single;       // cycles of a port that the array waits for
    std::array<double, kMaxPorts> busy;
    for (int p = 0; p < problem_.ports; ++p) busy[z(p)] = single[z(p)] = 0;
    double busiest = 0;  // cycles an iteration
    double stall = 0;
    double before = 1;                              // period in hand
    double cycles = problem_.cycles_per_operation;  // of one
    double pace = cycles;                           // and until the next can begin
    for (;;) {
      double period = iterations_;
      for (int o = 0; o < problem_.operands; ++o) {
        const int a = next[z(o)];
        if (a == problem_.operand[z(o)].levels) continue;
        period = std::min(period, interface_[z(o)][z(a)].period);
      }
      if (period == iterations_) break;
      cycles += (period / before - 1) * pace;
      double slowest = period / before * pace;
      before = period;
      for (int o = 0; o < problem_.operands; ++o) {
        int& a = next[z(o)];
        for (; a < problem_.operand[z(o)].levels && interface_[z(o)][z(a)].period == period; ++a) {
          const Interface& link = interface_[z(o)][z(a)];
          // Meanwhile the array works on what has gone inwards.
          const double ahead = a == 0 ? 0 : within[z(o)] + 1;
          const auto use = [&](int port, double amount) {
            if (port < 0 || amount == 0) return;
            busy[z(port)] += amount / period;
            busiest = std::max(busiest, busy[z(port)]);
            if (double_[z(o)][z(a)]) return;
            single[z(port)] += std::max(0.0, amount - ahead);
            stall = std::max(stall, single[z(port)]);
          };
          use(link.up_port, link.up);
          use(link.down_port, link.down);
          use(link.back_up_port, link.back_up);
          use(link.back_down_port, link.back_down);
          const double there = std::max(link.up, link.down) + link.latency;
          const double back =
              std::max(link.back_up, link.back_down) + (link.back_up > 0 ? link.latency : 0);
          if (a == 0) {
            refill[z(o)] += there + back;
          } else if (double_[z(o)][z(a)]) {
            // An input's buffer is free once what is below has taken the last of it.
            const double used = o == 0 ? cycles : cycles - within[z(o)];
            slowest = std::max(slowest, (there + back + refill[z(o)] + used) / 2);
            refill[z(o)] += there + back;
          } else {
            waits[z(o)] +=
                std::max(0.0, there + back + refill[z(o)] - ahead) + (a == 1 ? strict_.skew : 0);
            refill[z(o)] = 0;
            stall = std::max(stall, waits[z(o)]);
          }
          within[z(o)] = cycles;
        }
      }
      pace = std::max({cycles + stall, busiest * period, slowest});
    }
    return cycles + (iterations_ / before - 1) * pace + edges();
  }

  void finish(double cycles) {
    if (!figures_.detail) return;
    for (int p = 0; p < problem_.ports; ++p) {
      const ProblemPort& port = problem_.port[z(p)];
      const double least = iterations_ * problem_.cycles_per_operation;
      figures_.detail->port[z(p)] = {port.memory, p, busy_[z(p)] > 0,
                                     std::min(busy_[z(p)], cycles) - least, busy_[z(p)]};
    }
  }

  // `visits`: how often each tile crosses.
  void record(int o, int m, int direction, const Side& side, double bits, double visits,
              const Interface& link) {
    if (!figures_.detail || visits <= 0) return;
    const StrictLevel& at = level(o, m);
    const double units = problem_.operand[z(o)].real.units[z(m + 1)];
    TransferDetail detail;
    detail.active = true;
    detail.precision = bits;
    detail.period = link.period;
    detail.count = link.count;
    detail.amount = elements_of(side) * visits / (link.count * units);
    detail.window = link.period;
    detail.bandwidth = truncated(detail.amount * bits / link.period);
    detail.real_cycles = rounded_up(at.word[z(direction)].divides(side.largest * bits));
    detail.allowed_cycles = link.period * problem_.cycles_per_operation;
    detail.loading_cycles = detail.real_cycles;
    detail.accesses = figures_.detail->real[z(o)][z(m)][z(direction)].accesses;
    figures_.detail->real[z(o)][z(m)][z(direction)] = detail;
    figures_.detail->integer[z(o)][z(m)][z(direction)] = detail;
  }

  const Problem& problem_;
  const StrictProblem& strict_;
  const Ordering& ordering_;
  Ordering merged_;
  Figures figures_;
  bool unserved_ = false;
  double iterations_ = 1;
  std::array<std::array<Below, kMaxArchLevels>, kMaxOperands> below_;
  std::array<std::array<Interface, kMaxArchLevels>, kMaxOperands> interface_;
  std::array<std::array<double, kMaxLevels>, kMaxOperands> stored_;  // bits of the largest tile
  std::array<std::array<bool, kMaxArchLevels>, kMaxOperands> double_;
  std::array<Side, 2 * kMaxLevels> output_sides_;
  std::array<double, kMaxLevels + 1> finishes_;
  std::array<double, kMaxPorts> busy_;  // cycles over all iterations
};

}  // namespace

Cost evaluate_strict(const Problem& problem, const Ordering& ordering, const Cuts& cuts) {
  return StrictEvaluator<NoFigures>(problem, ordering, cuts, NoFigures{}).run();
}

Cost bound_strict(const Problem& problem, const Ordering& ordering, const Cuts& cuts) {
  return StrictEvaluator<NoFigures>(problem, ordering, cuts, NoFigures{})
      .run(StrictEvaluator<NoFigures>::Latency::bound);
}

Cost estimate_strict(const Problem& problem, const Ordering& ordering, const Cuts& cuts) {
  return StrictEvaluator<NoFigures>(problem, ordering, cuts, NoFigures{})
      .run(StrictEvaluator<NoFigures>::Latency::estimate);
}

Cost explain_strict(const Problem& problem, const Ordering& ordering, const Cuts& cuts,
                    Evaluation& evaluation, Detail* detail) {
  return StrictEvaluator<AllFigures>(problem, ordering, cuts, {&evaluation, detail}).run();
}

}  // namespace ridgeline::model
