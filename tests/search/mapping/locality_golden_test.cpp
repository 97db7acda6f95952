// Activations kept on chip as the reference keeps them, and layers costed on what is left.
#include <gtest/gtest.h>

#include <variant>

#include "model/core/evaluate.hpp"
#include "model/core/problem.hpp"
#include "search/mapping/allocate.hpp"
#include "search/mapping/locality.hpp"
#include "tests/support/golden.hpp"
#include "tests/support/golden_evaluation.hpp"

namespace ridgeline::search {
namespace {

using testing::Json;

void expect_memories(const LayerLocality& ours, const Json& layer,
                     const model::Accelerator& accelerator) {
  const Json& top = layer.at("top_memory");
  EXPECT_EQ(ours.top_activation, top.at("I1").get<int>());
  EXPECT_EQ(ours.top_output, top.at("O").get<int>());
  Json remaining = Json::array();
  const auto name_of = [&](const model::HierarchyMemory& memory) {
    return accelerator.memories[static_cast<std::size_t>(memory.memory)].name;
  };
  for (const model::HierarchyMemory& memory : ours.hierarchy.memories) {
    Json operands = Json::array();
    for (model::MemoryOperand operand : memory.operands) operands.push_back(to_string(operand));
    remaining.push_back({name_of(memory), operands});
  }
  EXPECT_EQ(remaining, layer.at("remaining_memories"));
  Json order = Json::array();
  for (int place : ours.hierarchy.topological_order) {
    order.push_back(name_of(ours.hierarchy.memories[static_cast<std::size_t>(place)]));
  }
  EXPECT_EQ(order, layer.at("remaining_topological_order"));
}

// Cuts and costs of the record's ordering on the memories that are left.
void expect_evaluation(const Json& record, const model::Layer& layer,
                       const model::Accelerator& accelerator, const model::Hierarchy& hierarchy,
                       const model::MappingEntry& links) {
  const auto compiled = model::compile(
      layer, accelerator, hierarchy, links,
      testing::golden_spatial(record.at("spatial_mapping_ordered"), layer, accelerator));
  ASSERT_TRUE(std::holds_alternative<model::Problem>(compiled)) << std::get<std::string>(compiled);
  model::Ordering ordering;
  for (const Json& loop : record.at("temporal_loops")) {
    ordering.push(layer.dim_index(std::string(loop.at(0))), loop.at(1));
  }
  model::Cuts cuts;
  ASSERT_TRUE(allocate(std::get<model::Problem>(compiled), ordering, false, cuts));
  for (std::size_t o = 0; o < layer.operands.size(); ++o) {
    std::size_t end = 0;
    const Json& levels = record.at("temporal_allocation").at(layer.operands[o].name);
    for (std::size_t m = 0; m < levels.size(); ++m) {
      end += levels[m].size();
      EXPECT_EQ(cuts.end[o][m], end) << layer.operands[o].name << m;
    }
  }
  testing::expect_golden_evaluation(record, layer, accelerator, hierarchy, links);
}

TEST(LocalityGolden, EveryLayerKeepsTheMemoriesThatTheReferenceKeeps) {
  const auto records = testing::golden_records("data_locality");
  if (records.empty()) GTEST_SKIP() << "no golden data_locality records in this checkout";
  int layers = 0;
  int evaluations = 0;
  for (const Json& record : records) {
    SCOPED_TRACE(record.at("record_id").get<std::string>());
    const model::Accelerator accelerator =
        testing::golden_accelerator(record.at("accelerator").at("file"));
    const model::Workload workload = testing::golden_workload(record.at("workload"));
    const model::MappingSpec links = testing::golden_workload_links(record.at("workload"));
    ASSERT_FALSE(workload.nodes.empty()) << "no workload_import records of the network";
    const Locality locality = keep_on_chip(workload, accelerator, links);
    EXPECT_EQ(locality.weight_bits, record.at("weight_bits_of_workload").get<double>());
    EXPECT_EQ(locality.top_weight, record.at("top_memory_weight").get<int>());
    for (const Json& layer : record.at("layers")) {
      SCOPED_TRACE(layer.at("name").get<std::string>());
      const auto node = static_cast<std::size_t>(workload.node_index(layer.at("id")));
      const LayerLocality& ours = locality.nodes.at(node);
      expect_memories(ours, layer, accelerator);
      ++layers;
      if (layer.at("evaluation").is_null()) continue;
      const model::Layer& shape = *workload.nodes[node].layer;
      expect_evaluation(layer.at("evaluation"), shape, accelerator, ours.hierarchy,
                        *links.choose(shape.name, shape.operator_type));
      ++evaluations;
    }
    if (::testing::Test::HasFailure()) break;
  }
  EXPECT_GT(layers, 0);
  EXPECT_GT(evaluations, 0);
}

}  // namespace
}  // namespace ridgeline::search
