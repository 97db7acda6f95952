#include "model/core/metric.hpp"

#include <gtest/gtest.h>

#include <set>

namespace ridgeline::model {
namespace {

TEST(Metric, has_a_name_of_its_own_by_which_it_is_found) {
  std::set<std::string_view> names;
  for (int m = 0; m < kMetrics; ++m) {
    const auto metric = static_cast<Metric>(m);
    EXPECT_TRUE(names.insert(to_string(metric)).second) << to_string(metric);
    EXPECT_EQ(metric_from(to_string(metric)), metric);
  }
  EXPECT_EQ(metric_from("peak-memory"), Metric::peak_memory);
  EXPECT_EQ(metric_from("peak"), std::nullopt);
  EXPECT_EQ(metric_from(""), std::nullopt);
}

TEST(Metric, is_smaller_the_better_but_for_the_utilization) {
  for (int m = 0; m < kMetrics; ++m) {
    const auto metric = static_cast<Metric>(m);
    EXPECT_EQ(maximised(metric), metric == Metric::utilization || needs_clock(metric))
        << to_string(metric);
  }
  EXPECT_EQ(unit(Metric::energy), "pJ");
  EXPECT_EQ(unit(Metric::peak_memory), "bits");
}

}  // namespace
}  // namespace ridgeline::model
