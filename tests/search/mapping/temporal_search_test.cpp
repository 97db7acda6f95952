#include "search/mapping/temporal_search.hpp"

#include <gtest/gtest.h>

#include <random>
#include <variant>

#include "model/core/problem.hpp"
#include "tests/support/random_problem.hpp"

namespace ridgeline::search {
namespace {

// A walk through the tiles of one mapping takes as long as hundreds of evaluations by the
// reference's rules: budgets would be overrun by all that lies between two looks at them.
TEST(TemporalSearch, LooksAtItsBudgetOftenUnderTheStrictModel) {
  std::mt19937_64 random(11);
  std::int64_t most = 0;
  for (int i = 0; i < 12; ++i) {
    const auto drawn = testing::random_problem(random, 9, true);
    const auto compiled =
        model::compile(drawn.layer, drawn.accelerator, model::build_hierarchy(drawn.accelerator),
                       drawn.mapping, drawn.spatial, model::CostModel::strict);
    if (!std::holds_alternative<model::Problem>(compiled)) continue;
    std::int64_t asked = 0;
    MapperOptions options;
    options.engine = Engine::exact;
    options.no_quirks = true;
    options.budget.stop = [&] {
      ++asked;
      return false;
    };
    const TemporalSearchResult found = search_temporal(
        drawn.layer, drawn.accelerator, drawn.mapping, options, std::get<model::Problem>(compiled),
        {.with_loma = true, .node_limit = 20'000});
    EXPECT_LE(found.evaluated, 100 * (asked + 1)) << i;
    most = std::max(most, found.evaluated);
  }
  EXPECT_GE(most, 1000) << "long enough to tell";
}

}  // namespace
}  // namespace ridgeline::search
