#include "search/depth_first/tile_table.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <random>
#include <thread>
#include <vector>

namespace ridgeline {
namespace {

using search::TileKey;
using search::TileTable;

// Short keys and such that are longer than what an entry has room for, many of them alike.
TEST(TileTable, HasWhatWasPutThereAndNothingElse) {
  std::mt19937 random(1);
  TileTable<int> table;
  std::map<TileKey, int> expected;
  std::map<TileKey, const int*> places;
  for (int i = 0; i < 20'000; ++i) {
    TileKey key(random() % 20);
    for (std::int64_t& word : key) word = static_cast<std::int64_t>(random() % 3) - 1;
    const auto it = expected.find(key);
    const int* found = table.find(key);
    ASSERT_EQ(found != nullptr, it != expected.end());
    if (found != nullptr) {
      EXPECT_EQ(*found, it->second);
      EXPECT_EQ(found, places.at(key));
    }
    if (random() % 2 == 0) continue;
    const auto [value, fresh] = table.emplace(key);
    EXPECT_EQ(fresh, it == expected.end());
    *value = i;
    expected[key] = i;
    places[key] = value;
  }
  EXPECT_EQ(table.size(), expected.size());
  EXPECT_GT(table.size(), 5'000u);
}

TEST(TileTable, AnEmptyOneHasNothing) {
  const TileTable<int> table;
  EXPECT_EQ(table.find({}), nullptr);
  EXPECT_EQ(table.find({1, 2}), nullptr);
}

TEST(FreshEntries, OfSeveralThreadsAllGetTheSame) {
  search::FreshEntries<std::int64_t> fresh;
  std::atomic<int> made{0};
  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (std::int64_t i = 0; i < 3'000; ++i) {
        const std::int64_t* value = fresh.get({i, 7}, [&] {
          ++made;
          return 3 * i;
        });
        if (*value != 3 * i) ++wrong;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
  EXPECT_GE(made, 3'000);
  TileTable<std::int64_t> table;
  fresh.move_into(table);
  EXPECT_EQ(table.size(), 3'000u);
  ASSERT_NE(table.find({2'999, 7}), nullptr);
  EXPECT_EQ(*table.find({2'999, 7}), 8'997);
  fresh.move_into(table);  // nothing is left
  EXPECT_EQ(table.size(), 3'000u);
}

}  // namespace
}  // namespace ridgeline
