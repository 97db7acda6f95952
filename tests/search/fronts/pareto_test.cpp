#include "search/fronts/pareto.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "search/fronts/random.hpp"

namespace ridgeline::search {
namespace {

using ::testing::ElementsAre;

std::vector<std::vector<double>> random_points(int count, int objectives, int values) {
  RandomStream random(3, 0, 0, 0);
  std::vector<std::vector<double>> points(static_cast<std::size_t>(count));
  for (auto& p : points) {
    for (int m = 0; m < objectives; ++m) {
      p.push_back(static_cast<double>(random.below(static_cast<std::uint64_t>(values))));
    }
  }
  return points;
}

// Rank by definition: one more than the largest rank of what dominates the point.
int rank_by_definition(const std::vector<Fitness>& points, std::size_t i) {
  int rank = 0;
  for (std::size_t j = 0; j < points.size(); ++j) {
    if (dominates(points[j], points[i])) rank = std::max(rank, 1 + rank_by_definition(points, j));
  }
  return rank;
}

TEST(Pareto, equal_vectors_do_not_dominate_each_other) {
  const std::vector<double> a{1, 2};
  EXPECT_FALSE(dominates(std::span(a), std::span(a)));
}

TEST(Pareto, a_feasible_point_beats_every_infeasible_one) {
  EXPECT_TRUE(dominates(Fitness{{9, 9}, 0}, Fitness{{1, 1}, 1}));
  EXPECT_TRUE(dominates(Fitness{{9, 9}, 1}, Fitness{{1, 1}, 2}));
  EXPECT_FALSE(dominates(Fitness{{1, 1}, 1}, Fitness{{9, 9}, 1}));
}

TEST(Pareto, ranks_are_those_of_the_definition) {
  std::vector<Fitness> points;
  for (auto& p : random_points(60, 2, 12)) points.push_back({p, 0});
  const std::vector<int> ranks = non_dominated_ranks(points);
  for (std::size_t i = 0; i < points.size(); ++i) {
    EXPECT_EQ(ranks[i], rank_by_definition(points, i)) << i;
  }
}

TEST(Pareto, crowding_distances_are_those_of_a_hand_worked_front) {
  // Neighbours of the middle points span 3/4 + 4/5 and 3/4 + 3/5 of the ranges 4 and 5.
  const std::vector<Fitness> points{{{0, 5}, 0}, {{1, 3}, 0}, {{3, 1}, 0}, {{4, 0}, 0}};
  const std::vector<int> members{0, 1, 2, 3};
  const std::vector<double> d = crowding_distances(points, members);
  EXPECT_TRUE(std::isinf(d[0]));
  EXPECT_DOUBLE_EQ(d[1], 3.0 / 4 + 4.0 / 5);
  EXPECT_DOUBLE_EQ(d[2], 3.0 / 4 + 3.0 / 5);
  EXPECT_TRUE(std::isinf(d[3]));
}

TEST(Pareto, survivors_are_whole_ranks_and_the_least_crowded_of_the_last) {
  const std::vector<Fitness> points{{{4, 4}, 0},   {{0, 3}, 0}, {{1, 1.1}, 0},
                                    {{1.2, 1}, 0}, {{3, 0}, 0}, {{9, 9}, 0}};
  // Rank 0 is 1, 2, 3, 4; between 2 and 3 the former has the larger distance:
  // (1.2-0)/3 + (3-1)/3 against (3-1)/3 + (1.1-0)/3.
  EXPECT_THAT(select_survivors(points, 3), ElementsAre(1, 4, 2));
  EXPECT_THAT(select_survivors(points, 5), ElementsAre(1, 2, 3, 4, 0));
}

TEST(Pareto, an_archive_holds_what_no_point_dominates_in_any_order_of_insertion) {
  auto points = random_points(300, 3, 40);
  std::vector<std::size_t> expected;
  for (std::size_t i = 0; i < points.size(); ++i) {
    if (std::none_of(points.begin(), points.end(), [&](const std::vector<double>& p) {
          return dominates(std::span(p), std::span(points[i]));
        })) {
      expected.push_back(i);
    }
  }
  ASSERT_GT(expected.size(), 3u);
  ParetoArchive forwards, backwards;
  for (std::size_t i = 0; i < points.size(); ++i) forwards.insert(points[i], i);
  for (std::size_t i = points.size(); i-- > 0;) backwards.insert(points[i], i);
  std::vector<std::size_t> ids;
  for (const auto& e : forwards.entries()) ids.push_back(e.id);
  EXPECT_TRUE(std::is_permutation(ids.begin(), ids.end(), expected.begin(), expected.end()));
  std::vector<std::size_t> other;
  for (const auto& e : backwards.entries()) other.push_back(e.id);
  EXPECT_EQ(ids, other);
}

TEST(Pareto, an_archive_refuses_what_is_not_a_number) {
  ParetoArchive archive;
  EXPECT_FALSE(archive.insert({1, std::nan("")}, 0));
  EXPECT_TRUE(archive.entries().empty());
}

}  // namespace
}  // namespace ridgeline::search
