#include "model/core/strict_evaluate.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "model/core/directions.hpp"
#include "model/core/index.hpp"
#include "model/core/port_time.hpp"
#include "model/core/strict_latency.hpp"
#include "model/core/strict_tiles.hpp"
#include "model/core/strict_walk.hpp"

namespace ridgeline::model {

namespace {

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

template <class Figures>
class StrictEvaluator {
 public:
  StrictEvaluator(const Problem& problem, const Ordering& ordering, const Cuts& cuts,
                  Figures figures)
      : problem_(problem),
        strict_(*problem.strict),
        ordering_(ordering),
        tiles_(problem, ordering, cuts),
        figures_(figures) {
    transfers_.iterations = tiles_.iterations();
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
    const double least = rounded_up(least_latency(problem_, transfers_, busy_));
    if (how == Latency::bound) return {energy, least};
    second_buffers();
    if (how == Latency::estimate)
      return {energy, std::max(least, estimated_latency(problem_, transfers_))};
    const WalkTimes times = walk_tiles();
    const double total = rounded_up(std::max(times.arrived, least));
    const double onload = times.begin;
    const double steady = total - times.arrived + times.end - times.begin;
    const double offload = times.arrived - times.end;
    if constexpr (Figures::enabled) {
      const double ideal_temporal = transfers_.iterations * problem_.cycles_per_operation;
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

  // A side of the tiles between memory level m and architecture level a, in one direction.
  struct Crossing {
    const StrictSide& side;
    int o;
    int m;
    int direction;
    StrictRow row;
  };
  Crossing crossing(const StrictSide& side, int o, int m, int a, int direction) const {
    return {side, o, m, direction, tiles_.row(o, m, a, direction, side)};
  }

  // Accesses of all transfers that cross a side `times` over all instances; adds the mean cycles of
  // the port a period, of which `busy` of one instance move data. `share`:
  // StrictInterface::up_share.
  double cross(const Crossing& at, double bits, double times, double busy, double count,
               double& cycles, double& share) {
    if (times <= 0 || bits == 0) return 0;
    const StrictSide& side = at.side;
    if (level(at.o, at.m).port[z(at.direction)] < 0) {
      unserved_ = true;
      return 0;
    }
    const Divisor& word = level(at.o, at.m).word[z(at.direction)];
    const Moved all = moved_of(side, at.row, bits, word, false);
    const double time = side.varying == 0 ? side.rounds * (all.cycles / side.count)
                                          : moved_of(side, at.row, bits, word, true).cycles;
    cycles += time * busy / count;
    if (side.spread) share = std::min(share, all.cycles / (side.instances * time));
    return all.words * times;
  }

  // Cycles of a transfer, `size` and `along` elements in all and in a row.
  double transfer_cycles(const Crossing& at, double size, double along, double bits) const {
    const StrictLevel& here = level(at.o, at.m);
    if (here.port[z(at.direction)] < 0) return 0;
    return moved(size, along, bits, here.word[z(at.direction)], at.row).cycles;
  }

  double first_cycles(const Crossing& at, double bits) const {
    double along = at.row.base;
    for (int k = 0; at.row.requests != nullptr && k < at.side.varying; ++k) {
      if (!(at.row.varying >> k & 1u)) continue;
      const StrictVarying& v = at.side.vary[z(k)];
      double largest = 0;
      for (const TileCount* t = v.begin; t != v.end; ++t) largest = std::max(largest, t->size);
      along *= largest;
    }
    return transfer_cycles(at, at.side.largest, along, bits);
  }

  // Cycles of an input's first tile, or the output's last one, at least.
  double edge_cycles(const Crossing& at, double bits) const {
    double size = at.side.base;
    double along = at.row.base;
    for (int k = 0; k < at.side.varying; ++k) {
      const RoundSizes& rounds = at.side.vary[z(k)].rounds;
      const double factor = rounds.by_round != nullptr        ? (at.o == 0 ? 0 : rounds.by_round[0])
                            : at.o == 0 || rounds.rounds == 1 ? rounds.last
                                                              : rounds.whole;
      size *= factor;
      if (at.row.varying >> k & 1u) along *= factor;
    }
    return transfer_cycles(at, size, along, bits);
  }

  static StrictInterface fresh(const StrictBelow& below) {
    return {below.period, below.count, 0, 0, 0, 0, 0, 0, 0, 0, -1, -1, -1, -1, 1, 1};
  }

  double input_traffic(int o) {
    const ProblemOperand& operand = problem_.operand[z(o)];
    const double bits = operand.precision;
    double energy = 0;
    StrictSide low;
    StrictSide high;
    for (int m = 0; m < operand.levels; ++m) {
      tiles_.set_side(o, m, m, low);
      StrictInterface& inner = transfers_.link[z(o)][z(m)];
      if (m == 0) inner = fresh(tiles_.below(o, 0));
      std::array<double, kDirections> accesses{};
      const Crossing out = crossing(low, o, m, m, kRdLow);
      accesses[kRdLow] =
          cross(out, bits, low.visits, low.repeats, inner.count, inner.up, inner.up_share);
      inner.up_port = level(o, m).port[kRdLow];
      inner.latency = level(o, m).latency;
      inner.first = std::max(inner.first, first_cycles(out, bits));
      inner.edge_up = edge_cycles(out, bits);
      if (m + 1 < operand.levels) {
        tiles_.set_side(o, m, m + 1, high);
        StrictInterface& outer = transfers_.link[z(o)][z(m + 1)];
        outer = fresh(tiles_.below(o, m + 1));
        const Crossing in = crossing(high, o, m, m + 1, kWrHigh);
        accesses[kWrHigh] =
            cross(in, bits, high.visits, high.repeats, outer.count, outer.down, outer.down_share);
        outer.down_port = level(o, m).port[kWrHigh];
        outer.first = first_cycles(in, bits);
        outer.edge_down = edge_cycles(in, bits);
        stored_[z(o)][z(m)] = high.largest * bits;
      } else {
        tiles_.set_side(o, m, m + 1, high);
        stored_[z(o)][z(m)] = high.largest * bits;
      }
      if constexpr (Figures::enabled) {
        record(o, m, kRdLow, low, bits, low.visits, inner);
        if (m + 1 < operand.levels) {
          record(o, m, kWrHigh, high, bits, high.visits, transfers_.link[z(o)][z(m + 1)]);
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
    std::array<StrictSide, 2 * kMaxLevels>& sides = output_sides_;
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
      StrictSide& low = sides[z(2 * m)];
      StrictSide& high = sides[z(2 * m + 1)];
      tiles_.set_side(0, m, m, low);
      tiles_.set_side(0, m, m + 1, high);
      finishes[z(m)] = high.adding == 1 ? finishes[z(m + 1)] : 0;
      low_elements[z(m)] = elements_of(low);
      high_elements[z(m)] = elements_of(high);
      back[z(m)] = std::max(0.0, low_elements[z(m)] * low.visits -
                                     (high_elements[z(m)] * high.visits - back[z(m + 1)]));
    }
    double energy = 0;
    for (int m = 0; m <= top; ++m) {
      const StrictSide& low = sides[z(2 * m)];
      const StrictSide& high = sides[z(2 * m + 1)];
      const double last = finishes[z(m)];
      const bool sums_stay = low.repeats > 1 || level(0, m).reduced_outer > 1;
      stored_[0][z(m)] = high.largest * (sums_stay ? partial : finished);
      StrictInterface& inner = transfers_.link[0][z(m)];
      if (m == 0) inner = fresh(tiles_.below(0, 0));
      std::array<double, kDirections> accesses{};
      const Crossing in = crossing(low, 0, m, m, kWrLow);
      accesses[kWrLow] = cross(in, finished, last, last, inner.count, inner.up, inner.up_share) +
                         cross(in, partial, low.visits - last, low.repeats - last, inner.count,
                               inner.up, inner.up_share);
      const double again = back[z(m)] / low_elements[z(m)];
      accesses[kRdLow] = cross(crossing(low, 0, m, m, kRdLow), partial, again, low.repeats - 1,
                               inner.count, inner.back_up, inner.up_share);
      inner.up_port = level(0, m).port[kWrLow];
      inner.back_up_port = level(0, m).port[kRdLow];
      inner.latency = level(0, m).latency;
      inner.first = std::max(inner.first, first_cycles(in, last > 0 ? finished : partial));
      inner.edge_up = edge_cycles(in, last > 0 ? finished : partial);
      if (m < top) {
        StrictInterface& outer = transfers_.link[0][z(m + 1)];
        outer = fresh(tiles_.below(0, m + 1));
        const Crossing out = crossing(high, 0, m, m + 1, kRdHigh);
        accesses[kRdHigh] =
            cross(out, finished, last, last, outer.count, outer.down, outer.down_share) +
            cross(out, partial, high.visits - last, high.repeats - last, outer.count, outer.down,
                  outer.down_share);
        const double fetched = back[z(m + 1)] / high_elements[z(m)];
        accesses[kWrHigh] = cross(crossing(high, 0, m, m + 1, kWrHigh), partial, fetched,
                                  high.repeats - 1, outer.count, outer.back_down, outer.down_share);
        outer.down_port = level(0, m).port[kRdHigh];
        outer.back_down_port = level(0, m).port[kWrHigh];
        outer.first = first_cycles(out, last > 0 ? finished : partial);
        outer.edge_down = edge_cycles(out, last > 0 ? finished : partial);
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
            m + 1 < problem_.operand[z(o)].levels && transfers_.link[z(o)][z(m + 1)].count > 1;
        bool twice = moves && stored_[z(o)][z(m)] <= room;
        if (moves && !twice) room = -1;
        if (twice) room -= stored_[z(o)][z(m)];
        transfers_.twice[z(o)][z(m + 1)] = twice;
        if (o == 0) {
          int& buffers = output_buffers_[z(m + 1)];
          buffers = twice ? 2 : 1;
          while (twice && buffers < strict_.output_buffers[z(k)] && stored_[0][z(m)] <= room) {
            room -= stored_[0][z(m)];
            ++buffers;
          }
        }
        if constexpr (Figures::enabled) {
          LevelFigures& figures = figures_.evaluation->operands[z(o)].levels[z(m)];
          figures.utilization = figures.effective_utilization =
              memory.capacity.divides(stored_[z(o)][z(m)]);
          figures.utilization_shared = figures.effective_utilization_shared =
              memory.capacity.divides(used);
          if (figures_.detail) figures_.detail->double_buffer[z(o)][z(m + 1)] = twice;
          if (figures_.detail && o == 0) {
            figures_.detail->output_buffers[z(m + 1)] =
                static_cast<std::int8_t>(output_buffers_[z(m + 1)]);
          }
        }
      }
    }
    for (int o = 0; o < problem_.operands; ++o) transfers_.twice[z(o)][0] = true;
  }

  // Loops of one dimension that no level parts are one.
  void merge_loops(std::array<int, kMaxLoops + 1>& place) {
    std::uint64_t parted = 0;
    for (int o = 0; o < problem_.operands; ++o) {
      for (int a = 0; a < problem_.operand[z(o)].levels; ++a) {
        parted |= std::uint64_t{1} << tiles_.below(o, a).position;
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
        link.position = place[z(tiles_.below(o, a).position)];
        set_link(o, a, link);
      }
    }
    WalkBlock block;
    block.cycles = problem_.cycles_per_operation;
    block.repeats = transfers_.iterations > strict_.walked_in_full;
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
      WalkBlock all = block;
      StrictWalk(problem_, merged_, links, block, strict_.skew).pace(all);
      block = all;
      block.base = block.top;
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
        const StrictInterface& link = transfers_.link[z(o)][z(a)];
        block.chain[z(o)] += link.first + link.latency;
      }
    }
  }

  void set_link(int o, int a, WalkLink& link) const {
    link.latency = level(o, a).latency;
    // The array takes in operands, and gives out results, as fast as they move.
    link.buffers = transfers_.twice[z(o)][z(a)] ? 2 : 1;
    if (o == 0 && a > 0) link.buffers = output_buffers_[z(a)];
    if (a == 0) {
      const double held = (o == 0 ? 4 + strict_.skew : 2) + 2 * link.latency;
      link.buffers =
          held > StrictWalk::kRing ? std::numeric_limits<int>::max() : static_cast<int>(held);
    }
    set_walk_side(o, a, a, kRdLow, kWrLow, link.up);
    if (a > 0) {
      set_walk_side(o, a - 1, a, kWrHigh, kRdHigh, link.down);
    } else {
      link.down.to.word = link.down.back.word = {};
    }
    link.post_processing = o == 0 && a == strict_.post_level ? strict_.post_processing : 0;
  }

  // `in`, `out`: the side's directions of inputs and partial sums that come back, and of outputs.
  void set_walk_side(int o, int m, int a, int in, int out, WalkSide& to) const {
    StrictSide side;
    tiles_.set_side(o, m, a, side);
    const ProblemOperand& operand = problem_.operand[z(o)];
    to.base = side.base;
    to.varying = side.varying;
    for (int k = 0; k < side.varying; ++k) to.vary[z(k)] = side.vary[z(k)].rounds;
    to.bits = to.last_bits = operand.precision;
    to.finishes = o == 0 && finishes_[z(m)] == 1;
    if (to.finishes) to.last_bits = operand.final_precision;
    to.to = walk_port(side, o, m, a, o == 0 ? out : in);
    to.back = o == 0 ? walk_port(side, o, m, a, in) : WalkPort{};
  }

  WalkPort walk_port(const StrictSide& side, int o, int m, int a, int direction) const {
    const StrictLevel& at = level(o, m);
    if (at.port[z(direction)] < 0) return {};
    const StrictRow row = tiles_.row(o, m, a, direction, side);
    return {at.word[z(direction)], at.port[z(direction)], row.requests, row.base, row.varying};
  }

  void finish(double cycles) {
    if (!figures_.detail) return;
    for (int p = 0; p < problem_.ports; ++p) {
      const ProblemPort& port = problem_.port[z(p)];
      const double least = transfers_.iterations * problem_.cycles_per_operation;
      figures_.detail->port[z(p)] = {port.memory, p, busy_[z(p)] > 0,
                                     std::min(busy_[z(p)], cycles) - least, busy_[z(p)]};
    }
  }

  // `visits`: how often each tile crosses.
  void record(int o, int m, int direction, const StrictSide& side, double bits, double visits,
              const StrictInterface& link) {
    if (!figures_.detail || visits <= 0) return;
    const int a = direction == kRdLow || direction == kWrLow ? m : m + 1;
    const double units = problem_.operand[z(o)].real.units[z(m + 1)];
    TransferDetail detail;
    detail.active = true;
    detail.precision = bits;
    detail.period = link.period;
    detail.count = link.count;
    detail.amount = elements_of(side) * visits / (link.count * units);
    detail.window = link.period;
    detail.bandwidth = truncated(detail.amount * bits / link.period);
    detail.real_cycles = first_cycles(crossing(side, o, m, a, direction), bits);
    detail.allowed_cycles = link.period * problem_.cycles_per_operation;
    detail.loading_cycles = detail.real_cycles;
    detail.accesses = figures_.detail->real[z(o)][z(m)][z(direction)].accesses;
    figures_.detail->real[z(o)][z(m)][z(direction)] = detail;
    figures_.detail->integer[z(o)][z(m)][z(direction)] = detail;
  }

  const Problem& problem_;
  const StrictProblem& strict_;
  const Ordering& ordering_;
  StrictTiles tiles_;
  Ordering merged_;
  Figures figures_;
  bool unserved_ = false;
  StrictTransfers transfers_;
  std::array<std::array<double, kMaxLevels>, kMaxOperands> stored_;  // bits of the largest tile
  std::array<StrictSide, 2 * kMaxLevels> output_sides_;
  std::array<double, kMaxLevels + 1> finishes_;
  std::array<int, kMaxArchLevels> output_buffers_;
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
