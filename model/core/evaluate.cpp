#include "model/core/evaluate.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "model/core/directions.hpp"
#include "model/core/index.hpp"
#include "model/core/port_time.hpp"
#include "model/core/strict_evaluate.hpp"

namespace ridgeline::model {

namespace {

struct NoSink {
  static constexpr bool enabled = false;
};
struct FullSink {
  static constexpr bool enabled = true;
  Evaluation* evaluation;
  Detail* detail;
};

template <class Sink>
class Evaluator {
 public:
  Evaluator(const Problem& problem, const LoopTiling& tiling, Sink sink)
      : problem_(problem),
        tiling_(tiling),
        sink_(sink),
        integer_(problem.whole ? 0 : 1),
        nested_(problem.cycles_per_operation == truncated(problem.cycles_per_operation)) {}

  Cost run() {
    for (int i = 0; i < problem_.links; ++i) link_[i].count = 0;
    utilisation();
    double memory_energy = 0;
    for (int o = 0; o < problem_.operands; ++o) {
      for (int m = 0; m < problem_.operand[z(o)].levels; ++m) memory_energy += transfers(o, m);
    }
    if (unserved_) {
      const double infinity = std::numeric_limits<double>::infinity();
      return {infinity, infinity};
    }
    const double energy = memory_energy + problem_.mac_energy;
    const double stall = stalls();
    const double ideal_temporal = tiling_.iterations * problem_.cycles_per_operation;
    loading(stall);
    const double onload = onloading();
    const double offload = offloading() + problem_.drain;
    const double total0 = ideal_temporal + stall;
    const double total1 = ideal_temporal + stall + onload;
    const double total2 = ideal_temporal + stall + onload + offload;
    if constexpr (Sink::enabled) {
      Evaluation& e = *sink_.evaluation;
      e.cost = {energy, total2};
      e.macs = problem_.macs;
      e.mac_energy = problem_.mac_energy;
      e.memory_energy = memory_energy;
      e.latency = {
          problem_.ideal_cycles, ideal_temporal, stall, onload, offload, total0, total1, total2};
      e.spatial_utilization = problem_.ideal_cycles / ideal_temporal;
      e.utilization = problem_.ideal_cycles / total2;
      finish_detail();
    }
    return {energy, total2};
  }

 private:
  static double precision(const ProblemOperand& operand, bool partial) {
    return partial ? operand.precision : operand.final_precision;
  }

  // Which memories have room for a second buffer (6.1, 6.2), from the real mapping.
  void utilisation() {
    std::array<std::array<double, kMaxLevels>, kMaxOperands> individual;
    std::array<std::array<double, kMaxLevels>, kMaxOperands> shared;
    for (int o = 0; o < problem_.operands; ++o) {
      const ProblemOperand& operand = problem_.operand[z(o)];
      const OperandTiling& tiling = tiling_.operand[z(o)];
      const TilingVersion& real = tiling.version[0];
      for (int m = 0; m < operand.levels; ++m) {
        const bool partial = operand.output && (real.partial_sums >> (m + 1) & 1u) != 0;
        const double bits = real.elements[z(m + 1)] * precision(operand, partial);
        const double run = tiling.top_relevant[z(m + 1)];
        const double live = truncated(run == 1 ? bits : bits / run);
        const Divisor& capacity = problem_.memory[z(operand.memory[z(m)])].capacity;
        individual[z(o)][z(m)] = capacity.divides(live);
        if constexpr (Sink::enabled) {
          LevelFigures& figures = level_figures(o, m);
          figures.utilization = capacity.divides(bits);
          figures.effective_utilization = capacity.divides(live);
        }
      }
    }
    for (int k = 0; k < problem_.memories; ++k) {
      const ProblemMemory& memory = problem_.memory[z(k)];
      double sum = 0;
      for (int i = 0; i < memory.count; ++i) {
        sum += individual[memory.residents[z(i)].operand][memory.residents[z(i)].level];
      }
      for (int i = 0; i < memory.count; ++i) {
        shared[memory.residents[z(i)].operand][memory.residents[z(i)].level] = sum;
      }
      if constexpr (Sink::enabled) {
        double all = 0;
        for (int i = 0; i < memory.count; ++i) {
          all += level_figures(memory.residents[z(i)].operand, memory.residents[z(i)].level)
                     .utilization;
        }
        for (int i = 0; i < memory.count; ++i) {
          LevelFigures& figures =
              level_figures(memory.residents[z(i)].operand, memory.residents[z(i)].level);
          figures.utilization_shared = all;
          figures.effective_utilization_shared = sum;
        }
      }
    }
    for (int o = 0; o < problem_.operands; ++o) {
      const ProblemOperand& operand = problem_.operand[z(o)];
      double_buffer_[z(o)][0] = false;
      for (int m = 0; m < operand.levels; ++m) {
        const double own = individual[z(o)][z(m)];
        const double used = shared[z(o)][z(m)];
        bool fits = used <= 0.5;
        if (!fits && own <= 1 - used) {
          fits = true;
          // The second buffer takes room from whoever is asked later.
          const ProblemMemory& memory = problem_.memory[z(operand.memory[z(m)])];
          if (memory.count > 1) {
            for (int i = 0; i < memory.count; ++i) {
              shared[memory.residents[z(i)].operand][memory.residents[z(i)].level] += own;
            }
          }
        }
        double_buffer_[z(o)][z(m + 1)] = fits;
      }
    }
    if constexpr (Sink::enabled) {
      if (sink_.detail) {
        for (int o = 0; o < problem_.operands; ++o) {
          for (int m = 0; m < problem_.operand[z(o)].levels; ++m) {
            sink_.detail->shared_after_check[z(o)][z(m)] = shared[z(o)][z(m)];
          }
        }
      }
    }
  }

