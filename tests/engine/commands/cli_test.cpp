#include "engine/commands/cli.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "engine/commands/exit_code.hpp"
#include "tests/support/captured_run.hpp"

namespace ridgeline::engine {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using testing::Outcome;

Outcome run(const std::vector<std::string>& arguments) {
  return testing::captured_run(arguments);
}

TEST(CommandLine, HelpNamesEveryCommand) {
  const Outcome help = run({"--help"});
  EXPECT_EQ(help.code, kDone);
  for (const Command& command : commands()) EXPECT_THAT(help.out, HasSubstr(command.name));
}

TEST(CommandLine, EveryCommandHasHelp) {
  for (const Command& command : commands()) {
    const Outcome help = run({std::string(command.name), "--help"});
    EXPECT_EQ(help.code, kDone) << command.name;
    EXPECT_THAT(help.out, HasSubstr("Usage: ridgeline " + std::string(command.name)));
  }
}

TEST(CommandLine, AnUnknownCommandNamesTheNearest) {
  const Outcome outcome = run({"chekc"});
  EXPECT_EQ(outcome.code, kUsage);
  EXPECT_THAT(outcome.err, HasSubstr("did you mean 'check'?"));
}

TEST(CommandLine, NoCommandIsAUsageErrorWithHelp) {
  const Outcome outcome = run({});
  EXPECT_EQ(outcome.code, kUsage);
  EXPECT_THAT(outcome.err, HasSubstr("Usage:"));
}

TEST(CommandLine, AnUnknownOptionIsAUsageError) {
  const Outcome outcome = run({"check", "--hepl"});
  EXPECT_EQ(outcome.code, kUsage);
  EXPECT_THAT(outcome.err, HasSubstr("--help"));
}

TEST(CommandLine, AMissingFileIsInvalidInput) {
  const Outcome outcome = run({"check", "no/such.yaml"});
  EXPECT_EQ(outcome.code, kInvalidInput);
  EXPECT_EQ(outcome.out, "no/such.yaml: cannot be read: No such file or directory\n");
}

TEST(CommandLine, CheckNotesLoopsThatNoNetworkHas) {
  const std::string mapping =
      R"([{"name": "default", "spatial_mapping": {"D1": ["KK, 32"], "D2": ["C, 32"]},)"
      R"("temporal_ordering": [["OXX", 14], ["K", "*"]]}])";
  const Outcome outcome = run({"check", mapping});
  EXPECT_EQ(outcome.code, kDone);
  EXPECT_THAT(outcome.err, HasSubstr("D1 names a loop 'KK', which no layer of a network has (did "
                                     "you mean 'K'?)"));
  EXPECT_THAT(outcome.err, HasSubstr("temporal_ordering names a loop 'OXX'"));
  EXPECT_THAT(outcome.err, Not(HasSubstr("'C'")));
  EXPECT_EQ(run({"check", "--quiet", mapping}).err, "");
  EXPECT_THAT(run({"check", "--format", "json", mapping}).out, HasSubstr("\"remarks\": ["));
}

// What is checked together with a mapping says which loops, layers and units there are.
TEST(CommandLine, CheckComparesAMappingWithTheFilesBesideIt) {
  const std::string layer =
      R"([{"id": 0, "name": "gemm_a", "operator_type": "Gemm", "equation": "O[x][y]+=W[z][y]*I[x][z]",)"
      R"("loop_dims": ["X", "Y", "Z"], "loop_sizes": [8, 8, 8], "operand_precision": {"W": 8, "I": 8,)"
      R"("O": 16, "O_final": 8}, "operand_source": {"I": 0, "W": 0}}])";
  const std::string mapping =
      R"([{"name": "default", "spatial_mapping": {"D1": ["Y, 64"], "D4": ["Z, 8"]}},)"
      R"({"name": "gemm_b", "temporal_ordering": [["K", 8]]}])";
  const std::string core = RIDGELINE_SOURCE_DIR "/examples/accelerators/tpu_like.yaml";
  const Outcome alone = run({"check", mapping});
  EXPECT_THAT(alone.err, AllOf(HasSubstr("'Y'"), Not(HasSubstr("'K'")), Not(HasSubstr("D4'"))));
  const Outcome outcome = run({"check", mapping, core, layer});
  EXPECT_EQ(outcome.code, kDone) << outcome.out;
  EXPECT_THAT(outcome.err, AllOf(HasSubstr("'K', which no layer of the workload has"),
                                 HasSubstr("\"Y, 64\" on D1 is more than the 32 units of D1"),
                                 HasSubstr("no dimension 'D4'"),
                                 HasSubstr("did you mean 'gemm_a'?"), Not(HasSubstr("'Y'"))));
  const Outcome cores = run({"check", R"([{"name": "default", "intra_core_tiling": ["OYY, 4"]}])"});
  EXPECT_THAT(cores.err, HasSubstr("'OYY'"));
}

TEST(CommandLine, CheckSaysWhatEachOfTheExamplesIs) {
  const std::string examples = RIDGELINE_SOURCE_DIR "/examples/";
  const Outcome outcome =
      run({"check", examples + "accelerators/tpu_like.yaml", examples + "mappings/tpu_like.yaml"});
  EXPECT_EQ(outcome.code, kDone);
  EXPECT_THAT(outcome.out, HasSubstr("tpu_like.yaml: ok, accelerator, 32 x 32 array, 4 memories"));
  EXPECT_THAT(outcome.out, HasSubstr("tpu_like.yaml: ok, mapping, 3 entries"));
}

TEST(CommandLine, CheckGoesOnAfterABadFile) {
  const Outcome outcome = run({"check", RIDGELINE_SOURCE_DIR "/CMakeLists.txt",
                               RIDGELINE_SOURCE_DIR "/examples/accelerators/tpu_like.yaml"});
  EXPECT_EQ(outcome.code, kInvalidInput);
  EXPECT_THAT(outcome.out, HasSubstr("CMakeLists.txt: not a YAML or JSON file"));
  EXPECT_THAT(outcome.out, HasSubstr("ok, accelerator"));
}

TEST(CommandLine, CheckTakesTheValuesOfSymbolicDimensions) {
  const std::string model = RIDGELINE_SOURCE_DIR "/tests/fuzz/seeds/onnx/conv.onnx";
  const Outcome unknown = run({"check", model});
  EXPECT_EQ(unknown.code, kInvalidInput);
  EXPECT_THAT(unknown.out, HasSubstr("(give it a value with --dim N="));
  const Outcome known = run({"check", "--dim", "N=2", model});
  EXPECT_EQ(known.code, kDone);
  EXPECT_THAT(known.out, HasSubstr("conv.onnx: ok, ONNX workload"));
  EXPECT_EQ(run({"check", "--dim", "N", model}).code, kUsage);
  const Outcome json = run({"check", "--format", "json", model});
  EXPECT_EQ(json.code, kInvalidInput);
  EXPECT_THAT(json.out, AllOf(HasSubstr("\"ok\": false"), HasSubstr("\"error\": ")));
  EXPECT_EQ(run({"check", "--quiet", "--dim", "N=2", model}).out, "");
}

TEST(CommandLine, CheckKnowsTheReferencesFiles) {
  const std::filesystem::path inputs = std::filesystem::path(RIDGELINE_REFERENCE_DIR) / "inputs";
  if (!std::filesystem::is_directory(inputs)) {
    GTEST_SKIP() << "the reference's input files are not here";
  }
  std::vector<std::string> arguments{"check"};
  for (const auto& entry : std::filesystem::recursive_directory_iterator(inputs)) {
    const auto extension = entry.path().extension();
    if (extension == ".yaml" || extension == ".onnx") arguments.push_back(entry.path().string());
  }
  const Outcome outcome = run(arguments);
  EXPECT_EQ(outcome.code, kDone) << outcome.out;
}

TEST(CommandLine, VersionIsPrinted) {
  EXPECT_EQ(run({"--version"}).out, "ridgeline " + std::string(version()) + "\n");
}

}  // namespace
}  // namespace ridgeline::engine
