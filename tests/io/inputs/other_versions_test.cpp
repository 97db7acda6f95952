// Documents of other versions of ZigZag and Stream, and what is no document.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "io/document/document.hpp"
#include "io/document/document_kind.hpp"
#include "io/inputs/accelerator_reader.hpp"
#include "io/inputs/mapping_reader.hpp"
#include "io/inputs/multicore_reader.hpp"
#include "io/inputs/placed_tilings.hpp"
#include "io/inputs/stream_mapping_reader.hpp"
#include "io/inputs/workload_reader.hpp"
#include "search/mapping/workload_search.hpp"

namespace ridgeline::io {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

template <class Read>
std::string error_of(Read read) {
  try {
    read();
  } catch (const InputError& error) {
    return error.what();
  }
  return "";
}

model::Accelerator accelerator_of(const std::string& text) {
  const Document document = parse_document(text, "core.yaml");
  return read_accelerator(document.root());
}

constexpr const char* kOf2024 = R"(name: two_levels
operational_array: {multiplier_energy: 0.5, multiplier_area: 0.25, input_precision: [8, 8],
                    dimensions: [D1, D2], sizes: [4, 2]}
memories:
  register: {size: 256, r_bw: 16, w_bw: 8, r_cost: 1, w_cost: 2, area: 0, r_port: 1, w_port: 1,
             rw_port: 0, latency: 1, operands: [I2, O], served_dimensions: [D2],
             ports: [{tl: r_port_1, fh: w_port_1},
                     {tl: r_port_1, fh: w_port_1, fl: w_port_1, th: r_port_1}]}
  dram: {size: 1000000, r_bw: 64, w_bw: 64, r_cost: 10, w_cost: 12, area: 0, r_port: 0, w_port: 0,
         rw_port: 2, latency: 1, min_r_granularity: 8, min_w_granularity: 8,
         operands: [I1, I2, O], served_dimensions: [D1, D2],
         ports: [{fh: rw_port_1, tl: rw_port_1}, {fh: rw_port_2, tl: rw_port_2},
                 {fh: rw_port_1, tl: rw_port_1, fl: rw_port_1, th: rw_port_1}]}
)";

constexpr const char* kOf2025 = R"(name: two_levels
operational_array: {unit_energy: 0.5, unit_area: 0.25, dimensions: [D1, D2], sizes: [4, 2]}
memories:
  register: {size: 256, r_cost: 1, w_cost: 2, area: 0, latency: 1, operands: [I2, O],
             served_dimensions: [D2],
             ports: [{name: r_port_1, type: read, bandwidth_min: 16, bandwidth_max: 16,
                      allocation: ["I2, tl", "O, tl", "O, th"]},
                     {name: w_port_1, type: write, bandwidth_min: 8, bandwidth_max: 8,
                      allocation: ["I2, fh", "O, fh", "O, fl"]}]}
  dram: {size: 1000000, r_cost: 10, w_cost: 12, area: 0, latency: 1, operands: [I1, I2, O],
         served_dimensions: [D1, D2],
         ports: [{name: rw_port_1, type: read_write, bandwidth_min: 8, bandwidth_max: 64,
                  allocation: ["I1, fh", "I1, tl", "O, fh", "O, tl", "O, fl", "O, th"]},
                 {name: rw_port_2, type: read_write, bandwidth_min: 8, bandwidth_max: 64,
                  allocation: ["I2, fh", "I2, tl"]}]}
)";

constexpr const char* kProduct = R"(
- {id: 0, name: g, operator_type: Gemm, equation: "O[b][k]+=W[c][k]*I[b][c]", loop_dims: [B, K, C],
   loop_sizes: [6, 12, 10], operand_precision: {W: 8, I: 8, O: 16, O_final: 8}}
)";

search::WorkloadTotal total_on(const model::Accelerator& accelerator, const char* layers) {
  const Document document = parse_document(layers, "w.yaml");
  const model::Workload workload = read_workload(document.root(), "w");
  model::MappingSpec mapping;
  mapping.entries.push_back({.name = "default"});
  return search::map_workload(workload, accelerator, mapping, {}).total;
}

TEST(MemoryOf2024, GivesTheFiguresOfItsTwinOf2025) {
  const auto ours = total_on(accelerator_of(kOf2024), kProduct);
  const auto twin = total_on(accelerator_of(kOf2025), kProduct);
  EXPECT_GT(ours.latency.total2, 0);
  EXPECT_EQ(ours.latency.total2, twin.latency.total2);
  EXPECT_EQ(ours.energy, twin.energy);
  EXPECT_EQ(accelerator_of(kOf2024).area(), accelerator_of(kOf2025).area());
}

