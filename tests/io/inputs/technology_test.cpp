// Costs of memories from technology tables.
#include "io/inputs/technology.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <string>

#include "io/document/error.hpp"
#include "io/document/quantity.hpp"
#include "io/document/text_output.hpp"
#include "io/inputs/memory_compiler.hpp"

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
  extract_costs(document.root(), "", m);
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

// Of every table that is shipped.
TEST(Technology, NeverMakesALargerMemoryCheaper) {
  for (const TechnologyTable& table : shipped_tables()) {
    const std::string request = "{node: " + table.node + ", kind: " + table.kind + "}";
    const auto first = static_cast<std::int64_t>(table.points.front().size);
    const auto last = static_cast<std::int64_t>(table.points.back().size);
    model::Memory before = extracted(memory(first, 256), request);
    for (double size = static_cast<double>(first); size <= static_cast<double>(last);
         size *= 1.07) {
      const auto bits = static_cast<std::int64_t>(std::ceil(size));
      if (bits > last) break;
      const model::Memory next = extracted(memory(bits, 256), request);
      EXPECT_GE(next.r_cost, before.r_cost * (1 - 1e-12)) << table.name << " " << bits;
      EXPECT_GE(next.w_cost, before.w_cost * (1 - 1e-12)) << table.name << " " << bits;
      EXPECT_GE(next.area, before.area) << table.name << " " << bits;
      EXPECT_GT(extracted(memory(bits, 512), request).r_cost, next.r_cost);
      if (table.area) {
        EXPECT_GT(extracted(memory(bits, 256, 3), request).area, next.area);
      }
      before = next;
    }
    // What the sources tell is exact.
    for (const TechnologyPoint& point : table.points) {
      const model::Memory m = extracted(
          memory(static_cast<std::int64_t>(point.size), static_cast<std::int64_t>(point.width)),
          request);
      EXPECT_EQ(m.r_cost, point.read_access) << point.source;
      EXPECT_EQ(m.w_cost, point.write_access) << point.source;
    }
  }
}

TEST(Technology, TakesTheNodeOfTheDocumentAndATableInPlace) {
  const Document plain = parse_document("{kind: sram}", "test.yaml", Format::yaml);
  model::Memory m = memory(16777216, 2048);
  EXPECT_EQ(extract_costs(plain.root(), "28nm", m).leakage, 0);
  EXPECT_EQ(m.r_cost, 416.16);
  EXPECT_THROW(extract_costs(plain.root(), "7nm", m), InputError);
  EXPECT_THROW(extract_costs(plain.root(), "", m), InputError);
  // Leakage of twice the size, by a power law: half way in the logarithm.
  const Document own = parse_document(
      "{kind: sram, source: {name: own, node: 5nm, kind: sram, energy: ["
      "{size: 1024, width: 8, r_cost: 1, w_cost: 2, leakage: 0.5, source: a},"
      "{size: 4096, width: 8, r_cost: 2, w_cost: 4, leakage: 2, source: b}]}}",
      "test.yaml", Format::yaml);
  model::Memory small = memory(2048, 8);
  EXPECT_NEAR(extract_costs(own.root(), "", small).leakage, 1, 1e-12);
  EXPECT_NEAR(small.r_cost, std::sqrt(2), 1e-12);
  EXPECT_EQ(small.area, 0);
}

TEST(Technology, AsksAMemoryCompilerInItsOwnWords) {
  model::Memory m = memory(65536, 64, 3);
  const std::string input = compiler_input(m, "sram", 0.022);
  for (const char* line :
       {"-size (bytes) 8192\n", "-block size (bytes) 8\n", "-exclusive read port 2\n",
        "-exclusive write port 1\n", "-read-write port 0\n", "-technology (u) 0.022\n",
        "-output/input bus width 64\n", "-cache type \"ram\"\n"}) {
    EXPECT_THAT(input, HasSubstr(line));
  }
  EXPECT_THAT(compiler_input(m, "dram", 0.022), HasSubstr("\"main memory\""));
  const std::string output =
      "Tech node (nm), Dynamic read energy (nJ), Area (mm2)\n22, 0.1, 0.5\n22, 0.25 , 1e-3\n\n";
  EXPECT_EQ(compiler_figure(output, "Dynamic read energy (nJ)"), "0.25");
  EXPECT_EQ(compiler_figure(output, "Area (mm2)"), "1e-3");
  EXPECT_EQ(compiler_figure(output, "Area"), "");
  EXPECT_EQ(compiler_figure("Area (mm2)\n", "Area (mm2)"), "");
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
  EXPECT_THAT(refusal(head + small +
                      ", {size: 200, width: 10, r_cost: 2, w_cost: 2, leakage: 1, source: s}]}"),
              HasSubstr("some sizes only"));
}

TEST(Quantity, HasFourDigitsAndThePrefixOfItsUnit) {
  EXPECT_EQ(quantity(1871436380.66e-12, "J"), "1.871 mJ");
  EXPECT_EQ(quantity(2826895.648e-12, "J"), "2.827 uJ");
  EXPECT_EQ(quantity(0.9999999, "W"), "1 W");
  EXPECT_EQ(quantity(999.94e-12, "J"), "999.9 pJ");
  EXPECT_EQ(quantity(999.96e-12, "J"), "1 nJ");
  EXPECT_EQ(quantity(-0.0123, "s"), "-12.3 ms");
  EXPECT_EQ(quantity(2e8, "Hz"), "200 MHz");
  EXPECT_EQ(quantity(0, "J"), "0 J");
  EXPECT_EQ(quantity(1e-20, "J"), "0 fJ");
  EXPECT_EQ(quantity(1.0 / 0.0, "J"), "- J");
}

}  // namespace
}  // namespace ridgeline::io
