#include "search/depth_first/placement.hpp"

#include <algorithm>

#include "model/core/index.hpp"

namespace ridgeline::search {

namespace {

// Bits that neighbouring tiles share, of all layers together.
struct SharedBits {
  std::int64_t columns = 0;
  std::int64_t rows = 0;
  std::int64_t corners = 0;  // in both
};

std::int64_t whole_width(const model::FusedNode& node, const model::AxisLink& link) {
  if (link.relation < 0) return node.map[0];
  const model::DimRelation& relation = node.layer->relations[z(link.relation)];
  const auto extent = [&](std::size_t t) {
    return relation.dim[t] == link.loop ? node.map[0] : node.layer->dims[z(relation.dim[t])].size;
  };
  return model::data_extent(*node.layer, link.relation, extent(0), extent(1));
}

SharedBits shared_bits(const model::FusedNetwork& network, const model::TileSizes& sizes) {
  SharedBits bits;
  for (std::size_t n = 0; n < network.nodes.size(); ++n) {
    const model::FusedNode& node = network.nodes[n];
    for (std::size_t e = 0; e < node.inputs.size(); ++e) {
      const model::FusedInput& input = node.inputs[e];
      if (input.axis[0].relation < 0 || input.axis[1].relation < 0) continue;
      const auto elements = static_cast<std::int64_t>(
          sizes.inputs(network, static_cast<int>(n), static_cast<int>(e)));
      const model::EdgeTile& x = sizes.x->edges[n][e];
      const model::EdgeTile& y = sizes.y->edges[n][e];
      const std::int64_t precision = node.layer->operands[z(input.operand)].precision;
      bits.columns += elements / x.data * x.overlap * precision;
      bits.rows +=
          elements / x.data * whole_width(node, input.axis[0]) / y.data * y.overlap * precision;
      bits.corners += elements / x.data * x.overlap / y.data * y.overlap * precision;
    }
  }
  return bits;
}

std::vector<model::ByEdge<std::int64_t>> overlaps(const model::AxisTile& tile) {
  std::vector<model::ByEdge<std::int64_t>> list;
  for (const auto& edges : tile.edges) {
    auto& reads = list.emplace_back();
    for (std::size_t e = 0; e < reads.size(); ++e) reads[e] = edges[e].overlap;
  }
  return list;
}

std::vector<std::int64_t> writes(const model::AxisTile& tile, bool first) {
  std::vector<std::int64_t> list = tile.keep;
  for (std::size_t n = 0; !first && n < list.size(); ++n) {
    list[n] = std::min(list[n], tile.size[n]);  // older ones are there already
  }
  return list;
}

}  // namespace

DefinesPlacement place_by_defines(const FusionCore& core, const model::Stack& stack,
                                  std::int64_t tile_x, std::int64_t tile_y, bool first_column,
                                  bool first_row, Overlap overlap) {
  DefinesPlacement place;
  const bool h = overlap != Overlap::recompute;
  const bool v = overlap == Overlap::cached;
  const model::FusedNetwork& network = stack.network;
  // Sizes of the caches as if everything were cached, whatever the mode.
  const model::AxisTile ax =
      model::tile_back(network, stack.last, 0, tile_x, {!first_column, true});
  const model::AxisTile ay = model::tile_back(network, stack.last, 1, tile_y, {!first_row, true});
  const model::AxisTile bx =
      model::tile_back(network, stack.last, 0, tile_x, {!first_column && h, true});
  const model::AxisTile by =
      model::tile_back(network, stack.last, 1, tile_y, {!first_row && v, true});
  const double peak = model::peak_alive(network, {&bx, &by});
  const SharedBits shared = shared_bits(network, {&ax, &ay});
  const double column_bits = static_cast<double>(shared.columns);
  const double row_bits = static_cast<double>(shared.rows);
  const double corner_bits = static_cast<double>(shared.corners);

  const auto reads = [&](int memory) {
    return std::find(core.inputs.begin(), core.inputs.end(), memory) != core.inputs.end();
  };
  std::vector<int> reserved;  // for what layers read and write
  bool found = false;
  for (const int memory : core.outputs) {
    reserved.push_back(memory);
    found = reads(memory) && !core.spread[z(memory)] && core.size(memory) >= peak;
    if (found) break;
  }
  const double with_columns = first_column ? peak : peak + column_bits;
  const auto lowest = [&](auto bits) {
    for (const int memory : core.outputs) {
      if (reads(memory) && !core.spread[z(memory)] && core.size(memory) >= bits(memory)) {
        return memory;
      }
    }
    return -1;
  };
  const double with_rows = with_columns + row_bits;
  if (h) place.columns = lowest([&](int) { return with_columns; });
  if (v) {
    place.rows = lowest(
        [&](int memory) { return memory == place.columns ? with_rows - corner_bits : with_rows; });
  }
  if ((h && place.columns < 0) || (v && place.rows < 0)) {
    place.fault = "no memory of activations keeps what neighbouring tiles share beside a tile of " +
                  std::to_string(static_cast<std::int64_t>(peak)) + " bits";
    return place;
  }

  double weights = 0;
  bool any = false;
  for (const model::FusedNode& node : network.nodes) {
    any = any || (node.layer && node.weights);
    weights += static_cast<double>(node.weight_bits());
  }
  if (any) {
    for (std::size_t l = 0; l < core.weights.size() && place.weights < 0; ++l) {
      const int memory = core.weights[l];
      double bits = weights;
      if (std::find(reserved.begin(), reserved.end(), memory) != reserved.end()) bits += peak;
      if (memory == place.columns) bits = weights + with_columns;
      if (memory == place.rows) {
        bits = weights + with_rows - (memory == place.columns ? corner_bits : 0);
      }
      if (core.size(memory) >= bits) place.weights = static_cast<int>(l);
    }
    if (place.weights < 0) place.weights = static_cast<int>(core.weights.size()) - 1;
  }
  place.write_columns = writes(ax, first_column);
  place.write_rows = writes(ay, first_row);
  place.read_columns = overlaps(ax);
  place.read_rows = overlaps(ay);
  return place;
}

}  // namespace ridgeline::search
