// The readers understand documents as the reference does. Where the reference's
// own files are not at hand, documents are written from the golden records'
// declared fields.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>

#include "io/document/document.hpp"
#include "io/inputs/accelerator_reader.hpp"
#include "io/inputs/mapping_reader.hpp"
#include "io/inputs/workload_reader.hpp"
#include "tests/support/golden_documents.hpp"

namespace ridgeline::io {
namespace {

namespace fs = std::filesystem;
using ridgeline::testing::accelerator_document;
using ridgeline::testing::golden_folder;
using ridgeline::testing::Json;
using ridgeline::testing::workload_document;

std::vector<Json> records_of(const fs::path& file) {
  std::ifstream stream(file);
  const Json document = Json::parse(stream);
  return {document.begin(), document.end()};
}

std::vector<fs::path> json_files(const fs::path& folder) {
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (entry.path().extension() == ".json") files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

fs::path inputs(const std::string& folder) {
  const fs::path path = fs::path(RIDGELINE_REFERENCE_DIR) / "inputs" / folder;
  return fs::is_directory(path) ? path : fs::path();
}

// ---- accelerators

void expect_equal(const model::Accelerator& accelerator, const Json& record) {
  EXPECT_EQ(accelerator.name, record.at("name").get<std::string>());
  const Json& array = record.at("operational_array");
  ASSERT_EQ(accelerator.array.dims.size(), array.at("dimensions").size());
  for (std::size_t d = 0; d < accelerator.array.dims.size(); ++d) {
    EXPECT_EQ(accelerator.array.dims[d].name, array.at("dimensions")[d][0]);
    EXPECT_EQ(accelerator.array.dims[d].size, array.at("dimensions")[d][1]);
  }
  EXPECT_EQ(accelerator.array.units(), array.at("total_unit_count"));
  ASSERT_EQ(accelerator.array.imc.has_value(), array.at("is_imc").get<bool>());
  if (const auto& imc = accelerator.array.imc) {
    EXPECT_EQ(imc->analog, array.at("is_analog"));
    EXPECT_EQ(imc->activation_precision, array.at("activation_precision"));
    EXPECT_EQ(imc->weight_precision, array.at("weight_precision"));
    EXPECT_EQ(imc->bit_serial_precision, array.at("bit_serial_precision"));
    EXPECT_EQ(imc->adc_resolution, array.at("adc_resolution"));
  } else {
    EXPECT_EQ(accelerator.array.unit_energy, array.at("unit_energy"));
    EXPECT_EQ(accelerator.array.unit_area, array.at("unit_area"));
  }
  const Json& memories = record.at("memories");
  ASSERT_EQ(accelerator.memories.size(), memories.size());
  for (std::size_t m = 0; m < memories.size(); ++m) {
    const model::Memory& memory = accelerator.memories[m];
    SCOPED_TRACE(memory.name);
    EXPECT_EQ(memory.name, memories[m].at("name"));
    EXPECT_EQ(memory.size, memories[m].at("size_bits"));
    EXPECT_EQ(memory.r_cost, memories[m].at("r_cost"));
    EXPECT_EQ(memory.w_cost, memories[m].at("w_cost"));
    EXPECT_EQ(memory.area, memories[m].at("area"));
    EXPECT_EQ(memory.latency, memories[m].at("latency"));
    EXPECT_EQ(accelerator.instances(static_cast<int>(m)), memories[m].at("unroll_count"));
    std::vector<std::string> operands;
    for (auto operand : memory.operands) operands.emplace_back(model::to_string(operand));
    EXPECT_EQ(Json(operands), memories[m].at("operands"));
    std::vector<std::string> served;
    for (int d : memory.served_dims) {
      served.push_back(accelerator.array.dims[static_cast<std::size_t>(d)].name);
    }
    EXPECT_EQ(Json(served), memories[m].at("served_dimensions"));
    const Json& ports = memories[m].at("ports");
    ASSERT_EQ(memory.ports.size(), ports.size());
    for (std::size_t p = 0; p < ports.size(); ++p) {
      const model::Port& port = memory.ports[p];
      EXPECT_EQ(port.name, ports[p].at("name"));
      EXPECT_EQ(port.bandwidth_min, ports[p].at("bw_min"));
      EXPECT_EQ(port.bandwidth_max, ports[p].at("bw_max"));
      std::set<std::pair<std::string, std::string>> serves, expected;
      for (const auto& [operand, direction] : port.allocation) {
        serves.emplace(model::to_string(operand), model::to_string(direction));
      }
      for (const Json& function : ports[p].at("serves")) {
        expected.emplace(function.at(0), function.at(2));
      }
      EXPECT_EQ(serves, expected);
    }
  }
}

TEST(AcceleratorReader, UnderstandsDocumentsWrittenFromGoldenRecords) {
  for (const fs::path& file : json_files(golden_folder("accelerator"))) {
    SCOPED_TRACE(file.filename());
    const Json record = records_of(file).at(0);
    const Document document =
        parse_document(accelerator_document(record).dump(1), file.filename().string());
    expect_equal(read_accelerator(document.root()), record);
  }
}

TEST(AcceleratorReader, LoadsTheReferencesFilesUnchanged) {
  const fs::path folder = inputs("hardware");
  if (folder.empty()) GTEST_SKIP() << "the reference's input files are not here";
  for (const fs::path& file : json_files(golden_folder("accelerator"))) {
    SCOPED_TRACE(file.filename());
    const Json record = records_of(file).at(0);
    const fs::path yaml = folder / record.at("file").get<std::string>();
    expect_equal(load_accelerator(yaml), record);
    // And as JSON.
    const Document json =
        parse_document(load_document(yaml).to_json().dump(), "as.json", Format::json);
    expect_equal(read_accelerator(json.root()), record);
  }
}

TEST(AcceleratorReader, NotesTheRepeatedKeyThatTheReferenceShips) {
  const fs::path folder = inputs("hardware");
  if (folder.empty()) GTEST_SKIP() << "the reference's input files are not here";
  EXPECT_THAT(load_document(folder / "tpu_like.yaml").notes(),
              ::testing::ElementsAre(::testing::HasSubstr("key 'ports' is repeated")));
}

TEST(AcceleratorReader, LoadsTheCoresOfMultiCoreSystems) {
  const fs::path folder = inputs("stream/hardware/cores");
  if (folder.empty()) GTEST_SKIP() << "the reference's input files are not here";
  for (const auto& entry : fs::directory_iterator(folder)) {
    EXPECT_NO_THROW(load_accelerator(entry.path(), {.core = true})) << entry.path();
  }
}

// ---- mappings

TEST(MappingReader, LoadsTheReferencesFilesUnchanged) {
  const fs::path folder = inputs("mapping");
  if (folder.empty()) GTEST_SKIP() << "the reference's input files are not here";
  for (const auto& entry : fs::directory_iterator(folder)) {
    SCOPED_TRACE(entry.path());
    // tpu_like and tpu_like_mixed belong to tpu_like, and so on; `default` fits
    // every array.
    std::string name = entry.path().stem();
    if (const auto end = name.rfind("_mixed"); end != std::string::npos) name.erase(end);
    if (name == "default") name = "eyeriss_like";
    if (name == "default_imc") name = "aimc";
    if (name == "meta_prototype_like") name = "meta_prototype";
    const auto accelerator = load_accelerator(inputs("hardware") / (name + ".yaml"));
    EXPECT_FALSE(load_mapping(entry.path(), &accelerator).entries.empty());
  }
}

// ---- workloads

std::set<std::string> dims_in(std::uint32_t mask, const model::Layer& layer) {
  std::set<std::string> names;
  for (std::size_t d = 0; d < layer.dims.size(); ++d) {
    if (mask >> d & 1u) names.insert(layer.dims[d].name);
  }
  return names;
}

void expect_equal(const model::Layer& layer, const Json& record) {
  EXPECT_EQ(layer.id, record.at("id"));
  EXPECT_EQ(layer.name, record.at("name"));
  EXPECT_EQ(layer.operator_type, record.at("operator_type"));
  EXPECT_EQ(layer.equation, record.at("equation"));
  EXPECT_EQ(layer.mac_count(), record.at("total_mac_count"));
  Json dims = Json::array();
  for (const auto& dim : layer.dims) dims.push_back({dim.name, dim.size});
  EXPECT_EQ(dims, record.at("loop_dims"));
  Json relations = Json::array();
  Json relation_sizes = Json::object();
  for (std::size_t r = 0; r < layer.relations.size(); ++r) {
    const auto& relation = layer.relations[r];
    const auto term = [&](std::size_t t) {
      return Json::array(
          {layer.dims[static_cast<std::size_t>(relation.dim[t])].name, relation.coefficient[t]});
    };
    relations.push_back({{"dim", relation.name}, {"terms", Json::array({term(0), term(1)})}});
    relation_sizes[relation.name] = layer.relation_size(static_cast<int>(r));
  }
  Json expected_relations = record.at("dimension_relations");
  for (Json& relation : expected_relations) relation.erase("text");
  EXPECT_EQ(relations, expected_relations);
  EXPECT_EQ(relation_sizes, record.at("pr_dim_sizes"));
  EXPECT_EQ(Json(layer.constant_operands), record.at("constant_operands"));
  EXPECT_EQ(layer.output_final_precision, record.at("operand_precision").at("O_final"));
  ASSERT_EQ(layer.operands.size(), record.at("operands").size());
  Json sources = Json::object();
  for (std::size_t o = 0; o < layer.operands.size(); ++o) {
    const model::LayerOperand& operand = layer.operands[o];
    SCOPED_TRACE(operand.name);
    const int index = static_cast<int>(o);
    EXPECT_EQ(operand.name, record.at("operands")[o]);
    EXPECT_EQ(operand.precision, record.at("operand_precision").at(operand.name));
    EXPECT_EQ(layer.operand_elements(index), record.at("operand_size_elem").at(operand.name));
    EXPECT_EQ(layer.operand_bits(index), record.at("operand_size_bit").at(operand.name));
    const model::Relevance classes = model::relevance(layer, index);
    const Json& expected = record.at("relevancy").at(operand.name);
    EXPECT_EQ(dims_in(classes.relevant, layer),
              expected.at("relevant").get<std::set<std::string>>());
    EXPECT_EQ(dims_in(classes.irrelevant, layer),
              expected.at("irrelevant").get<std::set<std::string>>());
    EXPECT_EQ(classes.partial, !expected.at("partially_relevant").empty());
    if (operand.source) sources[operand.name] = *operand.source;
  }
  EXPECT_EQ(sources, record.at("operand_sources"));
  const model::OperandRoles roles = model::operand_roles(layer);
  ASSERT_GE(roles.activation, 0);
  ASSERT_GE(roles.weight, 0);
  EXPECT_EQ(layer.operands[static_cast<std::size_t>(roles.activation)].name,
            record.at("act_operand"));
  EXPECT_EQ(layer.operands[static_cast<std::size_t>(roles.weight)].name,
            record.at("weight_operand"));
}

void expect_equal(const model::Workload& workload, const std::vector<Json>& records) {
  ASSERT_EQ(workload.nodes.size(), records.size());
  const model::Workload joined = workload.without_dummies();
  const std::vector<int> order = workload.topological_order();
  ASSERT_EQ(order.size(), records.size());
  for (std::size_t n = 0; n < records.size(); ++n) {
    SCOPED_TRACE(records[n].at("name").get<std::string>());
    const model::WorkloadNode& node = workload.nodes[n];
    ASSERT_EQ(node.layer.has_value(), records[n].at("kind") == "layer");
    expect_equal(*node.layer, records[n]);
    // The records list predecessors by place in the graph.
    const auto sorted = [](std::vector<int> ids) {
      std::sort(ids.begin(), ids.end());
      return ids;
    };
    EXPECT_EQ(Json(sorted(node.predecessors)), records[n].at("predecessors"));
    const auto& without = joined.nodes[static_cast<std::size_t>(joined.node_index(node.id))];
    EXPECT_EQ(Json(sorted(without.predecessors)), records[n].at("predecessors_without_dummies"));
    EXPECT_EQ(order[records[n].at("position_in_topological_order").get<std::size_t>()],
              static_cast<int>(n));
  }
}

TEST(WorkloadReader, UnderstandsDocumentsWrittenFromGoldenRecords) {
  for (const char* name : {"resnet18.yaml.json", "gemm_layer.yaml.json"}) {
    SCOPED_TRACE(name);
    const auto records = records_of(golden_folder("workload_import") / name);
    const Document document = parse_document(workload_document(records).dump(1), name);
    expect_equal(read_workload(document.root(), name), records);
  }
}

TEST(WorkloadReader, LoadsTheReferencesFilesUnchanged) {
  const fs::path folder = inputs("workload");
  if (folder.empty()) GTEST_SKIP() << "the reference's input files are not here";
  for (const char* name : {"resnet18.yaml", "gemm_layer.yaml"}) {
    SCOPED_TRACE(name);
    const auto records =
        records_of(golden_folder("workload_import") / (std::string(name) + ".json"));
    expect_equal(load_workload_document(folder / name), records);
    const Document json =
        parse_document(load_document(folder / name).to_json().dump(), "as.json", Format::json);
    expect_equal(read_workload(json.root(), name), records);
  }
}

}  // namespace
}  // namespace ridgeline::io
