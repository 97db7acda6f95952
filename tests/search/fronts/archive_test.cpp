#include "search/fronts/archive.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <vector>

#include "search/fronts/random.hpp"

namespace ridgeline::search {
namespace {

struct Ids {
  std::set<int> all;
  void join(Ids&& other) { all.merge(other.all); }
};

TEST(Archive, holds_what_no_point_dominates_in_any_order_of_insertion) {
  for (const std::size_t width : {2u, 3u, 4u}) {
    RandomStream random(5, 0, 0, static_cast<std::uint32_t>(width));
    std::vector<std::vector<double>> points(3000);
    for (auto& p : points)
      for (std::size_t o = 0; o < width; ++o) p.push_back(static_cast<double>(random.below(20)));
    Archive<Ids> forwards;
    Archive<Ids> backwards;
    for (std::size_t i = 0; i < points.size(); ++i) {
      forwards.add(points[i], {{static_cast<int>(i)}});
      const std::size_t j = points.size() - 1 - i;
      backwards.add(points[j], {{static_cast<int>(j)}});
    }
    std::set<int> expected;
    for (std::size_t i = 0; i < points.size(); ++i)
      if (std::none_of(points.begin(), points.end(), [&](const std::vector<double>& p) {
            return dominates(std::span(p), std::span(points[i]));
          }))
        expected.insert(static_cast<int>(i));
    std::set<int> found;
    for (const auto& e : forwards.entries()) {
      for (const int id : e.group.all)
        EXPECT_EQ(points[static_cast<std::size_t>(id)], e.objectives);
      found.insert(e.group.all.begin(), e.group.all.end());
    }
    EXPECT_EQ(found, expected);
    ASSERT_EQ(forwards.entries().size(), backwards.entries().size());
    for (std::size_t i = 0; i < forwards.entries().size(); ++i) {
      EXPECT_EQ(forwards.entries()[i].objectives, backwards.entries()[i].objectives);
      EXPECT_EQ(forwards.entries()[i].group.all, backwards.entries()[i].group.all);
    }
  }
}

struct Count {
  long number = 1;
  void join(Count&& other) { number += other.number; }
};

TEST(Archive, takes_a_million_equal_points_and_a_front_of_two_hundred_thousand) {
  // Compared with each other either would take minutes.
  Archive<Count> archive;
  for (int i = 0; i < 1'000'000; ++i) archive.add({1, 2}, {});
  ASSERT_EQ(archive.entries().size(), 1u);
  EXPECT_EQ(archive.entries()[0].group.number, 1'000'000);
  Archive<Count> front;
  constexpr int kPoints = 200'000;
  for (int i = 0; i < kPoints; ++i) {
    const double x = static_cast<double>((i * 7919LL) % kPoints);
    front.add({x, kPoints - x, x}, {});
  }
  EXPECT_EQ(front.entries().size(), static_cast<std::size_t>(kPoints));
}

TEST(Archive, ignores_what_is_not_a_number) {
  Archive<Count> archive;
  archive.add({1, std::nan("")}, {});
  EXPECT_TRUE(archive.entries().empty());
}

}  // namespace
}  // namespace ridgeline::search
