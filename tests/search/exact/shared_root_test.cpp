// Energies of designs that share what mappings move.
#include "search/exact/shared_root.hpp"

#include <gtest/gtest.h>

#include <random>
#include <variant>

#include "search/exact/least_cost.hpp"
#include "search/exact/root_bound.hpp"
#include "tests/support/random_problem.hpp"

namespace ridgeline::search {
namespace {

// Other sizes and costs of the same memories, and wider words.
void vary(std::mt19937_64& random, model::Accelerator& accelerator) {
  for (model::Memory& memory : accelerator.memories) {
    memory.size *= 1 << random() % 3;
    memory.r_cost *= 0.5 + static_cast<double>(random() % 8);
    memory.w_cost *= 0.5 + static_cast<double>(random() % 8);
    for (model::Port& port : memory.ports) {
      const std::int64_t factor = 1 << random() % 2;
      port.bandwidth_max *= factor;
      memory.r_cost *= static_cast<double>(factor);
    }
  }
  accelerator.array.unit_energy += static_cast<double>(random() % 3);
}

TEST(SharedRoots, AreThoseOfEachProblemOnItsOwnLessAnAccessOfEachTransfer) {
  std::mt19937_64 random(5);
  SharedRoots shared;
  int compared = 0;
  for (int i = 0; i < 60; ++i) {
    auto drawn = testing::random_problem(random, 2 + i % 6, i % 2 == 0);
    for (int design = 0; design < 6; ++design) {
      SCOPED_TRACE("problem " + std::to_string(i) + ", design " + std::to_string(design));
      const auto compiled =
          model::compile(drawn.layer, drawn.accelerator, model::build_hierarchy(drawn.accelerator),
                         drawn.mapping, drawn.spatial);
      vary(random, drawn.accelerator);
      if (!std::holds_alternative<model::Problem>(compiled)) continue;
      const model::Problem& problem = std::get<model::Problem>(compiled);
      const model::Cost alone = root_bound(problem);
      const model::Cost together = shared.root(problem);
      // Of what fits nowhere one says infinitely much, the other what it would cost at least.
      if (alone.energy > 0.5 * CutLattice::kInfeasible) continue;
      EXPECT_EQ(together.energy, SharedRoots().root(problem).energy) << "whatever came before";
      EXPECT_LE(together.energy, alone.energy * (1 + 1e-9));
      EXPECT_GE(together.energy, (alone.energy - accesses_cut_off(problem)) * (1 - 1e-8));
      EXPECT_LE(together.latency, alone.latency);
      ++compared;
    }
  }
  EXPECT_GT(compared, 100);
  EXPECT_LT(shared.lattices(), shared.asked() / 3) << "designs share lattices";
}

TEST(SharedRoots, FillNoTableAgainWhereOnlyTheWidthOfWordsDiffers) {
  std::mt19937_64 random(9);
  SharedRoots shared;
  for (;;) {
    auto drawn = testing::random_problem(random, 5, true);
    const auto compile = [&] {
      return model::compile(drawn.layer, drawn.accelerator,
                            model::build_hierarchy(drawn.accelerator), drawn.mapping,
                            drawn.spatial);
    };
    const auto narrow = compile();
    model::Memory& outermost = drawn.accelerator.memories.back();
    outermost.r_cost *= 2;
    outermost.w_cost *= 2;
    for (model::Port& port : outermost.ports) port.bandwidth_max *= 2;
    const auto wide = compile();
    const auto* first = std::get_if<model::Problem>(&narrow);
    const auto* second = std::get_if<model::Problem>(&wide);
    if (first == nullptr || second == nullptr) continue;
    shared.root(*first);
    shared.root(*second);
    EXPECT_EQ(shared.lattices(), 1);
    EXPECT_EQ(shared.tables(), 1);
    return;
  }
}

}  // namespace
}  // namespace ridgeline::search
