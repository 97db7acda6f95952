// Capacities of the flat (heap-free) structures of the compiled problem.
//
// Documents that exceed one of them are refused by `compile()` with a reason; nothing is
// ever truncated silently.
#pragma once

#include <cstddef>
#include <cstdint>

namespace ridgeline::model {

inline constexpr int kMaxDims = 16;      // loop dimensions of a layer
inline constexpr int kMaxRelations = 4;  // IX = 2*OX + FX and the like
inline constexpr int kMaxOperands = 3;   // output and up to two inputs
inline constexpr int kMaxLevels = 8;     // memory levels that hold one operand
inline constexpr int kMaxMemories = 24;  // memories of a core
inline constexpr int kMaxPorts = 48;     // ports of all memories of a core
inline constexpr int kMaxLinks = kMaxOperands * kMaxLevels * 4;  // data-transfer links
inline constexpr int kMaxLoops = 56;  // temporal loops; 2^53 has 53 prime factors

// Integers beyond this are not exact as doubles; readers refuse them.
inline constexpr std::int64_t kMaxExactInteger = std::int64_t{1} << 53;

}  // namespace ridgeline::model
