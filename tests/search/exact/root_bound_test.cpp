// No mapping costs less than the bounds by which designs are cut.
#include "search/exact/root_bound.hpp"

#include <gtest/gtest.h>

#include <random>
#include <variant>

#include "search/exact/exact_mapper.hpp"
#include "tests/support/random_problem.hpp"

namespace ridgeline::search {
namespace {

TEST(RootBound, is_below_the_least_energy_and_latency_and_close_to_the_energy) {
  std::mt19937_64 random(21);
  int proven = 0;
  int close = 0;
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
  }
  EXPECT_GT(proven, 200);
  EXPECT_GT(close, proven * 8 / 10);
}

}  // namespace
}  // namespace ridgeline::search
