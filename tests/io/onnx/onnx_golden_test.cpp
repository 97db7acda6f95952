// ONNX models become the workloads that the reference makes of them, field by field.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "io/onnx/onnx_reader.hpp"
#include "tests/support/golden.hpp"

namespace ridgeline::io {
namespace {

using ::testing::ElementsAreArray;
using testing::Json;
namespace fs = std::filesystem;

const fs::path kInputs = fs::path(RIDGELINE_REFERENCE_DIR) / "inputs" / "workload";
const fs::path kExamples = fs::path(RIDGELINE_SOURCE_DIR) / "examples" / "workloads";

std::vector<Json> records_of(const std::string& workload) {
  std::vector<Json> records;
  for (const Json& record : testing::golden_records("workload_import")) {
    if (record.at("workload") == workload) records.push_back(record);
  }
  return records;
}

std::vector<std::string> names_of(const model::Layer& layer, std::uint32_t mask) {
  std::vector<std::string> names;
  for (std::size_t d = 0; d < layer.dims.size(); ++d) {
    if (mask >> d & 1u) names.push_back(layer.dims[d].name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

std::vector<std::string> sorted(std::vector<std::string> names) {
  std::sort(names.begin(), names.end());
  return names;
}

void expect_relevance(const model::Layer& layer, int operand, const Json& golden) {
  const model::Relevance classes = model::relevance(layer, operand);
  std::uint32_t relevant = classes.relevant;
  std::uint32_t golden_relevant = 0;
  for (const std::string name : golden.at("relevant")) {
    golden_relevant |= 1u << layer.dim_index(name);
  }
  // A loop of size 1 changes nothing, whichever class it is in.
  std::uint32_t ones = 0;
  for (std::size_t d = 0; d < layer.dims.size(); ++d) {
    if (layer.dims[d].size == 1) ones |= 1u << d;
  }
  EXPECT_EQ(names_of(layer, relevant & ~ones), names_of(layer, golden_relevant & ~ones));
  EXPECT_EQ(names_of(layer, classes.irrelevant),
            sorted(golden.at("irrelevant").get<std::vector<std::string>>()));
  EXPECT_EQ(classes.partial, !golden.at("partially_relevant").empty());
  for (const auto& [name, loops] : golden.at("partially_relevant").items()) {
    const auto relation =
        std::find_if(layer.relations.begin(), layer.relations.end(),
                     [&name = name](const model::DimRelation& r) { return r.name == name; });
    ASSERT_NE(relation, layer.relations.end()) << name;
    for (std::size_t i = 0; i < 2; ++i) {
      EXPECT_EQ(layer.dims[static_cast<std::size_t>(relation->dim[i])].name, loops.at(i));
    }
  }
}

void expect_layer(const model::Layer& layer, const Json& golden, bool with_names) {
  EXPECT_EQ(layer.id, golden.at("id"));
  if (with_names) {
    EXPECT_EQ(layer.name, golden.at("name"));
  }
  EXPECT_EQ(layer.operator_type, golden.at("operator_type"));
  EXPECT_EQ(layer.equation, golden.at("equation"));
  const Json& dims = golden.at("loop_dims");
  ASSERT_EQ(layer.dims.size(), dims.size());
  for (std::size_t d = 0; d < dims.size(); ++d) {
    EXPECT_EQ(layer.dims[d].name, dims.at(d).at(0));
    EXPECT_EQ(layer.dims[d].size, dims.at(d).at(1)) << layer.dims[d].name;
  }
  const Json& relations = golden.at("dimension_relations");
  ASSERT_EQ(layer.relations.size(), relations.size());
  for (std::size_t r = 0; r < relations.size(); ++r) {
    const model::DimRelation& relation = layer.relations[r];
    EXPECT_EQ(relation.name, relations.at(r).at("dim"));
    for (std::size_t i = 0; i < 2; ++i) {
      const Json& term = relations.at(r).at("terms").at(i);
      EXPECT_EQ(layer.dims[static_cast<std::size_t>(relation.dim[i])].name, term.at(0));
      EXPECT_EQ(relation.coefficient[i], term.at(1));
    }
    EXPECT_EQ(layer.relation_size(static_cast<int>(r)),
              golden.at("pr_dim_sizes").at(relation.name));
    EXPECT_EQ(relation.padding_begin, golden.at("padding").at(relation.name).at(0));
    EXPECT_EQ(relation.padding_end, golden.at("padding").at(relation.name).at(1));
  }
  EXPECT_THAT(layer.constant_operands,
              ElementsAreArray(golden.at("constant_operands").get<std::vector<std::string>>()));
  EXPECT_EQ(layer.mac_count(), golden.at("total_mac_count"));
  EXPECT_EQ(layer.output_final_precision, golden.at("operand_precision").at("O_final"));
  ASSERT_EQ(layer.operands.size(), golden.at("operands").size());
  for (std::size_t o = 0; o < layer.operands.size(); ++o) {
    const model::LayerOperand& operand = layer.operands[o];
    SCOPED_TRACE(operand.name);
    EXPECT_EQ(operand.name, golden.at("operands").at(o));
    EXPECT_EQ(operand.precision, golden.at("operand_precision").at(operand.name));
    const bool constant =
        std::count(layer.constant_operands.begin(), layer.constant_operands.end(), operand.name);
    EXPECT_EQ(operand.constant, constant);
    const Json& sources = golden.at("operand_sources");
    EXPECT_EQ(operand.source.has_value(), sources.contains(operand.name));
    if (operand.source && sources.contains(operand.name)) {
      EXPECT_EQ(*operand.source, sources.at(operand.name));
    }
    EXPECT_EQ(layer.operand_elements(static_cast<int>(o)),
              golden.at("operand_size_elem").at(operand.name));
    EXPECT_EQ(layer.operand_bits(static_cast<int>(o)),
              golden.at("operand_size_bit").at(operand.name));
    const double reuse = golden.at("operand_data_reuse").at(operand.name);
    EXPECT_NEAR(static_cast<double>(layer.mac_count()) /
                    static_cast<double>(layer.operand_elements(static_cast<int>(o))),
                reuse, 1e-9 * reuse);
    expect_relevance(layer, static_cast<int>(o), golden.at("relevancy").at(operand.name));
  }
  const model::OperandRoles roles = model::operand_roles(layer);
  EXPECT_EQ(layer.operands[static_cast<std::size_t>(roles.activation)].name,
            golden.at("act_operand"));
  EXPECT_EQ(layer.operands[static_cast<std::size_t>(roles.weight)].name,
            golden.at("weight_operand"));
}

void expect_workload(const model::Workload& workload, const std::vector<Json>& records,
                     bool with_names) {
  ASSERT_EQ(workload.nodes.size(), records.size());
  const model::Workload bare = workload.without_dummies();
  const std::vector<int> order = workload.topological_order();
  for (std::size_t n = 0; n < records.size(); ++n) {
    const model::WorkloadNode& node = workload.nodes[n];
    const Json& golden = records[n];
    SCOPED_TRACE("node " + std::to_string(n) + " " + std::string(golden.at("name")));
    EXPECT_EQ(node.id, golden.at("id"));
    if (with_names) {
      EXPECT_EQ(node.name, golden.at("name"));
    }
    EXPECT_EQ(node.operator_type, golden.at("operator_type"));
    EXPECT_EQ(node.layer.has_value(), golden.at("kind") == "layer");
    // The record sorts the predecessors; their order is that of the operand sources I, W.
    std::vector<int> predecessors = node.predecessors;
    const Json& sources = golden.at("operand_sources");
    for (std::size_t i = 0; i < predecessors.size(); ++i) {
      EXPECT_EQ(predecessors[i], sources.at(i == 0 ? "I" : "W"));
    }
    std::sort(predecessors.begin(), predecessors.end());
    EXPECT_THAT(predecessors, ElementsAreArray(golden.at("predecessors").get<std::vector<int>>()));
    EXPECT_EQ(order.at(golden.at("position_in_topological_order").get<std::size_t>()),
              static_cast<int>(n));
    if (!node.layer || golden.at("kind") != "layer") continue;
    expect_layer(*node.layer, golden, with_names);
    std::vector<int> nearest =
        bare.nodes[static_cast<std::size_t>(bare.node_index(node.id))].predecessors;
    std::sort(nearest.begin(), nearest.end());
    EXPECT_THAT(nearest, ElementsAreArray(
                             golden.at("predecessors_without_dummies").get<std::vector<int>>()));
  }
}

class OnnxImportGolden : public ::testing::TestWithParam<const char*> {};

TEST_P(OnnxImportGolden, AgreesWithTheReferenceInEveryField) {
  const std::string file = GetParam();
  if (!fs::exists(kInputs / file)) GTEST_SKIP() << "no reference input " << kInputs / file;
  const std::vector<Json> records = records_of(file);
  ASSERT_FALSE(records.empty());
  expect_workload(read_onnx_workload(kInputs / file).workload, records, true);
}

INSTANTIATE_TEST_SUITE_P(Networks, OnnxImportGolden,
                         ::testing::Values("resnet18.onnx", "alexnet.onnx"));

class ExampleNetwork : public ::testing::TestWithParam<const char*> {};

TEST_P(ExampleNetwork, HasTheLayersOfTheReferencesFile) {
  const std::string file = GetParam();
  const std::vector<Json> records = records_of(file);
  ASSERT_FALSE(records.empty());
  expect_workload(read_onnx_workload(kExamples / file).workload, records, false);
}

INSTANTIATE_TEST_SUITE_P(Networks, ExampleNetwork,
                         ::testing::Values("resnet18.onnx", "alexnet.onnx"));

std::int64_t count_of(const model::Workload& workload, const std::string& type) {
  return std::count_if(
      workload.nodes.begin(), workload.nodes.end(),
      [&](const model::WorkloadNode& node) { return node.layer && node.operator_type == type; });
}

std::int64_t macs_of(const model::Workload& workload) {
  std::int64_t macs = 0;
  for (const model::WorkloadNode& node : workload.nodes) {
    if (node.layer) macs += node.layer->mac_count();
  }
  return macs;
}

TEST(ExampleNetworks, MobileNetV2Has52ConvolutionsOfWhich17AreDepthwise) {
  const OnnxImport import = read_onnx_workload(kExamples / "mobilenetv2.onnx");
  EXPECT_EQ(count_of(import.workload, "Conv"), 52);
  EXPECT_EQ(count_of(import.workload, "Gemm"), 1);
  int depthwise = 0;
  for (const model::WorkloadNode& node : import.workload.nodes) {
    if (!node.layer || node.layer->operator_type != "Conv") continue;
    const auto size = [&](const char* dim) {
      return node.layer->dims[static_cast<std::size_t>(node.layer->dim_index(dim))].size;
    };
    if (size("G") == 1) continue;
    ++depthwise;
    EXPECT_EQ(size("K"), 1) << node.name;
    EXPECT_EQ(size("C"), 1) << node.name;
  }
  EXPECT_EQ(depthwise, 17);
  std::vector<std::string> missing;
  for (const MissingArithmetic& m : import.missing) missing.push_back(m.type);
  EXPECT_THAT(missing, ::testing::ElementsAre("Clip", "Add", "GlobalAveragePool"));
}

// 4 projections of 768 x 768 for 128 tokens, scores and context of 12 heads of depth 64, and
// two products of 768 x 3072.
TEST(ExampleNetworks, BertBlockHasTheProductsOfAttentionAndFeedForward) {
  const model::Workload workload = read_onnx_workload(kExamples / "bert_base_block.onnx").workload;
  EXPECT_EQ(count_of(workload, "MatMul"), 8);
  EXPECT_EQ(macs_of(workload),
            4 * 128 * 768 * 768 + 2 * 12 * 128 * 128 * 64 + std::int64_t{2} * 128 * 768 * 3072);
  for (const model::WorkloadNode& node : workload.nodes) {
    if (node.name != "attention.scores") continue;
    EXPECT_EQ(node.layer->equation, "O[b][h][d][k] = I[b][h][d][c] * W[b][h][c][k]");
    EXPECT_THAT(node.layer->constant_operands, ::testing::IsEmpty());
    return;
  }
  FAIL() << "no product of queries and keys";
}

TEST(ExampleNetworks, TransformerBlockHasEightMatrixProducts) {
  const model::Workload workload =
      read_onnx_workload(kExamples / "transformer_block.onnx").workload;
  EXPECT_EQ(count_of(workload, "MatMul"), 8);
  EXPECT_EQ(macs_of(workload), 4 * 64 * 128 * 128 + 2 * 4 * 64 * 64 * 32 + 2 * 64 * 128 * 512);
}

}  // namespace
}  // namespace ridgeline::io
