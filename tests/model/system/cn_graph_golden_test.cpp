#include <gtest/gtest.h>

#include "tests/support/stream_golden.hpp"

namespace ridgeline::model {
namespace {

// Nodes without cost in the networks of the golden vectors.
std::vector<test::GoldenMover> movers(const std::string& name) {
  if (name == "test_attention_fused") return {{3, 1, {.kind = Movement::transpose}}};
  if (name == "resnet18_lbl") {
    return {{47, 46, {.kind = Movement::flatten, .axis = 1}}};
  }
  return {};
}

TEST(CnGraph, EqualsTheReferencesGraphForEveryGoldenVector) {
  const std::vector<std::string> names = test::stream_golden_names();
  ASSERT_FALSE(names.empty());
  for (const std::string& name : names) {
    SCOPED_TRACE(name);
    const nlohmann::json golden = test::load_stream_golden(name);
    const test::GoldenNetwork input = test::golden_network(golden, movers(name));
    const CnGraphResult result = build_cn_graph(input.network, input.mapping, input.options);
    ASSERT_FALSE(result.problem) << result.problem.problem;
    for (const std::string& difference : test::differences(result.graph, golden, false)) {
      ADD_FAILURE() << difference.substr(0, 700);
    }
  }
}

}  // namespace
}  // namespace ridgeline::model
