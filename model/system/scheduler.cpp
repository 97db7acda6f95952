#include "model/system/scheduler.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "model/system/scheduler_run.hpp"

namespace ridgeline::model {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

unsigned bit(MemoryOperand o) {
  return 1u << static_cast<unsigned>(o);
}

}  // namespace

double EnergyParts::total() const {
  double sum = onchip;
  for (std::size_t c = 0; c < kTransferCauses; ++c) {
    sum += link[c];
    sum += memory[c];
  }
  return sum;
}

Scheduler::Scheduler(const ScheduleProblem& problem) : run_(std::make_unique<Run>(problem)) {}

Scheduler::~Scheduler() = default;

ScheduleFigures Scheduler::evaluate(const Allocation& allocation) {
  return run_->evaluate(allocation, nullptr);
}

ScheduleFigures Scheduler::evaluate(const Allocation& allocation, ScheduleRecord& record) {
  record = ScheduleRecord{};
  return run_->evaluate(allocation, &record);
}

ScheduleFigures Scheduler::Run::evaluate(const Allocation& allocation, ScheduleRecord* record) {
  record_ = record;
  if (record != nullptr) record->start.assign(problem_.nodes.size(), -1.0);
  reset(allocation);
  count_constants();
  count_as_they_go_ = !reads_known_ || streams(allocation);
  for (const std::int32_t tensor : problem_.initial) {
    const Data& data = whole_[at(tensor)];
    const int memory = memory_of(problem_.offchip_core, data.own);
    if (memory != kNone) store(data, memory, 0, 0);
  }
  load_prefetched();
  if (problem_.order.empty()) {
    schedule_by_readiness();
  } else {
    schedule_in_order();
  }
  if (!failed()) {
    figures_.latency = std::max(transfers_end_, nodes_end_);
    for (const Memory& m : memories_) {
      if (!m.offchip) figures_.peak_bits += m.profile.peak();
    }
  }
  if (record != nullptr) write_record(*record);
  record_ = nullptr;
  return figures_;
}

void Scheduler::Run::note_residency(ScheduleRecord& record, const Stay& stay, double removed) {
  record.residencies.push_back({stay.data->tensor, stay.data->part, stay.memory, stay.stored,
                                stay.available, removed, stay.unchecked});
}

void Scheduler::Run::write_record(ScheduleRecord& record) const {
  record.end = end_;
  for (const ScheduleProblem::Node& n : problem_.nodes) {
    record.core.push_back(allocation_->core[at(n.slot)]);
  }
  for (const Memory& memory : memories_) {
    for (const std::int32_t s : memory.stays) {
      if (s == kNone) continue;
      const Stay& stay = stays_[at(s)];
      note_residency(record, stay, kInfinity);
    }
    ScheduleRecord::Memory m;
    for (std::size_t i = 0; i < memory.profile.size(); ++i) {
      m.time.push_back(memory.profile.time(i));
      m.used.push_back(memory.profile.used(i));
      if (m.used.back() > m.peak || i == 0) {
        m.peak = m.used.back();
        m.peak_time = m.time.back();
      }
    }
    record.memories.push_back(std::move(m));
  }
}

void Scheduler::Run::reset(const Allocation& allocation) {
  allocation_ = &allocation;
  figures_ = ScheduleFigures{};
  node_ = kNone;
  std::fill(idle_.begin(), idle_.end(), 0.0);
  std::fill(end_.begin(), end_.end(), -1.0);
  for (Memory& m : memories_) {
    m.stays.clear();
    m.gone = 0;
    m.smallest = std::numeric_limits<std::int64_t>::max();
    m.profile.reset();
  }
  for (LinkOccupancy& l : links_) l.reset();
  std::fill(link_free_.begin(), link_free_.end(), 0.0);
  stays_.clear();
  free_stay_ = kNone;
  std::copy(fresh_keys_.begin(), fresh_keys_.end(), keys_.begin());
  std::fill(holders_.begin(), holders_.end(), 0);
  std::copy(fresh_left_.begin(), fresh_left_.end(), left_.begin());
  counted_ = 0;
  read_ = 0;
  needed_ = {};
  ++step_;
  events_.clear();
  transfers_end_ = 0;
  nodes_end_ = 0;
  overdrawn_ = false;
}