  // What all transfers between architecture level a and memory level a have in common (4.8,
  // 6.3).
  struct Rhythm {
    double count;
    double period;   // cycles
    double allowed;  // cycles
  };
  Rhythm rhythm(int o, int a) const {
    const OperandTiling& tiling = tiling_.operand[z(o)];
    const double period = tiling.period[z(a)];
    const double run = tiling.top_irrelevant[z(a)];
    const bool whole_period = double_buffer_[z(o)][z(a)] || run == 1;
    const double window = whole_period ? period : truncated(period / run);
    const double beta = problem_.cycles_per_operation;
    if (beta == 1) return {tiling.count[z(a)], period, window};
    return {tiling.count[z(a)], rounded_up(period * beta), rounded_up(window * beta)};
  }

  // All four directions of a memory level: accesses and energy (4.8, 4.11, 5), and what the
  // stall and loading rules need. Returns the energy.
  double transfers(int o, int m) {
    const ProblemOperand& operand = problem_.operand[z(o)];
    const bool top = m + 1 == operand.levels;
    const Rhythm low = rhythm(o, m);
    accesses_[kRdHigh] = accesses_[kWrHigh] = 0;
    if (operand.output) {
      const TilingVersion& v = tiling_.operand[z(o)].version[0];
      const TilingVersion& w = tiling_.operand[z(o)].version[z(integer_)];
      side<kRdLow>(operand, o, m, low, v.partial_sums >> m & 1u, w.partial_sums >> m & 1u);
      side<kWrLow>(operand, o, m, low, true, true);
      if (!top) {
        const Rhythm high = rhythm(o, m + 1);
        side<kRdHigh>(operand, o, m, high, true, true);
        side<kWrHigh>(operand, o, m, high, v.partial_sums >> (m + 1) & 1u,
                      w.partial_sums >> (m + 1) & 1u);
      }
    } else {
      accesses_[kWrLow] = 0;
      side<kRdLow>(operand, o, m, low, true, true);
      if (!top) side<kWrHigh>(operand, o, m, rhythm(o, m + 1), true, true);
    }
    const double read = operand.read_cost[z(m)];
    const double write = operand.write_cost[z(m)];
    const double energy = (accesses_[kRdHigh] * read + accesses_[kRdLow] * read) +
                          (accesses_[kWrHigh] * write + accesses_[kWrLow] * write);
    if constexpr (Sink::enabled) {
      LevelFigures& figures = level_figures(o, m);
      figures.memory = problem_.memory[z(operand.memory[z(m)])].source;
      for (int d = 0; d < kDirections; ++d) {
        figures.accesses[z(d)] = accesses_[z(d)];
        figures.energy[z(d)] = accesses_[z(d)] * (d == kRdLow || d == kRdHigh ? read : write);
      }
      figures.energy_total = energy;
    }
    return energy;
  }

