// Evaluations worked out step by step outside this project: docs/model.md, section 8, and
// reference vectors for odd sizes, strides, dilation, groups, pooling and fractional unrolling.
#include <gtest/gtest.h>

#include <sstream>
#include <string>
#include <variant>
#include <vector>

#include "model/core/evaluate.hpp"
#include "model/core/hierarchy.hpp"
#include "model/core/problem.hpp"
#include "tests/support/golden.hpp"

namespace ridgeline::model {
namespace {

std::vector<std::string> words(const std::string& text) {
  std::istringstream stream(text);
  std::vector<std::string> list;
  for (std::string word; stream >> word;) list.push_back(word);
  return list;
}

// "OX:8" as a loop of a layer.
TemporalLoop loop_of(const Layer& layer, const std::string& text) {
  const auto colon = text.find(':');
  return {layer.dim_index(text.substr(0, colon)), std::stoll(text.substr(colon + 1))};
}

struct Window {
  int stride = 1;
  int dilation = 1;
  int padding_begin = 0;
  int padding_end = 0;
};

// `dims`: "B:1 K:64"; `operands`: output first, name and indices: "O B K OY OX".
Layer layer_of(const std::string& dims, const std::vector<std::string>& operands,
               const std::vector<std::int64_t>& precisions, std::int64_t final_precision,
               const Window& window = {}) {
  Layer layer;
  layer.name = "example";
  for (const std::string& text : words(dims)) {
    const auto colon = text.find(':');
    layer.dims.push_back({text.substr(0, colon), std::stoll(text.substr(colon + 1))});
  }
  for (const std::string axis : {"X", "Y"}) {
    const int out = layer.dim_index("O" + axis);
    const int kernel = layer.dim_index("F" + axis);
    if (out < 0 || kernel < 0) continue;
    layer.relations.push_back({"I" + axis,
                               {out, kernel},
                               {window.stride, window.dilation},
                               window.padding_begin,
                               window.padding_end,
                               {}});
  }
  for (std::size_t o = 0; o < operands.size(); ++o) {
    const auto parts = words(operands[o]);
    LayerOperand operand;
    operand.name = parts[0];
    operand.precision = precisions[o];
    for (std::size_t i = 1; i < parts.size(); ++i) {
      if (const int d = layer.dim_index(parts[i]); d >= 0) {
        operand.indices.push_back({false, d});
      } else {
        operand.indices.push_back({true, parts[i] == "IX" ? 0 : 1});
      }
    }
    layer.operands.push_back(std::move(operand));
  }
  layer.output_final_precision = final_precision;
  return layer;
}

Layer convolution(const std::string& dims, const Window& window = {}) {
  return layer_of(dims, {"O B K OY OX", "W K C FY FX", "I B C IY IX"}, {16, 8, 8}, 8, window);
}

Layer product(const std::string& dims) {
  return layer_of(dims, {"O D0 D1", "I D0 D2", "W D2 D1"}, {32, 8, 8}, 8);
}

// "K:32", "C:2 FX:3" on D1, D2, ...
SpatialMapping unroll(const Layer& layer, const std::vector<std::string>& dims) {
  SpatialMapping mapping;
  for (std::size_t a = 0; a < dims.size(); ++a) {
    SpatialDim dim{static_cast<int>(a), {}};
    for (const std::string& text : words(dims[a])) {
      const TemporalLoop loop = loop_of(layer, text);
      dim.loops.push_back({loop.dim, loop.size});
    }
    mapping.push_back(std::move(dim));
  }
  return mapping;
}

// Three memories: registers for outputs, a buffer and an outer memory for all operands.
Accelerator gemm_l1_l3() {
  using enum Direction;
  const auto I1 = MemoryOperand::I1;
  const auto I2 = MemoryOperand::I2;
  const auto O = MemoryOperand::O;
  Accelerator accelerator;
  accelerator.array.dims = {{"D1", 8}, {"D2", 8}, {"D3", 8}};
  accelerator.array.unit_energy = 0.04;
  const auto memory = [&](const char* name, std::int64_t size, double read, double write,
                          std::vector<MemoryOperand> operands, std::vector<Port> ports,
                          std::vector<int> served) {
    Memory m;
    m.name = name;
    m.size = size;
    m.r_cost = read;
    m.w_cost = write;
    m.operands = std::move(operands);
    m.ports = std::move(ports);
    m.served_dims = std::move(served);
    accelerator.memories.push_back(std::move(m));
  };
  const auto rw = PortType::read_write;
  memory("reg_O", 32, 3, 4, {O},
         {{"r1", PortType::read, 32, 32, {{O, rd_out_to_low}}},
          {"r2", PortType::read, 32, 32, {{O, rd_out_to_high}}},
          {"w1", PortType::write, 32, 32, {{O, wr_in_by_high}}},
          {"w2", PortType::write, 32, 32, {{O, wr_in_by_low}}}},
         {1});
  memory("l1", 943718, 118, 141.6, {I1, I2, O},
         {{"rw1", rw, 64, 512, {{I1, rd_out_to_low}}},
          {"rw2", rw, 64, 512, {{I2, rd_out_to_low}}},
          {"rw3", rw, 64, 2048, {{O, rd_out_to_low}, {O, wr_in_by_low}}},
          {"rw4",
           rw,
           64,
           512,
           {{I1, wr_in_by_high}, {I2, wr_in_by_high}, {O, wr_in_by_high}, {O, rd_out_to_high}}}},
         {0, 1, 2});
  memory("l3", 10000000000, 16000, 24000, {I1, I2, O},
         {{"rw1",
           rw,
           512,
           512,
           {{I1, wr_in_by_high},
            {I1, rd_out_to_low},
            {I2, wr_in_by_high},
            {I2, rd_out_to_low},
            {O, wr_in_by_high},
            {O, rd_out_to_low},
            {O, wr_in_by_low},
            {O, rd_out_to_high}}}},
         {0, 1, 2});
  return accelerator;
}

struct Expected {
  double total_energy;
  double mac_energy;
  std::vector<std::vector<double>> level_energy;  // by operand in the layer's order
  double stall, onload, offload, ideal;
  std::vector<double> totals;  // total0, total1, total2
};

// `levels`: by operand, "OX:9 | FX:3 K:2 | -", innermost first.
Evaluation expect(const Layer& layer, const Accelerator& accelerator, const SpatialMapping& spatial,
                  const std::vector<std::string>& levels, const Expected& expected,
                  Detail* detail = nullptr) {
  Evaluation result;
  const auto compiled =
      compile(layer, accelerator, build_hierarchy(accelerator), MappingEntry{}, spatial);
  if (const auto* reason = std::get_if<std::string>(&compiled)) {
    ADD_FAILURE() << *reason;
    return result;
  }
  Ordering ordering;
  Cuts cuts;
  for (std::size_t o = 0; o < levels.size(); ++o) {
    std::size_t level = 0;
    int count = 0;
    for (const std::string& word : words(levels[o] + " |")) {
      if (word == "|") {
        cuts.end[o][level++] = static_cast<std::uint8_t>(count);
      } else if (word != "-") {
        ++count;
        if (o == 0) {
          const TemporalLoop loop = loop_of(layer, word);
          ordering.push(loop.dim, loop.size);
        }
      }
    }
    EXPECT_EQ(count, ordering.count);
  }
  result = explain(std::get<Problem>(compiled), ordering, cuts, detail);
  EXPECT_DOUBLE_EQ(result.cost.energy, expected.total_energy);
  EXPECT_DOUBLE_EQ(result.mac_energy, expected.mac_energy);
  for (std::size_t o = 0; o < expected.level_energy.size(); ++o) {
    const auto& list = expected.level_energy[o];
    EXPECT_EQ(result.operands[o].levels.size(), list.size());
    for (std::size_t m = 0; m < list.size(); ++m) {
      EXPECT_DOUBLE_EQ(result.operands[o].levels[m].energy_total, list[m])
          << layer.operands[o].name << m;
    }
  }
  EXPECT_EQ(result.latency.stall, expected.stall);
  EXPECT_DOUBLE_EQ(result.latency.onload, expected.onload);
  EXPECT_DOUBLE_EQ(result.latency.offload, expected.offload);
  EXPECT_EQ(result.latency.ideal, expected.ideal);
  EXPECT_DOUBLE_EQ(result.latency.total0, expected.totals[0]);
  EXPECT_DOUBLE_EQ(result.latency.total1, expected.totals[1]);
  EXPECT_DOUBLE_EQ(result.latency.total2, expected.totals[2]);
  return result;
}

// Needs the accelerators of the golden set.
class WorkedExamples : public ::testing::Test {
 protected:
  void SetUp() override {
    if (testing::golden_folder("accelerator").empty()) {
      GTEST_SKIP() << "no golden accelerator records in this checkout";
    }
  }
  static Accelerator accelerator(const std::string& name) {
    return testing::golden_accelerator(name + ".yaml");
  }
};

TEST_F(WorkedExamples, MatrixProductReadsPartialSumsBackEveryCycle) {
  Accelerator gemm = accelerator("gemm_l1");
  gemm.memories[0].r_cost = gemm.memories[0].w_cost = 0.02;
  gemm.memories[1].r_cost = 22.9;
  gemm.memories[1].w_cost = 52.01;
  gemm.memories[1].size = 4194304;
  const Layer layer = product("D0:16 D1:32 D2:24");
  Detail detail;
  const Evaluation e =
      expect(layer, gemm, unroll(layer, {"D0:8", "D2:8", "D1:8"}),
             {"- | D1:4 D2:3 D0:2", "D1:4 D2:3 D0:2", "D1:4 D2:3 D0:2"},
             {3099.24, 491.52, {{122.88, 1797.84}, {137.4}, {549.6}}, 22, 0, 1, 24, {46, 46, 47}},
             &detail);
  EXPECT_EQ(detail.tiling.operand[1].period[0], 4);  // the innermost d1 is irrelevant to I
  EXPECT_EQ(e.operands[1].levels[0].accesses[0], 6);
  EXPECT_EQ(e.operands[0].levels[0].accesses[0], 1536);
  EXPECT_EQ(detail.tiling.operand[2].version[0].elements[1], 768);
  EXPECT_EQ(e.operands[0].levels[1].utilization_shared, 0.003173828125);
}

TEST_F(WorkedExamples, StridedConvolutionSharesLoadingTimeOverThePort) {
  Window window;
  window.stride = 2;
  window.padding_begin = 1;
  const Layer layer = convolution("B:1 K:64 C:40 OY:6 OX:8 FY:3 FX:3", window);
  EXPECT_EQ(layer.relation_size(0), 16);
  EXPECT_EQ(layer.operand_elements(2), 7680);
  const std::string all = "OX:8 FX:3 OY:6 FY:3 C:2 K:2";
  Detail detail;
  expect(layer, accelerator("tpu_like"), unroll(layer, {"K:32", "C:32"}),
         {"- | " + all + " | -", all + " | -", all + " | -"},
         {3555469.4399999995,
          44236.8,
          {{92897.28, 348243.84, 288000}, {15321.599999999999, 2016000}, {78769.92, 672000}},
          1726,
          767,
          192,
          1080,
          {3454, 4221, 4413}},
         &detail);
  // Loading after levelling: below the floor, and below 0.
  EXPECT_EQ(detail.integer[1][1][0].loading_cycles, -188);
  EXPECT_EQ(detail.integer[2][1][0].loading_cycles, 767);
  EXPECT_EQ(detail.real[2][0][0].accesses, 162);
}

TEST_F(WorkedExamples, IrrelevantLoopsSinkAndSingleBuffersStall) {
  Accelerator tpu = accelerator("tpu_like");
  tpu.memories[0].size = 64;
  tpu.memories[2].size = 65536;
  const Layer layer = convolution("B:1 K:64 C:40 OY:8 OX:8 FY:3 FX:3");
  Detail detail;
  const Evaluation e = expect(
      layer, tpu, unroll(layer, {"K:32", "C:32"}),
      {"C:2 | FX:3 OX:8 FY:3 K:2 | OY:4 OY:2", "C:2 FX:3 | OX:8 FY:3 K:2 OY:4 OY:2",
       "C:2 FX:3 OX:8 FY:3 | K:2 OY:4 OY:2"},
      {17827657.119999997,
       58982.4,
       {{72253.44, 82936.31999999999, 384000}, {157593.6, 16128000}, {103891.36000000002, 840000}},
       22278,
       480,
       65,
       1440,
       {24582, 25062, 25127}},
      &detail);
  EXPECT_EQ(e.operands[0].stationary[0].size(), 2u);  // C2 FX3
  EXPECT_EQ(e.operands[1].stationary[0].size(), 3u);  // C2 FX3 OX8
  EXPECT_EQ(e.operands[2].stationary[0].size(), 5u);  // ... K2
  EXPECT_EQ(detail.tiling.operand[0].top_irrelevant[1], 6);
  EXPECT_EQ(detail.tiling.operand[1].top_irrelevant[1], 8);
  EXPECT_FALSE(detail.double_buffer[0][1]);
  EXPECT_FALSE(detail.double_buffer[1][1]);
  EXPECT_TRUE(detail.double_buffer[2][1]);
}

TEST_F(WorkedExamples, FractionalUnrollingMovesLessInTheIntegerVersion) {
  const Layer layer = convolution("B:1 K:50 C:35 OY:7 OX:9 FY:3 FX:3");
  const std::string all = "OX:9 FX:3 C:2 FY:3 OY:7 K:2";
  Detail detail;
  expect(
      layer, accelerator("tpu_like"), unroll(layer, {"K:32", "C:32"}),
      {"- | " + all + " | -", all + " | -", all + " | -"},
      {2606358.736,
       39690.0,
       {{83444.25600000001, 399095.68000000005, 295500}, {11983.68, 1379700}, {93145.12, 303800}},
       2266,
       36,
       2,
       969,
       {4534, 4570, 4572}},
      &detail);
  EXPECT_EQ(detail.tiling.operand[1].version[0].elements[2], 15750);
  EXPECT_EQ(detail.tiling.operand[1].version[1].elements[2], 15300);
}

TEST_F(WorkedExamples, SeveralLoopsOnOneArrayDimension) {
  Window window;
  window.stride = 2;
  const Layer layer = convolution("B:1 K:64 C:20 OY:10 OX:10 FY:3 FX:3", window);
  expect(layer, accelerator("tpu_like"), unroll(layer, {"K:32", "C:2 FX:3 FY:3"}),
         {"C:10 | OX:10 OY:10 K:2 | -", "C:10 OX:10 OY:10 K:2 | -", "C:10 OX:10 OY:10 K:2 | -"},
         {2698069.12,
          46080.0,
          {{50803.2, 19864.0, 600000}, {110534.4, 1008000}, {90687.51999999999, 772100}},
          0,
          915.3333333333334,
          613.3333333333334,
          1125,
          {2000, 2915.3333333333335, 3528.666666666667}});
}

TEST_F(WorkedExamples, GroupedConvolution) {
  const Layer layer = layer_of("B:1 K:4 C:4 OY:8 OX:8 FY:3 FX:3 G:6",
                               {"O B G K OY OX", "W G K C FY FX", "I B G C IY IX"}, {16, 8, 8}, 8);
  const std::string all = "FX:3 OX:4 FY:3 OY:4 G:6";
  expect(layer, accelerator("ascend_like"), unroll(layer, {"K:4", "C:4", "OX:2", "OY:2"}),
         {"FX:3 | OX:4 FY:3 OY:4 G:6 | - | -", "- | " + all + " | - | -", all + " | - | -"},
         {465896.6400000001,
          2211.84,
          {{737.28, 12835.2, 3873.6000000000004, 144000},
           {276.48, 3032.64, 1291.2, 75600},
           {6873.6, 5164.8, 210000}},
          0,
          41,
          3,
          54,
          {864, 905, 908}});
}

TEST_F(WorkedExamples, PoolingHasWeightsOfNoBits) {
  Window window;
  window.stride = 2;
  const Layer layer = layer_of("B:1 G:40 OY:8 OX:8 FX:3 FY:3",
                               {"O B G OY OX", "W FX FY", "I B G IY IX"}, {16, 0, 8}, 8, window);
  const std::string all = "FX:3 FY:3 OX:8 OY:8 G:2";
  expect(layer, accelerator("tpu_like"), unroll(layer, {"G:32", "FX:1"}),
         {"FX:3 FY:3 | OX:8 OY:8 G:2 | -", all + " | -", all + " | -"},
         {1324118.7200000002,
          921.6,
          {{1021.44, 8702.4, 240000}, {0, 0}, {61973.280000000006, 1011500}},
          0,
          1126,
          2,
          23,
          {1152, 2278, 2280}});
}

TEST_F(WorkedExamples, RowStationaryConvolution) {
  const Layer layer = convolution("B:1 K:16 C:12 OY:12 OX:14 FY:3 FX:3");
  expect(
      layer, accelerator("eyeriss_like"), unroll(layer, {"OX:14", "FY:3 C:4"}),
      {"FX:3 C:3 K:4 | OY:12 K:4 | - | -", "FX:3 C:3 K:4 OY:12 | K:4 | -",
       "FX:3 C:3 K:4 | OY:12 K:4 | -"},
      {2982348.0,
       145152.0,
       {{1040256.0, 4560.0, 12880, 336000}, {326592.0, 4860, 216000}, {399168.0, 160880, 336000}},
       93,
       41,
       40.125,
       1728,
       {1821, 1862, 1902.125}});
}

TEST_F(WorkedExamples, IrrelevantLoopsSinkThroughEmptyLevels) {
  const Layer layer = convolution("B:1 K:8 C:4 OY:4 OX:4 FY:3 FX:3");
  const Accelerator eyeriss = accelerator("eyeriss_like");
  const auto compiled = compile(layer, eyeriss, build_hierarchy(eyeriss), MappingEntry{}, {});
  ASSERT_TRUE(std::holds_alternative<Problem>(compiled));
  Ordering ordering;
  for (const char* text : {"OX:4", "C:4", "FX:3", "K:4", "OY:4", "FY:3", "K:2"}) {
    const TemporalLoop loop = loop_of(layer, text);
    ordering.push(loop.dim, loop.size);
  }
  // O: OX4 | C4 FX3 | K4 OY4 FY3 K2 | -; W: OX4 | C4 FX3 K4 | OY4 FY3 K2; I: - | OX4 C4 FX3 | ...
  const Cuts cuts{{{{1, 3, 7, 7}, {1, 4, 7}, {0, 3, 7}}}};
  LoopTiling tiling;
  tile(std::get<Problem>(compiled), ordering, cuts, tiling);
  const auto first = [](const std::array<double, kMaxArchLevels>& list) {
    return std::vector<double>(list.begin(), list.begin() + 4);
  };
  using List = std::vector<double>;
  const auto& [o, w, i] = tiling.operand;
  EXPECT_EQ(first(o.period), List({1, 48, 48, 4608}));
  EXPECT_EQ(first(o.top_relevant), List({1, 1, 1, 2}));
  EXPECT_EQ(first(o.top_irrelevant), List({1, 12, 1, 1}));
  EXPECT_EQ(first(w.period), List({4, 4, 768, 4608}));
  EXPECT_EQ(first(w.top_relevant), List({1, 1, 1, 6}));
  EXPECT_EQ(first(w.top_irrelevant), List({1, 4, 4, 1}));
  EXPECT_EQ(first(i.period), List({1, 1, 192, 4608}));
  EXPECT_EQ(first(i.top_relevant), List({1, 1, 1, 1}));
  EXPECT_EQ(first(i.top_irrelevant), List({1, 1, 4, 2}));
  EXPECT_EQ(first(i.count), List({4608, 4608, 24, 1}));
}

TEST(WorkedExamplesByHand, MatrixProductOnThreeLevels) {
  const Layer layer = product("D0:64 D1:128 D2:72");
  expect(layer, gemm_l1_l3(), unroll(layer, {"D0:8", "D2:8", "D1:8"}),
         {"D2:9 | D1:16 D0:8 | -", "D2:9 D1:16 D0:8 | -", "D2:9 D1:16 D0:8 | -"},
         {7414357.760000001,
          23592.96,
          {{540672, 19635.2, 3072000}, {146131.2, 1152000}, {156326.4, 2304000}},
          0,
          89,
          2,
          1152,
          {1152, 1241, 1243}});
}

TEST(WorkedExamplesByHand, MatrixProductWithTwoFractionalUnrollings) {
  const Layer layer = product("D0:1000 D1:500 D2:300");
  expect(layer, gemm_l1_l3(), unroll(layer, {"D0:8", "D2:8", "D1:8"}),
         {"- | D1:7 D2:38 | D0:125 D1:9", "D1:7 D2:38 | D0:125 D1:9", "D1:7 D2:38 D0:125 | D1:9"},
         {1305798639.6000001,
          6000000.0,
          {{263938500, 78614550.0, 189000000}, {11018179.2, 684000000}, {35643410.4, 37584000}},
          299248,
          238,
          8,
          292969,
          {598498, 598736, 598744}});
}

TEST(JointExtent, CountsDistinctPlacesAndOverCountsWideDilation) {
  EXPECT_EQ(joint_extent(1, 8, 1, 3), 10);
  EXPECT_EQ(joint_extent(2, 8, 1, 3), 17);
  EXPECT_EQ(joint_extent(3, 8, 1, 2), 16);
  EXPECT_EQ(joint_extent(2, 4, 2, 3), 6);
  EXPECT_EQ(joint_extent(1, 4, 2, 3), 8);
  EXPECT_EQ(joint_extent(1, 1, 2, 3), 5);
}

}  // namespace
}  // namespace ridgeline::model
