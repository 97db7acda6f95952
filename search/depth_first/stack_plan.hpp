// What happens tile after tile in one stack of layers: kinds of tiles, what each layer computes for
// them, which memories keep what overlaps (docs/depth-first.md).
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
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

// Tiles that lie alike along one axis, with what they have to do with their neighbours.
struct TileAxis {
  model::AxisTile tile;
  std::vector<std::int64_t> write;                // by node: left in the cache
  std::vector<model::ByEdge<std::int64_t>> read;  // by node: taken from the cache
};

// One axis of a stack in tiles of one extent, by position.
struct AxisTiling {
  std::vector<TileAxis> kinds;
  std::vector<double> count;  // of each kind
  std::size_t first = 0;      // kind of the first tile
};

// Axes of one stack, by extent and whether overlaps are kept; shared by plans of the same stack.
struct AxisPlans {
  std::array<std::map<std::pair<std::int64_t, bool>, AxisTiling>, model::kAxes> tilings;
};

// Adds a tiling, to be filled by `fill_tiling`, and says which; null where it is there already.
AxisTiling* new_tiling(AxisPlans& plans, std::size_t axis, std::int64_t tile, bool kept);
void fill_tiling(const model::Stack& stack, std::size_t axis, std::int64_t tile, bool kept,
                 AxisTiling& tiling);

// Tiles that cost the same.
struct TileKind {
  double count = 0;
  const TileAxis* x = nullptr;  // of the plan, or of the axes that it shares
  const TileAxis* y = nullptr;
  bool first = false;     // of the stack: its weights come from the outermost memory
  int make_columns = -1;  // memories; -1: nothing is kept
  int use_columns = -1;
  int make_rows = -1;
  int use_rows = -1;

  model::TileSizes sizes() const { return {&x->tile, &y->tile}; }
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
  std::unique_ptr<AxisPlans> own;               // where no axes are shared
  std::vector<std::unique_ptr<TileAxis>> made;  // of `defines`
};

// `plans`: axes to share, which must outlive the plan. With all that it needs in there already,
// safe to call from several threads.
StackPlan plan_stack(const FusionCore& core, const model::Stack& stack, std::int64_t tile_x,
                     std::int64_t tile_y, Overlap overlap, const CacheLevels& levels,
                     const FusionRules& rules, AxisPlans* plans = nullptr);

}  // namespace ridgeline::search
