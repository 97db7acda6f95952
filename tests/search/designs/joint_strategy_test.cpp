#include "search/designs/joint_strategy.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <set>

namespace ridgeline::search {
namespace {

using testing::ElementsAre;

// One parameter: the number of cores, 1 to 3, which are alike. Three layers with a core each, a
// mode, and the cut of a stack that only mode 1 has.
JointSpace small_space() {
  JointSpace space;
  space.designs.grid = 3;
  space.designs.sizes = {3};
  space.designs.exists = [](std::uint64_t) { return true; };
  for (int layer = 0; layer < 3; ++layer) space.genes.push_back({ScheduleGene::core, 16, ~0u});
  space.genes.push_back({ScheduleGene::mode, 2, ~0u});
  space.genes.push_back({ScheduleGene::factor, 4, 0b10});
  space.cores = [](std::uint64_t design) {
    CoreChoices choices;
    std::vector<int> cores;
    for (int core = 0; core <= static_cast<int>(design); ++core) cores.push_back(core);
    choices.values = {cores, cores, cores, {}, {}};
    if (cores.size() > 1) choices.alike = {cores};
    return std::make_shared<const CoreChoices>(std::move(choices));
  };
  return space;
}

Fitness known_nothing(std::uint64_t) {
  return {{0}, 0};
}

TEST(JointSpace, FoldsCoresThatTheDesignDoesNotHaveIntoThoseItHas) {
  const JointSpace space = small_space();
  Genome genome{0, 2, 1, 0, 0, 3};  // one core
  space.make_canonical(genome);
  EXPECT_THAT(genome, ElementsAre(0, 0, 0, 0, 0, 0)) << "in mode 0 the cut does not matter";
}

TEST(JointSpace, OfAllocationsToCoresThatAreAlikeTheFirstStandsForAll) {
  const JointSpace space = small_space();
  Genome genome{2, 2, 0, 2, 1, 3};
  space.make_canonical(genome);
  EXPECT_THAT(genome, ElementsAre(2, 0, 1, 0, 1, 3));
  Genome other = genome;
  space.make_canonical(other);
  EXPECT_EQ(other, genome);
}

TEST(ExhaustiveJointStrategy, GivesEveryScheduleOfEveryDesignOnce) {
  const auto strategy = exhaustive_joint_strategy(small_space(), 3);
  std::set<Genome> seen;
  while (const auto block = strategy->next(known_nothing))
    for (const std::uint64_t id : *block) {
      EXPECT_EQ(id, seen.size()) << "ids count";
      EXPECT_TRUE(seen.insert(strategy->genome(id)).second);
    }
  // Ways to split three layers over at most 1, 2 and 3 cores that are alike: 1, 4 and 5 (Stirling
  // numbers); each in mode 0, and in mode 1 with four cuts.
  EXPECT_EQ(seen.size(), (1 + 4 + 5) * (1 + 4));
}

// The best is on three cores, each layer on its own, in mode 1 with cut 2.
Fitness distance(const Genome& genome) {
  std::set<int> cores(genome.begin() + 1, genome.begin() + 4);
  const double spread = 3 - static_cast<double>(cores.size());
  const double cut = genome[4] == 1 ? std::abs(genome[5] - 2) : 3;
  return {{spread + cut, static_cast<double>(genome[0])}, 0};
}

std::vector<Genome> walk(std::uint64_t seed, int generations) {
  const auto strategy = joint_strategy(small_space(), {2, 8, generations, 2}, seed);
  std::vector<Genome> genomes;
  const KnownFitness known = [&](std::uint64_t id) {
    return distance(genomes.at(static_cast<std::size_t>(id)));
  };
  while (const auto block = strategy->next(known)) {
    for (const std::uint64_t id : *block) {
      if (id < genomes.size()) continue;
      EXPECT_EQ(id, genomes.size());
      genomes.push_back(strategy->genome(id));
    }
  }
  return genomes;
}

TEST(JointStrategy, IsAFunctionOfItsSeedAndLongerWalksBeginAsShorterOnes) {
  const auto walked = walk(7, 6);
  EXPECT_EQ(walk(7, 6), walked);
  EXPECT_NE(walk(8, 6), walked);
  const auto longer = walk(7, 9);
  ASSERT_GE(longer.size(), walked.size());
  EXPECT_TRUE(std::equal(walked.begin(), walked.end(), longer.begin()));
}

TEST(JointStrategy, FindsTheBestOfASmallSpace) {
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    const auto genomes = walk(seed, 20);
    EXPECT_LE(genomes.size(), 50) << "no more than there are";
    EXPECT_TRUE(
        std::any_of(genomes.begin(), genomes.end(),
                    [](const Genome& genome) { return distance(genome).objectives[0] == 0; }))
        << "seed " << seed;
  }
}

}  // namespace
}  // namespace ridgeline::search
