// Without a mapping, with one that says everything, and with one of which some has no effect.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include "engine/commands/exit_code.hpp"
#include "tests/support/captured_run.hpp"
#include "tests/support/tutorial_system.hpp"

namespace ridgeline::engine {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;
using ::testing::AllOf;
using testing::captured_run;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using testing::Outcome;

const fs::path kExamples = fs::path(RIDGELINE_SOURCE_DIR) / "examples";

class Automatic : public ::testing::Test {
 protected:
  void SetUp() override {
    const std::string name = ::testing::UnitTest::GetInstance()->current_test_info()->name();
    folder_ = fs::temp_directory_path() / ("ridgeline_automatic_" + name);
    fs::remove_all(folder_);
    fs::create_directories(folder_);
  }
  void TearDown() override { fs::remove_all(folder_); }

  std::string write(const std::string& name, const std::string& text) const {
    std::ofstream(folder_ / name) << text;
    return (folder_ / name).string();
  }

  fs::path folder_;
};

constexpr const char* kLayers = R"(
- {id: 0, name: conv, operator_type: Conv, equation: "O[b][k][oy][ox]+=W[k][c][fy][fx]*I[b][c][iy][ix]",
   dimension_relations: ["ix=1*ox+1*fx", "iy=1*oy+1*fy"], loop_dims: [B, K, C, OY, OX, FY, FX],
   loop_sizes: [1, 16, 16, 14, 14, 3, 3], operand_precision: {W: 8, I: 8, O: 16, O_final: 8},
   operand_source: {I: 0, W: 0}}
- {id: 1, name: gemm, operator_type: Gemm, equation: "O[b][k]+=W[c][k]*I[b][c]", loop_dims: [B, K, C],
   loop_sizes: [5, 24, 56], operand_precision: {W: 8, I: 8, O: 16, O_final: 8}, operand_source: {I: 1, W: 1}}
- {id: 2, name: depthwise, operator_type: Conv, equation: "O[b][g][oy][ox]+=W[g][fy][fx]*I[b][g][iy][ix]",
   dimension_relations: ["ix=2*ox+1*fx", "iy=2*oy+1*fy"], loop_dims: [B, G, OY, OX, FY, FX],
   loop_sizes: [1, 24, 7, 7, 3, 3], operand_precision: {W: 8, I: 8, O: 16, O_final: 8},
   operand_source: {I: 2, W: 2}}
)";

TEST_F(Automatic, EvaluationNeedsNoMapping) {
  const std::string workload = write("w.yaml", kLayers);
  const std::string core = (kExamples / "accelerators" / "tpu_like.yaml").string();
  const std::vector<std::string> arguments{"evaluate", "-w",       workload, "-a",
                                           core,       "--format", "json"};
  const Outcome none = captured_run(arguments);
  ASSERT_EQ(none.code, kDone) << none.err;
  const Json result = Json::parse(none.out);
  EXPECT_EQ(result.at("options").at("spatial_candidates"), "all");
  std::vector<std::string> given = arguments;
  given.insert(given.end(),
               {"-m", write("m.yaml", "- name: default\n"), "--spatial-candidates", "all"});
  EXPECT_EQ(Json::parse(captured_run(given).out).at("total"), result.at("total"));
  given.resize(given.size() - 2);
  const Json three = Json::parse(captured_run(given).out);
  EXPECT_LE(result.at("total").at("latency").get<double>(),
            three.at("total").at("latency").get<double>());
}

