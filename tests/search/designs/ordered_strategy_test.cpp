#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

#include "search/designs/strategy.hpp"

namespace ridgeline::search {
namespace {

using testing::ElementsAre;

std::vector<std::uint64_t> walk(DesignStrategy& strategy) {
  std::vector<std::uint64_t> ids;
  while (const auto block = strategy.next([](std::uint64_t) { return Fitness{{}, 2}; }))
    ids.insert(ids.end(), block->begin(), block->end());
  return ids;
}

DesignSpace space_of(std::uint64_t grid) {
  DesignSpace space;
  space.grid = grid;
  space.sizes = {static_cast<int>(grid)};
  space.exists = [](std::uint64_t id) { return id != 3; };
  return space;
}

TEST(OrderedStrategy, GivesUndominatedBoundsFirstAndUnknownOnesBeforeAll) {
  const std::vector<std::vector<double>> bounds{{5, 5}, {1, 4}, {4, 1}, {0, 0}, {}, {2, 2}, {6, 6}};
  const auto strategy =
      ordered_strategy(space_of(7), 6, [&](const std::vector<std::uint64_t>& ids) {
        std::vector<std::vector<double>> found;
        for (const std::uint64_t id : ids) found.push_back(bounds[id]);
        return found;
      });
  // 4 has no bound; 1, 2 and 5 dominate each other in nothing, and are as good as each other in
  // the sum of their places, so that ids decide; 3 is no design.
  EXPECT_THAT(walk(*strategy), ElementsAre(4, 1, 2, 5, 0, 6));
}

TEST(OrderedStrategy, GivesEveryDesignOnceHoweverManySlicesAreBounded) {
  std::size_t most = 0;
  const auto strategy =
      ordered_strategy(space_of(3000), 2999, [&](const std::vector<std::uint64_t>& ids) {
        most = std::max(most, ids.size());
        std::vector<std::vector<double>> found;
        for (const std::uint64_t id : ids) found.push_back({static_cast<double>(id * 7919 % 3001)});
        return found;
      });
  EXPECT_THAT(*strategy->next({}), testing::IsEmpty()) << "not before all are bounded";
  std::vector<std::uint64_t> ids = walk(*strategy);
  EXPECT_LT(most, 1000u);
  ASSERT_EQ(ids.size(), 2999u);
  EXPECT_TRUE(std::is_sorted(ids.begin(), ids.end(), [](std::uint64_t a, std::uint64_t b) {
    return a * 7919 % 3001 < b * 7919 % 3001;
  }));
  std::sort(ids.begin(), ids.end());
  EXPECT_TRUE(std::adjacent_find(ids.begin(), ids.end()) == ids.end());
}

}  // namespace
}  // namespace ridgeline::search
