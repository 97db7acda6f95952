#include "search/fronts/even_samples.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <vector>

namespace ridgeline::search {
namespace {

constexpr int kPoints = 1024;

std::vector<std::vector<std::uint32_t>> points(std::size_t dimensions, std::uint64_t seed) {
  EvenSamples samples(dimensions, seed);
  std::vector<std::vector<std::uint32_t>> result;
  for (int i = 0; i < kPoints; ++i) result.push_back(samples.next());
  return result;
}

TEST(EvenSamples, EveryIntervalOfEveryDimensionHoldsOnePoint) {
  for (const std::uint64_t seed : {1u, 2u, 3u}) {
    const auto all = points(7, seed);
    for (std::size_t d = 0; d < 7; ++d) {
      std::vector<int> count(kPoints);
      for (const auto& point : all) ++count[point[d] >> 22];
      for (const int c : count) ASSERT_EQ(c, 1);
    }
  }
}

TEST(EvenSamples, EveryBoxOfAPairHoldsOnePoint) {
  for (const std::uint64_t seed : {1u, 2u, 3u}) {
    const auto all = points(4, seed);
    for (const std::size_t first : {0u, 2u}) {
      for (int a = 0; a <= 10; ++a) {  // 2^a by 2^(10 - a) boxes
        std::vector<int> count(kPoints);
        for (const auto& point : all) {
          const std::uint32_t x = a == 0 ? 0 : point[first] >> (32 - a);
          const std::uint32_t y = a == 10 ? 0 : point[first + 1] >> (22 + a);
          ++count[(x << (10 - a)) | y];
        }
        for (const int c : count) ASSERT_EQ(c, 1) << "2^" << a;
      }
    }
  }
}

// Of every eight points of a dimension each lies in another eighth. Where their partners in another
// pair's dimension are any of the eight, 8 x 8 cells of 16 points each have a chi-squared of 56 on
// average, less than the 63 of chance.
TEST(EvenSamples, NoDimensionsOfDifferentPairsAreRelated) {
  double sum = 0;
  int pairs = 0;
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    const auto all = points(8, seed);
    for (std::size_t i = 0; i < 8; ++i) {
      for (std::size_t j = i % 2 == 0 ? i + 2 : i + 1; j < 8; ++j) {
        std::vector<int> cell(64);
        for (const auto& point : all) ++cell[(point[i] >> 29) * 8 + (point[j] >> 29)];
        double chi = 0;
        for (const int count : cell) chi += (count - 16.0) * (count - 16.0) / 16.0;
        EXPECT_LT(chi, 250) << i << ", " << j << ", seed " << seed;
        sum += chi;
        ++pairs;
      }
    }
  }
  EXPECT_EQ(pairs, 20 * 24);
  EXPECT_NEAR(sum / pairs, 56, 5);
}

TEST(EvenSamples, AreAFunctionOfTheSeed) {
  EXPECT_EQ(points(3, 5), points(3, 5));
  EXPECT_NE(points(3, 5), points(3, 6));
}

}  // namespace
}  // namespace ridgeline::search
