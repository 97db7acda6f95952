#include "model/depth_first/core_2022_latency.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

namespace ridgeline::model {
namespace {

// Which levels are double buffered: by operand, index level + 1 (0: the array).
using Buffers = std::array<std::array<bool, kMaxLevels + 1>, kMaxOperands>;

Buffers double_buffers(const Core2022& core, const std::array<Levels2022, kMaxOperands>& levels) {
  std::vector<double> used(core.memory.size(), 0);
  const auto share = [&](std::size_t o, int l) {
    const Operand2022& operand = core.operand[o];
    const double live =
        std::floor(held_bits(operand, levels[o], l + 1) / levels[o].top_relevant[z(l + 1)]);
    return live / core.memory[z(operand.memory[z(l)])].size;
  };
  for (std::size_t o = 0; o < core.operand.size(); ++o) {
    for (int l = 0; l < core.operand[o].levels; ++l) {
      used[z(core.operand[o].memory[z(l)])] += share(o, l);
    }
  }
  Buffers buffers{};
  for (std::size_t o = 0; o < core.operand.size(); ++o) {
    for (int l = 0; l < core.operand[o].levels; ++l) {
      double& all = used[z(core.operand[o].memory[z(l)])];
      const double own = share(o, l);
      if (all <= 0.5) {
        buffers[o][z(l + 1)] = true;
      } else if (own <= 1 - all) {
        buffers[o][z(l + 1)] = true;
        all += own;
      }
    }
  }
  return buffers;
}

struct Activity {
  double period = 0;
  double count = 0;
  double allowed = 0;
  double real = 0;
};

// Cycles in which at least one activity may move data. Periods are nested.
double window_union(const std::vector<Activity>& activities) {
  for (const Activity& one : activities) {
    if (one.period == one.allowed) return one.period * one.count;
  }
  std::vector<Activity> sorted = activities;
  std::stable_sort(sorted.begin(), sorted.end(),
                   [](const Activity& a, const Activity& b) { return a.period < b.period; });
  // Of the first k activities: cycles covered in [0, x).
  const auto covered = [&](const auto& self, std::size_t k, double x) -> double {
    if (k == 0 || x <= 0) return 0;
    const Activity& outer = sorted[k - 1];
    const double rounds = std::floor(x / outer.period);
    const auto within = [&](double y) {  // of one period
      const double open = std::min(y, outer.allowed);
      return open + self(self, k - 1, y) - self(self, k - 1, open);
    };
    const double rest = x - rounds * outer.period;
    return (rounds > 0 ? rounds * within(outer.period) : 0) + (rest > 0 ? within(rest) : 0);
  };
  const Activity& longest = sorted.back();
  return covered(covered, sorted.size(), longest.period) * longest.count;
}

double largest_stall(const Core2022& core, const std::array<Moves2022, kMaxOperands>& moves,
                     const Buffers& buffers) {
  std::vector<std::vector<Activity>> ports(z(core.ports));
  for (std::size_t o = 0; o < core.operand.size(); ++o) {
    const Operand2022& operand = core.operand[o];
    for (int l = 0; l < operand.levels; ++l) {
      for (const std::size_t d : {z(kRdLow), z(kWrLow), z(kRdHigh), z(kWrHigh)}) {
        const Move2022& move = moves[o][z(l)][d];
        if (move.count == 0 || operand.port[z(l)][d] < 0) continue;
        const bool high = d == kRdHigh || d == kWrHigh;
        const bool buffered = buffers[o][z(high ? l + 1 : l)];
        ports[z(operand.port[z(l)][d])].push_back(
            {move.period, move.count, buffered ? move.period : move.window,
             std::ceil(move.amount * move.precision / operand.bandwidth[z(l)][d])});
      }
    }
  }
  double stall = 0;
  for (const auto& list : ports) {
    if (list.empty()) continue;
    double positive = 0;
    double rest = 0;
    double windows = 0;
    for (const Activity& one : list) {
      const double slack = (one.real - one.allowed) * (one.count - 1);
      (slack > 0 ? positive : rest) += slack;
      windows += one.allowed * (one.count - 1);
    }
    const double port = list.size() == 1
                            ? positive + rest
                            : positive + std::max(0.0, rest + windows - window_union(list));
    stall = std::max(stall, port);
  }
  return stall;
}

double real_cycles(const Operand2022& operand, const Moves2022& moves, int l, std::size_t d) {
  const Move2022& move = moves[z(l)][d];
  if (move.count == 0) return 0;
  return std::ceil(move.amount * move.precision / operand.bandwidth[z(l)][d]);
}

double loading(const Core2022& core, const std::array<Moves2022, kMaxOperands>& moves) {
  struct Parts {
    double individual = 0;
    double half = 0;
    double shared = 0;
  };
  const auto uses = [&](std::size_t o, int port) {
    const Operand2022& operand = core.operand[o];
    for (int l = 0; l < operand.levels; ++l) {
      for (const std::size_t d : {z(kRdLow), z(kWrLow), z(kRdHigh), z(kWrHigh)}) {
        if (operand.port[z(l)][d] == port) return true;
      }
    }
    return false;
  };
  const std::size_t inputs = core.operand.size() - 1;
  std::array<Parts, 2> parts;
  for (std::size_t i = 0; i < inputs; ++i) {
    const std::size_t o = i + 1;
    const Operand2022& operand = core.operand[o];
    for (int l = 0; l + 1 < operand.levels; ++l) {
      const double cycles = std::max(real_cycles(operand, moves[o], l, kWrHigh),
                                     real_cycles(operand, moves[o], l + 1, kRdLow));
      int shared = 0;
      if (inputs == 2) {
        const std::size_t other = o == 1 ? 2 : 1;
        shared = (uses(other, operand.port[z(l)][z(kWrHigh)]) ? 1 : 0) +
                 (uses(other, operand.port[z(l + 1)][z(kRdLow)]) ? 1 : 0);
      }
      if (shared == 0) {
        parts[i].individual += cycles;
      } else if (shared == 2) {
        parts[i].shared += cycles;
      } else {
        parts[i].half = cycles;
      }
    }
  }
  if (inputs == 1) return parts[0].individual;
  const auto order = [&](const Parts& a, const Parts& b) {
    return a.shared + std::max(b.shared + b.half + b.individual, a.half + a.individual);
  };
  return std::min(order(parts[0], parts[1]), order(parts[1], parts[0]));
}

double offloading(const Core2022& core, const Moves2022& moves) {
  const Operand2022& output = core.operand.front();
  double cycles = 0;
  for (int l = 0; l + 1 < output.levels; ++l) {
    if (l + 2 == output.levels) {
      cycles += std::max(real_cycles(output, moves, l, kRdHigh),
                         real_cycles(output, moves, l + 1, kWrLow));
    } else {
      cycles += core.memory[z(output.memory[z(l + 1)])].latency;
    }
  }
  return cycles;
}

}  // namespace

LatencyFigures latency_2022(const Core2022& core, const std::array<Levels2022, kMaxOperands>& real,
                            const std::array<Moves2022, kMaxOperands>& whole_moves) {
  LatencyFigures latency;
  latency.ideal = std::ceil(core.macs / core.units);
  latency.ideal_temporal = real[0].iterations;
  latency.stall = largest_stall(core, whole_moves, double_buffers(core, real));
  latency.onload = loading(core, whole_moves);
  latency.offload = offloading(core, whole_moves[0]);
  latency.total0 = latency.ideal_temporal + latency.stall;
  latency.total1 = latency.total0 + latency.onload;
  latency.total2 = latency.total1 + latency.offload;
  return latency;
}

}  // namespace ridgeline::model
