// Latencies of a mapping under the strict model that are known without walking through its tiles.
#pragma once

#include <array>
#include <cstdint>
#include <limits>

#include "model/core/strict_problem.hpp"

namespace ridgeline::model {

// What crosses between an operand's memory level and the next one (or the array), once a period.
struct StrictInterface {
  double period;
  double count;
  double up;       // cycles of the upper port a period, mean
  double down;     // of the lower port
  double back_up;  // of partial sums that come back
  double back_down;
  double latency;
  double first;    // cycles of the largest transfer
  double most_up;  // cycles of the largest transfer at either port
  double most_down;
  double edge_up;  // words of an input's first transfer, of the output's last one, at least
  double edge_down;
  double edge_back;   // of partial sums that come back, at least
  double irrelevant;  // loops inside a tile that its operand does not depend on
  std::int8_t up_port, down_port, back_up_port, back_down_port;
  double up_share = 1;  // of the upper port's cycles, so many are certain
  double down_share = 1;
};

// All that crosses, by operand and architecture level (below it).
struct StrictTransfers {
  double iterations = 1;
  std::array<std::array<StrictInterface, kMaxArchLevels>, kMaxOperands> link;
  // Tiles that fit below: 1 or 2, of outputs more; next to the array what it takes in or gives out.
  std::array<std::array<double, kMaxArchLevels>, kMaxOperands> buffers;

  bool twice(int o, int a) const {
    return a == 0 || buffers[static_cast<std::size_t>(o)][static_cast<std::size_t>(a)] > 1;
  }
};

// Tiles of an interface that a walk remembers. An array that holds more holds as many as come.
inline constexpr int kMostHeld = 16;

// Operands that the array takes in, or results that it holds, as fast as they move.
inline double held_at_array(int o, double skew, double latency) {
  const double held = (o == 0 ? 4 + skew : 2) + 2 * latency;
  return held <= kMostHeld ? held : std::numeric_limits<double>::infinity();
}

// Cycles that no schedule falls below: what each port moves, which goes to `busy` [port]; all
// operations between the first tiles and the last results; what ports have to move before and after
// some operations, and what the array waits where tiles have one buffer.
double close_latency(const Problem& problem, const StrictTransfers& transfers,
                     std::array<double, kMaxPorts>& busy);

// Cycles that the array surely waits while the tiles of an operand's innermost memory are
// exchanged, if there is one buffer for them. `inner`: between this memory and the array.
double wait_for_exchanges(const Problem& problem, int o, const StrictInterface& inner,
                          const StrictInterface& link);

// As far as that is known from some of the links, by operand and level; null: not known.
using SomeLinks = std::array<std::array<const StrictInterface*, kMaxLevels>, kMaxOperands>;
double latency_of_some(const Problem& problem, double iterations, const SomeLinks& links);

// Nearly the cycles that the walk through the tiles takes; beyond the limit no more than a bound.
double estimated_latency(const Problem& problem, const StrictTransfers& transfers, double limit);

}  // namespace ridgeline::model
