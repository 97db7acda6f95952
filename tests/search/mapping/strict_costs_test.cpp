// What levels cost that are worked out once is what the strict model takes for each ordering.
#include "search/mapping/strict_costs.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <random>
#include <variant>

#include "model/core/hierarchy.hpp"
#include "model/core/index.hpp"
#include "search/mapping/allocate.hpp"
#include "search/mapping/loop_factors.hpp"
#include "search/mapping/replay.hpp"
#include "tests/support/random_problem.hpp"

namespace ridgeline::search {
namespace {

// Whether cuts drawn at random fit, which both ways of adding up tiles have to say.
bool costs_fit(StrictCosts& costs, const model::Problem& problem, const model::Ordering& ordering,
               std::mt19937_64& random) {
  model::Cuts cuts;
  std::array<double, model::kMaxMemories> used{};
  bool fits = true;
  for (int o = 0; o < problem.operands; ++o) {
    const model::ProblemOperand& operand = problem.operand[z(o)];
    int begin = 0;
    for (int m = 0; m < operand.levels; ++m) {
      const bool top = m + 1 == operand.levels;
      const auto more = random() % static_cast<std::uint64_t>(ordering.count - begin + 1);
      const int end = top ? ordering.count : begin + static_cast<int>(more);
      cuts.end[z(o)][z(m)] = static_cast<std::uint8_t>(end);
      const int memory = operand.memory[z(m)];
      used[z(memory)] += tile_bits(problem, ordering, o, m, begin, end);
      fits = fits && used[z(memory)] <= problem.memory[z(memory)].size;
      begin = end;
    }
  }
  EXPECT_EQ(costs.fits(cuts), fits);
  return fits;
}

TEST(StrictCosts, AreThoseOfEachOrdering) {
  int compared = 0;
  std::array<int, 2> fitting{};
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
      fitting[costs_fit(costs, *problem, ordering, random) ? 1 : 0] += 1;
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
  EXPECT_GT(fitting[0], 100);
  EXPECT_GT(fitting[1], 100);
}

}  // namespace
}  // namespace ridgeline::search
