#include "engine/run/team.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <mutex>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace ridgeline::engine {
namespace {

TEST(Team, GoesThroughEveryItemOnce) {
  for (const int threads : {1, 2, 5}) {
    Team team(threads);
    EXPECT_EQ(team.threads(), threads);
    for (const std::size_t count : {0, 1, 2, 100}) {
      std::vector<std::atomic<int>> seen(count);
      team.run(count, [&](std::size_t i, int member) {
        ++seen[i];
        EXPECT_GE(member, 0);
        EXPECT_LT(member, threads);
      });
      for (const auto& times : seen) EXPECT_EQ(times, 1);
    }
  }
}

TEST(Team, WorksTogether) {
  Team team(3);
  std::mutex mutex;
  std::set<std::thread::id> who;
  // The first items wait until three threads are at it.
  team.run(3, [&](std::size_t, int) {
    {
      const std::lock_guard lock(mutex);
      who.insert(std::this_thread::get_id());
    }
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    for (bool all = false; !all && std::chrono::steady_clock::now() < end;) {
      std::this_thread::yield();
      const std::lock_guard lock(mutex);
      all = who.size() == 3;
    }
  });
  EXPECT_EQ(who.size(), 3u);
}

TEST(Team, TakesLoopsWithinLoops) {
  Team team(4);
  for (int round = 0; round < 200; ++round) {
    std::atomic<int> sum{0};
    team.run(6, [&](std::size_t i, int) {
      team.run(5, [&](std::size_t j, int) { sum += static_cast<int>(5 * i + j); });
    });
    ASSERT_EQ(sum, 435);
  }
}

TEST(Team, HandsOnWhatTheEarliestItemThrew) {
  for (const int threads : {1, 3}) {
    Team team(threads);
    for (int round = 0; round < 50; ++round) {
      try {
        team.run(40, [](std::size_t i, int) {
          if (i % 10 == 3) throw std::runtime_error(std::to_string(i));
        });
        FAIL();
      } catch (const std::runtime_error& error) {
        EXPECT_EQ(std::string(error.what()), "3");
      }
    }
  }
}

}  // namespace
}  // namespace ridgeline::engine
