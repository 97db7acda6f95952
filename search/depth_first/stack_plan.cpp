#include "search/depth_first/stack_plan.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>

#include "model/core/index.hpp"
#include "model/depth_first/copies.hpp"
#include "search/depth_first/placement.hpp"

namespace ridgeline::search {

namespace {

// Tiles of one axis that lie alike: the first one, those in between, the last one.
struct Strip {
  std::int64_t tile = 0;
  bool first = false;
  bool last = false;
  double count = 0;
};

std::vector<Strip> strips(std::int64_t map, std::int64_t tile) {
  const std::int64_t rest = map % tile == 0 ? tile : map % tile;
  const std::int64_t count = (map + tile - 1) / tile;
  std::vector<Strip> list{{rest, true, count == 1, 1}};
  if (count > 2) list.push_back({tile, false, false, static_cast<double>(count - 2)});
  if (count > 1) list.push_back({tile, false, true, 1});
  return list;
}

bool same(const TileAxis& a, const TileAxis& b) {
  return a.tile == b.tile && a.write == b.write && a.read == b.read;
}

bool same(const TileKind& a, const TileKind& b) {
  return a.first == b.first && a.make_columns == b.make_columns && a.use_columns == b.use_columns &&
         a.make_rows == b.make_rows && a.use_rows == b.use_rows && same(*a.x, *b.x) &&
         same(*a.y, *b.y);
}

void add(StackPlan& plan, const TileKind& kind) {
  for (TileKind& known : plan.kinds) {
    if (!same(known, kind)) continue;
    known.count += kind.count;
    return;
  }
  plan.kinds.push_back(kind);
}

// The reference's two sweeps over the tiles, by strips.
class DefinesPlan {
 public:
  DefinesPlan(const FusionCore& core, const model::Stack& stack, StackPlan& plan)
      : core_(core), stack_(stack), plan_(plan) {}

  void run() {
    const auto& last = stack_.network.nodes[z(stack_.last)];
    const std::vector<Strip> columns = strips(last.map[0], plan_.tile_x);
    const std::vector<Strip> rows = strips(last.map[1], plan_.tile_y);
    const bool h = plan_.overlap != Overlap::recompute;
    const bool v = plan_.overlap == Overlap::cached;
    std::vector<std::vector<DefinesPlacement>> placed;
    int weights = -1;
    for (const Strip& row : rows) {
      auto& list = placed.emplace_back();
      for (const Strip& column : columns) {
        list.push_back(place_by_defines(core_, stack_, column.tile, row.tile, column.first,
                                        row.first, plan_.overlap));
        if (!list.back().fault.empty()) {
          plan_.fault = list.back().fault;
          return;
        }
        weights = std::max(weights, list.back().weights);
      }
    }
    plan_.levels.weights = weights < 0 ? -1 : core_.weights[z(weights)];
    // The last tile decides about rows for all; about columns, the tile to the right.
    const int row_cache = v ? placed.back().back().rows : -1;
    plan_.levels.rows = row_cache;
    plan_.levels.columns = h ? placed.back().back().columns : -1;
    for (std::size_t r = 0; r < rows.size(); ++r) {
      for (std::size_t c = 0; c < columns.size(); ++c) {
        const DefinesPlacement& place = placed[r][c];
        TileKind kind;
        kind.count = columns[c].count * rows[r].count;
        kind.first = r == 0 && c == 0;
        const std::size_t right = std::min(c + 1, columns.size() - 1);
        if (h && !columns[c].last) kind.make_columns = placed[r][right].columns;
        if (h && !columns[c].first) kind.use_columns = place.columns;
        if (v && !rows[r].last) kind.make_rows = row_cache;
        if (v && !rows[r].first) kind.use_rows = row_cache;
        const std::vector<std::int64_t> no_writes(stack_.network.nodes.size(), 0);
        const std::vector<model::ByEdge<std::int64_t>> no_reads(stack_.network.nodes.size());
        kind.x = make({model::tile_back(stack_.network, stack_.last, 0, columns[c].tile,
                                        {kind.use_columns >= 0, false}),
                       h && !columns[c].last ? place.write_columns : no_writes,
                       h && !columns[c].first ? place.read_columns : no_reads});
        kind.y = make({model::tile_back(stack_.network, stack_.last, 1, rows[r].tile,
                                        {kind.use_rows >= 0, false}),
                       v && !rows[r].last ? place.write_rows : no_writes,
                       v && !rows[r].first ? place.read_rows : no_reads});
        add(plan_, kind);
      }
    }
  }

