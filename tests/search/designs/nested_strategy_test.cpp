#include "search/designs/nested_strategy.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "search/designs/promise.hpp"

namespace ridgeline::search {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(Promise, PicksWhatAddsMostGivenWhatWasPickedBefore) {
  // The second is nearly the first; the third is far from both.
  Promise promise({{1, 10}, {1.1, 10.1}, {10, 1}, {20, 20}, {}});
  const auto picked = promise.pick(2);
  EXPECT_THAT(std::set(picked.begin(), picked.end()), ElementsAre(0u, 2u));
  promise.found({1, 10});
  promise.found({10, 1});
  EXPECT_THAT(promise.pick(5), IsEmpty()) << "the others are dominated, or nothing is known";
}

TEST(Promise, StaysWhereADesignFellShortOfItsBound) {
  Promise promise({{1, 10}, {1.1, 10.1}, {10, 1}});
  EXPECT_THAT(promise.pick(1).size(), 1u);
  EXPECT_THAT(promise.pick(1).size(), 1u);
  promise.found({3, 12});
  EXPECT_THAT(promise.pick(3), ElementsAre(1u)) << "better than what was found";
}

// A hundred designs on two parameters. Each has two schedules, the second one with less of the
// second objective; the bound is the better of both in each.
struct Plane {
  DesignSpace space() const {
    DesignSpace space;
    space.grid = 100;
    space.sizes = {10, 10};
    space.exists = [](std::uint64_t id) { return id % 7 != 3; };
    space.next_existing = [](std::uint64_t id) { return id % 7 == 3 ? id + 1 : id; };
    return space;
  }
  static std::vector<double> figures(std::uint64_t design, std::uint64_t schedule) {
    const auto x = static_cast<double>(design / 10);
    const auto y = static_cast<double>(design % 10);
    const double away = (y - 4) * (y - 4);
    const auto s = static_cast<double>(schedule);
    return {1 + x + away + 0.3 * s, 11 - x + away - 0.3 * s};
  }
  static std::vector<std::vector<double>> bounds(const std::vector<std::uint64_t>& designs) {
    std::vector<std::vector<double>> all;
    for (const std::uint64_t design : designs)
      all.push_back({figures(design, 0)[0], figures(design, 1)[1]});
    return all;
  }
};

struct Played {
  std::vector<std::vector<std::uint64_t>> blocks;
  std::set<std::uint64_t> designs;
};

Played play(DesignStrategy& strategy) {
  Played played;
  std::map<std::uint64_t, Fitness> known;
  const KnownFitness fitness = [&](std::uint64_t id) {
    const auto place = known.find(id);
    return place == known.end() ? Fitness{{}, 2} : place->second;
  };
  const DesignSpace space = Plane().space();
  while (const auto block = strategy.next(fitness)) {
    if (block->empty()) continue;
    for (const std::uint64_t id : *block) {
      EXPECT_EQ(id % kSchedulesOfDesign, 0u);
      Genome genome = strategy.genome(id);
      EXPECT_EQ(genome.back(), 0);
      genome.pop_back();
      const std::uint64_t design = space.id_of(genome);
      EXPECT_TRUE(space.exists(design));
      EXPECT_TRUE(played.designs.insert(design).second) << "asked for twice";
      for (std::uint64_t k = 0; k < 2; ++k) known[id + k] = {Plane::figures(design, k), 0};
      EXPECT_EQ(strategy.genome(id + 1).back(), 1);
    }
    played.blocks.push_back(*block);
  }
  return played;
}

TEST(NestedStrategy, WithBoundsLooksAtLittleMoreThanTheFront) {
  const auto strategy = nested_strategy(Plane().space(), {1, 4, 20, 10}, 1, 86, Plane::bounds);
  EXPECT_EQ(strategy->lag(), 1u);
  const Played played = play(*strategy);
  // The front: y is 4, whatever x is, where the design exists.
  for (std::uint64_t design = 4; design < 100; design += 10) {
    const bool exists = design % 7 != 3;
    EXPECT_EQ(played.designs.contains(design), exists) << design;
  }
  EXPECT_LE(played.designs.size(), 12u) << "of 86";
}

TEST(NestedStrategy, WithoutBoundsBreedsDesignsAndAsksForNoneTwice) {
  const auto strategy = nested_strategy(Plane().space(), {2, 6, 5, 2}, 1, 86, {});
  const Played played = play(*strategy);
  EXPECT_GE(played.designs.size(), 40u);
  EXPECT_LE(played.blocks.size(), 6u);
  const auto again = nested_strategy(Plane().space(), {2, 6, 5, 2}, 1, 86, {});
  EXPECT_EQ(play(*again).blocks, played.blocks);
}

TEST(NestedStrategy, EndsWhereEveryDesignWasAskedFor) {
  const auto strategy = nested_strategy(Plane().space(), {1, 40, 100, 0}, 3, 86, {});
  EXPECT_GT(play(*strategy).designs.size(), 75u);
}

}  // namespace
}  // namespace ridgeline::search
