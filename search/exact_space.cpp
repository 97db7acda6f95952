#include "search/exact_space.hpp"

#include <algorithm>
#include <cmath>

#include "search/loop_factors.hpp"

namespace ridgeline::search {

using model::Direction;
using model::OperandSpatial;
using model::Problem;
using model::ProblemOperand;

namespace {

std::size_t z(std::int64_t i) {
  return static_cast<std::size_t>(i);
}

constexpr int kRdLow = static_cast<int>(Direction::rd_out_to_low);
constexpr int kWrLow = static_cast<int>(Direction::wr_in_by_low);
constexpr int kRdHigh = static_cast<int>(Direction::rd_out_to_high);
constexpr int kWrHigh = static_cast<int>(Direction::wr_in_by_high);

// Elements below a cut at architecture level `a`, for products of temporal loops by dimension.
// Not rounded: the allocator compares it as it is, the model rounds it.
double elements_below(const Problem& problem, const ProblemOperand& operand,
                      const OperandSpatial& spatial, int a,
                      const std::array<double, model::kMaxDims>& loops) {
  if (a == 0) return 1;
  double size = spatial.relevant_product[z(a - 1)];
  for (int d = 0; d < problem.dims; ++d) {
    if (operand.relevant >> d & 1u) size *= loops[z(d)];
  }
  if (operand.partial) {
    for (int r = 0; r < problem.relations; ++r) {
      const model::ProblemRelation& relation = problem.relation[z(r)];
      double first = loops[relation.dim[0]] * spatial.extent[z(a - 1)][z(2 * r)];
      double second = loops[relation.dim[1]] * spatial.extent[z(a - 1)][z(2 * r + 1)];
      if (!spatial.whole) {
        first = std::trunc(first);
        second = std::trunc(second);
      }
      const double joint = first * second - std::max(0.0, second - relation.reduced[0]) *
                                                (first - relation.reduced[1]);
      size *= std::min(relation.size, joint);
    }
  }
  return size;
}

// Product of the irrelevant spatial loops of levels `from` and outwards.
double irrelevant_spatial(const ProblemOperand& operand, const OperandSpatial& spatial, int from) {
  double product = 1;
  for (int a = from; a <= operand.levels; ++a) {
    for (int i = spatial.begin[z(a)]; i < spatial.begin[z(a + 1)]; ++i) {
      if (operand.irrelevant >> spatial.loops[z(i)].dim & 1u) product *= spatial.loops[z(i)].factor;
    }
  }
  return product;
}

}  // namespace

ExactSpace::ExactSpace(const Problem& problem, std::int64_t limit) : problem_(problem) {
  build_types();
  double states = 1;
  for (const FactorType& type : types_) states *= type.count + 1;
  for (int o = 0; o < problem_.operands; ++o) {
    const int levels = problem_.operand[z(o)].levels;
    states *= o == 0 ? levels : levels + 1;
  }
  too_large_ = states > static_cast<double>(limit) || problem_.operand[0].partial ||
               types_.size() > kMaxFactorTypes;
  if (too_large_) return;
  build_nodes();
  build_cuts();
  find_tracked_ports();
  fill_costs();
  fill_loading_bounds();
  fill_bounds();
}

void ExactSpace::build_types() {
  for (int d = 0; d < problem_.dims; ++d) {
    for (std::int64_t prime : prime_factors(problem_.temporal_size[z(d)])) {
      if (!types_.empty() && types_.back().dim == d && types_.back().prime == prime) {
        ++types_.back().count;
        continue;
      }
      FactorType type{d, prime, 1, 1, 0};
      for (int o = 0; o < problem_.operands; ++o) {
        if (problem_.operand[z(o)].irrelevant >> d & 1u) {
          type.irrelevant_to |= static_cast<std::uint8_t>(1u << o);
        }
      }
      types_.push_back(type);
    }
  }
}

void ExactSpace::build_nodes() {
  for (FactorType& type : types_) {
    type.stride = nodes_;
    nodes_ *= type.count + 1;
  }
  cycles_.assign(z(nodes_), 1);
  reduced_.assign(z(nodes_), 1);
  for (std::int64_t x = 0; x < nodes_; ++x) {
    for (int t = 0; t < type_count(); ++t) {
      const int count = count_in(x, t);
      for (int i = 0; i < count; ++i) cycles_[z(x)] *= static_cast<double>(type(t).prime);
      if (count < type(t).count && (type(t).irrelevant_to & 1u)) reduced_[z(x)] = 0;
    }
  }
  iterations_ = cycles_[z(full())];
}

void ExactSpace::build_cuts() {
  for (int o = 0; o < problem_.operands; ++o) {
    first_cut_[z(o)] = static_cast<int>(cuts_.size());
    if (o > 0) cuts_.push_back(Cut{o, 0, true, {}, {}, 0, {}, {}, {}});
    for (int a = 1; a < problem_.operand[z(o)].levels; ++a) {
      cuts_.push_back(Cut{o, a, false, {}, {}, 0, {}, {}, {}});
    }
    cut_count_[z(o)] = static_cast<int>(cuts_.size()) - first_cut_[z(o)];
    passed_stride_[z(o)] = passed_total_;
    passed_total_ *= cut_count_[z(o)] + 1;
  }
  for (auto& operand : port_) {
    for (auto& level : operand) level.fill(-1);
  }
  for (int p = 0; p < problem_.ports; ++p) {
    for (int i = problem_.port[z(p)].begin; i < problem_.port[z(p)].end; ++i) {
      const model::PortLink& link = problem_.link[z(i)];
      port_[link.operand][link.level][link.direction] = p;
    }
  }
}

// A port can only bind where several transfers share it or one takes longer than its period.
void ExactSpace::find_tracked_ports() {
  tracked_port_.fill(-1);
  for (int p = 0; p < problem_.ports && tracked_ < kMaxTracked; ++p) {
    const model::ProblemPort& port = problem_.port[z(p)];
    bool may_bind = port.end - port.begin > 1;
    for (int i = port.begin; i < port.end && !may_bind; ++i) {
      const model::PortLink& link = problem_.link[z(i)];
      const ProblemOperand& operand = problem_.operand[link.operand];
      const OperandSpatial& spatial = problem_.whole ? operand.real : operand.integer;
      const bool low = link.direction == kRdLow || link.direction == kWrLow;
      // The most bits a cycle: a whole tile each cycle of its period; an upper bound is the
      // tile of one iteration.
      std::array<double, model::kMaxDims> ones;
      ones.fill(1);
      const int a = low ? link.level : link.level + 1;
      double amount = std::nearbyint(elements_below(problem_, operand, spatial, a, ones));
      if (low) amount *= spatial.boost[link.level];
      may_bind = std::max(operand.precision, operand.final_precision) * amount > port.bandwidth_max;
    }
    if (may_bind) tracked_port_[z(p)] = tracked_++;
  }
}

void ExactSpace::fill_costs() {
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
  // Adds what one direction of one memory level pays when the cut lies at a node; returns the
  // cycles of one transfer.
  const auto add_link = [&](int o, int m, int direction, bool low, double elements_real,
                            double elements_integer, double bits_real, double bits_integer,
                            double period, double* cost) {
    const ProblemOperand& operand = p.operand[z(o)];
    const double max = operand.bandwidth_max[z(m)][z(direction)];
    const double count = iterations_ / period;
    double amount = elements_real;
    if (low) amount *= operand.real.boost[z(m)];
    if (bits_real > 0 && max > 0) {
      const double words =
          std::ceil(amount * bits_real / operand.bandwidth_min[z(m)][z(direction)]);
      const double accesses = std::floor(words * operand.bandwidth_ratio[z(m)][z(direction)] *
                                         count * operand.real.units[z(m + 1)]);
      const bool read = direction == kRdLow || direction == kRdHigh;
      cost[0] += accesses * (read ? operand.read_cost[z(m)] : operand.write_cost[z(m)]);
    }
    amount = elements_integer;
    if (low) amount *= (p.whole ? operand.real : operand.integer).boost[z(m)];
    const double cycles = max > 0 ? std::ceil(amount * bits_integer / max) : 0;
    const int port = port_[z(o)][z(m)][z(direction)];
    if (port >= 0 && tracked_port_[z(port)] >= 0) {
      cost[tracked_port_[z(port)]] += cycles * (count - 1);
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
  const auto output_side = [&](int m, bool low, int a, std::int64_t x, double period,
                               const std::array<double, 2>& elements, double* cost) {
    const ProblemOperand& operand = p.operand[0];
    const OperandSpatial& integer = p.whole ? operand.real : operand.integer;
    const bool real_partial = partial_precision(operand.real, a, x);
    const bool integer_partial = partial_precision(integer, a, x);
    const auto bits = [&](bool partial) {
      return partial ? operand.precision : operand.final_precision;
    };
    const double cycles = add_link(0, m, low ? kWrLow : kRdHigh, low, elements[0], elements[1],
                                   bits(real_partial), bits(integer_partial), period, cost);
    const double back_real = partial_at(operand.real, a, x) && real_partial ? operand.precision : 0;
    const double back_integer =
        partial_at(integer, a, x) && integer_partial ? operand.precision : 0;
    add_link(0, m, low ? kRdLow : kWrHigh, low, elements[0], elements[1], back_real, back_integer,
             period, cost);
    return cycles;
  };

  for (int o = 0; o < p.operands; ++o) {
    top_elements_[z(o)] = elements_below(p, p.operand[z(o)], p.operand[z(o)].real,
                                         p.operand[z(o)].levels, loops[z(full())]);
  }
  constant_.fill(0);
  constant_[0] = p.mac_energy;
  output_side(0, true, 0, 0, 1, {1, 1}, constant_.data());

  for (Cut& cut : cuts_) {
    const ProblemOperand& operand = p.operand[z(cut.operand)];
    const OperandSpatial& integer = p.whole ? operand.real : operand.integer;
    const int a = cut.level;
    cut.cost.assign(z(nodes_ * tracked_), 0);
    cut.loading.assign(z(nodes_), 0);
    cut.loading_beyond.assign(z(nodes_), 0);
    cut.bits_partial.assign(z(nodes_), 0);
    cut.bits_final.assign(z(nodes_), 0);
    for (std::int64_t x = 0; x < nodes_; ++x) {
      double* cost = &cut.cost[z(x * tracked_)];
      const double period = cycles_[z(x)];
      if (cut.stationary) {
        const double once = p.repeats_are_free ? period : 1;
        add_link(cut.operand, 0, kRdLow, true, 1, 1, operand.precision, operand.precision, once,
                 cost);
        continue;
      }
      const double exact = elements_below(p, operand, operand.real, a, loops[z(x)]);
      const std::array<double, 2> elements{
          std::nearbyint(exact),
          p.whole ? std::nearbyint(exact)
                  : std::nearbyint(elements_below(p, operand, integer, a, loops[z(x)]))};
      cut.bits_partial[z(x)] = operand.precision * exact;
      cut.bits_final[z(x)] = operand.final_precision * exact;
      double below;
      double above;
      if (operand.output) {
        below = output_side(a - 1, false, a, x, period, elements, cost);
        above = output_side(a, true, a, x, period, elements, cost);
      } else {
        below = add_link(cut.operand, a - 1, kWrHigh, false, elements[0], elements[1],
                         operand.precision, operand.precision, period, cost);
        above = add_link(cut.operand, a, kRdLow, true, elements[0], elements[1], operand.precision,
                         operand.precision, period, cost);
      }
      cut.loading[z(x)] = cut.loading_beyond[z(x)] = std::max(below, above);
      if (operand.output) {
        const double narrow = elements[1] * std::min(operand.precision, operand.final_precision);
        cut.loading_beyond[z(x)] =
            std::max(std::ceil(narrow / operand.bandwidth_max[z(a - 1)][kRdHigh]),
                     std::ceil(narrow * integer.boost[z(a)] / operand.bandwidth_max[z(a)][kWrLow]));
      }
    }
  }
}

// Where data cross a cut once, the rule that spreads a port's spare cycles may take their time
// away, even below zero, but by no more than what the port's other one-time transfers could
// give up (docs/exact-mapping.md, "Loading").
void ExactSpace::fill_loading_bounds() {
  const Problem& p = problem_;
  struct Once {
    double cycles = 0;
    double floor_cycles = 0;
  };
  // Of a transfer of memory level m over the cut at architecture level a, all of it at once.
  const auto once = [&](int o, int m, int direction) {
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
    const double inner =
        std::nearbyint(elements_below(p, operand, integer, 1, a == 1 ? all : none));
    const double least = std::min(operand.precision, operand.final_precision);
    result.floor_cycles = std::ceil(inner * (a == 1 ? bits_at(1) : least) / max);
    return result;
  };
  const auto least = [&](int o, int m, int direction) {
    const int port = port_[z(o)][z(m)][z(direction)];
    if (port < 0) return 0.0;
    const Once own = once(o, m, direction);
    double bound = std::min(own.cycles, own.floor_cycles);
    for (int i = p.port[z(port)].begin; i < p.port[z(port)].end; ++i) {
      const model::PortLink& other = p.link[z(i)];
      if (other.operand == o && other.level == m && other.direction == direction) continue;
      const bool output = p.operand[other.operand].output;
      if (output && (other.direction == kRdLow || other.direction == kWrHigh)) continue;
      const Once mate = once(other.operand, other.level, other.direction);
      if (mate.cycles <= own.cycles) bound -= std::max(0.0, mate.cycles - mate.floor_cycles);
    }
    return bound;
  };
  for (Cut& cut : cuts_) {
    if (cut.stationary) continue;
    const int a = cut.level;
    cut.loading_once = cut.operand == 0 ? std::max(least(0, a - 1, kRdHigh), least(0, a, kWrLow))
                                        : std::max(least(cut.operand, a - 1, kWrHigh),
                                                   least(cut.operand, a, kRdLow));
  }
}

void ExactSpace::fill_bounds() {
  const Problem& p = problem_;
  bound_.assign(z(nodes_ * passed_total_ * tracked_), kInfeasible);
  std::array<int, model::kMaxOperands> passed{};
  // Smallest possible tile below a cut that lies at the node or beyond. The output is sized at
  // partial-sum precision while irrelevant loops lie above the level's lower end, which for
  // the next cut to be placed is no further out than the node.
  const auto least_bits = [&](const Cut& cut, bool is_next, std::int64_t x) {
    const bool partial = cut.operand == 0 && (p.operand[0].real.irrelevant_from[z(cut.level)] ||
                                              (is_next && !reduced(x)));
    return (partial ? cut.bits_partial : cut.bits_final)[z(x)];
  };
  const auto state_feasible = [&](std::int64_t x) {
    for (int o = 0; o < p.operands; ++o) {
      if (passed[z(o)] == cut_count_[z(o)]) continue;
      const Cut& next = cut(o, passed[z(o)]);
      if (next.stationary) {
        for (int t = 0; t < type_count(); ++t) {
          if (count_in(x, t) > 0 && !(type(t).irrelevant_to >> o & 1u)) return false;
        }
      } else {
        const int memory = p.operand[z(o)].memory[z(next.level - 1)];
        if (least_bits(next, true, x) > p.memory[z(memory)].size) return false;
      }
    }
    for (int m = 0; m < p.memories; ++m) {
      const model::ProblemMemory& memory = p.memory[z(m)];
      if (memory.count < 2) continue;
      double bits = 0;
      for (int i = 0; i < memory.count; ++i) {
        const int o = memory.residents[z(i)].operand;
        const int level = memory.residents[z(i)].level + 1;  // of the cut above
        if (level == p.operand[z(o)].levels) continue;
        const int index = o == 0 ? level - 1 : level;
        if (index >= passed[z(o)]) bits += least_bits(cut(o, index), index == passed[z(o)], x);
      }
      if (bits > memory.size) return false;
    }
    return true;
  };
  std::array<double, kMaxTracked> best;
  for (std::int64_t x = nodes_; x-- > 0;) {
    for (std::int64_t q = passed_total_; q-- > 0;) {
      for (int o = 0; o < p.operands; ++o) {
        passed[z(o)] = static_cast<int>(q / passed_stride_[z(o)] % (cut_count_[z(o)] + 1));
      }
      if (!state_feasible(x)) continue;
      double* result = &bound_[z((x * passed_total_ + q) * tracked_)];
      if (x == full() && q == passed_total_ - 1) {
        std::fill(result, result + tracked_, 0.0);
        continue;
      }
      best.fill(kInfeasible);
      for (int o = 0; o < p.operands; ++o) {
        if (passed[z(o)] == cut_count_[z(o)]) continue;
        const double* rest = bound(x, q + passed_stride_[z(o)]);
        if (rest[0] >= kInfeasible) continue;
        const double* cost = &cut(o, passed[z(o)]).cost[z(x * tracked_)];
        for (int i = 0; i < tracked_; ++i) best[z(i)] = std::min(best[z(i)], cost[i] + rest[i]);
      }
      for (int t = 0; t < type_count(); ++t) {
        if (count_in(x, t) == type(t).count) continue;
        const double* rest = bound(x + type(t).stride, q);
        if (rest[0] >= kInfeasible) continue;
        for (int i = 0; i < tracked_; ++i) best[z(i)] = std::min(best[z(i)], rest[i]);
      }
      std::copy(best.begin(), best.begin() + tracked_, result);
    }
  }
}

double ExactSpace::orderings() const {
  double count = 1;
  int placed = 0;
  for (const FactorType& type : types_) {
    for (int i = 1; i <= type.count; ++i) count = count * ++placed / i;
  }
  return count;
}

}  // namespace ridgeline::search
