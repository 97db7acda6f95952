// What a multi-core mapping document asks for each layer (docs/multicore.md, 1.3).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "model/core/accelerator.hpp"

namespace ridgeline::model {

inline constexpr std::int64_t kAllTiles = 0;   // one index a tile
inline constexpr std::int64_t kWildcard = -1;  // as many slices as the optimiser likes

struct TilingRequest {
  std::string dim;          // upper case
  std::int64_t factor = 1;  // or kAllTiles, kWildcard
};

struct CoreMappingEntry {
  std::string name;  // node name, operator type or "default"
  std::vector<int> cores{0};
  std::vector<TilingRequest> inter{};
  std::vector<TilingRequest> intra{};
  std::vector<std::string> dimension_names{};     // instead of the default loop names
  std::vector<ArrayDimUnroll> spatial_mapping{};  // used where a core has no dataflow of its own
};

struct CoreMapping {
  std::vector<CoreMappingEntry> entries;
  // Entry with the node's name, else with the operator's type, else "default".
  const CoreMappingEntry* choose(std::string_view node, std::string_view operator_type) const;
};

}  // namespace ridgeline::model