  // Bits an element has on its way in one direction (4.10).
  template <int direction>
  static double link_precision(const ProblemOperand& operand, const TilingVersion& version, int m) {
    if (!operand.output) return operand.precision;
    constexpr bool low = direction == kRdLow || direction == kWrLow;
    const bool partial = ((low ? version.partial_low : version.partial_high) >> m & 1u) != 0;
    if (direction == kWrLow || direction == kRdHigh) return precision(operand, partial);
    return partial ? operand.precision : 0;  // nothing comes back where nothing is partial
  }

  // Full-width accesses for `bits`, which reach or leave a lower level in pieces that its port
  // takes (10).
  template <int direction>
  static double accesses_of_2023(const ProblemOperand& operand, int m, double bits) {
    const ProblemTransfer& transfer = operand.transfer[z(m)][direction];
    double piece = bits;
    if ((direction == kRdLow || direction == kWrLow) && m > 0) {
      const double other =
          operand.transfer[z(m - 1)][direction == kRdLow ? kWrHigh : kRdHigh].word.value *
          (operand.real.unique_units[z(m)] / operand.real.unique_units[z(m + 1)]);
      piece = std::min({bits, transfer.word.value, other});
    }
    return rounded_up(bits / piece) * rounded_up(transfer.granule.divides(piece)) * transfer.ratio;
  }

  template <int direction>
  void side(const ProblemOperand& operand, int o, int m, const Rhythm& rhythm, bool active_real,
            bool active_integer) {
    constexpr bool low = direction == kRdLow || direction == kWrLow;
    const auto a = z(low ? m : m + 1);
    const OperandTiling& tiling = tiling_.operand[z(o)];
    const ProblemTransfer& transfer = operand.transfer[z(m)][direction];
    double bits = 0;  // of one period
    accesses_[direction] = 0;
    if (active_real) {
      const TilingVersion& version = tiling.version[0];
      const double width = link_precision<direction>(operand, version, m);
      double amount = version.elements[a];
      if (low) amount *= operand.real.boost[z(m)];
      bits = amount * width;
      if (bits != 0) {
        if (transfer.word.value == 0) {
          unserved_ = true;
          return;
        }
        if (problem_.rules_of_2023) {
          accesses_[direction] = accesses_of_2023<direction>(operand, m, bits) * rhythm.count *
                                 operand.real.units[z(m + 1)];
        } else {
          const double words = rounded_up(transfer.granule.divides(bits));
          accesses_[direction] =
              truncated(words * transfer.ratio * rhythm.count * operand.real.units[z(m + 1)]);
        }
      }
      if constexpr (Sink::enabled) record(0, o, m, direction, a, low, amount, width, rhythm);
    }
    if (!active_integer) return;
    if (integer_ != 0 || Sink::enabled) {
      const TilingVersion& version = tiling.version[z(integer_)];
      const double width = link_precision<direction>(operand, version, m);
      double amount = version.elements[a];
      if (low) amount *= (integer_ == 0 ? operand.real : operand.integer).boost[z(m)];
      bits = amount * width;
      if constexpr (Sink::enabled) record(1, o, m, direction, a, low, amount, width, rhythm);
    }
    PortUse& link = link_[transfer.link];
    link.count = rhythm.count;
    link.period = rhythm.period;
    link.allowed = rhythm.allowed;
    link.real = transfer.word.value == 0 ? 0 : rounded_up(transfer.word.divides(bits));
    link.loading = link.real;  // unless it moves only once (6.6)
    if constexpr (Sink::enabled) {
      if (sink_.detail) {
        TransferDetail& detail = sink_.detail->integer[z(o)][z(m)][direction];
        detail.real_cycles = link.real;
        detail.allowed_cycles = link.allowed;
      }
    }
  }

  // Bits a cycle that a transfer needs on average.
  double mean_bandwidth(const ProblemOperand& operand, int o, int m, bool low, int version) const {
    const OperandTiling& tiling = tiling_.operand[z(o)];
    const TilingVersion& v = tiling.version[z(version)];
    const int a = low ? m : m + 1;
    const bool partial = operand.output && (v.partial_sums >> a & 1u) != 0;
    const double rate = (v.elements[z(a)] * precision(operand, partial)) / tiling.period[z(a)];
    if (!low) return truncated(rate);
    return truncated(rate * (version == 0 ? operand.real : operand.integer).boost[z(m)]);
  }

