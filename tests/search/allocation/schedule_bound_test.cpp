// Bounds against the schedules themselves: every allocation of small random systems.
#include "search/allocation/schedule_bound.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <limits>
#include <string>
#include <vector>

#include "model/system/scheduler.hpp"
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
  }
  return least;
}

void check_bounds(bool strict, int count, std::uint64_t from) {
  int compared = 0;
  double latency_share = 0;
  double energy_share = 0;
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
    latency_share += bounds.bound().latency / all.latency;
    energy_share += bounds.bound().energy / all.energy;
    // Deciding slots one after the other never lowers the bound, nor lifts it above what is left.
    search::ScheduleBound before = bounds.bound();
    for (std::size_t s = 0; s < decided.size(); ++s) {
      decided[s] = system.choices[s][(n + s) % system.choices[s].size()];
      const search::ScheduleBound now = bounds.bound(decided);
      ASSERT_GE(now.latency, before.latency * (1 - 1e-12)) << s;
      ASSERT_GE(now.energy, before.energy * (1 - 1e-12)) << s;
      before = now;
      if (s % 2 != 0 && s + 1 != decided.size()) continue;
      const Least left = by_trying_all(system, decided);
      ASSERT_LE(now.latency, left.latency) << s;
      ASSERT_LE(now.energy, left.energy) << s;
    }
  }
  // They are worth something: not just never above.
  ASSERT_GT(compared, count / 2);
  EXPECT_GT(latency_share / compared, 0.6);
  EXPECT_GT(energy_share / compared, 0.7);
  ::testing::Test::RecordProperty("latency_share", std::to_string(latency_share / compared));
  ::testing::Test::RecordProperty("energy_share", std::to_string(energy_share / compared));
}

TEST(ScheduleBounds, are_never_above_the_best_of_all_allocations) {
  check_bounds(false, cases(120), 1);
}

TEST(ScheduleBounds, are_never_above_it_without_the_liberties_of_the_scheduler) {
  check_bounds(true, cases(120), 100'001);
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
