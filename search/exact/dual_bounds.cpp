#include "search/exact/dual_bounds.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "model/core/index.hpp"
#include "search/exact/large_table.hpp"

namespace ridgeline::search {

double way_constant(const CutLattice& space, const LoadingType& type, int way, int input) {
  const double beta = space.problem().cycles_per_operation;
  const double ideal = space.iterations() * beta;
  const double rounding = beta == 1 ? 0 : 1;
  const double least = type.least_of_input(input);
  if (way == kNoStall) {
    return ideal +
           (type.entries.empty() ? least : std::max(least, type.levelled(input, ideal + rounding)));
  }
  const int tracked = (way - 1) / 3;
  if (way == busy_way(tracked)) return ideal - space.iterations() * std::ceil(beta) + least;
  if (way == excess_way(tracked)) return ideal + least;
  for (const LoadingType::Spare& spare : type.spare) {
    if (spare.tracked == tracked)
      return spare.full.of_input(input) + type.debt[z(input)] - rounding;
  }
  return least;
}

double demand_factor(const CutLattice& space, int tracked) {
  return space.iterations() * space.problem().cycles_per_operation /
         space.problem().port[z(space.tracked_port(tracked))].bandwidth_max;
}

double Prices::latency() const {
  double sum = 0;
  for (const auto& by_input : way) sum += by_input[0] + by_input[1];
  return sum;
}

DualBoundTable::DualBoundTable(const CutLattice& space, const ExactBounds& bounds,
                               const Prices& prices, Watch& watch)
    : space_(&space), bounds_(&bounds), prices_(prices) {
  const int cuts = space.cut_count();
  const int tracked = space.tracked();
  latency_ = prices_.latency();
  for (const auto& by_input : prices_.way) {
    input_[1] += by_input[0];
    input_[2] += by_input[1];
  }
  const auto price = [&](int way) { return prices_.way[z(way)][0] + prices_.way[z(way)][1]; };
  for (int i = 0; i < tracked; ++i) {
    const double spare = price(spare_way(i));
    const PortPrices port{i, price(busy_way(i)), price(excess_way(i)),
                          spare * demand_factor(space, i), -spare};
    if (port.busy != 0 || port.excess != 0 || spare != 0) ports_.push_back(port);
  }
  for (const int m : space.shared_memories()) {
    if (prices_.memory[z(m)] == 0) continue;
    memories_.push_back(
        {m, prices_.memory[z(m)], space.problem().memory[z(m)].size, paid_bits_place(space, m)});
  }
  fill_large(cost_, z(space.nodes() * cuts), CutLattice::kInfeasible);
  for (int c = 0; c < cuts; ++c) {
    const Cut& cut = space.cut(c);
    double loading = 0;
    if (cut.role == LoadingRole::offload) loading = latency_;
    if (cut.role == LoadingRole::separate || cut.role == LoadingRole::together) {
      loading = input_[z(cut.operand)];
    }
    // The prices of this cut's own ports, in their order.
    std::array<PortPrices, kMaxTrackedPorts> own{};
    bool any_port = false;
    for (std::size_t i = 0; i < cut.own_ports.size(); ++i) {
      for (const PortPrices& port : ports_) {
        if (port.tracked != cut.own_ports[i]) continue;
        own[i] = port;
        any_port = true;
      }
    }
    double bit = 0;
    for (const MemoryPrice& memory : memories_) {
      if (!cut.stationary && memory.memory == cut.memory) bit = memory.price;
    }
    for (std::int64_t x = 0; x < space.full(); ++x) {
      const std::size_t at = cut.at(x);
      if (cut.energy[at] >= CutLattice::kInfeasible || bounds.surely_too_large(cut, x)) continue;
      double sum = prices_.energy * cut.energy[at] + loading * cut.loading[at];
      for (std::size_t i = 0; any_port && i < cut.own_ports.size(); ++i) {
        const PortShare& share = cut.shares_at(x)[i];
        sum += own[i].busy * share.busy + own[i].excess * share.excess +
               own[i].demand * share.demand + own[i].cycles * share.cycles;
      }
      if (bit != 0) sum += bit * bounds.least_bits(cut, x);
      cost_[z(c * space.nodes() + x)] = sum;
    }
    if (watch.stopped_now()) return;
  }
  fill_large(left_, z(bounds.cells()), 0.0);
  complete_ = bounds.fill_table(cost_.data(), left_.data(), watch);
}

std::int64_t DualBoundTable::bytes(const CutLattice& space, const ExactBounds& bounds) {
  return (space.nodes() * space.cut_count() + bounds.cells()) *
         static_cast<std::int64_t>(sizeof(double));
}

double DualBoundTable::paid(const double* sums) const {
  double sum = prices_.energy * sums[kPaidEnergy] + latency_ * sums[kPaidOffload];
  for (int o = 1; o < space_->problem().operands; ++o) {
    sum += input_[z(o)] * (sums[kPaidSeparate + o] + sums[kPaidTogether + o]);
  }
  for (const PortPrices& port : ports_) {
    const double* figures = sums + kPaidPorts + kPaidPortWidth * port.tracked;
    sum += port.busy * figures[0] + port.excess * figures[1] + port.demand * figures[2] +
           port.cycles * figures[3];
  }
  return sum + charged(sums);
}

double DualBoundTable::charged(const double* sums) const {
  double sum = 0;
  for (const MemoryPrice& memory : memories_) {
    sum += memory.price * (sums[memory.place] - memory.size);
  }
  return sum;
}

double DualBoundTable::constant(int type) const {
  while (static_cast<int>(constants_.size()) <= type) {
    const LoadingType& next = bounds_->type(static_cast<int>(constants_.size()));
    double sum = 0;
    for (int way = 0; way < 1 + 3 * space_->tracked(); ++way) {
      for (int input = 1; input < space_->problem().operands; ++input) {
        const double price = prices_.way[z(way)][z(input - 1)];
        if (price != 0) sum += price * way_constant(*space_, next, way, input);
      }
    }
    constants_.push_back(sum);
  }
  return constants_[z(type)];
}

void DualBoundTable::end_tracing(bool narrow) {
  cost_ = std::vector<double>();
  if (!narrow) return;
  // More than what rounding to the nearest may add; what is out of reach stays so.
  constexpr double kRounding = 1.2e-7;
  fill_large(narrow_, left_.size(), std::numeric_limits<float>::infinity());
  for (std::size_t i = 0; i < left_.size(); ++i) {
    const double left = left_[i];
    if (left < CutLattice::kInfeasible) {
      narrow_[i] = static_cast<float>(left - kRounding * std::abs(left));
    }
  }
  left_ = std::vector<double>();
}

void DualBoundTable::trace(int state, Marks& marks) const {
  std::int64_t x = space_->full();
  OperandCounts placed{};  // from the innermost: cuts still left, found by their marks
  for (int o = 0; o < space_->problem().operands; ++o) {
    placed[z(o)] = static_cast<std::uint8_t>(bounds_->left(state, o));
  }
  while (state != 0) {
    const double value = left(x, state);
    bool moved = false;
    if (x != space_->full()) {
      for (int o = 0; o < space_->problem().operands && !moved; ++o) {
        if (placed[z(o)] == 0) continue;
        const int next = bounds_->placed(state, o, x);
        const int index = placed[z(o)] - 1;
        if (next < 0 || left(x, next) + cost(space_->first_cut(o) + index, x) != value) continue;
        marks[z(o)][z(index)] = x;
        --placed[z(o)];
        state = next;
        moved = true;
      }
    }
    for (int t = 0; t < space_->type_count() && !moved; ++t) {
      if (space_->count_in(x, t) == 0) continue;
      if (left(x - space_->type(t).stride, state) != value) continue;
      x -= space_->type(t).stride;
      moved = true;
    }
    if (!moved) return;  // cannot happen
  }
}

}  // namespace ridgeline::search