  // Largest combined stall over all ports (6.4); not below 0.
  double stalls() {
    double largest = 0;
    for (int p = 0; p < problem_.ports; ++p) {
      const ProblemPort& port = problem_.port[z(p)];
      std::array<const PortUse*, kMaxLinks> active;
      int count = 0;
      double positive = 0;
      double negative = 0;
      double windows = 0;
      double busiest = 0;  // cycles in which one of the links alone may transfer
      double last = 0;
      for (int i = port.begin; i < port.end; ++i) {
        const PortUse& link = link_[i];
        if (link.count == 0) continue;
        active[z(count++)] = &link;
        last = (link.real - link.allowed) * (link.count - 1);
        (last > 0 ? positive : negative) += last;
        const double window = link.allowed * (link.count - 1);
        windows += window;
        busiest = std::max(busiest, window + link.allowed);
      }
      if (count == 0) continue;
      double stall = last;
      double united = 0;
      if (count > 1) {
        // The union covers at least the busiest link; often that alone shows that this port
        // does not decide.
        if (!Sink::enabled && positive + std::max(0.0, negative + windows - busiest) <= largest) {
          continue;
        }
        united = window_union(active.data(), count);
        stall = positive + std::max(0.0, negative + windows - united);
      }
      largest = std::max(largest, stall);
      if constexpr (Sink::enabled) {
        if (sink_.detail) {
          if (count == 1) united = active[0]->allowed * active[0]->count;
          sink_.detail->port[z(p)] = {port.memory, p, true, stall, united};
        }
      }
    }
    return largest;
  }

  // Whether partial sums come back by this function; they do not load anything.
  static bool comes_back(const ProblemOperand& operand, const PortLink& function) {
    return operand.output && (function.direction == kRdLow || function.direction == kWrHigh);
  }

  // Cycles that loading before and unloading after the computation takes on each port, less
  // what the computation phase has to spare (6.6).
  void loading(double stall) {
    if (problem_.rules_of_2023) return;
    const double compute = rounded_up(tiling_.iterations * problem_.cycles_per_operation) + stall;
    for (int p = 0; p < problem_.ports; ++p) {
      const ProblemPort& port = problem_.port[z(p)];
      std::array<double, kMaxLinks> value;
      std::array<double, kMaxLinks> floor_value;
      std::array<PortUse*, kMaxLinks> once;
      int count = 0;
      for (int i = port.begin; i < port.end; ++i) {
        PortUse& link = link_[i];
        if (link.count != 1) continue;
        const PortLink& function = problem_.link[z(i)];
        const ProblemOperand& operand = problem_.operand[function.operand];
        if (comes_back(operand, function)) continue;
        const TilingVersion& version = tiling_.operand[function.operand].version[z(integer_)];
        const bool partial = operand.output && (version.partial_sums >> 1 & 1u) != 0;
        const double bits = version.elements[1] * precision(operand, partial);
        value[z(count)] = link.real;
        floor_value[z(count)] = rounded_up(port.bandwidth.divides(bits));
        once[z(count++)] = &link;
      }
      if (count == 0) continue;
      double busy = 0;  // bits a cycle of the links that move many times
      for (int i = port.begin; i < port.end; ++i) {
        if (link_[i].count <= 1) continue;
        const PortLink& function = problem_.link[z(i)];
        const ProblemOperand& operand = problem_.operand[function.operand];
        if (comes_back(operand, function)) continue;
        const bool low = function.direction == kRdLow || function.direction == kWrLow;
        busy +=
            rounded_up(mean_bandwidth(operand, function.operand, function.level, low, integer_) /
                       problem_.cycles_per_operation);
      }
      const double surplus =
          std::max(0.0, port.bandwidth.divides(port.bandwidth_max - busy) * compute);
      level(value.data(), floor_value.data(), count, surplus);
      for (int i = 0; i < count; ++i) once[z(i)]->loading = value[z(i)];
    }
  }

  // Inputs that share ports wait for each other, others load side by side (6.8).
  double onloading() const {
    std::array<double, kMaxOperands> separate{};
    std::array<double, kMaxOperands> half{};
    std::array<double, kMaxOperands> together{};
    for (int o = 1; o < problem_.operands; ++o) {
      const ProblemOperand& operand = problem_.operand[z(o)];
      for (int m = 0; m + 1 < operand.levels; ++m) {
        const double value =
            std::max(at(operand, m, kWrHigh).loading, at(operand, m + 1, kRdLow).loading);
        switch (operand.shared_ports[z(m)]) {
          case 0:
            separate[z(o)] += value;
            break;
          case 1:
            half[z(o)] = value;  // the last pair counts, not the sum
            break;
          default:
            together[z(o)] += value;
        }
      }
    }
    if (problem_.operands == 2) return separate[1];
    const double first =
        together[1] + std::max(together[2] + half[2] + separate[2], half[1] + separate[1]);
    const double second =
        together[2] + std::max(together[1] + half[1] + separate[1], half[2] + separate[2]);
    return std::min(first, second);
  }

