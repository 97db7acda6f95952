// What levels cost that are worked out once is what the strict model takes for each ordering.
#include "search/mapping/strict_costs.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <variant>

#include "model/core/hierarchy.hpp"
#include "model/core/index.hpp"
#include "search/mapping/allocate.hpp"
#include "search/mapping/loop_factors.hpp"
#include "tests/support/random_problem.hpp"

namespace ridgeline::search {
namespace {

TEST(StrictCosts, AreThoseOfEachOrdering) {
  int compared = 0;
  for (std::uint64_t seed = 0; seed < 120; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937_64 random(seed + 500);
    const auto one = testing::random_problem(random, 4, seed % 3 != 0);
    const auto compiled =
        model::compile(one.layer, one.accelerator, model::build_hierarchy(one.accelerator),
                       one.mapping, one.spatial, model::CostModel::strict);
    const auto* problem = std::get_if<model::Problem>(&compiled);
    if (problem == nullptr) continue;
    StrictCosts costs(*problem);
    ASSERT_TRUE(costs.usable());
    const std::vector<std::int64_t> sizes(problem->temporal_size.begin(),
                                          problem->temporal_size.begin() + problem->dims);
    const LoopFactors factors = loop_factors(one.layer, sizes, 0, {});
    LoopPermutations permutations(one.layer, factors.loops);
    int orderings = 0;
    do {
      model::Ordering ordering;
      for (const model::TemporalLoop& loop : permutations.current()) {
        ordering.push(loop.dim, loop.size);
      }
      if (ordering.count == 0) ordering.push(0, 1);
      costs.set(ordering);
      for (const bool roomy : {false, true}) {
        model::Cuts cuts;
        model::Cuts again;
        const bool fits = allocate(*problem, ordering, false, cuts, nullptr, roomy);
        ASSERT_EQ(allocate(*problem, ordering, false, again, nullptr, roomy, &costs), fits);
        if (!fits) continue;
        for (int o = 0; o < problem->operands; ++o) {
          for (int m = 0; m < problem->operand[z(o)].levels; ++m) {
            ASSERT_EQ(again.end[z(o)][z(m)], cuts.end[z(o)][z(m)]);
          }
        }
        const model::Cost plain = model::estimate_strict(*problem, ordering, cuts);
        const model::Cost cost = costs.estimate(cuts);
        ASSERT_EQ(cost.latency, plain.latency);
        if (std::isfinite(plain.energy)) {
          ASSERT_NEAR(cost.energy / plain.energy, 1, 1e-12);
        } else {
          ASSERT_FALSE(std::isfinite(cost.energy));
        }
        ++compared;
      }
    } while (++orderings < 40 && permutations.next());
  }
  EXPECT_GT(compared, 1000);
}

}  // namespace
}  // namespace ridgeline::search
