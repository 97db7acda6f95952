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
#include "model/core/tile_walk.hpp"

namespace ridgeline::model {

namespace {

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
        ordering_(&ordering),
        tiles_(problem, ordering, cuts),
        figures_(figures) {
    transfers_.iterations = tiles_.iterations();
  }
  // Of one operand and level alone.
  StrictEvaluator(const Problem& problem, int o, int a, const std::array<double, kMaxDims>& inside,
                  Figures figures)
      : problem_(problem),
        strict_(*problem.strict),
        tiles_(problem, o, a, inside),
        figures_(figures) {}

  explicit StrictEvaluator(const Problem& problem, Figures figures)
      : problem_(problem), strict_(*problem.strict), tiles_(problem), figures_(figures) {
    transfers_.iterations = tiles_.iterations();
  }

  Cost estimate(const StrictCuts& cuts, double limit) {
    double energy = problem_.mac_energy;
    for (int o = 0; o < problem_.operands; ++o) {
      const ProblemOperand& operand = problem_.operand[z(o)];
      for (int a = 0; a < operand.levels; ++a) {
        const StrictCut& cut = cuts.cut[z(o)][z(a)];
        if (!cut.served) {
          const double infinity = std::numeric_limits<double>::infinity();
          return {infinity, infinity};
        }
        energy += cut.energy;
        transfers_.link[z(o)][z(a)] = cut.link;
        const double elements =
            a + 1 < operand.levels ? cuts.cut[z(o)][z(a + 1)].largest : cuts.top[z(o)];
        const bool whole = o > 0 || (cuts.stay >> a & 1u) != 0;
        stored_[z(o)][z(a)] = elements * (whole ? operand.precision : operand.final_precision);
      }
    }
    count_buffers();
    return {energy, estimated_latency(problem_, transfers_, limit)};
  }

  StrictCut cut(int o, int a, const StrictSums& sums) {
    StrictCut result;
    accesses_[z(o)][z(a)] = {};
    if (a > 0) accesses_[z(o)][z(a - 1)] = {};
    result.sums = sums;
    if (o == 0) {
      output_link(a, result.sums);
      if (a > 0) result.largest = largest_[z(a - 1)];
    } else {
      input_link(o, a);
      if (a > 0) result.largest = stored_[z(o)][z(a - 1)] / problem_.operand[z(o)].precision;
    }
    result.energy = level_energy(o, a, accesses_[z(o)][z(a)]);
    if (a > 0) result.energy += level_energy(o, a - 1, accesses_[z(o)][z(a - 1)]);
    result.link = transfers_.link[z(o)][z(a)];
    result.served = !unserved_;
    return result;
  }

  // All of the output, in its outermost memory.
  StrictSums whole_output() {
    StrictSide side;
    const int top = problem_.operand[0].levels - 1;
    tiles_.set_side(0, top, top + 1, side);
    largest_[z(top)] = side.largest;
    return {side.adding == 1 ? 1.0 : 0.0, elements_of(side) * side.visits, 0};
  }

  // How the latency is taken.
  enum class Latency : std::uint8_t { walked, bound, estimate };

  Cost run(Latency how = Latency::walked, const CostLimit& limit = {},
           std::int64_t* blocks = nullptr) {
    double memory_energy = 0;
    for (int o = 0; o < problem_.operands; ++o) {
      memory_energy += o == 0 ? output_traffic() : input_traffic(o);
    }
    if (unserved_) {
      const double infinity = std::numeric_limits<double>::infinity();
      return {infinity, infinity};
    }
    const double energy = memory_energy + problem_.mac_energy;
    count_buffers();
    if (how == Latency::estimate) {
      return {energy, estimated_latency(problem_, transfers_, CostLimit::kNone)};
    }
    const double least = rounded_up(close_latency(problem_, transfers_, busy_));
    if (how == Latency::bound) return {energy, least};
    const double wanted = limit.latency_at(energy);
    if (least > wanted) return {energy, CostLimit::kNone};
    const WalkTimes times = walk_tiles(problem_, *ordering_, tiles_, transfers_, finishes_, wanted);
    if (blocks != nullptr) *blocks += times.blocks;
    if (times.arrived > wanted) return {energy, CostLimit::kNone};
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
    StrictInterface link{};
    link.period = below.period;
    link.count = below.count;
    link.irrelevant = below.irrelevant;
    link.up_port = link.down_port = link.back_up_port = link.back_down_port = -1;
    return link;
  }

