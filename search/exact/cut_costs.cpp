// What each cut costs at each node of the lattice, and what everything moved at once takes.
#include <algorithm>
#include <cmath>
#include <optional>

#include "model/core/directions.hpp"
#include "model/core/index.hpp"
#include "search/exact/cut_elements.hpp"
#include "search/exact/cut_lattice.hpp"
#include "search/exact/cut_transfers.hpp"
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

// Tile by tile: what a transfer moves depends on the loops below that matter to the operand, and
// how often it takes place on the others.
void CutLattice::fill_costs(Watch& watch, bool counts, std::int64_t bytes) {
  const Problem& p = problem_;
  const double beta = p.cycles_per_operation;
  std::vector<TransferPeriod> periods(z(nodes_));
  for (std::int64_t x = 0; x < nodes_; ++x) {
    const double iterations = cycles_[z(x)];
    periods[z(x)] = {std::floor(iterations_ / iterations), iterations,
                     std::ceil(iterations * beta)};
  }
  for (int o = 0; o < p.operands; ++o) {
    top_elements_[z(o)] = elements_below(p, p.operand[z(o)], p.operand[z(o)].real,
                                         p.operand[z(o)].levels, loops_in(full()));
  }
  fill_constants();
  for (int o = 0; o < p.operands; ++o) {
    std::vector<std::int64_t> tiles;   // nodes with no loop that does not matter to the operand
    std::vector<std::int64_t> others;  // and with no other
    for (std::int64_t x = 0; x < nodes_; ++x) {
      bool any_relevant = false;
      bool any_other = false;
      for (int t = 0; t < type_count(); ++t) {
        if (count_in(x, t) == 0) continue;
        (type(t).irrelevant_to >> o & 1u ? any_other : any_relevant) = true;
      }
      if (!any_other) tiles.push_back(x);
      if (!any_relevant) others.push_back(x);
    }
    for (int c = 0; c < cuts_of(o); ++c) {
      Cut& cut = cuts_[z(first_cut(o) + c)];
      fill_cut(cut, tiles, others, periods, counts, watch);
      if (watch.stopped_now()) return;
      if (!sparse_) continue;
      leave_out(cut);
      refuse(static_cast<double>(this->bytes()), bytes);
      if (too_large()) return;
    }
  }
}

std::array<double, model::kMaxDims> CutLattice::loops_in(std::int64_t x) const {
  std::array<double, model::kMaxDims> loops;
  loops.fill(1);
  for (int t = 0; t < type_count(); ++t) {
    for (int i = count_in(x, t); i > 0; --i) {
      loops[z(type(t).dim)] *= static_cast<double>(type(t).prime);
    }
  }
  return loops;
}

// The output's transfers between the array and the innermost memory.
void CutLattice::fill_constants() {
  const double beta = problem_.cycles_per_operation;
  OutputSide side(*this, 0, true);
  side.set_tile({1, 1});
  TransferCosts costs;
  costs.energy = problem_.mac_energy;
  side.add(OutputPartial(*this, 0, 0), {iterations_, 1, std::ceil(beta)}, beta, costs);
  constant_energy_ = costs.energy;
  constant_granules_ = costs.granules;
  constant_shares_.assign(costs.shares.begin(), costs.shares.begin() + tracked());
}

