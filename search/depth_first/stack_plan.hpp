// What happens tile after tile in one stack of layers: kinds of tiles, what each layer computes for
// them, which memories keep what overlaps (docs/depth-first.md).
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "model/core/accelerator.hpp"
#include "model/core/mapping_spec.hpp"
#include "model/depth_first/stacks.hpp"
#include "model/depth_first/tile_sizes.hpp"
#include "search/depth_first/overlap.hpp"

namespace ridgeline::search {

struct FusionRules {
  bool defines = false;  // the reference's rules, with its cost model; else ours
  bool quirks = true;    // of `defines`: what it does by mistake as well
};

// The core as a stack sees it.
struct FusionCore {
  FusionCore(const model::Accelerator& accelerator, const model::MappingSpec& mapping);

  const model::Accelerator& accelerator;
  const model::MappingSpec& mapping;
  std::vector<int> inputs;  // memories of activations that are read, innermost first
  std::vector<int> weights;
  std::vector<int> outputs;
  std::vector<bool> spread;  // by memory: of several instances, which cannot keep maps

  double size(int memory) const;
  // Memories that keep what layers write for layers that read, innermost first.
  std::vector<int> shared() const;
  // What automatic cuts take for the memory of a stack's weights, in bits.
  double weight_capacity(const FusionRules& rules) const;
  const model::MappingEntry& entry(const model::FusedNode& node) const;
};

// Memories of the two caches and of a stack's weights; -1: as low as it fits.
struct CacheLevels {
  int columns = -1;
  int rows = -1;
  int weights = -1;
};

// Tiles that cost the same.
struct TileKind {
  double count = 0;
  model::AxisTile x;
  model::AxisTile y;
  bool first = false;     // of the stack: its weights come from the outermost memory
  int make_columns = -1;  // memories; -1: nothing is kept
  int use_columns = -1;
  int make_rows = -1;
  int use_rows = -1;
  std::vector<std::int64_t> write_columns;  // by node
  std::vector<std::int64_t> write_rows;
  std::vector<std::vector<std::int64_t>> read_columns;  // by node and edge
  std::vector<std::vector<std::int64_t>> read_rows;

  model::TileSizes sizes() const { return {&x, &y}; }
};

struct StackPlan {
  std::string fault;        // why the stack cannot run in these tiles
  std::int64_t tile_x = 0;  // as asked, at most the map
  std::int64_t tile_y = 0;
  Overlap overlap = Overlap::recompute;
  std::vector<TileKind> kinds;  // in order of appearance, row by row
  CacheLevels levels;           // as chosen
  double column_bits = 0;       // of ours: what the caches and the weights take
  double row_bits = 0;
  double weight_bits = 0;
};

// Tiles of one stack along one axis, by extent and way; kept between plans of the same stack.
struct AxisPlans {
  std::map<std::pair<std::int64_t, bool>, model::AxisTiles> x;
  std::map<std::pair<std::int64_t, bool>, model::AxisTiles> y;
};

StackPlan plan_stack(const FusionCore& core, const model::Stack& stack, std::int64_t tile_x,
                     std::int64_t tile_y, Overlap overlap, const CacheLevels& levels,
                     const FusionRules& rules, AxisPlans* plans = nullptr);

// By ours: how many kinds of columns there are, without looking at memories. For bounds.
double stack_macs(const model::Stack& stack, const StackPlan& plan);

}  // namespace ridgeline::search
