// No mapping costs less than the bounds by which designs are cut.
#include "search/exact/root_bound.hpp"

#include <gtest/gtest.h>

#include <random>
#include <variant>

#include "search/exact/exact_mapper.hpp"
#include "search/exact/least_cost.hpp"
#include "tests/support/random_problem.hpp"

namespace ridgeline::search {
namespace {

TEST(RootBound, is_below_the_least_energy_and_latency_and_close_to_the_energy) {
  std::mt19937_64 random(21);
  int proven = 0;
  int close = 0;
  int near = 0;
  int reached = 0;
  for (int i = 0; i < 300; ++i) {
    SCOPED_TRACE("problem " + std::to_string(i));
    const auto drawn = testing::random_problem(random, 2 + i % 7, i % 2 == 0);
    const auto compiled =
        model::compile(drawn.layer, drawn.accelerator, model::build_hierarchy(drawn.accelerator),
                       drawn.mapping, drawn.spatial);
    if (!std::holds_alternative<model::Problem>(compiled)) continue;
    const model::Problem& problem = std::get<model::Problem>(compiled);
    const model::Cost bound = root_bound(problem, i % 3);
    ExactOptions options;
    options.objective = Objective::energy;
    const ExactResult cheapest = exact_search(problem, options, std::nullopt);
    options.objective = Objective::latency;
    const ExactResult fastest = exact_search(problem, options, std::nullopt);
    if (!cheapest.improved || !fastest.improved || !cheapest.optimal || !fastest.optimal) continue;
    ++proven;
    EXPECT_LE(bound.energy, cheapest.best.cost.energy);
    EXPECT_LE(bound.latency, fastest.best.cost.latency);
    close += bound.energy > 0.99 * cheapest.best.cost.energy;
    const model::Cost quick = least_cost(problem);
    EXPECT_LE(quick.energy, cheapest.best.cost.energy);
    EXPECT_LE(quick.latency, fastest.best.cost.latency);
    near += quick.latency > 0.9 * fastest.best.cost.latency;
    // Of mappings with the least of the first term any will do.
    options.first_term = true;
    const ExactResult first = exact_search(problem, options, std::nullopt);
    EXPECT_TRUE(first.optimal);
    EXPECT_NEAR(first.best.cost.latency, fastest.best.cost.latency,
                1e-9 * fastest.best.cost.latency);
    EXPECT_GE(first.best.cost.energy, fastest.best.cost.energy * (1 - 1e-9));
    // What is as fast as the bound is proven without a search.
    if (reaches(fastest.best.cost.latency, quick)) {
      ++reached;
      const ExactResult known = exact_search(problem, options, fastest.best.cost);
      EXPECT_TRUE(known.optimal);
      EXPECT_EQ(known.nodes, 0);
      EXPECT_EQ(known.lower_bound, fastest.best.cost.latency);
    }
    options.objective = Objective::energy;
    const ExactResult first_energy = exact_search(problem, options, std::nullopt);
    EXPECT_NEAR(first_energy.best.cost.energy, cheapest.best.cost.energy,
                1e-9 * cheapest.best.cost.energy);
    EXPECT_GE(first_energy.best.cost.latency, cheapest.best.cost.latency * (1 - 1e-9));
  }
  EXPECT_GT(proven, 200);
  EXPECT_GT(close, proven * 8 / 10);
  EXPECT_GT(near, proven / 3);
  EXPECT_GT(reached, proven / 4);
}

// Tiles that are cut off to whole elements move fewer than there are.
TEST(RootBound, least_cost_is_below_the_optimum_where_unrollings_do_not_divide) {
  std::mt19937_64 random(1);
  int compared = 0;
  for (int i = 0; i < 950; ++i) {
    SCOPED_TRACE("problem " + std::to_string(i));
    const auto drawn = testing::random_problem(random, 2 + i % 4, false);
    const auto compiled =
        model::compile(drawn.layer, drawn.accelerator, model::build_hierarchy(drawn.accelerator),
                       drawn.mapping, drawn.spatial);
    if (!std::holds_alternative<model::Problem>(compiled)) continue;
    const model::Problem& problem = std::get<model::Problem>(compiled);
    const model::Cost least = least_cost(problem);
    for (const Objective objective : {Objective::energy, Objective::latency}) {
      ExactOptions options;
      options.objective = objective;
      options.first_term = true;
      const ExactResult best = exact_search(problem, options, std::nullopt);
      if (!best.improved) continue;
      ++compared;
      EXPECT_LE(objective_value(objective, least), objective_value(objective, best.best.cost));
    }
  }
  EXPECT_GT(compared, 1000);
}

}  // namespace
}  // namespace ridgeline::search
