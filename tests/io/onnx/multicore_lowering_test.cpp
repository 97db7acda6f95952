// Single ONNX operators as multi-core scheduling sees them, on graphs written here.
#include "io/onnx/multicore_lowering.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace ridgeline::io {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using Sizes = std::vector<std::int64_t>;

// Builds a graph node by node; tensors are named.
class Graph {
 public:
  int tensor(const std::string& name, const Sizes& sizes) {
    OnnxTensor t;
    t.name = name;
    t.shape.emplace();
    for (const std::int64_t s : sizes) t.shape->push_back({s, ""});
    graph_.tensors.push_back(t);
    return static_cast<int>(graph_.tensors.size()) - 1;
  }
  int initializer(const std::string& name, const Sizes& sizes, const Sizes& values = {}) {
    const int t = tensor(name, sizes);
    at(t).initializer = true;
    if (!values.empty()) at(t).values = values;
    return t;
  }
  int constant(const std::string& name, const Sizes& sizes, const Sizes& values) {
    const int t = tensor(name, sizes);
    at(t).values = values;
    at(t).producer = static_cast<int>(graph_.nodes.size());
    OnnxNode node;
    node.op_type = "Constant";
    node.outputs = {t};
    graph_.nodes.push_back(node);
    return t;
  }
  int node(const std::string& type, const std::vector<int>& inputs, const Sizes& output,
           const std::vector<std::pair<std::string, Sizes>>& attributes = {}) {
    const int t = tensor(type + std::to_string(graph_.tensors.size()), output);
    at(t).producer = static_cast<int>(graph_.nodes.size());
    OnnxNode node;
    node.name = type;
    node.op_type = type;
    node.inputs = inputs;
    node.outputs = {t};
    for (const auto& [name, values] : attributes) {
      OnnxAttribute attribute;
      attribute.name = name;
      attribute.integers = values;
      const bool one = name == "axis" || name == "group" || name.ends_with("_size");
      attribute.kind = one ? OnnxAttribute::Kind::integer : OnnxAttribute::Kind::integers;
      node.attributes.push_back(attribute);
    }
    graph_.nodes.push_back(node);
    return t;
  }
  model::Network lower() const { return lower_network(graph_, "graph").network; }

 private:
  OnnxTensor& at(int t) { return graph_.tensors[static_cast<std::size_t>(t)]; }
  OnnxGraph graph_;
};

std::vector<std::string> dims(const model::Layer& layer) {
  std::vector<std::string> names;
  for (const model::LoopDim& d : layer.dims) names.push_back(d.name + std::to_string(d.size));
  return names;
}

// Indices of a Gather: a list of a Constant node as it is, everything else as the first index,
// which takes the axis away.
TEST(MulticoreLowering, GathersTheListOfAConstantNodeAndElseTheFirstIndex) {
  const auto gather = [](auto&& indices) {
    Graph g;
    const int data = g.node("Relu", {g.tensor("x", {4, 6})}, {4, 6});
    g.node("Gather", {data, indices(g)}, {4, 2}, {{"axis", {1}}});
    return g.lower().nodes.back().moving;
  };
  const model::Moving list = gather([](Graph& g) { return g.constant("i", {2}, {3, 5}); });
  EXPECT_THAT(list.indices, ElementsAre(3, 5));
  EXPECT_FALSE(list.scalar_index);
  const model::Moving scalar = gather([](Graph& g) { return g.constant("i", {}, {3}); });
  EXPECT_THAT(scalar.indices, IsEmpty());
  EXPECT_TRUE(scalar.scalar_index);
  const model::Moving stored = gather([](Graph& g) { return g.initializer("i", {2}, {3, 5}); });
  EXPECT_THAT(stored.indices, IsEmpty());
  EXPECT_TRUE(stored.scalar_index);
}

// Weights of a grouped convolution have no output channel; loops of size 1 over channels are
// dropped. Axis 2 is X.
TEST(MulticoreLowering, ConvolutionsInGroupsAndInOneDimension) {
  Graph g;
  const int x = g.tensor("x", {1, 8, 10, 12});
  const int grouped = g.node("Conv", {x, g.initializer("w", {16, 4, 3, 5})}, {1, 16, 8, 8},
                             {{"group", {2}}, {"kernel_shape", {3, 5}}});
  g.node("Conv", {grouped, g.initializer("v", {16, 1, 1, 1})}, {1, 16, 8, 8},
         {{"group", {16}}, {"kernel_shape", {1, 1}}});
  g.node("Conv", {g.tensor("y", {2, 3, 20}), g.initializer("u", {6, 3, 4})}, {2, 6, 17},
         {{"kernel_shape", {4}}});
  const model::Network network = g.lower();
  ASSERT_EQ(network.nodes.size(), 3u);
  const model::Layer& groups = *network.nodes[0].layer;
  EXPECT_THAT(dims(groups), ElementsAre("B1", "K8", "G2", "OX8", "C4", "FX3", "OY8", "FY5"));
  EXPECT_EQ(groups.equation, "O[b][g][k][oy][ox] = W[g][c][fy][fx] * I[b][g][c][iy][ix]");
  EXPECT_THAT(groups.constant_operands, ElementsAre("W", "I"));
  const model::Layer& depthwise = *network.nodes[1].layer;
  EXPECT_EQ(depthwise.equation, "O[b][g][oy][ox] = W[g][fy][fx] * I[b][g][iy][ix]");
  EXPECT_THAT(depthwise.constant_operands, ElementsAre("W"));
  const model::Layer& line = *network.nodes[2].layer;
  EXPECT_THAT(dims(line), ElementsAre("B2", "K6", "G1", "OX17", "C3", "FX4"));
  EXPECT_EQ(line.equation, "O[b][g][k][ox] = W[k][c][fx] * I[b][g][c][ix]");
}

// Weights that another node computes are activations, and no operand is constant then.
TEST(MulticoreLowering, ComputedWeightsHaveTheWidthOfActivations) {
  Graph g;
  const int a = g.node("Relu", {g.tensor("x", {1, 4, 6, 6})}, {1, 4, 6, 6});
  const int w = g.node("Relu", {g.tensor("y", {8, 4, 3, 3})}, {8, 4, 3, 3});
  g.node("Conv", {a, w}, {1, 8, 4, 4},
         {{"kernel_shape", {3, 3}}, {"act_size", {4}}, {"weight_size", {2}}});
  const model::Network network = g.lower();
  const model::Layer& conv = *network.nodes.back().layer;
  EXPECT_EQ(conv.operands[1].name, "W");
  EXPECT_EQ(conv.operands[1].precision, 4);
  EXPECT_EQ(conv.operands[0].precision, 8);
  EXPECT_THAT(conv.constant_operands, IsEmpty());
}

}  // namespace
}  // namespace ridgeline::io
