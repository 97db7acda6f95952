#include "search/exact/cut_lattice.hpp"

#include <algorithm>
#include <bit>
#include <cmath>

#include "model/core/assert.hpp"
#include "model/core/directions.hpp"
#include "model/core/index.hpp"
#include "search/exact/cut_elements.hpp"
#include "search/mapping/loop_factors.hpp"

namespace ridgeline::search {

using model::kRdHigh;
using model::kRdLow;
using model::kWrHigh;
using model::kWrLow;
using model::OperandSpatial;
using model::Problem;
using model::ProblemOperand;

CutLattice::CutLattice(const Problem& problem, std::int64_t limit, std::int64_t bytes, Watch& watch,
                       bool counts, std::int64_t dense, bool mirrored)
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
  count_factors();
  build_cuts();
  find_tracked_ports();
  sparse_ = !counts && states > static_cast<double>(dense);
  if (sparse_ && mirrored) find_orbits();
  all_nodes_ =
      sparse_ ? NodeBlocks(std::vector<std::uint8_t>(z(orbits()), 1), orbits_) : NodeBlocks(nodes_);
  for (Cut& cut : cuts_) cut.blocks = NodeBlocks(nodes_);  // while they are filled
  if (!sparse_) refuse(bytes_needed(states), bytes);
  if (too_large()) return;
  build_nodes();
  fill_costs(watch, counts, bytes);
  if (sparse_ && !too_large() && !watch.stopped_now()) {
    refuse(static_cast<double>(this->bytes()) + bytes_of_bounds(), bytes);
  }
  find_shared_memories();
}

void CutLattice::refuse(double needed, std::int64_t bytes) {
  if (needed <= static_cast<double>(bytes)) return;
  constexpr double kMiB = 1 << 20;
  refusal_ = "its tables take " +
             std::to_string(static_cast<std::int64_t>(std::ceil(needed / kMiB))) +
             " MiB, and it may hold " +
             std::to_string(static_cast<std::int64_t>(static_cast<double>(bytes) / kMiB)) +
             " MiB (--memory-limit, --threads)";
}

// Of the costs here and of the bounds' tables: the figures of each cut, then per state the least
// energy, and the least and most sums of the cuts left of each operand.
double CutLattice::bytes_needed(double states) const {
  double doubles = states / static_cast<double>(nodes_) + 1 +
                   static_cast<double>(types_.size()) / sizeof(double);
  for (int o = 0; o < problem_.operands; ++o) {
    std::uint32_t ports = 0;
    for (int c = 0; c < cuts_of(o); ++c) {
      for (const int port : cut(o, c).own_ports) ports |= 1u << port;
      doubles += 9 + 4 * static_cast<double>(cut(o, c).own_ports.size());
      doubles += 2.5 + 4.5 * std::popcount(ports);
    }
  }
  return static_cast<double>(nodes_) * doubles * sizeof(double);
}

// The same of the bounds' tables alone, once it is known which nodes can be reached.
double CutLattice::bytes_of_bounds() const {
  double sums = 0;
  for (int o = 0; o < problem_.operands; ++o) {
    std::uint32_t ports = 0;
    for (int c = 0; c < cuts_of(o); ++c) {
      for (const int port : cut(o, c).own_ports) ports |= 1u << port;
      sums += (2.5 + 4.5 * std::popcount(ports)) * static_cast<double>(reach(o, c + 1).size());
    }
  }
  // Of each number of cuts left of each operand; once more where all is reduced, for output tiles
  // that may grow.
  const std::int64_t blocks = (orbits() + NodeBlocks::kSize - 1) >> NodeBlocks::kShift;
  std::vector<std::uint8_t> reduced_blocks(z(blocks));
  for (std::int64_t x = 0; x < nodes_; ++x) {
    if (reduced(x)) reduced_blocks[z(orbit(x) >> NodeBlocks::kShift)] = 1;
  }
  double cells = 0;
  std::array<int, model::kMaxOperands> left{};
  for (bool more = true; more;) {
    for (std::int64_t b = 0; b < blocks; ++b) {
      bool reached = true;
      for (int o = 0; o < problem_.operands; ++o) {
        reached = reached && reach(o, left[z(o)]).has_block(b);
      }
      const bool twice = reduced_blocks[z(b)] != 0;
      if (reached) cells += static_cast<double>((twice ? 2 : 1) * NodeBlocks::kSize);
    }
    more = false;
    for (int o = 0; o < problem_.operands && !more; ++o) {
      more = ++left[z(o)] <= cuts_of(o);
      if (!more) left[z(o)] = 0;
    }
  }
  return (sums + cells + 20 * static_cast<double>(nodes_)) * sizeof(double);
}

double CutLattice::least_bits(const Cut& cut, std::int64_t x) const {
  const bool partial =
      cut.operand == 0 && (problem_.operand[0].real.irrelevant_from[z(cut.level)] || !reduced(x) ||
                           (cut.level == 1 && !reduced(0)));
  return (partial ? cut.bits_partial : cut.bits_final)[cut.at(x)];
}

std::int64_t CutLattice::bytes() const {
  std::size_t bytes = cycles_.size() * sizeof(double) + reduced_.size() + counts_.size();
  for (const Cut& cut : cuts_) {
    bytes += 7 * cut.energy.size() * sizeof(double) + 4 * cut.energy.size() +
             cut.shares.size() * sizeof(PortShare);
  }
  return static_cast<std::int64_t>(bytes);
}

// How many factors of each type lie in each node: asked so often that divisions would be felt.
void CutLattice::count_factors() {
  counts_.assign(z(nodes_) * types_.size(), 0);
  for (std::size_t t = 0; t < types_.size(); ++t) {
    const FactorType& type = types_[t];
    for (std::int64_t x = 0; x < nodes_; ++x) {
      counts_[z(x) * types_.size() + t] =
          static_cast<std::uint8_t>(x / type.stride % (type.count + 1));
    }
  }
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
      if (allowed[z(x)] == 0) cut.energy[cut.at(x)] = kInfeasible;
    }
  }
}

void CutLattice::keep_cut_at(int place, std::int64_t node) {
  Cut& cut = cuts_[z(place)];
  const double energy = cut.energy[cut.at(node)];
  std::fill(cut.energy.begin(), cut.energy.end(), kInfeasible);
  cut.energy[cut.at(node)] = energy;
}

void CutLattice::limit_windows(const LongestWindows& longest) {
  if (problem_.cycles_per_operation != 1) return;
  for (Cut& cut : cuts_) {
    if (cut.stationary || cut.level != 1) continue;
    cut.longest_window.assign(cut.energy.size(), kInfeasible);
    for (std::int64_t x = 0; x < nodes_; ++x) {
      const std::size_t at = cut.at(x);
      const double window = longest[z(x)][z(cut.operand)];
      if (cut.energy[at] >= kInfeasible || cut.short_window[at] != 0 ||
          cut.single_buffer[at] == 0 || window >= cycles(x)) {
        continue;
      }
      cut.longest_window[at] = window;
      const double count = std::floor(iterations_ / cycles(x));
      for_transfers(cut, x, [&](int place, double cycles_of_one) {
        const auto own = std::find(cut.own_ports.begin(), cut.own_ports.end(), place);
        PortShare& share = cut.shares[at * cut.own_ports.size() + z(own - cut.own_ports.begin())];
        share.excess +=
            (std::max(0.0, cycles_of_one - window) - std::max(0.0, cycles_of_one - cycles(x))) *
            (count - 1);
      });
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

}  // namespace ridgeline::search
