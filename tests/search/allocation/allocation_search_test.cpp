// Allocation search on the third laboratory of the tutorial, with the reference's node costs:
// its 81 allocations and their front are known (the reference evaluated them one by one).
#include "search/allocation/allocation_search.hpp"

#include <gtest/gtest.h>

#include <map>
#include <set>
#include <vector>

#include "tests/support/golden_schedule.hpp"

namespace ridgeline::testing {
namespace {

using search::AllocationEngine;
using search::AllocationSearchOptions;
using search::AllocationSearchResult;
using search::Genome;

class Laboratory3 : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!golden_is_complete()) {
      GTEST_SKIP() << "no reference data below " << RIDGELINE_REFERENCE_DIR;
    }
    system_ = golden_system("lab3_fused");
    problem_ = system_.compile({});
    space_.values.assign(4, {0, 1, 2});
  }

  std::vector<model::ScheduleFigures> evaluate(std::span<const Genome> genomes) {
    model::Scheduler scheduler(problem_);
    std::vector<model::ScheduleFigures> figures;
    for (const Genome& g : genomes) {
      figures.push_back(scheduler.evaluate({g, std::vector<bool>(g.size(), true)}));
    }
    return figures;
  }

  AllocationSearchResult search(const AllocationSearchOptions& options) {
    return search::search_allocations(
        space_, search::GenomeSymmetry(space_), {}, options,
        [&](std::span<const Genome> genomes) { return evaluate(genomes); });
  }

  static std::set<Genome> genomes(const AllocationSearchResult& result) {
    std::set<Genome> front;
    for (const auto& g : result.front) front.insert(g.genome);
    return front;
  }

  // By the reference's exhaustive evaluation.
  const std::set<Genome> front_{{1, 1, 1, 1}, {2, 1, 1, 1}, {2, 2, 1, 1}, {1, 2, 2, 2}};
  GoldenSystem system_;
  model::ScheduleProblem problem_;
  search::GenomeSpace space_;
};

TEST_F(Laboratory3, all_81_allocations_cost_what_the_reference_found) {
  const std::vector<Json> records = golden_records("lab3_allocations");
  ASSERT_EQ(records.size(), 81u);
  model::Scheduler scheduler(problem_);
  for (const Json& r : records) {
    const Genome cores = r.at("cores").get<Genome>();
    SCOPED_TRACE(::testing::PrintToString(cores));
    const model::ScheduleFigures figures =
        scheduler.evaluate({cores, std::vector<bool>(cores.size(), true)});
    EXPECT_EQ(figures.latency, r.at("latency").get<double>());
    EXPECT_NEAR(figures.energy.total(), r.at("energy").get<double>(), 5.1e-4);  // printed so
  }
}

TEST_F(Laboratory3, a_small_space_is_searched_exhaustively_and_the_result_says_so) {
  const AllocationSearchResult result = search({});
  EXPECT_EQ(result.engine, AllocationEngine::exhaustive);
  EXPECT_EQ(result.space, 81u);
  EXPECT_EQ(result.evaluated, 81u);
  EXPECT_EQ(genomes(result), front_);
  ASSERT_GE(result.best, 0);
  EXPECT_EQ(result.front[static_cast<std::size_t>(result.best)].genome, (Genome{1, 2, 2, 2}));
}

TEST_F(Laboratory3, the_genetic_algorithm_finds_the_front_with_nineteen_of_twenty_seeds) {
  int found = 0;
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    AllocationSearchOptions options;
    options.engine = AllocationEngine::ga;
    options.seed = seed;
    const AllocationSearchResult result = search(options);
    EXPECT_EQ(result.engine, AllocationEngine::ga);
    found += genomes(result) == front_;
  }
  EXPECT_GE(found, 19);
}

TEST_F(Laboratory3, the_objective_decides_which_member_of_the_front_is_reported) {
  AllocationSearchOptions options;
  options.report = search::ScheduleObjective::energy;
  const AllocationSearchResult result = search(options);
  ASSERT_GE(result.best, 0);
  EXPECT_EQ(result.front[static_cast<std::size_t>(result.best)].genome, (Genome{1, 1, 1, 1}));
}

TEST_F(Laboratory3, a_space_beyond_the_limit_is_refused_by_the_exhaustive_engine) {
  AllocationSearchOptions options;
  options.engine = AllocationEngine::exhaustive;
  options.exhaustive_limit = 80;
  const AllocationSearchResult result = search(options);
  EXPECT_TRUE(result.too_large);
  EXPECT_EQ(result.evaluated, 0u);
}

TEST_F(Laboratory3, a_search_that_is_stopped_reports_what_it_has) {
  AllocationSearchOptions options;
  options.engine = AllocationEngine::ga;
  options.budget.stop = [] { return true; };
  const AllocationSearchResult result = search(options);
  EXPECT_TRUE(result.stopped);
  EXPECT_FALSE(result.converged);
  EXPECT_GT(result.evaluated, 0u);
  EXPECT_LE(result.evaluated, 64u);
  EXPECT_GE(result.best, 0);
}

TEST_F(Laboratory3, infeasible_allocations_do_not_reach_the_front) {
  const auto evaluate_with_failures = [&](std::span<const Genome> genomes) {
    std::vector<model::ScheduleFigures> figures = evaluate(genomes);
    for (std::size_t i = 0; i < genomes.size(); ++i) {
      if (genomes[i][0] == 1) figures[i].failure = model::ScheduleFailure::no_room;
    }
    return figures;
  };
  for (const AllocationEngine engine : {AllocationEngine::exhaustive, AllocationEngine::ga}) {
    AllocationSearchOptions options;
    options.engine = engine;
    const AllocationSearchResult result = search::search_allocations(
        space_, search::GenomeSymmetry(space_), {}, options, evaluate_with_failures);
    ASSERT_FALSE(result.front.empty());
    for (const auto& g : result.front) EXPECT_NE(g.genome[0], 1);
  }
}

}  // namespace
}  // namespace ridgeline::testing