// All example cores, two objectives: what was found, given, is found again to the last bit.
TEST_F(Automatic, ExportedMappingsGiveEqualFigures) {
  const std::string workload = write("w.yaml", kLayers);
  int layers = 0;
  for (const auto& file : fs::directory_iterator(kExamples / "accelerators")) {
    for (const char* objective : {"latency", "energy"}) {
      SCOPED_TRACE(file.path().filename().string() + " " + objective);
      const std::string exported = (folder_ / "exported.yaml").string();
      const std::vector<std::string> common{
          "evaluate",    "-w",      workload,   "-a",   file.path().string(),
          "--objective", objective, "--format", "json", "--quiet"};
      std::vector<std::string> first = common;
      first.insert(first.end(), {"--engine", "loma", "--export-mapping", exported});
      std::vector<std::string> second = common;
      second.insert(second.end(), {"-m", exported});
      const Json found = Json::parse(captured_run(first).out);
      const Outcome again = captured_run(second);
      ASSERT_EQ(again.code, kDone) << again.out;
      const Json given = Json::parse(again.out);
      for (std::size_t l = 0; l < found.at("layers").size(); ++l) {
        const Json& a = found.at("layers").at(l);
        const Json& b = given.at("layers").at(l);
        EXPECT_EQ(a.at("energy"), b.at("energy"));
        EXPECT_EQ(a.at("latency"), b.at("latency"));
        EXPECT_EQ(a.at("accesses"), b.at("accesses"));
        EXPECT_EQ(a.at("mapping"), b.at("mapping"));
        EXPECT_EQ(b.at("search").at("evaluated"), 1);
        ++layers;
      }
    }
  }
  EXPECT_GT(layers, 20);
}

TEST_F(Automatic, WhatHasNoEffectIsNamed) {
  const std::string workload = write("w.yaml", kLayers);
  const std::string core = (kExamples / "accelerators" / "tpu_like.yaml").string();
  const auto notes = [&](const std::string& mapping) {
    return captured_run({"evaluate", "-w", workload, "-a", core, "--engine", "loma", "-m",
                         write("m.yaml", mapping)})
        .err;
  };
  EXPECT_THAT(notes("- {name: default, spatial_mapping: {D1: [\"KK, 32\"], D2: [\"C, 32\"]}}"),
              AllOf(HasSubstr("'KK'"), HasSubstr("did you mean 'K'?")));
  EXPECT_THAT(notes("- {name: default, temporal_ordering: [[OXX, 14]]}"),
              AllOf(HasSubstr("'OXX'"), HasSubstr("did you mean 'OX'?")));
  EXPECT_THAT(notes("- {name: default, spatial_mapping: {D1: [\"K, 128\"]}}"),
              HasSubstr("\"K, 128\" on D1 is more than the 32 units of D1"));
  EXPECT_THAT(notes("- {name: default, spatial_mapping: {D1: [\"K, 16\", \"OX, 14\"]}}"),
              HasSubstr("is left out in"));
  EXPECT_THAT(notes("- {name: default, spatial_mapping: {D1: [\"K, 32\"], D2: [\"C, 32\"]}}"),
              IsEmpty());
}

// Cycles that a port of this bandwidth takes for all operands of a layer, each once.
double everything_once(const Json& layer, double bandwidth) {
  double bits = 0;
  for (const auto& [operand, size] : layer.at("operand_bits").items()) bits += size.get<double>();
  return bits / bandwidth;
}

TEST_F(Automatic, LimitsOfALayerAreShown) {
  const std::string workload = write("w.yaml", kLayers);
  const std::string core = (kExamples / "accelerators" / "tpu_like.yaml").string();
  const std::vector<std::string> arguments{"evaluate", "-w",       workload, "-a",
                                           core,       "--engine", "loma"};
  EXPECT_THAT(captured_run(arguments).out,
              AllOf(HasSubstr("pJ/MAC"), HasSubstr("Limited by"), Not(HasSubstr("-0.0"))));
  std::vector<std::string> json = arguments;
  json.insert(json.end(), {"--format", "json", "--detail", "full"});
  const Json result = Json::parse(captured_run(json).out);
  for (const Json& layer : result.at("layers")) {
    const double total = layer.at("latency").at("total");
    EXPECT_DOUBLE_EQ(layer.at("energy_per_mac").get<double>() * layer.at("macs").get<double>(),
                     layer.at("energy").at("total").get<double>());
    EXPECT_DOUBLE_EQ(layer.at("roofline").at("macs_per_cycle").get<double>() * total,
                     layer.at("macs").get<double>());
    double worst = 0;
    for (const Json& port : layer.at("ports")) {
      worst = std::max(worst, port.at("stall").get<double>());
      // Above 1 only by what is moved before and after computing, of which the reference's rules
      // may let a port do more than it can: at most everything that the layer has, once in and once
      // out.
      const double moved = port.at("share").get<double>() * total;
      EXPECT_GT(moved, 0);
      EXPECT_LE(moved, layer.at("latency").at("compute").get<double>() +
                           2 * everything_once(layer.at("layer"), port.at("bandwidth")));
    }
    EXPECT_EQ(worst, layer.at("latency").at("stall").get<double>());
  }
}

