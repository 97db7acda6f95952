// What a multi-core mapping document asks for each layer (docs/multicore.md, 1.3).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "model/core/accelerator.hpp"
#include "model/core/operand_bits.hpp"

namespace ridgeline::model {

inline constexpr std::int64_t kAllTiles = 0;   // one index a tile
inline constexpr std::int64_t kWildcard = -1;  // as many slices as the optimiser likes

struct TilingRequest {
  std::string dim;          // upper case
  std::int64_t factor = 1;  // or kAllTiles, kWildcard
};

// A cut by a loop's place in the node's own order, as Stream 1.13 writes it: "D6".
struct PlacedTiling {
  int place = 0;            // counted from 0
  std::int64_t factor = 1;  // slices, or with `tile` iterations in a piece
  bool tile = false;
};

struct CoreMappingEntry {
  std::string name;  // node name, operator type or "default"
  std::vector<int> cores{0};
  std::vector<TilingRequest> inter{};
  std::vector<TilingRequest> intra{};
  std::vector<std::string> dimension_names{};     // instead of the default loop names
  std::vector<ArrayDimUnroll> spatial_mapping{};  // used where a core has no dataflow of its own
  std::vector<OperandBits> precision{};
  std::vector<PlacedTiling> placed_inter{};  // until the network is known
};

// Layers that are fused, as Stream 1.13 lists them: by name, or by operator type.
struct FusedGroup {
  std::string name;
  std::vector<std::string> layers;
  std::vector<std::pair<std::string, PlacedTiling>> intra{};  // of a layer or type
};

struct CoreMapping {
  std::vector<CoreMappingEntry> entries;
  std::vector<FusedGroup> groups{};
  // Entry with the node's name, else with the operator's type, else "default".
  const CoreMappingEntry* choose(std::string_view node, std::string_view operator_type) const;
};

}  // namespace ridgeline::model
