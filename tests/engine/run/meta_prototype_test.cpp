// ResNet-18 on an accelerator of four array dimensions whose memories are not listed in the order
// of their generations: published figures of the reference, which any checkout can meet.
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "engine/commands/cli.hpp"
#include "engine/commands/exit_code.hpp"
#include "tests/support/captured_run.hpp"

namespace ridgeline::engine {
namespace {

namespace fs = std::filesystem;

constexpr const char* kAccelerator = R"(name: meta_prototype
operational_array:
  {dimensions: [D1, D2, D3, D4], sizes: [32, 2, 4, 4], unit_energy: 0.04, unit_area: 1}
memories:
  rf_1B:
    size: 8
    r_cost: 0.01
    w_cost: 0.01
    area: 0
    latency: 1
    operands: [I2]
    served_dimensions: [D3, D4]
    ports:
      - {name: r_port_1, type: read, bandwidth_min: 8, bandwidth_max: 8, allocation: ["I2, tl"]}
      - {name: w_port_1, type: write, bandwidth_min: 8, bandwidth_max: 8, allocation: ["I2, fh"]}
  rf_2B:
    size: 16
    r_cost: 0.02
    w_cost: 0.02
    area: 0
    latency: 1
    operands: [O]
    served_dimensions: [D2]
    ports:
      - {name: r_port_1, type: read, bandwidth_min: 16, bandwidth_max: 16, allocation: ["O, tl"]}
      - {name: r_port_2, type: read, bandwidth_min: 16, bandwidth_max: 16, allocation: ["O, th"]}
      - {name: w_port_1, type: write, bandwidth_min: 16, bandwidth_max: 16, allocation: ["O, fh"]}
      - {name: w_port_2, type: write, bandwidth_min: 16, bandwidth_max: 16, allocation: ["O, fl"]}
  sram_64KB:
    size: 524288
    r_cost: 26.56
    w_cost: 30.8
    area: 0
    latency: 1
    operands: [I2]
    served_dimensions: [D1, D2, D3, D4]
    ports:
      - {name: r_port_1, type: read, bandwidth_min: 64, bandwidth_max: 512, allocation: ["I2, tl"]}
      - {name: w_port_1, type: write, bandwidth_min: 64, bandwidth_max: 512, allocation: ["I2, fh"]}
  sram_32KB:
    size: 262144
    r_cost: 13.28
    w_cost: 15.4
    area: 0
    latency: 1
    operands: [I1]
    served_dimensions: [D1, D2, D3, D4]
    ports:
      - {name: r_port_1, type: read, bandwidth_min: 64, bandwidth_max: 256, allocation: ["I1, tl"]}
      - {name: w_port_1, type: write, bandwidth_min: 64, bandwidth_max: 256, allocation: ["I1, fh"]}
  sram_1MB_A:
    size: 8388608
    r_cost: 208.08
    w_cost: 189.2
    area: 0
    latency: 1
    operands: [I1, O]
    served_dimensions: [D1, D2, D3, D4]
    ports:
      - {name: r_port_1, type: read, bandwidth_min: 64, bandwidth_max: 1024,
         allocation: ["I1, tl", "O, tl", "O, th"]}
      - {name: w_port_1, type: write, bandwidth_min: 64, bandwidth_max: 1024,
         allocation: ["I1, fh", "O, fh", "O, fl"]}
  sram_1MB_W:
    size: 8388608
    r_cost: 208.08
    w_cost: 189.2
    area: 0
    latency: 1
    operands: [I2]
    served_dimensions: [D1, D2, D3, D4]
    ports:
      - {name: r_port_1, type: read, bandwidth_min: 64, bandwidth_max: 1024, allocation: ["I2, tl"]}
      - {name: w_port_1, type: write, bandwidth_min: 64, bandwidth_max: 1024, allocation: ["I2, fh"]}
  dram:
    size: 10000000000
    r_cost: 700
    w_cost: 750
    area: 0
    latency: 1
    operands: [I1, I2, O]
    served_dimensions: [D1, D2, D3, D4]
    ports:
      - {name: rw_port_1, type: read_write, bandwidth_min: 64, bandwidth_max: 64,
         allocation: ["I1, fh", "I1, tl", "I2, fh", "I2, tl", "O, fh", "O, tl", "O, fl", "O, th"]}
)";

constexpr const char* kMapping = R"(- name: default
  spatial_mapping: {D1: ["K, 32"], D2: ["C, 2"], D3: ["OX, 4"], D4: ["OY, 4"]}
)";
// D2 is left to the search; the output's axes share D3, and D4.
constexpr const char* kMixedMapping = R"(- name: default
  spatial_mapping: {D1: ["K, 32"], D3: ["OX, 2", "OY, 2"], D4: ["OX, 2", "OY, 2"]}
  spatial_mapping_hint: {D2: [C]}
)";

struct Figures {
  const char* mapping;
  std::vector<std::string> flags;
  double energy;   // pJ
  double latency;  // cycles
};

TEST(SlowMetaPrototype, MeetsTheReferencesFiguresForResNet18) {
  const fs::path folder =
      fs::temp_directory_path() / ("ridgeline_meta_prototype_" + std::to_string(getpid()));
  fs::create_directories(folder);
  const auto write = [&](const char* name, const char* text) {
    std::ofstream(folder / name) << text;
    return (folder / name).string();
  };
  for (const Figures& expected :
       {Figures{kMapping, {}, 1863284164.16, 2700449.66},
        Figures{kMapping, {"--keep-on-chip"}, 1710966136.48, 2689737.0},
        Figures{kMixedMapping, {"--keep-on-chip", "--mixed-spatial"}, 1746642408.16, 2688913.66}}) {
    std::vector<std::string> arguments{"evaluate",
                                       "--workload",
                                       RIDGELINE_SOURCE_DIR "/examples/workloads/resnet18.onnx",
                                       "--accelerator",
                                       write("a.yaml", kAccelerator),
                                       "--mapping",
                                       write("m.yaml", expected.mapping),
                                       "--engine",
                                       "loma",
                                       "--format",
                                       "json",
                                       "--quiet"};
    arguments.insert(arguments.end(), expected.flags.begin(), expected.flags.end());
    const testing::Outcome outcome = testing::captured_run(arguments);
    ASSERT_EQ(outcome.code, kDone) << outcome.err;
    const auto total = nlohmann::json::parse(outcome.out).at("total");
    EXPECT_NEAR(total.at("energy").get<double>(), expected.energy, 1e-6 * expected.energy);
    EXPECT_NEAR(total.at("latency").get<double>(), expected.latency, 1e-6 * expected.latency);
  }
  fs::remove_all(folder);
}

}  // namespace
}  // namespace ridgeline::engine
