// `ridgeline evaluate --depth-first` on the example cores, and what it says of bad input.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "engine/commands/exit_code.hpp"
#include "tests/support/captured_run.hpp"

namespace ridgeline::engine {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

class DepthFirstCommand : public ::testing::Test {
 protected:
  DepthFirstCommand()
      : folder_(fs::temp_directory_path() / ("ridgeline_fused_" + std::to_string(getpid()))) {
    fs::create_directories(folder_);
  }
  ~DepthFirstCommand() override { fs::remove_all(folder_); }

  std::string write(const std::string& name, const std::string& text) const {
    const fs::path path = folder_ / name;
    std::ofstream(path) << text;
    return path.string();
  }

  // The mobile network on the small core, by loma if nothing else is said.
  testing::Outcome run(std::vector<std::string> more) {
    const std::string folder = std::string(RIDGELINE_SOURCE_DIR) + "/examples/depth-first/";
    std::vector<std::string> arguments{
        "evaluate",
        "-w",
        folder + "mobile.yaml",
        "-a",
        accelerator_.empty() ? folder + "small_core.yaml" : accelerator_,
        "-m",
        folder + "small_core_mapping.yaml",
        "--engine",
        engine_,
        "--lpf-limit",
        "4",
        "--threads",
        "1"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return testing::captured_run(arguments);
  }

  fs::path folder_;
  std::string accelerator_;
  std::string engine_ = "loma";
};

TEST_F(DepthFirstCommand, FiguresAddUpFromTilesToTheTotal) {
  const testing::Outcome outcome = run({"--depth-first", "--tile", "7,7", "--overlap", "cached",
                                        "--objective", "energy", "--format", "json"});
  ASSERT_EQ(outcome.code, kDone) << outcome.err;
  const auto json = nlohmann::json::parse(outcome.out);
  EXPECT_EQ(json["schema"], "ridgeline.depth_first/1");
  double energy = 0;
  double latency = 0;
  for (const auto& stack : json["stacks"]) {
    double tiles = 0;
    for (const auto& kind : stack["tile_types"]) {
      double one = 0;
      for (const auto& layer : kind["layers"]) {
        one += layer["copy_energy"].get<double>() + layer.value("energy", 0.0);
      }
      EXPECT_NEAR(one, kind["energy"].get<double>(), 1e-9 * one);
      energy += kind["count"].get<double>() * kind["energy"].get<double>();
      latency += kind["count"].get<double>() * kind["latency"].get<double>();
      tiles += kind["count"].get<double>();
    }
    EXPECT_EQ(tiles, stack["tiles"].get<double>());
    for (const auto& [memory, peak] : stack["peaks"].items()) {
      EXPECT_LE(peak["bits"].get<double>(), peak["capacity"].get<double>()) << memory;
    }
  }
  EXPECT_NEAR(energy, json["total"]["energy"].get<double>(), 1e-9 * energy);
  EXPECT_NEAR(latency, json["total"]["latency"].get<double>(), 1e-9 * latency);
  EXPECT_GT(json["saved"]["layer_by_layer"]["energy_ratio"].get<double>(), 1);
}

TEST_F(DepthFirstCommand, GivenPointsAreProvenWhereEveryLayerTileIs) {
  const auto proven = [&](const std::string& objective, const std::string& engine) {
    engine_ = engine;
    const testing::Outcome outcome = run({"--depth-first", "--tile", "14,14", "--overlap", "cached",
                                          "--format", "json", "--objective", objective});
    EXPECT_EQ(outcome.code, kDone) << outcome.err;
    const auto json = nlohmann::json::parse(outcome.out);
    if (json["optimal"].get<bool>()) {
      EXPECT_EQ(json["lower_bound"], json["total"][objective]);
    }
    return json["optimal"].get<bool>();
  };
  EXPECT_TRUE(proven("energy", "exact"));
  EXPECT_FALSE(proven("energy", "loma"));
  EXPECT_FALSE(proven("edp", "exact"));
}

TEST_F(DepthFirstCommand, BadInputIsAnsweredWithWhatIsWrong) {
  testing::Outcome outcome = run({"--depth-first", "--tile", "4000,7", "--overlap", "cached"});
  EXPECT_EQ(outcome.code, kUsage);
  EXPECT_THAT(outcome.err, HasSubstr("a tile of 4000 x 7 is larger than the largest map"));

  outcome = run({"--tile", "7,7"});
  EXPECT_EQ(outcome.code, kUsage);
  EXPECT_THAT(outcome.err, HasSubstr("--tile needs --depth-first"));

  outcome = run({"--depth-first", "--tile", "7x7"});
  EXPECT_EQ(outcome.code, kUsage);
  EXPECT_THAT(outcome.err, HasSubstr("--tile takes X,Y"));

  outcome = run({"--depth-first", "--overlap", "cache"});
  EXPECT_EQ(outcome.code, kUsage);
  EXPECT_THAT(outcome.err, HasSubstr("cached"));

  outcome = run({"--depth-first", "--tile", "7,7", "--overlap", "cached", "--stacks",
                 write("cuts.yaml", "cuts: [conv2, conv5]\n")});
  EXPECT_EQ(outcome.code, kInvalidInput);
  EXPECT_THAT(outcome.err, HasSubstr("/cuts/1"));
  EXPECT_THAT(outcome.err, HasSubstr("no layer is called 'conv5'"));

  outcome = run({"--depth-first", "--tile", "7,7", "--overlap", "cached", "--stacks",
                 write("back.yaml", "[conv4, conv2]\n")});
  EXPECT_EQ(outcome.code, kInvalidInput);
  EXPECT_THAT(outcome.err, HasSubstr("does not come after"));
}

TEST_F(DepthFirstCommand, AMemoryTooSmallForATileIsNamedAndTheRestReported) {
  std::ifstream file(std::string(RIDGELINE_SOURCE_DIR) + "/examples/depth-first/small_core.yaml");
  std::string text((std::istreambuf_iterator<char>(file)), {});
  const auto place = text.find("size: 10000000000");
  ASSERT_NE(place, std::string::npos);
  // A DRAM that does not hold the weights of the widest layers.
  text.replace(place, std::string("size: 10000000000").size(), "size: 2000000");
  accelerator_ = write("tiny.yaml", text);
  const testing::Outcome outcome =
      run({"--depth-first", "--tile", "7,7", "--overlap", "recompute", "--format", "json"});
  EXPECT_EQ(outcome.code, kInfeasible);
  const auto json = nlohmann::json::parse(outcome.out);
  std::size_t infeasible = 0;
  for (const auto& stack : json["stacks"]) {
    if (!stack.contains("infeasible")) continue;
    ++infeasible;
    EXPECT_THAT(stack["infeasible"].get<std::string>(), HasSubstr("dram"));
  }
  EXPECT_GT(infeasible, 0u);
  EXPECT_LT(infeasible, json["stacks"].size());
  EXPECT_GT(json["total"]["energy"].get<double>(), 0);
}

}  // namespace
}  // namespace ridgeline::engine
