#include <gtest/gtest.h>

#include <random>

#include "search/designs/versioned_front.hpp"

namespace ridgeline::search {
namespace {

TEST(VersionedFront, KeepsEqualVectorsAndSortsByObjectivesThenId) {
  VersionedFront front;
  front.add({{9, {1, 2}, 1}, {4, {1, 2}, 1}});
  front.add({{5, {0, 3}, 1}, {6, {1, 3}, 1}});  // 6 is dominated by 4 and 9
  std::vector<std::uint64_t> ids;
  for (const FrontPoint& point : front.members()) ids.push_back(point.id);
  EXPECT_EQ(ids, (std::vector<std::uint64_t>{5, 4, 9}));
  EXPECT_EQ(front.size(), 3u);
}

TEST(VersionedFront, ComparesEqualVectorsOnce) {
  // A parameter without effect: compared with each other these would take minutes.
  VersionedFront front;
  std::vector<FrontPoint> points;
  for (std::uint64_t id = 0; id < 400'000; ++id)
    points.push_back({id, {static_cast<double>(id % 2), 1.0 - static_cast<double>(id % 2)}, 1});
  front.add(std::move(points));
  EXPECT_EQ(front.size(), 400'000u);
  EXPECT_EQ(front.vectors().size(), 2u);
  const auto members = front.members();
  EXPECT_EQ(members[1].id, 2u);
  EXPECT_EQ(members[200'000].id, 1u);
  EXPECT_EQ(front.since(0).size(), 2u) << "enough to prune against";
  front.add({{400'000, {0, 0}, 2}});
  EXPECT_EQ(front.size(), 1u);
  EXPECT_TRUE(front.dominates(std::vector<double>{0, 2}, 1)) << "the earlier front is still there";
}

TEST(VersionedFront, DoesNotDominateItsEqual) {
  VersionedFront front;
  front.add({{1, {1, 2}, 1}});
  EXPECT_FALSE(front.dominates(std::vector<double>{1, 2}, 1));
  EXPECT_TRUE(front.dominates(std::vector<double>{1, 2.5}, 1));
  EXPECT_FALSE(front.dominates(std::vector<double>{0.5, 2.5}, 1));
}

TEST(VersionedFront, AnswersForEveryEarlierFrontAsItWasThen) {
  // Against a front that is computed from nothing for each number of blocks.
  std::mt19937 random(7);
  std::uniform_int_distribution<int> coordinate(0, 40);
  struct Timed {
    std::vector<double> v;
    std::uint32_t since;
  };
  std::vector<Timed> points;
  VersionedFront front;
  for (std::uint32_t block = 1; block <= 12; ++block)
    for (int i = 0; i < 20; ++i) {
      // Later blocks come closer to the origin, so that earlier members are dominated.
      const double shift = 40 - 3.0 * block;
      Timed point{{coordinate(random) + shift, coordinate(random) + shift}, block};
      points.push_back(point);
      front.add({{points.size(), point.v, block}});
    }
  for (int trial = 0; trial < 2000; ++trial) {
    const std::vector<double> probe{coordinate(random) * 2.0, coordinate(random) * 2.0};
    for (std::uint32_t blocks = 0; blocks <= 12; ++blocks) {
      bool expected = false;
      for (const Timed& point : points)
        expected = expected || (point.since <= blocks && point.v[0] <= probe[0] &&
                                point.v[1] <= probe[1] && point.v != probe);
      ASSERT_EQ(front.dominates(probe, blocks), expected) << blocks;
    }
  }
}

TEST(VersionedFront, SendsWhatIsNewToACopyThatThenAnswersAlike) {
  std::mt19937 random(3);
  std::uniform_real_distribution<double> coordinate(0, 1);
  VersionedFront master;
  VersionedFront copy;
  std::uint32_t sent = 0;
  for (std::uint32_t block = 1; block <= 20; ++block) {
    std::vector<FrontPoint> points;
    for (int i = 0; i < 10; ++i)
      points.push_back({block * 100u + static_cast<unsigned>(i),
                        {coordinate(random), coordinate(random)},
                        block});
    master.add(std::move(points));
    if (block % 3 == 0) {
      copy.add(master.since(sent));
      sent = block;
      for (int trial = 0; trial < 200; ++trial) {
        const std::vector<double> probe{coordinate(random), coordinate(random)};
        EXPECT_EQ(copy.dominates(probe, block), master.dominates(probe, block));
        EXPECT_EQ(copy.dominates(probe, block - 1), master.dominates(probe, block - 1));
      }
    }
  }
}

TEST(VersionedFront, TakesInAHundredThousandPointsOfALargeFrontInABlock) {
  // One by one against a front of as many points this would take minutes.
  constexpr int kPoints = 100'000;
  std::vector<FrontPoint> points;
  for (int i = 0; i < kPoints; ++i) {
    const double x = static_cast<double>((i * 7919LL) % kPoints);
    points.push_back({static_cast<std::uint64_t>(i), {x, kPoints - x, x / 2 + i % 3}, 1});
  }
  VersionedFront front;
  front.add(std::move(points));
  EXPECT_EQ(front.size(), static_cast<std::size_t>(kPoints));
}

}  // namespace
}  // namespace ridgeline::search
