// The ONNX reader on models built here: what it infers, what it leaves alone, what it refuses.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <fstream>

#include "io/onnx/onnx_reader.hpp"
#include "tests/support/onnx_model.hpp"

namespace ridgeline::io {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
namespace fs = std::filesystem;
using testing::Dim;
using testing::integer;
using testing::integers;
using testing::Model;
using testing::node;
using testing::number;
using testing::untyped;
using testing::value;
using testing::varint;
using testing::weight;

const fs::path kExamples = fs::path(RIDGELINE_SOURCE_DIR) / "examples" / "workloads";
const fs::path kSeeds = fs::path(RIDGELINE_SOURCE_DIR) / "tests" / "fuzz" / "seeds" / "onnx";

std::string content_of(const fs::path& path) {
  std::ifstream stream(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

Model convolution(const std::vector<Dim>& in = {1, 4, 9, 11},
                  const std::vector<std::string>& attributes = {integers("kernel_shape", {3, 5})}) {
  return {{node("Conv", "conv", {"x", "w"}, {"y"}, attributes)},
          {value("x", in)},
          {untyped("y")},
          {weight("w", {8, 4, 3, 5})},
          {}};
}

OnnxImport import(const Model& model, const OnnxOptions& options = {}) {
  return lower_onnx_workload(parse_onnx_graph(model.text(), "model.onnx", options), "model",
                             options);
}

std::string error_of(const std::string& text, const OnnxOptions& options = {}) {
  try {
    lower_onnx_workload(parse_onnx_graph(text, "model.onnx", options), "model", options);
  } catch (const InputError& error) {
    return error.what();
  }
  return "";
}
std::string error_of(const Model& model, const OnnxOptions& options = {}) {
  return error_of(model.text(), options);
}

std::int64_t size_of(const model::Layer& layer, const char* dim) {
  const int d = layer.dim_index(dim);
  return d < 0 ? -1 : layer.dims[static_cast<std::size_t>(d)].size;
}

TEST(OnnxReader, InfersShapesThatTheModelLacks) {
  const auto layer = *import(convolution()).workload.nodes.at(0).layer;
  EXPECT_EQ(size_of(layer, "OY"), 9 - 3 + 1);
  EXPECT_EQ(size_of(layer, "OX"), 11 - 5 + 1);
}

TEST(OnnxReader, UsesTheModelsOwnShapesWhereInferenceCannotHelp) {
  Model model{
      {node("NewOperator", "new", {"x"}, {"a"}), node("MatMul", "product", {"a", "w"}, {"y"})},
      {value("x", {1, 3})},
      {value("y", {2, 5})},
      {weight("w", {7, 5})},
      {value("a", {2, 7})}};
  model.opset = 99;
  const auto layer = *import(model).workload.nodes.at(1).layer;
  EXPECT_EQ(size_of(layer, "C"), 7);
  EXPECT_EQ(size_of(layer, "K"), 5);
  model.value_info.clear();
  EXPECT_THAT(error_of(model), AllOf(HasSubstr("'product'"), HasSubstr("'a'"),
                                     HasSubstr("not known"), HasSubstr("value_info")));
}

TEST(OnnxReader, TakesASymbolicBatchAsOneAndAnyValueThatIsGiven) {
  const Model model = convolution({"N", 4, 9, 11});
  EXPECT_EQ(size_of(*import(model).workload.nodes[0].layer, "B"), 1);
  EXPECT_EQ(size_of(*import(model, {{{"N", 6}}}).workload.nodes[0].layer, "B"), 6);
}

TEST(OnnxReader, NamesASymbolicDimensionThatNeedsAValue) {
  const Model model{{node("Gemm", "fc", {"x", "w"}, {"y"})},
                    {value("x", {"rows", 4})},
                    {untyped("y")},
                    {weight("w", {4, 8})},
                    {}};
  EXPECT_THAT(error_of(model),
              AllOf(HasSubstr("'fc'"), HasSubstr("'rows'"), HasSubstr("--dim rows=N")));
  EXPECT_EQ(size_of(*import(model, {{{"rows", 5}}}).workload.nodes[0].layer, "D"), 5);
  EXPECT_THAT(error_of(model, {{{"row", 5}}}), HasSubstr("did you mean 'rows'?"));
  EXPECT_THAT(error_of(model, {{{"rows", 0}}}), HasSubstr("--dim"));
}

TEST(OnnxReader, LowersConvolutionsOverOneAndThreeAxes) {
  const Model one{
      {node("Conv", "conv", {"x", "w"}, {"y"},
            {integers("kernel_shape", {3}), integers("strides", {2}), integer("group", 2)})},
      {value("x", {1, 4, 9})},
      {untyped("y")},
      {weight("w", {8, 2, 3})},
      {}};
  const auto layer = *import(one).workload.nodes[0].layer;
  EXPECT_EQ(layer.equation, "O[b][g][k][ox] = W[g][k][c][fx] * I[b][g][c][ix]");
  EXPECT_EQ(size_of(layer, "K"), 8 / 2);
  EXPECT_EQ(size_of(layer, "C"), 4 / 2);
  EXPECT_EQ(size_of(layer, "OX"), (9 - 3) / 2 + 1);
  EXPECT_EQ(size_of(layer, "FX"), 3);

  // Depth, height and width: Z, Y and X.
  const Model three{{node("Conv", "conv", {"x", "w"}, {"y"},
                          {integers("kernel_shape", {1, 2, 3}), integers("strides", {1, 1, 2})})},
                    {value("x", {1, 4, 5, 6, 7})},
                    {untyped("y")},
                    {weight("w", {8, 4, 1, 2, 3})},
                    {}};
  const auto cube = *import(three).workload.nodes[0].layer;
  EXPECT_EQ(cube.equation,
            "O[b][g][k][oz][oy][ox] = W[g][k][c][fz][fy][fx] * I[b][g][c][iz][iy][ix]");
  EXPECT_EQ(size_of(cube, "OZ"), 5);
  EXPECT_EQ(size_of(cube, "OY"), 6 - 2 + 1);
  EXPECT_EQ(size_of(cube, "OX"), (7 - 3) / 2 + 1);
  EXPECT_EQ(size_of(cube, "FX"), 3);
  EXPECT_EQ(cube.relations.at(0).name, "IX");
  EXPECT_EQ(cube.relations.at(0).coefficient[0], 2);
}

TEST(OnnxReader, CountsWhatHasNoLoopNest) {
  const Model model{
      {node("Relu", "relu", {"x"}, {"a"}), node("ConvTranspose", "up", {"a", "w"}, {"b"}),
       node("Flatten", "flat", {"b"}, {"c"}),
       node("Mystery", "custom", {"c"}, {"d"}, {}, "com.example"),
       node("Relu", "relu2", {"a"}, {"y"})},
      {value("x", {1, 4, 5, 5})},
      {untyped("y")},
      {weight("w", {4, 4, 2, 2})},
      {}};
  const OnnxImport result = import(model);
  ASSERT_EQ(result.missing.size(), 2u);
  EXPECT_EQ(result.missing[0].type, "Relu");
  EXPECT_EQ(result.missing[0].count, 2);
  EXPECT_EQ(result.missing[0].operations, 2 * 4 * 5 * 5);
  EXPECT_EQ(result.missing[0].bytes, 4 * 4 * 5 * 5);
  EXPECT_EQ(result.missing[1].type, "com.example.Mystery");
  EXPECT_TRUE(result.missing[1].unknown);
  EXPECT_EQ(result.workload.nodes.size(), 5u);
  EXPECT_THAT(missing_note(result.missing), AllOf(HasSubstr("2 Relu (200 operations, 400 bytes)"),
                                                  HasSubstr("Mystery (unknown amount")));
  OnnxOptions strict;
  strict.strict = true;
  EXPECT_THAT(error_of(model, strict), AllOf(HasSubstr("'custom'"), HasSubstr("--strict")));
  strict = {};
  strict.strict_graph = true;
  EXPECT_THAT(error_of(model, strict), AllOf(HasSubstr("'relu'"), HasSubstr("--strict-graph")));
}

// Four elements of the output for each of the input, one term each: as many multiply-accumulates
// as input elements times kernel.
TEST(OnnxReader, CountsTransposedConvolutionsByTheirInput) {
  const auto macs = [](int kernel, int stride, int pad, int more) {
    const Model model{
        {node("ConvTranspose", "up", {"x", "w"}, {"y"},
              {integers("strides", {stride, stride}), integers("pads", {pad, pad, pad, pad}),
               integers("output_padding", {more, more})})},
        {value("x", {1, 6, 5, 7})},
        {untyped("y")},
        {weight("w", {6, 3, kernel, kernel})},
        {}};
    double sum = 0;
    for (const auto& n : import(model).workload.nodes) {
      if (n.layer) sum += static_cast<double>(n.layer->mac_count());
    }
    return sum;
  };
  for (const auto& [kernel, stride, pad, more] : std::vector<std::array<int, 4>>{
           {2, 2, 0, 0}, {4, 2, 1, 0}, {3, 2, 1, 1}, {3, 1, 1, 0}, {4, 1, 0, 0}, {5, 3, 0, 0}}) {
    EXPECT_EQ(macs(kernel, stride, pad, more), 6.0 * 5 * 7 * 3 * kernel * kernel)
        << kernel << ' ' << stride;
  }
}

// The order of a Transpose's axes is used as places: nothing that is no order of them may be.
TEST(OnnxReader, TakesOnlyOrdersOfAllAxes) {
  OnnxNode transpose;
  transpose.op_type = "Transpose";
  EXPECT_EQ(axis_order(transpose, 3), (std::vector<std::int64_t>{2, 1, 0}));
  const auto given = [&](std::vector<std::int64_t> perm) {
    transpose.attributes = {{"perm", OnnxAttribute::Kind::integers, std::move(perm), {}, ""}};
    return axis_order(transpose, 4);
  };
  const std::vector<std::int64_t> order{0, 2, 3, 1};
  EXPECT_EQ(given(order), order);
  constexpr std::int64_t kWraps = std::int64_t{1} << 32;
  for (const std::vector<std::int64_t>& wrong :
       std::vector<std::vector<std::int64_t>>{{},
                                              {0, 1, 2},
                                              {0, 1, 2, 3, 4},
                                              {0, 64, 2, 1},
                                              {0, -1, 2, 3},
                                              {0, 1, 1, 3},
                                              {kWraps, 1, 2, 3}}) {
    EXPECT_FALSE(given(wrong));
    std::vector<int> stored;
    for (const std::int64_t axis : wrong) stored.push_back(static_cast<int>(axis));
    const Model model{{node("Transpose", "t", {"x"}, {"y"}, {integers("perm", stored)})},
                      {value("x", {2, 3, 5, 7})},
                      {untyped("y")},
                      {},
                      {}};
    import(model);
  }
}

TEST(OnnxReader, TakesOperatorsNobodyKnowsForArithmetic) {
  const auto uncosted = [](const char* type, const char* domain = "") {
    OnnxNode node;
    node.op_type = type;
    node.domain = domain;
    return is_uncosted_arithmetic(node);
  };
  for (const char* light : {"Relu", "Softmax", "Gelu", "RMSNormalization", "Silu"}) {
    EXPECT_FALSE(uncosted(light)) << light;
  }
  for (const char* heavy : {"Convv", "LSTM", "ConvTranspose"})
    EXPECT_TRUE(uncosted(heavy)) << heavy;
  EXPECT_TRUE(uncosted("Relu", "some.vendor"));
}

TEST(OnnxReader, ReadsPrecisionsFromAttributes) {
  const auto layer =
      *import(convolution({1, 4, 9, 11}, {integers("kernel_shape", {3, 5}),
                                          integer("weight_size", 2), integer("act_size", 4)}))
           .workload.nodes[0]
           .layer;
  EXPECT_EQ(layer.operands[1].name, "W");
  EXPECT_EQ(layer.operands[1].precision, 2);
  EXPECT_EQ(layer.operands[2].precision, 4);
  EXPECT_EQ(layer.operands[0].precision, 8);
  EXPECT_EQ(layer.output_final_precision, 4);
}

TEST(OnnxReader, RefusesFilesThatAreNoModels) {
  EXPECT_THAT(error_of(std::string()), HasSubstr("is empty"));
  EXPECT_THAT(error_of(std::string("- id: 0\n  name: conv1\n")), HasSubstr("ONNX model"));
  EXPECT_THAT(error_of(std::string("\x08")), HasSubstr("ONNX model"));
  // A length of 2^62 bytes.
  EXPECT_THAT(error_of("\x08\x08\x3a" + varint(std::uint64_t{1} << 62)), HasSubstr("ONNX model"));
  EXPECT_THAT(error_of(number(1, 8)), HasSubstr("no ONNX model"));
  EXPECT_THROW(read_onnx_graph("no/such/file.onnx"), InputError);
  EXPECT_THROW(read_onnx_graph(kExamples), InputError);
}

TEST(OnnxReader, RefusesAModelThatWasCutOffAnywhere) {
  const std::string whole = content_of(kExamples / "alexnet.onnx");
  ASSERT_GT(whole.size(), 1000u);
  for (std::size_t size = 0; size < whole.size(); ++size) {
    EXPECT_NE(error_of(whole.substr(0, size)), "") << size << " bytes of " << whole.size();
  }
}

TEST(OnnxReader, RefusesGraphsThatDoNotHangTogether) {
  Model cycle{{node("Add", "a", {"x", "b"}, {"a"}), node("Relu", "b", {"a"}, {"b"})},
              {value("x", {1})},
              {untyped("b")},
              {},
              {}};
  EXPECT_THAT(error_of(cycle), AllOf(HasSubstr("/graph/node/0"), HasSubstr("cycle")));
  // What a layer reads beside its data is taken for a weight that was cut out.
  Model stripped = convolution();
  stripped.initializers.clear();
  stripped.outputs = {value("y", {1, 8, 7, 7})};
  EXPECT_EQ(error_of(stripped), "");
  EXPECT_THAT(import(stripped).notes, Contains(HasSubstr("no weights: 'w'")));
  Model missing{{node("Relu", "a", {"nowhere"}, {"y"})}, {value("x", {1})}, {untyped("y")}, {}, {}};
  EXPECT_THAT(error_of(missing), HasSubstr("'nowhere'"));
  Model twice{{node("Relu", "a", {"x"}, {"y"}), node("Relu", "b", {"x"}, {"y"})},
              {value("x", {1})},
              {untyped("y")},
              {},
              {}};
  EXPECT_THAT(error_of(twice), HasSubstr("second time"));
  Model none{{}, {value("x", {1})}, {}, {}, {}};
  EXPECT_THAT(error_of(none), HasSubstr("no nodes"));
}

TEST(OnnxReader, RefusesConvolutionsThatMakeNoSense) {
  const std::vector<Dim> in = {1, 4, 9, 11};
  const auto refused = [&](const std::vector<std::string>& attributes) {
    return error_of(convolution(in, attributes));
  };
  EXPECT_EQ(refused({}), "");  // the kernel follows from the weights
  EXPECT_THAT(refused({integers("kernel_shape", {3, 5}), integers("strides", {0, 1})}),
              HasSubstr("'y'"));
  EXPECT_THAT(refused({integers("kernel_shape", {3})}), HasSubstr("'conv'"));
  EXPECT_THAT(refused({integer("kernel_shape", 3)}), HasSubstr("'conv'"));
  Model given = convolution(in, {integers("kernel_shape", {3, 5}), integers("strides", {0, 1})});
  given.outputs = {value("y", {1, 8, 7, 7})};
  EXPECT_THAT(error_of(given), AllOf(HasSubstr("'strides'"), HasSubstr("0")));
  given = convolution(in, {integers("kernel_shape", {3, 5}), integer("group", 0)});
  given.outputs = {value("y", {1, 8, 7, 7})};
  EXPECT_THAT(error_of(given), HasSubstr("group 0"));
  given = convolution(in);
  given.outputs = {value("y", {2, 8, 7, 7})};
  EXPECT_THAT(error_of(given), HasSubstr("batch size 1"));
}

TEST(OnnxReader, RefusesSizesBeyondWhatDoublesHoldExactly) {
  const int big = 1 << 30;
  EXPECT_THAT(error_of(convolution({big, 4, big, 11})), HasSubstr("2^53"));
  Model macs{{node("Gemm", "fc", {"x", "w"}, {"y"})},
             {value("x", {big, 1 << 20})},
             {value("y", {big, 1 << 20})},
             {weight("w", {1 << 20, 1 << 20})},
             {}};
  EXPECT_THAT(error_of(macs), HasSubstr("2^53 operations"));
}

// Each of these models made the ONNX library's inference divide by zero or read beyond an array.
// Each model once crashed ONNX's own shape inference.
TEST(OnnxReader, DoesNotCrashInTheLibrarysInference) {
  const auto before_a_product = [](Model model) {
    model.nodes.push_back(node("MatMul", "product", {"y", "w2"}, {"z"}));
    model.initializers.push_back(weight("w2", {2, 2}));
    model.outputs = {untyped("z")};
    return model;
  };
  const auto refused = [&](const Model& model) { return error_of(before_a_product(model)); };
  EXPECT_THAT(refused(convolution({1, 4, 9, 11}, {integers("strides", {0, 0})})),
              AllOf(HasSubstr("'conv' (Conv)"), HasSubstr("'y' is not known")));
  EXPECT_THAT(refused({{node("STFT", "s", {"x", "step"}, {"y"})},
                       {value("x", {2}), value("step", {1})},
                       {},
                       {},
                       {}}),
              AllOf(HasSubstr("'product' (MatMul)"), HasSubstr("'y' is not known")));
  EXPECT_THAT(refused({{node("LSTM", "l", {"x", "w", "r"}, {"y"})},
                       {value("x", {2}), value("w", {2}), value("r", {2})},
                       {},
                       {},
                       {}}),
              AllOf(HasSubstr("'l' (LSTM)"), HasSubstr("has inputs of 2, 2 and 2")));
  EXPECT_THAT(
      refused(
          {{node("Gemm", "g", {"x", "w"}, {"y"})}, {value("x", {2}), value("w", {2})}, {}, {}, {}}),
      AllOf(HasSubstr("'g' (Gemm)"), HasSubstr("'y' is not known")));
  // The shape of its output is that of its input, whatever its axis.
  const OnnxImport read = import(
      before_a_product({{node("LayerNormalization", "n", {"x", "w"}, {"y"}, {integer("axis", 7)})},
                        {value("x", {2, 2}), value("w", {2})},
                        {},
                        {},
                        {}}));
  std::int64_t macs = 0;
  for (const model::WorkloadNode& one : read.workload.nodes) {
    if (one.layer) macs += one.layer->mac_count();
  }
  EXPECT_EQ(macs, 2 * 2 * 2);
}

TEST(OnnxReader, ReadsEverySeedOfItsFuzzerOrSaysWhyNot) {
  int files = 0;
  for (const auto& entry : fs::directory_iterator(kSeeds)) {
    ++files;
    try {
      EXPECT_FALSE(read_onnx_workload(entry.path()).workload.nodes.empty());
    } catch (const InputError& error) {
      EXPECT_THAT(error.what(), HasSubstr(entry.path().string()));
    }
  }
  EXPECT_GE(files, 8);
}

}  // namespace
}  // namespace ridgeline::io
