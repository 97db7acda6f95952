// The memory hierarchy that a layer sees: which memory is which level of which operand, and
// which port serves what (docs/model.md, section 2).
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "model/core/accelerator.hpp"

namespace ridgeline::model {

struct PortFunction {
  MemoryOperand operand = MemoryOperand::O;
  int level = 0;  // of the operand
  Direction direction = Direction::rd_out_to_low;
};

struct HierarchyPort {
  int port = 0;  // place in Memory::ports
  std::vector<PortFunction> functions;
};

struct HierarchyMemory {
  int memory = 0;  // place in Accelerator::memories
  std::vector<MemoryOperand> operands;
  std::array<int, kMemoryOperands> level{-1, -1, -1};  // of each memory operand; -1: not stored
  std::vector<HierarchyPort> ports;                    // those that serve anything
};

// Of one accelerator, perhaps with memories taken away from operands (keeping data on chip).
struct Hierarchy {
  std::vector<HierarchyMemory> memories;  // insertion order
  std::vector<int> topological_order;     // places in `memories`
  std::vector<bool> has_lower_memory;     // of each of `memories`, for any of its operands
  // Places in `memories` of each memory operand's levels, innermost first.
  std::array<std::vector<int>, kMemoryOperands> levels;
};

// The hierarchy with every memory and operand of the document.
Hierarchy build_hierarchy(const Accelerator& accelerator);

// The hierarchy in which memory m (place in Accelerator::memories) keeps the operands
// `kept[m]`, in that order; memories that keep none are left out (docs/model.md, appendix A).
Hierarchy build_hierarchy(const Accelerator& accelerator,
                          const std::vector<std::vector<MemoryOperand>>& kept);

}  // namespace ridgeline::model
