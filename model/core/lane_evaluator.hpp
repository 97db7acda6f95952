// The body of lanes.hpp, compiled once for each kind of vector register. The file that includes it
// defines RIDGELINE_LANE_WIDTH (doubles a register) and the vector helpers below it needs, and
// includes what this needs before it switches the compiler to other instructions. Everything here
// has internal linkage, so that no code of one kind is ever linked in for the other.
//
// Branches of evaluate.cpp become choices between two values, lane by lane; where a figure can only
// be wanted in some lanes, it is left out when it is wanted in none. Sections refer to
// docs/model.md.
#pragma once

namespace ridgeline::model {

namespace {

constexpr int kWidth = RIDGELINE_LANE_WIDTH;
typedef double V __attribute__((vector_size(8 * kWidth)));
typedef long long M __attribute__((vector_size(8 * kWidth)));

#define RIDGELINE_INLINE inline __attribute__((always_inline))

RIDGELINE_INLINE V load(const LaneDoubles& from, int lane) {
  return *reinterpret_cast<const V*>(from.data() + lane);
}
RIDGELINE_INLINE M load(const LaneMask& from, int lane) {
  return *reinterpret_cast<const M*>(from.data() + lane);
}
RIDGELINE_INLINE V all(double x) {
  return x - V{};
}
RIDGELINE_INLINE V larger(V a, V b) {
  return a < b ? b : a;
}
RIDGELINE_INLINE V smaller(V a, V b) {
  return b < a ? b : a;
}
RIDGELINE_INLINE V where(M mask, V x) {  // 0 elsewhere
  return reinterpret_cast<V>(mask & reinterpret_cast<M>(x));
}

class LaneEvaluator {
 public:
  LaneEvaluator(const Problem& problem, const LaneTiling& tiling, int lane)
      : problem_(problem), tiling_(tiling), lane_(lane) {}

  template <bool split>
  void run(LaneCosts& costs) {
    integer_ = split && !problem_.whole ? 1 : 0;
    beta_ = problem_.cycles_per_operation;
    for (int i = 0; i < problem_.links; ++i) link_[i].count = V{};
    unserved_ = M{};
    utilisation();
    V memory_energy = V{};
    for (int o = 0; o < problem_.operands; ++o) {
      for (int m = 0; m < problem_.operand[o].levels; ++m) {
        memory_energy += transfers<split>(o, m);
      }
    }
    V energy = memory_energy + problem_.mac_energy;
    const V iterations = load(tiling_.iterations, lane_) * beta_;
    const V stall = stalls();
    loading((beta_ == 1 ? iterations : rounded_up_lanes(iterations)) + stall);
    V latency = iterations + stall;
    latency = latency + onloading();
    latency = latency + (offloading() + problem_.drain);
    if (any(unserved_)) {
      const V infinite = all(__builtin_inf());
      energy = unserved_ ? infinite : energy;
      latency = unserved_ ? infinite : latency;
    }
    *reinterpret_cast<V*>(costs.energy.data() + lane_) = energy;
    *reinterpret_cast<V*>(costs.latency.data() + lane_) = latency;
  }

 private:
  struct Use {
    V count;
    V period;
    V real;
    V allowed;
    V loading;
  };
  struct Rhythm {
    V count;
    V period;
    V allowed;
  };

  static RIDGELINE_INLINE V divided(const Divisor& divisor, V x) {
    return divisor.inverse != 0 ? x * divisor.inverse : x / divisor.value;
  }
  const LaneVersion& version(int o, int v) const { return tiling_.operand[o].version[v]; }

  // Bits an element takes at architecture level a.
  V precision(const ProblemOperand& operand, int o, int a, int v) const {
    if (!operand.output) return all(operand.final_precision);
    return load(version(o, v).partial_sums[a], lane_) ? all(operand.precision)
                                                      : all(operand.final_precision);
  }

