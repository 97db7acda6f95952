// Spatial mappings between which the cost model sees no difference.
#include "search/mapping/problem_key.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <variant>
#include <vector>

#include "model/core/evaluate.hpp"
#include "search/exact/exact_mapper.hpp"
#include "search/mapping/allocate.hpp"
#include "search/mapping/loop_factors.hpp"
#include "search/mapping/mapper.hpp"
#include "search/mapping/spatial_candidates.hpp"
#include "tests/support/random_problem.hpp"

namespace ridgeline::search {
namespace {

// Random problems under all their spatial mappings.
template <class Each>
void for_random_layers(std::uint64_t seed, int count, const Each& each) {
  std::mt19937_64 random(seed);
  for (int i = 0; i < count; ++i) {
    SCOPED_TRACE("problem " + std::to_string(i) + " of seed " + std::to_string(seed));
    auto drawn = testing::random_problem(random, 2 + i % 6, true);
    drawn.mapping.spatial_mapping.clear();
    drawn.mapping.spatial_hints.clear();
    const model::Hierarchy hierarchy = model::build_hierarchy(drawn.accelerator);
    SpatialOptions options;
    options.candidates = 0;
    options.mixed = i % 2 == 0;
    const SpatialCandidates candidates =
        spatial_candidates(drawn.layer, drawn.accelerator, hierarchy, drawn.mapping, options);
    std::vector<model::Problem> problems;
    for (const model::SpatialMapping& spatial : candidates.mappings) {
      auto compiled =
          model::compile(drawn.layer, drawn.accelerator, hierarchy, drawn.mapping, spatial);
      if (auto* problem = std::get_if<model::Problem>(&compiled)) problems.push_back(*problem);
    }
    each(drawn, hierarchy, problems, random);
    if (::testing::Test::HasFailure()) return;
  }
}

TEST(ProblemKey, IsSharedOnlyByProblemsThatCostTheSameUnderEveryOrdering) {
  int shared = 0;
  int told_apart = 0;
  for_random_layers(
      3, 1000, [&](const auto& drawn, const auto&, const auto& problems, auto& random) {
        std::map<std::string, const model::Problem*> first;
        for (const model::Problem& problem : problems) {
          const auto [place, added] = first.try_emplace(problem_key(problem), &problem);
          told_apart += added && first.size() > 1;
          if (added) continue;
          ++shared;
          const model::Problem& twin = *place->second;
          const std::vector<std::int64_t> sizes(problem.temporal_size.begin(),
                                                problem.temporal_size.begin() + problem.dims);
          auto loops = loop_factors(drawn.layer, sizes, 0, {}).loops;
          for (int n = 0; n < 5; ++n) {
            for (std::size_t k = loops.size(); k > 1; --k)
              std::swap(loops[k - 1], loops[random() % k]);
            model::Ordering ordering;
            for (const auto& loop : loops) ordering.push(loop.dim, loop.size);
            model::Cuts cuts;
            model::Cuts cuts_of_twin;
            const bool fits = allocate(problem, ordering, false, cuts);
            ASSERT_EQ(fits, allocate(twin, ordering, false, cuts_of_twin));
            if (!fits) continue;
            const model::Cost cost = model::evaluate(problem, ordering, cuts);
            const model::Cost cost_of_twin = model::evaluate(twin, ordering, cuts_of_twin);
            ASSERT_EQ(cost.energy, cost_of_twin.energy);
            ASSERT_EQ(cost.latency, cost_of_twin.latency);
          }
        }
      });
  EXPECT_GT(shared, 100);
  EXPECT_GT(told_apart, 100);
}

// Throws where it cannot be compiled.
model::Problem some_problem() {
  std::mt19937_64 random(9);
  const auto drawn = testing::random_problem(random, 5, true);
  return std::get<model::Problem>(model::compile(drawn.layer, drawn.accelerator,
                                                 model::build_hierarchy(drawn.accelerator),
                                                 drawn.mapping, drawn.spatial));
}

TEST(ProblemKey, TellsSizesCostsAndBandwidthsApart) {
  const model::Problem problem = some_problem();
  const auto changed = [&](const auto& change) {
    model::Problem other = problem;
    change(other);
    return problem_key(other) != problem_key(problem);
  };
  EXPECT_TRUE(changed([](model::Problem& p) { p.memory[0].size *= 2; }));
  EXPECT_TRUE(changed([](model::Problem& p) { p.port[0].bandwidth_max *= 2; }));
  EXPECT_TRUE(changed([](model::Problem& p) { p.operand[1].read_cost[0] += 1; }));
  EXPECT_TRUE(changed([](model::Problem& p) { p.operand[1].write_cost[0] += 1; }));
  EXPECT_TRUE(changed([](model::Problem& p) { p.operand[0].bandwidth_min[0][0] += 1; }));
  EXPECT_TRUE(changed([](model::Problem& p) { p.mac_energy += 1; }));
  EXPECT_TRUE(changed([](model::Problem& p) { p.drain += 1; }));
  EXPECT_TRUE(changed([](model::Problem& p) { p.temporal_size[0] += 1; }));
  EXPECT_FALSE(changed([](model::Problem&) {}));
}

// Between two memories a loop of 4 is one of 2 twice; which memory it lies below is another thing.
TEST(ProblemKey, DoesNotTellInHowManyPartsALoopIsUnrolled) {
  const model::Problem problem = some_problem();
  const auto unrolled = [&](const std::vector<model::UnrolledLoop>& loops) {
    model::Problem other = problem;
    model::OperandSpatial& spatial = other.operand[1].real;
    spatial.whole = true;
    std::copy(loops.begin(), loops.end(), spatial.loops.begin());
    spatial.begin.fill(static_cast<std::uint8_t>(loops.size()));
    spatial.begin[0] = 0;
    return problem_key(other);
  };
  EXPECT_EQ(unrolled({{0, 4}}), unrolled({{0, 2}, {0, 2}}));
  EXPECT_EQ(unrolled({{0, 4}, {1, 2}}), unrolled({{1, 2}, {0, 2}, {1, 1}, {0, 2}}));
  EXPECT_NE(unrolled({{0, 4}}), unrolled({{0, 2}}));
  EXPECT_NE(unrolled({{0, 4}}), unrolled({{1, 4}}));
}

// What is searched once, and what is passed over for a gap, against every spatial mapping on its
// own.
TEST(SpatialMappings, TogetherGiveWhatTheBestOfThemGivesAlone) {
  int equal = 0;
  int rough = 0;
  for_random_layers(
      4, 60, [&](const auto& drawn, const auto& hierarchy, const auto& problems, auto& random) {
        for (const Objective objective : {Objective::latency, Objective::energy, Objective::edp}) {
          std::optional<model::Cost> best;
          for (const model::Problem& problem : problems) {
            ExactOptions options;
            options.objective = objective;
            const ExactResult alone = exact_search(problem, options, std::nullopt);
            if (alone.improved && (!best || better(objective, alone.best.cost, *best))) {
              best = alone.best.cost;
            }
          }
          MapperOptions options;
          options.engine = Engine::exact;
          options.objective = objective;
          options.spatial_candidates = 0;
          options.mixed_spatial = true;
          const auto search = [&] {
            return map_layer(drawn.layer, drawn.accelerator, hierarchy, drawn.mapping, options);
          };
          const LayerResult all = search();
          if (!best || !all.infeasible.empty()) continue;
          const double value = objective_value(objective, all.evaluation.cost);
          EXPECT_TRUE(all.optimal);
          EXPECT_LE(value, objective_value(objective, *best) * (1 + 1e-9));
          ++equal;
          options.gap = 0.01 * static_cast<double>(1 + random() % 20);
          const LayerResult close = search();
          const double found = objective_value(objective, close.evaluation.cost);
          EXPECT_LE(close.lower_bound, value * (1 + 1e-9));
          EXPECT_GE(close.lower_bound, (1 - options.gap) * found * (1 - 1e-9));
          rough += !close.optimal;
        }
      });
  EXPECT_GT(equal, 100);
  EXPECT_GT(rough, 10);
}

}  // namespace
}  // namespace ridgeline::search
