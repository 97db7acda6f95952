#include "search/exact/cut_lattice.hpp"

#include <algorithm>
#include <bit>
#include <cmath>

#include "model/core/assert.hpp"
#include "model/core/directions.hpp"
#include "model/core/index.hpp"
#include "search/mapping/loop_factors.hpp"

namespace ridgeline::search {

using model::kRdHigh;
using model::kRdLow;
using model::kWrHigh;
using model::kWrLow;
using model::OperandSpatial;
using model::Problem;
using model::ProblemOperand;

namespace {

// Elements below a cut at architecture level `a`, for products of temporal loops by dimension.
// Not rounded: the allocator compares it as it is, the model rounds it.
// `slack` is added to fractional extents, relatively.
double elements_below(const Problem& problem, const ProblemOperand& operand,
                      const OperandSpatial& spatial, int a,
                      const std::array<double, model::kMaxDims>& loops, double slack = 0) {
  if (a == 0) return 1;
  // Products of factors with few binary digits are exact whatever their order.
  const auto widened = [&](double factor, double value) {
    const double scaled = factor * 1048576;
    return scaled == std::floor(scaled) ? value : value + value * slack;
  };
  double size = spatial.relevant_product[z(a - 1)];
  if (!spatial.whole) size = widened(size, size);
  for (int d = 0; d < problem.dims; ++d) {
    if (operand.relevant >> d & 1u) size *= loops[z(d)];
  }
  if (operand.partial) {
    for (int r = 0; r < problem.relations; ++r) {
      const model::ProblemRelation& relation = problem.relation[z(r)];
      const double* extent = &spatial.extent[z(a - 1)][z(2 * r)];
      double first = loops[relation.dim[0]] * extent[0];
      double second = loops[relation.dim[1]] * extent[1];
      if (!spatial.whole) {
        first = std::trunc(widened(extent[0], first));
        second = std::trunc(widened(extent[1], second));
      }
      const double joint = first * second - std::max(0.0, second - relation.reduced[0]) *
                                                (first - relation.reduced[1]);
      size *= std::min(relation.size, joint);
    }
    // The model multiplies ratios of extents.
    if (!spatial.whole) size += size * slack;
  }
  return size;
}

// Where unrollings are fractional, the model's last bits depend on the order of the loops, and
// rounding may make an element of them.
struct Elements {
  double least = 0;
  double most = 0;
};
Elements rounded_elements(const Problem& problem, const ProblemOperand& operand,
                          const OperandSpatial& spatial, int a,
                          const std::array<double, model::kMaxDims>& loops) {
  constexpr double kLastBits = 1e-12;
  const auto at = [&](double slack) {
    return std::nearbyint(elements_below(problem, operand, spatial, a, loops, slack));
  };
  if (spatial.whole) {
    const double exact = at(0);
    return {exact, exact};
  }
  return {at(-kLastBits), at(kLastBits)};
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

CutLattice::CutLattice(const Problem& problem, std::int64_t limit, std::int64_t bytes, Watch& watch,
                       bool counts)
    : problem_(problem) {
  build_types();
  double states = 1;
  for (const FactorType& type : types_) states *= type.count + 1;
  for (int o = 0; o < problem_.operands; ++o) {
    const int levels = problem_.operand[z(o)].levels;
    states *= o == 0 ? levels : levels + 1;
  }
  if (problem_.operand[0].partial) {
    refusal_ = "the output is indexed by a sum of two loops, which it does not search";
  } else if (types_.size() > kMaxFactorTypes) {
    refusal_ =
        "the loops have more than " + std::to_string(kMaxFactorTypes) + " different prime factors";
  } else if (states > static_cast<double>(limit)) {
    refusal_ = "the space has more than " + std::to_string(limit) + " states";
  }
  if (too_large()) return;
  for (FactorType& type : types_) {
    type.stride = nodes_;
    nodes_ *= type.count + 1;
  }
  build_cuts();
  find_tracked_ports();
  if (const double needed = bytes_needed(states); needed > static_cast<double>(bytes)) {
    constexpr double kMiB = 1 << 20;
    refusal_ = "its tables take " +
               std::to_string(static_cast<std::int64_t>(std::ceil(needed / kMiB))) +
               " MiB, and it may hold " +
               std::to_string(static_cast<std::int64_t>(static_cast<double>(bytes) / kMiB)) +
               " MiB (--memory-limit, --threads)";
    return;
  }
  build_nodes();
  fill_costs(watch, counts);
  find_shared_memories();
}

// Of the costs here and of the bounds' tables: the figures of each cut, then per state the least
// energy, and the least and most sums of the cuts left of each operand.
double CutLattice::bytes_needed(double states) const {
  double doubles = states / static_cast<double>(nodes_) + 1;
  for (int o = 0; o < problem_.operands; ++o) {
    std::uint32_t ports = 0;
    for (int c = 0; c < cuts_of(o); ++c) {
      for (const int port : cut(o, c).own_ports) ports |= 1u << port;
      doubles += 9 + 4 * static_cast<double>(cut(o, c).own_ports.size());
    }
    doubles += (cuts_of(o) + 1) * (3.0 + 5 * std::popcount(ports));
  }
  return static_cast<double>(nodes_) * doubles * sizeof(double);
}

void CutLattice::build_types() {
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

void CutLattice::build_nodes() {
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
  RIDGELINE_ASSERT(cycles_[0] == 1 && reduced_[z(full())] != 0);
}

void CutLattice::build_cuts() {
  for (int o = 0; o < problem_.operands; ++o) {
    const ProblemOperand& operand = problem_.operand[z(o)];
    first_cut_[z(o)] = static_cast<int>(cuts_.size());
    if (o > 0) {
      cuts_.emplace_back();
      cuts_.back().operand = o;
      cuts_.back().stationary = true;
    }
    for (int a = 1; a < operand.levels; ++a) {
      Cut cut;
      cut.operand = o;
      cut.level = a;
      cut.memory = operand.memory[z(a - 1)];
      cut.role = o == 0 ? LoadingRole::offload : LoadingRole::separate;
      if (o > 0 && operand.shared_ports[z(a - 1)] == 2) cut.role = LoadingRole::together;
      if (o > 0 && operand.shared_ports[z(a - 1)] == 1) {
        // Of the transfers of which one port is shared by both inputs only the outermost counts.
        for (int b = a + 1; b < operand.levels; ++b) {
          if (operand.shared_ports[z(b - 1)] == 1) cut.role = LoadingRole::none;
        }
      }
      cuts_.push_back(std::move(cut));
    }
    cut_count_[z(o)] = static_cast<int>(cuts_.size()) - first_cut_[z(o)];
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
void CutLattice::find_tracked_ports() {
  tracked_place_.fill(-1);
  std::array<double, model::kMaxDims> ones;
  ones.fill(1);
  for (int p = 0; p < problem_.ports; ++p) {
    const model::ProblemPort& port = problem_.port[z(p)];
    bool may_bind = port.end - port.begin > 1;
    for (int i = port.begin; i < port.end && !may_bind; ++i) {
      const model::PortLink& link = problem_.link[z(i)];
      const ProblemOperand& operand = problem_.operand[link.operand];
      const OperandSpatial& spatial = problem_.whole ? operand.real : operand.integer;
      const bool low = link.direction == kRdLow || link.direction == kWrLow;
      // A tile grows by at most the loops below it, so the tile of one iteration tells.
      const int a = low ? link.level : link.level + 1;
      double amount = std::nearbyint(elements_below(problem_, operand, spatial, a, ones));
      if (low) amount *= spatial.boost[link.level];
      may_bind = std::max(operand.precision, operand.final_precision) * amount > port.bandwidth_max;
    }
    // Where tiles need not grow in proportion, nothing is known without looking.
    if (!problem_.whole || problem_.cycles_per_operation != 1) may_bind = true;
    if (!may_bind) continue;
    if (tracked() == kMaxTrackedPorts) {
      all_tracked_ = false;
      break;
    }
    tracked_place_[z(p)] = tracked();
    tracked_ports_.push_back(p);
  }
  for (Cut& cut : cuts_) {
    const auto note = [&](int level, int direction, std::uint32_t& ports) {
      const int p = port_of(cut.operand, level, direction);
      if (p < 0 || tracked_place_[z(p)] < 0) return;
      const auto place = static_cast<std::uint8_t>(tracked_place_[z(p)]);
      if (std::find(cut.own_ports.begin(), cut.own_ports.end(), place) == cut.own_ports.end()) {
        cut.own_ports.push_back(place);
      }
      if (problem_.port[z(p)].end - problem_.port[z(p)].begin < 2) return;
      ports |= 1u << tracked_place_[z(p)];
    };
    if (cut.stationary) {
      note(0, kRdLow, cut.ports);
    } else if (cut.operand == 0) {
      note(cut.level - 1, kRdHigh, cut.ports);
      note(cut.level, kWrLow, cut.ports);
      note(cut.level - 1, kWrHigh, cut.partial_ports);
      note(cut.level, kRdLow, cut.partial_ports);
    } else {
      note(cut.level - 1, kWrHigh, cut.ports);
      note(cut.level, kRdLow, cut.ports);
    }
  }
}

void CutLattice::allow_cuts(const std::vector<std::uint8_t>& allowed) {
  for (Cut& cut : cuts_) {
    for (std::int64_t x = 0; x < nodes_; ++x) {
      if (allowed[z(x)] == 0) cut.energy[z(x)] = kInfeasible;
    }
  }
}

void CutLattice::find_shared_memories() {
  fixed_bits_.assign(z(problem_.memories), 0);
  for (int m = 0; m < problem_.memories; ++m) {
    const model::ProblemMemory& memory = problem_.memory[z(m)];
    bool has_cut = false;
    for (int i = 0; i < memory.count; ++i) {
      const ProblemOperand& operand = problem_.operand[memory.residents[z(i)].operand];
      if (memory.residents[z(i)].level + 1 < operand.levels) {
        has_cut = true;
      } else {
        fixed_bits_[z(m)] += top_elements_[memory.residents[z(i)].operand] *
                             std::min(operand.precision, operand.final_precision);
      }
    }
    if (memory.count > 1 && has_cut) shared_memories_.push_back(m);
  }
}

void CutLattice::fill_costs(Watch& watch, bool counts) {
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
    cut.shares.assign(z(nodes_) * own, {});
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
  }
}

namespace {

// What a granule costs that crosses a memory level in a direction.
double granule_cost(const ProblemOperand& operand, int level, int direction) {
  const bool read = direction == kRdLow || direction == kRdHigh;
  return operand.bandwidth_ratio[z(level)][z(direction)] *
         (read ? operand.read_cost[z(level)] : operand.write_cost[z(level)]);
}

}  // namespace

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
