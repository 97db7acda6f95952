#include "search/exact/cut_elements.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

namespace ridgeline::search {
namespace {

// A dimension of which `unrolled` is unrolled at the innermost level.
model::OperandSpatial unrolled_by(const std::vector<double>& unrolled) {
  model::OperandSpatial spatial;
  spatial.whole = false;
  for (std::size_t i = 0; i < unrolled.size(); ++i) {
    spatial.loops[i].dim = 0;
    spatial.loops[i].factor = unrolled[i];
  }
  spatial.begin.fill(static_cast<std::uint8_t>(unrolled.size()));
  spatial.begin[0] = 0;
  return spatial;
}

// Whether the product is the same in all orders of its factors.
bool same_in_all_orders(std::vector<double> factors) {
  std::sort(factors.begin(), factors.end());
  const auto product = [&] {
    double value = 1;
    for (const double f : factors) value *= f;
    return value;
  };
  const double first = product();
  while (std::next_permutation(factors.begin(), factors.end())) {
    if (product() != first) return false;
  }
  return true;
}

TEST(CutElements, OrderMattersWhereItDoes) {
  const std::vector<std::vector<double>> loops{{},     {2},    {3},       {2, 2, 2}, {2, 3},
                                               {2, 5}, {3, 3}, {2, 3, 5}, {3, 5, 7}, {2, 2, 3, 7}};
  int differ = 0;
  for (int units = 2; units < 40; ++units) {
    for (int size = 2; size < 40; ++size) {
      for (const auto& temporal : loops) {
        const double factor = static_cast<double>(size) / units;
        std::vector<double> all = temporal;
        all.push_back(factor);
        double product = 1;
        for (const double f : temporal) product *= f;
        const bool same = same_in_all_orders(all);
        if (!order_matters(unrolled_by({factor}), 1, 0, product)) {
          EXPECT_TRUE(same) << factor << " x " << product;
        }
        if (!same) ++differ;
      }
    }
  }
  EXPECT_GT(differ, 100);
}

TEST(CutElements, UnrolledTwiceAndLoopedOnceIsRoundedTwice) {
  const double third = 5.0 / 3.0;
  EXPECT_FALSE(order_matters(unrolled_by({third, third}), 1, 0, 8));
  EXPECT_TRUE(order_matters(unrolled_by({third, third}), 1, 0, 3));
  EXPECT_FALSE(order_matters(unrolled_by({third, 4}), 1, 0, 6));
  // Of another dimension they do not count.
  EXPECT_FALSE(order_matters(unrolled_by({third, third}), 1, 1, 15));
  EXPECT_TRUE(order_matters(unrolled_by({third}), 1, 0, 15));
}

}  // namespace
}  // namespace ridgeline::search
