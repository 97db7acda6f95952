// Evaluates temporal mappings of a compiled problem (docs/model.md, sections 4 to 6).
//
// Two steps, so that searches which know tile sizes without walking loops can enter half-way:
// `tile` turns an ordering and its cuts into what each memory level sees; `evaluate` turns that
// into energy and latency. Neither allocates, throws or locks.
#pragma once

#include <array>
#include <cstdint>

#include "model/core/evaluation.hpp"
#include "model/core/loop_tiling.hpp"
#include "model/core/problem.hpp"

namespace ridgeline::model {

// Energy and latency. Infinite where a transfer of partial sums has no port to use.
Cost evaluate(const Problem& problem, const LoopTiling& tiling);

// By the strict model (docs/strict-model.md); strict_evaluate.hpp.
Cost evaluate_strict(const Problem& problem, const Ordering& ordering, const Cuts& cuts);

inline Cost evaluate(const Problem& problem, const Ordering& ordering, const Cuts& cuts) {
  if (problem.strict) return evaluate_strict(problem, ordering, cuts);
  LoopTiling tiling;
  tile(problem, ordering, cuts, tiling);
  return evaluate(problem, tiling);
}

// One (operand, memory level, direction) that moves data: a fixed amount every period.
struct TransferDetail {
  bool active = false;
  double amount = 0;          // elements a period, with the version of the spatial mapping that
                              // `count` etc. use: real for accesses, integer for latency
  double precision = 0;       // bits an element
  double period = 0;          // cycles
  double count = 0;           // periods
  double window = 0;          // cycles a transfer may take without double buffering
  double bandwidth = 0;       // mean required, bits a cycle
  double accesses = 0;        // full-width accesses (real version only)
  double real_cycles = 0;     // (integer version only)
  double allowed_cycles = 0;  // (integer version only)
  double loading_cycles = 0;  // of on- or offloading, after levelling (integer version only)
};

struct PortDetail {
  int memory = 0;  // place in Problem::memory
  int port = 0;    // place in Problem::port
  bool active = false;
  double stall = 0;         // combined stall (+) or slack (-)
  double window_union = 0;  // cycles in which at least one of its links may transfer
};

// Intermediate figures, for people and for tests. Indexed [operand][memory level][direction].
struct Detail {
  LoopTiling tiling;
  std::array<std::array<std::array<TransferDetail, kDirections>, kMaxLevels>, kMaxOperands> real;
  std::array<std::array<std::array<TransferDetail, kDirections>, kMaxLevels>, kMaxOperands> integer;
  std::array<std::array<bool, kMaxArchLevels>, kMaxOperands> double_buffer{};
  // Of the strict model: tiles of the output that a level holds at a time.
  std::array<std::int8_t, kMaxArchLevels> output_buffers{};
  std::array<std::array<double, kMaxLevels>, kMaxOperands> shared_after_check{};
  std::array<PortDetail, kMaxPorts> port{};
};

// The readable breakdown, by the same code as `evaluate`. `detail` may be null.
Evaluation explain(const Problem& problem, const Ordering& ordering, const Cuts& cuts,
                   Detail* detail = nullptr);

}  // namespace ridgeline::model
