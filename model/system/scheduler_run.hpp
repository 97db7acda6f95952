// The state of a scheduler: tables that hold for all allocations of a problem, and one schedule
// while it is made. Only for scheduler*.cpp.
//
// What a node asks for lies in rows in the order in which nodes run, and what it touches of a
// tensor in one place: most of a schedule's time goes into fetching these.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "model/system/occupancy.hpp"
#include "model/system/scheduler.hpp"

namespace ridgeline::model {

// Of what a schedule does several times a node: calls are a tenth of its time.
#define RIDGELINE_INLINE [[gnu::always_inline]] inline

class Scheduler::Run {
 public:
  explicit Run(const ScheduleProblem& problem);

  // `record` may be null.
  ScheduleFigures evaluate(const Allocation& allocation, ScheduleRecord* record);

 private:
  static constexpr int kNone = -1;
  static std::size_t at(std::int64_t i) { return static_cast<std::size_t>(i); }

  // A tensor or a part of one, as it is stored and moved.
  struct Data {
    std::int64_t bits = 0;
    std::int32_t tensor = 0;
    std::int32_t part = kNone;
    std::int32_t key = 0;   // a whole tensor's is its place
    std::int32_t size = 0;  // place of `bits` among the distinct ones
    MemoryOperand own = MemoryOperand::O;
  };
  // What a node reads and does not stream.
  struct Needed {
    std::int32_t key = 0;
    std::int32_t tensor = 0;
    std::int32_t part = kNone;
    std::int32_t need = 0;     // place in the problem's
    std::int32_t use = kNone;  // place in the problem's: the one that reading counts down
    MemoryOperand operand = MemoryOperand::I1;
    MemoryOperand own = MemoryOperand::O;
    bool counted = false;  // as they go, even where last reads are known
  };
  // Of the same, what is looked at to see whether it is there.
  struct Wanted {
    std::int32_t key = 0;
    std::int32_t kind = 0;  // of `CoreMemories::there`
  };
  // A node; in the order in which they run where that is known before, else by their number.
  struct Row {
    std::int32_t node = 0;
    std::int32_t slot = 0;
    std::int32_t layer = 0;
    std::int32_t output = 0;
    std::uint32_t costs = 0;  // begin of its row of `costs_`
    std::uint32_t need_begin = 0;
    std::uint32_t need_end = 0;
    std::uint32_t predecessor_begin = 0;
    std::uint32_t predecessor_end = 0;
    std::uint32_t last_use_end = 0;  // of `last_uses_`; they begin where the row before ends
    std::int32_t share = 0;
    double headstart = 0;  // of all that it needs, in full
    bool has_parts = false;
    bool barrier = false;
    bool writes_back = false;
  };
  struct Cost {
    double runtime = 0;
    double whole_runtime = 0;  // cut to whole cycles
    double onchip_energy = 0;
    double offchip_energy = 0;
    double mac_energy = 0;
    bool known = false;
    std::uint8_t streamed = 0;  // bits: memory operands
  };
  struct CoreMemories {
    std::array<std::int32_t, kMemoryOperands> memory{};
    // By a tensor's own operand and the one that a node reads it as: bit of the memory that holds
    // it, to look up in `holders_`; none where there is more to presence than that.
    std::array<std::uint64_t, kMemoryOperands * kMemoryOperands> there{};
    std::uint64_t all = 0;  // memories as bits, modulo 64
  };
  // What is known of a tensor or part while a schedule is made.
  struct Key {
    std::int64_t uses_left = 0;
    std::int32_t stay = kNone;
    std::int32_t event = kNone;
  };
  // In a list by data. Memories note what was stored in them in its order.
  struct Stay {
    const Data* data = nullptr;
    std::int64_t bits = 0;
    std::int32_t memory = kNone;  // none: it has left
    std::int32_t next_of_data = kNone;
    std::int32_t place = 0;  // among those noted in its memory
    bool unchecked = false;
    double stored = 0;
    double available = 0;
    double read_until = 0;  // end of the last node that reads it here, of those scheduled
  };
  struct Memory {
    std::int64_t size = 0;
    std::int64_t smallest = 0;  // bits of what was ever stored
    std::int32_t first_core = 0;
    bool offchip = false;
    double read_cost = 0;  // pJ a word
    double write_cost = 0;
    double word = 1;  // bits
    MemoryOccupancy profile;
    std::vector<std::int32_t> stays;  // in the order of storing; none: has left
    std::size_t gone = 0;             // of these
  };
  // From one core to another at a share of the links' bandwidth.
  struct Way {
    std::span<const int> links;
    std::int32_t least = 0;  // of what is booked on them: of `least_bandwidths_`
    double bandwidth = 0;    // the same
  };
  struct Demand {
    std::int32_t link = 0;
    std::int32_t operand = 0;  // place among the streamed ones
    double bandwidth = 0;
    double booked = 0;
  };
  struct Victim {
    std::int32_t stay = 0;
    std::int32_t order = 0;
    std::int64_t bits = 0;
    std::int64_t weight = 0;
  };
  struct Candidate {
    double ready = 0;
    std::int64_t rank = 0;  // by layer and sub id
    std::int32_t node = 0;
  };
  // A reader of a node's output that ends last of those in its slot that it waits for.
  struct Reader {
    std::int32_t node = 0;
    std::int32_t slot = 0;
  };
  // A transfer on a link, in a list of its tensor's, the latest first.
  struct LinkEvent {
    double start = 0;
    std::int32_t link = 0;
    std::int32_t next = kNone;
  };
  struct TransferRequest {
    int from = kNone;  // kNone: where it has been available the longest
    int to = 0;
    MemoryOperand operand = MemoryOperand::I1;
    double earliest = 0;
    double decided = 0;
    std::int32_t share = 0;  // of the links' bandwidth: place in `shares_`
    TransferCause cause = TransferCause::offchip;
    bool cause_given = false;
  };
  struct Moved {
    double start = 0;
    double end = 0;
    double link_energy = 0;
    double bandwidth = 0;  // the least of the links
    bool fresh = false;    // on every link
  };

