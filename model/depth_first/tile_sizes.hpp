// What each layer of a stack has to compute for one tile of the stack's output, along one axis
// (docs/depth-first.md, "From a tile back to the input"). The axes are independent.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "model/core/limits.hpp"
#include "model/depth_first/fused_network.hpp"

namespace ridgeline::model {

// Of one operand of a layer.
struct EdgeTile {
  std::int64_t data = 1;     // extent of what the layer reads, what a cache holds included
  std::int64_t overlap = 0;  // of it, what a cache holds

  auto operator<=>(const EdgeTile&) const = default;
};

// As FusedNode::inputs; what is beyond them stays as it is made.
template <typename T>
using ByEdge = std::array<T, kMaxOperands - 1>;

struct AxisTile {
  std::vector<std::int64_t> size;       // by node: what it computes
  std::vector<ByEdge<EdgeTile>> edges;  // by node
  std::vector<std::int64_t> keep;       // by node: what later tiles read of it

  auto operator<=>(const AxisTile&) const = default;
};

struct BackCalculation {
  bool use = false;   // what overlaps with the tile before comes from a cache
  bool make = false;  // what overlaps with the next one goes to a cache
};

// By the reference's rule, which knows no positions: `output` is the extent of the output's tile.
AxisTile tile_back(const FusedNetwork& network, int last, std::size_t axis, std::int64_t output,
                   const BackCalculation& how);

// Sets the maps of all nodes but the last to what the last one needs of them.
void fit_maps(FusedNetwork& network, int last);

// By position: tile number `tile` of those that begin at `starts` (the last one ends at the map's
// end). Parts beyond the maps' edges are padding, which nobody computes or reads.
struct AxisTiles {
  std::vector<AxisTile> kinds;  // distinct ones, in order of appearance
  std::vector<int> kind_of;     // by tile
};
AxisTiles tiles_by_position(const FusedNetwork& network, int last, std::size_t axis,
                            std::int64_t first_tile, std::int64_t tile, bool cached);

// Both axes of one tile.
struct TileSizes {
  const AxisTile* x = nullptr;
  const AxisTile* y = nullptr;

  const AxisTile& axis(std::size_t a) const { return a == 0 ? *x : *y; }
  double outputs(const FusedNetwork& network, int node) const;           // elements
  double inputs(const FusedNetwork& network, int node, int edge) const;  // elements
  double output_bits(const FusedNetwork& network, int node) const;
  double input_bits(const FusedNetwork& network, int node) const;  // of all its edges
};

// Most bits that are alive at a time while the nodes run one after the other.
double peak_alive(const FusedNetwork& network, const TileSizes& sizes);

}  // namespace ridgeline::model
