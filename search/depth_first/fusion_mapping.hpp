// Maps ways of fusing that are promising, with more effort where they stay so.
#pragma once

#include <cstddef>
#include <vector>

#include "search/depth_first/fusion_bounds.hpp"

namespace ridgeline::search {

class WayMapper {
 public:
  // All must outlive it.
  WayMapper(FusionResult& fusion, const FusionOptions& options, WayBounds& bounds);

  // Whether mapping within a gap comes before mapping in full.
  bool stepwise() const { return stepwise_; }
  // With what effort a way is mapped next.
  TileSolver::Effort next(const FusionWay& way) const;

  // Maps so many promising ways of a block simply; where none of them can be, as many more.
  void map_first(FusionBlock& block, std::size_t count);
  // Maps the most promising way of each block with its next effort, and puts it back where that
  // leaves a gap that may be closed further.
  void map_next(const std::vector<FusionBlock*>& blocks);

  std::size_t mapped() const { return mapped_; }  // ways, not counting those of map_first

 private:
  void map_ways(const std::vector<BlockWay>& ways, TileSolver::Effort effort);
  void keep(FusionBlock& block, const FusionWay& way, const StackCost& cost);

  FusionResult& fusion_;
  const FusionOptions& options_;
  WayBounds& bounds_;
  const bool products_;  // the objective edp
  const bool stepwise_;
  std::size_t mapped_ = 0;
};

}  // namespace ridgeline::search
