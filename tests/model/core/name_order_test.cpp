#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "model/core/name_order.hpp"

namespace ridgeline::model {
namespace {

using testing::ElementsAre;

std::vector<std::string> iterated(NameKind kind, const std::vector<std::string>& names) {
  std::vector<std::string> result;
  for (int place : set_order(kind, names)) result.push_back(names[static_cast<std::size_t>(place)]);
  return result;
}

// Hashes and orders observed in the reference.
TEST(NameOrder, HashesAreThoseOfTheReference) {
  EXPECT_EQ(name_hash(NameKind::layer_dim, "B"), 2274680621932004355u);
  EXPECT_EQ(name_hash(NameKind::layer_dim, "OX"), 1754239838488883382u);
  EXPECT_EQ(name_hash(NameKind::layer_dim, "IY"), 51716179336379593u);
  EXPECT_EQ(name_hash(NameKind::array_dim, "D1"), 2048910558639910025u);
  EXPECT_EQ(name_hash(NameKind::array_dim, "D5"), 544822956181701485u);
}

TEST(NameOrder, SetsIterateAsInTheReference) {
  const auto dims = NameKind::layer_dim;
  EXPECT_THAT(iterated(dims, {"C", "FX", "FY"}), ElementsAre("FX", "C", "FY"));
  EXPECT_THAT(iterated(dims, {"OX", "OY"}), ElementsAre("OY", "OX"));
  EXPECT_THAT(iterated(dims, {"B", "K", "G", "OX", "OY", "C", "FX", "FY"}),
              ElementsAre("FY", "FX", "B", "G", "OX", "C", "K", "OY"));
  EXPECT_THAT(iterated(dims, {"B", "K", "C", "OY", "OX", "FY", "FX"}),
              ElementsAre("FY", "FX", "B", "OX", "C", "K", "OY"));
  EXPECT_THAT(iterated(dims, {"C", "D", "K", "B", "H"}), ElementsAre("B", "H", "D", "C", "K"));
  EXPECT_THAT(iterated(dims, {"B", "G", "OY", "OX", "FX", "FY"}),
              ElementsAre("FX", "B", "G", "OX", "FY", "OY"));
  const auto array = NameKind::array_dim;
  EXPECT_THAT(iterated(array, {"D1", "D2", "D3", "D4"}), ElementsAre("D1", "D2", "D4", "D3"));
  EXPECT_THAT(iterated(array, {"D2", "D3"}), ElementsAre("D3", "D2"));
  EXPECT_THAT(iterated(array, {"D1", "D3", "D4"}), ElementsAre("D1", "D4", "D3"));
}

TEST(NameOrder, RepeatedNamesCountOnce) {
  EXPECT_THAT(iterated(NameKind::layer_dim, {"OX", "OY", "OX"}), ElementsAre("OY", "OX"));
}

}  // namespace
}  // namespace ridgeline::model