  // What crosses below architecture level a of an input.
  void input_link(int o, int a) {
    const double bits = problem_.operand[z(o)].precision;
    StrictInterface& link = transfers_.link[z(o)][z(a)];
    link = fresh(tiles_.below(o, a));
    StrictSide side;
    if (a > 0) {
      tiles_.set_side(o, a - 1, a, side);
      const Crossing in = crossing(side, o, a - 1, a, kWrHigh);
      accesses_[z(o)][z(a - 1)][kWrHigh] =
          cross(in, bits, side.visits, side.repeats, link.count, link.down, link.down_share);
      link.down_port = level(o, a - 1).port[kWrHigh];
      link.first = link.most_down = first_cycles(in, bits);
      link.edge_down = edge_cycles(in, bits);
      stored_[z(o)][z(a - 1)] = side.largest * bits;
      if constexpr (Figures::enabled) record(o, a - 1, kWrHigh, side, bits, side.visits, link);
    }
    tiles_.set_side(o, a, a, side);
    const Crossing out = crossing(side, o, a, a, kRdLow);
    accesses_[z(o)][z(a)][kRdLow] =
        cross(out, bits, side.visits, side.repeats, link.count, link.up, link.up_share);
    link.up_port = level(o, a).port[kRdLow];
    link.latency = level(o, a).latency;
    link.most_up = first_cycles(out, bits);
    link.first = std::max(link.first, link.most_up);
    link.edge_up = edge_cycles(out, bits);
    if constexpr (Figures::enabled) record(o, a, kRdLow, side, bits, side.visits, link);
  }

  // The same of the output, from the outermost level inwards. `sums`: what is known from there.
  void output_link(int a, StrictSums& sums) {
    const ProblemOperand& operand = problem_.operand[0];
    const double partial = operand.precision;
    const double finished = operand.final_precision;
    StrictInterface& link = transfers_.link[0][z(a)];
    link = fresh(tiles_.below(0, a));
    StrictSide low;
    tiles_.set_side(0, a, a, low);
    const double last = sums.finishes;
    finishes_[z(a)] = last;
    if (low.repeats > 1 || level(0, a).reduced_outer > 1) sums.stay |= 1u << a;
    const double elements = elements_of(low);
    const double back = std::max(0.0, elements * low.visits - sums.fresh);
    const Crossing in = crossing(low, 0, a, a, kWrLow);
    accesses_[0][z(a)][kWrLow] =
        cross(in, finished, last, last, link.count, link.up, link.up_share) +
        cross(in, partial, low.visits - last, low.repeats - last, link.count, link.up,
              link.up_share);
    const double again = back / elements;
    accesses_[0][z(a)][kRdLow] = cross(crossing(low, 0, a, a, kRdLow), partial, again,
                                       low.repeats - 1, link.count, link.back_up, link.up_share);
    link.up_port = level(0, a).port[kWrLow];
    link.back_up_port = level(0, a).port[kRdLow];
    link.latency = level(0, a).latency;
    link.first = first_cycles(in, last > 0 ? finished : partial);
    link.most_up = first_cycles(in, std::max(partial, finished));
    link.edge_up = edge_cycles(in, last > 0 ? finished : partial);
    link.edge_back = edge_cycles(crossing(low, 0, a, a, kRdLow), partial);
    if constexpr (Figures::enabled) {
      record(0, a, kWrLow, low, last > 0 && low.visits == last ? finished : partial, low.visits,
             link);
      record(0, a, kRdLow, low, partial, again, link);
    }
    if (a == 0) return;
    StrictSide high;
    tiles_.set_side(0, a - 1, a, high);
    largest_[z(a - 1)] = high.largest;
    const double before = high.adding == 1 ? last : 0;
    const double high_elements = elements_of(high);
    const Crossing out = crossing(high, 0, a - 1, a, kRdHigh);
    accesses_[0][z(a - 1)][kRdHigh] =
        cross(out, finished, before, before, link.count, link.down, link.down_share) +
        cross(out, partial, high.visits - before, high.repeats - before, link.count, link.down,
              link.down_share);
    const double fetched = back / high_elements;
    accesses_[0][z(a - 1)][kWrHigh] =
        cross(crossing(high, 0, a - 1, a, kWrHigh), partial, fetched, high.repeats - 1, link.count,
              link.back_down, link.down_share);
    link.down_port = level(0, a - 1).port[kRdHigh];
    link.back_down_port = level(0, a - 1).port[kWrHigh];
    link.first = std::max(link.first, first_cycles(out, before > 0 ? finished : partial));
    link.most_down = first_cycles(out, std::max(partial, finished));
    link.edge_down = edge_cycles(out, before > 0 ? finished : partial);
    link.edge_back =
        std::max(link.edge_back, edge_cycles(crossing(high, 0, a - 1, a, kWrHigh), partial));
    if constexpr (Figures::enabled) {
      record(0, a - 1, kRdHigh, high, before > 0 && high.visits == before ? finished : partial,
             high.visits, link);
      record(0, a - 1, kWrHigh, high, partial, fetched, link);
    }
    sums.finishes = before;
    sums.fresh = high_elements * high.visits - back;
  }

