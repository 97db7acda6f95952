// No way of fusing costs less than the bounds by which ways are cut before they are mapped.
#include <gtest/gtest.h>

#include <array>
#include <random>

#include "search/depth_first/fusion.hpp"
#include "search/depth_first/layer_floors.hpp"
#include "search/depth_first/tile_problem.hpp"
#include "tests/support/depth_first_case.hpp"

namespace ridgeline {
namespace {

using search::Objective;
using search::Overlap;
using search::TileSolver;

search::StackJob job_of(const search::FusionCore& core, const model::Stack& stack,
                        const search::Tile& tile, Overlap overlap) {
  search::StackJob job;
  job.stack = &stack;
  job.detail = false;
  job.plan = search::plan_stack(core, stack, tile.x, tile.y, overlap, {}, {});
  return job;
}

struct Compared {
  int ways = 0;
  int certain = 0;       // of which the bounds knew that they fit
  int beyond = 0;        // ways that were found to be beyond a limit
  int whole = 0;         // and not so
  double tightest = 0;   // sums over the ways: bound of the first tier over cost
  double floors = 0;     // and what the layers cost at least in any way: energy
  double latencies = 0;  // and cycles
};

// Stacks, tiles and ways of overlap at random, mapped for an objective and bounded in all tiers.
void compare(std::uint32_t seed, bool no_quirks, Objective objective, int ways, Compared& sum) {
  std::mt19937 random(seed);
  model::FusedNetwork network =
      model::fused_network(testing::workload_of_rows(testing::random_network(random)));
  const std::int64_t near = 512 << (random() % 3);
  const model::Accelerator accelerator =
      testing::small_core(near, near * 8, 1024 << (random() % 4));
  const model::MappingSpec mapping = testing::small_core_mapping();
  const search::FusionCore core(accelerator, mapping);
  search::number_contents(network, core);
  std::vector<int> layers;
  for (std::size_t n = 0; n < network.nodes.size(); ++n) {
    if (network.nodes[n].layer) layers.push_back(static_cast<int>(n));
  }
  search::MapperOptions options;
  options.objective = objective;
  options.engine = no_quirks ? search::Engine::loma : search::Engine::exact;
  options.spatial_candidates = 1;
  options.no_quirks = no_quirks;
  TileSolver mapper(core, {}, options, {});
  const std::vector<model::Cost> floors =
      search::layer_floors(network, core, {.quirks = !no_quirks});
  constexpr std::array kTiers{TileSolver::Depth::quick, TileSolver::Depth::alone,
                              TileSolver::Depth::bound};
  std::vector<TileSolver> bounds;
  for (const TileSolver::Depth depth : kTiers)
    bounds.emplace_back(core, search::FusionRules{}, options, TileSolver::ForEach{}, depth);
  // Beginning with what the first tier knows, the second one is as close where nothing stops it.
  TileSolver coarse(core, {}, options, {}, TileSolver::Depth::quick);
  TileSolver stepwise(core, {}, options, {}, TileSolver::Depth::alone);
  stepwise.begin_with(coarse);
  for (int w = 0; w < ways; ++w) {
    const std::size_t first = random() % layers.size();
    const std::size_t last = first + random() % (layers.size() - first);
    const model::Stack stack = model::layers_as_stack(network, layers[first], layers[last]);
    if (!stack.fault.empty()) continue;
    const auto& map = stack.network.nodes.back().map;
    const search::Tile tile{1 + static_cast<std::int64_t>(random() % map[0]),
                            1 + static_cast<std::int64_t>(random() % map[1])};
    const auto overlap = static_cast<Overlap>(random() % 3);
    SCOPED_TRACE(std::to_string(first) + " to " + std::to_string(last) + ", " +
                 std::to_string(tile.x) + " x " + std::to_string(tile.y) + ", " +
                 std::string(search::to_string(overlap)));
    search::StackJob mapped = job_of(core, stack, tile, overlap);
    mapper.run(mapped);
    model::Cost floor;
    for (std::size_t l = first; l <= last; ++l) {
      floor.energy += floors[static_cast<std::size_t>(layers[l])].energy;
      floor.latency += floors[static_cast<std::size_t>(layers[l])].latency;
    }
    if (mapped.cost.infeasible.empty()) {
      EXPECT_LE(floor.energy, mapped.cost.energy);
      EXPECT_LE(floor.latency, mapped.cost.latency);
      sum.floors += floor.energy / mapped.cost.energy;
      sum.latencies += floor.latency / mapped.cost.latency;
    }
    search::StackCost alone;
    for (std::size_t t = 0; t < kTiers.size(); ++t) {
      SCOPED_TRACE("tier " + std::to_string(t));
      search::StackJob bound = job_of(core, stack, tile, overlap);
      bounds[t].run(bound);
      if (kTiers[t] == TileSolver::Depth::alone) alone = bound.cost;
      // Where it is not certain that something fits, the bound says nothing.
      if (!mapped.cost.infeasible.empty()) {
        EXPECT_TRUE(!bound.cost.infeasible.empty() || !bound.cost.optimal);
        continue;
      }
      EXPECT_EQ(bound.cost.infeasible, "");
      ++sum.ways;
      if (!bound.cost.optimal) continue;
      ++sum.certain;
      EXPECT_LE(bound.cost.energy, mapped.cost.energy * (1 + 1e-9));
      EXPECT_LE(bound.cost.latency, mapped.cost.latency * (1 + 1e-9));
      if (t > 0) continue;
      sum.tightest += objective == Objective::energy ? bound.cost.energy / mapped.cost.energy
                                                     : bound.cost.latency / mapped.cost.latency;
    }
    if (!mapped.cost.infeasible.empty() || !alone.optimal) continue;
    for (const double part : {0.0, 0.5}) {
      SCOPED_TRACE("stepwise, to " + std::to_string(part));
      search::StackJob bound = job_of(core, stack, tile, overlap);
      bound.limit.weight = {1, 1};
      if (part > 0) bound.limit.value = part * (mapped.cost.energy + mapped.cost.latency);
      stepwise.run(bound);
      EXPECT_LE(bound.cost.energy, mapped.cost.energy * (1 + 1e-9));
      EXPECT_LE(bound.cost.latency, mapped.cost.latency * (1 + 1e-9));
      const double sum_of_both = bound.cost.energy + bound.cost.latency;
      if (bound.cost.beyond) {
        EXPECT_GT(sum_of_both, bound.limit.value);
        ++sum.beyond;
      } else if (bound.cost.optimal) {
        EXPECT_GE(sum_of_both, (alone.energy + alone.latency) * (1 - 1e-9));
        ++sum.whole;
      }
    }
  }
}

TEST(FusionBounds, NoWayCostsLessThanAnyOfItsBounds) {
  for (const Objective objective : {Objective::energy, Objective::latency, Objective::edp}) {
    Compared sum;
    for (std::uint32_t seed = 0; seed < 12; ++seed) {
      SCOPED_TRACE(seed);
      compare(seed, false, objective, 12, sum);
    }
    EXPECT_GT(sum.ways, 200);
    EXPECT_GT(sum.certain, sum.ways * 9 / 10);
    // The first tier, which knows no tables, says more than half of it.
    EXPECT_GT(sum.tightest, 0.5 * sum.ways / 3);
    EXPECT_GT(sum.floors, 0.05 * sum.ways / 3);
    EXPECT_GT(sum.beyond, 40);
    EXPECT_GT(sum.whole, 80);
  }
}

// Registers of one weight, and of one partial sum though of two finished outputs: whichever loop is
// innermost, weights or sums come anew with every iteration, for two cycles each.
TEST(FusionBounds, WhatComesWithEveryIterationIsKnownToTheFirstTier) {
  for (const std::int64_t channels : {8, 6}) {  // 4 units for them: whole, and a fraction
    SCOPED_TRACE(channels);
    model::FusedNetwork network = model::fused_network(
        testing::workload_of_rows({{"conv", {-1}, channels, 16, 3, 1, 12, 12, 1}}));
    const model::Accelerator accelerator =
        testing::core_of_rows({4, 2}, {{"rf_w", 8, 8, 0.01, 0.01, "I2", ""},
                                       {"rf_o", 16, 16, 0.02, 0.02, "O", "2"},
                                       {"buffer_w", 1 << 20, 32, 3, 4, "I2", "all"},
                                       {"near", 1 << 20, 32, 3, 3.5, "I1 O", "all"},
                                       {"dram", 10000000000, 64, 700, 750, "I1 I2 O", "all"}});
    const model::MappingSpec mapping = testing::small_core_mapping();
    const search::FusionCore core(accelerator, mapping);
    search::number_contents(network, core);
    search::MapperOptions options;
    options.objective = Objective::latency;
    options.engine = search::Engine::exact;
    options.spatial_candidates = 1;
    TileSolver mapper(core, {}, options, {});
    TileSolver bounds(core, {}, options, {}, TileSolver::Depth::quick);
    const model::Stack stack = model::layers_as_stack(network, 1, 1);
    search::StackJob mapped = job_of(core, stack, {12, 12}, Overlap::recompute);
    search::StackJob bound = job_of(core, stack, {12, 12}, Overlap::recompute);
    mapper.run(mapped);
    bounds.run(bound);
    ASSERT_EQ(mapped.cost.infeasible, "");
    EXPECT_LE(bound.cost.latency, mapped.cost.latency);
    EXPECT_GT(bound.cost.latency, 0.95 * mapped.cost.latency);
  }
}

TEST(FusionBounds, TheStrictModelKnowsWhatFitsWithoutMappingIt) {
  Compared sum;
  for (std::uint32_t seed = 20; seed < 26; ++seed) {
    SCOPED_TRACE(seed);
    compare(seed, true, Objective::energy, 8, sum);
  }
  EXPECT_GT(sum.ways, 60);
  EXPECT_GT(sum.certain, sum.ways * 8 / 10);
  EXPECT_GT(sum.latencies, 0.05 * sum.ways / 3);
}

}  // namespace
}  // namespace ridgeline
