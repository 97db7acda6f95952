// Costs many stacks in many ways of tiling: each distinct layer-tile is mapped once.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <unordered_map>
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

  // What is asked of a layer-tile: its best mapping; or what its energy and latency are at least,
  // each on its own.
  enum class Depth { quick_bound, bound, mapping };

  TileSolver(const FusionCore& core, const FusionRules& rules, const MapperOptions& options,
             ForEach for_each, Depth depth = Depth::mapping);

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
  const Depth depth_;
  std::unordered_map<std::string, LayerResult> known_;
  std::int64_t evaluated_ = 0;
  bool cut_off_ = false;
  bool proven_ = true;
};

}  // namespace ridgeline::search
