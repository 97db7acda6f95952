// Keeping tensors on chip in small networks worked out by hand.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "search/mapping/locality.hpp"

namespace ridgeline::search {
namespace {

using model::MemoryOperand;

// A buffer of `bits` on one array dimension, and an outer memory; both store everything.
model::Accelerator two_memories(std::int64_t bits) {
  model::Accelerator accelerator;
  accelerator.array.dims = {{"D1", 4}};
  for (const std::int64_t size : {bits, std::int64_t{1} << 30}) {
    model::Memory memory;
    memory.name = "m" + std::to_string(size);
    memory.size = size;
    memory.operands = {MemoryOperand::I1, MemoryOperand::I2, MemoryOperand::O};
    memory.served_dims = {0};
    accelerator.memories.push_back(memory);
  }
  return accelerator;
}

// O[k] += W[k][c] * I[c]: 8 outputs of 16 bits, 64 weights and 8 inputs of 8 bits.
model::WorkloadNode layer(int id, std::vector<int> predecessors) {
  model::Layer l;
  l.id = id;
  l.name = "layer" + std::to_string(id);
  l.dims = {{"K", 8}, {"C", 8}};
  l.operands = {{"O", {{false, 0}}, 16, false, {}},
                {"W", {{false, 0}, {false, 1}}, 8, true, {}},
                {"I", {{false, 1}}, 8, false, {}}};
  l.constant_operands = {"W"};
  l.output_final_precision = 8;
  model::WorkloadNode node;
  node.id = id;
  node.name = l.name;
  node.layer = l;
  node.predecessors = std::move(predecessors);
  return node;
}

model::Workload network(std::vector<model::WorkloadNode> nodes) {
  return {"network", std::move(nodes)};
}

// Two layers have 2 * 512 bits of weights; a layer's input and output have 64 + 128.
constexpr std::int64_t kEnough = 1024 + 64 + 128;

TEST(Locality, ChainStaysInTheBufferThatHoldsItsTensorsAndAllWeights) {
  const auto workload = network({layer(0, {}), layer(1, {0})});
  const Locality locality = keep_on_chip(workload, two_memories(kEnough), {});
  EXPECT_EQ(locality.weight_bits, 1024);
  EXPECT_EQ(locality.top_weight, 0);
  for (const LayerLocality& kept : locality.nodes) {
    EXPECT_EQ(kept.top_activation, 0);
    EXPECT_EQ(kept.top_output, 0);
    ASSERT_EQ(kept.hierarchy.memories.size(), 1u);  // the outer memory is gone
    const std::vector<MemoryOperand> order{MemoryOperand::I1, MemoryOperand::I2, MemoryOperand::O};
    EXPECT_EQ(kept.hierarchy.memories[0].operands, order);
  }
}

TEST(Locality, OneBitLessAndEverythingStaysOutside) {
  const auto workload = network({layer(0, {}), layer(1, {0})});
  const Locality locality = keep_on_chip(workload, two_memories(kEnough - 1), {});
  EXPECT_EQ(locality.top_weight, 1);
  for (const LayerLocality& kept : locality.nodes) {
    EXPECT_EQ(kept.top_activation, 1);
    EXPECT_EQ(kept.top_output, 1);
    EXPECT_EQ(kept.hierarchy.memories.size(), 2u);
  }
}

TEST(Locality, TensorWithTwoReadersGoesToTheOuterMemory) {
  const auto workload = network({layer(0, {}), layer(1, {0}), layer(2, {0})});
  const Locality locality = keep_on_chip(workload, two_memories(4096), {});
  EXPECT_EQ(locality.nodes[0].top_output, 1);
  EXPECT_EQ(locality.nodes[1].top_activation, 1);  // read where it was written
  EXPECT_EQ(locality.nodes[1].top_output, 0);      // nobody waits for it
}

TEST(Locality, TensorThatFitsNowhereStaysInTheOutermostMemory) {
  model::Accelerator accelerator = two_memories(64);
  accelerator.memories[1].size = 64;
  const auto workload = network({layer(0, {}), layer(1, {0})});
  const Locality locality = keep_on_chip(workload, accelerator, {});
  for (const LayerLocality& kept : locality.nodes) {
    EXPECT_EQ(kept.top_activation, 1);
    EXPECT_EQ(kept.top_output, 1);
    EXPECT_EQ(kept.top_weight, 1);
  }
}

TEST(Locality, OperatorsWithoutCostAreLookedThrough) {
  model::WorkloadNode relu;
  relu.id = 7;
  relu.predecessors = {0};
  const auto workload = network({layer(0, {}), relu, layer(1, {7})});
  const Locality locality = keep_on_chip(workload, two_memories(kEnough), {});
  EXPECT_EQ(locality.nodes[0].top_output, 0);
  EXPECT_TRUE(locality.nodes[1].hierarchy.memories.empty());
  EXPECT_EQ(locality.nodes[2].top_activation, 0);
}

}  // namespace
}  // namespace ridgeline::search
