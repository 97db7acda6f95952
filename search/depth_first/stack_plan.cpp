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

bool same(const TileKind& a, const TileKind& b) {
  return a.first == b.first && a.x == b.x && a.y == b.y && a.make_columns == b.make_columns &&
         a.use_columns == b.use_columns && a.make_rows == b.make_rows && a.use_rows == b.use_rows &&
         a.write_columns == b.write_columns && a.write_rows == b.write_rows &&
         a.read_columns == b.read_columns && a.read_rows == b.read_rows;
}

void add(StackPlan& plan, TileKind kind) {
  for (TileKind& known : plan.kinds) {
    if (!same(known, kind)) continue;
    known.count += kind.count;
    return;
  }
  plan.kinds.push_back(std::move(kind));
}

std::vector<std::vector<std::int64_t>> no_reads(const model::FusedNetwork& network) {
  std::vector<std::vector<std::int64_t>> list;
  for (const model::FusedNode& node : network.nodes) list.emplace_back(node.inputs.size(), 0);
  return list;
}

std::vector<std::vector<std::int64_t>> overlaps(const model::AxisTile& tile) {
  std::vector<std::vector<std::int64_t>> list;
  for (const auto& edges : tile.edges) {
    auto& reads = list.emplace_back();
    for (const model::EdgeTile& edge : edges) reads.push_back(edge.overlap);
  }
  return list;
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
        kind.x = model::tile_back(stack_.network, stack_.last, 0, columns[c].tile,
                                  {kind.use_columns >= 0, false});
        kind.y = model::tile_back(stack_.network, stack_.last, 1, rows[r].tile,
                                  {kind.use_rows >= 0, false});
        const std::vector<std::int64_t> none(stack_.network.nodes.size(), 0);
        kind.write_columns = h && !columns[c].last ? place.write_columns : none;
        kind.write_rows = v && !rows[r].last ? place.write_rows : none;
        kind.read_columns = h && !columns[c].first ? place.read_columns : no_reads(stack_.network);
        kind.read_rows = v && !rows[r].first ? place.read_rows : no_reads(stack_.network);
        add(plan_, std::move(kind));
      }
    }
  }

 private:
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
  const auto& map = nodes[z(stack.last)].map;
  const bool h = plan.overlap != Overlap::recompute;
  const bool v = plan.overlap == Overlap::cached;
  const auto first_of = [](std::int64_t whole, std::int64_t tile) {
    return whole % tile == 0 ? tile : whole % tile;
  };
  AxisPlans own;
  AxisPlans& known = plans != nullptr ? *plans : own;
  const auto tiles_of = [&](std::size_t axis, std::int64_t tile,
                            bool cached) -> const model::AxisTiles& {
    auto& list = axis == 0 ? known.x : known.y;
    const auto [it, fresh] = list.try_emplace({tile, cached});
    if (fresh) {
      it->second = model::tiles_by_position(stack.network, stack.last, axis,
                                            first_of(map[axis], tile), tile, cached);
    }
    return it->second;
  };
  const model::AxisTiles& xs = tiles_of(0, plan.tile_x, h);
  const model::AxisTiles& ys = tiles_of(1, plan.tile_y, v);
  std::vector<double> xs_count(xs.kinds.size(), 0);
  std::vector<double> ys_count(ys.kinds.size(), 0);
  for (const int kind : xs.kind_of) ++xs_count[z(kind)];
  for (const int kind : ys.kind_of) ++ys_count[z(kind)];
  for (std::size_t n = 0; n < nodes.size(); ++n) {
    double columns = 0;
    double rows = 0;
    for (const model::AxisTile& x : xs.kinds) {
      for (const model::AxisTile& y : ys.kinds) {
        columns = std::max(columns, keep_bits(nodes[n], static_cast<double>(x.keep[n]),
                                              static_cast<double>(y.size[n])));
      }
    }
    for (const model::AxisTile& y : ys.kinds) {
      rows = std::max(rows, keep_bits(nodes[n], static_cast<double>(nodes[n].map[0]),
                                      static_cast<double>(y.keep[n])));
    }
    plan.column_bits += columns;
    plan.row_bits += rows;
    plan.weight_bits += static_cast<double>(nodes[n].weight_bits());
  }
  plan.levels = wanted;
  const auto lowest = [&](const std::vector<int>& list, double bits, int& level, bool may_spread) {
    if (level >= 0) return;
    for (const int memory : list) {
      if (!may_spread && core.spread[z(memory)]) continue;
      if (core.size(memory) < bits) continue;
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
    kind.x = xs.kinds[kx];
    kind.y = ys.kinds[ky];
    kind.make_columns = kind.use_columns = plan.levels.columns;
    kind.make_rows = kind.use_rows = plan.levels.rows;
    for (std::size_t n = 0; n < nodes.size(); ++n) {
      kind.write_columns.push_back(std::min(kind.x.keep[n], kind.x.size[n]));
      kind.write_rows.push_back(std::min(kind.y.keep[n], kind.y.size[n]));
    }
    kind.read_columns = overlaps(kind.x);
    kind.read_rows = overlaps(kind.y);
    plan.kinds.push_back(std::move(kind));
  };
  const std::size_t x0 = z(xs.kind_of.front());
  const std::size_t y0 = z(ys.kind_of.front());
  make(x0, y0, 1, true);
  for (std::size_t ky = 0; ky < ys.kinds.size(); ++ky) {
    for (std::size_t kx = 0; kx < xs.kinds.size(); ++kx) {
      double count = xs_count[kx] * ys_count[ky];
      if (kx == x0 && ky == y0) count -= 1;
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

double stack_macs(const model::Stack& stack, const StackPlan& plan) {
  double macs = 0;
  for (const TileKind& kind : plan.kinds) {
    for (std::size_t n = 0; n < stack.network.nodes.size(); ++n) {
      const model::FusedNode& node = stack.network.nodes[n];
      if (!node.layer) continue;
      double one = 1;
      for (std::size_t d = 0; d < node.layer->dims.size(); ++d) {
        const int place = static_cast<int>(d);
        if (place == node.loop[0]) {
          one *= static_cast<double>(kind.x.size[n]);
        } else if (place == node.loop[1]) {
          one *= static_cast<double>(kind.y.size[n]);
        } else {
          one *= static_cast<double>(node.layer->dims[d].size);
        }
      }
      macs += kind.count * one;
    }
  }
  return macs;
}

}  // namespace ridgeline::search