void Scheduler::Run::fail(ScheduleFailure failure, int tensor, int memory) {
  if (failed()) return;
  figures_.failure = failure;
  figures_.node = node_;
  figures_.tensor = tensor;
  figures_.memory = memory;
}

// Of constants, the uses of the first of the slots that share a memory count for all of them.
void Scheduler::Run::count_constants() {
  folded_ = false;
  for (const std::int32_t t : shared_constants_) {
    const ScheduleProblem::Tensor& tensor = problem_.tensors[at(t)];
    std::uint64_t seen = 0;
    bool apart = true;
    for (std::uint32_t u = tensor.use_begin; u < tensor.use_end && apart; ++u) {
      const std::uint64_t bit = std::uint64_t{1} << (memory_of_use(u) & 63);
      apart = (seen & bit) == 0;
      seen |= bit;
    }
    if (apart) continue;
    std::int64_t total = 0;
    for (std::uint32_t u = tensor.use_begin; u < tensor.use_end; ++u) {
      if (counts_first(tensor, u)) {
        total += problem_.uses[u].count;
      } else {
        folded_ = true;
      }
    }
    keys_[at(t)].uses_left = total;
  }
}

void Scheduler::Run::load_prefetched() {
  for (const ScheduleProblem::Prefetch& p : problem_.prefetch) {
    if (failed()) return;
    TransferRequest request;
    request.to = allocation_->core[at(problem_.nodes[at(p.node)].slot)];
    request.operand = p.operand;
    transfer(whole_[at(p.tensor)], request);
  }
}

void Scheduler::Run::schedule_in_order() {
  for (const Row& row : rows_) {
    schedule(row);
    if (failed()) return;
  }
}

void Scheduler::Run::schedule_by_readiness() {
  const CnGraph& graph = *problem_.graph;
  const auto later = [](const Candidate& a, const Candidate& b) {
    return a.ready != b.ready ? a.ready > b.ready : a.rank > b.rank;
  };
  const auto push = [&](std::int32_t i) {
    const CnNode& n = graph.nodes[at(i)];
    const std::int64_t id = graph.layers[at(n.layer)].id;
    candidates_.push_back({ready_[at(i)], (id << 32) + n.sub_id, i});
    std::push_heap(candidates_.begin(), candidates_.end(), later);
  };
  candidates_.clear();
  for (std::int32_t i = 0; i < static_cast<std::int32_t>(graph.nodes.size()); ++i) {
    waiting_[at(i)] = static_cast<std::int32_t>(graph.predecessors_of(i).size());
    ready_[at(i)] = 0;
    if (waiting_[at(i)] == 0) push(i);
  }
  while (!candidates_.empty()) {
    std::pop_heap(candidates_.begin(), candidates_.end(), later);
    const std::int32_t node = candidates_.back().node;
    candidates_.pop_back();
    schedule(rows_[at(node)]);
    if (failed()) return;
    for (const CnEdge& e : graph.successors_of(node)) {
      ready_[at(e.node)] = std::max(ready_[at(e.node)], end_[at(node)]);
      if (--waiting_[at(e.node)] == 0) push(e.node);
    }
  }
}

