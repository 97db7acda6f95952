#include "search/exact/bounds.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <unordered_map>

#include "model/core/assert.hpp"
#include "model/core/index.hpp"
#include "search/exact/large_table.hpp"

namespace ridgeline::search {

int paid_bits_place(const CutLattice& space, int memory) {
  const model::Problem& p = space.problem();
  if (p.memory[z(memory)].count < 2) return -1;
  int place = kPaidPorts + kPaidPortWidth * space.tracked() + 1;
  for (int m = 0; m < memory; ++m) place += p.memory[z(m)].count > 1 ? 1 : 0;
  return place;
}

int paid_width(const CutLattice& space) {
  const model::Problem& p = space.problem();
  int width = kPaidPorts + kPaidPortWidth * space.tracked() + 1;
  for (int m = 0; m < p.memories; ++m) width += p.memory[z(m)].count > 1 ? 1 : 0;
  return width;
}

ExactBounds::ExactBounds(const CutLattice& space, Watch& watch, Use use) : space_(space) {
  number_states();
  place_cells();
  fill_energy(watch);
  extend(watch, use);
}

void ExactBounds::extend(Watch& watch, Use use) {
  if (use_ == Use::energies && use != Use::energies) {
    fill_floors(watch);
    int numbers = 1;
    for (int o = 0; o < space_.problem().operands; ++o) numbers *= space_.cuts_of(o) + 1;
    type_of_.assign(z(numbers), -1);
  }
  if (use_ != Use::search && use == Use::search) {
    fill_sums(watch);
    number_floors(watch);
  }
  use_ = std::max(use_, use);
}

std::int64_t ExactBounds::bytes() const {
  std::size_t bytes = energy_left_.size() * sizeof(double) + base_.size() * sizeof(std::int32_t);
  for (const auto& mask : masks_) bytes += mask.size() * sizeof(double);
  for (const auto& of_operand : sums_) {
    for (const Sums& sums : of_operand) {
      bytes += sums.least_rows.size() * sizeof(double) + sums.most_rows.size() * sizeof(float);
    }
  }
  return static_cast<std::int64_t>(bytes);
}

bool ExactBounds::grows(const Cut& cut, std::int64_t x) const {
  return cut.operand == 0 && cut.level > 1 && !surely_too_large(cut, x) &&
         cut.bits_partial[cut.at(x)] > space_.problem().memory[z(cut.memory)].size;
}

void ExactBounds::number_states() {
  const int operands = space_.problem().operands;
  const int output_cuts = space_.cuts_of(0);
  bool any = false;
  for (int c = 0; c < output_cuts; ++c) {
    std::vector<std::uint8_t> by_node(z(space_.nodes()));
    for (std::int64_t x = 0; x < space_.nodes(); ++x) {
      by_node[z(x)] = grows(space_.cut(0, c), x);
      any = any || by_node[z(x)] != 0;
    }
    grows_.push_back(std::move(by_node));
  }
  if (!any) grows_.clear();
  for (int o = 0; o < operands; ++o) {
    stride_[z(o)] = states_;
    all_left_ += space_.cuts_of(o) * states_;
    states_ *= space_.cuts_of(o) + 1 + (o == 0 && any ? output_cuts : 0);
  }
  // By cuts left in all, so that what a move leads to is known.
  std::vector<std::pair<int, int>> order;
  for (int q = 0; q < states_; ++q) {
    int left = 0;
    for (int o = 0; o < operands; ++o) left += this->left(q, o);
    order.emplace_back(left, q);
  }
  std::sort(order.begin(), order.end());
  for (const auto& [total, q] : order) {
    for (int o = 0; o < operands; ++o) {
      const int left = this->left(q, o);
      if (left == 0) continue;
      const int cut = space_.first_cut(o) + left - 1;
      const bool must = o == 0 && q / stride_[0] % (2 * output_cuts + 1) > output_cuts && any;
      const int base = q - (must ? output_cuts + left : left) * stride_[z(o)];
      if (o != 0 || !any || left == 1) {
        moves_.push_back({base + (left - 1) * stride_[z(o)], q, cut, must, 0});
      } else {
        moves_.push_back({base + left - 1, q, cut, must, 1});
        moves_.push_back({base + output_cuts + left - 1, q, cut, must, 2});
      }
    }
  }
}

int ExactBounds::left(int state, int o) const {
  const int cuts = space_.cuts_of(o);
  const int size = cuts + 1 + (o == 0 && !grows_.empty() ? cuts : 0);
  const int place = state / stride_[z(o)] % size;
  return place > cuts ? place - cuts : place;
}

int ExactBounds::placed(int state, int o, std::int64_t x) const {
  if (o != 0 || grows_.empty()) return state - stride_[z(o)];
  const int cuts = space_.cuts_of(0);
  const int place = state % (2 * cuts + 1);  // the output's stride is 1
  const bool must = must_be_reduced(state);
  const int left = must ? place - cuts : place;
  if (must && !space_.reduced(x)) return -1;
  const int next = left - 1;
  const bool growing = next > 0 && grows_[z(next)][z(x)] != 0;
  return state - place + next + (growing ? cuts : 0);
}

OperandCounts ExactBounds::at_top(int number) const {
  OperandCounts result{};
  for (int o = 0; o < space_.problem().operands; ++o) {
    result[z(o)] = static_cast<std::uint8_t>(number % (space_.cuts_of(o) + 1));
    number /= space_.cuts_of(o) + 1;
  }
  return result;
}

int ExactBounds::type_index(const OperandCounts& at_top) {
  int number = 0;
  for (int o = space_.problem().operands; o-- > 0;) {
    number = number * (space_.cuts_of(o) + 1) + at_top[z(o)];
  }
  if (type_of_[z(number)] < 0) {
    type_of_[z(number)] = static_cast<int>(types_.size());
    types_.push_back(loading_type(space_, at_top, inner_, most_demand_));
  }
  return type_of_[z(number)];
}

void ExactBounds::fill_energy(Watch& watch) {
  build_masks();
  fill_large(energy_left_, z(cells_), 0.0);
  std::vector<double> cost(z(space_.cut_count() * space_.nodes()));
  for (int c = 0; c < space_.cut_count(); ++c) {
    const Cut& cut = space_.cut(c);
    double* row = cost.data() + c * space_.nodes();
    for (std::int64_t x = 0; x < space_.nodes(); ++x) {
      row[x] = surely_too_large(cut, x) ? CutLattice::kInfeasible : cut.energy[cut.at(x)];
    }
  }
  fill_table(cost.data(), energy_left_.data(), watch);
}

void ExactBounds::fill_floors(Watch& watch) {
  if (watch.stopped_now()) return;
  const model::Problem& p = space_.problem();
  for (int i = 0; i < space_.tracked(); ++i) {
    double demand = space_.constant_share(i).demand;
    for (int c = 0; c < space_.cut_count(); ++c) {
      const Cut& cut = space_.cut(c);
      const auto own = std::find(cut.own_ports.begin(), cut.own_ports.end(), i);
      if (own == cut.own_ports.end()) continue;
      const auto place = own - cut.own_ports.begin();
      double most = 0;
      for (std::int64_t x = 0; x < space_.full(); ++x) {
        if (!surely_too_large(cut, x)) most = std::max(most, cut.shares_at(x)[place].demand);
      }
      demand += most;
    }
    most_demand_.push_back(demand);
  }
  for (int o = 0; o < p.operands; ++o) {
    const model::ProblemOperand& operand = p.operand[z(o)];
    if (operand.levels < 2) {
      inner_[z(o)].at_top = std::nearbyint(space_.top_elements(o)) *
                            std::max(operand.precision, operand.final_precision);
      continue;
    }
    const Cut& cut = space_.cut_above(o, 0);
    const model::OperandSpatial& integer = p.whole ? operand.real : operand.integer;
    for (std::int64_t x = 0; x < space_.full(); ++x) {
      if (!surely_too_large(cut, x)) {
        inner_[z(o)].most = std::max(inner_[z(o)].most, cut.floor_bits_partial[z(x)]);
      }
    }
    inner_[z(o)].at_top = o == 0 && !integer.reduced_from[2]
                              ? cut.floor_bits_final[z(space_.full())]
                              : cut.floor_bits_partial[z(space_.full())];
  }
}

void ExactBounds::number_floors(Watch& watch) {
  const model::Problem& p = space_.problem();
  for (int o = 0; o < p.operands; ++o) {
    const model::ProblemOperand& operand = p.operand[z(o)];
    if (operand.levels < 2) continue;
    const Cut& cut = space_.cut_above(o, 0);
    std::vector<double> bandwidths;
    for (int m = 0; m < operand.levels; ++m) {
      for (int d = 0; d < model::kDirections; ++d) {
        const double max = operand.bandwidth_max[z(m)][z(d)];
        if (max > 0) bandwidths.push_back(max);
      }
    }
    std::sort(bandwidths.begin(), bandwidths.end());
    bandwidths.erase(std::unique(bandwidths.begin(), bandwidths.end()), bandwidths.end());
    // The tile as the model takes it is one of two sizes; nodes that agree in both agree.
    std::map<std::vector<double>, std::uint32_t> numbers;
    // Many nodes have tiles of the same size.
    std::array<std::unordered_map<double, std::uint32_t>, 2> of_bits;
    for (std::int64_t x = 0; x < space_.nodes(); ++x) {
      if (watch.stopped()) return;
      const double bits = cut.floor_bits_partial[z(x)] + cut.floor_bits_final[z(x)];
      std::uint32_t& known = of_bits[space_.reduced(x) ? 1 : 0][bits];
      if (known != 0) {
        floor_class_[z(o)].push_back(known);
        continue;
      }
      std::vector<double> floors;
      for (double bandwidth : bandwidths) {
        floors.push_back(std::ceil(cut.floor_bits_partial[z(x)] / bandwidth));
        floors.push_back(std::ceil(cut.floor_bits_final[z(x)] / bandwidth));
      }
      floors.push_back(o == 0 ? space_.reduced(x) : 0);
      const auto [place, inserted] =
          numbers.emplace(std::move(floors), static_cast<std::uint32_t>(numbers.size() + 1));
      (void)inserted;
      RIDGELINE_ASSERT(place->second == numbers.size() || !inserted);  // none shares a number
      known = place->second;
      floor_class_[z(o)].push_back(known);
    }
  }
}

PortShare ExactBounds::most_left(std::int64_t node, const OperandCounts& left, int tracked) const {
  PortShare sum;
  for (int o = 0; o < space_.problem().operands; ++o) {
    const int place = place_of_[z(o)][z(tracked)];
    const Sums& own = sums(o, left[z(o)]);
    if (place < 0 || place >= own.ports) continue;
    sum.busy += own.most(node, 1 + 3 * place);
    sum.excess += own.most(node, 2 + 3 * place);
    sum.demand += own.most(node, 3 + 3 * place);
  }
  return sum;
}

double ExactBounds::most_loading(std::int64_t node, const OperandCounts& left, int o) const {
  return sums(o, left[z(o)]).most(node, 0);
}

ExactBounds::Latency ExactBounds::latency(const double* paid, int type_index,
                                          const OperandCounts& left, std::int64_t node) const {
  const model::Problem& p = space_.problem();
  const double beta = p.cycles_per_operation;
  const double ideal = space_.iterations() * beta;
  const double windows = space_.iterations() * std::ceil(beta);  // the most that they can cover
  Latency result;
  std::array<std::array<double, 2>, model::kMaxOperands> rest{};  // loading, together
  const double* ports = paid + kPaidPorts;
  std::array<std::array<double, 3>, kMaxTrackedPorts> port_sums;  // busy, excess, demand
  for (int i = 0; i < space_.tracked(); ++i) {
    std::copy_n(ports + kPaidPortWidth * i, 3, port_sums[z(i)].begin());
  }
  for (int o = 0; o < p.operands; ++o) {
    if (node == space_.full() && left[z(o)] > 0) {
      // Cuts left may still load everything at once.
      result.total = -CutLattice::kInfeasible;
      return result;
    }
    const Sums& own = sums(o, left[z(o)]);
    const double* figures = own.least_at(node);
    for (const int f : own.least_figures) {
      if (f < 2) {
        rest[z(o)][z(f)] = *figures++;
      } else {
        port_sums[z(ports_of_[z(o)][z((f - 2) / 3)])][z((f - 2) % 3)] += *figures++;
      }
    }
  }
  for (int i = 0; i < space_.tracked(); ++i) {
    result.stall = std::max({result.stall, port_sums[z(i)][0] - windows, port_sums[z(i)][1]});
  }
  LoadingShare loading;
  for (int o = 1; o < p.operands; ++o) {
    loading.separate[z(o)] = paid[kPaidSeparate + o] + rest[z(o)][0];
    loading.together[z(o)] = paid[kPaidTogether + o] + rest[z(o)][1];
  }
  loading.offload = paid[kPaidOffload] + rest[0][0];
  const auto with = [&](const LoadingShare& once) {
    LoadingShare sum = loading;
    for (int o = 1; o < p.operands; ++o) {
      sum.separate[z(o)] += once.separate[z(o)];
      sum.together[z(o)] += once.together[z(o)];
    }
    sum.offload += once.offload;
    return loading_total(p.operands, sum);
  };
  const double compute = ideal + result.stall;
  // Spare cycles are counted from the whole cycles of the computation.
  const double rounding = beta == 1 ? 0 : 1;
  const LoadingType& type = types_[z(type_index)];
  result.total = compute + with(type.least);
  for (const LoadingType::Spare& spare : type.spare) {
    const double demand = spare.tracked >= 0 ? port_sums[z(spare.tracked)][2] : 0;
    const double taken = std::min(1.0, demand / spare.bandwidth) * compute;
    result.total = std::max(result.total, with(spare.full) + taken - rounding);
  }
  if (!type.entries.empty()) {
    const double demand = type.level_tracked >= 0 ? port_sums[z(type.level_tracked)][2] : 0;
    const double surplus = std::max(0.0, 1 - demand / type.level_bandwidth) * (compute + rounding);
    for (int o = 1; o < p.operands; ++o) {
      result.total =
          std::max(result.total, compute + loading.of_input(o) + type.levelled(o, surplus));
    }
  }
  return result;
}

}  // namespace ridgeline::search
