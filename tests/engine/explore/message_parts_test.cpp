#include "engine/explore/message_parts.hpp"

#include <gtest/gtest.h>

namespace ridgeline::engine {
namespace {

TEST(MessageParts, AreTheMessageOnceMore) {
  for (std::size_t size = 0; size < 20; ++size) {
    const std::string message = std::string("abcdefghijklmnopqrst").substr(0, size);
    const auto parts = parts_of(message, 4);
    EXPECT_EQ(parts.size(), std::max<std::size_t>(1, (size + 3) / 4));
    PartsJoiner joiner;
    for (std::size_t i = 0; i < parts.size(); ++i) {
      std::string bytes(parts[i]);
      const bool more = i + 1 < parts.size();
      EXPECT_EQ(joiner.add(7, more, bytes), !more);
      if (!more) {
        EXPECT_EQ(bytes, message);
      }
    }
  }
}

TEST(MessageParts, OfSeveralSendersMayComeMixed) {
  PartsJoiner joiner;
  std::string one = "on";
  std::string two = "tw";
  std::string short_one = "ping";
  EXPECT_FALSE(joiner.add(1, true, one));
  EXPECT_FALSE(joiner.add(2, true, two));
  EXPECT_TRUE(joiner.add(3, false, short_one));
  EXPECT_EQ(short_one, "ping");
  one = "e";
  two = "o";
  EXPECT_TRUE(joiner.add(2, false, two));
  EXPECT_TRUE(joiner.add(1, false, one));
  EXPECT_EQ(one, "one");
  EXPECT_EQ(two, "two");
}

}  // namespace
}  // namespace ridgeline::engine
