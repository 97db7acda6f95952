// Costs of memories from technology tables.
#include "io/inputs/technology.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <string>

#include "io/document/error.hpp"

namespace ridgeline::io {
namespace {

using ::testing::HasSubstr;

model::Memory memory(std::int64_t size, std::int64_t width, int ports = 2) {
  model::Memory result;
  result.size = size;
  for (int i = 0; i < ports; ++i) {
    result.ports.push_back(
        {"port", i % 2 == 0 ? model::PortType::read : model::PortType::write, width, width, {}});
  }
  return result;
}

model::Memory extracted(model::Memory m, const std::string& request = "{node: 28nm, kind: sram}") {
  const Document document = parse_document(request, "test.yaml", Format::yaml);
  extract_costs(document.root(), m);
  return m;
}

std::string refusal(const std::string& table) {
  try {
    const Document document = parse_document(table, "table.yaml", Format::yaml);
    read_technology(document.root());
  } catch (const InputError& error) {
    return error.what();
  }
  return "accepted";
}

TEST(Technology, IsExactAtThePointsOfTheTable) {
  const model::Memory m = extracted(memory(16777216, 2048));
  EXPECT_EQ(m.r_cost, 416.16);
  EXPECT_EQ(m.w_cost, 378.4);
  // docs/areas.md: 2 MB with two ports of 2048 bits.
  EXPECT_NEAR(m.area, 3.75 * 1.27e-7 * 1.3 * (16777216 + 64 * 2 * 2048), 1e-12);
  const model::Memory narrow = extracted(memory(16777216, 1024));
  EXPECT_DOUBLE_EQ(narrow.r_cost, 416.16 / 2);
}

TEST(Technology, FollowsAPowerLawBetweenTwoPoints) {
  // Half way between 2,097,152 and 8,388,608 bits in the logarithm: the geometric mean.
  const model::Memory m = extracted(memory(4194304, 1024));
  EXPECT_NEAR(m.r_cost, 1024 * std::sqrt(123.2 / 2048 * 208.08 / 1024), 1e-9);
}

TEST(Technology, NeverMakesALargerMemoryCheaper) {
  model::Memory last = extracted(memory(8192, 256));
  for (std::int64_t size = 8192; size <= 16777216; size += size / 7) {
    const model::Memory next = extracted(memory(size, 256));
    EXPECT_GE(next.r_cost, last.r_cost * (1 - 1e-12)) << size;
    EXPECT_GE(next.w_cost, last.w_cost * (1 - 1e-12)) << size;
    EXPECT_GE(next.area, last.area) << size;
    EXPECT_GT(extracted(memory(size, 512)).r_cost, next.r_cost);
    EXPECT_GT(extracted(memory(size, 256, 3)).area, next.area);
    last = next;
  }
}

TEST(Technology, NamesWhatTheTableDoesNotCover) {
  try {
    extracted(memory(4096, 64));
    FAIL();
  } catch (const InputError& error) {
    EXPECT_THAT(error.what(), HasSubstr("sram_28nm has no memory of 4096 bits"));
    EXPECT_THAT(error.what(), HasSubstr("8192 to 16777216"));
  }
  try {
    extracted(memory(8192, 64), "{node: 7nm, kind: sram}");
    FAIL();
  } catch (const InputError& error) {
    EXPECT_THAT(error.what(), HasSubstr("node 7nm"));
    EXPECT_THAT(error.what(), HasSubstr("28nm"));
  }
}

TEST(Technology, RefusesTablesInWhichSizeIsFree) {
  const std::string head = "{name: t, node: x, kind: sram, energy: [";
  const std::string small = "{size: 100, width: 10, r_cost: 2, w_cost: 2, source: s}";
  EXPECT_THAT(refusal(head + small + "]}"), HasSubstr("at least two sizes"));
  EXPECT_THAT(refusal(head + small + ", " + small + "]}"), HasSubstr("sizes have to rise"));
  EXPECT_THAT(refusal(head + small + ", {size: 200, width: 10, r_cost: 1, w_cost: 2, source: s}]}"),
              HasSubstr("costs less"));
  EXPECT_EQ(refusal(head + small + ", {size: 200, width: 10, r_cost: 2, w_cost: 2, source: s}]}"),
            "accepted");
}

}  // namespace
}  // namespace ridgeline::io