TEST(MemoryOf2024, NamesWhatIsWrong) {
  const auto with = [](const std::string& from, const std::string& to) {
    std::string text = kOf2024;
    text.replace(text.find(from), from.size(), to);
    return error_of([&] { accelerator_of(text); });
  };
  EXPECT_THAT(with("{tl: r_port_1, fh: w_port_1}", "{tl: r_port_2, fh: w_port_1}"),
              AllOf(HasSubstr("/memories/register/ports/0/tl"), HasSubstr("no port 'r_port_2'")));
  EXPECT_THAT(with("{tl: r_port_1, fh: w_port_1}", "{tl: w_port_1, fh: w_port_1}"),
              HasSubstr("'w_port_1' cannot serve tl"));
  EXPECT_THAT(with("r_bw: 64, w_bw: 64", "r_bw: 64, w_bw: 32"), HasSubstr("r_bw and w_bw"));
  EXPECT_THAT(with("min_r_granularity: 8", "min_r_granularity: 80"), HasSubstr("more than r_bw"));
  EXPECT_THAT(with("operands: [I1, I2, O]", "operands: [I1, O]"),
              HasSubstr("ports are given for 3"));
  EXPECT_THAT(with("r_bw: 64", "bandwidth: 64"), HasSubstr("unknown key 'bandwidth'"));
}

TEST(Size, MayBeEndless) {
  for (const char* size : {"10000000000000000", "100000000000000000000000", "9007199254740993"}) {
    std::string text = kOf2025;
    text.replace(text.find("1000000"), 7, size);
    EXPECT_EQ(total_on(accelerator_of(text), kProduct).energy,
              total_on(accelerator_of(kOf2025), kProduct).energy)
        << size;
  }
}

TEST(Systolic, ArraysDrainAlongTheirDimensions) {
  std::string text = kOf2025;
  text.replace(text.find("sizes: [4, 2]"), 13, "sizes: [4, 2], systolic_dimensions: [D1, D2]");
  const auto systolic = total_on(accelerator_of(text), kProduct);
  const auto broadcast = total_on(accelerator_of(kOf2025), kProduct);
  EXPECT_EQ(systolic.latency.total2, broadcast.latency.total2 + 3 + 1);
  EXPECT_EQ(systolic.latency.total0, broadcast.latency.total0);
  EXPECT_EQ(systolic.energy, broadcast.energy);
  text.replace(text.find("[D1, D2]}"), 9, "[D3]}");
  EXPECT_THAT(error_of([&] { accelerator_of(text); }), HasSubstr("no dimension 'D3'"));
}

TEST(SingleInput, LayersAreCosted) {
  const auto total = total_on(accelerator_of(kOf2025), R"(
- {id: 0, name: r, operator_type: Relu, equation: "O[b][k]=I[b][k]", loop_dims: [B, K],
   loop_sizes: [6, 12], operand_precision: {I: 8, O: 8, O_final: 8}, operand_source: {I: 0}}
)");
  EXPECT_EQ(total.macs, 72);
  EXPECT_GT(total.energy, 0);
  EXPECT_THAT(error_of([] {
                const Document document = parse_document(
                    "- {id: 0, operator_type: Relu, equation: \"O[b]=I[b]\", loop_dims: [B], "
                    "loop_sizes: [6], operand_precision: {I: 8, O: 8, O_final: 8}, "
                    "operand_source: {W: 0}}",
                    "w.yaml");
                read_workload(document.root(), "w");
              }),
              HasSubstr("no operand 'W'"));
}

TEST(ShortListOfSizes, IsNamed) {
  const std::string error = error_of([] {
    const Document document = parse_document(
        "- {id: 0, operator_type: Gemm, equation: \"O[b][k]+=W[c][k]*I[b][c]\", loop_dims: [B, K, "
        "C], loop_sizes: [8, 8], operand_precision: {W: 8, I: 8, O: 16, O_final: 8}}",
        "w.yaml");
    read_workload(document.root(), "w");
  });
  EXPECT_THAT(error, HasSubstr("loop_dims names 3 loops, loop_sizes gives 2"));
}

TEST(ForeignFiles, AreToldWhatToDo) {
  const auto folder = std::filesystem::path(::testing::TempDir());
  const auto message = [&](const char* name, const std::string& text) {
    std::ofstream(folder / name) << text;
    return error_of([&] { load_document(folder / name); });
  };
  EXPECT_THAT(message("net.tflite", "x"), AllOf(HasSubstr(".onnx"), HasSubstr("tf2onnx")));
  EXPECT_THAT(message("net.pt", "x"), HasSubstr("torch.onnx.export"));
  EXPECT_THAT(message("map.py", "x"), AllOf(HasSubstr("ZigZag 3"), HasSubstr("convert_inputs")));
  EXPECT_THAT(message("tabs.yaml", "name: t\narray:\n\tsize: 1\n"),
              AllOf(HasSubstr("tabs.yaml:3: "), HasSubstr("tab")));
}