void CutLattice::fill_cut(Cut& cut, const std::vector<std::int64_t>& tiles,
                          const std::vector<std::int64_t>& others,
                          const std::vector<TransferPeriod>& periods, bool counts, Watch& watch) {
  const Problem& p = problem_;
  const ProblemOperand& operand = p.operand[z(cut.operand)];
  const OperandSpatial& integer = p.whole ? operand.real : operand.integer;
  const int a = cut.level;
  const double beta = p.cycles_per_operation;
  for (auto* row : {&cut.loading, &cut.below_cycles, &cut.above_cycles, &cut.bits_partial,
                    &cut.bits_final, &cut.bits_most}) {
    row->assign(z(nodes_), 0);
  }
  for (auto* row : {&cut.comes_back, &cut.single_buffer, &cut.short_window, &cut.uncertain}) {
    row->assign(z(nodes_), 0);
  }
  cut.energy.assign(z(nodes_), kInfeasible);
  const std::size_t own = cut.own_ports.size();
  fill_large(cut.shares, z(nodes_) * own, PortShare{});
  if (counts) {
    for (auto& of_direction : cut.granules) of_direction.assign(z(nodes_), 0);
    cut.blocked.assign(z(nodes_), kInfeasible);
  }
  TransferCosts costs;
  const auto keep = [&](std::int64_t x) {
    if (costs.energy < kInfeasible) {
      cut.energy[z(x)] = costs.energy;
      if (counts) cut.blocked[z(x)] = 0;
    }
    for (std::size_t d = 0; counts && d < costs.granules.size(); ++d) {
      cut.granules[d][z(x)] = costs.granules[d];
    }
    for (std::size_t i = 0; i < own; ++i) {
      cut.shares[z(x) * own + i] = costs.shares[cut.own_ports[i]];
      costs.shares[cut.own_ports[i]] = {};
    }
    costs.energy = 0;
    costs.granules.fill(0);
  };
  if (cut.stationary) {
    // Only loops below that do not matter to the operand.
    const CutLink link(*this, cut.operand, 0, kRdLow);
    const Transfer one = link.transfer({1, 1}, operand.precision);
    for (const std::int64_t x : others) {
      if (x != full() && tiles.size() == 1) continue;
      TransferPeriod period = periods[z(x)];
      if (!p.repeats_are_free) period = {iterations_, 1, std::ceil(beta)};
      costs.add(link, one, one, period, operand.precision, beta);
      keep(x);
    }
    return;
  }
  if (a == 1) {
    cut.floor_bits_partial.assign(z(nodes_), 0);
    cut.floor_bits_final.assign(z(nodes_), 0);
  }
  std::vector<OutputPartial> partial;  // by place in `others`
  std::optional<OutputSide> below_out;
  std::optional<OutputSide> above_out;
  std::optional<CutLink> below_in;
  std::optional<CutLink> above_in;
  if (operand.output) {
    for (const std::int64_t x : others) partial.emplace_back(*this, a, x);
    below_out.emplace(*this, a - 1, false);
    above_out.emplace(*this, a, true);
  } else {
    below_in.emplace(*this, cut.operand, a - 1, kWrHigh);
    above_in.emplace(*this, cut.operand, a, kRdLow);
  }
  for (const std::int64_t tile : tiles) {
    if (watch.stopped(static_cast<int>(others.size()))) return;
    const std::array<double, model::kMaxDims> loops = loops_in(tile);
    const double exact = elements_below(p, operand, operand.real, a, loops);
    const Elements real_elements = rounded_elements(p, operand, operand.real, a, loops);
    const Elements integer_elements =
        p.whole ? real_elements : rounded_elements(p, operand, integer, a, loops);
    const TileElements elements{real_elements.least, integer_elements.least};
    const bool uncertain = real_elements.least != real_elements.most ||
                           integer_elements.least != integer_elements.most;
    std::array<Transfer, 2> moved;  // of an input
    if (operand.output) {
      below_out->set_tile(elements);
      above_out->set_tile(elements);
    } else {
      moved = {below_in->transfer(elements, operand.precision),
               above_in->transfer(elements, operand.precision)};
    }
    for (std::size_t j = 0; j < others.size(); ++j) {
      const std::int64_t x = tile + others[j];
      cut.uncertain[z(x)] = uncertain ? 1 : 0;
      cut.bits_partial[z(x)] = operand.precision * exact;
      cut.bits_final[z(x)] = operand.final_precision * exact;
      cut.bits_most[z(x)] =
          real_elements.most * std::max(operand.precision, operand.final_precision);
      if (a == 1) {
        cut.floor_bits_partial[z(x)] = integer_elements.most * operand.precision;
        cut.floor_bits_final[z(x)] = integer_elements.most * operand.final_precision;
      }
      // Without room for a second buffer a transfer may not overlap the outermost run of
      // irrelevant loops, which here are all loops below the cut.
      const double least_bits =
          elements.real * (operand.output && !partial[j].real.amounts ? operand.final_precision
                                                                      : operand.precision);
      cut.single_buffer[z(x)] = least_bits > 0.5 * p.memory[z(cut.memory)].size;
      // A cut with nothing but irrelevant loops above is the cut above all loops.
      if (tile == tiles.back() && x != full()) continue;
      // Of a lattice that is priced anew memories may have other sizes.
      if (!counts && surely_too_large(cut, x)) continue;
      TransferPeriod period = periods[z(x)];
      if (a == 1 && tile == 0 && x != 0 && cut.single_buffer[z(x)] != 0) {
        cut.short_window[z(x)] = 1;
        period.window = std::ceil(beta);
      }
      double below = 0;
      double above = 0;
      if (operand.output) {
        below = below_out->add(partial[j], period, beta, costs);
        above = above_out->add(partial[j], period, beta, costs);
        cut.comes_back[z(x)] = partial[j].integer.come_back();
      } else {
        const double stored = elements.integer * operand.precision;
        costs.add(*below_in, moved[0], moved[0], period, stored, beta);
        costs.add(*above_in, moved[1], moved[1], period, stored, beta);
        below = moved[0].cycles;
        above = moved[1].cycles;
      }
      cut.loading[z(x)] = std::max(below, above);
      cut.below_cycles[z(x)] = below;
      cut.above_cycles[z(x)] = above;
      keep(x);
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
