// Under the strict model a better core is never worse: more bandwidth, more room, a port of its own
// or cheaper accesses leave the optimum of `exact` where it is, or better (docs/strict-model.md,
// 6), under a given spatial mapping and where it is free. How many pairs of cores:
// RIDGELINE_STRICT_CASES.
#include <gtest/gtest.h>

#include <array>
#include <cstdlib>
#include <iostream>
#include <random>
#include <string>
#include <vector>

#include "model/core/hierarchy.hpp"
#include "model/core/index.hpp"
#include "search/mapping/mapper.hpp"
#include "tests/support/random_problem.hpp"

namespace ridgeline::search {
namespace {

std::uint64_t cases(std::uint64_t usual) {
  const char* text = std::getenv("RIDGELINE_STRICT_CASES");
  return text == nullptr ? usual : std::strtoull(text, nullptr, 10);
}

enum class Change : std::uint8_t { bandwidth, capacity, port, cost };
constexpr std::array<const char*, 4> kChanges{"bandwidth", "capacity", "port", "cost"};

// One memory of the core is better; false where there is nothing to better.
bool better_core(model::Accelerator& core, Change change, std::mt19937_64& random) {
  model::Memory& memory = core.memories[random() % core.memories.size()];
  switch (change) {
    case Change::bandwidth:
      memory.ports[random() % memory.ports.size()].bandwidth_max *= 2;
      return true;
    case Change::capacity:
      memory.size *= random() % 2 == 0 ? 2 : 3;
      return true;
    case Change::port: {
      model::Port& port = memory.ports[random() % memory.ports.size()];
      if (port.allocation.size() < 2) return false;
      model::Port second = port;
      second.name = "rw_port_9";
      second.allocation.clear();
      const auto moved = static_cast<std::ptrdiff_t>(random() % port.allocation.size());
      second.allocation.push_back(port.allocation[z(moved)]);
      port.allocation.erase(port.allocation.begin() + moved);
      memory.ports.push_back(second);
      return true;
    }
    case Change::cost:
      (random() % 2 == 0 ? memory.r_cost : memory.w_cost) *= 0.5;
      return true;
  }
  return false;
}

std::vector<model::ArrayDimUnroll> as_given(const model::SpatialMapping& spatial,
                                            const model::Layer& layer,
                                            const model::Accelerator& core) {
  std::vector<model::ArrayDimUnroll> given;
  for (const model::SpatialDim& entry : spatial) {
    model::ArrayDimUnroll unroll{core.array.dims[z(entry.array_dim)].name, {}};
    for (const model::SpatialLoop& loop : entry.loops) {
      unroll.unrolls.push_back({layer.dims[z(loop.dim)].name, loop.factor});
    }
    given.push_back(unroll);
  }
  return given;
}

enum class Spatial : std::uint8_t { given, generated, all };

// The optimum on one core against that on a better one. The spatial mapping is that of the best
// mapping on the first core, or is free on either.
void compare_pairs(std::uint64_t count, Spatial spatial) {
  std::array<std::uint64_t, 4> pairs{};
  int worse = 0;
  for (std::uint64_t seed = 0, left = count; left > 0; ++seed) {
    std::mt19937_64 random(seed + 40'000);
    auto one = testing::random_problem(random, 2 + static_cast<int>(seed % 3), seed % 4 != 0);
    MapperOptions options;
    options.engine = Engine::exact;
    options.no_quirks = true;
    options.objective = std::array{Objective::latency, Objective::energy, Objective::edp}[seed % 3];
    if (spatial == Spatial::all) options.spatial_candidates = 0;
    const auto map = [&](const model::Accelerator& core) {
      return map_layer(one.layer, core, model::build_hierarchy(core), one.mapping, options);
    };
    LayerResult before = map(one.accelerator);
    if (!before.infeasible.empty() || before.spatial.empty()) continue;
    if (spatial == Spatial::given) {
      one.mapping.spatial_mapping = as_given(before.spatial, one.layer, one.accelerator);
      before = map(one.accelerator);
    }
    if (!before.infeasible.empty() || !before.optimal) continue;
    model::Accelerator core = one.accelerator;
    const auto change = static_cast<Change>(random() % kChanges.size());
    if (!better_core(core, change, random)) continue;
    const LayerResult after = map(core);
    ++pairs[static_cast<std::size_t>(change)];
    --left;
    const double was = objective_value(options.objective, before.evaluation.cost);
    if (after.infeasible.empty() && after.optimal &&
        objective_value(options.objective, after.evaluation.cost) <= was * (1 + 1e-12)) {
      continue;
    }
    ++worse;
    ADD_FAILURE() << "seed " << seed << ", more " << kChanges[static_cast<std::size_t>(change)]
                  << ", objective " << static_cast<int>(options.objective) << ": "
                  << objective_value(options.objective, after.evaluation.cost) << " after " << was
                  << " " << after.infeasible;
  }
  for (std::size_t c = 0; c < kChanges.size(); ++c) {
    std::cout << kChanges[c] << ": " << pairs[c] << " pairs\n";
    EXPECT_GT(pairs[c], 0);
  }
  std::cout << worse << " worse\n";
}

TEST(StrictMonotone, ABetterCoreIsNeverWorseUnderAGivenSpatialMapping) {
  compare_pairs(cases(100), Spatial::given);
}

TEST(StrictMonotone, ABetterCoreIsNeverWorseUnderTheBestGeneratedOne) {
  compare_pairs(cases(100), Spatial::generated);
}

TEST(StrictMonotone, ABetterCoreIsNeverWorseUnderTheBestOfAll) {
  compare_pairs(cases(100), Spatial::all);
}

TEST(SlowStrictMonotone, ABetterCoreIsNeverWorseUnderAGivenSpatialMapping) {
  compare_pairs(cases(20'000), Spatial::given);
}

TEST(SlowStrictMonotone, ABetterCoreIsNeverWorseUnderTheBestGeneratedOne) {
  compare_pairs(cases(20'000), Spatial::generated);
}

TEST(SlowStrictMonotone, ABetterCoreIsNeverWorseUnderTheBestOfAll) {
  compare_pairs(cases(20'000), Spatial::all);
}

}  // namespace
}  // namespace ridgeline::search
