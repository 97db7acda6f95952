#include <gtest/gtest.h>

#include "engine/explore/reporting.hpp"

namespace ridgeline::engine {
namespace {

TEST(Reporting, WaitsForMoreOnlyAsLongAsAWorkerHasWork) {
  EXPECT_FALSE(time_to_report(0, 1000, 8)) << "nothing to tell";
  EXPECT_TRUE(time_to_report(1, 0, 2)) << "one of two: the other alone keeps it busy";
  EXPECT_FALSE(time_to_report(1, 0, 100));
  // The master gives more when half is left; this is well before.
  EXPECT_TRUE(time_to_report(25, 0, 100));
  EXPECT_TRUE(time_to_report(1, 1, 100)) << "items are long";
  EXPECT_TRUE(time_to_report(kManyFinished, 0, 4096));
}

}  // namespace
}  // namespace ridgeline::engine
