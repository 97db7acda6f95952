// Evaluates several temporal mappings of one compiled problem at once, one a lane of the
// processor's vector registers. The figures are those of evaluate.hpp, to the last bit: the same
// operations in the same order, lane by lane, without contraction.
//
// Portable: plain vector code of two doubles wherever the compiler has vector types, four where the
// processor that runs it has AVX2 (asked once, at the first use).
#pragma once

#include <array>
#include <cstdint>

#include "model/core/evaluation.hpp"
#include "model/core/loop_tiling.hpp"
#include "model/core/problem.hpp"

namespace ridgeline::model {

inline constexpr int kLanes = 4;

using LaneDoubles = std::array<double, kLanes>;
using LaneMask = std::array<std::int64_t, kLanes>;  // -1: yes, 0: no

// TilingVersion, by lane.
struct LaneVersion {
  alignas(32) std::array<LaneDoubles, kMaxArchLevels> elements;
  alignas(32) std::array<LaneMask, kMaxArchLevels + 1> partial_sums;
  // Only where LaneTiling::split.
  alignas(32) std::array<LaneMask, kMaxLevels> partial_low;
  alignas(32) std::array<LaneMask, kMaxLevels> partial_high;
};

// OperandTiling, by lane.
struct LaneOperand {
  alignas(32) std::array<LaneDoubles, kMaxArchLevels> period;
  alignas(32) std::array<LaneDoubles, kMaxArchLevels> count;
  alignas(32) std::array<LaneDoubles, kMaxArchLevels> top_relevant;
  alignas(32) std::array<LaneDoubles, kMaxArchLevels> top_irrelevant;
  std::array<LaneVersion, 2> version;
};

// LoopTiling, by lane. Partial sums of inputs are never looked at.
struct LaneTiling {
  alignas(32) LaneDoubles iterations;
  std::array<LaneOperand, kMaxOperands> operand;
  // Whether the versions differ, or partial sums do not follow from those of the levels alone:
  // then all of LaneVersion is set, of both versions where the problem has two.
  bool split = false;
};

struct LaneCosts {
  alignas(32) LaneDoubles energy;   // pJ
  alignas(32) LaneDoubles latency;  // cycles
};

// Whether problems of this kind can be evaluated in lanes (all but those of the rules of 2023 and
// of the strict model).
bool has_lanes(const Problem& problem);

// Whether `tiling.split` has to be set for this problem.
bool has_split_lanes(const Problem& problem);

// Copies one tiling into a lane, of `lanes.split` as set.
void set_lane(const Problem& problem, const LoopTiling& tiling, int lane, LaneTiling& lanes);

// Costs of all lanes; each lane must hold a tiling (a lane that is not needed may hold a copy).
// Infinite where a transfer of partial sums has no port to use.
void evaluate_lanes(const Problem& problem, const LaneTiling& lanes, LaneCosts& costs);

// The same without AVX2, for tests.
void evaluate_lanes_portably(const Problem& problem, const LaneTiling& lanes, LaneCosts& costs);

}  // namespace ridgeline::model
