// Sequences of fused stacks: what is known of each stack's ways of fusing, and which stacks
// together are best.
#pragma once

#include <algorithm>
#include <cstddef>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "model/core/evaluate.hpp"
#include "search/depth_first/fusion_search.hpp"
#include "search/depth_first/stack_plan.hpp"

namespace ridgeline::search {

// One way to fuse a stack.
struct FusionWay {
  Tile tile;
  Overlap overlap = Overlap::recompute;
  double bound = 0;
  bool close = false;     // the bound is the close one
  std::size_t known = 0;  // what was known by then
  model::Cost least;      // for edp
  std::size_t place = 0;  // among the block's ways: of equals the first one
};

using CostedWay = std::pair<model::Cost, FusionWay>;
inline const model::Cost& cost_of_way(const CostedWay& costed) {
  return costed.first;
}

// Layers first .. last as one stack.
struct FusionBlock {
  int first = 0;
  int last = 0;
  std::unique_ptr<model::Stack> stack;
  AxisPlans plans;
  std::vector<FusionWay> ways;                             // a heap of those that are not mapped
  double value = std::numeric_limits<double>::infinity();  // of the best way that is mapped
  // What those that are mapped cost for certain.
  double least = std::numeric_limits<double>::infinity();
  std::optional<FusionWay> best;
  std::vector<CostedWay> front;  // for edp
  std::string fault;             // why no way is feasible, as far as known

  bool closed() const { return ways.empty() || ways.front().bound >= value; }
  // What a further look can find, and what is certain.
  double promise() const { return ways.empty() ? value : std::min(value, ways.front().bound); }
  double bound() const {
    const double rest = ways.empty() ? std::numeric_limits<double>::infinity() : ways.front().bound;
    return std::min(least, rest);
  }
  FusionWay take();
  void put(const FusionWay& way);
  void put_in_order();  // after bounds have changed
};

// By what a block is worth: what it can come to, what it costs for certain, its best mapped way.
enum class BlockWorth { promise, bound, value };

// Least sum over blocks that follow each other, of all `length` places; their numbers in order.
// Where a layer has no way at all, it costs nothing: the rest of the network is still reported.
std::vector<int> best_path(const std::vector<FusionBlock>& blocks, int length, BlockWorth worth);

// The sequence of least product of energy and latency, from the blocks' fronts; `ended`: blocks
// without a mapped way get none any more.
std::vector<std::pair<int, FusionWay>> best_product(const std::vector<FusionBlock>& blocks,
                                                    int length, bool ended);

// The most promising sequence of known blocks in place of one; 0: there is none.
double worth_of_parts(const std::vector<FusionBlock>& blocks, int first, int last);

// Of a sequence that best_product has chosen.
model::Cost cost_of(const std::vector<FusionBlock>& blocks,
                    const std::vector<std::pair<int, FusionWay>>& chosen);

}  // namespace ridgeline::search
