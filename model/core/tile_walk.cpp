#include "model/core/tile_walk.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>

#include "model/core/directions.hpp"
#include "model/core/index.hpp"
#include "model/core/strict_problem.hpp"

namespace ridgeline::model {
namespace {

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

  WalkTimes run(double limit) {
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
    const bool repeats = transfers_.iterations > strict_.walked_in_full;
    return StrictWalk(problem_, merged_, links, strict_.skew, repeats).run(limit);
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

  void set_link(int o, int a, WalkLink& link) const {
    link.latency = level(o, a).latency;
    const double buffers = transfers_.buffers[z(o)][z(a)];
    link.buffers =
        std::isinf(buffers) ? std::numeric_limits<int>::max() : static_cast<int>(buffers);
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
                     const std::array<double, kMaxLevels>& finishes, double limit) {
  return TileWalk(problem, ordering, tiles, transfers, finishes).run(limit);
}

}  // namespace ridgeline::model
