#include "search/fronts/random.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <set>
#include <vector>

namespace ridgeline::search {
namespace {

// Known answers of the authors' Random123 distribution (kat_vectors, philox4x32 10).
TEST(Random, philox_gives_the_published_known_answers) {
  using Words = std::array<std::uint32_t, 4>;
  EXPECT_EQ(philox({0, 0, 0, 0}, 0), (Words{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  EXPECT_EQ(philox({~0u, ~0u, ~0u, ~0u}, ~std::uint64_t{0}),
            (Words{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(philox({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, 0x299f31d0a4093822),
            (Words{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

TEST(Random, a_stream_is_a_function_of_what_it_is_for) {
  RandomStream a(7, 1, 2, 3), b(7, 1, 2, 3);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(a.next(), b.next());
}

TEST(Random, streams_for_different_purposes_differ) {
  std::set<std::uint64_t> first;
  int streams = 0;
  for (std::uint64_t seed : {1, 2}) {
    for (std::uint32_t island : {0, 1}) {
      for (std::uint32_t generation : {0, 1}) {
        for (std::uint32_t individual : {0, 1}) {
          RandomStream stream(seed, island, generation, individual);
          first.insert(stream.next());
          ++streams;
        }
      }
    }
  }
  EXPECT_EQ(first.size(), static_cast<std::size_t>(streams));
}

TEST(Random, draws_below_a_bound_are_uniform) {
  RandomStream random(1, 0, 0, 0);
  constexpr int kDraws = 60000;
  std::vector<int> count(6, 0);
  for (int i = 0; i < kDraws; ++i) ++count[random.below(6)];
  double chi = 0;
  for (const int c : count) chi += (c - kDraws / 6.0) * (c - kDraws / 6.0) / (kDraws / 6.0);
  EXPECT_LT(chi, 20.5);  // 0.1 % point of chi-squared with 5 degrees of freedom
}

TEST(Random, uniform_draws_lie_in_the_unit_interval) {
  RandomStream random(1, 0, 0, 0);
  double sum = 0;
  for (int i = 0; i < 10000; ++i) {
    const double x = random.uniform();
    ASSERT_GE(x, 0.0);
    ASSERT_LT(x, 1.0);
    sum += x;
  }
  EXPECT_NEAR(sum / 10000, 0.5, 0.012);  // 4 standard deviations of the mean
}

}  // namespace
}  // namespace ridgeline::search