  double offloading() const {
    const ProblemOperand& output = problem_.operand[0];
    double sum = 0;
    for (int m = 0; m + 1 < output.levels; ++m) {
      sum += std::max(at(output, m, kRdHigh).loading, at(output, m + 1, kWrLow).loading);
    }
    return sum;
  }

  const PortUse& at(const ProblemOperand& operand, int m, int direction) const {
    return link_[operand.transfer[z(m)][z(direction)].link];
  }

  LevelFigures& level_figures(int o, int m) {
    return sink_.evaluation->operands[z(o)].levels[z(m)];
  }

  void record(int version, int o, int m, int direction, std::size_t a, bool low, double amount,
              double width, const Rhythm& rhythm) {
    if (!sink_.detail) return;
    const OperandTiling& tiling = tiling_.operand[z(o)];
    TransferDetail& detail =
        (version == 0 ? sink_.detail->real : sink_.detail->integer)[z(o)][z(m)][z(direction)];
    detail.active = true;
    detail.amount = amount;
    detail.precision = width;
    detail.period = tiling.period[a];
    detail.count = rhythm.count;
    detail.window = truncated(tiling.period[a] / tiling.top_irrelevant[a]);
    detail.bandwidth =
        mean_bandwidth(problem_.operand[z(o)], o, m, low, version == 0 ? 0 : integer_);
    if (version == 0) detail.accesses = accesses_[z(direction)];
  }

  void finish_detail() {
    if (!sink_.detail) return;
    Detail& detail = *sink_.detail;
    detail.tiling = tiling_;
    for (int o = 0; o < problem_.operands; ++o) {
      const ProblemOperand& operand = problem_.operand[z(o)];
      for (int a = 0; a <= operand.levels; ++a) {
        detail.double_buffer[z(o)][z(a)] = double_buffer_[z(o)][z(a)];
      }
      for (int m = 0; m < operand.levels; ++m) {
        for (int d = 0; d < kDirections; ++d) {
          if (operand.transfer[z(m)][z(d)].link == kMaxLinks) continue;
          const PortUse& link = at(operand, m, d);
          if (link.count != 0) detail.integer[z(o)][z(m)][z(d)].loading_cycles = link.loading;
        }
      }
    }
  }

  const Problem& problem_;
  const LoopTiling& tiling_;
  Sink sink_;
  int integer_;
  bool nested_;  // periods divide each other
  bool unserved_ = false;
  std::array<double, kDirections> accesses_;
  PortUse link_[kMaxLinks + 1];  // by place in Problem::link; the last for what no port serves
  bool double_buffer_[kMaxOperands][kMaxArchLevels];
};

}  // namespace

Cost evaluate(const Problem& problem, const LoopTiling& tiling) {
  return Evaluator<NoSink>(problem, tiling, NoSink{}).run();
}

Evaluation explain(const Problem& problem, const Ordering& ordering, const Cuts& cuts,
                   Detail* detail) {
  LoopTiling tiling;
  tile(problem, ordering, cuts, tiling);
  Evaluation evaluation;
  for (int o = 0; o < problem.operands; ++o) {
    OperandFigures figures;
    figures.operand = o;
    figures.levels.resize(z(problem.operand[z(o)].levels));
    int begin = 0;
    for (int m = 0; m < problem.operand[z(o)].levels; ++m) {
      std::vector<TemporalLoop> loops;
      for (int i = begin; i < tiling.operand[z(o)].boundary[z(m)]; ++i) {
        loops.push_back({ordering.dim[z(i)], static_cast<std::int64_t>(ordering.size[z(i)])});
      }
      begin = tiling.operand[z(o)].boundary[z(m)];
      figures.stationary.push_back(std::move(loops));
    }
    evaluation.operands.push_back(std::move(figures));
  }
  if (detail) *detail = Detail{};
  if (problem.strict) {
    explain_strict(problem, ordering, cuts, evaluation, detail);
    if (detail) detail->tiling = tiling;
    return evaluation;
  }
  evaluation.cost = Evaluator<FullSink>(problem, tiling, {&evaluation, detail}).run();
  return evaluation;
}

}  // namespace ridgeline::model
