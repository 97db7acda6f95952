#include "search/depth_first/fusion_ways.hpp"

#include <algorithm>

#include "model/core/index.hpp"

namespace ridgeline::search {

std::vector<std::int64_t> tile_extents(std::int64_t map, bool all) {
  std::vector<std::int64_t> list;
  if (all) {
    for (std::int64_t extent = map; extent >= 1; --extent) list.push_back(extent);
    return list;
  }
  const auto add = [&](std::int64_t tiles) {
    const std::int64_t extent = (map + tiles - 1) / tiles;
    if (list.empty() || list.back() != extent) list.push_back(extent);
  };
  for (std::int64_t tiles = 1; tiles < map; tiles *= 2) {
    add(tiles);
    if (tiles >= 2 && tiles + tiles / 2 < map) add(tiles + tiles / 2);
  }
  if (list.empty() || list.back() != 1) list.push_back(1);
  return list;
}

std::vector<FusionWay> ways_of(const model::Stack& stack, const FusionOptions& options,
                               bool all_tiles) {
  const auto& map = stack.network.nodes[z(stack.last)].map;
  std::vector<Tile> tiles;
  for (const Tile& tile : options.tiles) {
    tiles.push_back({std::min(tile.x, map[0]), std::min(tile.y, map[1])});
  }
  if (options.tiles.empty()) {
    for (const std::int64_t y : tile_extents(map[1], all_tiles)) {
      for (const std::int64_t x : tile_extents(map[0], all_tiles)) tiles.push_back({x, y});
    }
  }
  const auto asked = [&](Overlap overlap) {
    return std::find(options.overlaps.begin(), options.overlaps.end(), overlap) !=
           options.overlaps.end();
  };
  std::vector<FusionWay> ways;
  for (const Tile& tile : tiles) {
    for (const Overlap overlap : options.overlaps) {
      // Without neighbours there is nothing to keep for them.
      const bool columns = tile.x < map[0];
      const bool rows = tile.y < map[1];
      if (overlap != options.overlaps.front()) {
        if (overlap == Overlap::h_cached && !columns) continue;
        if (overlap == Overlap::cached && !rows && asked(Overlap::h_cached)) continue;
      }
      FusionWay& way = ways.emplace_back();
      way.tile = tile;
      way.overlap = overlap;
      way.place = ways.size() - 1;
    }
  }
  return ways;
}

std::vector<StackJob> jobs_of(const FusionCore& core, const FusionRules& rules,
                              const TileSolver& solver, const std::vector<BlockWay>& ways) {
  struct Fresh {
    const model::Stack* stack;
    std::size_t axis;
    std::int64_t tile;
    bool kept;
    AxisTiling* tiling;
  };
  std::vector<Fresh> fresh;
  for (const BlockWay& one : ways) {
    if (rules.defines) break;
    const model::Stack& stack = *one.block->stack;
    const auto& map = stack.network.nodes[z(stack.last)].map;
    for (std::size_t axis = 0; axis < model::kAxes; ++axis) {
      const bool kept = one.way.overlap == Overlap::cached ||
                        (axis == 0 && one.way.overlap != Overlap::recompute);
      const std::int64_t tile = std::min(axis == 0 ? one.way.tile.x : one.way.tile.y, map[axis]);
      AxisTiling* tiling = new_tiling(one.block->plans, axis, tile, kept);
      if (tiling != nullptr) fresh.push_back({&stack, axis, tile, kept, tiling});
    }
  }
  solver.each(fresh.size(), [&](std::size_t i) {
    fill_tiling(*fresh[i].stack, fresh[i].axis, fresh[i].tile, fresh[i].kept, *fresh[i].tiling);
  });
  std::vector<StackJob> jobs(ways.size());
  solver.each(ways.size(), [&](std::size_t w) {
    const FusionWay& way = ways[w].way;
    FusionBlock& block = *ways[w].block;
    jobs[w].stack = block.stack.get();
    jobs[w].detail = false;
    jobs[w].plan = plan_stack(core, *block.stack, way.tile.x, way.tile.y, way.overlap, {}, rules,
                              &block.plans);
    // The sums of what costs no more than the limit grow fastest like this.
    std::stable_sort(jobs[w].plan.kinds.begin(), jobs[w].plan.kinds.end(),
                     [](const TileKind& a, const TileKind& b) { return a.count > b.count; });
  });
  return jobs;
}

std::vector<StackJob*> pointers(std::vector<StackJob>& jobs) {
  std::vector<StackJob*> list;
  for (StackJob& job : jobs) list.push_back(&job);
  return list;
}

}  // namespace ridgeline::search
