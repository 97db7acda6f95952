// The reference's allocator: cuts an ordering of temporal loops into memory levels, greedily
// and operand by operand (docs/mapping-search.md, section 3).
#pragma once

#include <string>

#include "model/core/evaluate.hpp"
#include "model/core/problem.hpp"

namespace ridgeline::search {

class StrictCosts;

// Why an ordering does not fit.
struct AllocationFailure {
  int memory = -1;         // place in Problem::memory
  int operand = -1;        // place in Problem::operand; -1: all operands of the memory together
  double bits = 0;         // that the smallest possible tile needs
  bool left_over = false;  // loops remain above the operand's top memory
};

// Fills `cuts`; false where the ordering does not fit. `even`: operands that share a memory
// and receive loops there must end at the same loop. `second_buffers` (strict model only): leaves
// room for a second buffer of every tile, where its memory has room for two of the smallest.
// `costs`: of the strict model, sizes of tiles that are known; it has been set to the ordering.
bool allocate(const model::Problem& problem, const model::Ordering& ordering, bool even,
              model::Cuts& cuts, AllocationFailure* failure = nullptr, bool second_buffers = false,
              StrictCosts* costs = nullptr);

}  // namespace ridgeline::search
