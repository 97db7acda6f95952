// The published case study under the reference's rules: structure, copies, counts, energy, latency.
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <iostream>
#include <map>

#include "search/depth_first/fusion_search.hpp"
#include "tests/support/depth_first_case.hpp"
#include "tests/support/golden.hpp"

namespace ridgeline {
namespace {

using testing::Json;

Json golden(const std::string& file) {
  const auto folder = testing::golden_folder("depth_first");
  if (folder.empty()) return {};
  std::ifstream stream(folder / file);
  return stream ? Json::parse(stream) : Json();
}

search::FusionOptions options_of(const Json& point) {
  search::FusionOptions options;
  options.rules.defines = true;
  options.mapper.objective = search::Objective::energy;
  options.mapper.lpf_limit = 6;
  const Json& config = point.at("config");
  options.tiles = {{config.at("tile_x"), config.at("tile_y")}};
  options.overlaps = {static_cast<search::Overlap>(config.at("mode").get<int>() - 1)};
  if (!point.at("stack_cuts").empty()) {
    options.cuts = point.at("stack_cuts").get<std::vector<int>>();
  }
  return options;
}

struct Key {
  double energy = 0;
  double latency = 0;
  std::vector<std::pair<double, const search::TileNode*>> tiles;  // count
};

// Figures by the reference's keys.
std::map<std::string, Key> keys_of(const search::FusionPoint& point) {
  std::map<std::string, Key> keys;
  for (const search::FusedStack& stack : point.stacks) {
    for (std::size_t k = 0; k < stack.job.cost.tiles.size(); ++k) {
      const double count = stack.job.plan.kinds[k].count;
      for (const search::TileNode& node : stack.job.cost.tiles[k].nodes) {
        const model::FusedNode& fused =
            stack.stack->network.nodes[static_cast<std::size_t>(node.node)];
        Key& copies = keys["datamovement_b4_" + fused.key];
        copies.energy += count * node.copies.energy;
        copies.latency += count * node.copies.latency;
        copies.tiles.emplace_back(count, &node);
        if (node.mapped == nullptr) continue;
        Key& own = keys[std::to_string(fused.id)];
        own.energy += count * node.mapped->evaluation.cost.energy;
        own.latency += count * node.mapped->evaluation.latency.total1;
        own.tiles.emplace_back(count, &node);
      }
    }
  }
  return keys;
}

std::string name_of(const Json& layer) {
  const Json& id = layer.at("layer");
  return id.is_string() ? id.get<std::string>() : std::to_string(id.get<int>());
}

void expect_copies(const Json& expected, const model::CopyLayer& got,
                   const model::Accelerator& core) {
  ASSERT_EQ(got.copies.size(), expected.size());
  for (std::size_t a = 0; a < expected.size(); ++a) {
    const model::CopyCost& copy = got.copies[a];
    EXPECT_EQ(copy.copy.bits, expected[a].at("bits").get<double>());
    const auto end = [&](const Json& place, const model::CopyEnd& ours) {
      EXPECT_EQ(core.memories[static_cast<std::size_t>(ours.memory)].name,
                place[2].get<std::string>());
    };
    end(expected[a].at("from"), copy.copy.from);
    end(expected[a].at("to"), copy.copy.to);
    if (!expected[a].contains("cycles")) continue;
    const auto cycles = expected[a].at("cycles").get<std::vector<double>>();
    ASSERT_EQ(copy.hops.size(), cycles.size());
    for (std::size_t h = 0; h < cycles.size(); ++h) EXPECT_EQ(copy.hops[h].cycles, cycles[h]);
  }
}

void expect_point(const Json& expected, bool whole) {
  const model::Accelerator core = testing::published_core();
  const model::MappingSpec mapping = testing::published_mapping();
  search::FusionOptions options = options_of(expected);
  const search::FusionResult result = search::cost_fusions(
      model::fused_network(testing::published_network()), core, mapping, options);
  ASSERT_EQ(result.points.size(), 1u);
  const search::FusionPoint& point = result.points[0];
  ASSERT_EQ(point.infeasible, 0u) << point.stacks[0].job.cost.infeasible;
  const std::map<std::string, Key> keys = keys_of(point);
  for (const Json& layer : expected.at("layers")) {
    const std::string name = name_of(layer);
    SCOPED_TRACE(name);
    ASSERT_EQ(keys.count(name), 1u);
    const Key& key = keys.at(name);
    const Json& tiles = layer.at("tile_types");
    ASSERT_EQ(key.tiles.size(), tiles.size());
    for (std::size_t t = 0; t < tiles.size(); ++t) {
      SCOPED_TRACE(t);
      EXPECT_EQ(key.tiles[t].first, tiles[t].at("count").get<double>());
      const search::TileNode& node = *key.tiles[t].second;
      if (tiles[t].contains("actions")) {
        expect_copies(tiles[t].at("actions"), node.copies, core);
        EXPECT_NEAR(node.copies.energy, tiles[t].at("energy").get<double>(),
                    1e-9 * node.copies.energy);
        continue;
      }
      if (!whole) continue;
      const double energy = tiles[t].at("energy").get<double>();
      EXPECT_NEAR(node.mapped->evaluation.cost.energy, energy, 1e-9 * energy);
      EXPECT_EQ(node.mapped->evaluation.latency.total1,
                tiles[t].at("latency_total1").get<double>());
      EXPECT_EQ(node.mapped->evaluation.latency.total2,
                tiles[t].at("latency_total2").get<double>());
    }
    if (whole) {
      EXPECT_NEAR(key.energy, layer.at("energy").get<double>(), 1e-9 * key.energy);
      EXPECT_EQ(key.latency, layer.at("latency_total1").get<double>());
    }
  }
  if (whole) {
    const double energy = expected.at("energy_pJ").get<double>();
    EXPECT_NEAR(point.energy, energy, 1e-9 * energy);
    EXPECT_EQ(point.latency, expected.at("latency_total1_cc").get<double>());
    EXPECT_EQ(point.latency_offloaded,
              expected.at("latency_total2_sum_over_tiles_cc").get<double>());
  } else {
    EXPECT_NEAR(point.copy_energy, expected.at("total_copy_energy").get<double>(),
                1e-9 * point.copy_energy);
    EXPECT_EQ(point.copy_latency, expected.at("total_copy_latency").get<double>());
    EXPECT_EQ(point.macs, expected.at("total_macs").get<double>());
  }
}

TEST(DefinesGolden, PublishedPointsAreMetToTheLastCycle) {
  const Json file = golden("fsrcnn_meta_prototype_df.json");
  if (file.is_null()) GTEST_SKIP() << "no golden figures here";
  for (const Json& point : file.at("points")) {
    SCOPED_TRACE(point.at("config").dump());
    expect_point(point, true);
  }
}

TEST(DefinesGolden, StructureAndCopiesAreMet) {
  const Json file = golden("fsrcnn_meta_prototype_df_structure.json");
  if (file.is_null()) GTEST_SKIP() << "no golden figures here";
  for (const Json& point : file.at("points")) {
    SCOPED_TRACE(point.at("config").dump());
    expect_point(point, false);
  }
}

// Searched over tiles and ways of overlap, by the reference's rules or ours. `tiles`: of these;
// empty: of the list.
double best_of_search(bool defines, search::Objective objective,
                      const std::vector<search::Tile>& tiles) {
  const model::Accelerator core = testing::published_core();
  const model::MappingSpec mapping = testing::published_mapping();
  search::FusionOptions options;
  options.rules.defines = defines;
  options.mapper.objective = objective;
  options.mapper.lpf_limit = 6;
  options.mapper.engine = search::Engine::exact;
  options.mapper.node_limit = 300'000;
  options.tiles = tiles;
  options.overlaps = {search::Overlap::recompute, search::Overlap::h_cached,
                      search::Overlap::cached};
  options.search_overlap = true;
  options.references = false;
  const search::FusionResult found = search::search_fusion(
      model::fused_network(testing::published_network()), core, mapping, options, {});
  EXPECT_EQ(found.points.at(0).infeasible, 0u);
  const search::FusedStack& stack = found.points[0].stacks.at(0);
  std::cout << (defines ? "defines" : "ridgeline") << ", "
            << (objective == search::Objective::energy ? "energy" : "latency") << ": "
            << stack.job.plan.tile_x << " x " << stack.job.plan.tile_y << " "
            << search::to_string(stack.job.plan.overlap) << ", " << found.points[0].energy * 1e-9
            << " mJ, " << found.points[0].latency * 1e-6 << " million cycles"
            << (found.proven ? ", proven" : "") << "\n";
  return search::objective_value(objective, found.points[0].cost());
}

// The best fusion is no worse than any published point: by the same rules, and by ours.
void expect_none_better(const std::vector<search::Tile>& tiles) {
  const Json file = golden("fsrcnn_meta_prototype_df.json");
  if (file.is_null()) GTEST_SKIP() << "no golden figures here";
  const double energy = best_of_search(true, search::Objective::energy, tiles);
  const double latency = best_of_search(true, search::Objective::latency, tiles);
  const double ours = best_of_search(false, search::Objective::energy, tiles);
  const model::Accelerator core = testing::published_core();
  const model::MappingSpec mapping = testing::published_mapping();
  for (const Json& point : file.at("points")) {
    SCOPED_TRACE(point.at("config").dump());
    EXPECT_LE(energy, point.at("energy_pJ").get<double>() * (1 + 1e-9));
    EXPECT_LE(latency, point.at("latency_total1_cc").get<double>());
    search::FusionOptions options = options_of(point);
    options.rules.defines = false;
    options.references = false;
    options.mapper.engine = search::Engine::exact;
    options.mapper.node_limit = 300'000;
    const search::FusionResult same = search::cost_fusions(
        model::fused_network(testing::published_network()), core, mapping, options);
    ASSERT_EQ(same.points.at(0).infeasible, 0u);
    EXPECT_LE(ours, same.points[0].energy * (1 + 1e-9));
    std::cout << "published " << point.at("config").at("tile_x") << " x "
              << point.at("config").at("tile_y") << ", mode " << point.at("config").at("mode")
              << ", cuts " << point.at("stack_cuts").dump() << ": "
              << point.at("energy_pJ").get<double>() * 1e-9 << " mJ, "
              << point.at("latency_total1_cc").get<double>() * 1e-6 << " million cycles; ours "
              << same.points[0].energy * 1e-9 << " mJ\n";
  }
}

TEST(DefinesGolden, NoPublishedPointIsBetterThanTheBestOfItsTiles) {
  expect_none_better({{960, 540}, {60, 72}, {8, 68}});
}

TEST(SlowDefinesGolden, NoPublishedPointIsBetterThanTheBestOfAllTilesOfTheList) {
  expect_none_better({});
}

}  // namespace
}  // namespace ridgeline