// An entry of the mapping stands in for what the workload says of its layers, and is exported.
TEST_F(Automatic, MappingsSayTheBitsOfOperatorsAndLayers) {
  const std::string core = (kExamples / "accelerators" / "tpu_like.yaml").string();
  const auto run = [&](const std::string& layers, const std::string& mapping,
                       const std::string& exported = "") {
    std::vector<std::string> arguments{"evaluate", "-w",       write("w.yaml", layers),
                                       "-a",       core,       "-m",
                                       mapping,    "--engine", "loma",
                                       "--format", "json",     "--quiet"};
    if (!exported.empty()) arguments.insert(arguments.end(), {"--export-mapping", exported});
    const Outcome outcome = captured_run(arguments);
    EXPECT_EQ(outcome.code, kDone) << outcome.err;
    return Json::parse(outcome.out);
  };
  std::string narrow = kLayers;
  for (std::size_t at = narrow.find("Conv, eq"); at != std::string::npos;
       at = narrow.find("Conv, eq", at + 1)) {
    narrow.replace(narrow.find("W: 8", at), 4, "W: 4");
  }
  const std::string plain = write("plain.yaml", "- name: default\n");
  const std::string given =
      write("given.yaml", "- name: default\n- {name: Conv, precision: {W: 4}}\n");
  const std::string exported = (folder_ / "exported.yaml").string();
  const Json expected = run(narrow, plain);
  const Json asked = run(kLayers, given, exported);
  const Json again = run(kLayers, exported);
  const Json wide = run(kLayers, plain);
  for (std::size_t l = 0; l < 3; ++l) {
    EXPECT_EQ(asked.at("layers")[l].at("energy"), expected.at("layers")[l].at("energy")) << l;
    EXPECT_EQ(again.at("layers")[l].at("energy"), expected.at("layers")[l].at("energy")) << l;
    const bool conv = l != 1;
    EXPECT_EQ(asked.at("layers")[l].at("energy") == wide.at("layers")[l].at("energy"), !conv) << l;
  }
  const Outcome wrong =
      captured_run({"check", write("wrong.yaml", "- {name: default, precision: {X: 4}}\n")});
  EXPECT_EQ(wrong.code, kInvalidInput);
  EXPECT_THAT(wrong.out + wrong.err, HasSubstr("'X'"));
}

// ---- schedule

TEST_F(Automatic, ScheduleNeedsNoMapping) {
  const fs::path lab = kExamples / "labs" / "multicore";
  const auto latency = [&](const std::string& mode, const std::string& mapping) {
    std::vector<std::string> arguments{"schedule",
                                       "-w",
                                       (lab / "four_convs.yaml").string(),
                                       "-a",
                                       (lab / "system.yaml").string(),
                                       "--mode",
                                       mode,
                                       "--population",
                                       "16",
                                       "--generations",
                                       "4",
                                       "--format",
                                       "json",
                                       "--quiet"};
    if (!mapping.empty()) arguments.insert(arguments.end(), {"-m", (lab / mapping).string()});
    const Outcome outcome = captured_run(arguments);
    EXPECT_EQ(outcome.code, kDone) << outcome.err;
    return Json::parse(outcome.out).at("latency").get<double>();
  };
  const double alone = latency("layer-by-layer", "");
  EXPECT_LE(alone, latency("layer-by-layer", "one_layer_a_core.yaml"));
  EXPECT_LE(alone, latency("layer-by-layer", "slices.yaml"));
  EXPECT_LE(latency("fused", ""), latency("fused", "fused.yaml"));
}

