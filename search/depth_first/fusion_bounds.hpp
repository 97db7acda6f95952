// What ways of fusing cost at least, more and more closely (docs/depth-first.md, "The optimum").
#pragma once

#include <vector>

#include "search/depth_first/fusion_ways.hpp"

namespace ridgeline::search {

class WayBounds {
 public:
  // The core must outlive it.
  WayBounds(const FusionCore& core, const FusionOptions& options);

  // What a cost counts, by the objective. Of edp products of stacks do not add up: a weighted sum.
  double value_of(const model::Cost& cost) const;
  double value_of(const StackCost& cost) const {
    return value_of(model::Cost{cost.energy, cost.latency});
  }
  void weigh(const model::Cost& weight) { weight_ = weight; }

  // From then on the closest bounds of layer-tiles that are mapped are what the solver found.
  void learn_from(TileSolver& solver) { solver.tell(&close_); }
  // The next tier of a way; `close` again where more is known by now. None: it is as known as may
  // be.
  BoundTier next(const FusionWay& way) const;

  // Bounds ways by a tier, and puts them back into their blocks; those that cannot be are left out.
  void bound(std::vector<BlockWay> ways, BoundTier tier);
  // What a way costs for certain that is mapped, but not all of it proven.
  model::Cost certain(StackJob mapped, const FusionWay& way);

 private:
  TileSolver& solver_of(BoundTier tier);

  const FusionCore& core_;
  const FusionOptions& options_;
  TileSolver quick_;
  TileSolver alone_;
  TileSolver close_;
  model::Cost weight_{1, 1};
};

}  // namespace ridgeline::search
