// Memory hierarchies as the reference understands the accelerators: levels, orders, ports.
#include <gtest/gtest.h>

#include "model/core/accelerator.hpp"
#include "model/core/hierarchy.hpp"
#include "tests/support/golden.hpp"

namespace ridgeline::model {
namespace {

using testing::Json;

TEST(HierarchyGolden, LevelsOrdersAndPortsAreTheReferences) {
  const auto records = testing::golden_records("accelerator");
  if (records.empty()) GTEST_SKIP() << "no golden accelerator records in this checkout";
  for (const Json& record : records) {
    SCOPED_TRACE(record.at("name").get<std::string>());
    const Accelerator accelerator = testing::golden_accelerator(record.at("file"));
    const Hierarchy hierarchy = build_hierarchy(accelerator);
    EXPECT_EQ(accelerator.array.units(),
              record.at("operational_array").at("total_unit_count").get<std::int64_t>());
    const auto name_of = [&](int place) {
      const int memory = hierarchy.memories[static_cast<std::size_t>(place)].memory;
      return accelerator.memories[static_cast<std::size_t>(memory)].name;
    };

    Json order = Json::array();
    for (int place : hierarchy.topological_order) order.push_back(name_of(place));
    EXPECT_EQ(order, record.at("topological_order"));

    for (const auto& [operand, expected] : record.at("levels_per_operand").items()) {
      Json levels = Json::array();
      for (int place : hierarchy.levels[static_cast<std::size_t>(*memory_operand(operand))]) {
        levels.push_back(name_of(place));
      }
      EXPECT_EQ(levels, expected) << operand;
    }

    const Json& memories = record.at("memories");
    ASSERT_EQ(hierarchy.memories.size(), memories.size());
    for (std::size_t m = 0; m < memories.size(); ++m) {
      SCOPED_TRACE(memories[m].at("name").get<std::string>());
      const HierarchyMemory& entry = hierarchy.memories[m];
      EXPECT_EQ(accelerator.instances(static_cast<int>(m)),
                memories[m].at("unroll_count").get<std::int64_t>());
      for (int o = 0; o < kMemoryOperands; ++o) {
        const std::string operand(to_string(static_cast<MemoryOperand>(o)));
        EXPECT_EQ(entry.level[static_cast<std::size_t>(o)],
                  memories[m].at("level_of_operand").value(operand, -1));
      }
      // The records list the ports that serve something, with functions in order.
      const Json& ports = memories[m].at("ports");
      ASSERT_EQ(entry.ports.size(), ports.size());
      for (std::size_t p = 0; p < ports.size(); ++p) {
        const HierarchyPort& port = entry.ports[p];
        EXPECT_EQ(accelerator.memories[m].ports[static_cast<std::size_t>(port.port)].name,
                  ports[p].at("name"));
        Json functions = Json::array();
        bool first = false;
        bool second = false;
        for (const PortFunction& function : port.functions) {
          functions.push_back(
              {to_string(function.operand), function.level, to_string(function.direction)});
          first |= function.operand == MemoryOperand::I1;
          second |= function.operand == MemoryOperand::I2;
        }
        EXPECT_EQ(functions, ports[p].at("serves"));
        EXPECT_EQ(first && second, ports[p].at("shared_by_two_input_operands").get<bool>());
      }
    }
  }
}

}  // namespace
}  // namespace ridgeline::model
