// Better mappings of the strict model near good ones (docs/strict-model.md, 5): changes of a chain
// of cuts, by an estimate of what they cost.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>

#include "model/core/strict_evaluate.hpp"
#include "search/budget.hpp"
#include "search/exact/cut_moves.hpp"
#include "search/exact/strict_lattice.hpp"
#include "search/mapping/mapper.hpp"

namespace ridgeline::search {

class StrictPolish {
 public:
  StrictPolish(const StrictLattice& lattice, Objective objective, Watch& watch);

  // Costs the mapping with these cuts in full.
  using Attempt = std::function<void(const PlacedCuts&)>;

  // Changes the cuts at random, less and less freely. The few that promise most are tried. Returns
  // the changes that were looked at.
  std::int64_t anneal(const PlacedCuts& from, std::int64_t changes, const Attempt& attempt);

  // Cuts move outwards over loops that their operands do not depend on, so that all orders of the
  // loops between them have the tiles that are costed.
  void sink(PlacedCuts& cuts) const;
  // Nearly what a mapping with these cuts costs; infinite where there is none.
  model::Cost estimate(const PlacedCuts& cuts);

 private:
  static constexpr std::size_t kTried = 4;

  double value_of(const PlacedCuts& cuts);
  bool fits() const;

  const StrictLattice& lattice_;
  const model::Problem& problem_;
  Objective objective_;
  Watch& watch_;
  CutMoves<StrictLattice> moves_;
  StrictOutputCuts outputs_;
  model::StrictCuts parts_;
  std::uint32_t rounds_ = 0;
};

}  // namespace ridgeline::search