void Scheduler::Run::schedule(const Row& row) {
  node_ = row.node;
  ++step_;
  const int core = allocation_->core[at(row.slot)];
  const CoreMemories& held = held_[at(core)];
  const Cost& cost = costs_[row.costs + at(core)];
  if (!cost.known) return fail(ScheduleFailure::core_cannot_run);
  unsigned streamed = cost.streamed;
  const bool in_full = streamed == 0 && !row.has_parts;
  if (in_full) {
    needed_ = {needs_.data() + row.need_begin, needs_.data() + row.need_end};
  } else {
    gather_needed(row, core, streamed);
    if (failed()) return;
    if (streamed != 0 && !needed_.empty() &&
        (streamed & problem_.layers[at(row.layer)].constants) == 0 &&
        problem_.semantics.parts_of_tensors && fits_without_streaming(row, core)) {
      streamed = 0;
    }
  }
  if (row.barrier) raise_idle_times();
  double time = idle_[at(core)];
  for (std::uint32_t p = row.predecessor_begin; p < row.predecessor_end; ++p) {
    time = std::max(time, end_[at(predecessors_[p])]);
  }
  if (streamed != 0) {
    time = clear(row, core, time);
    if (failed()) return;
  }

  double earliest = time;
  if (problem_.semantics.fetch_ahead) {
    earliest = idle_[at(core)] - (in_full ? row.headstart : headstart());
  }
  TransferRequest request;
  request.to = core;
  request.earliest = earliest;
  request.share = row.share;
  const auto fetch = [&](const Needed& n) {
    request.operand = n.operand;
    time = std::max(time, transfer(data_of(n), request));
    return !failed();
  };
  if (in_full) {
    for (std::uint32_t n = row.need_begin; n < row.need_end; ++n) {
      // Mostly it is there, and that is all there is to it (see `transfer`).
      const Wanted wanted = wanted_[n];
      if ((holders_[at(wanted.key)] & held.there[at(wanted.kind)]) != 0) continue;
      if (!fetch(needs_[n])) return;
    }
  } else {
    for (const Needed& n : needed_) {
      if (!fetch(n)) return;
    }
  }

  const Data& output = whole_[at(row.output)];
  const bool output_streamed = (streamed & bit(MemoryOperand::O)) != 0;
  const int output_core = output_streamed ? problem_.offchip_core : core;
  const int output_memory = memory_of(output_core, MemoryOperand::O);
  if (output_memory == kNone) return fail(ScheduleFailure::no_memory, row.output);
  time = make_space(output, output_core, MemoryOperand::O, time);
  if (failed()) return;

  double runtime = allocation_->whole_cycles[at(row.slot)] ? cost.whole_runtime : cost.runtime;
  if (streamed != 0) {
    time = block_links(row, core, runtime, time);
    if (failed()) return;
  }
  const double end = time + runtime;
  end_[at(row.node)] = end;
  idle_[at(core)] = end;
  nodes_end_ = std::max(nodes_end_, end);
  store(output, output_memory, time, end);
  figures_.energy.onchip += cost.onchip_energy;
  figures_.energy.memory[at(static_cast<int>(TransferCause::offchip))] += cost.offchip_energy;
  figures_.mac_energy += cost.mac_energy;
  if (record_ != nullptr) {
    record_->start[at(row.node)] = time;
    record_->order.push_back(row.node);
  }

  if (problem_.semantics.checked_capacity) {
    for (const Needed& n : needed_) {
      const std::int32_t stay = find(n.key, memory_of(core, n.operand));
      if (stay == kNone) continue;
      stays_[at(stay)].read_until = std::max(stays_[at(stay)].read_until, end);
    }
  }
  if (count_as_they_go_) {
    for (const Needed& n : needed_) use(n, row.node);
  } else {
    const auto place = static_cast<std::size_t>(&row - rows_.data());
    read_ = place + 1;
    std::uint32_t last = place == 0 ? 0 : rows_[place - 1].last_use_end;
    for (; last < row.last_use_end; ++last) {
      const std::int32_t tensor = last_uses_[last];
      if (tensor >= 0) {
        used_up(row.node, tensor);
      } else {
        use(needs_[at(~tensor)], row.node);
      }
    }
  }
  if (streamed != 0 && problem_.semantics.checked_capacity) use_streamed(row, streamed, end);
  if (failed()) return;
  if (row.has_parts) {
    for (const Needed& n : needed_) {
      if (n.part == kNone) continue;
      for (const int place : {core, problem_.offchip_core}) {
        remove(data_of(n), place, end, false, n.own, TransferCause::eviction, 0);
      }
    }
  }
  if (row.writes_back && !output_streamed) {
    remove(output, core, end, true, MemoryOperand::O, TransferCause::sink, row.share);
  }
}