  // Which memories have room for a second buffer (6.1, 6.2), from the real mapping.
  void utilisation() {
    V own[kMaxOperands][kMaxLevels];
    V shared[kMaxOperands][kMaxLevels];
    for (int o = 0; o < problem_.operands; ++o) {
      const ProblemOperand& operand = problem_.operand[o];
      const LaneOperand& tiling = tiling_.operand[o];
      for (int m = 0; m < operand.levels; ++m) {
        const V bits =
            load(tiling.version[0].elements[m + 1], lane_) * precision(operand, o, m + 1, 0);
        const V live = truncated_lanes(bits / load(tiling.top_relevant[m + 1], lane_));
        own[o][m] = divided(problem_.memory[operand.memory[m]].capacity, live);
      }
    }
    for (int k = 0; k < problem_.memories; ++k) {
      const ProblemMemory& memory = problem_.memory[k];
      V sum = V{};
      for (int i = 0; i < memory.count; ++i) {
        sum += own[memory.residents[i].operand][memory.residents[i].level];
      }
      for (int i = 0; i < memory.count; ++i) {
        shared[memory.residents[i].operand][memory.residents[i].level] = sum;
      }
    }
    for (int o = 0; o < problem_.operands; ++o) {
      const ProblemOperand& operand = problem_.operand[o];
      double_buffer_[o][0] = M{};
      for (int m = 0; m < operand.levels; ++m) {
        const V used = shared[o][m];
        M fits = used <= 0.5;
        const M second = ~fits & (own[o][m] <= 1 - used);
        fits |= second;
        // The second buffer takes room from whoever is asked later.
        const ProblemMemory& memory = problem_.memory[operand.memory[m]];
        if (memory.count > 1 && any(second)) {
          const V more = where(second, own[o][m]);
          for (int i = 0; i < memory.count; ++i) {
            shared[memory.residents[i].operand][memory.residents[i].level] += more;
          }
        }
        double_buffer_[o][m + 1] = fits;
      }
    }
  }

  // What all transfers between architecture level a and a memory have in common (4.8, 6.3).
  Rhythm rhythm(int o, int a) const {
    const LaneOperand& tiling = tiling_.operand[o];
    const V period = load(tiling.period[a], lane_);
    const V run = load(tiling.top_irrelevant[a], lane_);
    const M whole = double_buffer_[o][a] | (run == 1.0);
    V window = period;
    if (!every(whole)) window = whole ? period : truncated_lanes(period / run);
    const V count = load(tiling.count[a], lane_);
    if (beta_ == 1) return {count, period, window};
    return {count, rounded_up_lanes(period * beta_), rounded_up_lanes(window * beta_)};
  }

  // Accesses of one direction; sets what the stall and loading rules need. `always`: moves data
  // in all lanes.
  template <int direction, bool split>
  RIDGELINE_INLINE V side(const ProblemOperand& operand, int o, int m, const Rhythm& rhythm,
                          bool always) {
    constexpr bool low = direction == kRdLow || direction == kWrLow;
    const int a = low ? m : m + 1;
    const ProblemTransfer& transfer = operand.transfer[m][direction];
    V bits = amount<low, direction, split>(operand, o, m, a, 0);
    if (split && !always) bits = where(load(version(o, 0).partial_sums[a], lane_), bits);
    if (transfer.word.value == 0) {
      unserved_ |= bits != 0.0;
      return V{};
    }
    const V words = rounded_up_lanes(divided(transfer.granule, bits));
    const V accesses =
        truncated_lanes(words * transfer.ratio * rhythm.count * operand.real.units[m + 1]);
    if (split && integer_ != 0) bits = amount<low, direction, split>(operand, o, m, a, 1);
    Use& use = link_[transfer.link];
    use.count = always ? rhythm.count
                       : where(load(version(o, integer_).partial_sums[a], lane_), rhythm.count);
    use.period = rhythm.period;
    use.allowed = rhythm.allowed;
    use.real = rounded_up_lanes(divided(transfer.word, bits));
    use.loading = use.real;  // unless it moves only once (6.6)
    return accesses;
  }

  // Bits of one period (4.10).
  template <bool low, int direction, bool split>
  RIDGELINE_INLINE V amount(const ProblemOperand& operand, int o, int m, int a, int v) const {
    V elements = load(version(o, v).elements[a], lane_);
    if (low) elements = elements * (v == 0 ? operand.real : operand.integer).boost[m];
    if (!operand.output) return elements * operand.precision;
    const M partial = load(!split ? version(o, v).partial_sums[a]
                           : low  ? version(o, v).partial_low[m]
                                  : version(o, v).partial_high[m],
                           lane_);
    if (direction == kWrLow || direction == kRdHigh) {
      return elements * (partial ? all(operand.precision) : all(operand.final_precision));
    }
    return elements * where(partial, all(operand.precision));
  }

  template <bool split>
  V transfers(int o, int m) {
    const ProblemOperand& operand = problem_.operand[o];
    const bool top = m + 1 == operand.levels;
    const Rhythm low = rhythm(o, m);
    const double read = operand.read_cost[m];
    const double write = operand.write_cost[m];
    if (!operand.output) {
      const V out = side<kRdLow, split>(operand, o, m, low, true);
      if (top) return out * read;
      return out * read + side<kWrHigh, split>(operand, o, m, rhythm(o, m + 1), true) * write;
    }
    const V read_low = side<kRdLow, split>(operand, o, m, low, false);
    const V write_low = side<kWrLow, split>(operand, o, m, low, true);
    if (top) return read_low * read + write_low * write;
    const Rhythm high = rhythm(o, m + 1);
    const V read_high = side<kRdHigh, split>(operand, o, m, high, true);
    const V write_high = side<kWrHigh, split>(operand, o, m, high, false);
    return (read_high * read + read_low * read) + (write_high * write + write_low * write);
  }