// Three convolutions in a row of few rows and many columns.
std::string wide_layers() {
  std::string layers;
  for (int i = 0; i < 3; ++i) {
    const std::string id = std::to_string(i);
    layers += "- {id: " + id + ", name: wide" + id +
              ", operator_type: Conv, equation: \"O[b][g][k][oy][ox]+=W[k][c][fy][fx]*"
              "I[b][g][c][iy][ix]\",\n   dimension_relations: [\"ix=1*ox+1*fx\", "
              "\"iy=1*oy+1*fy\"], pr_loop_dims: [IX, IY], padding: [[1, 1], [1, 1]],\n"
              "   loop_dims: [B, K, G, OX, C, FX, OY, FY], loop_sizes: [1, 16, 1, 960, " +
              (i == 0 ? "3" : "16") +
              ", 3, 4, 3],\n   operand_precision: {W: 8, I: 8, O: 16, O_final: 8}, "
              "operand_source: {W: " +
              id + ", I: " + std::to_string(std::max(0, i - 1)) + "}}\n";
  }
  return layers;
}

// Splits that suit layers alone are not those that suit the best stack.
TEST_F(Automatic, FusingIsNeverWorseThanLayerByLayer) {
  const fs::path network = fs::path(RIDGELINE_REFERENCE_DIR) / "models" / "conv1d.onnx";
  if (!fs::exists(network)) GTEST_SKIP() << "no reference data below " << RIDGELINE_REFERENCE_DIR;
  const auto latency = [&](const char* mode) {
    const Outcome outcome =
        captured_run({"schedule", "-w", network.string(), "-a",
                      (kExamples / "labs" / "lab4" / "system.yaml").string(), "--mode", mode,
                      "--lpf-limit", "4", "--spatial-candidates", "1", "--population", "4",
                      "--generations", "1", "--format", "json"});
    EXPECT_EQ(outcome.code, kDone) << outcome.err;
    return Json::parse(outcome.out).at("latency").get<double>();
  };
  EXPECT_LE(latency("fused"), latency("layer-by-layer"));
}

TEST_F(Automatic, WideLayersAreCutAlongTheirColumns) {
  const std::vector<std::string> arguments{
      "schedule",
      "-w",
      write("w.yaml", wide_layers()),
      "-a",
      (kExamples / "labs" / "multicore" / "system.yaml").string(),
      "--format",
      "json",
      "--quiet"};
  const Outcome automatic = captured_run(arguments);
  ASSERT_EQ(automatic.code, kDone) << automatic.err;
  const Json found = Json::parse(automatic.out);
  EXPECT_EQ(found.at("granularity").at("dim"), "OX");
  for (const char* cut : {"OX, 32", "OY, all"}) {
    std::vector<std::string> given = arguments;
    given.insert(given.end(),
                 {"-m", write("m.yaml", std::string("- {name: default, core_allocation: [0, 1, 2], "
                                                    "intra_core_tiling: [\"") +
                                            cut + "\"]}\n")});
    const Outcome outcome = captured_run(given);
    if (outcome.code == kInfeasible) continue;
    EXPECT_LE(found.at("latency"), Json::parse(outcome.out).at("latency")) << cut;
  }
}

// A result is scheduled again with its stacks, their cut and its slices, whatever the mode.
TEST_F(Automatic, ResultsAreFoundAgainFromTheirAllocation) {
  const fs::path lab = kExamples / "labs" / "multicore";
  const std::string twin = (lab / "cores" / "output_stationary.yaml").string();
  const std::string system =
      write("twins.yaml", "name: s\ncores: {0: " + twin + ", 1: " + twin +
                              ", 2: " + (lab / "cores" / "offchip.yaml").string() +
                              "}\noffchip_core_id: 2\ncore_connectivity: [{type: bus, cores: [0, "
                              "1, 2], bandwidth: 256}]\n");
  const std::string wide = write("w.yaml", wide_layers());
  std::set<std::size_t> slices;
  for (const auto& [workload, accelerator] :
       {std::pair{wide, (lab / "system.yaml").string()}, std::pair{wide, system},
        std::pair{(lab / "four_convs.yaml").string(), system}}) {
    for (const char* mode : {"fused", "layer-by-layer"}) {
      SCOPED_TRACE(workload + " " + accelerator + " " + mode);
      const std::vector<std::string> arguments{"schedule",      "-w",     workload,       "-a",
                                               accelerator,     "--mode", mode,           "--quiet",
                                               "--format",      "json",   "--population", "8",
                                               "--generations", "2",      "--lpf-limit",  "4"};
      const Outcome outcome = captured_run(arguments);
      ASSERT_EQ(outcome.code, kDone) << outcome.err;
      const Json found = Json::parse(outcome.out);
      for (const Json& layer : found.at("allocation")) slices.insert(layer.at("cores").size());
      std::vector<std::string> given = arguments;
      given.insert(given.end(), {"--allocation", write("found.json", outcome.out)});
      const Outcome replayed = captured_run(given);
      ASSERT_EQ(replayed.code, kDone) << replayed.err;
      const Json again = Json::parse(replayed.out);
      for (const char* key : {"stacks", "allocation"}) {
        EXPECT_EQ(again.at(key), found.at(key)) << key;
      }
      // Runtimes of nodes are whole cycles where the core is given.
      EXPECT_LE(again.at("latency"), found.at("latency"));
      EXPECT_GE(again.at("latency").get<double>(), 0.99 * found.at("latency").get<double>());
      EXPECT_EQ(again.contains("granularity"), found.contains("granularity"));
    }
  }
  EXPECT_TRUE(slices.contains(1));
  EXPECT_TRUE(slices.contains(2));  // some were split over both cores
}

