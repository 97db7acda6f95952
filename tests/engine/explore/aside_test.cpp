#include "engine/explore/aside.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <stdexcept>

namespace ridgeline::engine {
namespace {

using std::chrono::milliseconds;

TEST(Aside, DoesAJobWhileItsOwnerGoesOn) {
  Aside aside;
  std::atomic<bool> go{false};
  bool did = false;
  aside.start([&] {
    while (!go) std::this_thread::yield();
    did = true;
  });
  EXPECT_FALSE(aside.done(milliseconds(1)));
  go = true;
  EXPECT_TRUE(aside.done(milliseconds(10000)));
  EXPECT_TRUE(did);
  EXPECT_TRUE(aside.done(milliseconds(0))) << "nothing is under way";
}

TEST(Aside, TellsOnceWhatAJobThrew) {
  Aside aside;
  aside.start([] { throw std::runtime_error("no"); });
  EXPECT_THROW(aside.done(milliseconds(10000)), std::runtime_error);
  EXPECT_TRUE(aside.done(milliseconds(0)));
  int did = 0;
  aside.start([&] { ++did; });
  EXPECT_TRUE(aside.done(milliseconds(10000)));
  EXPECT_EQ(did, 1);
}

}  // namespace
}  // namespace ridgeline::engine