  // scheduler_tables.cpp
  void tabulate_memories();
  void tabulate_sizes();
  void tabulate_shares();
  void tabulate_costs();
  void tabulate_rows();
  void tabulate_readers();
  void tabulate_uses();
  void tabulate_last_uses();
  void tabulate_streams();
  void tabulate_routes();
  void tabulate_headstarts();

  // scheduler.cpp
  void reset(const Allocation& allocation);
  void count_constants();
  void load_prefetched();
  void schedule_in_order();
  void schedule_by_readiness();
  void schedule(const Row& row);
  void gather_needed(const Row& row, int core, unsigned streamed);
  void raise_idle_times();
  double headstart() const;
  bool streams(const Allocation& allocation) const;
  void use(const Needed& needed, int node);
  void count_uses();
  void use_streamed(const Row& row, unsigned streamed, double end);
  void used_up(int node, std::int32_t tensor);
  class Readers;
  template <class TimeIn>
  void leave_all(int node, std::int32_t tensor, TimeIn&& time_in);
  double last_reader(int origin, int memory) const;
  void write_record(ScheduleRecord& record) const;

  // scheduler_streams.cpp
  bool fits_without_streaming(const Row& row, int core) const;
  double clear(const Row& row, int core, double time);
  double block_links(const Row& row, int core, double& runtime, double time);

  // scheduler_moves.cpp
  double transfer(const Data& data, const TransferRequest& request);
  void send_in_turn(const Data& data, std::span<const int> route, Moved& moved);
  void send(const Data& data, int from, int to, std::int32_t share, Moved& moved);
  double duration(const Data& data, std::int32_t least);
  double words(const Data& data, int memory);
  double memory_energy_of(int from, int to, const Data& data);
  double make_space(const Data& data, int core, MemoryOperand operand, double time);
  double make_space_apart(const Data& data, int receiver, int own, int core, MemoryOperand operand,
                          double time);
  void clear_offchip(int memory, std::int64_t missing);
  double evict(const Data& data, int core, MemoryOperand operand, double time, double room,
               std::int64_t missing);
  double remove(const Data& data, int core, double time, bool write_back, MemoryOperand operand,
                TransferCause cause, std::int32_t share);
  double leaving(std::int32_t stay, double time) const;
  void take_out(std::int32_t stay, double time);
  static void note_residency(ScheduleRecord& record, const Stay& stay, double removed);
  void forget_gone(Memory& memory);
  void store(const Data& data, int memory, double stored, double available);
  std::int64_t uses_on(const Data& data, int memory);
  std::int64_t uses_of_constant(std::int32_t tensor, int memory) const;
  bool fresh_event(int link, std::int32_t tensor, double start);

  void protect_needed();
  bool may_hold(std::int32_t key, int memory) const;
  std::int32_t find(std::int32_t key, int memory) const;
  int memory_of(int core, MemoryOperand operand) const;
  int memory_of_use(std::int64_t use) const;
  bool counts_first(const ScheduleProblem::Tensor& tensor, std::uint32_t use) const;
  const Data& data_of(const Needed& n) const;
  void fail(ScheduleFailure failure, int tensor = kNone, int memory = kNone);
  bool failed() const { return figures_.failure != ScheduleFailure::none; }