 private:
  const TileAxis* make(TileAxis axis) {
    plan_.made.push_back(std::make_unique<TileAxis>(std::move(axis)));
    return plan_.made.back().get();
  }

  const FusionCore& core_;
  const model::Stack& stack_;
  StackPlan& plan_;
};

double keep_bits(const model::FusedNode& node, double columns, double rows) {
  return node.channels * columns * rows * static_cast<double>(node.precision);
}

// Ours: by position, what is kept is what is read again.
void plan_by_position(const FusionCore& core, const model::Stack& stack, const CacheLevels& wanted,
                      AxisPlans* plans, StackPlan& plan) {
  const auto& nodes = stack.network.nodes;
  const bool h = plan.overlap != Overlap::recompute;
  const bool v = plan.overlap == Overlap::cached;
  if (plans == nullptr) {
    plan.own = std::make_unique<AxisPlans>();
    plans = plan.own.get();
  }
  const auto tiling_of = [&](std::size_t axis, std::int64_t tile, bool kept) -> const AxisTiling& {
    if (AxisTiling* fresh = new_tiling(*plans, axis, tile, kept)) {
      fill_tiling(stack, axis, tile, kept, *fresh);
    }
    return plans->tilings[axis].find({tile, kept})->second;
  };
  const AxisTiling& xs = tiling_of(0, plan.tile_x, h);
  const AxisTiling& ys = tiling_of(1, plan.tile_y, v);
  for (std::size_t n = 0; n < nodes.size(); ++n) {
    std::int64_t columns = 0;
    std::int64_t rows = 0;
    std::int64_t height = 0;
    for (const TileAxis& x : xs.kinds) columns = std::max(columns, x.tile.keep[n]);
    for (const TileAxis& y : ys.kinds) {
      rows = std::max(rows, y.tile.keep[n]);
      height = std::max(height, y.tile.size[n]);
    }
    plan.column_bits +=
        keep_bits(nodes[n], static_cast<double>(columns), static_cast<double>(height));
    plan.row_bits +=
        keep_bits(nodes[n], static_cast<double>(nodes[n].map[0]), static_cast<double>(rows));
    plan.weight_bits += stack.weight_bits[n];
  }
  plan.levels = wanted;
  const auto lowest = [&](const std::vector<int>& list, double bits, int& level, bool may_spread) {
    if (level >= 0) return;
    for (const int memory : list) {
      if (!may_spread && core.spread[z(memory)]) continue;
      // Rows beside columns that are there already.
      const bool beside = &level == &plan.levels.rows && memory == plan.levels.columns;
      if (core.size(memory) < bits + (beside ? plan.column_bits : 0)) continue;
      level = memory;
      return;
    }
  };
  const std::vector<int> shared = core.shared();
  if (plan.column_bits > 0) lowest(shared, plan.column_bits, plan.levels.columns, false);
  if (plan.row_bits > 0) lowest(shared, plan.row_bits, plan.levels.rows, false);
  if (plan.weight_bits > 0) {
    lowest(core.weights, plan.weight_bits, plan.levels.weights, false);
    if (plan.levels.weights < 0 && !core.weights.empty()) {
      plan.levels.weights = core.weights.back();
    }
  }
  if (plan.column_bits == 0) plan.levels.columns = -1;
  if (plan.row_bits == 0) plan.levels.rows = -1;
  if ((plan.column_bits > 0 && plan.levels.columns < 0) ||
      (plan.row_bits > 0 && plan.levels.rows < 0)) {
    plan.fault = "no memory of activations keeps the " +
                 std::to_string(static_cast<std::int64_t>(plan.column_bits + plan.row_bits)) +
                 " bits that neighbouring tiles share";
    return;
  }
  const auto make = [&](std::size_t kx, std::size_t ky, double count, bool first) {
    TileKind kind;
    kind.count = count;
    kind.first = first;
    kind.x = &xs.kinds[kx];
    kind.y = &ys.kinds[ky];
    kind.make_columns = kind.use_columns = plan.levels.columns;
    kind.make_rows = kind.use_rows = plan.levels.rows;
    plan.kinds.push_back(kind);
  };
  make(xs.first, ys.first, 1, true);
  for (std::size_t ky = 0; ky < ys.kinds.size(); ++ky) {
    for (std::size_t kx = 0; kx < xs.kinds.size(); ++kx) {
      double count = xs.count[kx] * ys.count[ky];
      if (kx == xs.first && ky == ys.first) count -= 1;
      if (count > 0) make(kx, ky, count, false);
    }
  }
}

}  // namespace

std::string_view to_string(Overlap overlap) {
  switch (overlap) {
    case Overlap::recompute:
      return "recompute";
    case Overlap::h_cached:
      return "h-cached";
    case Overlap::cached:
      return "cached";
  }
  return "";
}

AxisTiling* new_tiling(AxisPlans& plans, std::size_t axis, std::int64_t tile, bool kept) {
  auto& list = plans.tilings[axis];
  const auto it = list.find({tile, kept});  // reads alone where it is there
  if (it != list.end()) return nullptr;
  return &list[{tile, kept}];
}

void fill_tiling(const model::Stack& stack, std::size_t axis, std::int64_t tile, bool kept,
                 AxisTiling& tiling) {
  const std::int64_t map = stack.network.nodes[z(stack.last)].map[axis];
  const std::int64_t first = map % tile == 0 ? tile : map % tile;
  model::AxisTiles tiles =
      model::tiles_by_position(stack.network, stack.last, axis, first, tile, kept);
  tiling.count.assign(tiles.kinds.size(), 0);
  for (const int kind : tiles.kind_of) ++tiling.count[z(kind)];
  tiling.first = z(tiles.kind_of.front());
  for (model::AxisTile& one : tiles.kinds) {
    TileAxis axis_of{std::move(one), {}, {}};
    const model::AxisTile& known = axis_of.tile;
    for (std::size_t n = 0; n < known.size.size(); ++n) {
      axis_of.write.push_back(std::min(known.keep[n], known.size[n]));
      auto& reads = axis_of.read.emplace_back();
      for (std::size_t e = 0; e < reads.size(); ++e) reads[e] = known.edges[n][e].overlap;
    }
    tiling.kinds.push_back(std::move(axis_of));
  }
}

FusionCore::FusionCore(const model::Accelerator& core, const model::MappingSpec& spec)
    : accelerator(core), mapping(spec) {
  inputs = model::memories_of(core, model::MemoryOperand::I1);
  weights = model::memories_of(core, model::MemoryOperand::I2);
  outputs = model::memories_of(core, model::MemoryOperand::O);
  for (std::size_t m = 0; m < core.memories.size(); ++m) {
    spread.push_back(core.instances(static_cast<int>(m)) > 1);
  }
}

double FusionCore::size(int memory) const {
  return static_cast<double>(accelerator.memories[z(memory)].size);
}

std::vector<int> FusionCore::shared() const {
  std::vector<int> list;
  for (const int memory : outputs) {
    if (std::find(inputs.begin(), inputs.end(), memory) != inputs.end()) list.push_back(memory);
  }
  return list;
}

double FusionCore::weight_capacity(const FusionRules& rules) const {
  if (weights.size() < 2) return 0;
  if (rules.defines && rules.quirks) return size(weights[weights.size() - 2]);
  double largest = 0;
  for (std::size_t l = 0; l + 1 < weights.size(); ++l) {
    if (!spread[z(weights[l])]) largest = std::max(largest, size(weights[l]));
  }
  return largest;
}

const model::MappingEntry& FusionCore::entry(const model::FusedNode& node) const {
  static const model::MappingEntry usual;
  const model::MappingEntry* entry = mapping.choose(node.name, node.layer->operator_type);
  return entry != nullptr ? *entry : usual;
}

StackPlan plan_stack(const FusionCore& core, const model::Stack& stack, std::int64_t tile_x,
                     std::int64_t tile_y, Overlap overlap, const CacheLevels& levels,
                     const FusionRules& rules, AxisPlans* plans) {
  StackPlan plan;
  const auto& map = stack.network.nodes[z(stack.last)].map;
  plan.tile_x = std::min(tile_x, map[0]);
  plan.tile_y = std::min(tile_y, map[1]);
  plan.overlap = overlap;
  if (rules.defines) {
    for (const model::FusedNode& node : stack.network.nodes) {
      plan.weight_bits += static_cast<double>(node.weight_bits());
    }
    DefinesPlan(core, stack, plan).run();
  } else {
    plan_by_position(core, stack, levels, plans, plan);
  }
  return plan;
}

}  // namespace ridgeline::search
