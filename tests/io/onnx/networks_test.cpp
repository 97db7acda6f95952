// Models as exporters write them: functions, shapes that the model computes, operators of every
// kind, in both dialects. Networks and cases of the reference folder where it is there.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <nlohmann/json.hpp>

#include "io/onnx/multicore_lowering.hpp"
#include "io/onnx/onnx_reader.hpp"
#include "io/onnx/operator_table.hpp"
#include "tests/support/onnx_model.hpp"

namespace ridgeline::io {
namespace {

using ::testing::AllOf;
using testing::bytes;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::integer;
using testing::integers;
using ::testing::IsEmpty;
using testing::Model;
using testing::node;
using testing::number;
using testing::untyped;
using testing::value;
using testing::weight;
namespace fs = std::filesystem;
using Macs = std::map<std::string, double>;

// A stored list of integers.
std::string list(const std::string& name, const std::vector<int>& values, bool scalar = false) {
  std::string tensor = scalar ? "" : number(1, static_cast<int>(values.size()));
  tensor += number(2, 7);
  for (const int v : values) tensor += number(7, v);
  return tensor + bytes(8, name);
}
std::string text_attribute(const std::string& name, const std::string& text) {
  return bytes(1, name) + bytes(4, text) + number(20, 3);
}

OnnxGraph graph_of(const Model& model, const OnnxOptions& options = {}) {
  return parse_onnx_graph(model.text(), "model.onnx", options);
}

Macs evaluated(const OnnxGraph& graph, const OnnxOptions& options = {}) {
  Macs macs;
  for (const auto& n : lower_onnx_workload(graph, "n", options).workload.nodes) {
    if (!n.layer) continue;
    macs[n.operator_type] +=
        static_cast<double>(n.count) * static_cast<double>(n.layer->mac_count());
  }
  return macs;
}

Macs scheduled(const OnnxGraph& graph, const OnnxOptions& options = {}) {
  LoweringOptions lowering;
  lowering.onnx = options;
  Macs macs;
  for (const auto& n : lower_network(graph, "n", lowering).network.nodes) {
    if (n.layer && has_macs(n.operator_type)) {
      macs[n.operator_type] += static_cast<double>(n.layer->mac_count());
    }
  }
  return macs;
}

// The same count in both dialects.
double macs_of(const Model& model) {
  const OnnxGraph graph = graph_of(model);
  const Macs first = evaluated(graph);
  EXPECT_EQ(first, scheduled(graph));
  double sum = 0;
  for (const auto& [type, macs] : first) sum += macs;
  return sum;
}

double product(const std::vector<testing::Dim>& a, const std::vector<testing::Dim>& b,
               bool constant_left = false) {
  Model model{{node("Relu", "r", {"x"}, {"a"}), node("MatMul", "m", {"a", "w"}, {"y"})},
              {value("x", a), value("w", b)},
              {untyped("y")},
              {},
              {}};
  if (constant_left) {
    model.nodes = {node("Relu", "r", {"w"}, {"b"}), node("MatMul", "m", {"x", "b"}, {"y"})};
  }
  return macs_of(model);
}

TEST(Networks, MultipliesAsNumpyDoes) {
  EXPECT_EQ(product({16, 64}, {64, 32}), 16 * 64 * 32);
  EXPECT_EQ(product({16, 64}, {64}), 16 * 64);
  EXPECT_EQ(product({64}, {64, 32}), 64 * 32);
  EXPECT_EQ(product({16, 64}, {4, 64, 32}), 4 * 16 * 64 * 32);
  EXPECT_EQ(product({4, 1, 16, 64}, {5, 64, 32}), 4 * 5 * 16 * 64 * 32);
  EXPECT_EQ(product({2, 3, 4, 5, 16, 64}, {64, 32}), 2 * 3 * 4 * 5 * 16 * 64 * 32);
  EXPECT_EQ(product({32, 64}, {64, 10}, true), 32 * 64 * 10);
}

// A batch on a second input is a batch, whoever makes it: a cache is read whole.
TEST(Networks, TakesTheSecondInputsShapeAsItIs) {
  const Model cache{{node("MatMul", "qk", {"q", "k"}, {"y"})},
                    {value("q", {1, 12, 1, 64}), value("k", {1, 12, 64, 1024})},
                    {untyped("y")},
                    {},
                    {}};
  const auto layer = *lower_onnx_workload(graph_of(cache), "n").workload.nodes[0].layer;
  EXPECT_EQ(layer.operand_elements(layer.operand_index("W")), 12 * 64 * 1024);
  LoweringOptions options;
  const auto network = lower_network(graph_of(cache), "n", options).network;
  const auto& other = *network.nodes[0].layer;
  EXPECT_EQ(other.operand_elements(other.operand_index("W")), 12 * 64 * 1024);
}

TEST(Networks, FollowsShapesThatTheModelComputes) {
  // view(x.size(0), -1) of an exporter.
  const Model view{{node("Shape", "s", {"x"}, {"s"}),
                    node("Gather", "g", {"s", "zero"}, {"n"}, {integer("axis", 0)}),
                    node("Concat", "c", {"n", "rest"}, {"t"}, {integer("axis", 0)}),
                    node("Reshape", "r", {"x", "t"}, {"f"}), node("Gemm", "fc", {"f", "w"}, {"y"})},
                   {value("x", {"N", 8, 4, 4})},
                   {untyped("y")},
                   {list("zero", {0}), list("rest", {-1}), weight("w", {128, 10})},
                   {}};
  OnnxOptions two;
  two.dims = {{"N", 2}};
  EXPECT_EQ(evaluated(graph_of(view, two)), (Macs{{"Gemm", 2 * 128 * 10}}));
}

TEST(Networks, NamesADimensionWithoutANameByTensorAndAxis) {
  Model model{{node("MatMul", "mm", {"x", "w"}, {"y"})},
              {value("x", {1, testing::Dim(0), 64})},
              {untyped("y")},
              {weight("w", {64, 32})},
              {}};
  // A dimension that is neither a size nor a symbol.
  std::string shape = bytes(1, number(1, 1)) + bytes(1, "") + bytes(1, number(1, 64));
  model.inputs = {bytes(1, "x") + bytes(2, bytes(1, number(1, 1) + bytes(2, shape)))};
  const auto error = [&](const OnnxOptions& options) -> std::string {
    try {
      evaluated(graph_of(model, options));
    } catch (const InputError& e) {
      return e.what();
    }
    return "";
  };
  EXPECT_THAT(error({}), HasSubstr("--dim x:1=N"));
  OnnxOptions given;
  given.dims = {{"x:1", 128}};
  EXPECT_EQ(evaluated(graph_of(model, given)), (Macs{{"MatMul", 128 * 64 * 32}}));
  given.dims = {{"x:7", 128}};
  EXPECT_THAT(error(given), HasSubstr("TENSOR:AXIS"));
  model.inputs = {value("x", {1, 0, 64})};
  EXPECT_THAT(error({}), HasSubstr("is 0"));
}

TEST(Networks, ExpandsLocalFunctions) {
  Model model{{node("Linear", "fc", {"x", "w"}, {"y"}, {}, "pkg")},
              {value("x", {4, 16})},
              {untyped("y")},
              {weight("w", {16, 32})},
              {}};
  const std::string function = bytes(1, "Linear") + bytes(4, "a") + bytes(4, "b") + bytes(5, "c") +
                               bytes(7, node("MatMul", "inner", {"a", "b"}, {"c"})) +
                               bytes(10, "pkg");
  const std::string text = model.text() + bytes(25, function);
  EXPECT_EQ(evaluated(parse_onnx_graph(text, "f.onnx")), (Macs{{"MatMul", 4 * 16 * 32}}));
  // One that contains itself.
  const std::string endless = bytes(1, "Linear") + bytes(4, "a") + bytes(4, "b") + bytes(5, "c") +
                              bytes(7, node("Linear", "inner", {"a", "b"}, {"c"}, {}, "pkg")) +
                              bytes(10, "pkg");
  EXPECT_THROW(parse_onnx_graph(model.text() + bytes(25, endless), "f.onnx"), InputError);
  // One that writes its own input, which the caller leaves out.
  const std::string writes_input =
      bytes(1, "Linear") + bytes(4, "a") + bytes(4, "b") + bytes(4, "d") + bytes(5, "c") +
      bytes(7, node("MatMul", "inner", {"a", "b"}, {"d"})) +
      bytes(7, node("Identity", "outer", {"d"}, {"c"})) + bytes(10, "pkg");
  try {
    parse_onnx_graph(model.text() + bytes(25, writes_input), "f.onnx");
    FAIL();
  } catch (const InputError& error) {
    EXPECT_THAT(error.what(), HasSubstr("which its caller leaves out"));
  }
}

TEST(Networks, CountsOperatorsThatQuantisersAndFusersWrite) {
  const auto one = [](const std::string& n, std::vector<std::string> inputs,
                      std::vector<std::string> weights) {
    return Model{{n}, std::move(inputs), {untyped("y")}, std::move(weights), {}};
  };
  EXPECT_EQ(macs_of(one(node("MatMulInteger", "m", {"x", "w"}, {"y"}), {value("x", {8, 16})},
                        {weight("w", {16, 32})})),
            4096);
  EXPECT_EQ(macs_of(one(node("QLinearMatMul", "m", {"x", "s", "s", "w", "s", "s", "s", "s"}, {"y"}),
                        {value("x", {8, 16})}, {weight("w", {16, 32}), weight("s", {})})),
            4096);
  EXPECT_EQ(macs_of(one(node("ConvInteger", "c", {"x", "w"}, {"y"}), {value("x", {1, 4, 9, 9})},
                        {weight("w", {8, 4, 3, 3})})),
            49 * 8 * 4 * 9);
  EXPECT_EQ(
      macs_of(one(node("MatMulNBits", "m", {"x", "w", "s"}, {"y"},
                       {integer("K", 16), integer("N", 32), integer("bits", 4)}, "com.microsoft"),
                  {value("x", {4, 16})}, {weight("w", {32, 1, 8}), weight("s", {32})})),
      2048);
  EXPECT_EQ(
      macs_of(one(node("LSTM", "l", {"x", "w", "r"}, {"y"}, {integer("hidden_size", 6)}),
                  {value("x", {5, 2, 3})}, {weight("w", {1, 24, 3}), weight("r", {1, 24, 6})})),
      5 * 2 * 24 * (3 + 6));
  EXPECT_EQ(macs_of(one(node("Einsum", "e", {"x", "w"}, {"y"},
                             {text_attribute("equation", "bhqd,bhkd->bhqk")}),
                        {value("x", {2, 3, 4, 5}), value("w", {2, 3, 6, 5})}, {})),
            2 * 3 * 4 * 5 * 6);
  // One new position against a cache: keys and values of 2 heads serve 8 query heads.
  const Model gqa = one(
      node("GroupQueryAttention", "a", {"x", "", "", "pk", "pv"}, {"y", "k", "v"},
           {integer("num_heads", 8), integer("kv_num_heads", 2)}, "com.microsoft"),
      {value("x", {1, 1, 12 * 16}), value("pk", {1, 2, 64, 16}), value("pv", {1, 2, 64, 16})}, {});
  EXPECT_EQ(macs_of(gqa), 2 * 8 * 65 * 16);
  const auto layer = *lower_onnx_workload(graph_of(gqa), "n").workload.nodes[0].layer;
  EXPECT_EQ(layer.operand_elements(layer.operand_index("W")), 2 * 65 * 16);
}

TEST(Networks, HoldsSizesBeyondExactNumbersForErrorsInBothDialects) {
  const int big = 1 << 16;
  const Model model{
      {node("Conv", "c", {"x", "w"}, {"y"}, {integers("kernel_shape", {1024, 1024})})},
      {value("x", {1, 1 << 14, big, big}), value("w", {1 << 14, 1 << 14, 1024, 1024})},
      {value("y", {1, 1 << 14, big, big})},
      {},
      {}};
  EXPECT_THROW(evaluated(graph_of(model)), InputError);
  EXPECT_THROW(scheduled(graph_of(model)), InputError);
}

TEST(Networks, JudgesAttributesBeforeAnyLibraryDoes) {
  const Model model{
      {node("DepthToSpace", "d", {"x"}, {"r"},
            {bytes(1, "blocksize") + number(3, std::int64_t{1} << 62) + number(20, 2)}),
       node("Conv", "c", {"r", "w"}, {"y"}, {integers("kernel_shape", {3, 3})})},
      {value("x", {1, 12, 8, 8})},
      {untyped("y")},
      {weight("w", {8, 3, 3, 3})},
      {}};
  EXPECT_THROW(evaluated(graph_of(model)), InputError);
}

TEST(Networks, CostsElementwiseArithmeticOfAnyRankInSchedules) {
  const Model model{{node("Add", "add", {"a", "b"}, {"c"}), node("Sub", "sub", {"c", "b"}, {"y"})},
                    {value("a", {1, 64, 2, 49, 32}), value("b", {1, 64, 2, 49, 32})},
                    {untyped("y")},
                    {},
                    {}};
  const auto network = lower_network(graph_of(model), "n", {}).network;
  ASSERT_EQ(network.nodes.size(), 2u);
  for (const auto& n : network.nodes) {
    ASSERT_TRUE(n.layer) << n.name;
    EXPECT_EQ(n.layer->mac_count(), 64 * 2 * 49 * 32) << n.name;
  }
}

// An axis of the result is an axis of the data and the copies of each of its indices.
TEST(Networks, CostsResamplingInSchedules) {
  const auto resized = [](const std::string& mode, const std::vector<testing::Dim>& result) {
    const Model model{{node("Resize", "up", {"x"}, {"y"}, {text_attribute("mode", mode)})},
                      {value("x", {1, 8, 16, 16})},
                      {value("y", result)},
                      {},
                      {}};
    NetworkImport import = lower_network(graph_of(model), "n", {});
    EXPECT_TRUE(import.missing.empty());
    return import.network.nodes.at(0);
  };
  const auto twice = resized("nearest", {1, 8, 32, 48});
  ASSERT_TRUE(twice.layer);
  EXPECT_EQ(twice.layer->mac_count(), 8 * 32 * 48);
  EXPECT_EQ(twice.layer->operand_elements(0), 8 * 32 * 48);
  EXPECT_EQ(twice.layer->operand_elements(twice.layer->operand_index("I")), 8 * 16 * 16);
  EXPECT_EQ(twice.cycles_per_op, 1);
  EXPECT_FALSE(twice.exact);
  // Four neighbours of each point.
  EXPECT_EQ(resized("linear", {1, 8, 24, 24}).cycles_per_op, 4);
}

TEST(Networks, GivesWeightsOfGroupsTheirOutputChannelsWithoutQuirks) {
  const Model model{{node("Conv", "c", {"x", "w"}, {"y"}, {integer("group", 32)})},
                    {value("x", {1, 128, 14, 14})},
                    {untyped("y")},
                    {weight("w", {128, 4, 3, 3})},
                    {}};
  const auto bits = [&](bool quirks) {
    LoweringOptions options;
    options.onnx.quirks = quirks;
    const auto network = lower_network(graph_of(model), "n", options).network;
    const auto& layer = *network.nodes[0].layer;
    return layer.operand_bits(layer.operand_index("W"));
  };
  EXPECT_EQ(bits(true), 32 * 4 * 9 * 8);
  EXPECT_EQ(bits(false), 128 * 4 * 9 * 8);
}

// Every network of the reference folder as it was exported: the multiply-accumulates that were
// counted independently, in both dialects.
TEST(Networks, HaveTheirMultiplyAccumulatesByOperator) {
  const fs::path folder = fs::path(RIDGELINE_REFERENCE_DIR) / "models";
  std::ifstream stream(folder / "macs.json");
  if (!stream) GTEST_SKIP() << "no reference folder";
  const auto networks = nlohmann::json::parse(stream);
  for (const auto& [name, entry] : networks.items()) {
    SCOPED_TRACE(name);
    const OnnxGraph graph = read_onnx_graph(folder / entry.at("file").get<std::string>());
    const Macs truth = entry.at("by_operator").get<Macs>();
    EXPECT_EQ(evaluated(graph), truth);
    EXPECT_EQ(scheduled(graph), truth);
  }
}

// Small cases that once failed: all are read, whatever their kind, or say why not.
TEST(Networks, ReadsTheCasesOfTheReferenceFolder) {
  const fs::path folder = fs::path(RIDGELINE_REFERENCE_DIR) / "cases";
  if (!fs::exists(folder)) GTEST_SKIP() << "no reference folder";
  const std::map<std::string, double> truth{
      {"onnx/local_function.onnx", 16.0 * 512 * 1024},
      {"onnx/convtranspose.onnx", 32.0 * 32 * 256 * 128 * 4},
      {"onnx/lstm.onnx", 35.0 * 1024 * (128 + 256)},
      {"onnx/shape_arithmetic.onnx", 128.0 * 512 * 1000},
      {"onnx/reshape_constant_target.onnx", 128.0 * 8 * 64 * 32},
      {"onnx/conv_3d.onnx", 16.0 * 56 * 56 * 64 * 3 * 27},
      {"reports/06-onnx-without-weights/stripped.onnx", 18432},
      {"reports/09-onnx-qdq-and-constant-nodes/qdq.onnx", 73728},
      {"reports/09-onnx-qdq-and-constant-nodes/constants.onnx", 18432},
      {"reports/18-onnx-arithmetic-without-cost/qlinearmatmul.onnx", 4096},
      {"reports/18-onnx-arithmetic-without-cost/matmulinteger.onnx", 4096},
      {"reports/18-onnx-arithmetic-without-cost/convinteger.onnx", 73728},
      {"reports/18-onnx-arithmetic-without-cost/fusedconv.onnx", 18432},
      {"reports/18-onnx-arithmetic-without-cost/matmulnbits.onnx", 2048},
      {"reports/18-onnx-arithmetic-without-cost/local_function.onnx", 2048},
      {"reports/20-conv-without-kernel-shape/conv.onnx", 73728}};
  for (const auto& [name, expected] : truth) {
    SCOPED_TRACE(name);
    const OnnxGraph graph = read_onnx_graph(folder / name);
    double sum = 0;
    for (const auto& [type, macs] : evaluated(graph)) sum += macs;
    EXPECT_EQ(sum, expected);
    EXPECT_EQ(evaluated(graph), scheduled(graph));
  }
}

}  // namespace
}  // namespace ridgeline::io
