// The reference's own documents, read unchanged, against its golden vectors.
#include <gtest/gtest.h>

#include <filesystem>
#include <set>

#include "io/inputs/multicore_reader.hpp"
#include "io/inputs/stream_mapping_reader.hpp"
#include "io/onnx/multicore_lowering.hpp"
#include "tests/support/stream_golden.hpp"

namespace ridgeline::io {
namespace {

using nlohmann::json;

std::filesystem::path inputs() {
  return std::filesystem::path(RIDGELINE_REFERENCE_DIR) / "inputs" / "stream";
}

std::filesystem::path input(const json& golden, const char* what) {
  return inputs() / golden.at("inputs").at(what).get<std::string>();
}

std::string core_name(int core) {
  return core == model::kAnyCore ? "Any" : "Core(" + std::to_string(core) + ")";
}

TEST(MulticoreDocuments, GiveTheReferencesGraphForEveryGoldenVector) {
  const std::vector<std::string> names = test::stream_golden_names();
  if (!std::filesystem::is_directory(inputs())) GTEST_SKIP() << "no " << inputs();
  for (const std::string& name : names) {
    SCOPED_TRACE(name);
    const json golden = test::load_stream_golden(name);
    const model::MultiCore system = load_multicore(input(golden, "hardware"));
    const model::CoreMapping mapping = load_core_mapping(input(golden, "mapping"));
    LoweringOptions options;
    options.mapping = &mapping;
    const NetworkImport import = load_network(input(golden, "workload"), options);
    const Document mapping_document = load_document(input(golden, "mapping"));
    EXPECT_NO_THROW(check_core_mapping(mapping_document.root(), mapping, import.network, system));
    model::TilingOptions tiling = test::golden_options(golden);
    tiling.weight_capacity = model::weight_capacity(system);
    const model::CnGraphResult result = model::build_cn_graph(import.network, mapping, tiling);
    ASSERT_FALSE(result.problem) << result.problem.problem;
    for (const std::string& difference : test::differences(result.graph, golden, true)) {
      ADD_FAILURE() << difference.substr(0, 700);
    }
    const json& layers = golden.at("workload").at("layers");
    for (std::size_t l = 0; l < layers.size(); ++l) {
      const model::CnLayer& layer = result.graph.layers[l];
      EXPECT_EQ(layer.name, layers[l].at("name"));
      EXPECT_EQ(layer.whole.equation, layers[l].at("equation"));
      const json& sources = layers[l].at("input_operand_source");
      for (const model::LayerOperand& operand : layer.whole.operands) {
        EXPECT_EQ(operand.source.has_value(), sources.contains(operand.name));
        if (operand.source && sources.contains(operand.name)) {
          EXPECT_EQ(*operand.source, sources.at(operand.name));
        }
      }
    }
  }
}

TEST(MulticoreDocuments, GiveTheReferencesLinksRoutesAndTopMemories) {
  const std::vector<std::string> names = test::stream_golden_names();
  if (!std::filesystem::is_directory(inputs())) GTEST_SKIP() << "no " << inputs();
  for (const std::string& name : names) {
    SCOPED_TRACE(name);
    const json golden = test::load_stream_golden(name);
    const json& accelerator = golden.at("accelerator");
    const model::MultiCore system = load_multicore(input(golden, "hardware"));
    const model::Interconnect net = model::build_interconnect(system);
    EXPECT_EQ(system.offchip_core, accelerator.at("offchip_core_id"));

    const json& links = accelerator.at("links");
    ASSERT_EQ(net.links.size(), links.size());
    for (std::size_t l = 0; l < links.size(); ++l) {
      EXPECT_EQ(core_name(net.links[l].sender), links[l].at("sender"));
      EXPECT_EQ(core_name(net.links[l].receiver), links[l].at("receiver"));
      EXPECT_EQ(net.links[l].bandwidth, links[l].at("bandwidth").get<double>());
      EXPECT_EQ(net.links[l].unit_energy, links[l].at("unit_energy_cost").get<double>());
    }
    std::size_t routes = 0;
    for (int from = 0; from < net.cores; ++from) {
      for (int to = 0; to < net.cores; ++to) {
        if (from == to) continue;
        const std::string pair = std::to_string(from) + ">" + std::to_string(to);
        const auto route = net.route(from, to);
        EXPECT_EQ(std::vector<int>(route.begin(), route.end()),
                  accelerator.at("path_links").at(pair).get<std::vector<int>>())
            << pair;
        ++routes;
      }
    }
    EXPECT_EQ(routes, accelerator.at("path_links").size());

    const model::TopMemories tops = model::build_top_memories(system, net);
    const json& instances = accelerator.at("top_memory_instances");
    ASSERT_EQ(tops.instances.size(), instances.size());
    for (std::size_t m = 0; m < instances.size(); ++m) {
      const model::TopMemory& memory = tops.instances[m];
      EXPECT_EQ(memory.name, instances[m].at("name"));
      EXPECT_EQ(memory.size, instances[m].at("size_bits"));
      EXPECT_EQ(memory.r_cost, instances[m].at("r_cost").get<double>());
      EXPECT_EQ(memory.w_cost, instances[m].at("w_cost").get<double>());
      EXPECT_EQ(memory.bandwidth_min, instances[m].at("port0_bw_min"));
      EXPECT_EQ(memory.bandwidth_max, instances[m].at("port0_bw_max"));
      EXPECT_EQ(memory.cores, instances[m].at("cores").get<std::vector<int>>());
    }
    for (const json& core : accelerator.at("cores")) {
      const auto id = core.at("id").get<std::size_t>();
      EXPECT_EQ(system.cores[id].accelerator.array.units(), core.at("total_unit_count"));
      std::set<int> own(tops.of_core[id].begin(), tops.of_core[id].end());
      own.erase(-1);
      const auto expected = core.at("top_memory_instances").get<std::set<int>>();
      EXPECT_EQ(own, expected);
    }
  }
}

}  // namespace
}  // namespace ridgeline::io
