#include "model/core/tile_walk.hpp"

#include <algorithm>
#include <cstdint>
#include <limits>

#include "model/core/directions.hpp"
#include "model/core/index.hpp"
#include "model/core/strict_problem.hpp"

namespace ridgeline::model {
namespace {

// How much of a mapping is walked through tile by tile.
constexpr double kWalkedOfALoop = 6;
constexpr double kMostBlocks = 256;      // of more than StrictProblem::walked_in_full
constexpr double kMostInnerBlocks = 64;  // for each iteration of inner loops

class TileWalk {
 public:
  TileWalk(const Problem& problem, const Ordering& ordering, const StrictTiles& tiles,
           const StrictTransfers& transfers, const std::array<double, kMaxLevels>& finishes)
      : problem_(problem),
        strict_(*problem.strict),
        ordering_(ordering),
        tiles_(tiles),
        transfers_(transfers),
        finishes_(finishes) {}

  WalkTimes run() {
    std::array<int, kMaxLoops + 1> place;
    merge_loops(place);
    StrictWalk::Links links;
    for (int o = 0; o < problem_.operands; ++o) {
      for (int a = 0; a < problem_.operand[z(o)].levels; ++a) {
        WalkLink& link = links[z(o)][z(a)];
        link.position = place[z(tiles_.below(o, a).position)];
        set_link(o, a, link);
      }
    }
    WalkBlock block;
    block.pace[0].cycles = problem_.cycles_per_operation;
    block.repeats = transfers_.iterations > strict_.walked_in_full;
    // Inner loops that are too many take what an iteration of theirs in the middle does.
    for (;;) {
      block.top = merged_.count;
      if (!block.repeats || walked_blocks(block.base, block.top) <= kMostBlocks) break;
      block.top = block.base + 1;
      while (block.top < merged_.count &&
             walked_blocks(block.base, block.top + 1) <= kMostInnerBlocks) {
        ++block.top;
      }
      if (block.top == merged_.count) break;
      WalkBlock all = block;
      for (int v = 0; v < kVisits; ++v) {
        StrictWalk(problem_, merged_, links, block, strict_.skew)
            .pace(static_cast<Visit>(v), all.pace[z(v)]);
      }
      block = all;
      block.base = block.top;
      set_chains(block, links);
    }
    return StrictWalk(problem_, merged_, links, block, strict_.skew).run();
  }

 private:
  const StrictLevel& level(int o, int m) const { return strict_.level[z(o)][z(m)]; }

  // Loops of one dimension that no level parts are one.
  void merge_loops(std::array<int, kMaxLoops + 1>& place) {
    std::uint64_t parted = 0;
    for (int o = 0; o < problem_.operands; ++o) {
      for (int a = 0; a < problem_.operand[z(o)].levels; ++a) {
        parted |= std::uint64_t{1} << tiles_.below(o, a).position;
      }
    }
    merged_.count = 0;
    for (int i = 0; i < ordering_.count; ++i) {
      const bool same =
          i > 0 && !(parted >> i & 1u) && ordering_.dim[z(i)] == ordering_.dim[z(i - 1)];
      place[z(i)] = merged_.count;
      if (same) {
        merged_.size[z(merged_.count - 1)] *= ordering_.size[z(i)];
      } else {
        merged_.push(ordering_.dim[z(i)], static_cast<std::int64_t>(ordering_.size[z(i)]));
      }
    }
    place[z(ordering_.count)] = merged_.count;
  }

  double walked_blocks(int base, int top) const {
    double blocks = 1;
    for (int l = base; l < top; ++l) blocks *= std::min(merged_.size[z(l)], kWalkedOfALoop);
    return blocks;
  }

  // What it takes until the first tile is at the array, and until the last has left it.
  void set_chains(WalkBlock& block, const StrictWalk::Links& links) const {
    block.chain = {strict_.skew, 0, 0};
    for (int o = 0; o < problem_.operands; ++o) {
      for (int a = 0; a < problem_.operand[z(o)].levels; ++a) {
        if (links[z(o)][z(a)].position >= block.base) continue;
        const StrictInterface& link = transfers_.link[z(o)][z(a)];
        block.chain[z(o)] += link.first + link.latency;
      }
    }
  }

  void set_link(int o, int a, WalkLink& link) const {
    link.latency = level(o, a).latency;
    const double buffers = transfers_.buffers[z(o)][z(a)];
    link.buffers = a == 0 && buffers > StrictWalk::kRing ? std::numeric_limits<int>::max()
                                                         : static_cast<int>(buffers);
    set_walk_side(o, a, a, kRdLow, kWrLow, link.up);
    if (a > 0) {
      set_walk_side(o, a - 1, a, kWrHigh, kRdHigh, link.down);
    } else {
      link.down.to.word = link.down.back.word = {};
    }
    link.post_processing = o == 0 && a == strict_.post_level ? strict_.post_processing : 0;
  }

  // `in`, `out`: the side's directions of inputs and partial sums that come back, and of outputs.
  void set_walk_side(int o, int m, int a, int in, int out, WalkSide& to) const {
    StrictSide side;
    tiles_.set_side(o, m, a, side);
    const ProblemOperand& operand = problem_.operand[z(o)];
    to.base = side.base;
    to.varying = side.varying;
    for (int k = 0; k < side.varying; ++k) to.vary[z(k)] = side.vary[z(k)].rounds;
    to.bits = to.last_bits = operand.precision;
    to.finishes = o == 0 && finishes_[z(m)] == 1;
    if (to.finishes) to.last_bits = operand.final_precision;
    to.to = walk_port(side, o, m, a, o == 0 ? out : in);
    to.back = o == 0 ? walk_port(side, o, m, a, in) : WalkPort{};
  }

  WalkPort walk_port(const StrictSide& side, int o, int m, int a, int direction) const {
    const StrictLevel& at = level(o, m);
    if (at.port[z(direction)] < 0) return {};
    const StrictRow row = tiles_.row(o, m, a, direction, side);
    return {at.word[z(direction)], at.port[z(direction)], row.requests, row.base, row.varying};
  }

  const Problem& problem_;
  const StrictProblem& strict_;
  const Ordering& ordering_;
  const StrictTiles& tiles_;
  const StrictTransfers& transfers_;
  const std::array<double, kMaxLevels>& finishes_;
  Ordering merged_;
};

}  // namespace

WalkTimes walk_tiles(const Problem& problem, const Ordering& ordering, const StrictTiles& tiles,
                     const StrictTransfers& transfers,
                     const std::array<double, kMaxLevels>& finishes) {
  return TileWalk(problem, ordering, tiles, transfers, finishes).run();
}

}  // namespace ridgeline::model
