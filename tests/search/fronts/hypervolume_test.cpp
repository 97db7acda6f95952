#include "search/fronts/hypervolume.hpp"

#include <gtest/gtest.h>

#include <random>
#include <vector>

namespace ridgeline::search {
namespace {

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

TEST(Hypervolume, OfFiftyThousandPointsInThreeObjectivesTakesNoTime) {
  // Points on the plane x + y + z = n, each cube of the staircase once: counted by layers.
  constexpr int kSide = 300;
  std::vector<std::vector<double>> points;
  for (int x = 0; x < kSide; ++x)
    for (int y = 0; x + y < kSide; ++y)
      points.push_back(
          {static_cast<double>(x), static_cast<double>(y), static_cast<double>(kSide - 1 - x - y)});
  double expected = 0;  // unit cells above the plane
  for (int z = 0; z < kSide; ++z) {
    const double free = kSide - 1 - z;  // cells with x + y < free are not dominated
    expected += static_cast<double>(kSide) * kSide - free * (free + 1) / 2;
  }
  EXPECT_DOUBLE_EQ(hypervolume(points, std::vector<double>(3, kSide)), expected);
}

}  // namespace
}  // namespace ridgeline::search
