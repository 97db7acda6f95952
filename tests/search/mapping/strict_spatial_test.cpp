// Spatial mappings under the strict model (docs/strict-model.md, 5).
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <random>
#include <set>
#include <vector>

#include "model/core/hierarchy.hpp"
#include "search/mapping/spatial_candidates.hpp"
#include "search/mapping/strict_spatial.hpp"
#include "tests/support/random_problem.hpp"

namespace ridgeline::search {
namespace {

using Keys = std::vector<std::vector<std::int64_t>>;

Keys listed(const testing::RandomProblem& one, const model::Accelerator& core, int candidates) {
  Keys keys;
  const SpatialCandidates found = spatial_candidates(one.layer, core, model::build_hierarchy(core),
                                                     one.mapping, {candidates, false, {}, true});
  for (const auto& mapping : found.mappings) keys.push_back(real_loops(mapping));
  return keys;
}

bool in(const Keys& keys, const std::vector<std::int64_t>& one) {
  return std::find(keys.begin(), keys.end(), one) != keys.end();
}

// Whatever of the core gets better, what was listed still is.
TEST(StrictSpatial, ListsOnlyGrowWithTheCore) {
  std::uint64_t grown = 0;
  for (std::uint64_t seed = 0; seed < 1000; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937_64 random(seed);
    const auto one = testing::random_problem(random, 2 + static_cast<int>(seed % 6), true);
    for (const int candidates : {1, 3, 0}) {
      const Keys before = listed(one, one.accelerator, candidates);
      EXPECT_EQ(std::set(before.begin(), before.end()).size(), before.size());
      model::Accelerator core = one.accelerator;
      for (model::Memory& memory : core.memories) {
        for (model::Port& port : memory.ports) port.bandwidth_max *= 4;
      }
      EXPECT_EQ(listed(one, core, candidates), before);
      for (model::Memory& memory : core.memories) memory.size *= 1 + random() % 4;
      const Keys after = listed(one, core, candidates);
      for (const auto& key : before) EXPECT_TRUE(in(after, key));
      grown += after.size() > before.size() ? 1 : 0;
    }
  }
  EXPECT_GT(grown, 100);
}

// The best of all that fit are among those that are kept.
TEST(StrictSpatial, KeepsTheBestThatFit) {
  const auto score = [](const std::vector<std::int64_t>& key) {
    std::vector<std::int64_t> totals(16, 1);
    std::int64_t lanes = 1;
    for (std::size_t i = 0; i < key.size(); ++i) {
      if (key[i] < 0) continue;
      totals[static_cast<std::size_t>(key[i])] *= key[i + 1];
      lanes *= key[++i];
    }
    const auto used = static_cast<double>(lanes);
    return used + used / static_cast<double>(*std::max_element(totals.begin(), totals.end()));
  };
  int left_out = 0;
  for (std::uint64_t seed = 0; seed < 1000; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937_64 random(seed);
    const auto one = testing::random_problem(random, 2 + static_cast<int>(seed % 6), true);
    Keys all = listed(one, one.accelerator, 0);
    const Keys kept = listed(one, one.accelerator, 3);
    std::stable_sort(all.begin(), all.end(),
                     [&](const auto& a, const auto& b) { return score(a) > score(b); });
    for (std::size_t i = 0; i < std::min<std::size_t>(3, all.size()); ++i) {
      EXPECT_TRUE(in(kept, all[i])) << i;
    }
    left_out += all.size() > kept.size() ? 1 : 0;
  }
  EXPECT_GT(left_out, 100);
}

// A port that feeds fewer lanes than ask it is slow, and a given mapping is taken as it is.
TEST(StrictSpatial, BandwidthsLimitNothing) {
  std::mt19937_64 random(3);
  int unlike = 0;
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    auto one = testing::random_problem(random, 5, true);
    one.mapping.spatial_mapping.clear();
    for (const model::SpatialDim& dim : one.spatial) {
      model::ArrayDimUnroll unroll{
          one.accelerator.array.dims[static_cast<std::size_t>(dim.array_dim)].name, {}};
      for (const model::SpatialLoop& loop : dim.loops) {
        unroll.unrolls.push_back(
            {one.layer.dims[static_cast<std::size_t>(loop.dim)].name, loop.factor});
      }
      one.mapping.spatial_mapping.push_back(unroll);
    }
    EXPECT_EQ(listed(one, one.accelerator, 3), Keys{real_loops(one.spatial)});
    const SpatialCandidates reference =
        spatial_candidates(one.layer, one.accelerator, model::build_hierarchy(one.accelerator),
                           one.mapping, {3, false, {}, false});
    unlike += reference.mappings.empty() ||
                      real_loops(reference.mappings.front()) != real_loops(one.spatial)
                  ? 1
                  : 0;
  }
  EXPECT_GT(unlike, 10);
}

}  // namespace
}  // namespace ridgeline::search
