// Nodes of the cut lattice through which orderings pass whose innermost loops are fixed.
//
// A constraint is a run of factors of one dimension, the first one innermost. All orderings that
// meet the constraints pass through a node at which the last run ends; above it any way is open,
// below it only runs are. A cut lies on the way of its ordering, so it lies on none of the others.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "search/exact/cut_lattice.hpp"
#include "search/mapping/loop_factors.hpp"

namespace ridgeline::search {

class PrefixNodes {
 public:
  // Without constraints every node is open.
  PrefixNodes(const CutLattice& space, const std::vector<LoopConstraint>& constraints);

  bool constrained() const { return !ends_.empty(); }
  // Whether the last run may end at a node: the constraints on what lies below can be met.
  bool may_end(std::int64_t node) const { return !constrained() || ends_[at(node)] != 0; }
  // Whether a way from the outermost loops leads through a node before the last run ends.
  bool outside(std::int64_t node) const { return !constrained() || outside_[at(node)] != 0; }
  // Whether a run may lead through a node.
  bool inside(std::int64_t node) const { return !constrained() || inside_[at(node)] != 0; }
  // No ordering meets the constraints.
  bool impossible() const { return constrained() && possible_ == 0; }
  // Where there are constraints: no cut may lie off all ways, nor any window be longer than some
  // way to its cut lets it be.
  void limit(CutLattice& space) const;
  // Some ways to meet the constraints: the nodes at which runs end, innermost first. Runs of any
  // size are as short as they can be, or as long.
  const std::vector<std::vector<std::int64_t>>& ways() const { return ways_; }

 private:
  static std::size_t at(std::int64_t node) { return static_cast<std::size_t>(node); }

  std::vector<std::uint8_t> ends_;
  std::vector<std::uint8_t> outside_;
  std::vector<std::uint8_t> inside_;
  // By node and operand: of all orderings of the loops below a node that meet the constraints, the
  // most cycles below the outermost run of loops that are irrelevant to the operand.
  LongestWindows windows_;
  std::vector<std::vector<std::int64_t>> ways_;
  std::int64_t possible_ = 0;  // nodes at which the last run may end
};

}  // namespace ridgeline::search
