// Copies of data between memories before a layer runs: which way they go, what they cost
// (docs/depth-first.md, "Copies").
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <utility>
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

// Costs copies on one core. Keeps what it works with from call to call: one for each thread.
class CopyRouter {
 public:
  // The accelerator must outlive it.
  explicit CopyRouter(const Accelerator& accelerator);

  // `detail`: with each copy and its hops; else the sums alone.
  CopyLayer cost(const std::vector<Copy>& copies, bool detail);

 private:
  // What a port does for all copies together.
  struct Busy {
    int memory = 0;
    int port = 0;
    double first = 0;
    double last = 0;
    double length = 0;
  };

  // Adds the hops of a copy; false where there is no way.
  bool run(const Copy& copy, CopyCost& cost);
  bool straight(MemoryOperand operand, int from, int to, double bits, CopyCost& cost);
  bool hop(MemoryOperand operand, int from, int to, bool up, double bits, CopyCost& cost);
  void add_busy(int memory, int port, double begin, double end);
  const std::vector<int>& memories(MemoryOperand operand) const {
    return memories_[static_cast<std::size_t>(operand)];
  }

  const Accelerator& accelerator_;
  std::array<std::vector<int>, 3> memories_;  // by operand
  bool detail_ = false;
  double now_ = 0;  // on the way of a copy
  std::vector<Busy> busy_;
  std::vector<std::pair<int, int>> received_;  // memory, port
};

CopyLayer cost_copies(const Accelerator& accelerator, const std::vector<Copy>& copies);

// Memories that store an operand, innermost first.
std::vector<int> memories_of(const Accelerator& accelerator, MemoryOperand operand);

}  // namespace ridgeline::model
