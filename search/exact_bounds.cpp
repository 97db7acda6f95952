#include "search/exact_bounds.hpp"

#include <algorithm>
#include <cmath>
#include <map>

namespace ridgeline::search {

namespace {

std::size_t z(std::int64_t i) {
  return static_cast<std::size_t>(i);
}

constexpr int kRdLow = static_cast<int>(model::Direction::rd_out_to_low);
constexpr int kWrLow = static_cast<int>(model::Direction::wr_in_by_low);
constexpr int kRdHigh = static_cast<int>(model::Direction::rd_out_to_high);
constexpr int kWrHigh = static_cast<int>(model::Direction::wr_in_by_high);

// On- and offloading (docs/model.md, 6.8).
double loading_total(int operands, const std::array<double, model::kMaxOperands>& separate,
                     const std::array<double, model::kMaxOperands>& together, double offload) {
  if (operands == 2) return separate[1] + offload;
  const double first = together[1] + std::max(together[2] + separate[2], separate[1]);
  const double second = together[2] + std::max(together[1] + separate[1], separate[2]);
  return std::min(first, second) + offload;
}

}  // namespace

ExactBounds::ExactBounds(const ExactSpace& space) : space_(space) {
  const model::Problem& p = space_.problem();
  for (int o = 0; o < p.operands; ++o) {
    left_stride_[z(o)] = left_total_;
    left_total_ *= space_.cuts_of(o) + 1;
  }
  fill_energy();
  fill_sums();
  fill_floors();
  type_of_.assign(z(left_total_), -1);
}

int ExactBounds::type_index(const OperandCounts& at_top) {
  int number = 0;
  for (int o = 0; o < space_.problem().operands; ++o) number += at_top[z(o)] * left_stride_[z(o)];
  if (type_of_[z(number)] < 0) {
    type_of_[z(number)] = static_cast<int>(types_.size());
    types_.push_back(build_type(at_top));
  }
  return type_of_[z(number)];
}

// The output is sized at partial-sum precision while irrelevant loops lie above the level's
// lower end, which is no further out than the cut.
bool ExactBounds::surely_too_large(const Cut& cut, std::int64_t x) const {
  if (cut.stationary) return false;
  const model::Problem& p = space_.problem();
  const bool partial =
      cut.operand == 0 && (p.operand[0].real.irrelevant_from[z(cut.level)] || !space_.reduced(x) ||
                           (cut.level == 1 && !space_.reduced(0)));
  return (partial ? cut.bits_partial : cut.bits_final)[z(x)] > p.memory[z(cut.memory)].size;
}

void ExactBounds::fill_energy() {
  const int operands = space_.problem().operands;
  energy_left_.assign(z(space_.nodes() * left_total_), ExactSpace::kInfeasible);
  // Cost of the innermost of the cuts left, by operand, at the node in hand.
  std::array<std::array<double, model::kMaxLevels + 2>, model::kMaxOperands> cost{};
  for (std::int64_t x = 0; x < space_.nodes(); ++x) {
    for (int o = 0; o < operands; ++o) {
      for (int i = 0; i < space_.cuts_of(o); ++i) {
        const Cut& cut = space_.cut(o, i);
        cost[z(o)][z(i)] =
            surely_too_large(cut, x) ? ExactSpace::kInfeasible : cut.energy[z(x)];
      }
    }
    double* here = &energy_left_[z(x * left_total_)];
    here[0] = 0;
    for (int t = 0; t < space_.type_count(); ++t) {
      if (space_.count_in(x, t) == 0) continue;
      const double* below = here - space_.type(t).stride * left_total_;
      for (int q = 1; q < left_total_; ++q) here[q] = std::min(here[q], below[q]);
    }
    for (int q = 1; q < left_total_; ++q) {
      for (int o = 0; o < operands; ++o) {
        const int left = q / left_stride_[z(o)] % (space_.cuts_of(o) + 1);
        if (left == 0) continue;
        here[q] = std::min(here[q], here[q - left_stride_[z(o)]] + cost[z(o)][z(left - 1)]);
      }
    }
    for (int q = 1; q < left_total_; ++q) here[q] = std::min(here[q], ExactSpace::kInfeasible);
  }
}

// Each sum on its own, over each operand on its own. Nodes with all loops are left out: what
// loads there loads once.
void ExactBounds::fill_sums() {
  const int tracked = space_.tracked();
  width_ = 2 + 2 * tracked;
  std::vector<double> cost(z(width_));
  for (int o = 0; o < space_.problem().operands; ++o) {
    const int cuts = space_.cuts_of(o);
    least_[z(o)].assign(z((cuts + 1) * space_.nodes() * width_), 0);
    most_[z(o)].assign(z((cuts + 1) * space_.nodes() * 2 * tracked), 0);
    for (int left = 1; left <= cuts; ++left) {
      const Cut& cut = space_.cut(o, left - 1);
      for (std::int64_t x = 0; x < space_.nodes(); ++x) {
        double* here = least(o, left, x);
        std::fill(here, here + width_, ExactSpace::kInfeasible);
        double* most = most_[z(o)].data() + (left * space_.nodes() + x) * 2 * tracked;
        if (x == space_.full()) continue;
        for (int t = 0; t < space_.type_count(); ++t) {
          if (space_.count_in(x, t) == 0) continue;
          const std::int64_t y = x - space_.type(t).stride;
          const double* below = least(o, left, y);
          for (int i = 0; i < width_; ++i) here[i] = std::min(here[i], below[i]);
          const double* most_below =
              most_[z(o)].data() + (left * space_.nodes() + y) * 2 * tracked;
          for (int i = 0; i < 2 * tracked; ++i) most[i] = std::max(most[i], most_below[i]);
        }
        if (surely_too_large(cut, x) || cut.energy[z(x)] >= ExactSpace::kInfeasible) continue;
        std::fill(cost.begin(), cost.end(), 0.0);
        if (cut.role == LoadingRole::separate || cut.role == LoadingRole::offload) {
          cost[0] = cut.loading[z(x)];
        }
        if (cut.role == LoadingRole::together) cost[1] = cut.loading[z(x)];
        const PortShare* shares = cut.shares.data() + x * tracked;
        for (int i = 0; i < tracked; ++i) {
          cost[z(2 + 2 * i)] = shares[i].busy;
          cost[z(3 + 2 * i)] = shares[i].excess;
        }
        const double* rest = least(o, left - 1, x);
        if (rest[0] >= ExactSpace::kInfeasible) continue;
        for (int i = 0; i < width_; ++i) here[i] = std::min(here[i], cost[z(i)] + rest[i]);
        const double* most_rest =
            most_[z(o)].data() + ((left - 1) * space_.nodes() + x) * 2 * tracked;
        for (int i = 0; i < 2 * tracked; ++i) {
          most[i] = std::max(most[i], cost[z(2 + i)] + most_rest[i]);
        }
      }
    }
  }
}

void ExactBounds::fill_floors() {
  const model::Problem& p = space_.problem();
  demand_most_.assign(z(space_.cut_count() * space_.tracked()), 0);
  for (int c = 0; c < space_.cut_count(); ++c) {
    const Cut& cut = space_.cut(c);
    for (std::int64_t x = 0; x < space_.full(); ++x) {
      if (surely_too_large(cut, x)) continue;
      for (int i = 0; i < space_.tracked(); ++i) {
        double& most = demand_most_[z(c * space_.tracked() + i)];
        most = std::max(most, cut.shares[z(x * space_.tracked() + i)].demand);
      }
    }
  }
  for (int o = 0; o < p.operands; ++o) {
    const model::ProblemOperand& operand = p.operand[z(o)];
    if (operand.levels < 2) continue;
    const Cut& cut = space_.cut_above(o, 0);
    const model::OperandSpatial& integer = p.whole ? operand.real : operand.integer;
    for (std::int64_t x = 0; x < space_.full(); ++x) {
      if (!surely_too_large(cut, x)) {
        inner_most_[z(o)] = std::max(inner_most_[z(o)], cut.bits_most[z(x)]);
      }
    }
    inner_at_top_[z(o)] = o == 0 && integer.reduced_from[2] ? cut.bits_most[z(space_.full())]
                                                            : cut.bits_final[z(space_.full())];
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
    std::map<std::vector<double>, std::uint16_t> numbers;
    for (std::int64_t x = 0; x < space_.nodes(); ++x) {
      std::vector<double> floors;
      for (double bandwidth : bandwidths) {
        floors.push_back(std::ceil(cut.bits_partial[z(x)] / bandwidth));
        floors.push_back(std::ceil(cut.bits_final[z(x)] / bandwidth));
        if (!p.whole) floors.push_back(static_cast<double>(x));  // the integer version's differ
      }
      floors.push_back(o == 0 ? space_.reduced(x) : 0);
      const auto [place, inserted] =
          numbers.emplace(std::move(floors), static_cast<std::uint16_t>(numbers.size() + 1));
      (void)inserted;
      floor_class_[z(o)].push_back(place->second);
    }
  }
}

LoadingType ExactBounds::build_type(const OperandCounts& at_top) const {
  const model::Problem& p = space_.problem();
  LoadingType type;
  type.at_top = at_top;
  struct Link {
    int port = -1;
    int cut = -1;  // place
    ExactSpace::Once once;
    double least = 0;
  };
  std::vector<Link> links;
  const auto add = [&](int cut, int o, int m, int direction) {
    const Link link{space_.port_of(o, m, direction), cut, space_.once(o, m, direction), 0};
    if (link.port < 0) return;
    const bool inner_at_top = at_top[z(o)] >= space_.cuts_of(o) - (o == 0 ? 0 : 1);
    const double inner = inner_at_top ? inner_at_top_[z(o)] : inner_most_[z(o)];
    if (std::ceil(inner / p.port[z(link.port)].bandwidth_max) > link.once.cycles) {
      type.opaque = true;
    }
    type.floor_matters[z(o)] = true;
    links.push_back(link);
  };
  for (int o = 0; o < p.operands; ++o) {
    for (int i = space_.cuts_of(o) - type.at_top[z(o)]; i < space_.cuts_of(o); ++i) {
      const Cut& cut = space_.cut(o, i);
      const int place = space_.first_cut(o) + i;
      if (cut.stationary) {
        add(place, o, 0, kRdLow);
      } else if (o == 0) {
        add(place, 0, cut.level - 1, kRdHigh);
        add(place, 0, cut.level, kWrLow);
      } else {
        add(place, o, cut.level - 1, kWrHigh);
        add(place, o, cut.level, kRdLow);
      }
    }
  }
  if (space_.iterations() == 1) add(-1, 0, 0, kWrLow);

  // Of equally long transfers the rule may treat any as the longer one.
  for (Link& link : links) {
    link.least = std::min(link.once.cycles, link.once.floor_cycles);
    for (const Link& mate : links) {
      if (&mate == &link || mate.port != link.port) continue;
      if (mate.once.cycles <= link.once.cycles) {
        link.least -= std::max(0.0, mate.once.cycles - mate.once.floor_cycles);
      }
    }
  }
  std::vector<int> ports;
  for (const Link& link : links) {
    if (std::find(ports.begin(), ports.end(), link.port) == ports.end()) ports.push_back(link.port);
  }
  const auto place_of = [&](int port) {
    for (int i = 0; i < space_.tracked(); ++i) {
      if (space_.tracked_port(i) == port) return i;
    }
    return -1;
  };
  const auto add_version = [&](int port) {
    LoadingType::Version version;
    if (port >= 0) {
      version.spare = true;
      version.tracked = place_of(port);
      version.bandwidth = p.port[z(port)].bandwidth_max;
    }
    for (int o = 0; o < p.operands; ++o) {
      for (int i = space_.cuts_of(o) - type.at_top[z(o)]; i < space_.cuts_of(o); ++i) {
        const Cut& cut = space_.cut(o, i);
        if (cut.stationary) continue;
        double value = -ExactSpace::kInfeasible;
        for (const Link& link : links) {
          if (link.cut != space_.first_cut(o) + i) continue;
          value = std::max(value, link.port == port ? link.once.cycles : link.least);
        }
        if (cut.role == LoadingRole::separate) version.separate[z(o)] += value;
        if (cut.role == LoadingRole::together) version.together[z(o)] += value;
        if (cut.role == LoadingRole::offload) version.offload += value;
      }
    }
    type.versions.push_back(version);
  };
  add_version(-1);
  int unsettled = 0;
  for (int port : ports) {
    if (!type.opaque) add_version(port);
    const int tracked = place_of(port);
    std::vector<double> cycles;
    for (const Link& link : links) {
      if (link.port == port) cycles.push_back(link.once.cycles);
    }
    std::sort(cycles.rbegin(), cycles.rend());
    double needed = 0;
    for (std::size_t i = 0; i < cycles.size(); ++i) {
      needed += static_cast<double>(i + 1) * cycles[i];
    }
    double demand = 0;  // at most, of its other transfers
    if (tracked >= 0) {
      type.demand_ports |= 1u << tracked;
      demand = space_.constant_share(tracked).demand;
      for (int c = 0; c < space_.cut_count(); ++c) {
        demand += demand_most_[z(c * space_.tracked() + tracked)];
      }
    }
    const double spare = std::max(0.0, 1 - demand / p.port[z(port)].bandwidth_max) *
                         space_.iterations() * p.cycles_per_operation;
    // With cycles enough to level everything, more of them change nothing.
    if (needed > spare) ++unsettled;
  }
  type.stall_matters = unsettled > 1;
  return type;
}

PortShare ExactBounds::most_left(std::int64_t node, const OperandCounts& left, int tracked) const {
  PortShare sum;
  for (int o = 0; o < space_.problem().operands; ++o) {
    const double* most = most_[z(o)].data() +
                         (left[z(o)] * space_.nodes() + node) * 2 * space_.tracked() + 2 * tracked;
    sum.busy += most[0];
    sum.excess += most[1];
  }
  return sum;
}

ExactBounds::Latency ExactBounds::latency(const double* paid, int type_index,
                                          const OperandCounts& left, std::int64_t node) const {
  const model::Problem& p = space_.problem();
  const double beta = p.cycles_per_operation;
  const double ideal = space_.iterations() * beta;
  const double windows = space_.iterations() * std::ceil(beta);  // the most that they can cover
  Latency result;
  std::array<const double*, model::kMaxOperands> rest{};
  for (int o = 0; o < p.operands; ++o) {
    if (node == space_.full() && left[z(o)] > 0) {
      // Cuts left may still load everything at once.
      result.total = -ExactSpace::kInfeasible;
      return result;
    }
    rest[z(o)] = least(o, left[z(o)], node);
  }
  const double* ports = paid + kPaidPorts;
  for (int i = 0; i < space_.tracked(); ++i) {
    double busy = ports[3 * i];
    double excess = ports[3 * i + 1];
    for (int o = 0; o < p.operands; ++o) {
      busy += rest[z(o)][2 + 2 * i];
      excess += rest[z(o)][3 + 2 * i];
    }
    result.stall = std::max({result.stall, busy - windows, excess});
  }
  std::array<double, model::kMaxOperands> separate{};
  std::array<double, model::kMaxOperands> together{};
  for (int o = 1; o < p.operands; ++o) {
    separate[z(o)] = paid[kPaidSeparate + o] + rest[z(o)][0];
    together[z(o)] = paid[kPaidTogether + o] + rest[z(o)][1];
  }
  const double offload = paid[kPaidOffload] + rest[0][0];
  const double compute = ideal + result.stall;
  result.total = -ExactSpace::kInfeasible;
  for (const LoadingType::Version& version : type(type_index).versions) {
    std::array<double, model::kMaxOperands> s = separate;
    std::array<double, model::kMaxOperands> t = together;
    for (int o = 1; o < p.operands; ++o) {
      s[z(o)] += version.separate[z(o)];
      t[z(o)] += version.together[z(o)];
    }
    const double loading = loading_total(p.operands, s, t, offload + version.offload);
    double total = compute + loading;
    if (version.spare) {
      const double demand = version.tracked >= 0 ? ports[3 * version.tracked + 2] : 0;
      // Spare cycles are counted from the whole cycles of the computation.
      total = loading + std::min(1.0, demand / version.bandwidth) * compute - (beta == 1 ? 0 : 1);
    }
    result.total = std::max(result.total, total);
  }
  return result;
}

}  // namespace ridgeline::search
