// A mapping of the strict model whose cuts are all placed: what is left is the order of the loops
// between them (docs/strict-model.md, 5).
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "model/core/loop_tiling.hpp"
#include "search/exact/strict_lattice.hpp"

namespace ridgeline::search {

class StrictLeaf {
 public:
  explicit StrictLeaf(const StrictLattice& lattice) : lattice_(lattice) {}

  // Cuts at these nodes, with the loops between them in the first order that has them there. False
  // where there is no such order.
  bool set(const PlacedCuts& nodes);
  // With the loops in the order that they have now; false where it does not fit.
  bool mapping(model::Ordering& ordering, model::Cuts& cuts) const;
  // How many orders of the loops there are.
  double orders() const;
  // Calls `visit` with the loops in each order that has the cuts there, until it returns false;
  // whether it never did.
  template <class Visit>
  bool each_order(const Visit& visit, std::size_t i = 0) {
    if (i == between_.size()) return visit();
    for (bool any = first_order(i); any; any = next_order(i)) {
      if (!each_order(visit, i + 1)) return false;
    }
    return true;
  }

 private:
  // The first order of the loops outside a place that has its cuts there, and the one that follows;
  // false where there is none.
  bool first_order(std::size_t i);
  bool next_order(std::size_t i);
  bool proper(std::size_t i) const {
    return between_[i].empty() ||
           (lattice_.types()[static_cast<std::size_t>(between_[i].front())].irrelevant_to &
            needed_[i]) == 0;
  }

  const StrictLattice& lattice_;
  PlacedCuts nodes_{};
  std::vector<std::int64_t> places_;       // of all cuts, from the innermost
  std::vector<std::vector<int>> between_;  // types of the loops outside each of them
  std::vector<std::uint8_t> needed_;       // operands that depend on the first of these
};

}  // namespace ridgeline::search
