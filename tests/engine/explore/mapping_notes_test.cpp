// What of a study's mappings means nothing is said before anything is evaluated.
#include "engine/explore/mapping_notes.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>

namespace ridgeline::engine {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class MappingNotes : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::temp_directory_path() / "ridgeline_mapping_notes";
    fs::remove_all(folder_);
    fs::create_directories(folder_);
    write("w.yaml", R"(
- {id: 0, name: gemm, operator_type: Gemm, equation: "O[b][k]+=W[c][k]*I[b][c]", loop_dims: [B, K, C],
   loop_sizes: [8, 24, 56], operand_precision: {W: 8, I: 8, O: 16, O_final: 8}, operand_source: {I: 0, W: 0}}
)");
  }
  void TearDown() override { fs::remove_all(folder_); }

  void write(const std::string& name, const std::string& text) const {
    std::ofstream(folder_ / name) << text;
  }

  std::vector<std::string> notes(const std::string& spatial, const std::string& values) const {
    write("m.yaml", "- {name: default, spatial_mapping: {D1: [\"" + spatial +
                        "\"]}, temporal_ordering: [[B, 8]]}\n");
    write("study.yaml",
          "name: s\nworkloads: [w.yaml]\naccelerator: " RIDGELINE_SOURCE_DIR
          "/examples/accelerators/tpu_like.yaml\nmapping: m.yaml\nparameters:\n  - {name: order, "
          "document: mapping, path: /0/temporal_ordering, values: [" +
              values + "]}\nobjectives: [latency]\n");
    return mapping_notes(io::Study::read(folder_ / "study.yaml"));
  }

  fs::path folder_;
};

TEST_F(MappingNotes, NameTheValueThatMisspellsALoop) {
  EXPECT_THAT(
      notes("K, 24",
            "{label: right, value: [[B, 8]]}, {label: wrong, value: [[BB, 8], [K, \"*\"]]}"),
      ElementsAre(
          AllOf(HasSubstr("order=wrong: "), HasSubstr("'BB'"), HasSubstr("did you mean 'B'?"))));
}

TEST_F(MappingNotes, NameWhatAllDesignsHaveOnce) {
  EXPECT_THAT(notes("K, 64", "{label: a, value: [[B, 8]]}, {label: b, value: [[C, 8]]}"),
              ElementsAre(HasSubstr("more than the 32 units of D1")));
  EXPECT_THAT(notes("K, 8", "{label: a, value: [[B, 8]]}, {label: b, value: [[C, 8]]}"), IsEmpty());
}

}  // namespace
}  // namespace ridgeline::engine
