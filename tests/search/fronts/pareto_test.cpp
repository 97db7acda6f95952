#include "search/fronts/pareto.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <tuple>
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
  for (const int width : {1, 2, 3, 4}) {
    SCOPED_TRACE(width);
    std::vector<Fitness> points;
    for (auto& p : random_points(60, width, 6)) points.push_back({p, 0});
    for (std::size_t i = 0; i < points.size(); i += 7)
      points[i].violation = 1.0 + static_cast<double>(i % 2);
    const std::vector<int> ranks = non_dominated_ranks(points);
    for (std::size_t i = 0; i < points.size(); ++i) {
      EXPECT_EQ(ranks[i], rank_by_definition(points, i)) << i;
    }
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
  const auto places = [&](std::size_t count) {
    std::vector<int> taken;
    for (const Ranked& r : select_survivors(points, count)) taken.push_back(r.place);
    return taken;
  };
  EXPECT_THAT(places(3), ElementsAre(1, 4, 2));
  EXPECT_THAT(places(5), ElementsAre(1, 4, 2, 3, 0));
  EXPECT_EQ(select_survivors(points, 9).size(), 6u);
}

std::vector<std::size_t> front_by_definition(const std::vector<std::vector<double>>& points) {
  std::vector<std::size_t> front;
  for (std::size_t i = 0; i < points.size(); ++i) {
    if (std::none_of(points.begin(), points.end(), [&](const std::vector<double>& p) {
          return dominates(std::span(p), std::span(points[i]));
        })) {
      front.push_back(i);
    }
  }
  return front;
}

TEST(Pareto, the_front_of_a_matrix_is_that_of_the_definition_and_sorted) {
  for (const int width : {1, 2, 3, 4, 5}) {
    SCOPED_TRACE(width);
    const auto points = random_points(400, width, 12);
    std::vector<double> matrix;
    for (const auto& p : points) matrix.insert(matrix.end(), p.begin(), p.end());
    const auto rows = non_dominated_rows(matrix, static_cast<std::size_t>(width));
    const auto expected = front_by_definition(points);
    EXPECT_TRUE(std::is_permutation(rows.begin(), rows.end(), expected.begin(), expected.end()));
    for (std::size_t k = 1; k < rows.size(); ++k) {
      EXPECT_TRUE(std::tie(points[rows[k - 1]], rows[k - 1]) < std::tie(points[rows[k]], rows[k]));
    }
  }
}

TEST(Pareto, what_is_not_a_number_is_on_no_front_and_ranks_last) {
  const std::vector<double> matrix{1, std::nan(""), 2, 2};
  EXPECT_THAT(non_dominated_rows(matrix, 2), ElementsAre(1u));
  const std::vector<Fitness> points{{{1, std::nan("")}, 0}, {{2, 2}, 0}, {{}, 7}};
  EXPECT_THAT(non_dominated_ranks(points), ElementsAre(2, 0, 1));
}

TEST(Pareto, ninety_thousand_points_are_ranked_in_no_time) {
  // Compared with each other they would take minutes.
  for (const int width : {2, 3}) {
    std::vector<Fitness> points;
    for (auto& p : random_points(90'000, width, 1'000'000)) points.push_back({std::move(p), 0});
    const std::vector<int> ranks = non_dominated_ranks(points);
    EXPECT_EQ(*std::min_element(ranks.begin(), ranks.end()), 0);
    // Two that follow each other in one rank do not dominate each other.
    std::map<int, std::size_t> last;
    for (std::size_t i = 0; i < points.size(); ++i) {
      const auto [place, fresh] = last.try_emplace(ranks[i], i);
      if (!fresh) {
        ASSERT_FALSE(dominates(points[place->second], points[i]));
        ASSERT_FALSE(dominates(points[i], points[place->second]));
      }
      place->second = i;
    }
  }
}

}  // namespace
}  // namespace ridgeline::search
