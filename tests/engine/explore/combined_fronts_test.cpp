#include "engine/explore/combined_fronts.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ridgeline::engine {
namespace {

using testing::ElementsAre;

TEST(CombinedFronts, KeepsWhatNothingIsBetterThanByRisingLatency) {
  std::vector<LatencyAndEnergy> items{{5, 1}, {1, 9}, {3, 9}, {3, 4}, {1, 9}, {6, 1}};
  keep_front(items, 64, [](const LatencyAndEnergy& item) { return item; });
  EXPECT_THAT(items,
              ElementsAre(LatencyAndEnergy(1, 9), LatencyAndEnergy(3, 4), LatencyAndEnergy(5, 1)));
}

TEST(CombinedFronts, OfTooManyTakesBothEndsAndWhatIsSpreadBetween) {
  std::vector<LatencyAndEnergy> items;
  for (int i = 0; i < 11; ++i) items.emplace_back(i, 10 - i);
  keep_front(items, 3, [](const LatencyAndEnergy& item) { return item; });
  EXPECT_THAT(
      items, ElementsAre(LatencyAndEnergy(0, 10), LatencyAndEnergy(5, 5), LatencyAndEnergy(10, 0)));
}

TEST(CombinedFronts, AddsWorkloadsWithTheirWeights) {
  // The second workload counts ten times: its slow schedule pays before the first one's does.
  const auto places = combined_fronts({{{1, 8}, {4, 6}}, {{1, 8}, {2, 6}}}, {1, 10}, 64);
  EXPECT_THAT(places, ElementsAre(FrontPlaces{0, 0}, FrontPlaces{1, 0}, FrontPlaces{0, 1},
                                  FrontPlaces{1, 1}));
  const auto equal = combined_fronts({{{1, 8}, {4, 6}}, {{1, 8}, {2, 6}}}, {1, 1}, 64);
  EXPECT_THAT(equal, ElementsAre(FrontPlaces{0, 0}, FrontPlaces{0, 1}, FrontPlaces{1, 1}))
      << "slowing the first down alone costs more and saves no more";
}

}  // namespace
}  // namespace ridgeline::engine
