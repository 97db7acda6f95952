#include "model/system/node_tiling.hpp"

#include <gtest/gtest.h>

#include <random>
#include <set>

#include "model/core/index.hpp"

namespace ridgeline::model {
namespace {

// A 3x3 convolution over 8x8, `channels` to `outputs`, from node `source` (-1: the input).
NetworkNode conv(int id, std::int64_t channels, std::int64_t outputs, int source,
                 std::int64_t rows = 8) {
  Layer layer;
  layer.id = id;
  layer.dims = {{"B", 1},        {"K", outputs}, {"G", 1},     {"OX", 8},
                {"C", channels}, {"FX", 3},      {"OY", rows}, {"FY", 3}};
  layer.relations = {{"IX", {3, 5}, {1, 1}, 1, 1, 8}, {"IY", {6, 7}, {1, 1}, 1, 1, rows}};
  const auto loop = [](int dim) { return OperandIndex{false, dim}; };
  layer.operands = {{"O", {loop(0), loop(2), loop(1), loop(6), loop(3)}, 16, false, {}},
                    {"W", {loop(1), loop(4), loop(7), loop(5)}, 8, true, {}},
                    {"I", {loop(0), loop(2), loop(4), {true, 1}, {true, 0}}, 8, source < 0, {}}};
  layer.constant_operands = {"W"};
  layer.output_final_precision = 8;
  NetworkNode node;
  node.id = id;
  node.name = "conv" + std::to_string(id);
  node.operator_type = "Conv";
  node.type = "conv";
  if (source >= 0) {
    layer.operands[2].source = source;
    node.inputs = {{source, 0}};
  } else {
    layer.constant_operands.emplace_back("I");
  }
  node.layer = layer;
  return node;
}

Network chain(std::int64_t rows = 8) {
  return {"chain", {conv(0, 3, 6, -1, rows), conv(1, 6, 6, 0, rows), conv(2, 6, 6, 1, rows)}};
}

CoreMapping mapping(std::vector<TilingRequest> inter, std::vector<TilingRequest> intra) {
  CoreMapping m;
  m.entries.push_back({.name = "default", .cores = {0, 1}, .inter = inter, .intra = intra});
  return m;
}

TilingOptions fused() {
  TilingOptions options;
  options.weight_capacity = 1 << 30;
  return options;
}

// Pairs of nodes that share elements of the first one's output, found element by element.
std::set<std::pair<int, int>> dependencies_by_element(const CnGraph& graph) {
  std::set<std::pair<int, int>> pairs;
  for (int p = 0; p < static_cast<int>(graph.nodes.size()); ++p) {
    for (int c = 0; c < static_cast<int>(graph.nodes.size()); ++c) {
      const CnLayer& from = graph.layer_of(p);
      const CnLayer& to = graph.layer_of(c);
      if (to.whole.operands[2].source != from.id) continue;
      // Rows and channels decide; columns are never cut here.
      const Range rows = graph.operand_range(p, 0, 3);
      const Range channels = graph.operand_range(p, 0, 2);
      const Range needed_rows = graph.operand_range(c, 2, 3);
      const Range needed_channels = graph.operand_range(c, 2, 2);
      bool shared = false;
      for (std::int64_t y = rows.lo; y < rows.hi; ++y) {
        for (std::int64_t k = channels.lo; k < channels.hi; ++k) {
          shared = shared || (y >= needed_rows.lo && y < needed_rows.hi &&
                              k >= needed_channels.lo && k < needed_channels.hi);
        }
      }
      if (shared) pairs.insert({p, c});
    }
  }
  return pairs;
}

TEST(CnGraph, ConnectsNodesExactlyWhereTheirDataOverlaps) {
  std::mt19937 random(3);
  for (int trial = 0; trial < 60; ++trial) {
    const std::int64_t rows = static_cast<std::int64_t>(random() % 9) + 4;
    const auto factor = [&] { return static_cast<std::int64_t>(random() % 5) + 1; };
    CoreMapping m = mapping({{"K", factor()}}, {{"OY", 1}});
    if (trial % 2 == 1) m.entries[0].inter.push_back({"OY", factor()});
    TilingOptions options = fused();
    const std::int64_t tiles = factor();
    for (int id = 0; id < 3; ++id) options.intra.push_back({id, {{"OY", tiles}}});
    const CnGraphResult result = build_cn_graph(chain(rows), m, options);
    ASSERT_FALSE(result.problem) << result.problem.problem;
    std::set<std::pair<int, int>> found;
    for (int n = 0; n < static_cast<int>(result.graph.nodes.size()); ++n) {
      for (const CnEdge& edge : result.graph.predecessors_of(n)) {
        if (edge.operand >= 0) found.insert({edge.node, n});
      }
    }
    EXPECT_EQ(found, dependencies_by_element(result.graph)) << "trial " << trial;
  }
}

TEST(NodeTiling, CoversEveryLoopOnceAndCountsAllWork) {
  const CnGraphResult result = build_cn_graph(chain(10), mapping({{"K", 4}}, {{"OY", 3}}), fused());
  ASSERT_FALSE(result.problem);
  for (const CnLayer& layer : result.graph.layers) {
    std::int64_t real = 0;
    for (int n = 0; n < layer.node_count; ++n) real += result.graph.real_macs(layer.first_node + n);
    EXPECT_EQ(real, layer.whole.mac_count());
  }
  // 10 rows in 3 tiles: the layer grows to 12 rows; 6 channels in 4 slices: nodes of 2 channels.
  EXPECT_EQ(result.graph.layers[0].whole.dims[6].size, 12);
  EXPECT_EQ(result.graph.layers[0].tile.dims[1].size, 2);
  EXPECT_EQ(result.graph.layers[0].groups, 4);
}

TEST(NodeTiling, SplitsTwoLoopsOverCores) {
  const CnGraphResult result =
      build_cn_graph(chain(8), mapping({{"K", 2}, {"OY", 2}}, {{"OY", 2}}), fused());
  ASSERT_FALSE(result.problem) << result.problem.problem;
  const CnGraph& graph = result.graph;
  for (const CnLayer& layer : graph.layers) {
    EXPECT_EQ(layer.inter_tiles, 4);
    EXPECT_EQ(layer.groups, 4);
    EXPECT_EQ(layer.node_count, 8);
    std::int64_t real = 0;
    for (int n = 0; n < layer.node_count; ++n) real += graph.real_macs(layer.first_node + n);
    EXPECT_EQ(real, layer.whole.mac_count());
  }
  // Four slices of 3 channels and 2 rows, then the same of the rows that follow.
  for (int n = 0; n < 8; ++n) {
    EXPECT_EQ(graph.nodes[z(n)].group, n % 4) << n;
    EXPECT_EQ(graph.ranges_of(n)[1], (Range{3 * (n % 2), 3 * (n % 2) + 3})) << n;
    EXPECT_EQ(graph.ranges_of(n)[6], (Range{2 * (n / 2), 2 * (n / 2) + 2})) << n;
  }
}

TEST(NodeTiling, RefusesWhatSplitsALoopTwice) {
  const auto problem = [](std::vector<TilingRequest> inter) {
    return build_cn_graph(chain(8), mapping(std::move(inter), {{"OY", 1}}), fused())
        .problem.problem;
  };
  EXPECT_EQ(problem({{"K", 2}, {"K", 3}}), "layer 'conv0': two inter-core tilings of K");
  EXPECT_EQ(problem({{"K", 2}, {"OY", kWildcard}}),
            "layer 'conv0': inter-core tiling '*' beside another");
}

TEST(NodeTiling, ClipsANodesInputAtTheFeatureMapAndNotAtItsOwnEdges) {
  Network network = chain(8);
  for (NetworkNode& node : network.nodes) {
    for (DimRelation& relation : node.layer->relations) relation.given_size.reset();
  }
  const CnGraphResult result =
      build_cn_graph(network, mapping({{"K", 1}}, {{"OY", kAllTiles}}), fused());
  ASSERT_FALSE(result.problem);
  // A row of outputs needs three rows of inputs, whether or not the document gives the size of
  // the map: 6 channels, 3 rows and, of ten columns, the 8 that are not padding.
  EXPECT_EQ(result.graph.layers[1].tile_operand_bits[2], 6 * 3 * 8 * 8);
}

TEST(NodeTiling, KeepsAFactorThatDividesTheLoop) {
  const CnGraphResult result = build_cn_graph(chain(8), mapping({{"K", 1}}, {{"OY", 4}}), fused());
  ASSERT_FALSE(result.problem);
  EXPECT_EQ(result.graph.layers[1].node_count, 4);
  EXPECT_EQ(result.graph.layers[1].whole.dims[6].size, 8);
}

TEST(NodeTiling, NumbersNodesWithTheInterCoreLoopFastest) {
  const CnGraphResult result = build_cn_graph(chain(8), mapping({{"K", 2}}, {{"OY", 4}}), fused());
  const CnGraph& graph = result.graph;
  EXPECT_EQ(graph.nodes[1].group, 1);
  EXPECT_EQ(graph.ranges_of(1)[1], (Range{3, 6}));
  EXPECT_EQ(graph.ranges_of(1)[6], (Range{0, 2}));
  EXPECT_EQ(graph.ranges_of(2)[6], (Range{2, 4}));
  // Halo and padding: rows 1 to 5 of the input for output rows 2 and 3.
  EXPECT_EQ(graph.ranges_of(2)[9], (Range{1, 5}));
  EXPECT_EQ(graph.ranges_of(0)[9], (Range{-1, 3}));
}

TEST(NodeTiling, LetsRowsShareWeightsAndCountsTheirUses) {
  const CnGraphResult result = build_cn_graph(chain(8), mapping({{"K", 1}}, {{"OY", 4}}), fused());
  const CnGraph& graph = result.graph;
  EXPECT_EQ(graph.nodes[0].tensor[1], graph.nodes[3].tensor[1]);
  EXPECT_NE(graph.nodes[0].tensor[0], graph.nodes[3].tensor[0]);
  EXPECT_EQ(graph.tensors[static_cast<std::size_t>(graph.nodes[0].tensor[1])].base_priority, 4);
}

TEST(NodeTiling, StreamsALayerThatIsAloneAndLeavesItWhole) {
  TilingOptions options = fused();
  options.stacks = {{{0, 1}}};
  const CnGraphResult result = build_cn_graph(chain(8), mapping({{"K", 1}}, {{"OY", 4}}), options);
  ASSERT_FALSE(result.problem);
  EXPECT_EQ(result.graph.stacks, (std::vector<std::vector<int>>{{0, 1}, {2}}));
  EXPECT_TRUE(result.graph.layers[2].alone);
  EXPECT_EQ(result.graph.layers[2].node_count, 1);
  EXPECT_FALSE(result.graph.layers[1].alone);
  EXPECT_EQ(result.graph.layers[1].node_count, 4);
}

TEST(Stacks, EndWhereTheWeightsNoLongerFit) {
  TilingOptions options;
  const Network network = chain(8);
  // Weights: 3*6*9*8 = 1296 bits, then 6*6*9*8 = 2592 each.
  options.weight_capacity = 1296 + 2592;
  EXPECT_EQ(choose_stacks(network, options), (std::vector<std::vector<int>>{{0, 1}, {2}}));
  options.weight_capacity = 1296;
  EXPECT_EQ(choose_stacks(network, options), (std::vector<std::vector<int>>{{0}, {1}, {2}}));
  options.weight_capacity = 2 * 2592;
  options.stack_choice = StackChoice::packed;
  EXPECT_EQ(choose_stacks(network, options), (std::vector<std::vector<int>>{{0, 1}, {2}}));
  options.weight_capacity = 2592;
  EXPECT_EQ(choose_stacks(network, options), (std::vector<std::vector<int>>{{0}, {1}, {2}}));
}

TEST(Stacks, AreSingleLayersLayerByLayer) {
  TilingOptions options = fused();
  options.mode = ScheduleMode::layer_by_layer;
  options.stacks = {{{0, 1, 2}}};
  EXPECT_EQ(choose_stacks(chain(8), options), (std::vector<std::vector<int>>{{0}, {1}, {2}}));
}

TEST(Stacks, EndAtTheCutoffsAsked) {
  TilingOptions options = fused();
  options.stack_cutoffs = {1};
  EXPECT_EQ(choose_stacks(chain(8), options), (std::vector<std::vector<int>>{{0, 1}, {2}}));
}

TEST(Order, TakesEachLayersShareOfASlotInTurn) {
  TilingOptions options = fused();
  options.intra = {{0, {{"OY", 4}}}, {1, {{"OY", 2}}}, {2, {{"OY", 2}}}};
  const CnGraphResult result = build_cn_graph(chain(8), mapping({{"K", 1}}, {{"OY", 1}}), options);
  ASSERT_FALSE(result.problem);
  // Nodes 0-3 are layer 0's, 4-5 layer 1's, 6-7 layer 2's: two slots.
  EXPECT_EQ(result.graph.order, (std::vector<std::int32_t>{0, 1, 4, 6, 2, 3, 5, 7}));
}

TEST(Order, RefusesTilingsThatDoNotDivideEachOther) {
  TilingOptions options = fused();
  options.intra = {{0, {{"OY", 4}}}, {1, {{"OY", 3}}}, {2, {{"OY", 3}}}};
  const CnGraphResult result = build_cn_graph(chain(12), mapping({{"K", 1}}, {{"OY", 1}}), options);
  ASSERT_TRUE(result.problem);
  EXPECT_EQ(result.problem.node_id, 0);
  EXPECT_NE(result.problem.problem.find("no multiple"), std::string::npos);
}

TEST(NodeTiling, RefusesALayerInTwoStacks) {
  TilingOptions options = fused();
  options.stacks = {{{0, 1}, {1, 2}}};
  const CnGraphResult result = build_cn_graph(chain(8), mapping({}, {}), options);
  ASSERT_TRUE(result.problem);
  EXPECT_EQ(result.problem.node_id, 1);
}

TEST(NodeTiling, RefusesALayerWithoutMappingEntry) {
  const CnGraphResult result = build_cn_graph(chain(8), {}, fused());
  ASSERT_TRUE(result.problem);
  EXPECT_NE(result.problem.problem.find("conv0"), std::string::npos);
}

TEST(HintLoops, TakeTheNearestDivisorAndPadNothing) {
  TilingOptions options = fused();
  options.semantics = Semantics::v2023;
  const CnGraphResult result = build_cn_graph(chain(12), mapping({{"K", 2}}, {{"OY", 5}}), options);
  ASSERT_FALSE(result.problem);
  // Divisors of 12 beside 5: 4 and 6 are equally near, the smaller one is taken; slices over
  // cores do not exist.
  EXPECT_EQ(result.graph.layers[0].node_count, 4);
  EXPECT_EQ(result.graph.layers[0].groups, 1);
  EXPECT_EQ(result.graph.layers[0].whole.dims[6].size, 12);
  EXPECT_FALSE(result.graph.layers[0].alone);
}

TEST(HintLoops, MakeALayerASinkWhereAnyNodeHasNoSuccessor) {
  TilingOptions options = fused();
  options.semantics = Semantics::v2023;
  const CnGraphResult result = build_cn_graph(chain(8), mapping({}, {{"OY", kAllTiles}}), options);
  ASSERT_FALSE(result.problem);
  // The last node of the chain of the last layer.
  EXPECT_TRUE(result.graph.layers[2].sink);
  EXPECT_FALSE(result.graph.layers[1].sink);
}

TEST(TilingDim, FollowsAnAxisOfAConvolutionIntoElementWiseLayers) {
  Layer relu;
  relu.dims = {{"B", 1}, {"H", 8}, {"D", 56}, {"K", 56}};
  relu.operands = {{"O", {{false, 0}, {false, 1}, {false, 2}, {false, 3}}, 16, false, {}}};
  EXPECT_EQ(tiling_dim(relu, "OY"), 2);
  EXPECT_EQ(tiling_dim(relu, "OX"), 3);
  EXPECT_EQ(tiling_dim(relu, "K"), 3);
  EXPECT_EQ(tiling_dim(relu, "C"), -1);
}

}  // namespace
}  // namespace ridgeline::model