// The tensors that the node needs and does not stream, or parts of them, in fetching order.
void Scheduler::Run::gather_needed(const Row& row, int core, unsigned streamed) {
  gathered_.clear();
  for (std::uint32_t i = row.need_begin; i < row.need_end; ++i) {
    Needed n = needs_[i];
    if ((streamed & bit(n.operand)) != 0) continue;
    const std::int32_t part = problem_.needs[at(n.need)].part;
    if (part != kNone && find(n.key, memory_of(core, n.own)) == kNone) {
      const int offchip = memory_of(problem_.offchip_core, n.own);
      const std::int32_t stay = find(n.key, offchip);
      if (stay == kNone && !problem_.semantics.true_parts) {
        return fail(ScheduleFailure::part_not_offchip, n.tensor);
      }
      if (stay != kNone) {
        n.part = part;
        n.key = part_[at(part)].key;
        const double available = stays_[at(stay)].available;
        store(part_[at(part)], offchip, available, available);
      }
    }
    gathered_.push_back(n);
  }
  needed_ = gathered_;
}

// What the node being scheduled needs is not evicted.
void Scheduler::Run::protect_needed() {
  if (protected_step_ == step_) return;
  protected_step_ = step_;
  for (const Needed& n : needed_) protected_[at(n.key)] = step_;
}

void Scheduler::Run::raise_idle_times() {
  const double latest = *std::max_element(idle_.begin(), idle_.end());
  std::fill(idle_.begin(), idle_.end(), latest);
}

double Scheduler::Run::headstart() const {
  double sum = 0;
  for (const Needed& n : needed_) {
    sum += n.part == kNone ? headstart_[at(n.need)] : headstart_part_[at(n.need)];
  }
  return sum;
}

// Whether some node streams operands on its core.
bool Scheduler::Run::streams(const Allocation& allocation) const {
  if (slot_streams_.empty()) return false;
  for (std::size_t s = 0; s < allocation.core.size(); ++s) {
    if (slot_streams_[s * at(problem_.cores) + at(allocation.core[s])]) return true;
  }
  return false;
}

// One use less of a tensor on the node's core; without uses it leaves every memory.
inline void Scheduler::Run::use(const Needed& needed, int node) {
  if (needed.use == kNone) return fail(ScheduleFailure::no_use_left, needed.tensor);
  if (--left_[at(needed.use)] < 0) overdrawn_ = true;
  if (folded_ && uses_of_constant(needed.tensor, memory_of_use(needed.use)) < 0) overdrawn_ = true;
  if (--keys_[at(needed.tensor)].uses_left == 0) used_up(node, needed.tensor);
}

// Counts what has been read since uses were asked for last.
void Scheduler::Run::count_uses() {
  if (count_as_they_go_ || counted_ == read_) return;
  const std::uint32_t begin = rows_[counted_].need_begin;
  const std::uint32_t end = rows_[read_ - 1].need_end;
  for (std::uint32_t n = begin; n < end; ++n) {
    if (!needs_[n].counted) --left_[at(needs_[n].use)];
  }
  counted_ = read_;
}

// The same for what a node has streamed. The reference forgets these, so that they stay off-chip
// for ever.
void Scheduler::Run::use_streamed(const Row& row, unsigned streamed, double end) {
  for (std::uint32_t i = row.need_begin; i < row.need_end; ++i) {
    const Needed& n = needs_[i];
    if ((streamed & bit(n.operand)) == 0) continue;
    const std::int32_t stay = find(n.key, memory_of(problem_.offchip_core, n.operand));
    if (stay != kNone) stays_[at(stay)].read_until = std::max(stays_[at(stay)].read_until, end);
    use(n, row.node);
  }
}

