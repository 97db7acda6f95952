// Depth-first inference by our own rules: tiles cover maps, copies cost what they should, and the
// search finds what complete enumeration finds.
#include "search/depth_first/fusion_search.hpp"

#include <gtest/gtest.h>

#include <random>

#include "search/depth_first/tile_problem.hpp"
#include "tests/support/depth_first_case.hpp"

namespace ridgeline {
namespace {

using search::Overlap;

search::FusionOptions options_of(search::Objective objective) {
  search::FusionOptions options;
  options.mapper.objective = objective;
  options.mapper.engine = search::Engine::exact;
  options.mapper.spatial_candidates = 1;
  options.overlaps = {Overlap::recompute, Overlap::h_cached, Overlap::cached};
  return options;
}

TEST(DepthFirstTiles, EveryPlaceOfEveryMapIsComputedOnceWhereAllIsCached) {
  const model::FusedNetwork network =
      model::fused_network(testing::workload_of_rows({{"conv", {-1}, 8, 3, 7, 2, 28, 22, 3},
                                                      {"conv", {0}, 8, 8, 3, 1, 28, 22, 1},
                                                      {"add", {0, 1}, 8, 1, 1, 1, 28, 22, 0},
                                                      {"conv", {2}, 8, 8, 3, 2, 14, 11, 1}}));
  const int last = static_cast<int>(network.nodes.size()) - 1;
  for (std::size_t axis = 0; axis < model::kAxes; ++axis) {
    for (std::int64_t tile = 1; tile <= network.nodes.back().map[axis]; ++tile) {
      const model::AxisTiles tiles =
          model::tiles_by_position(network, last, axis, tile, tile, true);
      std::vector<std::int64_t> computed(network.nodes.size(), 0);
      for (const int kind : tiles.kind_of) {
        for (std::size_t n = 0; n < network.nodes.size(); ++n) {
          computed[n] += tiles.kinds[static_cast<std::size_t>(kind)].size[n];
        }
      }
      for (std::size_t n = 1; n < network.nodes.size(); ++n) {
        // The strided layer at the end does not look at the last column of an even map.
        EXPECT_GE(computed[n], network.nodes[n].map[axis] - 1) << network.nodes[n].name;
        EXPECT_LE(computed[n], network.nodes[n].map[axis]) << network.nodes[n].name;
      }
    }
  }
}

TEST(DepthFirstTiles, ASkippedMapIsKeptForAsLongAsTheLongBranchIsBehind) {
  // Two 3 x 3 layers beside the skip: the sum needs the block's input two columns late.
  const model::FusedNetwork network =
      model::fused_network(testing::workload_of_rows({{"conv", {-1}, 4, 4, 1, 1, 12, 12, 0},
                                                      {"conv", {0}, 4, 4, 3, 1, 12, 12, 1},
                                                      {"conv", {1}, 4, 4, 3, 1, 12, 12, 1},
                                                      {"add", {0, 2}, 4, 1, 1, 1, 12, 12, 0}}));
  const model::AxisTiles tiles =
      model::tiles_by_position(network, static_cast<int>(network.nodes.size()) - 1, 0, 4, 4, true);
  ASSERT_EQ(tiles.kind_of.size(), 3u);
  const model::AxisTile& middle = tiles.kinds[static_cast<std::size_t>(tiles.kind_of[1])];
  // Tile [4, 8): the block's input reaches 10 = 8 + 2; the next tile begins at 8, its first layer
  // at 8 + 1 - 1 = 8.
  EXPECT_EQ(middle.size[1], 4);
  EXPECT_EQ(middle.keep[1], 2);
  EXPECT_EQ(middle.edges[4][0].overlap, 2);  // the sum reads [4, 8), of which [4, 6) is kept
}

TEST(DepthFirstCopies, CostIsThatOfTheWorkedExamples) {
  // 29600 bits from dram over 1 MB to 64 KB: 462.5 words of 64 bits leave dram and enter the 1 MB
  // in 463 granules, and leave it again for the 64 KB, 512 bits a cycle.
  const model::Accelerator core = testing::published_core();
  const auto i1 = model::MemoryOperand::I1;
  const model::CopyLayer far =
      model::cost_copies(core, {{model::CopyCause::stack_input, 29600, {i1, 6}, {i1, 4}}});
  ASSERT_EQ(far.copies.size(), 1u);
  ASSERT_EQ(far.copies[0].hops.size(), 2u);
  EXPECT_EQ(far.copies[0].hops[0].cycles, 463);
  EXPECT_EQ(far.copies[0].hops[1].cycles, 58);
  EXPECT_DOUBLE_EQ(far.energy,
                   463 * 700.0 + 463.0 / 16 * 189.2 + 463.0 / 16 * 208.08 + 463.0 / 8 * 30.8);
  EXPECT_EQ(far.latency, 521);
  const model::CopyLayer near =
      model::cost_copies(core, {{model::CopyCause::read_columns, 1600, {i1, 5}, {i1, 4}}});
  EXPECT_DOUBLE_EQ(near.energy, 25.0 / 16 * 208.08 + 25.0 / 8 * 30.8);
  EXPECT_EQ(near.latency, 4);
}

// Every way to cut, every tile, every way of overlap.
double by_enumeration(const model::FusedNetwork& network, const search::FusionCore& core,
                      const search::FusionOptions& options, search::TileSolver& solver) {
  std::vector<int> layers;
  for (std::size_t n = 0; n < network.nodes.size(); ++n) {
    if (network.nodes[n].layer) layers.push_back(static_cast<int>(n));
  }
  const std::size_t count = layers.size();
  double best = -1;
  for (std::uint32_t cuts = 0; cuts < 1u << (count - 1); ++cuts) {
    double sum = 0;
    bool possible = true;
    for (std::size_t first = 0; first < count && possible;) {
      std::size_t last = first;
      while (last + 1 < count && !(cuts >> last & 1u)) ++last;
      const model::Stack stack = model::layers_as_stack(network, layers[first], layers[last]);
      double least = -1;
      if (stack.fault.empty()) {
        const auto& map = stack.network.nodes.back().map;
        search::AxisPlans axes;
        for (std::int64_t x = 1; x <= map[0]; ++x) {
          for (std::int64_t y = 1; y <= map[1]; ++y) {
            for (const Overlap overlap : options.overlaps) {
              search::StackJob job;
              job.stack = &stack;
              job.detail = false;
              job.plan = search::plan_stack(core, stack, x, y, overlap, {}, options.rules, &axes);
              solver.run(job);
              if (!job.cost.infeasible.empty()) continue;
              const double value = search::objective_value(options.mapper.objective,
                                                           {job.cost.energy, job.cost.latency});
              if (least < 0 || value < least) least = value;
            }
          }
        }
      }
      possible = least >= 0;
      sum += least;
      first = last + 1;
    }
    if (possible && (best < 0 || sum < best)) best = sum;
  }
  return best;
}

// Of random small networks and cores, from one to another.
void compare_with_enumeration(int from, int to) {
  for (int seed = from; seed < to; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937 random(static_cast<unsigned>(seed));
    model::FusedNetwork network =
        model::fused_network(testing::workload_of_rows(testing::random_network(random)));
    const std::int64_t near = 512 << (random() % 3);
    const model::Accelerator core = testing::small_core(near, near * 8, 1024 << (random() % 4));
    const model::MappingSpec mapping = testing::small_core_mapping();
    search::FusionOptions options =
        options_of(random() % 2 == 0 ? search::Objective::energy : search::Objective::latency);
    options.search_stacks = true;
    const search::FusionResult found =
        search::search_fusion(network, core, mapping, options, {.all_tiles = true});
    ASSERT_EQ(found.points.size(), 1u);
    const search::FusionPoint& point = found.points[0];
    ASSERT_EQ(point.infeasible, 0u);
    EXPECT_TRUE(found.proven);
    const search::FusionCore fusion_core(core, mapping);
    search::number_contents(network, fusion_core);
    search::TileSolver solver(fusion_core, options.rules, options.mapper, {});
    const double least = by_enumeration(network, fusion_core, options, solver);
    const double value = search::objective_value(options.mapper.objective, point.cost());
    EXPECT_NEAR(value, least, 1e-9 * least);
    EXPECT_LE(found.costed, found.considered);
  }
}

TEST(DepthFirstSearch, FindsWhatCompleteEnumerationFinds) {
  compare_with_enumeration(0, 2);
}
// 200 of them in parts, as tests run side by side.
class SlowDepthFirstSearch : public ::testing::TestWithParam<int> {};
TEST_P(SlowDepthFirstSearch, FindsWhatCompleteEnumerationFinds) {
  compare_with_enumeration(50 * GetParam(), 50 * GetParam() + 50);
}
INSTANTIATE_TEST_SUITE_P(Parts, SlowDepthFirstSearch, ::testing::Range(0, 4));

// Wherever the budget ends, every layer has a mapping, what nobody waits for is not mapped any
// more, and there is a bound that the optimum respects.
TEST(DepthFirstSearch, EndsWithSomethingAndABoundWhereverItsBudgetDoes) {
  std::mt19937 random(6);
  const model::FusedNetwork network =
      model::fused_network(testing::workload_of_rows(testing::random_network(random)));
  const model::Accelerator core = testing::small_core(1024, 8192, 4096);
  const model::MappingSpec mapping = testing::small_core_mapping();
  for (const search::Objective objective :
       {search::Objective::latency, search::Objective::energy, search::Objective::edp}) {
    SCOPED_TRACE(static_cast<int>(objective));
    search::FusionOptions options = options_of(objective);
    options.search_stacks = true;
    double bound = 0;
    const auto value_after = [&](long asks, std::int64_t& mapped) {
      long asked = 0;
      options.mapper.budget.stop = [&] { return ++asked > asks; };
      const search::FusionResult found = search::search_fusion(network, core, mapping, options, {});
      EXPECT_EQ(found.points.at(0).infeasible, 0u) << asks;
      for (const search::FusedStack& stack : found.points[0].stacks) {
        EXPECT_TRUE(stack.job.cost.infeasible.empty()) << asks;
      }
      mapped = found.solver->evaluated();
      bound = found.lower_bound;
      const double value = search::objective_value(objective, found.points[0].cost());
      EXPECT_LE(bound, value);
      return value;
    };
    std::int64_t all = 0;
    const double best = value_after(1'000'000'000, all);
    EXPECT_GT(bound, 0.99 * best);
    std::int64_t before = 0;
    for (const long asks : {0L, 1L, 10L, 100L, 1000L, 10'000L}) {
      std::int64_t mapped = 0;
      EXPECT_GE(value_after(asks, mapped), best);
      EXPECT_LE(bound, best) << asks;
      if (objective == search::Objective::energy) {
        EXPECT_GT(bound, 0.05 * best) << asks;
      }
      if (objective != search::Objective::latency) continue;
      EXPECT_LE(before, mapped) << asks;
      before = mapped;
      if (asks == 0) {
        EXPECT_LT(5 * mapped, all);
      }
    }
  }
}

TEST(DepthFirstSearch, WhatCannotBeFusedSaysWhyAndTheRestIsReported) {
  // A layer that reads all of the map for each output.
  model::Workload workload = testing::workload_of_rows({{"conv", {-1}, 4, 2, 3, 1, 8, 8, 1},
                                                        {"conv", {0}, 4, 4, 3, 1, 8, 8, 1},
                                                        {"direct", {1}, 8, 256, 1, 1, 1, 1, 0}});
  model::Layer& dense = *workload.nodes[2].layer;
  dense.operands[2].indices.resize(2);  // no axes any more
  const model::FusedNetwork network = model::fused_network(workload);
  const model::Accelerator core = testing::small_core(4096, 65536, 65536);
  const model::MappingSpec mapping = testing::small_core_mapping();
  search::FusionOptions options = options_of(search::Objective::energy);
  options.mapper.engine = search::Engine::loma;
  options.tiles = {{4, 4}};
  options.overlaps = {Overlap::cached};
  options.cuts = {0};
  const search::FusionResult given = search::cost_fusions(network, core, mapping, options);
  ASSERT_EQ(given.points[0].stacks.size(), 2u);
  EXPECT_EQ(given.points[0].infeasible, 1u);
  EXPECT_NE(given.points[0].stacks[1].job.cost.infeasible.find("layer2 reads all of layer1"),
            std::string::npos);
  EXPECT_GT(given.points[0].energy, 0);
  options.cuts.reset();
  const search::FusionResult automatic = search::cost_fusions(network, core, mapping, options);
  EXPECT_EQ(automatic.points[0].infeasible, 0u)
      << automatic.points[0].stacks[0].job.cost.infeasible;
}

}  // namespace
}  // namespace ridgeline
