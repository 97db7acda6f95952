// Sequences of fused stacks: what is known of each stack's ways of fusing, and which stacks
// together are best.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "model/core/evaluate.hpp"
#include "search/depth_first/fusion.hpp"
#include "search/depth_first/stack_plan.hpp"

namespace ridgeline::search {

// How a way is bounded so far: not; by what each datum costs at least; by tables of layer-tiles
// that have the memories to themselves; beside what else is there, and by what is mapped already.
enum class BoundTier : std::uint8_t { none, quick, alone, close };

// One way to fuse a stack.
struct FusionWay {
  Tile tile;
  Overlap overlap = Overlap::recompute;
  BoundTier tier = BoundTier::none;
  // It was mapped with; simple: not at all, or for a first value.
  TileSolver::Effort mapped = TileSolver::Effort::simple;
  std::size_t known = 0;  // what was known by then
  double bound = 0;
  model::Cost least;      // energy and latency, each on its own
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
  std::vector<model::Cost>
      unsure;         // for edp: what ways that were mapped without a proof cost least
  std::string fault;  // why no way is feasible, as far as known

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

// What every sequence of `length` places costs at least, by the blocks' bounds. `unseen`: what each
// place costs at least in stacks and ways that were not looked at; empty: there are none.
double least_bound(const std::vector<FusionBlock>& blocks, int length,
                   const std::vector<double>& unseen);

// For edp: blocks in order with their ways, and what they cost together.
struct FusionSequence {
  model::Cost cost;
  std::vector<std::pair<int, FusionWay>> chosen;
};

// Sequences from the blocks' fronts of which none is nowhere worse than another, by energy; where
// they are many, those of the least products. `ended`: blocks without a mapped way get none any
// more.
std::vector<FusionSequence> best_sequences(const std::vector<FusionBlock>& blocks, int length,
                                           bool ended);

// Of them, that of the least product.
FusionSequence best_product(std::vector<FusionSequence> sequences);

// Energy and latency of every sequence at least, each on its own; `unseen` as above.
model::Cost least_of_sequences(const std::vector<FusionBlock>& blocks, int length,
                               const std::vector<model::Cost>& unseen);

// The best sequence of known blocks in place of layers first .. last as one; infinity: none is.
double worth_of_parts(const std::vector<FusionBlock>& blocks, int first, int last,
                      BlockWorth worth);

}  // namespace ridgeline::search