TEST(Kind, IsNoResultWithoutItsSchema) {
  const auto kind = [](const std::string& text) {
    return document_kind(parse_document(text, "d.yaml"));
  };
  EXPECT_EQ(kind("{schema: ridgeline.evaluation/1, total: {}, layers: []}"), DocumentKind::result);
  EXPECT_EQ(kind("layers: [{name: Conv, core_allocation: [[0, 1]]}]"),
            DocumentKind::multi_core_mapping);
  EXPECT_THAT(error_of([&] { kind("nodes: [{id: 0, name: a}]"); }), HasSubstr("none of its keys"));
  EXPECT_THAT(error_of([&] { kind("layers: [{id: 0, name: a}]"); }), HasSubstr("none of its keys"));
}

// ---- Stream

std::string core(const char* type, const char* sizes, const char* more = "") {
  return std::string("{name: c, type: ") + type +
         ", memories: {sram: {size: 8192, r_cost: 1, w_cost: 1, area: 0, operands: [I1, I2, O], "
         "served_dimensions: [D1], ports: [{name: rw_port_1, type: read_write, bandwidth_min: 8, "
         "bandwidth_max: 64, allocation: [\"I1, tl\", \"I1, fh\", \"I2, tl\", \"I2, fh\", \"O, "
         "tl\", \"O, fh\", \"O, fl\", \"O, th\"]}]}}, operational_array: {unit_energy: 1, "
         "unit_area: 1, dimensions: [D1], sizes: " +
         sizes + "}" + more + "}";
}

model::MultiCore system_of(const std::string& text) {
  const Document document = parse_document(text, "system.yaml");
  return read_multicore(document.root(), ::testing::TempDir());
}

TEST(StreamSystem, KnowsTheCoresOf2026) {
  const std::string text = "name: s\ncores:\n  0: " + core("zigzag.compute", "[4]") +
                           "\n  1: " + core("compute", "[4]", ", operator_types: [Add, Relu]") +
                           "\n  2: " + core("zigzag.offchip", "[0]") +
                           "\noffchip_core_id: 2\ncore_coordinates: {0: [0, 1]}\n"
                           "core_connectivity: [{type: bus, cores: [0, 1, 2], bandwidth: 2.5}]\n";
  const model::MultiCore system = system_of(text);
  EXPECT_TRUE(system.cores[0].operator_types.empty());
  EXPECT_THAT(system.cores[0].coordinates, ElementsAre(0, 1));
  EXPECT_THAT(system.cores[1].operator_types, ElementsAre("Add", "Relu"));
  EXPECT_FALSE(system.cores[2].computes());
  EXPECT_EQ(system.connections[0].bandwidth, 2.5);
  std::string aie = text;
  aie.replace(aie.find("zigzag.compute"), 14, "aie2.compute");
  EXPECT_THAT(error_of([&] { system_of(aie); }), HasSubstr("AI engines"));
}

TEST(StreamSystem, Of2024NamesItsOffchipCoreApart) {
  const auto folder = std::filesystem::path(::testing::TempDir());
  std::ofstream(folder / "far.yaml") << core("memory", "[0]");
  const model::MultiCore system = system_of(
      "name: s\ncores: {0: " + core("compute", "[4]") + ", 1: " + core("compute", "[4]") +
      "}\noffchip_core: some/where/far.yaml\nbandwidth: 64\ncore_connectivity: [\"0, 1\"]\n");
  EXPECT_EQ(system.offchip_core, 2);
  ASSERT_EQ(system.connections.size(), 3);
  const model::Interconnect ways = model::build_interconnect(system);
  EXPECT_EQ(ways.links[static_cast<std::size_t>(ways.route(0, 1)[0])].bandwidth, 64);
  EXPECT_TRUE(ways.connected(0, 2));
  EXPECT_TRUE(ways.connected(2, 1));
}

