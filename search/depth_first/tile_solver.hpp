// Costs many stacks in many ways of tiling: each distinct layer-tile is mapped once.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "search/depth_first/stack_cost.hpp"

namespace ridgeline::search {

struct StackJob {
  const model::Stack* stack = nullptr;
  StackPlan plan;
  StackCost cost;
};

class TileSolver {
 public:
  // Calls body(0) to body(count - 1) in any order, at the same time if it likes; empty: one after
  // the other.
  using ForEach =
      std::function<void(std::size_t count, const std::function<void(std::size_t)>& body)>;

  // With `bounds`, layer-tiles are not mapped: their energy and latency are what they are at least,
  // each on its own.
  TileSolver(const FusionCore& core, const FusionRules& rules, const MapperOptions& options,
             ForEach for_each, bool bounds = false);

  // Fills in the costs. Results live as long as the solver.
  void run(const std::vector<StackJob*>& jobs);
  void run(StackJob& job) { run(std::vector<StackJob*>{&job}); }

  std::size_t solved() const { return known_.size(); }   // distinct layer-tiles
  std::int64_t evaluated() const { return evaluated_; }  // mappings costed
  bool cut_off() const { return cut_off_; }  // the search of some layer-tile was stopped
  bool proven() const { return proven_; }    // all that were mapped are mapped at best

 private:
  const FusionCore& core_;
  const FusionRules rules_;
  const MapperOptions options_;
  const ForEach for_each_;
  const bool bounds_;
  std::map<std::string, LayerResult> known_;
  std::int64_t evaluated_ = 0;
  bool cut_off_ = false;
  bool proven_ = true;
};

}  // namespace ridgeline::search