  const ScheduleProblem& problem_;
  // What holds for all allocations.
  std::vector<Row> rows_;
  std::vector<Needed> needs_;               // of the rows, in the order of fetching, all in full
  std::vector<Wanted> wanted_;              // the same
  std::vector<std::int32_t> predecessors_;  // of the rows: those that no other of them waits for
  std::vector<Cost> costs_;                 // by unique node and core
  std::vector<CoreMemories> held_;          // by core
  std::vector<Data> whole_;                 // by tensor
  std::vector<Data> part_;
  std::size_t sizes_ = 0;       // distinct ones of these
  std::vector<double> words_;   // by size and memory; negative: not asked yet
  std::vector<double> shares_;  // distinct ones; 1 is the first
  std::vector<std::int32_t> share_of_layer_;
  std::vector<double> booked_;               // bandwidth that a share takes, by share and link
  std::vector<double> headstart_;            // by need, of the whole tensor
  std::vector<double> headstart_part_;       // and of its part
  std::vector<std::uint32_t> reader_begin_;  // by node, of `readers_`
  std::vector<Reader> readers_;
  std::vector<Key> fresh_keys_;  // as they are before anything is scheduled
  std::vector<std::int32_t> fresh_left_;
  // Tensors by the last row that reads them, so that nobody has to count uses as they go; negative:
  // a need (~) that has to be counted.
  std::vector<std::int32_t> last_uses_;
  bool reads_known_ = false;
  std::vector<bool> slot_streams_;  // by slot and core: some node streams there; empty: none does
  std::vector<std::int32_t> shared_constants_;  // tensors: constants of several slots
  std::vector<std::int32_t> producer_;          // by tensor: slot
  std::vector<Way> ways_;                       // by share and pair of cores
  std::vector<double> least_bandwidths_;
  std::vector<double> durations_;  // by size and least bandwidth; negative: not asked yet

  const Allocation* allocation_ = nullptr;
  ScheduleRecord* record_ = nullptr;
  ScheduleFigures figures_;
  int node_ = kNone;  // being scheduled