  double input_traffic(int o) {
    const ProblemOperand& operand = problem_.operand[z(o)];
    accesses_[z(o)] = {};
    for (int a = operand.levels - 1; a >= 0; --a) input_link(o, a);
    StrictSide side;
    tiles_.set_side(o, operand.levels - 1, operand.levels, side);
    stored_[z(o)][z(operand.levels - 1)] = side.largest * operand.precision;
    double energy = 0;
    for (int m = 0; m < operand.levels; ++m) energy += level_energy(o, m, accesses_[z(o)][z(m)]);
    return energy;
  }

  double output_traffic() {
    const ProblemOperand& operand = problem_.operand[0];
    accesses_[0] = {};
    StrictSums sums = whole_output();
    for (int a = operand.levels - 1; a >= 0; --a) output_link(a, sums);
    double energy = 0;
    for (int m = 0; m < operand.levels; ++m) {
      const bool stay = (sums.stay >> m & 1u) != 0;
      stored_[0][z(m)] = largest_[z(m)] * (stay ? operand.precision : operand.final_precision);
      energy += level_energy(0, m, accesses_[0][z(m)]);
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
  void count_buffers() {
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
        double& buffers = transfers_.buffers[z(o)][z(m + 1)];
        buffers = twice ? 2 : 1;
        while (o == 0 && twice && buffers < strict_.output_buffers[z(k)] &&
               stored_[0][z(m)] <= room) {
          room -= stored_[0][z(m)];
          ++buffers;
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
                static_cast<std::int8_t>(transfers_.buffers[0][z(m + 1)]);
          }
        }
      }
    }
    for (int o = 0; o < problem_.operands; ++o) {
      transfers_.buffers[z(o)][0] = held_at_array(o, strict_.skew, level(o, 0).latency);
    }
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
  const Ordering* ordering_ = nullptr;  // null: one operand and level alone
  StrictTiles tiles_;
  Figures figures_;
  bool unserved_ = false;
  StrictTransfers transfers_;
  std::array<std::array<double, kMaxLevels>, kMaxOperands> stored_;  // bits of the largest tile
  std::array<std::array<std::array<double, kDirections>, kMaxLevels>, kMaxOperands> accesses_;
  std::array<double, kMaxLevels> largest_;   // elements of the largest tile of outputs
  std::array<double, kMaxLevels> finishes_;  // visits in which sums are finished
  std::array<double, kMaxPorts> busy_;       // cycles over all iterations
};

}  // namespace

Cost evaluate_strict(const Problem& problem, const Ordering& ordering, const Cuts& cuts) {
  return StrictEvaluator<NoFigures>(problem, ordering, cuts, NoFigures{}).run();
}

Cost evaluate_strict(const Problem& problem, const Ordering& ordering, const Cuts& cuts,
                     const CostLimit& limit, std::int64_t& blocks) {
  using Evaluator = StrictEvaluator<NoFigures>;
  return Evaluator(problem, ordering, cuts, NoFigures{})
      .run(Evaluator::Latency::walked, limit, &blocks);
}

Cost bound_strict(const Problem& problem, const Ordering& ordering, const Cuts& cuts) {
  return StrictEvaluator<NoFigures>(problem, ordering, cuts, NoFigures{})
      .run(StrictEvaluator<NoFigures>::Latency::bound);
}

Cost estimate_strict(const Problem& problem, const Ordering& ordering, const Cuts& cuts) {
  return StrictEvaluator<NoFigures>(problem, ordering, cuts, NoFigures{})
      .run(StrictEvaluator<NoFigures>::Latency::estimate);
}

StrictCut strict_cut(const Problem& problem, int o, int a,
                     const std::array<double, kMaxDims>& inside, const StrictSums& sums) {
  return StrictEvaluator<NoFigures>(problem, o, a, inside, NoFigures{}).cut(o, a, sums);
}

Cost estimate_strict(const Problem& problem, const StrictCuts& cuts, double limit) {
  return StrictEvaluator<NoFigures>(problem, NoFigures{}).estimate(cuts, limit);
}

StrictSums whole_output(const Problem& problem) {
  std::array<double, kMaxDims> all;
  for (int d = 0; d < problem.dims; ++d)
    all[z(d)] = static_cast<double>(problem.temporal_size[z(d)]);
  const int levels = problem.operand[0].levels;
  return StrictEvaluator<NoFigures>(problem, 0, levels, all, NoFigures{}).whole_output();
}

Cost explain_strict(const Problem& problem, const Ordering& ordering, const Cuts& cuts,
                    Evaluation& evaluation, Detail* detail) {
  return StrictEvaluator<AllFigures>(problem, ordering, cuts, {&evaluation, detail}).run();
}

}  // namespace ridgeline::model