// The reference's allocator gives each of four buffers as much of the inputs as it holds, and what
// they hold together does not fit the buffer above them.
TEST_F(Automatic, WhatTheAllocatorFillsTooFarIsCutInAnotherWay) {
  const auto memory = [](const std::string& name, const std::string& operands, int size,
                         const std::string& served) {
    std::string lines;
    std::string ports;
    for (const std::string& operand : {std::string("I1"), std::string("I2"), std::string("O")}) {
      if (operands.find(operand) == std::string::npos) continue;
      for (const char* direction : {"fh", "tl", "fl", "th"}) {
        const bool up = std::string(direction) == "fl" || std::string(direction) == "th";
        if (up && operand != "O") continue;
        ports += (ports.empty() ? "\"" : ", \"") + operand + ", " + direction + "\"";
      }
    }
    return "  " + name + ": {size: " + std::to_string(size) + ", r_cost: 1, w_cost: 1, area: 0, " +
           "latency: 1, operands: " + operands + ", served_dimensions: " + served +
           ",\n    ports: [{name: rw_port_1, type: read_write, bandwidth_min: 64, bandwidth_max: "
           "64, allocation: [" +
           ports + "]}]}\n";
  };
  const std::string core =
      "name: c\ntype: compute\nmemories:\n" + memory("inputs", "[I1]", 8192, "[]") +
      memory("rest", "[I2, O]", 65536, "[D1]") + memory("all", "[I1]", 16384, "[D1]") +
      "operational_array: {unit_energy: 1, unit_area: 1, dimensions: [D1], sizes: [4]}\n"
      "dataflows: {D1: [\"C, 4\"]}\n";
  write("core.yaml", core);
  const fs::path lab = kExamples / "labs" / "multicore";
  const std::string system =
      write("system.yaml",
            "name: s\ncores: {0: core.yaml, 1: " + (lab / "cores" / "offchip.yaml").string() +
                "}\noffchip_core_id: 1\ncore_connectivity: [{type: bus, cores: [0, 1], "
                "bandwidth: 64}]\n");
  const std::string layer = write("w.yaml", R"(
- {id: 0, name: gemm, operator_type: Gemm, equation: "O[b][k]+=W[c][k]*I[b][c]", loop_dims: [B, K, C],
   loop_sizes: [64, 64, 64], operand_precision: {W: 8, I: 8, O: 16, O_final: 8}, operand_source: {I: 0, W: 0}}
)");
  const std::vector<std::string> arguments{"schedule", "-w",     layer,           "-a",
                                           system,     "--mode", "layer-by-layer"};
  std::vector<std::string> given = arguments;
  given.insert(given.end(), {"-m", write("m.yaml", "- name: default\n")});
  EXPECT_EQ(captured_run(given).code, kInfeasible);  // as in the reference
  const Outcome found = captured_run(arguments);
  EXPECT_EQ(found.code, kDone) << found.err;
}

