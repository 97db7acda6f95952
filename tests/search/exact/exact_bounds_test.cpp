// The exact mapper's bounds against the costs of mappings drawn at random.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <set>
#include <sstream>
#include <variant>
#include <vector>

#include "model/core/evaluate.hpp"
#include "model/core/hierarchy.hpp"
#include "model/core/index.hpp"
#include "search/exact/bounds.hpp"
#include "search/exact/cut_lattice.hpp"
#include "search/exact/dual_bounds.hpp"
#include "search/exact/least_cost.hpp"
#include "search/exact/prefix_nodes.hpp"
#include "search/mapping/loop_factors.hpp"
#include "tests/support/random_problem.hpp"

namespace ridgeline::search {
namespace {

using model::Cost;
using model::Problem;

// A cut of a mapping, outermost first.
struct Placed {
  int operand = 0;
  int index = 0;
  std::int64_t node = 0;
};

// Where a mapping's cuts lie once irrelevant loops have sunk.
std::vector<Placed> chain_of(const CutLattice& space, const model::Ordering& ordering,
                             const model::Cuts& cuts) {
  const Problem& p = space.problem();
  std::vector<std::int64_t> prefix{0};
  for (int i = 0; i < ordering.count; ++i) {
    std::int64_t node = prefix.back();
    for (int t = 0; t < space.type_count(); ++t) {
      if (space.type(t).dim == ordering.dim[z(i)] &&
          static_cast<double>(space.type(t).prime) == ordering.size[z(i)]) {
        node += space.type(t).stride;
      }
    }
    prefix.push_back(node);
  }
  model::LoopTiling tiling;
  model::tile(p, ordering, cuts, tiling);
  std::vector<std::pair<int, Placed>> placed;
  for (int o = 0; o < p.operands; ++o) {
    int irrelevant = 0;  // innermost loops
    while (irrelevant < ordering.count &&
           (p.operand[z(o)].irrelevant >> ordering.dim[z(irrelevant)] & 1u)) {
      ++irrelevant;
    }
    for (int i = 0; i < space.cuts_of(o); ++i) {
      const Cut& cut = space.cut(o, i);
      int end = irrelevant;
      if (!cut.stationary) end = tiling.operand[z(o)].boundary[z(cut.level - 1)];
      if (cut.stationary && p.operand[z(o)].levels > 1) {
        end = std::min<int>(end, tiling.operand[z(o)].boundary[0]);
      }
      placed.push_back({end, {o, i, prefix[z(end)]}});
    }
  }
  std::stable_sort(placed.begin(), placed.end(), [](const auto& a, const auto& b) {
    if (a.first != b.first) return a.first > b.first;
    if (a.second.operand != b.second.operand) return a.second.operand < b.second.operand;
    return a.second.index > b.second.index;
  });
  std::vector<Placed> result;
  for (const auto& [end, cut] : placed) result.push_back(cut);
  return result;
}

// Whether every tile fits, as the exact mapper asks: only mappings that do are in its space.
bool fits(const CutLattice& space, const std::vector<Placed>& chain, const ExactBounds& bounds) {
  int state = bounds.all_left();
  std::vector<double> bits;
  for (int m = 0; m < space.problem().memories; ++m) bits.push_back(space.fixed_bits(m));
  for (const Placed& placed : chain) {
    const Cut& cut = space.cut(placed.operand, placed.index);
    if (!cut.stationary) {
      double& used = bits[z(cut.memory)];
      used += bounds.least_bits(cut, placed.node);
      if (used > space.problem().memory[z(cut.memory)].size) return false;
    }
    if (bounds.surely_too_large(space.cut(placed.operand, placed.index), placed.node)) return false;
    state = bounds.placed(state, placed.operand, placed.node);
    if (state < 0) return false;  // a tile of the output does not fit with partial sums
  }
  return true;
}

Prices random_prices(const CutLattice& space, std::mt19937_64& random) {
  Prices prices;
  prices.energy = static_cast<double>(random() % 3);
  for (int i = 0; i < 4; ++i) {
    const auto way = random() % z(1 + 3 * space.tracked());
    const auto input = space.problem().operands == 2 ? 0 : random() % 2;
    prices.way[way][input] += static_cast<double>(1 + random() % 8);
  }
  for (const int m : space.shared_memories()) {
    if (random() % 2 == 0) prices.memory[z(m)] = static_cast<double>(random() % 1000);
  }
  return prices;
}

void expect_bounded(const CutLattice& space, ExactBounds& bounds,
                    const std::vector<DualBoundTable>& tables, const std::vector<Placed>& chain,
                    const Cost& cost) {
  const Problem& p = space.problem();
  OperandCounts at_top{};
  for (const Placed& placed : chain) {
    if (placed.node == space.full()) at_top[z(placed.operand)]++;
  }
  const int type = bounds.type_index(at_top);
  std::vector<double> paid(z(paid_width(space)), 0.0);
  for (const int m : space.shared_memories()) {
    paid[z(paid_bits_place(space, m))] = space.fixed_bits(m);
  }
  paid[kPaidEnergy] = space.constant_energy();
  const auto add = [&](const PortShare& share, int i) {
    double* port = &paid[z(kPaidPorts + kPaidPortWidth * i)];
    port[0] += share.busy;
    port[1] += share.excess;
    port[2] += share.demand;
    port[3] += share.cycles;
  };
  for (int i = 0; i < space.tracked(); ++i) add(space.constant_share(i), i);
  OperandCounts left{};
  int state = bounds.all_left();
  for (int o = 0; o < p.operands; ++o) left[z(o)] = static_cast<std::uint8_t>(space.cuts_of(o));
  const auto check = [&](std::int64_t node) {
    const double energy = paid[kPaidEnergy] + bounds.energy_left(node, state);
    ASSERT_LE(energy, cost.energy * (1 + 1e-9));
    const double latency = bounds.latency(paid.data(), type, left, node).total;
    ASSERT_LE(latency, cost.latency + 1e-6 * std::abs(cost.latency)) << "node " << node;
    if (node == space.full() && state != 0) return;
    for (const DualBoundTable& table : tables) {
      const double bound = table.paid(paid.data()) + table.constant(type) + table.left(node, state);
      const double value =
          table.energy_price() * cost.energy + table.latency_price() * cost.latency;
      ASSERT_LE(bound, value + 1e-6 * std::abs(value)) << "node " << node;
    }
  };
  for (const Placed& placed : chain) {
    const Cut& cut = space.cut(placed.operand, placed.index);
    if (placed.node != space.full()) {
      ASSERT_NO_FATAL_FAILURE(check(placed.node));
    }
    paid[kPaidEnergy] += cut.energy[cut.at(placed.node)];
    for (std::size_t i = 0; i < cut.own_ports.size(); ++i) {
      add(cut.shares_at(placed.node)[i], cut.own_ports[i]);
    }
    if (const int place = cut.stationary ? -1 : paid_bits_place(space, cut.memory); place >= 0) {
      paid[z(place)] += bounds.least_bits(cut, placed.node);
    }
    if (placed.node != space.full()) {
      const double loading = cut.loading[cut.at(placed.node)];
      if (cut.role == LoadingRole::separate) paid[z(kPaidSeparate + placed.operand)] += loading;
      if (cut.role == LoadingRole::together) paid[z(kPaidTogether + placed.operand)] += loading;
      if (cut.role == LoadingRole::offload) paid[kPaidOffload] += loading;
    }
    left[z(placed.operand)]--;
    state = bounds.placed(state, placed.operand, placed.node);
    ASSERT_NO_FATAL_FAILURE(check(placed.node));
  }
}

// Runs of the first so many loops, now and then of any size.
std::vector<LoopConstraint> constraints_on(const std::vector<model::TemporalLoop>& loops,
                                           std::size_t first, std::mt19937_64& random) {
  std::vector<LoopConstraint> constraints;
  for (std::size_t i = 0; i < first; ++i) {
    if (loops[i].size == 1) continue;
    if (!constraints.empty() && constraints.back().dim == loops[i].dim && constraints.back().size) {
      *constraints.back().size *= loops[i].size;
    } else {
      constraints.push_back({loops[i].dim, loops[i].size});
    }
  }
  for (LoopConstraint& run : constraints) {
    if (random() % 4 == 0) run.size.reset();
  }
  return constraints;
}

// `constrained`: the innermost loops of all mappings of a problem are the same, and known.
void compare(std::uint64_t seed, int problems, bool whole, bool constrained = false) {
  std::mt19937_64 random(seed);
  int compared = 0;
  for (int i = 0; i < problems; ++i) {
    SCOPED_TRACE("problem " + std::to_string(i));
    const auto one = testing::random_problem(random, 1 + static_cast<int>(random() % 10), whole);
    const auto hierarchy = model::build_hierarchy(one.accelerator);
    const auto compiled =
        model::compile(one.layer, one.accelerator, hierarchy, one.mapping, one.spatial);
    if (!std::holds_alternative<Problem>(compiled)) continue;
    const Problem& problem = std::get<Problem>(compiled);
    std::vector<std::int64_t> sizes(problem.temporal_size.begin(),
                                    problem.temporal_size.begin() + problem.dims);
    auto loops = loop_factors(one.layer, sizes, 0, {}).loops;
    std::size_t fixed = 0;  // loops
    Watch watch{Budget{}};
    CutLattice space(problem, 1'000'000, std::int64_t{1} << 30, watch, false,
                     i % 2 == 0 ? 0 : CutLattice::kDenseStates, !constrained);
    if (space.too_large()) continue;
    if (constrained) {
      std::shuffle(loops.begin(), loops.end(), random);
      fixed = 1 + random() % loops.size();
      const PrefixNodes prefix(space, constraints_on(loops, fixed, random));
      prefix.limit(space);
    }
    ExactBounds bounds(space, watch);
    std::vector<DualBoundTable> tables;
    for (int k = 0; k < 3; ++k) {
      const Prices prices = random_prices(space, random);
      tables.emplace_back(space, bounds, prices, watch);
      ASSERT_TRUE(tables.back().complete());
    }
    for (int k = 0; k < 10; ++k) {
      for (std::size_t j = loops.size(); j > fixed + 1; --j) {
        std::swap(loops[j - 1], loops[fixed + random() % (j - fixed)]);
      }
      model::Ordering ordering;
      for (const auto& loop : loops) ordering.push(loop.dim, loop.size);
      model::Cuts cuts;
      for (int o = 0; o < problem.operands; ++o) {
        int end = 0;
        for (int m = 0; m < problem.operand[z(o)].levels; ++m) {
          if (m + 1 == problem.operand[z(o)].levels) {
            end = ordering.count;
          } else if (random() % 3 != 0) {
            end += static_cast<int>(random() % z(ordering.count - end + 1));
          }
          cuts.end[z(o)][z(m)] = static_cast<std::uint8_t>(end);
        }
      }
      const std::vector<Placed> chain = chain_of(space, ordering, cuts);
      if (!fits(space, chain, bounds)) continue;
      const Cost cost = model::evaluate(problem, ordering, cuts);
      if (!std::isfinite(cost.energy)) continue;
      ++compared;
      ASSERT_LE(least_cost(problem).energy, cost.energy);
      ASSERT_LE(least_cost(problem).latency, cost.latency);
      ASSERT_NO_FATAL_FAILURE(expect_bounded(space, bounds, tables, chain, cost));
    }
  }
  EXPECT_GT(compared, problems / 2);
}

TEST(ExactBounds, AreNeverAboveTheCostOfAMappingThatTheChainLeadsTo) {
  compare(2, 2000, true);
}

TEST(SlowExactBounds, AreNeverAboveTheCostOfAMappingThatTheChainLeadsTo) {
  compare(2, 20000, true);
}

TEST(ExactBounds, AreNeverAboveTheCostUnderConstraintsOnLoops) {
  compare(5, 1000, true, true);
}

TEST(SlowExactBounds, AreNeverAboveTheCostUnderConstraintsOnLoops) {
  compare(6, 6000, true, true);
}

TEST(SlowExactBounds, AreNeverAboveTheCostWhereUnrollingsDoNotDivide) {
  compare(3, 10000, false);
}

// A layer of 8.1e15 operations, whose outputs have 36,864 different tiles, before all is added up
// and after: each with other floors.
TEST(SlowExactBounds, TellsMoreThan65536FloorsApart) {
  model::Layer layer;
  layer.name = "many_factors";
  layer.operator_type = "Gemm";
  layer.dims = {{"D", std::int64_t{128} * 27 * 25 * 49},
                {"K", std::int64_t{11} * 13 * 17 * 19 * 23 * 29 * 31},
                {"C", 2}};
  const auto add = [&](const char* name, int first, int second, std::int64_t precision) {
    model::LayerOperand operand;
    operand.name = name;
    operand.indices = {{false, first}, {false, second}};
    operand.precision = precision;
    layer.operands.push_back(operand);
  };
  add("O", 0, 1, 16);
  add("I", 0, 2, 8);
  add("W", 2, 1, 8);
  layer.output_final_precision = 8;
  model::Accelerator accelerator;
  accelerator.name = "two levels";
  accelerator.array.dims = {{"D1", 1}};
  const auto memory = [&](const char* name, std::vector<model::MemoryOperand> operands) {
    model::Memory one;
    one.name = name;
    one.size = std::int64_t{1} << 62;
    one.r_cost = one.w_cost = 1;
    one.operands = operands;
    one.served_dims = {0};
    model::Port port;
    port.name = "rw_port_1";
    port.bandwidth_min = port.bandwidth_max = 8;
    for (const model::MemoryOperand operand : operands) {
      for (int d = 0; d < model::kDirections; ++d) {
        port.allocation.emplace_back(operand, static_cast<model::Direction>(d));
      }
    }
    one.ports = {port};
    accelerator.memories.push_back(one);
  };
  using model::MemoryOperand;
  memory("inner", {MemoryOperand::O});
  memory("outer", {MemoryOperand::I1, MemoryOperand::I2, MemoryOperand::O});
  const auto compiled = model::compile(layer, accelerator, model::build_hierarchy(accelerator),
                                       model::MappingEntry{.name = "default"}, {});
  ASSERT_TRUE(std::holds_alternative<Problem>(compiled)) << std::get<std::string>(compiled);
  const Budget budget;
  Watch watch(budget);
  const CutLattice space(std::get<Problem>(compiled), 40'000'000, 1'000'000'000, watch);
  ASSERT_FALSE(space.too_large()) << space.refusal();
  ASSERT_EQ(space.nodes(), 2 * 36'864);
  const ExactBounds bounds(space, watch);
  std::set<std::uint32_t> classes;
  for (std::int64_t x = 0; x < space.nodes(); ++x) classes.insert(bounds.floor_class(0, x));
  EXPECT_EQ(static_cast<std::int64_t>(classes.size()), space.nodes());
}

}  // namespace
}  // namespace ridgeline::search
