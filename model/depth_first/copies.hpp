// Copies of data between memories before a layer runs: which way they go, what they cost
// (docs/depth-first.md, "Copies").
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "model/core/accelerator.hpp"

namespace ridgeline::model {

enum class CopyCause : std::uint8_t {
  stack_input,    // into the stack
  layer_input,    // from where a layer left its output to where the next one reads
  write_rows,     // into the cache for the tiles below
  write_columns,  // into the cache for the tile to the right
  read_columns,
  read_rows,
};
inline constexpr int kCopyCauses = 6;
std::string_view to_string(CopyCause cause);  // "stack input"

struct CopyEnd {
  MemoryOperand operand = MemoryOperand::O;
  int memory = 0;  // place in Accelerator::memories
};

struct Copy {
  CopyCause cause = CopyCause::stack_input;
  double bits = 0;
  CopyEnd from;
  CopyEnd to;
};

struct CopyHop {
  int from = 0;  // places in Accelerator::memories
  int to = 0;
  double energy = 0;       // pJ
  double read_energy = 0;  // of it, in `from`
  double cycles = 0;
};

struct CopyCost {
  Copy copy;
  double energy = 0;
  std::vector<CopyHop> hops;
};

// Copies that begin together: a port serves one after the other, different ports at the same time.
struct CopyLayer {
  double energy = 0;   // pJ
  double latency = 0;  // cycles
  std::vector<CopyCost> copies;
  std::string fault;  // why there is no way from a memory to another
};

CopyLayer cost_copies(const Accelerator& accelerator, const std::vector<Copy>& copies);

// Memories that store an operand, innermost first.
std::vector<int> memories_of(const Accelerator& accelerator, MemoryOperand operand);

}  // namespace ridgeline::model
