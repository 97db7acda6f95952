#include <gtest/gtest.h>

#include <filesystem>

#include "io/inputs/accelerator_reader.hpp"
#include "io/study/study_document.hpp"

namespace ridgeline::io {
namespace {

Study example(const std::string& name) {
  return Study::read(std::filesystem::path(RIDGELINE_SOURCE_DIR) / "examples/studies" / name);
}

TEST(ExampleStudies, QuickstartSpansAtLeastTwoHundredDesigns) {
  const Study study = example("quickstart.yaml");
  EXPECT_GE(study.count_existing().value(), 200);
  const auto first = study.design_documents(0).accelerator.to_json();
  EXPECT_EQ(first["operational_array"]["sizes"].dump(), "[8,8]");
  const auto last = study.design_documents(study.grid().count - 1);
  const model::Accelerator largest = read_accelerator(last.accelerator.root());
  EXPECT_EQ(largest.memories.back().r_cost, 2800);
  // Costs follow from sizes: at points of the tables they are the sources' own.
  EXPECT_EQ(largest.memories[0].r_cost, 0.095);
  EXPECT_EQ(largest.memories[2].r_cost, 416.16);
  EXPECT_LT(read_accelerator(study.design_documents(0).accelerator.root()).memories[2].r_cost,
            416.16);
  EXPECT_EQ(last.mapping.to_json()[0]["spatial_mapping"].dump(),
            R"({"D1":["K, 64"],"D2":["C, 64"]})");
}

TEST(ExampleStudies, GemmIsFiveMemoriesTimesEightArrays) {
  const Study study = example("gemm.yaml");
  EXPECT_EQ(study.grid().count, 40);
  // 64 KiB with a 16 x 8 x 16 array: m n 8, n k 8 and m k 32 bits, 0.8 of the memory.
  const auto design = study.design_documents(study.id_of({1, 1, 0, 1}));
  const auto accelerator = design.accelerator.to_json();
  const auto l1 = accelerator["memories"]["l1"];
  EXPECT_EQ(accelerator["operational_array"]["sizes"].dump(), "[16,8,16]");
  EXPECT_EQ(l1["size"], 419430);
  EXPECT_EQ(l1["r_cost"], 104);
  EXPECT_EQ(l1["w_cost"], 124.8);
  EXPECT_EQ(l1["ports"][0]["bandwidth_max"], 1024);
  EXPECT_EQ(l1["ports"][1]["bandwidth_max"], 1024);
  EXPECT_EQ(l1["ports"][2]["bandwidth_max"], 8192);
  EXPECT_EQ(design.mapping.to_json()[0]["spatial_mapping"].dump(),
            R"({"D1":["M, 16"],"D2":["N, 8"],"D3":["K, 16"]})");
  for (const auto& value : study.spec().parameters[0].values) {
    const double read = value.edits[0].value.get<double>();
    EXPECT_DOUBLE_EQ(value.edits[1].value.get<double>(), 1.2 * read) << value.label;
  }
}

TEST(ExampleStudies, OvernightSearchesALargeSpace) {
  const Study study = example("overnight.yaml");
  EXPECT_EQ(study.spec().strategy.kind, StrategyKind::nsga2);
  EXPECT_GT(study.count_existing().value(), 30'000);
}

}  // namespace
}  // namespace ridgeline::io