  std::vector<double> idle_;  // by core
  std::vector<double> end_;   // by node; -1: not scheduled yet
  std::vector<double> ready_;
  std::vector<std::int32_t> waiting_;
  std::vector<Candidate> candidates_;
  std::vector<Memory> memories_;
  std::vector<LinkOccupancy> links_;
  std::vector<double> link_free_;  // semantics of 2023: when each link has served all so far
  std::vector<Stay> stays_;
  std::int32_t free_stay_ = kNone;
  std::vector<Key> keys_;
  // By key: memories that hold it, as bits modulo 64: only where there are more memories may a bit
  // be set for another one.
  std::vector<std::uint64_t> holders_;
  // Of each of ScheduleProblem::uses; where last reads are known, of the rows before `counted_`.
  std::vector<std::int32_t> left_;
  bool count_as_they_go_ = false;
  std::size_t counted_ = 0;         // rows
  std::size_t read_ = 0;            // rows that have read what they need
  bool folded_ = false;             // constants have several uses on one memory, which count once
  std::span<const Needed> needed_;  // of the node: its row's, or those gathered
  std::vector<Needed> gathered_;
  std::vector<std::uint64_t> protected_;  // step in which a key may not be evicted
  std::uint64_t step_ = 0;                // never begins anew
  std::uint64_t protected_step_ = 0;      // for which `protected_` has been set
  std::vector<Demand> demands_;
  std::vector<Victim> victims_;
  std::vector<LinkEvent> events_;
  std::vector<const Data*> snapshot_;
  double transfers_end_ = 0;
  double nodes_end_ = 0;
  bool overdrawn_ = false;  // a tensor was used more often than it counts uses
};

inline bool Scheduler::Run::may_hold(std::int32_t key, int memory) const {
  return (holders_[at(key)] >> (memory & 63) & 1u) != 0;
}

inline std::int32_t Scheduler::Run::find(std::int32_t key, int memory) const {
  if (!may_hold(key, memory)) return kNone;
  std::int32_t s = keys_[at(key)].stay;
  while (s != kNone && stays_[static_cast<std::size_t>(s)].memory != memory) {
    s = stays_[static_cast<std::size_t>(s)].next_of_data;
  }
  return s;
}

inline int Scheduler::Run::memory_of(int core, MemoryOperand operand) const {
  return held_[static_cast<std::size_t>(core)].memory[static_cast<std::size_t>(operand)];
}

inline int Scheduler::Run::memory_of_use(std::int64_t use) const {
  const ScheduleProblem::Use& u = problem_.uses[static_cast<std::size_t>(use)];
  return memory_of(allocation_->core[static_cast<std::size_t>(u.slot)], u.operand);
}

// When there is room for data on a core, at `time` or later; evicts what is in the way.
inline double Scheduler::Run::make_space(const Data& data, int core, MemoryOperand operand,
                                         double time) {
  const int receiver = memory_of(core, operand);
  const int own = memory_of(core, data.own);
  if (receiver == own && own != kNone) {
    const Memory& memory = memories_[static_cast<std::size_t>(own)];
    // Only what stays to the end can leave no room from some time on.
    if (data.bits <= memory.size && memory.profile.last_used() + data.bits <= memory.size) {
      return memory.profile.room_from(time, data.bits, memory.size);
    }
  }
  return make_space_apart(data, receiver, own, core, operand, time);
}

// When data can leave a memory, at `time` or later. The reference takes them away while a node
// still reads them, or before they have arrived.
inline double Scheduler::Run::leaving(std::int32_t index, double time) const {
  if (!problem_.semantics.checked_capacity) return time;
  const Stay& stay = stays_[static_cast<std::size_t>(index)];
  return std::max({time, stay.available, stay.read_until});
}

inline const Scheduler::Run::Data& Scheduler::Run::data_of(const Needed& n) const {
  return n.part == kNone ? whole_[static_cast<std::size_t>(n.tensor)]
                         : part_[static_cast<std::size_t>(n.part)];
}

RIDGELINE_INLINE void Scheduler::Run::take_out(std::int32_t index, double time) {
  Stay& stay = stays_[at(index)];
  Memory& memory = memories_[at(stay.memory)];
  memory.profile.add(time, -stay.bits);
  if (record_ != nullptr) note_residency(*record_, stay, time);
  Key& key = keys_[at(stay.data->key)];
  std::int32_t* link = &key.stay;
  while (*link != index) link = &stays_[at(*link)].next_of_data;
  *link = stay.next_of_data;
  if (memories_.size() <= 64)
    holders_[at(stay.data->key)] &= ~(std::uint64_t{1} << (stay.memory & 63));
  memory.stays[at(stay.place)] = kNone;
  ++memory.gone;
  stay.memory = kNone;
  stay.next_of_data = free_stay_;
  free_stay_ = index;
}

RIDGELINE_INLINE void Scheduler::Run::store(const Data& data, int memory, double stored,
                                            double available) {
  if (find(data.key, memory) != kNone) return;
  Memory& m = memories_[at(memory)];
  const bool unchecked = stored > m.profile.last_time();
  if (!m.profile.add_within(stored, data.bits, m.size, problem_.semantics.checked_capacity)) {
    return fail(ScheduleFailure::memory_overflow, data.tensor, memory);
  }
  m.smallest = std::min(m.smallest, data.bits);
  std::int32_t index = free_stay_;
  if (index == kNone) {
    index = static_cast<std::int32_t>(stays_.size());
    stays_.emplace_back();
  } else {
    free_stay_ = stays_[at(index)].next_of_data;
  }
  Key& key = keys_[at(data.key)];
  Stay& stay = stays_[at(index)];
  stay.data = &data;
  stay.bits = data.bits;
  stay.memory = memory;
  stay.next_of_data = key.stay;
  stay.place = static_cast<std::int32_t>(m.stays.size());
  stay.unchecked = unchecked;
  stay.stored = stored;
  stay.available = available;
  stay.read_until = 0;
  key.stay = index;
  holders_[at(data.key)] |= std::uint64_t{1} << (memory & 63);
  m.stays.push_back(index);
}

// Whether the tensor does not yet have an event on the link that starts at the same time; then
// it has one from now on.
inline bool Scheduler::Run::fresh_event(int link, std::int32_t tensor, double start) {
  std::int32_t* place = &keys_[at(tensor)].event;
  for (; *place != kNone; place = &events_[at(*place)].next) {
    const LinkEvent& e = events_[at(*place)];
    if (e.start < start) break;
    if (e.start == start && e.link == link) return false;
  }
  const std::int32_t next = *place;
  *place = static_cast<std::int32_t>(events_.size());
  events_.push_back({start, link, next});
  return true;
}

}  // namespace ridgeline::model
