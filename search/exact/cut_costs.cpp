// What each cut costs at each node of the lattice, and what everything moved at once takes.
#include <algorithm>
#include <cmath>

#include "model/core/directions.hpp"
#include "model/core/index.hpp"
#include "search/exact/cut_elements.hpp"
#include "search/exact/cut_lattice.hpp"
#include "search/exact/large_table.hpp"

namespace ridgeline::search {

using model::kRdHigh;
using model::kRdLow;
using model::kWrHigh;
using model::kWrLow;
using model::OperandSpatial;
using model::Problem;
using model::ProblemOperand;

namespace {

// What a granule costs that crosses a memory level in a direction.
double granule_cost(const ProblemOperand& operand, int level, int direction) {
  const bool read = direction == kRdLow || direction == kRdHigh;
  return operand.bandwidth_ratio[z(level)][z(direction)] *
         (read ? operand.read_cost[z(level)] : operand.write_cost[z(level)]);
}

}  // namespace

void CutLattice::fill_costs(Watch& watch, bool counts, std::int64_t bytes) {
  const Problem& p = problem_;
  std::vector<std::array<double, model::kMaxDims>> loops(z(nodes_));
  for (std::int64_t x = 0; x < nodes_; ++x) {
    loops[z(x)].fill(1);
    for (int t = 0; t < type_count(); ++t) {
      for (int i = count_in(x, t); i > 0; --i) {
        loops[z(x)][z(type(t).dim)] *= static_cast<double>(type(t).prime);
      }
    }
  }
  const double beta = p.cycles_per_operation;
  // One direction of one memory level, when the cut that it crosses lies at a node.
  struct Link {
    int operand;
    int level;
    int direction;
    double elements_real;
    double elements_integer;
    double bits_real;  // an element, as it crosses
    double bits_integer;
    double bits_stored;  // an element, as the mean bandwidth counts it
    double period;       // iterations
    double window;       // cycles a transfer may take at most
    bool comes_back;     // partial sums, which load nothing
  };
  std::array<double, model::kDirections> crossed{};  // of the node in hand, as Cut::granules
  // Adds what it pays; returns the cycles of one transfer.
  const auto add_link = [&](const Link& link, double& energy, PortShare* shares) {
    const ProblemOperand& operand = p.operand[z(link.operand)];
    const OperandSpatial& integer = p.whole ? operand.real : operand.integer;
    const bool low = link.direction == kRdLow || link.direction == kWrLow;
    const auto m = z(link.level);
    const auto direction = z(link.direction);
    const double max = operand.bandwidth_max[m][direction];
    const double count = std::floor(iterations_ / link.period);
    double amount = link.elements_real;
    if (low) amount *= operand.real.boost[m];
    if (amount * link.bits_real > 0) {
      if (max == 0) {
        energy = kInfeasible;
        return 0.0;
      }
      const double words = std::ceil(amount * link.bits_real / operand.bandwidth_min[m][direction]);
      crossed[direction] = words * count * operand.real.units[m + 1];
      const double accesses = std::floor(words * operand.bandwidth_ratio[m][direction] * count *
                                         operand.real.units[m + 1]);
      const bool read = link.direction == kRdLow || link.direction == kRdHigh;
      energy += accesses * (read ? operand.read_cost[m] : operand.write_cost[m]);
    }
    amount = link.elements_integer;
    if (low) amount *= integer.boost[m];
    const double cycles = max > 0 ? std::ceil(amount * link.bits_integer / max) : 0;
    const int port = port_of(link.operand, link.level, link.direction);
    if (port >= 0 && tracked_place_[z(port)] >= 0) {
      PortShare& share = shares[tracked_place_[z(port)]];
      share.busy += cycles * (count - 1);
      share.excess += std::max(0.0, cycles - link.window) * (count - 1);
      if (count > 1 && !link.comes_back) {
        double rate = link.elements_integer * link.bits_stored / link.period;
        rate = std::floor(low ? rate * integer.boost[m] : rate);
        share.demand += std::ceil(rate / beta);
        share.cycles += cycles;
      }
    }
    return cycles;
  };
  // Whether partial sums cross architecture level `a` of the output at a node: as amounts see
  // it, and as precisions do.
  const auto partial_at = [&](const OperandSpatial& spatial, int a, std::int64_t x) {
    return !reduced(x) || spatial.reduced_from[z(a + 1)];
  };
  const auto partial_precision = [&](const OperandSpatial& spatial, int a, std::int64_t x) {
    if (spatial.whole) return partial_at(spatial, a, x);
    double outer = irrelevant_spatial(p.operand[0], spatial, a + 1);
    for (int t = 0; t < type_count(); ++t) {
      if (!(type(t).irrelevant_to & 1u)) continue;
      for (int i = count_in(x, t); i < type(t).count; ++i) {
        outer *= static_cast<double>(type(t).prime);
      }
    }
    return std::trunc(p.operand[0].elements * (outer - 1)) != 0;
  };
  const auto output_side = [&](int m, bool low, int a, std::int64_t x, double window,
                               const std::array<double, 2>& elements, double period, double& energy,
                               PortShare* shares) {
    const ProblemOperand& operand = p.operand[0];
    const OperandSpatial& integer = p.whole ? operand.real : operand.integer;
    const bool real_partial = partial_precision(operand.real, a, x);
    const bool integer_partial = partial_precision(integer, a, x);
    const auto bits = [&](bool partial) {
      return partial ? operand.precision : operand.final_precision;
    };
    Link link{0,
              m,
              low ? kWrLow : kRdHigh,
              elements[0],
              elements[1],
              bits(real_partial),
              bits(integer_partial),
              bits(partial_at(integer, a, x)),
              period,
              window,
              false};
    const double cycles = add_link(link, energy, shares);
    link.direction = low ? kRdLow : kWrHigh;
    link.bits_real = partial_at(operand.real, a, x) && real_partial ? operand.precision : 0;
    link.bits_integer = partial_at(integer, a, x) && integer_partial ? operand.precision : 0;
    link.comes_back = true;
    add_link(link, energy, shares);
    return cycles;
  };

  for (int o = 0; o < p.operands; ++o) {
    top_elements_[z(o)] = elements_below(p, p.operand[z(o)], p.operand[z(o)].real,
                                         p.operand[z(o)].levels, loops[z(full())]);
  }
  constant_shares_.assign(z(tracked()), {});
  constant_energy_ = p.mac_energy;
  output_side(0, true, 0, 0, std::ceil(beta), {1, 1}, 1, constant_energy_, constant_shares_.data());
  constant_granules_ = crossed;
  crossed.fill(0);

  for (Cut& cut : cuts_) {
    const ProblemOperand& operand = p.operand[z(cut.operand)];
    const OperandSpatial& integer = p.whole ? operand.real : operand.integer;
    const int a = cut.level;
    cut.energy.assign(z(nodes_), 0);
    cut.loading.assign(z(nodes_), 0);
    cut.below_cycles.assign(z(nodes_), 0);
    cut.above_cycles.assign(z(nodes_), 0);
    cut.comes_back.assign(z(nodes_), 0);
    cut.single_buffer.assign(z(nodes_), 0);
    cut.bits_partial.assign(z(nodes_), 0);
    cut.bits_final.assign(z(nodes_), 0);
    cut.bits_most.assign(z(nodes_), 0);
    cut.short_window.assign(z(nodes_), 0);
    cut.uncertain.assign(z(nodes_), 0);
    const std::size_t own = cut.own_ports.size();
    fill_large(cut.shares, z(nodes_) * own, PortShare{});
    std::array<PortShare, kMaxTrackedPorts> all_shares{};
    PortShare* const shares = all_shares.data();
    if (counts) {
      for (auto& of_direction : cut.granules) of_direction.assign(z(nodes_), 0);
      cut.blocked.assign(z(nodes_), 0);
    }
    // Keeps what the node in hand has added to the ports.
    const auto keep_shares = [&](std::int64_t x) {
      if (counts) {
        for (std::size_t d = 0; d < crossed.size(); ++d) cut.granules[d][z(x)] = crossed[d];
        if (cut.energy[z(x)] >= kInfeasible) cut.blocked[z(x)] = kInfeasible;
      }
      crossed.fill(0);
      for (std::size_t i = 0; i < own; ++i) {
        cut.shares[z(x) * own + i] = shares[cut.own_ports[i]];
        shares[cut.own_ports[i]] = {};
      }
    };
    for (std::int64_t x = 0; x < nodes_; ++x) {
      if (watch.stopped()) return;
      double& energy = cut.energy[z(x)];
      const double period = cycles_[z(x)];
      bool irrelevant_only = true;
      bool sinks_to_top = x != full();
      for (int t = 0; t < type_count(); ++t) {
        if (type(t).irrelevant_to >> cut.operand & 1u) continue;
        if (count_in(x, t) > 0) irrelevant_only = false;
        if (count_in(x, t) < type(t).count) sinks_to_top = false;
      }
      // A cut with nothing but irrelevant loops above is the cut above all loops.
      if (sinks_to_top) energy = kInfeasible;
      if (cut.stationary) {
        const double once = p.repeats_are_free ? period : 1;
        if (irrelevant_only) {
          add_link({cut.operand, 0, kRdLow, 1, 1, operand.precision, operand.precision,
                    operand.precision, once, std::ceil(once * beta), false},
                   energy, shares);
        } else {
          energy = kInfeasible;
        }
        if (energy >= kInfeasible) energy = kInfeasible;
        keep_shares(x);
        continue;
      }
      const double exact = elements_below(p, operand, operand.real, a, loops[z(x)]);
      const Elements real_elements = rounded_elements(p, operand, operand.real, a, loops[z(x)]);
      const Elements integer_elements = rounded_elements(p, operand, integer, a, loops[z(x)]);
      const std::array<double, 2> elements{real_elements.least, integer_elements.least};
      if (real_elements.least != real_elements.most ||
          integer_elements.least != integer_elements.most) {
        cut.uncertain[z(x)] = 1;
      }
      cut.bits_partial[z(x)] = operand.precision * exact;
      cut.bits_final[z(x)] = operand.final_precision * exact;
      cut.bits_most[z(x)] =
          real_elements.most * std::max(operand.precision, operand.final_precision);
      if (a == 1) {
        cut.floor_bits_partial.push_back(integer_elements.most * operand.precision);
        cut.floor_bits_final.push_back(integer_elements.most * operand.final_precision);
      }
      // Without room for a second buffer a transfer may not overlap the outermost run of
      // irrelevant loops, which here are all loops below the cut.
      const double least_bits =
          elements[0] * (operand.output && !partial_at(operand.real, a, x) ? operand.final_precision
                                                                           : operand.precision);
      cut.single_buffer[z(x)] = least_bits > 0.5 * p.memory[z(cut.memory)].size;
      double window = std::ceil(period * beta);
      if (a == 1 && irrelevant_only && x != 0 && cut.single_buffer[z(x)] != 0) {
        cut.short_window[z(x)] = 1;
        window = std::ceil(beta);
      }
      double below;
      double above;
      if (operand.output) {
        below = output_side(a - 1, false, a, x, window, elements, period, energy, shares);
        above = output_side(a, true, a, x, window, elements, period, energy, shares);
      } else {
        Link link{cut.operand,
                  a - 1,
                  kWrHigh,
                  elements[0],
                  elements[1],
                  operand.precision,
                  operand.precision,
                  operand.precision,
                  period,
                  window,
                  false};
        below = add_link(link, energy, shares);
        link.level = a;
        link.direction = kRdLow;
        above = add_link(link, energy, shares);
      }
      cut.loading[z(x)] = std::max(below, above);
      cut.below_cycles[z(x)] = below;
      cut.above_cycles[z(x)] = above;
      cut.comes_back[z(x)] =
          operand.output && partial_at(integer, a, x) && partial_precision(integer, a, x);
      keep_shares(x);
      if (energy >= kInfeasible) energy = kInfeasible;
    }
    if (sparse_) {
      leave_out(cut);
      refuse(static_cast<double>(this->bytes()), bytes);
      if (too_large()) return;
    }
  }
}

void CutLattice::reprice(const Problem& problem) {
  problem_ = problem;
  constant_energy_ = problem.mac_energy;
  for (const int direction : {kWrLow, kRdLow}) {
    constant_energy_ +=
        constant_granules_[z(direction)] * granule_cost(problem.operand[0], 0, direction);
  }
  for (Cut& cut : cuts_) {
    const ProblemOperand& operand = problem.operand[z(cut.operand)];
    cut.energy = cut.blocked;
    double* __restrict energy = cut.energy.data();
    for (int d = 0; d < model::kDirections; ++d) {
      const bool low = d == kRdLow || d == kWrLow;
      const int level = low || cut.stationary ? cut.level : cut.level - 1;
      const double cost = granule_cost(operand, level, d);
      if (cost == 0) continue;
      const double* __restrict granules = cut.granules[z(d)].data();
      for (std::int64_t x = 0; x < nodes_; ++x) energy[x] += granules[x] * cost;
    }
  }
}

CutLattice::Once CutLattice::once(int o, int m, int direction) const {
  const Problem& p = problem_;
  const ProblemOperand& operand = p.operand[z(o)];
  const OperandSpatial& integer = p.whole ? operand.real : operand.integer;
  const bool low = direction == kRdLow || direction == kWrLow;
  const int a = low ? m : m + 1;
  Once result;
  const double max = operand.bandwidth_max[z(m)][z(direction)];
  if (max == 0) return result;
  std::array<double, model::kMaxDims> all;
  std::array<double, model::kMaxDims> none;
  all.fill(1);
  none.fill(1);
  for (int d = 0; d < p.dims; ++d) all[z(d)] = static_cast<double>(p.temporal_size[z(d)]);
  const auto bits_at = [&](int level) {
    return operand.output && integer.reduced_from[z(level + 1)] ? operand.precision
                                                                : operand.final_precision;
  };
  double amount = std::nearbyint(elements_below(p, operand, integer, a, all));
  if (low) amount *= integer.boost[z(m)];
  result.cycles = std::ceil(amount * bits_at(a) / max);
  // The innermost memory's tile is everything too where its own cut is the one crossed.
  const double inner = std::nearbyint(elements_below(p, operand, integer, 1, a == 1 ? all : none));
  const double least = std::min(operand.precision, operand.final_precision);
  result.floor_cycles = std::ceil(inner * (a == 1 ? bits_at(1) : least) / max);
  return result;
}

}  // namespace ridgeline::search
