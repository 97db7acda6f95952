// Bounds against the schedules themselves: every allocation of small random systems.
#include "search/allocation/schedule_bound.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <limits>
#include <string>
#include <vector>

#include "model/system/scheduler.hpp"
#include "search/allocation/allocation_search.hpp"
#include "search/allocation/core_symmetry.hpp"
#include "tests/support/random_system.hpp"

namespace ridgeline::testing {
namespace {

// RIDGELINE_BOUND_CASES: more of them than continuous integration has time for.
int cases(int usual) {
  const char* given = std::getenv("RIDGELINE_BOUND_CASES");
  return given == nullptr ? usual : std::atoi(given);
}

struct Least {
  double latency = std::numeric_limits<double>::infinity();
  double energy = std::numeric_limits<double>::infinity();
  double product = std::numeric_limits<double>::infinity();
  int feasible = 0;
};

// Of all allocations that agree with the decided cores.
Least by_trying_all(const RandomSystem& system, const std::vector<int>& decided) {
  search::GenomeSpace space;
  for (std::size_t s = 0; s < system.choices.size(); ++s)
    space.values.push_back(decided[s] < 0 ? system.choices[s] : std::vector<int>{decided[s]});
  model::Scheduler scheduler(system.problem);
  Least least;
  for (std::uint64_t i = 0; i < space.size(1u << 20); ++i) {
    const model::ScheduleFigures figures = scheduler.evaluate({space.at(i), system.whole_cycles});
    if (!figures.feasible()) continue;
    ++least.feasible;
    least.latency = std::min(least.latency, figures.latency);
    least.energy = std::min(least.energy, figures.energy.total());
    least.product = std::min(least.product, figures.latency * figures.energy.total());
  }
  return least;
}

void check_bounds(bool strict, int count, std::uint64_t from) {
  int compared = 0;
  double latency_share = 0;
  double energy_share = 0;
  int closer = 0;  // that of the product than the product of both
  for (std::uint64_t n = from; n < from + static_cast<std::uint64_t>(count); ++n) {
    SCOPED_TRACE("system " + std::to_string(n));
    const RandomSystem system = random_system(n, {.strict = strict});
    std::vector<int> decided(system.choices.size(), -1);
    search::ScheduleBounds bounds(system.problem, system.choices, system.whole_cycles);
    const Least all = by_trying_all(system, decided);
    if (all.feasible == 0) continue;
    ++compared;
    ASSERT_LE(bounds.bound().latency, all.latency);
    ASSERT_LE(bounds.bound().energy, all.energy);
    ASSERT_LE(bounds.bound().product(), all.product);
    closer += bounds.bound().edp > bounds.bound().latency * bounds.bound().energy;
    latency_share += bounds.bound().latency / all.latency;
    energy_share += bounds.bound().energy / all.energy;
    // Deciding slots one after the other never lowers the bound, nor lifts it above what is left.
    search::ScheduleBound before = bounds.bound();
    for (std::size_t s = 0; s < decided.size(); ++s) {
      decided[s] = system.choices[s][(n + s) % system.choices[s].size()];
      const search::ScheduleBound now = bounds.bound(decided);
      ASSERT_GE(now.latency, before.latency * (1 - 1e-12)) << s;
      ASSERT_GE(now.energy, before.energy * (1 - 1e-12)) << s;
      ASSERT_GE(now.product(), before.product() * (1 - 1e-12)) << s;
      before = now;
      if (s % 2 != 0 && s + 1 != decided.size()) continue;
      const Least left = by_trying_all(system, decided);
      ASSERT_LE(now.latency, left.latency) << s;
      ASSERT_LE(now.energy, left.energy) << s;
      ASSERT_LE(now.product(), left.product) << s;
    }
  }
  // They are worth something: not just never above.
  ASSERT_GT(compared, count / 2);
  EXPECT_GT(latency_share / compared, 0.6);
  EXPECT_GT(energy_share / compared, 0.7);
  EXPECT_GT(closer, 0);
  ::testing::Test::RecordProperty("latency_share", std::to_string(latency_share / compared));
  ::testing::Test::RecordProperty("energy_share", std::to_string(energy_share / compared));
}

TEST(ScheduleBounds, are_never_above_the_best_of_all_allocations) {
  check_bounds(false, cases(120), 1);
}

TEST(ScheduleBounds, are_never_above_it_without_the_liberties_of_the_scheduler) {
  check_bounds(true, cases(120), 100'001);
}

// Branch and bound against all allocations, for each objective.
TEST(ExactAllocations, are_the_best_of_all_and_say_what_was_cut) {
  int compared = 0;
  std::uint64_t cut = 0;
  for (std::uint64_t n = 200'001; n <= 200'000 + static_cast<std::uint64_t>(cases(60)); ++n) {
    SCOPED_TRACE("system " + std::to_string(n));
    const RandomSystem system = random_system(n, {.strict = n % 2 == 0, .identical = n % 3 == 0});
    search::GenomeSpace space;
    space.values = system.choices;
    std::vector<int> slots;
    for (std::size_t s = 0; s < space.values.size(); ++s) slots.push_back(static_cast<int>(s));
    search::ScheduleBounds bounds(system.problem, system.choices, system.whole_cycles);
    const search::AllocationHints hints =
        search::allocation_hints(system.problem, bounds, space, 0, slots);
    const search::GenomeSymmetry symmetry(
        space, 0, search::interchangeable_cores(system.problem, space, 0, {}));
    model::Scheduler scheduler(system.problem);
    const auto evaluate = [&](std::span<const search::Genome> genomes) {
      std::vector<model::ScheduleFigures> figures;
      for (const search::Genome& g : genomes)
        figures.push_back(scheduler.evaluate({g, system.whole_cycles}));
      return figures;
    };
    for (const auto objective :
         {search::ScheduleObjective::latency, search::ScheduleObjective::energy,
          search::ScheduleObjective::edp}) {
      search::AllocationSearchOptions options;
      options.engine = search::AllocationEngine::exact;
      options.report = objective;
      options.bounds = &bounds;
      options.population = 4;
      options.generations = 1;
      const auto result = search::search_allocations(space, symmetry, hints, options, evaluate);
      double least = std::numeric_limits<double>::infinity();
      for (std::uint64_t i = 0; i < space.size(1u << 20); ++i) {
        const model::ScheduleFigures f = scheduler.evaluate({space.at(i), system.whole_cycles});
        if (f.feasible()) least = std::min(least, search::objective_value(objective, f));
      }
      if (result.best < 0) {
        EXPECT_EQ(least, std::numeric_limits<double>::infinity());
        continue;
      }
      ++compared;
      const double found = search::objective_value(
          objective, result.front[static_cast<std::size_t>(result.best)].figures);
      ASSERT_NEAR(found, least, 1e-8 * least);
      EXPECT_TRUE(result.proof.complete);
      EXPECT_TRUE(result.converged);
      EXPECT_NEAR(result.proof.lower_bound, least, 1e-8 * least);
      EXPECT_LE(result.proof.root_bound, least);
      EXPECT_LE(result.evaluated, result.distinct + 8);
      cut += result.proof.cut;
    }
  }
  EXPECT_GT(compared, 30);
  EXPECT_GT(cut, 30u);
}

TEST(ExactAllocations, say_what_is_proven_where_they_end_early) {
  for (std::uint64_t n = 1; n <= 30; ++n) {
    const RandomSystem system = random_system(n);
    search::GenomeSpace space;
    space.values = system.choices;
    std::vector<int> slots;
    for (std::size_t s = 0; s < space.values.size(); ++s) slots.push_back(static_cast<int>(s));
    search::ScheduleBounds bounds(system.problem, system.choices, system.whole_cycles);
    const search::AllocationHints hints =
        search::allocation_hints(system.problem, bounds, space, 0, slots);
    model::Scheduler scheduler(system.problem);
    const Least least = by_trying_all(system, std::vector<int>(system.choices.size(), -1));
    if (least.feasible == 0) continue;
    search::AllocationSearchOptions options;
    options.engine = search::AllocationEngine::exact;
    options.bounds = &bounds;
    options.population = 2;
    options.generations = 0;
    options.node_limit = 3;
    const auto result = search::search_allocations(
        space, search::GenomeSymmetry(space), hints, options,
        [&](std::span<const search::Genome> genomes) {
          std::vector<model::ScheduleFigures> figures;
          for (const search::Genome& g : genomes)
            figures.push_back(scheduler.evaluate({g, system.whole_cycles}));
          return figures;
        });
    EXPECT_LE(result.proof.nodes, 3u);
    EXPECT_LE(result.proof.lower_bound, least.latency * (1 + 1e-9)) << n;
    EXPECT_GE(result.proof.lower_bound, result.proof.root_bound) << n;
  }
}

// Exchanging cores that count as interchangeable leaves all figures as they are.
TEST(CoreSymmetry, exchanged_cores_cost_the_same) {
  int exchanged = 0;
  for (std::uint64_t n = 1; n <= static_cast<std::uint64_t>(cases(60)); ++n) {
    SCOPED_TRACE("system " + std::to_string(n));
    const RandomSystem system = random_system(n, {.strict = n % 2 == 0, .identical = true});
    search::GenomeSpace space;
    space.values = system.choices;
    const auto classes = search::interchangeable_cores(system.problem, space, 0, {});
    ASSERT_EQ(classes.size(), 1u);
    const search::GenomeSymmetry symmetry(space, 0, classes);
    model::Scheduler scheduler(system.problem);
    const std::uint64_t size = space.size(400);
    for (std::uint64_t i = 0; i < std::min<std::uint64_t>(size, 400); ++i) {
      const search::Genome genome = space.at(i);
      const search::Genome canonical = symmetry.canonical(genome);
      if (canonical == genome) continue;
      ++exchanged;
      const model::ScheduleFigures a = scheduler.evaluate({genome, system.whole_cycles});
      const model::ScheduleFigures b = scheduler.evaluate({canonical, system.whole_cycles});
      ASSERT_EQ(a.feasible(), b.feasible());
      ASSERT_EQ(a.latency, b.latency) << ::testing::PrintToString(genome);
      ASSERT_EQ(a.energy.total(), b.energy.total()) << ::testing::PrintToString(genome);
      ASSERT_EQ(a.peak_bits, b.peak_bits);
    }
  }
  EXPECT_GT(exchanged, 500);
}

}  // namespace
}  // namespace ridgeline::testing
