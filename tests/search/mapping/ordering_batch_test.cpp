// Orderings costed together against the same one by one: equal to the last bit.
#include "search/mapping/ordering_batch.hpp"

#include <gtest/gtest.h>

#include <bit>
#include <cstdlib>
#include <random>
#include <variant>

#include "search/mapping/allocate.hpp"
#include "search/mapping/loop_factors.hpp"
#include "tests/support/random_problem.hpp"

namespace ridgeline::search {
namespace {

std::uint64_t bits(double x) {
  return std::bit_cast<std::uint64_t>(x);
}

struct Drawn {
  model::Problem problem;
  std::vector<model::TemporalLoop> loops;
};

// `each` gets random compiled problems with all their prime factors, and counts those it wants.
template <class Each>
void for_random_problems(std::uint64_t seed, int count, bool whole, int largest, const Each& each) {
  std::mt19937_64 random(seed);
  for (int i = 0; i < count; ++i) {
    const auto drawn = testing::random_problem(random, 2 + i % largest, whole);
    const auto compiled =
        model::compile(drawn.layer, drawn.accelerator, model::build_hierarchy(drawn.accelerator),
                       drawn.mapping, drawn.spatial);
    if (!std::holds_alternative<model::Problem>(compiled)) continue;
    const model::Problem& problem = std::get<model::Problem>(compiled);
    const std::vector<std::int64_t> sizes(problem.temporal_size.begin(),
                                          problem.temporal_size.begin() + problem.dims);
    SCOPED_TRACE("problem " + std::to_string(i));
    each(drawn.layer, problem, loop_factors(drawn.layer, sizes, 0, {}).loops);
    if (::testing::Test::HasFailure()) return;
  }
}

// Costs every ordering both ways; returns how many fit.
int compare_all(const model::Layer& layer, const model::Problem& problem,
                const std::vector<model::TemporalLoop>& loops, bool even, int limit) {
  LoopPermutations permutations(layer, loops);
  OrderingBatch batch(problem, permutations.current(), even);
  std::vector<model::Cost> expected;
  std::vector<model::Cuts> cuts;
  std::vector<model::Ordering> orderings;
  std::size_t seen = 0;
  const auto flush = [&] {
    batch.cost([&](const model::Cost& cost, int i) {
      const std::size_t at = seen++;
      EXPECT_EQ(bits(cost.energy), bits(expected[at].energy)) << cost.energy;
      EXPECT_EQ(bits(cost.latency), bits(expected[at].latency)) << cost.latency;
      EXPECT_EQ(batch.ordering(i).size, orderings[at].size);
      for (std::size_t o = 0; o < static_cast<std::size_t>(problem.operands); ++o) {
        for (std::size_t m = 0; m < static_cast<std::size_t>(problem.operand[o].levels); ++m) {
          EXPECT_EQ(batch.cuts(i).end[o][m], cuts[at].end[o][m]);
        }
      }
    });
  };
  do {
    model::Ordering ordering;
    for (const auto& loop : permutations.current()) ordering.push(loop.dim, loop.size);
    model::Cuts cut;
    const bool fits = allocate(problem, ordering, even, cut);
    EXPECT_EQ(batch.add(permutations.places()), fits);
    if (fits) {
      orderings.push_back(ordering);
      cuts.push_back(cut);
      expected.push_back(model::evaluate(problem, ordering, cut));
      if (batch.full()) flush();
    }
  } while (permutations.next() && --limit > 0 && !::testing::Test::HasFailure());
  flush();
  EXPECT_EQ(seen, expected.size());
  return static_cast<int>(seen);
}

TEST(OrderingBatch, costs_whole_mappings_as_they_are_costed_one_by_one) {
  int fit = 0;
  int with_tables = 0;
  for_random_problems(11, 600, true, 7, [&](const auto& layer, const auto& problem, auto loops) {
    with_tables += OrderingTables::fit(problem, loops);
    fit += compare_all(layer, problem, loops, false, 150);
  });
  EXPECT_GT(with_tables, 200);
  EXPECT_GT(fit, 5000);
}

TEST(OrderingBatch, costs_fractional_mappings_as_they_are_costed_one_by_one) {
  int fit = 0;
  int split = 0;
  for_random_problems(12, 400, false, 7, [&](const auto& layer, const auto& problem, auto loops) {
    split += model::has_split_lanes(problem);
    fit += compare_all(layer, problem, loops, false, 80);
  });
  EXPECT_GT(split, 100);
  EXPECT_GT(fit, 2000);
}

TEST(OrderingBatch, costs_even_mappings_as_they_are_costed_one_by_one) {
  int fit = 0;
  for_random_problems(13, 200, true, 6, [&](const auto& layer, const auto& problem, auto loops) {
    fit += compare_all(layer, problem, loops, true, 60);
  });
  EXPECT_GT(fit, 500);
}

TEST(OrderingBatch, costs_the_rules_of_2023_and_slow_operations_as_they_are_costed_one_by_one) {
  int fit = 0;
  for_random_problems(14, 200, true, 6, [&](const auto& layer, const auto& whole, auto loops) {
    model::Problem problem = whole;
    problem.rules_of_2023 = true;
    fit += compare_all(layer, problem, loops, false, 40);
    problem.rules_of_2023 = false;
    problem.drain = 7;
    for (double cycles : {2.0, 2.5}) {
      problem.cycles_per_operation = cycles;
      fit += compare_all(layer, problem, loops, false, 40);
    }
  });
  EXPECT_GT(fit, 1000);
}

// The registers of every processor, and those of this one.
TEST(Lanes, give_the_same_figures_without_wide_registers) {
  int compared = 0;
  for (bool whole : {true, false}) {
    for_random_problems(15, 300, whole, 7, [&](const auto& layer, const auto& problem, auto loops) {
      LoopPermutations permutations(layer, loops);
      model::LaneTiling lanes{};
      lanes.split = model::has_split_lanes(problem);
      int lane = 0;
      do {
        model::Ordering ordering;
        for (const auto& loop : permutations.current()) ordering.push(loop.dim, loop.size);
        model::Cuts cuts;
        if (!allocate(problem, ordering, false, cuts)) continue;
        model::LoopTiling tiling;
        model::tile(problem, ordering, cuts, tiling);
        model::set_lane(problem, tiling, lane++, lanes);
      } while (lane < model::kLanes && permutations.next());
      if (lane < model::kLanes) return;
      model::LaneCosts wide;
      model::LaneCosts narrow;
      model::evaluate_lanes(problem, lanes, wide);
      model::evaluate_lanes_portably(problem, lanes, narrow);
      for (std::size_t i = 0; i < model::kLanes; ++i) {
        EXPECT_EQ(bits(wide.energy[i]), bits(narrow.energy[i]));
        EXPECT_EQ(bits(wide.latency[i]), bits(narrow.latency[i]));
      }
      ++compared;
    });
  }
  EXPECT_GT(compared, 200);
}

}  // namespace
}  // namespace ridgeline::search
