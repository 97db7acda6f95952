// Which memories the reference gives to caches and weights, tile by tile.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "search/depth_first/stack_plan.hpp"

namespace ridgeline::search {

struct DefinesPlacement {
  std::string fault;
  int columns = -1;  // memories; -1: none is asked for
  int rows = -1;
  int weights = -1;                         // place in FusionCore::weights; -1: the stack has none
  std::vector<std::int64_t> write_columns;  // by node
  std::vector<std::int64_t> write_rows;
  std::vector<model::ByEdge<std::int64_t>> read_columns;  // by node
  std::vector<model::ByEdge<std::int64_t>> read_rows;
};

DefinesPlacement place_by_defines(const FusionCore& core, const model::Stack& stack,
                                  std::int64_t tile_x, std::int64_t tile_y, bool first_column,
                                  bool first_row, Overlap overlap);

}  // namespace ridgeline::search
