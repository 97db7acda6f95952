#include "io/inputs/multicore_reader.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "io/inputs/stream_mapping_reader.hpp"
#include "io/onnx/multicore_lowering.hpp"

namespace ridgeline::io {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

// A core with one memory for everything.
std::string core(const std::string& memory, const std::string& sizes, const char* kind) {
  return "{name: c, type: " + std::string(kind) + ", memories: {" + memory +
         ": {size: 4096, r_cost: 1, w_cost: 2, area: 3, latency: 1, operands: [I1, I2, O], "
         "ports: [{name: rw_port_1, type: read_write, bandwidth_min: 8, bandwidth_max: 64, "
         "allocation: [\"I1, fh\", \"I1, tl\", \"I2, fh\", \"I2, tl\", \"O, fh\", \"O, tl\", "
         "\"O, fl\", \"O, th\"]}], served_dimensions: [D1, D2]}}, "
         "operational_array: {unit_energy: 1, unit_area: 1, dimensions: [D1, D2], sizes: " +
         sizes + "}}";
}

// `computing` cores with arrays and an off-chip one after them.
std::string system_text(int computing, const std::string& connectivity,
                        const std::string& more = "") {
  std::string text = "name: s\ncores:\n";
  for (int c = 0; c < computing; ++c) {
    text += "  " + std::to_string(c) + ": " + core("sram", "[2, 2]", "compute") + "\n";
  }
  text += "  " + std::to_string(computing) + ": " + core("dram", "[0, 0]", "memory") + "\n";
  text += "offchip_core_id: " + std::to_string(computing) + "\n";
  return text + "core_connectivity: " + connectivity + "\n" + more;
}

model::MultiCore read(const std::string& text) {
  const Document document = parse_document(text, "system.yaml");
  return read_multicore(document.root(), "");
}

std::string problem(const std::string& text) {
  try {
    read(text);
  } catch (const InputError& error) {
    return error.what();
  }
  return "no error";
}

TEST(MulticoreReader, ReadsLinksBusesAndTheirEnergies) {
  const model::MultiCore system = read(
      system_text(2,
                  "[{cores: [0, 1], bandwidth: 16}, {type: bus, cores: [0, 1, 2], bandwidth: 32, "
                  "unit_energy_cost: 3, unit_energy_per_bit: 0.5}]",
                  "unit_energy_cost: 2\n"));
  ASSERT_EQ(system.connections.size(), 2u);
  EXPECT_EQ(system.connections[0].kind, model::ConnectionKind::link);
  EXPECT_EQ(system.connections[0].unit_energy, 2);
  EXPECT_EQ(system.connections[1].kind, model::ConnectionKind::bus);
  EXPECT_EQ(system.connections[1].unit_energy, 3);
  EXPECT_EQ(system.connections[1].unit_energy_per_bit, 0.5);
  // The bus comes later and covers the pair: nothing remains of the link.
  const model::Interconnect net = model::build_interconnect(system);
  ASSERT_EQ(net.links.size(), 1u);
  EXPECT_EQ(net.links[0].bus, 0);
}

TEST(MulticoreReader, GivesEveryDirectionOfALinkItsOwnBandwidth) {
  const model::Interconnect net = model::build_interconnect(read(system_text(
      2, "[{type: bus, cores: [0, 1, 2], bandwidth: 8}, {cores: [0, 1], bandwidth: 16}]")));
  ASSERT_EQ(net.links.size(), 3u);
  const auto there = net.route(0, 1);
  const auto back = net.route(1, 0);
  ASSERT_EQ(there.size(), 1u);
  ASSERT_EQ(back.size(), 1u);
  EXPECT_NE(there[0], back[0]);
  EXPECT_EQ(net.links[static_cast<std::size_t>(there[0])].bandwidth, 16);
}

TEST(MulticoreReader, RoutesThroughAMeshAlongRowsFirst) {
  // Cores 0 to 5 in two rows of three, the off-chip core beside core 0:
  //   0 1 2
  //   3 4 5
  const model::MultiCore system =
      read(system_text(6,
                       "[{type: mesh, rows: 2, cols: 3, cores: [0, 1, 2, 3, 4, 5], bandwidth: 64, "
                       "unit_energy_per_bit: 0.1}, {cores: [0, 6], bandwidth: 32}]"));
  const model::Interconnect net = model::build_interconnect(system);
  const auto cores_on = [&](int from, int to) {
    std::vector<int> path;
    const auto pair = static_cast<std::size_t>(from * net.cores + to);
    for (std::uint32_t h = net.begin[pair]; h < net.begin[pair + 1]; ++h) {
      path.push_back(net.hop_to[h]);
    }
    return path;
  };
  EXPECT_EQ(cores_on(0, 5), (std::vector<int>{1, 2, 5}));
  EXPECT_EQ(cores_on(5, 0), (std::vector<int>{4, 3, 0}));
  EXPECT_EQ(cores_on(2, 3), (std::vector<int>{1, 0, 3}));
  EXPECT_EQ(cores_on(6, 4), (std::vector<int>{0, 1, 4}));
  EXPECT_EQ(net.links.size(), 2u * 7 + 2);
}

TEST(MulticoreReader, ReadsChannelsThatSeveralCoresShareInOneDirection) {
  const model::MultiCore system =
      read(system_text(2,
                       "[{type: channel, from: [0, 1], to: [2], bandwidth: 64}, "
                       "{type: channel, from: [2], to: [0, 1], bandwidth: inf}]"));
  const model::Interconnect net = model::build_interconnect(system);
  ASSERT_EQ(net.links.size(), 2u);
  EXPECT_EQ(net.route(0, 2)[0], net.route(1, 2)[0]);
  EXPECT_NE(net.route(0, 2)[0], net.route(2, 0)[0]);
  EXPECT_TRUE(std::isinf(net.links[static_cast<std::size_t>(net.route(2, 0)[0])].bandwidth));
  EXPECT_EQ(net.route(0, 1).size(), 2u);  // through the off-chip core
}

TEST(MulticoreReader, CountsASharedMemoryOnce) {
  const std::string links =
      "[{type: channel, from: [0, 1], to: [2], bandwidth: 8}, "
      "{type: channel, from: [2], to: [0, 1], bandwidth: 8}]";
  const model::MultiCore apart = read(system_text(2, links));
  const model::MultiCore shared = read(system_text(2, links, "core_memory_sharing: [\"0, 1\"]\n"));
  // Each core: four units of area 1 and a memory of area 3.
  EXPECT_EQ(apart.area(), 14);
  EXPECT_EQ(shared.area(), 11);
  const auto tops = [](const model::MultiCore& system) {
    return model::build_top_memories(system, model::build_interconnect(system));
  };
  EXPECT_EQ(tops(apart).instances.size(), 3u);
  ASSERT_EQ(tops(shared).instances.size(), 2u);
  EXPECT_EQ(tops(shared).of_core[0], tops(shared).of_core[1]);
  EXPECT_EQ(tops(shared).instances[0].cores, (std::vector<int>{0, 1}));
}

TEST(MulticoreReader, FindsCoreFilesBesideTheDocumentOrInCores) {
  const std::filesystem::path folder =
      std::filesystem::temp_directory_path() / "ridgeline_multicore_reader_test";
  std::filesystem::create_directories(folder / "cores");
  std::ofstream(folder / "a.yaml") << core("sram", "[2, 2]", "compute");
  std::ofstream(folder / "cores" / "off.yaml") << core("dram", "[0, 0]", "memory");
  std::ofstream(folder / "system.yaml")
      << "name: s\ncores: {0: ./a.yaml, 1: off.yaml}\noffchip_core_id: 1\n"
         "core_connectivity: [{cores: [0, 1], bandwidth: 8}]\n";
  const model::MultiCore system = load_multicore(folder / "system.yaml");
  EXPECT_TRUE(system.cores[0].computes());
  EXPECT_FALSE(system.cores[1].computes());

  // With the files' content in the place of their names, pointers lead into the cores.
  const Document whole = load_multicore_document(folder / "system.yaml");
  EXPECT_EQ(whole.at("/cores/0/operational_array/sizes/1").as_integer(), 2);
  EXPECT_EQ(read_multicore(whole.root(), folder).cores[0].accelerator.array.units(), 4);
  std::filesystem::remove_all(folder);
}

TEST(MulticoreReader, SaysWhereItLookedForACoreFile) {
  EXPECT_THAT(problem("name: s\ncores: {0: nowhere.yaml}\noffchip_core_id: 0\n"
                      "core_connectivity: []\n"),
              AllOf(HasSubstr("/cores/0"), HasSubstr("nowhere.yaml"), HasSubstr("cores/")));
}

TEST(MulticoreReader, RefusesWhatIsNoSystem) {
  const std::string bus = "[{type: bus, cores: [0, 1, 2], bandwidth: 8}]";
  EXPECT_EQ(problem(system_text(2, bus)), "no error");
  EXPECT_THAT(problem(system_text(2, "[{type: bus, cores: [0, 1, 7], bandwidth: 8}]")),
              AllOf(HasSubstr("/core_connectivity/0/cores/2"), HasSubstr("there is no core 7"),
                    HasSubstr("0 to 2")));
  EXPECT_THAT(problem(system_text(2, "[{cores: [0, 1], bandwidth: 8}]")),
              AllOf(HasSubstr("no way from core 0 to core 2"), HasSubstr("off-chip")));
  EXPECT_THAT(problem(system_text(2, "[{cores: [0, 1, 2], bandwidth: 8}]")),
              HasSubstr("type: bus"));
  EXPECT_THAT(problem(system_text(2, "[{type: ring, cores: [0, 1], bandwidth: 8}]")),
              HasSubstr("link, bus, channel or mesh"));
  EXPECT_THAT(problem(system_text(2, "[{type: bus, cores: [0, 0, 2], bandwidth: 8}]")),
              HasSubstr("twice"));
  EXPECT_THAT(problem(system_text(2, "[{type: bus, cores: [0, 1, 2], bandwidth: 0}]")),
              HasSubstr("/core_connectivity/0/bandwidth"));
  EXPECT_THAT(problem(system_text(2, "[{type: bus, cores: [0, 1, 2], bandwith: 8}]")),
              HasSubstr("bandwidth"));
  EXPECT_THAT(problem(system_text(2,
                                  "[{type: mesh, rows: 2, cols: 2, cores: [0, 1], "
                                  "bandwidth: 8}]")),
              HasSubstr("mesh of 2 x 2 with 2 cores"));
  EXPECT_THAT(problem(system_text(2, bus, "core_memory_sharing: [\"0, 9\"]\n")),
              HasSubstr("there is no core 9"));
  EXPECT_THAT(problem(system_text(2, bus, "core_memory_sharing: [\"0, 1\"]\n")),
              HasSubstr("connected as well"));
  EXPECT_THAT(problem(system_text(2, bus, "core_memory_sharing: [\"0, 2\"]\n")),
              HasSubstr("not identical"));
}

TEST(MulticoreReader, RefusesASystemWithoutOffChipCore) {
  std::string text = system_text(1, "[{cores: [0, 1], bandwidth: 8}]");
  EXPECT_THAT(problem(text.substr(0, text.find("offchip_core_id")) + "core_connectivity: []\n"),
              HasSubstr("no off-chip core"));
  std::string gap = text;
  gap.replace(gap.find("\n  1:"), 5, "\n  4:");
  EXPECT_THAT(problem(gap), AllOf(HasSubstr("core id '4'"), HasSubstr("without gaps")));
  std::string unknown = text;
  unknown.replace(unknown.find("offchip_core_id: 1"), 18, "offchip_core_id: 5");
  EXPECT_THAT(problem(unknown), HasSubstr("there is no core 5"));
}

model::CoreMapping read_mapping_text(const std::string& text) {
  const Document document = parse_document(text, "mapping.yaml");
  return read_core_mapping(document.root());
}

std::string mapping_problem(const std::string& text) {
  try {
    read_mapping_text(text);
  } catch (const InputError& error) {
    return error.what();
  }
  return "no error";
}

TEST(CoreMappingReader, InheritsTilingsThatAnEntryLeavesOut) {
  const model::CoreMapping mapping = read_mapping_text(
      "- {name: default, core_allocation: [0, 1], intra_core_tiling: [\"OY, all\"], "
      "inter_core_tiling: [\"K, 4\"]}\n"
      "- {name: Conv, core_allocation: [2]}\n"
      "- {name: Add, inter_core_tiling: [\"H, *\"]}\n");
  const model::CoreMappingEntry& conv = *mapping.choose("conv1", "Conv");
  EXPECT_EQ(conv.cores, (std::vector<int>{2}));
  EXPECT_EQ(conv.intra.at(0).dim, "OY");
  EXPECT_EQ(conv.intra.at(0).factor, model::kAllTiles);
  EXPECT_EQ(conv.inter.at(0).factor, 4);
  EXPECT_EQ(mapping.choose("x", "Add")->inter.at(0).factor, model::kWildcard);
  EXPECT_EQ(mapping.choose("x", "Add")->cores, (std::vector<int>{0}));
  EXPECT_EQ(mapping.choose("x", "Relu")->name, "default");
}

TEST(CoreMappingReader, TakesSeveralSplitsOverCores) {
  const model::CoreMapping mapping = read_mapping_text(
      "- {name: default, inter_core_tiling: [\"K, 2\", \"OX, 3\"]}\n"
      "- {name: Conv, inter_core_tiling: [[{dim: D6, split: 2}, {dim: D2, split: 4}]]}\n");
  const model::CoreMappingEntry& entry = *mapping.choose("x", "Relu");
  ASSERT_EQ(entry.inter.size(), 2);
  EXPECT_EQ(entry.inter[1].dim, "OX");
  EXPECT_EQ(entry.inter[1].factor, 3);
  const model::CoreMappingEntry& conv = *mapping.choose("x", "Conv");
  ASSERT_EQ(conv.placed_inter.size(), 2);
  EXPECT_EQ(conv.placed_inter[1].place, 2);
  EXPECT_EQ(conv.placed_inter[1].factor, 4);
}

TEST(CoreMappingReader, RefusesWhatIsNoMapping) {
  EXPECT_THAT(mapping_problem("- {name: Conv}\n"), HasSubstr("no entry 'default'"));
  EXPECT_THAT(mapping_problem("- {name: default, intra_core_tiling: [\"OY 4\"]}\n"),
              AllOf(HasSubstr("/0/intra_core_tiling/0"), HasSubstr("OY, 4")));
  EXPECT_THAT(mapping_problem("- {name: default, intra_core_tiling: [\"OY, *\"]}\n"),
              HasSubstr("is no tiling"));
  EXPECT_THAT(mapping_problem("- {name: default, intra_core_tiling: [\"OY, 0\"]}\n"),
              HasSubstr("/0/intra_core_tiling/0"));
  EXPECT_THAT(mapping_problem("- {name: default, core_allocation: []}\n"),
              HasSubstr("no core may run this"));
  EXPECT_THAT(mapping_problem("- {name: default, core_alocation: [0]}\n"),
              HasSubstr("core_allocation"));
  EXPECT_THAT(mapping_problem("- {name: default}\n- {name: default}\n"), HasSubstr("two entries"));
}

TEST(CoreMappingCheck, ConcernsTheEntriesThatLayersUse) {
  const model::MultiCore system = read(system_text(1, "[{cores: [0, 1], bandwidth: 8}]"));
  model::Network network;
  model::NetworkNode node;
  node.name = "first";
  node.operator_type = "Conv";
  node.layer = model::Layer{};
  network.nodes.push_back(node);
  const auto check = [&](const std::string& text) -> std::string {
    const Document document = parse_document(text, "mapping.yaml");
    try {
      check_core_mapping(document.root(), read_core_mapping(document.root()), network, system);
    } catch (const InputError& error) {
      return error.what();
    }
    return "no error";
  };
  EXPECT_EQ(check("- {name: default}\n- {name: Add, core_allocation: [9]}\n"), "no error");
  EXPECT_THAT(check("- {name: default}\n- {name: Conv, core_allocation: [0, 9]}\n"),
              AllOf(HasSubstr("/1/core_allocation/1"), HasSubstr("there is no core 9"),
                    HasSubstr("first")));
  EXPECT_THAT(check("- {name: default}\n- {name: Conv, core_allocation: [[0, 0], [0, 9]]}\n"),
              AllOf(HasSubstr("/1/core_allocation/1/1"), HasSubstr("there is no core 9")));
  EXPECT_THAT(check("- {name: default, core_allocation: [1]}\n"),
              AllOf(HasSubstr("no core may run"), HasSubstr("first")));
}

}  // namespace
}  // namespace ridgeline::io
