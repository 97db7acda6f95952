// The branch and bound over the strict model finds what going through all mappings finds, and what
// it says of mappings when it is cut off holds (docs/strict-model.md, 5). How many problems:
// RIDGELINE_STRICT_CASES.
#include "search/exact/strict_search.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cstdlib>
#include <iostream>
#include <limits>
#include <random>
#include <variant>

#include "model/core/hierarchy.hpp"
#include "model/core/index.hpp"
#include "model/core/strict_evaluate.hpp"
#include "search/exact/strict_lattice.hpp"
#include "search/mapping/loop_factors.hpp"
#include "search/mapping/replay.hpp"
#include "tests/support/random_problem.hpp"

namespace ridgeline::search {
namespace {

std::uint64_t cases(std::uint64_t usual) {
  const char* text = std::getenv("RIDGELINE_STRICT_CASES");
  return text == nullptr ? usual : std::strtoull(text, nullptr, 10);
}

// Visits all orders of all prime factors with all cuts that fit.
template <class Visit>
void visit_all(const model::Layer& layer, const model::Problem& problem, const Visit& visit) {
  const std::vector<std::int64_t> sizes(problem.temporal_size.begin(),
                                        problem.temporal_size.begin() + problem.dims);
  const LoopFactors factors = loop_factors(layer, sizes, 0, {});
  GivenCuts free;
  for (auto& ends : free.end) ends.fill(-1);
  LoopPermutations permutations(layer, factors.loops);
  do {
    model::Ordering ordering;
    for (const model::TemporalLoop& loop : permutations.current()) {
      ordering.push(loop.dim, loop.size);
    }
    if (ordering.count == 0) ordering.push(0, 1);
    visit_cuts(problem, ordering, free, std::numeric_limits<std::int64_t>::max(), {},
               [&](const model::Cuts& cuts) { visit(ordering, cuts); });
  } while (permutations.next());
}

TEST(StrictSearch, FindsWhatGoingThroughAllMappingsFinds) {
  const std::uint64_t count = cases(60);
  int compared = 0;
  int proven = 0;
  int cut_off = 0;
  int best_without = 0;
  for (std::uint64_t seed = 0; seed < count && !::testing::Test::HasFailure(); ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937_64 random(seed + 90'000);
    const auto one = testing::random_problem(random, 2 + static_cast<int>(seed % 3), seed % 4 != 0);
    const auto compiled =
        model::compile(one.layer, one.accelerator, model::build_hierarchy(one.accelerator),
                       one.mapping, one.spatial, model::CostModel::strict);
    const auto* problem = std::get_if<model::Problem>(&compiled);
    if (problem == nullptr) continue;
    const std::array objectives{Objective::latency, Objective::energy, Objective::edp};
    std::array<model::Cost, 3> best;
    bool any = false;
    visit_all(one.layer, *problem, [&](const model::Ordering& ordering, const model::Cuts& cuts) {
      const model::Cost cost = model::evaluate_strict(*problem, ordering, cuts);
      if (!std::isfinite(cost.energy)) return;
      for (std::size_t i = 0; i < 3; ++i) {
        if (!any || better(objectives[i], cost, best[i])) best[i] = cost;
      }
      any = true;
    });
    for (std::size_t i = 0; i < 3; ++i) {
      ExactOptions options;
      options.objective = objectives[i];
      const ExactResult found = strict_search(*problem, options, std::nullopt);
      ASSERT_TRUE(found.optimal) << i;
      ASSERT_EQ(found.improved, any) << i;
      if (!any) continue;
      ++compared;
      const double least = objective_value(objectives[i], best[i]);
      EXPECT_NEAR(objective_value(objectives[i], found.best.cost) / least, 1, 1e-11) << i;
      EXPECT_NEAR(found.lower_bound / least, 1, 1e-11) << i;
      if (i < 2) {
        EXPECT_NEAR(found.best.cost.latency / best[i].latency, 1, 1e-11) << i;
        EXPECT_NEAR(found.best.cost.energy / best[i].energy, 1, 1e-11) << i;
      }
      const model::Cost again =
          model::evaluate_strict(*problem, found.best.ordering, found.best.cuts);
      EXPECT_EQ(again.latency, found.best.cost.latency);
      // Cut off early, and with a gap that will do: the bound holds.
      for (const std::int64_t limit : {1, 600, 4000, 30'000}) {
        for (const double gap : {0.0, 0.05}) {
          options.node_limit = limit;
          options.gap = gap;
          const ExactResult part = strict_search(*problem, options, std::nullopt);
          EXPECT_LE(part.lower_bound, least * (1 + 1e-11)) << i << " " << limit << " " << gap;
          cut_off += part.optimal ? 0 : 1;
          proven += part.optimal ? 1 : 0;
          if (part.improved) {
            const double value = objective_value(objectives[i], part.best.cost);
            EXPECT_GE(value, least * (1 - 1e-11));
            if (part.optimal) {
              EXPECT_NEAR(value / least, 1, 1e-11);
            }
          } else {
            EXPECT_FALSE(part.optimal);
          }
        }
      }
      // Without memory for tables: good mappings, and a bound.
      ExactOptions small;
      small.objective = objectives[i];
      Watch watch(small.budget);
      small.budget.bytes = 1;
      small.budget.bytes += StrictLattice(*problem, 1 << 20, 1 << 30, watch).bytes();
      const ExactResult without = strict_search(*problem, small, std::nullopt);
      EXPECT_FALSE(without.refused.empty());
      EXPECT_FALSE(without.optimal);
      EXPECT_LE(without.lower_bound, least * (1 + 1e-11));
      ASSERT_TRUE(without.improved);
      const double value = objective_value(objectives[i], without.best.cost);
      EXPECT_GE(value, least * (1 - 1e-11));
      best_without += value <= least * (1 + 1e-11) ? 1 : 0;
    }
  }
  std::cout << compared << " optima compared; of searches with a limit or gap " << proven
            << " proven, " << cut_off << " not; without tables " << best_without << " found\n";
  EXPECT_GT(compared, 60);
  EXPECT_GT(cut_off, 20);
  EXPECT_GT(best_without, compared / 2);
}

}  // namespace
}  // namespace ridgeline::search
