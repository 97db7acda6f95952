// A complete chain of cuts stands for the orderings that have it. They differ in cost only by
// the runs of loops next to the cuts, and only where a memory is too full to be sure of a
// second buffer (docs/exact-mapping.md, "Leaves").
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <set>
#include <vector>

#include "model/core/evaluate.hpp"
#include "search/exact/cut_lattice.hpp"

namespace ridgeline::search {

// A node at which something is cut; `must_not`: the operands whose cuts lie here, so that the
// next loop must not be irrelevant to any of them.
struct ChainMark {
  std::int64_t node = 0;
  std::uint8_t must_not = 0;
};

class ChainOrderings {
 public:
  ChainOrderings(const CutLattice& space, bool even);

  // Whether everything fits the outermost memories at all.
  bool top_levels_fit() const { return top_fits_; }

  // Bits of the whole operand in its outermost memory, when its outermost cut lies at `node`.
  double top_bits(int operand, std::int64_t node) const;
  // The same at most, as the model takes it.
  double most_top_bits(int operand) const;

  // Returns whether to go on.
  using Visit = std::function<bool(const model::Ordering&, const model::Cuts&)>;
  // Visits one ordering for each different set of runs.
  void expand(const std::vector<ChainMark>& chain, const PlacedCuts& placed, const Visit& visit);

 private:
  enum class RunState : std::uint8_t { waiting, fresh, relevant, irrelevant, ended };
  struct Run {
    int operand = 0;
    std::int64_t start = 0;  // nodes that the level lies between
    std::int64_t end = 0;
    RunState state = RunState::waiting;
  };

  double tile_bits(int operand, int level, std::int64_t node, std::int64_t previous) const;
  std::int64_t level_start(int operand, int level, const PlacedCuts& placed) const;
  std::int64_t level_end(int operand, int level, const PlacedCuts& placed) const;
  bool memories_fit(const PlacedCuts& placed) const;
  bool ends_evenly(const PlacedCuts& placed) const;
  void find_runs(const PlacedCuts& placed);
  void segment(int index, std::vector<Run> runs, const Visit& visit);
  void place(int index, std::int64_t start, std::int64_t left, std::vector<Run>& runs,
             std::set<std::vector<std::uint64_t>>& seen, const Visit& visit);
  bool fill(std::int64_t start, std::int64_t left, std::uint8_t must_not);
  void finish(const Visit& visit);

  const CutLattice& space_;
  bool even_;
  bool top_fits_ = true;
  std::vector<int> loops_in_;  // prime factors in each node
  std::vector<ChainMark> chain_;
  const PlacedCuts* placed_ = nullptr;
  bool stopped_ = false;  // by the visitor
  std::vector<Run> runs_;
  std::vector<int> order_;               // types, outermost first
  std::vector<std::uint64_t> ended_at_;  // of each run that has ended: how
};

}  // namespace ridgeline::search
