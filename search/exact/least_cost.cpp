#include "search/exact/least_cost.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "model/core/directions.hpp"
#include "model/core/index.hpp"
#include "search/exact/cut_elements.hpp"
#include "search/exact/cut_lattice.hpp"
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
  all.fill(1);
  double iterations = 1;
  for (int d = 0; d < p.dims; ++d) {
    all[z(d)] = static_cast<double>(p.temporal_size[z(d)]);
    iterations *= all[z(d)];
  }
  model::Cost least{p.mac_energy, iterations * p.cycles_per_operation};
  // Cycles on each port if everything is moved at once.
  std::array<double, model::kMaxPorts> on_port{};
  std::array<std::array<std::array<double, 3>, model::kMaxLevels>, model::kMaxOperands> once{};
  const auto each_cut = [&](const auto& visit) {
    for (int o = 0; o < p.operands; ++o) {
      for (int a = 1; a < p.operand[z(o)].levels; ++a) visit(o, a);
    }
  };
  const auto port_of = [&](int o, int m, int direction) {
    for (int q = 0; q < p.ports; ++q) {
      for (int i = p.port[z(q)].begin; i < p.port[z(q)].end; ++i) {
        const model::PortLink& link = p.link[z(i)];
        if (link.operand == o && link.level == m && link.direction == direction) return q;
      }
    }
    return -1;
  };
  each_cut([&](int o, int a) {
    const ProblemOperand& operand = p.operand[z(o)];
    const double bits = std::min(operand.precision, operand.final_precision);
    const double most_bits = std::max(operand.precision, operand.final_precision);
    // Two loops of sizes A and B that index one dimension touch at least A + B - 1 places of it,
    // whatever their strides; the model's own count may be too high. Tiles that are rounded
    // down to the nearest element lose a third at most.
    double elements = operand.real.relevant_product[z(a - 1)];
    for (int d = 0; d < p.dims; ++d) {
      if (operand.relevant >> d & 1u) elements *= all[z(d)];
    }
    for (int r = 0; operand.partial && r < p.relations; ++r) {
      const model::ProblemRelation& relation = p.relation[z(r)];
      const double* extent = &operand.real.extent[z(a - 1)][z(2 * r)];
      const double first = std::trunc(all[relation.dim[0]] * extent[0]);
      const double second = std::trunc(all[relation.dim[1]] * extent[1]);
      elements *= std::max(1.0, std::min(relation.size, first + second - 1));
    }
    if (!operand.real.whole) elements *= 2.0 / 3.0;
    const double most_elements = elements_below(p, operand, operand.real, a, all);
    for (const bool low : {false, true}) {
      const int m = low ? a : a - 1;
      const int direction = low ? (o == 0 ? kWrLow : kRdLow) : (o == 0 ? kRdHigh : kWrHigh);
      const double max = operand.bandwidth_max[z(m)][z(direction)];
      if (max == 0) continue;
      double amount = elements;
      if (low) amount *= operand.real.boost[z(m)];
      const double accesses = amount * bits / max * operand.real.units[z(m + 1)] - 1;
      const bool read = direction == kRdLow || direction == kRdHigh;
      least.energy +=
          std::max(0.0, accesses) * (read ? operand.read_cost[z(m)] : operand.write_cost[z(m)]);
      const double boost = low ? operand.real.boost[z(m)] : 1;
      const double cycles = std::ceil(1.5 * most_elements * boost * most_bits / max);
      once[z(o)][z(a)][low ? 1 : 0] = cycles;
      const int port = port_of(o, m, direction);
      if (port >= 0) on_port[z(port)] += cycles;
    }
  });
  // The rule that spreads spare cycles may take from a transfer what the port's others take, and
  // a cut takes as long as the longer of its two.
  each_cut([&](int o, int a) {
    double debt = CutLattice::kInfeasible;
    for (const bool low : {false, true}) {
      const int direction = low ? (o == 0 ? kWrLow : kRdLow) : (o == 0 ? kRdHigh : kWrHigh);
      const int port = port_of(o, low ? a : a - 1, direction);
      if (port >= 0) debt = std::min(debt, on_port[z(port)] - once[z(o)][z(a)][low ? 1 : 0]);
    }
    if (debt < CutLattice::kInfeasible) least.latency -= debt;
  });
  least.latency += p.drain;
  constexpr double kLastBits = 1e-9;
  least.energy *= 1 - kLastBits;
  least.latency -= kLastBits * std::abs(least.latency);
  return least;
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
