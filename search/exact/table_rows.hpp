// Rows of tables over nodes, many nodes at a time: the same bits on every processor, sooner on one
// with wide registers.
#pragma once

#include <cstdint>

namespace ridgeline::search {

struct TableRows {
  // Of each place of two rows the least; `now` takes it.
  void (*least)(double* now, const double* other, std::int64_t count);
  // Sums of two rows, or of three where `mask` is not null, where they are less than what is there.
  void (*least_sums)(double* here, const double* from, const double* price, const double* mask,
                     std::int64_t count);
};

const TableRows& table_rows();

}  // namespace ridgeline::search
