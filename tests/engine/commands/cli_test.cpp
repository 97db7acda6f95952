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
  const Outcome outcome = run({"check", "--verbose", mapping});
  EXPECT_EQ(outcome.code, kDone);
  EXPECT_THAT(outcome.err, HasSubstr("D1 names a loop 'KK', which no layer of a network has (did "
                                     "you mean 'K'?)"));
  EXPECT_THAT(outcome.err, HasSubstr("temporal_ordering names a loop 'OXX'"));
  EXPECT_THAT(outcome.err, Not(HasSubstr("'C'")));
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