// When the readers of a node's output that end last of those in their slots have ended, by the
// memories that their cores have.
class Scheduler::Run::Readers {
 public:
  Readers(const Run& run, int origin) {
    const std::uint32_t begin = run.reader_begin_[at(origin)];
    const std::uint32_t end = run.reader_begin_[at(origin) + 1];
    if (end - begin > ends_.size() || run.memories_.size() > 64) return;
    double earliest = 0;
    for (std::uint32_t r = begin; r < end; ++r) {
      const double ended = run.end_[at(run.readers_[r].node)];
      const int core = run.allocation_->core[at(run.readers_[r].slot)];
      memories_[r - begin] = run.held_[at(core)].all;
      ends_[r - begin] = ended;
      latest_ = std::max(latest_, ended);
      earliest = std::min(earliest, ended);
    }
    count_ = end - begin;
    known_ = earliest >= 0;
  }

  // False: there are too many of them, or memories, or some have not run yet.
  bool known() const { return known_; }
  double latest() const { return latest_; }
  // The latest of them that ran beside a memory; -1: none did.
  double latest_beside(int memory) const {
    double last = -1;
    for (std::size_t r = 0; r < count_; ++r) {
      last = std::max(last, (memories_[r] >> memory & 1u) != 0 ? ends_[r] : -1.0);
    }
    return last;
  }

 private:
  std::array<std::uint64_t, 16> memories_;  // as bits
  std::array<double, 16> ends_;
  std::size_t count_ = 0;
  double latest_ = -1;
  bool known_ = false;
};

void Scheduler::Run::used_up(int node, std::int32_t tensor) {
  const ScheduleProblem::Tensor& t = problem_.tensors[at(tensor)];
  if (t.constant) {
    return leave_all(node, tensor, [&](int) { return end_[at(node)]; });
  }
  const double end = end_[at(node)];
  const Readers readers(*this, t.origin);
  if (readers.known()) {
    leave_all(node, tensor, [&](int holder) {
      const double last =
          memories_[at(holder)].offchip ? readers.latest() : readers.latest_beside(holder);
      return last < 0 ? end : last;
    });
  } else {
    leave_all(node, tensor, [&](int holder) {
      const double last = last_reader(t.origin, holder);
      return last < 0 ? end : last;
    });
  }
}

// Takes a tensor out of every memory, when `time_in` says.
template <class TimeIn>
inline void Scheduler::Run::leave_all(int node, std::int32_t tensor, TimeIn&& time_in) {
  const Data& data = whole_[at(tensor)];
  for (std::int32_t s = keys_[at(data.key)].stay; s != kNone;) {
    const int holder = stays_[at(s)].memory;
    std::int32_t stay = s;
    s = stays_[at(s)].next_of_data;
    const int place = memories_[at(holder)].first_core;
    const int addressed = memory_of(place, data.own);
    if (addressed != holder) {  // the reference does not find it
      if (s != kNone && stays_[at(s)].memory == addressed) s = stays_[at(s)].next_of_data;
      stay = addressed == kNone ? kNone : find(data.key, addressed);
      if (stay == kNone) continue;
    }
    const double time = leaving(stay, time_in(holder));
    if (record_ != nullptr) {
      record_->removals.push_back(
          {node, tensor, kNone, place, time, ScheduledRemoval::Cause::used_up});
    }
    take_out(stay, time);
  }
}

// Latest end of all readers of a node's output that ran beside a memory; -1: none did.
double Scheduler::Run::last_reader(int origin, int memory) const {
  const bool anywhere = memories_[at(memory)].offchip;
  double last = -1;
  for (std::uint32_t s = problem_.successor_begin[at(origin)];
       s < problem_.successor_begin[at(origin) + 1]; ++s) {
    const std::int32_t reader = problem_.successors[s];
    if (!anywhere) {
      const auto& held = held_[at(allocation_->core[at(problem_.nodes[at(reader)].slot)])].memory;
      if (std::find(held.begin(), held.end(), memory) == held.end()) continue;
    }
    last = std::max(last, end_[at(reader)]);
  }
  return last;
}

}  // namespace ridgeline::model
