// Evaluates temporal mappings of a compiled problem (docs/model.md, sections 4 to 6).
//
// Two steps, so that searches which know tile sizes without walking loops can enter half-way:
// `tile` turns an ordering and its cuts into what each memory level sees; `evaluate` turns that
// into energy and latency. Neither allocates, throws or locks.
#pragma once

#include <array>
#include <cstdint>

#include "model/evaluation.hpp"
#include "model/problem.hpp"

namespace ridgeline::model {

// Temporal loops, innermost first. Sizes are whole numbers.
struct Ordering {
  int count = 0;
  std::array<std::uint8_t, kMaxLoops> dim{};
  std::array<double, kMaxLoops> size{};

  void push(int d, std::int64_t n) {
    dim[static_cast<std::size_t>(count)] = static_cast<std::uint8_t>(d);
    size[static_cast<std::size_t>(count++)] = static_cast<double>(n);
  }
};

// end[o][m]: how many of the loops, from the innermost, lie in memory levels 0..m of operand o.
struct Cuts {
  std::array<std::array<std::uint8_t, kMaxLevels>, kMaxOperands> end{};
};

// The same for both versions of the spatial mapping.
struct TilingVersion {
  std::array<double, kMaxArchLevels> elements;  // in one instance at architecture level a
  // Bit a / m, of the output: level a holds partial sums; the transfers on the low and the high
  // side of memory level m carry partial sums.
  std::uint32_t partial_sums = 0;
  std::uint32_t partial_low = 0;
  std::uint32_t partial_high = 0;
};

// What the levels of one operand see of the temporal loops, after irrelevant loops have sunk.
struct OperandTiling {
  std::array<double, kMaxArchLevels> period;          // iterations between transfers
  std::array<double, kMaxArchLevels> count;           // whole periods in all iterations
  std::array<double, kMaxArchLevels> top_relevant;    // outermost run of relevant loops
  std::array<double, kMaxArchLevels> top_irrelevant;  // and of irrelevant ones
  std::array<TilingVersion, 2> version;  // real, integer; the second unset where they are equal
  std::array<std::uint8_t, kMaxLevels> boundary;  // loops in levels 0..m, after sinking
};

struct Tiling {
  double iterations = 1;  // product of all temporal loops
  std::array<OperandTiling, kMaxOperands> operand;
};

void tile(const Problem& problem, const Ordering& ordering, const Cuts& cuts, Tiling& tiling);

// Energy and latency. Infinite where a transfer of partial sums has no port to use.
Cost evaluate(const Problem& problem, const Tiling& tiling);

inline Cost evaluate(const Problem& problem, const Ordering& ordering, const Cuts& cuts) {
  Tiling tiling;
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
  Tiling tiling;
  std::array<std::array<std::array<TransferDetail, kDirections>, kMaxLevels>, kMaxOperands> real;
  std::array<std::array<std::array<TransferDetail, kDirections>, kMaxLevels>, kMaxOperands> integer;
  std::array<std::array<bool, kMaxArchLevels>, kMaxOperands> double_buffer{};
  std::array<std::array<double, kMaxLevels>, kMaxOperands> shared_after_check{};
  std::array<PortDetail, kMaxPorts> port{};
};

// The readable breakdown, by the same code as `evaluate`. `detail` may be null.
Evaluation explain(const Problem& problem, const Ordering& ordering, const Cuts& cuts,
                   Detail* detail = nullptr);

}  // namespace ridgeline::model