  // Largest combined stall over all ports (6.4); not below 0.
  V stalls() const {
    V largest = V{};
    for (int p = 0; p < problem_.ports; ++p) {
      const ProblemPort& port = problem_.port[p];
      V positive = V{};
      V negative = V{};
      V windows = V{};
      V busiest = V{};  // cycles in which one of the links alone may transfer
      V last = V{};
      V links = V{};
      for (int i = port.begin; i < port.end; ++i) {
        const Use& use = link_[i];
        const M active = use.count != 0.0;
        const V rounds = use.count - 1.0;
        const V excess = where(active, (use.real - use.allowed) * rounds);
        const V window = use.allowed * rounds;
        last = active ? excess : last;
        const M late = excess > 0.0;
        positive += where(late, excess);
        negative += where(~late, excess);
        windows += where(active, window);
        busiest = active ? larger(busiest, window + use.allowed) : busiest;
        links += where(active, all(1.0));
      }
      V stall = where(links == 1.0, last);
      const M many = links > 1.0;
      if (any(many)) {
        // The union covers at least the busiest link; often that alone shows that this port does
        // not decide.
        const M open = many & (positive + larger(V{}, negative + windows - busiest) > largest);
        if (any(open)) {
          for (int lane = 0; lane < kWidth; ++lane) {
            if (!open[lane]) continue;
            const double slack = negative[lane] + windows[lane] - united(port, lane);
            stall[lane] = positive[lane] + (0.0 < slack ? slack : 0.0);
          }
        }
      }
      largest = larger(largest, stall);
    }
    return largest;
  }

  // Cycles in which at least one link of the port may transfer (6.5), in one lane.
  double united(const ProblemPort& port, int lane) const {
    PortUse uses[kMaxLinks];
    const PortUse* active[kMaxLinks];
    int count = 0;
    for (int i = port.begin; i < port.end; ++i) {
      const Use& use = link_[i];
      if (use.count[lane] == 0) continue;
      uses[count] = {use.count[lane], use.period[lane], use.real[lane], use.allowed[lane], 0};
      active[count] = &uses[count];
      ++count;
    }
    return window_union(active, count);
  }

  // Whether partial sums come back by this function; they do not load anything.
  static bool comes_back(const ProblemOperand& operand, const PortLink& function) {
    return operand.output && (function.direction == kRdLow || function.direction == kWrHigh);
  }

  // Cycles that loading before and unloading after the computation takes on each port, less what
  // the computation phase has to spare (6.6).
  void loading(V compute) {
    for (int p = 0; p < problem_.ports; ++p) {
      const ProblemPort& port = problem_.port[p];
      M once[kMaxLinks];
      V floor_value[kMaxLinks];
      V value[kMaxLinks];
      int place[kMaxLinks];
      int count = 0;
      V lonely = V{};
      for (int i = port.begin; i < port.end; ++i) {
        const M here = link_[i].count == 1.0;
        if (!any(here)) continue;
        const PortLink& function = problem_.link[i];
        const ProblemOperand& operand = problem_.operand[function.operand];
        if (comes_back(operand, function)) continue;
        const V bits = load(version(function.operand, integer_).elements[1], lane_) *
                       precision(operand, function.operand, 1, integer_);
        value[count] = link_[i].real;
        floor_value[count] = rounded_up_lanes(divided(port.bandwidth, bits));
        once[count] = here;
        place[count++] = i;
        lonely += where(here, all(1.0));
      }
      if (count == 0) continue;
      V busy = V{};  // bits a cycle of the links that move many times
      for (int i = port.begin; i < port.end; ++i) {
        const M here = link_[i].count > 1.0;
        if (!any(here)) continue;
        const PortLink& function = problem_.link[i];
        const ProblemOperand& operand = problem_.operand[function.operand];
        if (comes_back(operand, function)) continue;
        const bool low = function.direction == kRdLow || function.direction == kWrLow;
        const int a = low ? function.level : function.level + 1;
        V rate = (load(version(function.operand, integer_).elements[a], lane_) *
                  precision(operand, function.operand, a, integer_)) /
                 load(tiling_.operand[function.operand].period[a], lane_);
        if (low)
          rate = rate * (integer_ == 0 ? operand.real : operand.integer).boost[function.level];
        rate = truncated_lanes(rate);
        busy += where(here, beta_ == 1 ? rate : rounded_up_lanes(rate / beta_));
      }
      const V surplus = larger(V{}, divided(port.bandwidth, port.bandwidth_max - busy) * compute);
      if (count == 1 || !any(lonely > 1.0)) {
        // One link a lane: it takes the surplus, up to what separates it from its floor.
        for (int j = 0; j < count; ++j) {
          const V delta = value[j] - floor_value[j];
          const V less = value[j] - (surplus >= delta ? delta : surplus);
          Use& use = link_[place[j]];
          use.loading = (once[j] & (surplus > 0.0)) ? less : use.loading;
        }
        continue;
      }
      level(value, floor_value, once, count, surplus);
      for (int j = 0; j < count; ++j) {
        Use& use = link_[place[j]];
        use.loading = once[j] ? value[j] : use.loading;
      }
    }
  }

