// Every golden evaluation of the reference.
#include <gtest/gtest.h>

#include "model/core/hierarchy.hpp"
#include "tests/support/golden_evaluation.hpp"

namespace ridgeline::model {
namespace {

using testing::Json;

TEST(CostModelGolden, EveryEvaluationOfTheReferenceIsReproduced) {
  const auto records = testing::golden_records("cost_model");
  if (records.empty()) GTEST_SKIP() << "no golden cost_model records in this checkout";
  int checked = 0;
  for (const Json& record : records) {
    SCOPED_TRACE(record.at("record_id").get<std::string>());
    const Accelerator accelerator =
        testing::golden_accelerator(record.at("accelerator").at("file"));
    const Layer layer = testing::golden_layer(record.at("layer"));
    testing::expect_golden_evaluation(record, layer, accelerator, build_hierarchy(accelerator),
                                      testing::golden_links(record.at("memory_operand_links")));
    ++checked;
    if (::testing::Test::HasFailure()) break;
  }
  EXPECT_GT(checked, 0);
}

}  // namespace
}  // namespace ridgeline::model
