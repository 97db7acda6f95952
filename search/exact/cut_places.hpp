// Where a cut may lie (docs/exact-mapping.md, "Limits"): a search that fixes one cut after the
// other at each of its places has better bounds, since what no chain has at once is no longer
// weighed against each other.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "search/exact/cut_lattice.hpp"

namespace ridgeline::search {

struct CutPlaces {
  int cut = -1;                     // place of the cut in the lattice; -1: none will do
  std::vector<std::int64_t> nodes;  // of mirror images the first
};

// Of the cuts above innermost memories the one with the fewest nodes, two at least and `most` at
// most.
CutPlaces fewest_places(const CutLattice& space, std::size_t most);

}  // namespace ridgeline::search
