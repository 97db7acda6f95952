// Schedules a compiled problem for one allocation: when each node runs, what moves over which
// link, and what it costs (docs/multicore.md, section 5).
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "model/system/occupancy.hpp"
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

  // `allocation` has a core for each of the problem's slots. Failures are values.
  ScheduleFigures evaluate(const Allocation& allocation);
  ScheduleFigures evaluate(const Allocation& allocation, ScheduleRecord& record);

 private:
  static constexpr int kNone = -1;

  // A tensor or a part of one, as it is stored and moved.
  struct Data {
    std::int32_t tensor = 0;
    std::int32_t part = kNone;
    std::int32_t key = 0;
    std::int64_t bits = 0;
    MemoryOperand own = MemoryOperand::O;
    std::int32_t size = 0;  // place of `bits` among the distinct ones
  };
  struct Needed {
    Data data;
    MemoryOperand operand = MemoryOperand::I1;
    const ScheduleProblem::Need* need = nullptr;
  };
  // In two lists: by data, and by memory in the order of storing.
  struct Stay {
    Data data;
    std::int32_t memory = 0;
    double stored = 0;
    double available = 0;
    double read_until = 0;  // end of the last node that reads it here, of those scheduled
    bool unchecked = false;
    std::int32_t next_of_data = kNone;
    std::int32_t next_in_memory = kNone;
    std::int32_t previous_in_memory = kNone;
  };
  struct Memory {
    std::int64_t size = 0;
    bool offchip = false;
    int first_core = 0;
    double read_cost = 0;  // pJ a word of bandwidth_min bits
    double write_cost = 0;
    double word = 1;
    double full_read_cost = 0;  // pJ a word of bandwidth_max bits
    double full_write_cost = 0;
    double full_word = 1;
    std::int32_t first = kNone;
    std::int32_t last = kNone;
    std::int64_t smallest = 0;  // bits of what was ever stored
    MemoryOccupancy profile;
  };
  struct Count {
    std::int32_t memory = 0;
    std::int32_t uses = 0;
  };
  struct Demand {
    std::int32_t link = 0;
    std::int32_t operand = 0;  // place among the streamed ones
    double bandwidth = 0;
    double booked = 0;
  };
  struct Victim {
    Data data;
    std::int64_t weight = 0;
    std::int32_t order = 0;
  };
  struct Candidate {
    double ready = 0;
    std::int64_t rank = 0;  // by layer and sub id
    std::int32_t node = 0;
  };
  // A transfer on a link, in a list of its tensor's, the latest first.
  struct LinkEvent {
    double start = 0;
    std::int32_t link = 0;
    std::int32_t next = kNone;
  };
  struct TransferRequest {
    Data data;
    int from = kNone;  // kNone: where it has been available the longest
    int to = 0;
    MemoryOperand operand = MemoryOperand::I1;
    double earliest = 0;
    double decided = 0;
    std::int32_t share = 0;  // of the links' bandwidth: place in `shares_`
    TransferCause cause = TransferCause::offchip;
    bool cause_given = false;
  };

  void tabulate_sizes();
  void tabulate_shares();
  void tabulate_headstarts();
  void reset(const Allocation& allocation);
  void count_uses();
  void load_prefetched();
  void schedule(int node);
  void schedule_in_order();
  void schedule_by_readiness();
  void gather_needed(const ScheduleProblem::Node& node, int core, unsigned streamed);
  bool fits_without_streaming(const ScheduleProblem::Node& node, int core) const;
  void raise_idle_times();
  double clear(const ScheduleProblem::Node& node, int core, const NodeCost& cost, double time);
  double headstart() const;
  double block_links(int node, int core, const NodeCost& cost, double& runtime, double time);
  void count_down(int node, int core, unsigned streamed);
  void use(const ScheduleProblem::Need& need, int node, int core);
  double last_reader(int origin, int memory) const;

  double transfer(const TransferRequest& request);
  double memory_energy_of(int from, int to, const Data& data);
  double words(const Data& data, int memory);
  double make_space(const Data& data, int core, MemoryOperand operand, double time);
  double remove(const Data& data, int core, double time, bool write_back, MemoryOperand operand,
                TransferCause cause, std::int32_t share);
  double leaving(std::int32_t stay, double time) const;
  void take_out(std::int32_t stay, double time);
  void store(const Data& data, int memory, double stored, double available);
  std::int32_t find(std::int32_t key, int memory) const;
  bool may_hold(std::int32_t key, int memory) const;
  int memory_of(int core, MemoryOperand operand) const;
  std::int64_t uses_on(const Data& data, int memory) const;
  bool fresh_event(int link, std::int32_t tensor, double start);
  void fail(ScheduleFailure failure, int tensor = kNone, int memory = kNone);
  bool failed() const { return figures_.failure != ScheduleFailure::none; }
  const Data& whole(std::int32_t tensor) const { return whole_[static_cast<std::size_t>(tensor)]; }

  const ScheduleProblem& problem_;
  // Figures that recur, computed once.
  std::vector<Data> whole_;              // by tensor
  std::vector<std::int32_t> part_size_;  // by part
  std::vector<double> words_;            // by size and memory; negative: not asked yet
  std::vector<double> shares_;           // distinct ones; 1 is the first
  std::vector<std::int32_t> share_of_layer_;
  std::vector<double> booked_;          // bandwidth that a share takes, by share and link
  std::vector<double> headstart_;       // by need, of the whole tensor
  std::vector<double> headstart_part_;  // and of its part

  std::vector<std::uint32_t> predecessor_begin_;  // by node, of `predecessors_`
  std::vector<std::int32_t> predecessors_;        // distinct ones
  std::vector<std::uint64_t> memories_of_core_;   // as bits, modulo 64

  const Allocation* allocation_ = nullptr;
  ScheduleRecord* record_ = nullptr;
  ScheduleFigures figures_;
  int node_ = kNone;  // being scheduled

  std::vector<double> idle_;  // by core
  std::vector<double> start_;
  std::vector<double> end_;
  std::vector<double> ready_;
  std::vector<std::int32_t> waiting_;
  std::vector<Candidate> candidates_;
  std::vector<Memory> memories_;
  std::vector<LinkOccupancy> links_;
  std::vector<double> link_free_;  // semantics of 2023: when each link has served all so far
  std::vector<Stay> stays_;
  std::int32_t free_stay_ = kNone;
  std::vector<std::int32_t> stay_of_key_;
  // Memories that hold a key, as bits modulo 64: only where there are more memories may a bit be
  // set for another one.
  std::vector<std::uint64_t> holders_;
  std::vector<Count> counts_;  // like ScheduleProblem::uses
  std::vector<std::int32_t> count_size_;
  std::vector<std::int64_t> uses_left_;
  std::vector<Needed> needed_;
  std::vector<std::uint32_t> protected_;  // step in which a key may not be evicted
  std::uint32_t step_ = 0;
  std::vector<Demand> demands_;
  std::vector<Victim> victims_;
  std::vector<LinkEvent> events_;
  std::vector<std::int32_t> events_of_tensor_;
  std::vector<Data> snapshot_;
  double transfers_end_ = 0;
  bool overdrawn_ = false;  // a tensor was used more often than it counts uses
};

inline bool Scheduler::may_hold(std::int32_t key, int memory) const {
  return (holders_[static_cast<std::size_t>(key)] >> (memory & 63) & 1u) != 0;
}

inline std::int32_t Scheduler::find(std::int32_t key, int memory) const {
  if (!may_hold(key, memory)) return kNone;
  std::int32_t s = stay_of_key_[static_cast<std::size_t>(key)];
  while (s != kNone && stays_[static_cast<std::size_t>(s)].memory != memory) {
    s = stays_[static_cast<std::size_t>(s)].next_of_data;
  }
  return s;
}

inline int Scheduler::memory_of(int core, MemoryOperand operand) const {
  return problem_.memories
      .of_core[static_cast<std::size_t>(core)][static_cast<std::size_t>(operand)];
}

}  // namespace ridgeline::model
