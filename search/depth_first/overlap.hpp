// What is done about what neighbouring tiles have in common.
#pragma once

#include <cstdint>
#include <string_view>

namespace ridgeline::search {

// Computed again; kept for the tile to the right; kept for the row of tiles below as well.
enum class Overlap : std::uint8_t { recompute, h_cached, cached };
std::string_view to_string(Overlap overlap);  // "h-cached"

}  // namespace ridgeline::search