// Rows come before columns, and the layer's order says which loop walks rows.
TEST(StreamMapping, CountsRowsBeforeColumns) {
  model::NetworkNode node;
  node.type = "conv";
  node.layer.emplace();
  node.layer->dims = {{"B", 1}, {"K", 8},  {"G", 1},   {"OX", 30},
                      {"C", 4}, {"FX", 3}, {"OY", 20}, {"FY", 5}};
  EXPECT_THAT(loops_by_place(node), ElementsAre(0, 3, 6, 4, 5, 7, 1));
  node.layer->dims = {{"B", 1}, {"K", 8}, {"C", 4}, {"OY", 30}, {"OX", 20}, {"FY", 3}, {"FX", 5}};
  EXPECT_THAT(loops_by_place(node), ElementsAre(0, 3, 4, 2, 5, 6, 1));
  // As pooling is written: the output's indices have the columns first.
  node.type = "maxpool";
  node.layer->dims = {{"B", 1}, {"K", 8}, {"OX", 30}, {"OY", 20}, {"C", 1}, {"FX", 3}, {"FY", 3}};
  model::LayerOperand output;
  output.name = "O";
  output.indices = {{false, 0}, {false, 1}, {false, 3}, {false, 2}};
  node.layer->operands = {output};
  EXPECT_THAT(loops_by_place(node), ElementsAre(0, 1, 2, 3, 5, 6));
}

TEST(StreamMapping, Of2026CutsLoopsByTheirPlace) {
  const Document document = parse_document(R"(
layers:
- name: Gemm
  core_allocation: [[0, 1, 2, 3]]
  inter_core_tiling: [[{dim: D2, split: 4}]]
- {name: Relu, core_allocation: [[1]], kernel: relu.cc}
fused_groups:
- {name: g, layers: [Gemm, Relu], intra_core_tiling: [{dim: first.D0, tile: 16}]}
- {name: h, layers: [frist]}
)",
                                           "map.yaml");
  model::CoreMapping mapping = read_core_mapping(document.root());
  EXPECT_THAT(mapping.entries[0].cores, ElementsAre(0, 1, 2, 3));
  model::Network network;
  model::NetworkNode node;
  node.name = "first";
  node.operator_type = "Gemm";
  node.type = "gemm";
  node.layer.emplace();
  node.layer->dims = {{"D", 40}, {"C", 8}, {"K", 24}};
  network.nodes.push_back(node);
  node.id = 1;
  node.name = "second";
  node.operator_type = node.type = "Relu";
  node.layer->dims = {{"D", 40}, {"K", 24}};
  const auto walks = [](const char* name, int first, int second) {
    model::LayerOperand operand;
    operand.name = name;
    operand.indices = {{false, first}, {false, second}};
    return operand;
  };
  node.layer->operands = {walks("O", 0, 1), walks("I", 0, 1)};
  network.nodes.push_back(node);
  network.nodes[0].layer->operands = {walks("O", 0, 2), walks("I", 0, 1), walks("W", 1, 2)};
  const model::CoreMapping unresolved = mapping;
  std::vector<std::vector<int>> stacks;
  std::vector<std::string> remarks;
  resolve_placed_tilings(network, mapping, stacks, remarks);
  EXPECT_THAT(stacks, ElementsAre(ElementsAre(0, 1)));
  EXPECT_THAT(remarks, ElementsAre("fused group 'h': no layer here is called 'frist' (did you mean "
                                   "'first'?)"));
  const model::CoreMappingEntry& entry = *mapping.choose("first", "Gemm");
  ASSERT_EQ(entry.inter.size(), 1);
  EXPECT_EQ(entry.inter[0].dim, "K");
  EXPECT_EQ(entry.inter[0].factor, 4);
  ASSERT_EQ(entry.intra.size(), 1);
  EXPECT_EQ(entry.intra[0].dim, "D");
  EXPECT_EQ(entry.intra[0].factor, 3);  // pieces of 16 rows of 40
  EXPECT_THAT(loops_by_place(network.nodes[1]), ElementsAre(0, 1));
  // The other layer of the group is cut into as many pieces of the same rows.
  const model::CoreMappingEntry& other = *mapping.choose("second", "Relu");
  ASSERT_EQ(other.intra.size(), 1);
  EXPECT_EQ(other.intra[0].dim, "D");
  EXPECT_EQ(other.intra[0].factor, 3);

  model::CoreMapping of_study = unresolved;
  resolve_placed_tilings(std::vector<model::Network>{network, network}, of_study);
  EXPECT_EQ(of_study.choose("first", "Gemm")->inter.size(), 1);
  EXPECT_EQ(of_study.choose("second", "Relu")->intra.size(), 1);
  model::Network twin = network;
  twin.nodes[0].operator_type = "Add";
  of_study = unresolved;
  EXPECT_THROW(resolve_placed_tilings(std::vector<model::Network>{network, twin}, of_study),
               std::invalid_argument);
}

}  // namespace
}  // namespace ridgeline::io
