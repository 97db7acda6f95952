#include <gtest/gtest.h>

#include <random>

#include "engine/explore/front.hpp"

namespace ridgeline::engine {
namespace {

TEST(Front, KeepsEqualVectorsAndSortsByObjectivesThenId) {
  Front front;
  front.add({9, {1, 2}, 1});
  front.add({4, {1, 2}, 1});
  front.add({5, {0, 3}, 1});
  front.add({6, {1, 3}, 1});  // dominated by 4 and 9
  std::vector<std::uint64_t> ids;
  for (const FrontPoint& point : front.members()) ids.push_back(point.id);
  EXPECT_EQ(ids, (std::vector<std::uint64_t>{5, 4, 9}));
  EXPECT_EQ(front.size(), 3u);
}

TEST(Front, ComparesEqualVectorsOnce) {
  // A parameter without effect: compared with each other these would take minutes.
  Front front;
  for (std::uint64_t id = 0; id < 400'000; ++id)
    front.add({id, {static_cast<double>(id % 2), 1.0 - static_cast<double>(id % 2)}, 1});
  EXPECT_EQ(front.size(), 400'000u);
  EXPECT_EQ(front.vectors().size(), 2u);
  const auto members = front.members();
  EXPECT_EQ(members[1].id, 2u);
  EXPECT_EQ(members[200'000].id, 1u);
  EXPECT_EQ(front.since(0).size(), 2u) << "enough to prune against";
  front.add({400'000, {0, 0}, 2});
  EXPECT_EQ(front.size(), 1u);
  EXPECT_TRUE(front.dominates(std::vector<double>{0, 2}, 1)) << "the earlier front is still there";
}

TEST(Front, DoesNotDominateItsEqual) {
  Front front;
  front.add({1, {1, 2}, 1});
  EXPECT_FALSE(front.dominates(std::vector<double>{1, 2}, 1));
  EXPECT_TRUE(front.dominates(std::vector<double>{1, 2.5}, 1));
  EXPECT_FALSE(front.dominates(std::vector<double>{0.5, 2.5}, 1));
}

TEST(Front, AnswersForEveryEarlierFrontAsItWasThen) {
  // Against a front that is computed from nothing for each number of blocks.
  std::mt19937 random(7);
  std::uniform_int_distribution<int> coordinate(0, 40);
  struct Timed {
    std::vector<double> v;
    std::uint32_t since;
  };
  std::vector<Timed> points;
  Front front;
  for (std::uint32_t block = 1; block <= 12; ++block)
    for (int i = 0; i < 20; ++i) {
      // Later blocks come closer to the origin, so that earlier members are dominated.
      const double shift = 40 - 3.0 * block;
      Timed point{{coordinate(random) + shift, coordinate(random) + shift}, block};
      points.push_back(point);
      front.add({points.size(), point.v, block});
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

TEST(Front, SendsWhatIsNewToACopyThatThenAnswersAlike) {
  std::mt19937 random(3);
  std::uniform_real_distribution<double> coordinate(0, 1);
  Front master;
  Front copy;
  std::uint32_t sent = 0;
  for (std::uint32_t block = 1; block <= 20; ++block) {
    for (int i = 0; i < 10; ++i)
      master.add({block * 100u + static_cast<unsigned>(i),
                  {coordinate(random), coordinate(random)},
                  block});
    if (block % 3 == 0) {
      for (FrontPoint& point : master.since(sent)) copy.add(std::move(point));
      sent = block;
      for (int trial = 0; trial < 200; ++trial) {
        const std::vector<double> probe{coordinate(random), coordinate(random)};
        EXPECT_EQ(copy.dominates(probe, block), master.dominates(probe, block));
        EXPECT_EQ(copy.dominates(probe, block - 1), master.dominates(probe, block - 1));
      }
    }
  }
}

TEST(Hypervolume, OfHandWorkedFronts) {
  // One point: a rectangle. Two: 2 x 1 + 1 x 1 beyond it.
  EXPECT_DOUBLE_EQ(hypervolume({{1, 2}}, {4, 5}), 9);
  EXPECT_DOUBLE_EQ(hypervolume({{1, 3}, {2, 1}}, {4, 4}), 3 * 1 + 2 * 2);
  // Boxes (1,1,1)..(3,3,3) and (0,2,2)..(3,3,3): 8 + 3 - 2.
  EXPECT_DOUBLE_EQ(hypervolume({{1, 1, 1}, {0, 2, 2}}, {3, 3, 3}), 9);
  // Beyond the reference there is nothing.
  EXPECT_DOUBLE_EQ(hypervolume({{5, 0}}, {4, 4}), 0);
}

TEST(Hypervolume, AgreesWithCountingUnitCells) {
  std::mt19937 random(11);
  std::uniform_int_distribution<int> coordinate(0, 7);
  for (const std::size_t dims : {2u, 3u, 4u}) {
    for (int trial = 0; trial < 20; ++trial) {
      std::vector<std::vector<double>> points(6, std::vector<double>(dims));
      for (auto& point : points)
        for (double& x : point) x = coordinate(random);
      int cells = 1;
      for (std::size_t d = 0; d < dims; ++d) cells *= 8;
      int covered = 0;
      for (int cell = 0; cell < cells; ++cell) {
        bool inside = false;
        for (const auto& point : points) {
          int rest = cell;
          bool below = true;
          for (std::size_t d = 0; d < dims; ++d, rest /= 8) below = below && point[d] <= rest % 8;
          inside = inside || below;
        }
        covered += inside ? 1 : 0;
      }
      EXPECT_DOUBLE_EQ(hypervolume(points, std::vector<double>(dims, 8)), covered);
    }
  }
}

}  // namespace
}  // namespace ridgeline::engine