TEST_F(Automatic, ScheduleShowsItsLayersAndTheirCosts) {
  const fs::path lab = kExamples / "labs" / "multicore";
  const std::vector<std::string> arguments{"schedule",
                                           "-w",
                                           (lab / "four_convs.yaml").string(),
                                           "-a",
                                           (lab / "system.yaml").string(),
                                           "-m",
                                           (lab / "slices.yaml").string(),
                                           "--mode",
                                           "layer-by-layer"};
  EXPECT_THAT(captured_run(arguments).out,
              AllOf(HasSubstr("waits for"), HasSubstr("core 2 cycles")));
  std::vector<std::string> json = arguments;
  json.insert(json.end(), {"--format", "json"});
  const Json result = Json::parse(captured_run(json).out);
  ASSERT_EQ(result.at("layers").size(), 4);
  double energy = 0;
  for (const Json& layer : result.at("layers")) {
    EXPECT_EQ(layer.at("cores").size(), 3);
    EXPECT_LE(layer.at("start").get<double>(), layer.at("end").get<double>());
    energy += layer.at("energy").get<double>();
  }
  EXPECT_LE(energy, result.at("energy").at("total").get<double>() * (1 + 1e-9));
  EXPECT_EQ(result.at("costs").size(), 12);
}

// 120 elements on 4 lanes: 30 cycles and 60 pJ; in and out by a port of 64 bits, 15 words each of
// 100 and 150 pJ, one after the other: 30 cycles as well.
TEST_F(Automatic, VectorUnitsOfCoresTakeWhatSumsNoProducts) {
  const fs::path cores = testing::tutorial_system(folder_ / "tutorial") / "cores";
  std::ifstream file(cores / "big_weights.yaml");
  const std::string core((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  const std::string relu =
      "- {id: 0, name: relu, operator_type: Relu, equation: \"O[b][k]=I[b][k]\", loop_dims: [B, "
      "K],\n"
      "   loop_sizes: [5, 24], operand_precision: {I: 8, O: 16, O_final: 8}, operand_source: {I: "
      "0}}\n";
  const auto scheduled = [&](const std::string& operators) {
    write("unit.yaml",
          core + "\nvector_unit: {lanes: 4, operations: " + operators + ", energy: 0.5}\n");
    const std::string system =
        "name: s\ncores: {0: unit.yaml, 1: " + (cores / "offchip.yaml").string() +
        "}\noffchip_core_id: 1\ncore_connectivity: [{type: bus, cores: [0, 1], "
        "bandwidth: 256}]\n";
    const Outcome outcome =
        captured_run({"schedule", "-w", write("w.yaml", relu), "-a", write("system.yaml", system),
                      "--mode", "layer-by-layer", "--format", "json"});
    EXPECT_EQ(outcome.code, kDone) << outcome.err;
    return Json::parse(outcome.out);
  };
  const Json result = scheduled("1");
  EXPECT_EQ(result.at("latency"), 30);
  EXPECT_EQ(result.at("energy").at("compute"), 60);
  EXPECT_EQ(result.at("energy").at("memory"), 0);
  EXPECT_EQ(result.at("energy").at("offchip_memory"), 15 * 100 + 15 * 150);
  // One that knows other operators leaves it to the array.
  EXPECT_NE(scheduled("[Gelu]").at("energy").at("compute"), 60);
}

TEST_F(Automatic, OperatorsRunOnTheCoresThatListThem) {
  const fs::path lab = kExamples / "labs" / "multicore";
  std::ifstream file(lab / "cores" / "output_stationary.yaml");
  const std::string core((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  write("listed.yaml", core + "\noperator_types: [Conv]\n");
  const std::string system =
      "name: s\ncores: {0: " + (lab / "cores" / "big_weights.yaml").string() +
      ", 1: listed.yaml, 2: " + (lab / "cores" / "offchip.yaml").string() +
      "}\noffchip_core_id: 2\ncore_connectivity: [{type: bus, cores: [0, 1, 2], bandwidth: 32}]\n";
  const Outcome outcome =
      captured_run({"schedule", "-w", (lab / "four_convs.yaml").string(), "-a",
                    write("system.yaml", system), "--mode", "layer-by-layer", "--format", "json"});
  ASSERT_EQ(outcome.code, kDone) << outcome.err;
  const Json scheduled = Json::parse(outcome.out);
  for (const Json& layer : scheduled.at("allocation")) {
    EXPECT_EQ(layer.at("cores"), Json::array({1}));
  }
}

}  // namespace
}  // namespace ridgeline::engine
