// Costs many stacks in many ways of tiling: each distinct layer-tile is mapped once.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <unordered_map>
#include <vector>

#include "search/depth_first/stack_cost.hpp"

namespace ridgeline::search {

struct StackJob {
  const model::Stack* stack = nullptr;
  StackPlan plan;
  StackCost cost;
  bool detail = true;  // false: sums alone, and they may end at the limit
  CostLimit limit;
  // False: nobody waits for it. Where the budget ends first, `cost` is not known.
  bool needed = true;
};

class TileSolver {
 public:
  // Calls body(0) to body(count - 1) in any order, at the same time if it likes; empty: one after
  // the other.
  using ForEach =
      std::function<void(std::size_t count, const std::function<void(std::size_t)>& body)>;

  // What is asked of a layer-tile: its best mapping; or what its energy and latency are at least,
  // each on its own: by tables, beside what others hold or as if it had the memories to itself, or
  // of the latter by what each datum costs at least.
  enum class Depth { quick, alone, bound, mapping };

  TileSolver(const FusionCore& core, const FusionRules& rules, const MapperOptions& options,
             ForEach for_each, Depth depth = Depth::mapping);

  // Fills in the costs. Results live as long as the solver.
  void run(const std::vector<StackJob*>& jobs);
  void run(StackJob& job) { run(std::vector<StackJob*>{&job}); }

  // How layer-tiles that are not known are mapped from now on: by the simple engine; within a gap
  // of 1 %, or of 0.001 %, each of which takes a fraction of the time of what follows; or in full.
  // What was found with less effort is replaced when it is asked for with more, unless the budget
  // has ended.
  enum class Effort { simple, rough, fine, full };
  static constexpr std::size_t kEfforts = 4;
  void map_with(Effort effort) { effort_ = effort; }
  // What this solver of bounds does not know is what `coarse` knows, until the sums that are asked
  // for need more: what weighs most in them is bounded first, and no more than takes them past
  // their limits.
  void begin_with(TileSolver& coarse) { coarse_ = &coarse; }
  // A solver of bounds that is told what this one finds, so that its bounds are these figures from
  // then on. Of objectives that add up.
  void tell(TileSolver* bounds) { told_.push_back(bounds); }
  // Grows with what it was told.
  std::size_t knowledge() const { return learnt_; }

  // Body(0) to body(count - 1), as `for_each` does it.
  void each(std::size_t count, const std::function<void(std::size_t)>& body) const;

  // Distinct layer-tiles.
  std::size_t solved() const { return known_.size() + bounds_.size() + free_.size(); }
  std::int64_t evaluated() const { return evaluated_; }  // mappings costed
  bool cut_off() const { return cut_off_; }  // the search of some layer-tile was stopped
  bool proven() const { return proven_; }    // all that were mapped are mapped at best

 private:
  const FusionCore& core_;
  const FusionRules rules_;
  const MapperOptions options_;
  const ForEach for_each_;
  const Depth depth_;

  struct Hash {
    std::size_t operator()(const TileKey& key) const;
  };
  // What a job asks for that is not known yet.
  struct Asked {
    TileKey key;
    TileProblem problem;
    bool free = false;
    double weight = 0;  // of what `coarse_` knows: its part of the sum
  };
  // Of what a job asks for and `coarse_` knows, the heaviest.
  struct Coarse {
    std::vector<Asked> list;
    double heaviest = 0;
  };

  bool full(const TileProblem& problem) const;
  BoundOptions bound_options() const;
  bool wants_more(const TileKey& key) const;
  TileFigures figures(const LayerResult& result) const;
  void cost(StackJob& job, bool renew, std::vector<Asked>& asked);
  bool know_free(const StackJob& job, const TileProblem& problem, TileKey& key, TileFigures& tile,
                 std::vector<Asked>& asked, Coarse& coarse);
  FreeBound free_bound_of(const TileProblem& problem);
  TileBound bound_of(const TileProblem& problem);
  void solve_bounds(std::vector<std::vector<Asked>>& asked);
  void solve_mappings(std::vector<std::vector<Asked>>& asked, bool needed, bool renew);
  void learn(const TileKey& key, const LayerResult& result);

  TileFrames frames_;
  std::unordered_map<TileKey, LayerResult, Hash> known_;
  std::unordered_map<TileKey, Effort, Hash> less_;  // of known_: what was found with less effort
  TileTable<TileBound> bounds_;
  TileTable<FreeBound> free_;
  // Of `quick`, whose bounds take no longer than asking for them together: what a run adds.
  struct Fresh {
    FreshEntries<TileBound> bounds;
    FreshEntries<FreeBound> free;
  };
  std::unique_ptr<Fresh> fresh_;
  Effort effort_ = Effort::full;
  TileSolver* coarse_ = nullptr;
  std::vector<TileSolver*> told_;
  std::size_t learnt_ = 0;
  std::int64_t evaluated_ = 0;
  bool cut_off_ = false;
  bool proven_ = true;
};

}  // namespace ridgeline::search
