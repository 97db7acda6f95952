#include "engine/run/search_time.hpp"

#include <gtest/gtest.h>

#include <chrono>

namespace ridgeline::engine {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_until(SearchTime::Point point) {
  return std::chrono::duration<double>(point - Clock::now()).count();
}

TEST(SearchTime, IsWithoutLimitUnlessOneIsGiven) {
  for (const SearchTime time : {SearchTime(), SearchTime(0)}) {
    EXPECT_FALSE(time.limited());
    EXPECT_FALSE(time.over());
    EXPECT_FALSE(time.first(0).limited());
    EXPECT_EQ(time.share(5, 2), SearchTime::Point::max());
  }
}

// However long a test machine makes a thread wait, nothing may end later than its share.
TEST(SearchTime, IsSharedEquallyByWhatIsLeftToDo) {
  const SearchTime time(1000);
  EXPECT_TRUE(time.limited());
  EXPECT_FALSE(time.over());
  EXPECT_LE(seconds_until(time.share(10, 1)), 100);
  EXPECT_GT(seconds_until(time.share(10, 1)), 50);
  EXPECT_LE(seconds_until(time.share(10, 4)), 1000.0 / 3);  // three rounds of four
  EXPECT_GT(seconds_until(time.share(10, 4)), 200);
  EXPECT_GT(seconds_until(time.share(3, 4)), 500);  // the last have all of it
  EXPECT_LE(seconds_until(time.first(0.25).share(1, 1)), 250);
}

TEST(SearchTime, ThatIsOverLeavesNothingToShare) {
  const SearchTime time(1e-9);
  while (!time.over()) {
  }
  EXPECT_LE(seconds_until(time.share(1, 1)), 0);
  EXPECT_LE(seconds_until(time.first(0.5).share(3, 1)), 0);
}

TEST(SearchTime, AThreadWorksOnOneSearchWithinAnother) {
  EXPECT_FALSE(search_is_over());
  const SearchTime::Point later = Clock::now() + std::chrono::hours(1);
  {
    const SearchUntil outer(later);
    EXPECT_EQ(search_end(), later);
    EXPECT_FALSE(search_is_over());
    {
      const SearchUntil inner(Clock::now());
      EXPECT_TRUE(search_is_over());
    }
    EXPECT_EQ(search_end(), later);
    EXPECT_FALSE(search_is_over());
  }
  EXPECT_EQ(search_end(), SearchTime::Point::max());
}

}  // namespace
}  // namespace ridgeline::engine
