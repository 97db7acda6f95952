#include "search/exact/least_cost.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "model/core/directions.hpp"
#include "model/core/index.hpp"
#include "search/exact/cut_elements.hpp"
#include "search/exact/innermost_loop.hpp"
#include "search/exact/least_latency.hpp"
#include "search/mapping/loop_factors.hpp"

namespace ridgeline::search {

using model::kRdHigh;
using model::kRdLow;
using model::kWrHigh;
using model::kWrLow;
using model::Problem;
using model::ProblemOperand;

model::Cost least_cost(const Problem& p) {
  if (p.strict) {
    double iterations = 1;
    for (int d = 0; d < p.dims; ++d) {
      iterations *= static_cast<double>(p.temporal_size[z(d)]);
    }
    return {p.mac_energy, iterations * p.cycles_per_operation};
  }
  std::array<double, model::kMaxDims> all;
  std::array<double, model::kMaxDims> none;
  all.fill(1);
  none.fill(1);
  double iterations = 1;
  double reduced = 1;  // iterations into the same outputs
  for (int d = 0; d < p.dims; ++d) {
    all[z(d)] = static_cast<double>(p.temporal_size[z(d)]);
    iterations *= all[z(d)];
    if (p.operand[0].irrelevant >> d & 1u) reduced *= all[z(d)];
  }
  const InnermostLoops loops = innermost_loops(p);
  double least = std::numeric_limits<double>::infinity();
  for (int i = 0; i < loops.count; ++i) {
    double energy = 0;
    const auto add = [&](const ProblemOperand& operand, int m, int direction, double accesses) {
      const bool read = direction == kRdLow || direction == kRdHigh;
      energy += std::max(0.0, accesses * operand.real.units[z(m + 1)] - 1) *
                (read ? operand.read_cost[z(m)] : operand.write_cost[z(m)]);
    };
    // `bits` that cross in one instance, with nothing said of how they come together in accesses.
    const auto add_all = [&](const ProblemOperand& operand, int m, int direction, double bits) {
      const double max = operand.bandwidth_max[z(m)][z(direction)];
      if (max > 0) add(operand, m, direction, bits / max);
    };
    // So many transfers of `bits`.
    const auto add_each = [&](const ProblemOperand& operand, int m, int direction, double bits,
                              double count) {
      if (operand.bandwidth_max[z(m)][z(direction)] == 0) return;
      const double words = std::ceil(bits / operand.bandwidth_min[z(m)][z(direction)]);
      add(operand, m, direction, words * operand.bandwidth_ratio[z(m)][z(direction)] * count);
    };
    for (int o = 0; o < p.operands; ++o) {
      const ProblemOperand& operand = p.operand[z(o)];
      const double bits = std::min(operand.precision, operand.final_precision);
      const bool passes = loops.passes(i, o);
      const bool partial = o == 0 && reduced > 1;
      const double width = partial ? operand.precision : bits;
      for (int a = 1; a < operand.levels; ++a) {
        const int up = o == 0 ? kRdHigh : kWrHigh;
        const int down = o == 0 ? kWrLow : kRdLow;
        const double boost = operand.real.boost[z(a)];
        if (a > 1 || !passes) {
          const double moved = distinct_elements(p, operand, operand.real, a, all) * bits;
          add_all(operand, a - 1, up, moved);
          add_all(operand, a, down, moved * boost);
          continue;
        }
        const double tile = rounded_elements(p, operand, operand.real, 1, none).least * width;
        add_each(operand, 0, up, tile, iterations);
        add_each(operand, 1, down, tile * boost, iterations);
        if (!partial) continue;
        add_each(operand, 0, kWrHigh, tile, iterations);
        add_each(operand, 1, kRdLow, tile * boost, iterations);
      }
      // What the array reads and writes itself.
      const double count = loops.changes(i, o) ? iterations : least_changes(p, operand, all);
      add_each(operand, 0, o == 0 ? kWrLow : kRdLow, width * operand.real.boost[0], count);
      if (partial) add_each(operand, 0, kRdLow, width * operand.real.boost[0], count);
    }
    least = std::min(least, energy);
  }
  constexpr double kLastBits = 1e-9;
  return {(p.mac_energy + least) * (1 - kLastBits), least_latency(p)};
}

bool reaches(double latency, const model::Cost& least) {
  return least.latency >= latency * (1 - 2 * kLatencyTie);
}

double accesses_cut_off(const Problem& problem) {
  double sum = 0;
  for (int o = 0; o < problem.operands; ++o) {
    const ProblemOperand& operand = problem.operand[z(o)];
    for (int m = 0; m < operand.levels; ++m) {
      for (int d = 0; d < model::kDirections; ++d) {
        if (operand.bandwidth_max[z(m)][z(d)] == 0) continue;
        const bool read = d == kRdLow || d == kRdHigh;
        sum += std::max(0.0, read ? operand.read_cost[z(m)] : operand.write_cost[z(m)]);
      }
    }
  }
  return sum;
}

double orderings_of(const Problem& problem) {
  double count = 1;
  int placed = 0;
  for (int d = 0; d < problem.dims; ++d) {
    std::int64_t previous = 0;
    int equal = 0;
    for (const std::int64_t prime : prime_factors(problem.temporal_size[z(d)])) {
      equal = prime == previous ? equal + 1 : 1;
      previous = prime;
      count = count * ++placed / equal;
    }
  }
  return count;
}

}  // namespace ridgeline::search
