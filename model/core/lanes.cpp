#include "model/core/lanes.hpp"

#include "model/core/directions.hpp"
#include "model/core/port_time.hpp"

#define RIDGELINE_LANE_WIDTH 2

namespace ridgeline::model {

namespace {

typedef double Pair __attribute__((vector_size(16)));
typedef long long PairMask __attribute__((vector_size(16)));

// As port_time.hpp: values are not negative; from 2^52 on they are whole.
inline Pair truncated_lanes(Pair x) {
  const Pair nearest = (x + kNoFraction) - kNoFraction;
  const Pair down = nearest > x ? nearest - 1.0 : nearest;
  return x >= kNoFraction ? x : down;
}
inline Pair rounded_up_lanes(Pair x) {
  const Pair nearest = (x + kNoFraction) - kNoFraction;
  const Pair up = nearest < x ? nearest + 1.0 : nearest;
  return x >= kNoFraction ? x : up;
}
inline bool any(PairMask mask) {
  return (mask[0] | mask[1]) != 0;
}
inline bool every(PairMask mask) {
  return (mask[0] & mask[1]) != 0;
}

}  // namespace

}  // namespace ridgeline::model

#include "model/core/lane_evaluator.hpp"

namespace ridgeline::model {

// lanes_avx2.cpp; null where this is not built for such processors, or does not run on one.
using EvaluateLanes = void (*)(const Problem&, const LaneTiling&, LaneCosts&);
EvaluateLanes avx2_lanes();

bool has_lanes(const Problem& problem) {
  return !problem.rules_of_2023 && !problem.strict;
}

bool has_split_lanes(const Problem& problem) {
  if (!problem.whole) return true;
  for (int o = 0; o < problem.operands; ++o) {
    const ProblemOperand& operand = problem.operand[static_cast<std::size_t>(o)];
    if (operand.output && (operand.partial || !operand.real.whole)) return true;
  }
  return false;
}

void set_lane(const Problem& problem, const LoopTiling& tiling, int lane, LaneTiling& lanes) {
  const auto l = static_cast<std::size_t>(lane);
  const auto yes = [](std::uint32_t bits, std::size_t i) {
    return -static_cast<std::int64_t>(bits >> i & 1u);
  };
  lanes.iterations[l] = tiling.iterations;
  for (std::size_t o = 0; o < static_cast<std::size_t>(problem.operands); ++o) {
    const OperandTiling& from = tiling.operand[o];
    LaneOperand& to = lanes.operand[o];
    const auto levels = static_cast<std::size_t>(problem.operand[o].levels);
    for (std::size_t a = 0; a <= levels; ++a) {
      to.period[a][l] = from.period[a];
      to.count[a][l] = from.count[a];
      to.top_relevant[a][l] = from.top_relevant[a];
      to.top_irrelevant[a][l] = from.top_irrelevant[a];
    }
    for (std::size_t v = 0; v < (problem.whole ? 1u : 2u); ++v) {
      for (std::size_t a = 0; a <= levels; ++a) {
        to.version[v].elements[a][l] = from.version[v].elements[a];
        if (!problem.operand[o].output) continue;
        to.version[v].partial_sums[a][l] = yes(from.version[v].partial_sums, a);
        if (!lanes.split || a == levels) continue;
        to.version[v].partial_low[a][l] = yes(from.version[v].partial_low, a);
        to.version[v].partial_high[a][l] = yes(from.version[v].partial_high, a);
      }
    }
  }
}

void evaluate_lanes_portably(const Problem& problem, const LaneTiling& lanes, LaneCosts& costs) {
  evaluate_registers(problem, lanes, costs);
}

void evaluate_lanes(const Problem& problem, const LaneTiling& lanes, LaneCosts& costs) {
  static const EvaluateLanes best = avx2_lanes() ? avx2_lanes() : &evaluate_lanes_portably;
  best(problem, lanes, costs);
}

}  // namespace ridgeline::model
