#include "search/exact/cut_places.hpp"

#include <utility>

#include "model/core/index.hpp"

namespace ridgeline::search {

CutPlaces fewest_places(const CutLattice& space, std::size_t most) {
  CutPlaces fewest;
  for (int c = 0; c < space.cut_count(); ++c) {
    const Cut& cut = space.cut(c);
    if (cut.stationary || cut.level != 1) continue;
    CutPlaces places{c, {}};
    for (std::int64_t x = 0; x < space.nodes() && places.nodes.size() <= most; ++x) {
      if (space.pairs() != nullptr && space.pairs()->first[z(space.orbit(x))] != x) continue;
      if (cut.energy[cut.at(x)] >= CutLattice::kInfeasible || space.surely_too_large(cut, x)) {
        continue;
      }
      places.nodes.push_back(x);
    }
    if (places.nodes.size() < 2 || places.nodes.size() > most) continue;
    if (fewest.cut < 0 || places.nodes.size() < fewest.nodes.size()) fewest = std::move(places);
  }
  return fewest;
}

}  // namespace ridgeline::search
