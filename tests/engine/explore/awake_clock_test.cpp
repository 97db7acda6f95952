#include "engine/explore/awake_clock.hpp"

#include <gtest/gtest.h>

namespace ridgeline::engine {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;

TEST(AwakeClock, CountsWhatPassesBetweenLooks) {
  const AwakeClock::Moment begin{};
  AwakeClock clock(begin);
  EXPECT_DOUBLE_EQ(clock.look(begin + milliseconds(100)), 0.1);
  EXPECT_DOUBLE_EQ(clock.look(begin + milliseconds(250)), 0.25);
  EXPECT_DOUBLE_EQ(clock.seconds(), 0.25);
}

TEST(AwakeClock, SleptThroughWhatItDidNotSee) {
  const AwakeClock::Moment begin{};
  AwakeClock clock(begin);
  clock.look(begin + milliseconds(100));
  EXPECT_DOUBLE_EQ(clock.look(begin + hours(9)), 0.35) << "a night under a closed lid";
  EXPECT_DOUBLE_EQ(clock.look(begin + hours(9) + milliseconds(10)), 0.36);
}

TEST(AwakeClock, NeverRunsBackwards) {
  const AwakeClock::Moment begin{};
  AwakeClock clock(begin + hours(1));
  EXPECT_DOUBLE_EQ(clock.look(begin), 0);
  EXPECT_DOUBLE_EQ(clock.look(begin + milliseconds(100)), 0.1);
}

}  // namespace
}  // namespace ridgeline::engine
