// Properties of the allocator and the model on random small problems.
#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <variant>
#include <vector>

#include "model/core/evaluate.hpp"
#include "model/core/problem.hpp"
#include "search/mapping/allocate.hpp"
#include "search/mapping/loop_factors.hpp"
#include "tests/support/random_problem.hpp"

namespace ridgeline::search {
namespace {

struct Case {
  model::Problem problem;
  model::Ordering ordering;
};

// Compiled random problems, each with one random ordering of its prime factors. `each` gets
// those that compile; about one in ten does not (an unrolling of a partially relevant loop can
// leave operands with different numbers of units).
template <class Each>
void for_random_cases(std::uint64_t seed, int count, const Each& each) {
  std::mt19937_64 random(seed);
  for (int i = 0; i < count; ++i) {
    SCOPED_TRACE("problem " + std::to_string(i) + " of seed " + std::to_string(seed));
    const bool whole = i % 2 == 0;
    const auto drawn = testing::random_problem(random, 2 + i % 7, whole);
    const auto compiled =
        model::compile(drawn.layer, drawn.accelerator, model::build_hierarchy(drawn.accelerator),
                       drawn.mapping, drawn.spatial);
    if (!std::holds_alternative<model::Problem>(compiled)) continue;
    Case c{std::get<model::Problem>(compiled), {}};
    const std::vector<std::int64_t> sizes(c.problem.temporal_size.begin(),
                                          c.problem.temporal_size.begin() + c.problem.dims);
    auto loops = loop_factors(drawn.layer, sizes, 0, {}).loops;
    for (std::size_t n = loops.size(); n > 1; --n) std::swap(loops[n - 1], loops[random() % n]);
    for (const auto& loop : loops) c.ordering.push(loop.dim, loop.size);
    each(c, random);
    if (::testing::Test::HasFailure()) return;
  }
}

// The same problem without what may be taken from the fact that all factors are whole.
model::Problem literal(model::Problem problem) {
  for (model::ProblemOperand& operand : problem.operand) {
    operand.real.whole = operand.integer.whole = false;
  }
  return problem;
}

bool same_cuts(const model::Problem& problem, const model::Cuts& a, const model::Cuts& b) {
  for (std::size_t o = 0; o < static_cast<std::size_t>(problem.operands); ++o) {
    for (std::size_t m = 0; m < static_cast<std::size_t>(problem.operand[o].levels); ++m) {
      if (a.end[o][m] != b.end[o][m]) return false;
    }
  }
  return true;
}

// Any cuts that do not decrease; not only those that an allocator would choose.
model::Cuts random_cuts(const Case& c, std::mt19937_64& random) {
  model::Cuts cuts;
  for (std::size_t o = 0; o < static_cast<std::size_t>(c.problem.operands); ++o) {
    int end = 0;
    const auto levels = static_cast<std::size_t>(c.problem.operand[o].levels);
    for (std::size_t m = 0; m < levels; ++m) {
      const auto left = static_cast<std::uint64_t>(c.ordering.count - end) + 1;
      end = m + 1 == levels ? c.ordering.count : end + static_cast<int>(random() % left);
      cuts.end[o][m] = static_cast<std::uint8_t>(end);
    }
  }
  return cuts;
}

// The parameter: how many problems.
class RandomMappings : public ::testing::TestWithParam<int> {};

TEST_P(RandomMappings, TheBreakdownIsTheFastCostAndItsPartsAddUp) {
  int checked = 0;
  for_random_cases(1, GetParam(), [&](const Case& c, std::mt19937_64& random) {
    const model::Cuts cuts = random_cuts(c, random);
    const model::Cost cost = model::evaluate(c.problem, c.ordering, cuts);
    model::Detail detail;
    const model::Evaluation e = model::explain(c.problem, c.ordering, cuts, &detail);
    if (std::isinf(cost.energy)) {
      EXPECT_TRUE(std::isinf(e.cost.energy));
      return;
    }
    EXPECT_EQ(cost.energy, e.cost.energy);
    EXPECT_EQ(cost.latency, e.cost.latency);
    EXPECT_EQ(cost.energy, e.memory_energy + e.mac_energy);
    double memory = 0;
    for (const model::OperandFigures& operand : e.operands) {
      for (const model::LevelFigures& level : operand.levels) {
        memory += level.energy_total;
        const double directions =
            level.energy[0] + level.energy[1] + level.energy[2] + level.energy[3];
        EXPECT_NEAR(directions, level.energy_total, 1e-12 * level.energy_total);
        for (double accesses : level.accesses) EXPECT_EQ(accesses, std::floor(accesses));
      }
    }
    EXPECT_EQ(memory, e.memory_energy);
    EXPECT_EQ(e.latency.total0, e.latency.ideal_temporal + e.latency.stall);
    EXPECT_GE(e.latency.stall, 0);
    EXPECT_EQ(e.cost.latency, e.latency.total2);
    // Every port's stall is in the largest one.
    for (const model::PortDetail& port : detail.port) EXPECT_LE(port.stall, e.latency.stall);
    ++checked;
  });
  EXPECT_GT(checked, GetParam() / 2);
}

TEST_P(RandomMappings, WholeFactorsGiveTheFiguresOfTheLiteralRules) {
  int checked = 0;
  for_random_cases(2, GetParam(), [&](const Case& c, std::mt19937_64& random) {
    if (!c.problem.whole || !c.problem.operand[0].real.whole) return;
    const model::Problem slow = literal(c.problem);
    const model::Cuts cuts = random_cuts(c, random);
    model::LoopTiling ours;
    model::LoopTiling theirs;
    model::tile(c.problem, c.ordering, cuts, ours);
    model::tile(slow, c.ordering, cuts, theirs);
    for (std::size_t o = 0; o < static_cast<std::size_t>(c.problem.operands); ++o) {
      const model::TilingVersion& a = ours.operand[o].version[0];
      const model::TilingVersion& b = theirs.operand[o].version[0];
      for (std::size_t level = 0; level <= static_cast<std::size_t>(c.problem.operand[o].levels);
           ++level) {
        EXPECT_EQ(a.elements[level], b.elements[level]);
      }
      if (o > 0) continue;
      EXPECT_EQ(a.partial_sums, b.partial_sums);
      EXPECT_EQ(a.partial_low, b.partial_low);
      EXPECT_EQ(a.partial_high, b.partial_high);
    }
    const model::Cost fast = model::evaluate(c.problem, c.ordering, cuts);
    const model::Cost full = model::evaluate(slow, c.ordering, cuts);
    EXPECT_EQ(fast.energy, full.energy);
    EXPECT_EQ(fast.latency, full.latency);
    ++checked;
  });
  EXPECT_GT(checked, GetParam() / 4);
}

TEST_P(RandomMappings, ShortCutsOfTheAllocatorChooseWhatTryingAllChooses) {
  int fitting = 0;
  int refused = 0;
  for_random_cases(3, GetParam(), [&](const Case& c, std::mt19937_64& random) {
    const model::Problem slow = literal(c.problem);
    const bool even = random() % 4 == 0;
    model::Cuts ours;
    model::Cuts theirs;
    AllocationFailure our_failure;
    AllocationFailure their_failure;
    const bool fits = allocate(c.problem, c.ordering, even, ours, &our_failure);
    EXPECT_EQ(fits, allocate(slow, c.ordering, even, theirs, &their_failure));
    if (fits) {
      EXPECT_TRUE(same_cuts(c.problem, ours, theirs));
      ++fitting;
    } else {
      EXPECT_EQ(our_failure.memory, their_failure.memory);
      EXPECT_EQ(our_failure.operand, their_failure.operand);
      EXPECT_EQ(our_failure.bits, their_failure.bits);
      EXPECT_EQ(our_failure.left_over, their_failure.left_over);
      ++refused;
    }
  });
  EXPECT_GT(fitting, GetParam() / 4);
  EXPECT_GT(refused, GetParam() / 200);
}

TEST_P(RandomMappings, AllocatedTilesFitTheirMemories) {
  int checked = 0;
  for_random_cases(4, GetParam(), [&](const Case& c, std::mt19937_64&) {
    if (!c.problem.operand[0].real.whole) return;  // rounded tiles may exceed by an element
    model::Cuts cuts;
    if (!allocate(c.problem, c.ordering, false, cuts)) return;
    const model::Evaluation e = model::explain(c.problem, c.ordering, cuts);
    for (std::size_t o = 0; o < e.operands.size(); ++o) {
      int before = 0;
      for (std::size_t m = 0; m < e.operands[o].levels.size(); ++m) {
        EXPECT_GE(cuts.end[o][m], before);
        before = cuts.end[o][m];
        EXPECT_LE(e.operands[o].levels[m].utilization_shared, 1);
      }
      EXPECT_EQ(before, c.ordering.count);
    }
    ++checked;
  });
  EXPECT_GT(checked, GetParam() / 7);
}

INSTANTIATE_TEST_SUITE_P(Some, RandomMappings, ::testing::Values(2000));
INSTANTIATE_TEST_SUITE_P(SlowMany, RandomMappings, ::testing::Values(20000));

}  // namespace
}  // namespace ridgeline::search
