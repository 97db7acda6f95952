// The profile of a link against one that keeps the bandwidth in use of each cycle.
#include "model/system/occupancy.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <random>
#include <vector>

namespace ridgeline::model {
namespace {

constexpr int kCycles = 4'000;

class CycleByCycle {
 public:
  void add(int begin, int end, double amount) {
    for (int t = begin; t < end; ++t) used_[static_cast<std::size_t>(t)] += amount;
  }
  double first_window(int from, int duration, double demand, double bandwidth) const {
    int free = 0;
    for (int t = from;; ++t) {
      // After the last cycle nothing is in use.
      const double used = t < kCycles ? used_[static_cast<std::size_t>(t)] : 0;
      free = used + demand > bandwidth ? 0 : free + 1;
      if (free == duration) return t - duration + 1;
      if (t > kCycles + duration) return std::numeric_limits<double>::infinity();
    }
  }

 private:
  std::vector<double> used_ = std::vector<double>(kCycles);
};

// Transfers that come in order of time, with some to fill what was left free, as schedules send
// them, and transfers anywhere.
TEST(LinkOccupancy, FindsWhatCountingEachCycleFinds) {
  LinkOccupancy link;
  for (std::uint32_t trial = 0; trial < 60; ++trial) {
    std::mt19937 random(trial);
    const auto below = [&](int n) { return static_cast<int>(random() % static_cast<unsigned>(n)); };
    link.reset();
    CycleByCycle cycles;
    const double bandwidth = 16;
    const int spread = trial % 3 == 0 ? kCycles - 200 : 20 + below(400);
    for (int i = 0; i < 600; ++i) {
      const int front = trial % 3 == 0 ? 0 : i * (kCycles - 700) / 600;
      const int from = front + below(spread);
      const int duration = 1 + below(trial % 2 == 0 ? 5 : 60);
      const double demand = trial % 5 == 0 ? 16 : 1 + below(8);
      const double begin = link.first_window(from, duration, demand, bandwidth);
      ASSERT_EQ(begin, cycles.first_window(from, duration, demand, bandwidth))
          << "trial " << trial << ", transfer " << i;
      if (begin + duration > kCycles) continue;
      link.add(begin, begin + duration, demand);
      cycles.add(static_cast<int>(begin), static_cast<int>(begin) + duration, demand);
    }
    for (int from = 0; from < kCycles; from += 7) {
      const int duration = 1 + below(100);
      const double demand = 1 + below(16);
      ASSERT_EQ(link.first_window(from, duration, demand, bandwidth),
                cycles.first_window(from, duration, demand, bandwidth))
          << "trial " << trial << ", from " << from;
    }
  }
}

TEST(LinkOccupancy, NeverHasRoomForMoreThanItsBandwidth) {
  LinkOccupancy link;
  link.reset();
  EXPECT_EQ(link.first_window(3, 1, 17, 16), std::numeric_limits<double>::infinity());
  link.add(0, 10, 16);
  link.add(10, 12, 1);
  EXPECT_EQ(link.first_window(0, 5, 1, 16), 10);
  EXPECT_EQ(link.first_window(0, 5, 16, 16), 12);
  EXPECT_EQ(link.first_window(20, 5, 16, 16), 20);
}

}  // namespace
}  // namespace ridgeline::model