  // Spreads a surplus of cycles over loading times, largest first (6.7), of the links that a lane
  // has `once`.
  static void level(V* value, const V* floor_value, const M* once, int count, V surplus) {
    V rank[kMaxLinks];  // of a link among its lane's, largest first, of equals the first
    for (int j = 0; j < count; ++j) {
      rank[j] = V{};
      for (int i = 0; i < count; ++i) {
        if (i == j) continue;
        const M before = once[i] & (i < j ? value[i] >= value[j] : value[i] > value[j]);
        rank[j] += where(before, all(1.0));
      }
    }
    M finished = surplus <= 0.0;
    for (int s = 0; s < count; ++s) {
      const double positions = s + 1;
      V delta = V{};
      M here = M{};
      for (int j = 0; j < count; ++j) {
        const M me = once[j] & (rank[j] == static_cast<double>(s));
        delta = me ? value[j] - floor_value[j] : delta;
        here |= me;
      }
      const M active = here & ~finished;
      if (!any(active)) return;
      const V cost = delta * positions;
      const M full = surplus >= cost;
      const V step = full ? delta : surplus / positions;
      for (int j = 0; j < count; ++j) {
        const M me = active & once[j] & (rank[j] <= static_cast<double>(s));
        value[j] = me ? value[j] - step : value[j];
      }
      surplus = (active & full) ? surplus - cost : surplus;
      finished |= active & ~full;
    }
  }

  // Inputs that share ports wait for each other, others load side by side (6.8).
  V onloading() const {
    V separate[kMaxOperands] = {};
    V half[kMaxOperands] = {};
    V together[kMaxOperands] = {};
    for (int o = 1; o < problem_.operands; ++o) {
      const ProblemOperand& operand = problem_.operand[o];
      for (int m = 0; m + 1 < operand.levels; ++m) {
        const V value = larger(at(operand, m, kWrHigh), at(operand, m + 1, kRdLow));
        switch (operand.shared_ports[m]) {
          case 0:
            separate[o] += value;
            break;
          case 1:
            half[o] = value;  // the last pair counts, not the sum
            break;
          default:
            together[o] += value;
        }
      }
    }
    if (problem_.operands == 2) return separate[1];
    const V first =
        together[1] + larger(together[2] + half[2] + separate[2], half[1] + separate[1]);
    const V second =
        together[2] + larger(together[1] + half[1] + separate[1], half[2] + separate[2]);
    return smaller(first, second);
  }

  V offloading() const {
    const ProblemOperand& output = problem_.operand[0];
    V sum = V{};
    for (int m = 0; m + 1 < output.levels; ++m) {
      sum += larger(at(output, m, kRdHigh), at(output, m + 1, kWrLow));
    }
    return sum;
  }

  V at(const ProblemOperand& operand, int m, int direction) const {
    return link_[operand.transfer[m][direction].link].loading;
  }

  const Problem& problem_;
  const LaneTiling& tiling_;
  int lane_;
  int integer_ = 0;
  double beta_ = 1;
  M unserved_;
  M double_buffer_[kMaxOperands][kMaxArchLevels];
  Use link_[kMaxLinks + 1];  // by place in Problem::link; the last for what no port serves
};

void evaluate_registers(const Problem& problem, const LaneTiling& lanes, LaneCosts& costs) {
  for (int lane = 0; lane < kLanes; lane += kWidth) {
    LaneEvaluator evaluator(problem, lanes, lane);
    if (lanes.split) {
      evaluator.run<true>(costs);
    } else {
      evaluator.run<false>(costs);
    }
  }
}

#undef RIDGELINE_INLINE

}  // namespace

}  // namespace ridgeline::model
