#include "model/system/scheduler.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace ridgeline::model {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

std::size_t at(std::int64_t i) {
  return static_cast<std::size_t>(i);
}

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

ScheduleFigures Scheduler::evaluate(const Allocation& allocation) {
  reset(allocation);
  count_uses();
  for (const std::int32_t tensor : problem_.initial) {
    const Data data = whole(tensor);
    const int memory = memory_of(problem_.offchip_core, data.own);
    if (memory != kNone) store(data, memory, 0, 0);
  }
  load_prefetched();
  if (problem_.order.empty()) {
    schedule_by_readiness();
  } else {
    schedule_in_order();
  }
  if (failed()) return figures_;
  figures_.latency = transfers_end_;
  for (const double end : end_) figures_.latency = std::max(figures_.latency, end);
  for (const Memory& m : memories_) {
    if (!m.offchip) figures_.peak_bits += m.profile.peak();
  }
  return figures_;
}

ScheduleFigures Scheduler::evaluate(const Allocation& allocation, ScheduleRecord& record) {
  record = ScheduleRecord{};
  record_ = &record;
  const ScheduleFigures figures = evaluate(allocation);
  record_ = nullptr;
  record.start = start_;
  record.end = end_;
  for (const ScheduleProblem::Node& n : problem_.nodes) {
    record.core.push_back(allocation.core[at(n.slot)]);
  }
  for (const Memory& memory : memories_) {
    for (std::int32_t s = memory.first; s != kNone; s = stays_[at(s)].next_in_memory) {
      const Stay& stay = stays_[at(s)];
      record.residencies.push_back({stay.data.tensor, stay.data.part, stay.memory, stay.stored,
                                    stay.available, kInfinity, stay.unchecked});
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
  return figures;
}

void Scheduler::reset(const Allocation& allocation) {
  allocation_ = &allocation;
  figures_ = ScheduleFigures{};
  node_ = kNone;
  std::fill(idle_.begin(), idle_.end(), 0.0);
  std::fill(start_.begin(), start_.end(), -1.0);
  std::fill(end_.begin(), end_.end(), -1.0);
  for (Memory& m : memories_) {
    m.first = m.last = kNone;
    m.smallest = std::numeric_limits<std::int64_t>::max();
    m.profile.reset();
  }
  for (LinkOccupancy& l : links_) l.reset();
  std::fill(link_free_.begin(), link_free_.end(), 0.0);
  stays_.clear();
  free_stay_ = kNone;
  std::fill(stay_of_key_.begin(), stay_of_key_.end(), kNone);
  std::fill(protected_.begin(), protected_.end(), 0u);
  step_ = 0;
  std::fill(holders_.begin(), holders_.end(), std::uint64_t{0});
  events_.clear();
  std::fill(events_of_tensor_.begin(), events_of_tensor_.end(), kNone);
  transfers_end_ = 0;
  overdrawn_ = false;
}

void Scheduler::fail(ScheduleFailure failure, int tensor, int memory) {
  if (failed()) return;
  figures_.failure = failure;
  figures_.node = node_;
  figures_.tensor = tensor;
  figures_.memory = memory;
}

// Uses that each memory still has for each tensor, from where the allocation puts its readers.
void Scheduler::count_uses() {
  for (std::size_t t = 0; t < problem_.tensors.size(); ++t) {
    const ScheduleProblem::Tensor& tensor = problem_.tensors[t];
    Count* const counts = counts_.data() + tensor.use_begin;
    std::int32_t size = 0;
    std::int64_t total = 0;
    for (std::uint32_t u = tensor.use_begin; u < tensor.use_end; ++u) {
      const ScheduleProblem::Use& use = problem_.uses[u];
      const int memory = memory_of(allocation_->core[at(use.slot)], use.operand);
      std::int32_t c = 0;
      while (c < size && counts[c].memory != memory) ++c;
      if (c == size) {
        counts[size++] = {memory, use.count};
        total += use.count;
      } else if (!tensor.constant) {
        counts[c].uses += use.count;
        total += use.count;
      }
    }
    count_size_[t] = size;
    uses_left_[t] = total;
  }
}

void Scheduler::load_prefetched() {
  for (const ScheduleProblem::Prefetch& p : problem_.prefetch) {
    if (failed()) return;
    TransferRequest request;
    request.data = whole(p.tensor);
    request.to = allocation_->core[at(problem_.nodes[at(p.node)].slot)];
    request.operand = p.operand;
    transfer(request);
  }
}

void Scheduler::schedule_in_order() {
  for (const std::int32_t node : problem_.order) {
    schedule(node);
    if (failed()) return;
  }
}

void Scheduler::schedule_by_readiness() {
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
    schedule(node);
    if (failed()) return;
    for (const CnEdge& e : graph.successors_of(node)) {
      ready_[at(e.node)] = std::max(ready_[at(e.node)], end_[at(node)]);
      if (--waiting_[at(e.node)] == 0) push(e.node);
    }
  }
}

void Scheduler::schedule(int index) {
  node_ = index;
  ++step_;
  const ScheduleProblem::Node& node = problem_.nodes[at(index)];
  const ScheduleProblem::Layer& layer = problem_.layers[at(node.layer)];
  const std::int32_t share = share_of_layer_[at(node.layer)];
  const int core = allocation_->core[at(node.slot)];
  const NodeCost& cost = problem_.costs.at(node.unique, core);
  if (!cost.known) return fail(ScheduleFailure::core_cannot_run);
  unsigned streamed = 0;
  for (int s = 0; s < cost.streamed_count; ++s) streamed |= bit(cost.streamed[at(s)].operand);

  gather_needed(node, core, streamed);
  if (failed()) return;
  if (streamed != 0 && !needed_.empty() && (streamed & layer.constants) == 0 &&
      problem_.semantics.parts_of_tensors && fits_without_streaming(node, core)) {
    streamed = 0;
  }
  if (node.barrier) raise_idle_times();
  double time = idle_[at(core)];
  for (std::uint32_t p = predecessor_begin_[at(index)]; p < predecessor_begin_[at(index) + 1];
       ++p) {
    time = std::max(time, end_[at(predecessors_[p])]);
  }
  if (streamed != 0) time = clear(node, core, cost, time);
  if (failed()) return;

  const double earliest = problem_.semantics.fetch_ahead ? idle_[at(core)] - headstart() : time;
  const bool presence_is_all = !problem_.semantics.checked_capacity && memories_.size() <= 64;
  for (const Needed& n : needed_) {
    if (presence_is_all) {
      // Mostly it is there, and that is all there is to it (see `transfer`).
      const int own_there = memory_of(core, n.data.own);
      if (own_there != kNone && may_hold(n.data.key, own_there) &&
          memory_of(core, n.operand) != kNone) {
        time = std::max(time, earliest);
        continue;
      }
    }
    TransferRequest request;
    request.data = n.data;
    request.to = core;
    request.operand = n.operand;
    request.earliest = earliest;
    request.share = share;
    time = std::max(time, transfer(request));
    if (failed()) return;
  }

  const Data output = whole(node.output);
  const bool output_streamed = (streamed & bit(MemoryOperand::O)) != 0;
  const int output_core = output_streamed ? problem_.offchip_core : core;
  const int output_memory = memory_of(output_core, MemoryOperand::O);
  if (output_memory == kNone) return fail(ScheduleFailure::no_memory, node.output);
  time = make_space(output, output_core, MemoryOperand::O, time);
  if (failed()) return;

  double runtime =
      allocation_->whole_cycles[at(node.slot)] ? std::trunc(cost.runtime) : cost.runtime;
  if (streamed != 0) time = block_links(index, core, cost, runtime, time);
  if (failed()) return;
  const double end = time + runtime;
  start_[at(index)] = time;
  end_[at(index)] = end;
  idle_[at(core)] = end;
  store(output, output_memory, time, end);
  figures_.energy.onchip += cost.onchip_energy;
  figures_.energy.memory[at(static_cast<int>(TransferCause::offchip))] += cost.offchip_energy;
  figures_.mac_energy += cost.mac_energy;
  if (record_ != nullptr) record_->order.push_back(index);

  if (problem_.semantics.checked_capacity) {
    for (const Needed& n : needed_) {
      const std::int32_t stay = find(n.data.key, memory_of(core, n.operand));
      if (stay == kNone) continue;
      stays_[at(stay)].read_until = std::max(stays_[at(stay)].read_until, end);
    }
  }
  count_down(index, core, streamed);
  for (const Needed& n : needed_) {
    if (n.data.part == kNone) continue;
    for (const int place : {core, problem_.offchip_core}) {
      remove(n.data, place, end, false, n.data.own, TransferCause::eviction, 0);
    }
  }
  if (node.writes_back && !output_streamed) {
    remove(output, core, end, true, MemoryOperand::O, TransferCause::sink, share);
  }
}

// The tensors that the node needs and does not stream, or parts of them, in fetching order.
void Scheduler::gather_needed(const ScheduleProblem::Node& node, int core, unsigned streamed) {
  needed_.clear();
  for (std::uint32_t i = node.need_begin; i < node.need_end; ++i) {
    const ScheduleProblem::Need& need = problem_.needs[i];
    if ((streamed & bit(need.operand)) != 0) continue;
    Needed n{whole(need.tensor), need.operand, &need};
    if (need.part != kNone && find(n.data.key, memory_of(core, n.data.own)) == kNone) {
      const int offchip = memory_of(problem_.offchip_core, n.data.own);
      const std::int32_t stay = find(n.data.key, offchip);
      if (stay == kNone && !problem_.semantics.true_parts) {
        return fail(ScheduleFailure::part_not_offchip, need.tensor);
      }
      if (stay != kNone) {
        const ScheduleProblem::Part& part = problem_.parts[at(need.part)];
        n.data = {need.tensor, need.part,  part.key,
                  part.bits,   n.data.own, part_size_[at(need.part)]};
        const double available = stays_[at(stay)].available;
        store(n.data, offchip, available, available);
      }
    }
    protected_[at(n.data.key)] = step_;
    needed_.push_back(n);
  }
}

bool Scheduler::fits_without_streaming(const ScheduleProblem::Node& node, int core) const {
  for (std::size_t m = 0; m < memories_.size(); ++m) {
    std::int64_t bits = 0;
    const auto here = [&](MemoryOperand o) { return memory_of(core, o) == static_cast<int>(m); };
    for (const Needed& n : needed_) {
      if (here(n.operand)) bits += n.data.bits;
    }
    if (here(MemoryOperand::O)) bits += problem_.tensors[at(node.output)].bits;
    if (bits > memories_[m].size) return false;
  }
  return true;
}

void Scheduler::raise_idle_times() {
  const double latest = *std::max_element(idle_.begin(), idle_.end());
  std::fill(idle_.begin(), idle_.end(), latest);
}

// Makes the memories of streamed operands empty but for what the node needs.
double Scheduler::clear(const ScheduleProblem::Node& node, int core, const NodeCost& cost,
                        double time) {
  const std::int32_t share = share_of_layer_[at(node.layer)];
  for (int s = 0; s < cost.streamed_count; ++s) {
    const MemoryOperand operand = cost.streamed[at(s)].operand;
    const int memory = memory_of(core, operand);
    if (memory == kNone) continue;
    snapshot_.clear();
    for (std::int32_t i = memories_[at(memory)].first; i != kNone;
         i = stays_[at(i)].next_in_memory) {
      const Stay& stay = stays_[at(i)];
      if (stay.stored <= time && protected_[at(stay.data.key)] != step_) {
        snapshot_.push_back(stay.data);
      }
    }
    for (const Data& data : snapshot_) {
      time = remove(data, core, time, true, operand, TransferCause::eviction, share);
      if (failed()) return time;
    }
  }
  return time;
}

double Scheduler::headstart() const {
  double sum = 0;
  for (const Needed& n : needed_) {
    const auto i = static_cast<std::size_t>(n.need - problem_.needs.data());
    sum += n.data.part == kNone ? headstart_[i] : headstart_part_[i];
  }
  return sum;
}

// Books the streamed operands on their routes for as long as the node runs; its start.
double Scheduler::block_links(int index, int core, const NodeCost& cost, double& runtime,
                              double time) {
  const Interconnect& net = problem_.interconnect;
  demands_.clear();
  for (int s = 0; s < cost.streamed_count; ++s) {
    const StreamedOperand& o = cost.streamed[at(s)];
    const bool out = o.operand == MemoryOperand::O;
    const auto route =
        out ? net.route(core, problem_.offchip_core) : net.route(problem_.offchip_core, core);
    for (const int link : route) demands_.push_back({link, s, o.bandwidth, o.bandwidth});
  }
  if (problem_.semantics.exclusive_blocks) {
    for (const Demand& d : demands_) time = std::max(time, link_free_[at(d.link)]);
    for (const Demand& d : demands_) {
      link_free_[at(d.link)] = time + runtime;
      if (record_ == nullptr) continue;
      const MemoryOperand operand = cost.streamed[at(d.operand)].operand;
      record_->blocks.push_back(
          {index, problem_.nodes[at(index)].own_tensor[static_cast<std::size_t>(operand)], operand,
           d.link, time, time + runtime, d.bandwidth});
    }
    return time;
  }
  const auto total = [&](int link) {
    double sum = 0;
    for (const Demand& d : demands_) {
      if (d.link == link) sum += d.bandwidth;
    }
    return sum;
  };
  double stretch = 1;
  for (Demand& d : demands_) {
    const double demand = total(d.link);
    const double bandwidth = net.links[at(d.link)].bandwidth;
    if (demand > bandwidth) {
      d.booked = std::floor(bandwidth / demand * d.bandwidth);
      stretch = std::max(stretch, demand / bandwidth);
    }
  }
  const bool honest = problem_.semantics.honest_streaming;
  if (honest && stretch > 1) runtime = std::ceil(runtime * stretch);
  for (bool moved = true; moved;) {
    moved = false;
    for (std::size_t i = 0; i < demands_.size(); ++i) {
      const int link = demands_[i].link;
      double sum = 0;
      bool first = true;
      for (std::size_t j = 0; j < demands_.size(); ++j) {
        if (demands_[j].link != link) continue;
        if (j < i) first = false;
        sum += demands_[j].booked;
      }
      if (!first) continue;
      const double begin =
          links_[at(link)].first_window(time, runtime, sum, net.links[at(link)].bandwidth);
      if (begin == kInfinity) {
        fail(ScheduleFailure::no_window);
        return time;
      }
      moved = moved || begin > time;
      time = begin;
    }
  }
  if (runtime > 0) {
    for (const Demand& d : demands_) {
      const MemoryOperand operand = cost.streamed[at(d.operand)].operand;
      const std::int32_t tensor =
          problem_.nodes[at(index)].own_tensor[static_cast<std::size_t>(operand)];
      const double amount = honest ? d.booked : d.bandwidth;
      if (!fresh_event(d.link, tensor, time)) continue;
      links_[at(d.link)].add(time, time + runtime, amount);
      if (record_ != nullptr) {
        record_->blocks.push_back({index, tensor, operand, d.link, time, time + runtime, amount});
      }
    }
  }
  return time;
}

// One use less of each tensor that the node needs. The reference forgets those that it streams, so
// that they stay off-chip for ever.
void Scheduler::count_down(int index, int core, unsigned streamed) {
  for (const Needed& n : needed_) {
    use(*n.need, index, core);
    if (failed()) return;
  }
  if (streamed == 0 || !problem_.semantics.checked_capacity) return;
  const ScheduleProblem::Node& node = problem_.nodes[at(index)];
  for (std::uint32_t i = node.need_begin; i < node.need_end; ++i) {
    const ScheduleProblem::Need& need = problem_.needs[i];
    if ((streamed & bit(need.operand)) == 0) continue;
    const std::int32_t stay =
        find(whole(need.tensor).key, memory_of(problem_.offchip_core, need.operand));
    if (stay != kNone) {
      stays_[at(stay)].read_until = std::max(stays_[at(stay)].read_until, end_[at(index)]);
    }
    use(need, index, core);
    if (failed()) return;
  }
}

// One use less of a tensor on this core; without uses it leaves every memory.
void Scheduler::use(const ScheduleProblem::Need& need, int index, int core) {
  const std::int32_t tensor = need.tensor;
  const ScheduleProblem::Tensor& t = problem_.tensors[at(tensor)];
  const int memory = memory_of(core, need.operand);
  Count* const counts = counts_.data() + t.use_begin;
  std::int32_t c = 0;
  while (c < count_size_[at(tensor)] && counts[c].memory != memory) ++c;
  if (c == count_size_[at(tensor)]) return fail(ScheduleFailure::no_use_left, tensor);
  if (--counts[c].uses < 0) overdrawn_ = true;
  if (--uses_left_[at(tensor)] != 0) return;
  const Data data = whole(tensor);
  for (std::int32_t s = stay_of_key_[at(data.key)]; s != kNone;) {
    const int holder = stays_[at(s)].memory;
    s = stays_[at(s)].next_of_data;
    const double last = t.constant ? -1 : last_reader(t.origin, holder);
    const int place = memories_[at(holder)].first_core;
    const int addressed = memory_of(place, data.own);
    if (s != kNone && stays_[at(s)].memory == addressed) s = stays_[at(s)].next_of_data;
    if (addressed == kNone) continue;
    const std::int32_t stay = find(data.key, addressed);
    if (stay == kNone) continue;
    const double time = leaving(stay, last < 0 ? end_[at(index)] : last);
    if (record_ != nullptr) {
      record_->removals.push_back(
          {index, tensor, kNone, place, time, ScheduledRemoval::Cause::used_up});
    }
    take_out(stay, time);
  }
}

// Latest end of the readers of a node's output that ran beside a memory; -1: none did.
double Scheduler::last_reader(int origin, int memory) const {
  const bool anywhere = memories_[at(memory)].offchip;
  const bool many = memories_.size() > 64;  // several share a bit
  double last = -1;
  for (std::uint32_t s = problem_.successor_begin[at(origin)];
       s < problem_.successor_begin[at(origin) + 1]; ++s) {
    const std::int32_t reader = problem_.successors[s];
    if (!anywhere) {
      const int core = allocation_->core[at(problem_.nodes[at(reader)].slot)];
      if ((memories_of_core_[at(core)] >> (memory & 63) & 1u) == 0) continue;
      const auto& held = problem_.memories.of_core[at(core)];
      if (many && std::find(held.begin(), held.end(), memory) == held.end()) continue;
    }
    last = std::max(last, end_[at(reader)]);
  }
  return last;
}

}  // namespace ridgeline::model
