// Schedules a compiled problem for one allocation: when each node runs, what moves over which
// link, and what it costs (docs/multicore.md, section 5).
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

#include "model/system/schedule_problem.hpp"

namespace ridgeline::model {

enum class TransferCause : std::uint8_t { offchip, eviction, sink, core_to_core };
inline constexpr int kTransferCauses = 4;

// The nine accumulators, in the order in which they are added up.
struct EnergyParts {
  double onchip = 0;  // of the nodes: MACs and the cores' memories
  std::array<double, kTransferCauses> link{};
  std::array<double, kTransferCauses> memory{};  // of offchip: streamed operands included

  double total() const;
};

enum class ScheduleFailure : std::uint8_t {
  none,
  core_cannot_run,   // node, core
  tensor_too_large,  // tensor, memory
  no_room,           // tensor, memory: nothing left to evict
  offchip_full,      // tensor, memory
  memory_overflow,   // tensor, memory: stored beyond the capacity
  part_not_offchip,  // tensor: a part is needed of a tensor that is not off-chip
  no_memory,         // tensor, core: the core has no memory for the operand
  no_use_left,       // tensor: counted down on a memory that does not count it
  never_stored,      // tensor: needed and nowhere to be found
  no_window,         // a link never has the bandwidth
};

struct ScheduleFigures {
  ScheduleFailure failure = ScheduleFailure::none;
  int node = -1;    // where it failed
  int tensor = -1;  // in ScheduleProblem::tensors
  int memory = -1;  // in TopMemories::instances
  double latency = 0;
  EnergyParts energy;
  double mac_energy = 0;       // part of energy.onchip
  std::int64_t peak_bits = 0;  // sum over the memories on chip of their peaks
  // The off-chip memory was full, where the reference ends: what nobody reads any more has left it.
  bool offchip_cleared = false;

  bool feasible() const { return failure == ScheduleFailure::none; }
};

struct ScheduledTransfer {
  int at_node = -1;  // being scheduled; -1: before the first
  int tensor = 0;
  int part = -1;  // of ScheduleProblem::parts
  MemoryOperand operand = MemoryOperand::I1;
  int from = 0;
  int to = 0;
  double start = 0;
  double end = 0;
  double share = 1;
  TransferCause cause = TransferCause::offchip;
  double link_energy = 0;
  double memory_energy = 0;
  bool fresh = true;     // on every link; false: goes along with an earlier one
  double bandwidth = 0;  // the least of its links
  double decided = 0;    // of write-backs: when they were asked for; else the earliest start
};

// A streamed operand on one link while its node runs.
struct ScheduledBlock {
  int node = 0;
  int tensor = 0;
  MemoryOperand operand = MemoryOperand::I1;
  int link = 0;
  double start = 0;
  double end = 0;
  double bandwidth = 0;
};

struct ScheduledRemoval {
  int at_node = 0;
  int tensor = 0;
  int part = -1;
  int core = 0;
  double time = 0;
  enum class Cause : std::uint8_t { used_up, eviction, sink, part, moved } cause = Cause::used_up;
};

// A tensor in a memory: space is taken from `stored`, the data is there from `available`.
struct Residency {
  int tensor = 0;
  int part = -1;
  int memory = 0;
  double stored = 0;
  double available = 0;
  double removed = 0;      // infinite: stays
  bool unchecked = false;  // stored later than anything in the memory so far (Q18)
};

// Everything about one schedule, for results that someone will read.
struct ScheduleRecord {
  std::vector<int> order;  // nodes as they were scheduled
  std::vector<double> start;
  std::vector<double> end;
  std::vector<int> core;
  std::vector<ScheduledTransfer> transfers;
  std::vector<ScheduledBlock> blocks;
  std::vector<ScheduledRemoval> removals;
  std::vector<Residency> residencies;
  struct Memory {
    std::int64_t peak = 0;
    double peak_time = 0;
    std::vector<double> time;
    std::vector<std::int64_t> used;
  };
  std::vector<Memory> memories;  // by instance
};

// Holds the state of one evaluation and keeps its storage for the next: after the first few,
// evaluating does not touch the heap. One object a thread; the problem must outlive it.
class Scheduler {
 public:
  explicit Scheduler(const ScheduleProblem& problem);
  ~Scheduler();

  // `allocation` has a core for each of the problem's slots. Failures are values.
  ScheduleFigures evaluate(const Allocation& allocation);
  ScheduleFigures evaluate(const Allocation& allocation, ScheduleRecord& record);

 private:
  class Run;
  std::unique_ptr<Run> run_;
};

}  // namespace ridgeline::model
