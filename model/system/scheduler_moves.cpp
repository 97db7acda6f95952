// How a schedule's data move: transfers, room for them in memories, and what is evicted for it.
#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>
#include <vector>

#include "model/core/port_time.hpp"
#include "model/system/scheduler_run.hpp"

namespace ridgeline::model {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

double cycles(std::int64_t bits, double bandwidth) {
  return rounded_up(static_cast<double>(bits) / bandwidth);
}

}  // namespace

// Cycles that data take at one of the least bandwidths.
inline double Scheduler::Run::duration(const Data& data, std::int32_t least) {
  double& known = durations_[at(data.size) * least_bandwidths_.size() + at(least)];
  if (known < 0) known = cycles(data.bits, least_bandwidths_[at(least)]);
  return known;
}

// Words of a memory's port that data take.
inline double Scheduler::Run::words(const Data& data, int memory) {
  double& known = words_[at(data.size) * memories_.size() + at(memory)];
  if (known < 0) known = cycles(data.bits, memories_[at(memory)].word);
  return known;
}

inline double Scheduler::Run::memory_energy_of(int from, int to, const Data& data) {
  const bool sender_width = problem_.semantics.sender_write_width;
  return memories_[at(from)].read_cost * words(data, from) +
         memories_[at(to)].write_cost * words(data, sender_width ? from : to);
}

// Over links whose bandwidth transfers share, as soon as all of them have room.
RIDGELINE_INLINE void Scheduler::Run::send(const Data& data, int from, int to, std::int32_t share,
                                           Moved& moved) {
  const Interconnect& net = problem_.interconnect;
  const std::vector<Link>& links = net.links;
  const Way& way = ways_[at((share * net.cores + from) * net.cores + to)];
  const double* const booked = booked_.data() + at(share) * links.size();
  moved.bandwidth = way.bandwidth;
  const double duration = this->duration(data, way.least);
  for (bool later = true; later;) {
    later = false;
    for (const int l : way.links) {
      const double begin =
          links_[at(l)].first_window(moved.start, duration, booked[l], links[at(l)].bandwidth);
      if (begin == kInfinity) return fail(ScheduleFailure::no_window, data.tensor);
      later = later || (begin > moved.start && way.links.size() > 1);
      moved.start = begin;
    }
  }
  moved.end = moved.start + duration;
  for (const int l : way.links) {
    // A part is a tensor of its own each time it is made, so it never goes along.
    if (data.part == kNone && !fresh_event(l, data.tensor, moved.start)) {
      moved.fresh = false;
      continue;
    }
    const Link& link = links[at(l)];
    links_[at(l)].add(moved.start, moved.end, booked[l]);
    moved.link_energy += duration * link.unit_energy * shares_[at(share)] +
                         static_cast<double>(data.bits) * link.unit_energy_per_bit;
  }
}

// Moves data to a core, unless it is there; the time at which it is available.
double Scheduler::Run::transfer(const Data& data, const TransferRequest& request) {
  const int own_there = memory_of(request.to, data.own);
  const int receiver = memory_of(request.to, request.operand);
  if (own_there == kNone || receiver == kNone) {
    fail(ScheduleFailure::no_memory, data.tensor);
    return request.earliest;
  }
  if (const std::int32_t there = find(data.key, own_there); there != kNone) {
    // The reference does not wait for what is still on its way.
    return problem_.semantics.checked_capacity
               ? std::max(request.earliest, stays_[at(there)].available)
               : request.earliest;
  }

  int sender = kNone;
  double available = kInfinity;
  if (request.from != kNone) {
    sender = memory_of(request.from, data.own);
    const std::int32_t stay = find(data.key, sender);
    // Kept under another operand's memory: the reference does not find it (Q19).
    if (stay == kNone) {
      fail(ScheduleFailure::never_stored, data.tensor, sender);
      return request.earliest;
    }
    available = stays_[at(stay)].available;
  } else {
    const bool first_holder = problem_.semantics.first_holder;
    for (std::int32_t s = keys_[at(data.key)].stay; s != kNone; s = stays_[at(s)].next_of_data) {
      const Stay& stay = stays_[at(s)];
      const bool earlier = stay.available < available && !first_holder;
      const bool tied = stay.available == available || first_holder;
      if (sender == kNone || earlier || (tied && stay.memory < sender)) {
        sender = stay.memory;
        available = stay.available;
      }
    }
  }
  if (sender == kNone) {
    fail(ScheduleFailure::never_stored, data.tensor);
    return request.earliest;
  }
  const Memory& from = memories_[at(sender)];
  const int from_core = from.first_core;
  const bool fifo = problem_.semantics.fifo_links;
  const std::span<const int> route =
      fifo ? problem_.interconnect.route(from_core, request.to) : std::span<const int>();
  double earliest = std::max(request.earliest, available);
  if (!route.empty()) {
    earliest = available;
    if (problem_.semantics.just_in_time) {
      const double bandwidth = problem_.interconnect.links[at(route[0])].bandwidth;
      earliest = std::max(available, request.earliest - cycles(data.bits, bandwidth));
    }
    for (const int l : route) earliest = std::max(earliest, link_free_[at(l)]);
  }
  const double room = make_space(data, request.to, request.operand, earliest);
  if (failed()) return room;

  Moved moved{room, room, 0, kInfinity, data.bits > 0};
  double memory_energy = 0;
  if (data.bits > 0) {
    if (fifo) {
      send_in_turn(data, route, moved);
    } else {
      send(data, from_core, request.to, request.share, moved);
      if (failed()) return room;
    }
    if (moved.fresh) transfers_end_ = std::max(transfers_end_, moved.end);
    memory_energy = memory_energy_of(sender, receiver, data);
  }
  const double end = moved.end;
  store(data, receiver, moved.start, end);
  if (failed()) return end;

  const TransferCause cause = request.cause_given ? request.cause
                              : from.offchip      ? TransferCause::offchip
                                                  : TransferCause::core_to_core;
  const auto c = static_cast<std::size_t>(cause);
  figures_.energy.link[c] += moved.link_energy;
  figures_.energy.memory[c] += memory_energy;
  if (record_ != nullptr) {
    record_->transfers.push_back({node_, data.tensor, data.part, request.operand, from_core,
                                  request.to, moved.start, end, shares_[at(request.share)], cause,
                                  moved.link_energy, memory_energy, moved.fresh, moved.bandwidth,
                                  request.cause_given ? request.decided : earliest});
  }
  if (!from.offchip && data.part == kNone) {
    const int producer = allocation_->core[at(producer_[at(data.tensor)])];
    if (producer != from_core && uses_on(data, sender) == 0) {
      const std::int32_t stay = find(data.key, sender);
      if (stay != kNone) {
        const double left = leaving(stay, end);
        if (record_ != nullptr) {
          record_->removals.push_back(
              {node_, data.tensor, kNone, from_core, left, ScheduledRemoval::Cause::moved});
        }
        take_out(stay, left);
      }
    }
  }
  return end;
}

// Over links that serve one transfer after the other.
void Scheduler::Run::send_in_turn(const Data& data, std::span<const int> route, Moved& moved) {
  const std::vector<Link>& links = problem_.interconnect.links;
  if (!route.empty()) moved.bandwidth = links[at(route[0])].bandwidth;
  const double duration = cycles(data.bits, moved.bandwidth);
  for (const int l : route) {
    moved.end = std::max(moved.start, link_free_[at(l)]) + duration;
    link_free_[at(l)] = moved.end;
    moved.link_energy += duration * links[at(l)].unit_energy +
                         static_cast<double>(data.bits) * links[at(l)].unit_energy_per_bit;
  }
}

// The same where it goes into another memory than its own, or not without evicting.
double Scheduler::Run::make_space_apart(const Data& data, int receiver, int own, int core,
                                        MemoryOperand operand, double time) {
  if (receiver == kNone || own == kNone) {
    fail(ScheduleFailure::no_memory, data.tensor);
    return time;
  }
  const Memory& memory = memories_[at(own)];
  if (data.bits > memory.size) {
    fail(ScheduleFailure::tensor_too_large, data.tensor, own);
    return time;
  }
  const Memory& into = memories_[at(receiver)];
  const double room = into.profile.room_from(time, data.bits, into.size);
  const std::int64_t missing = data.bits - (memory.size - memory.profile.used_at(room));
  if (missing <= 0) return room;
  if (memory.offchip) {
    clear_offchip(own, missing);
    if (data.bits > memory.size - memory.profile.last_used()) {
      fail(ScheduleFailure::offchip_full, data.tensor, own);
      return time;
    }
    return into.profile.room_from(time, data.bits, into.size);
  }
  return evict(data, core, operand, time, room, missing);
}

// Takes outputs whose readers have all run out of the off-chip memory, those that were read first
// before the others, until `missing` bits are free. The reference has no schedule here: what nodes
// stream is never counted as used, and stays.
void Scheduler::Run::clear_offchip(int memory, std::int64_t missing) {
  std::vector<std::pair<double, std::int32_t>> unread;  // when the last reader ended, stay
  for (const std::int32_t s : memories_[at(memory)].stays) {
    if (s == kNone) continue;
    const Data& data = *stays_[at(s)].data;
    const ScheduleProblem::Tensor& tensor = problem_.tensors[at(data.tensor)];
    if (data.part != kNone || tensor.constant) continue;
    const auto begin = problem_.successors.begin() + problem_.successor_begin[at(tensor.origin)];
    const auto end = problem_.successors.begin() + problem_.successor_begin[at(tensor.origin) + 1];
    // A result of the network has no readers, and stays.
    if (begin == end) continue;
    if (std::any_of(begin, end, [&](std::int32_t reader) { return end_[at(reader)] < 0; }))
      continue;
    unread.emplace_back(leaving(s, last_reader(tensor.origin, memory)), s);
  }
  std::sort(unread.begin(), unread.end());
  for (const auto& [time, stay] : unread) {
    if (missing <= 0) return;
    const Data& data = *stays_[at(stay)].data;
    missing -= data.bits;
    figures_.offchip_cleared = true;
    if (record_ != nullptr) {
      record_->removals.push_back({node_, data.tensor, kNone, problem_.offchip_core, time,
                                   ScheduledRemoval::Cause::used_up});
    }
    take_out(stay, time);
  }
}

// Makes room for `missing` bits; the least used and smallest go first.
double Scheduler::Run::evict(const Data& data, int core, MemoryOperand operand, double time,
                             double room, std::int64_t missing) {
  const int own = memory_of(core, data.own);
  Memory& memory = memories_[at(own)];
  protect_needed();
  if (2 * memory.gone > memory.stays.size()) forget_gone(memory);
  const auto later = [](const Victim& a, const Victim& b) {
    if (a.weight != b.weight) return a.weight > b.weight;
    if (a.bits != b.bits) return a.bits > b.bits;
    return a.order > b.order;
  };
  const auto each_victim = [&](auto&& take) {  // until it says so
    for (const std::int32_t s : memory.stays) {
      if (s == kNone) continue;
      const Stay& stay = stays_[at(s)];
      if (stay.stored > room || protected_[at(stay.data->key)] == step_) continue;
      if (take(Victim{s, stay.place, stay.bits, uses_on(*stay.data, own) * stay.bits})) return;
    }
  };
  // Mostly one is enough; only else are they all put in order.
  victims_.clear();
  std::int64_t evictable = 0;
  each_victim([&](const Victim& v) {
    evictable += v.bits;
    if (victims_.empty()) {
      victims_.push_back(v);
    } else if (later(victims_[0], v)) {
      victims_[0] = v;
    }
    // Nothing comes before the first of the smallest ones without uses.
    return v.weight == 0 && !overdrawn_ && v.bits == memory.smallest && v.bits >= missing;
  });
  if (evictable < missing) {
    fail(ScheduleFailure::no_room, data.tensor, own);
    return time;
  }
  if (victims_[0].bits < missing) {
    victims_.clear();
    each_victim([&](const Victim& v) {
      victims_.push_back(v);
      return false;
    });
    std::make_heap(victims_.begin(), victims_.end(), later);
  }
  double evicted = time;
  for (std::int64_t freed = 0; freed < missing;) {
    std::pop_heap(victims_.begin(), victims_.end(), later);
    const Data& victim = *stays_[at(victims_.back().stay)].data;
    victims_.pop_back();
    freed += victim.bits;
    const std::int32_t origin = problem_.tensors[at(victim.tensor)].origin;
    const std::int32_t share = share_of_layer_[at(problem_.nodes[at(origin)].layer)];
    evicted = remove(victim, core, evicted, true, operand, TransferCause::eviction, share);
    if (failed()) return time;
  }
  return std::max(room, evicted);
}

// Takes data out of a core's memory, after writing it back where that is asked for and it is
// not off-chip yet; the time at which it has left.
double Scheduler::Run::remove(const Data& data, int core, double time, bool write_back,
                              MemoryOperand operand, TransferCause cause, std::int32_t share) {
  const double requested = time;
  if (write_back) {
    TransferRequest request;
    request.from = core;
    request.to = problem_.offchip_core;
    request.operand = operand;
    request.earliest = problem_.semantics.causal_write_back ? requested : 0;
    request.decided = requested;
    request.share = share;
    request.cause = cause;
    request.cause_given = true;
    time = std::max(requested, transfer(data, request));
    if (failed()) return time;
  }
  const int memory = memory_of(core, data.own);
  const std::int32_t stay = memory == kNone ? kNone : find(data.key, memory);
  if (stay == kNone) return time;
  time = leaving(stay, time);
  if (record_ != nullptr) {
    const auto why = data.part != kNone && !write_back ? ScheduledRemoval::Cause::part
                     : cause == TransferCause::sink    ? ScheduledRemoval::Cause::sink
                                                       : ScheduledRemoval::Cause::eviction;
    record_->removals.push_back({node_, data.tensor, data.part, core, time, why});
  }
  take_out(stay, time);
  return time;
}

// Drops what has left a memory from its list.
void Scheduler::Run::forget_gone(Memory& memory) {
  std::int32_t place = 0;
  for (const std::int32_t s : memory.stays) {
    if (s == kNone) continue;
    stays_[at(s)].place = place;
    memory.stays[at(place++)] = s;
  }
  memory.stays.resize(at(place));
  memory.gone = 0;
}

// Uses of a tensor that a memory is kept for: its own, or, where it has none, those of the
// memories that are still to receive it.
std::int64_t Scheduler::Run::uses_on(const Data& data, int memory) {
  if (data.part != kNone) return 0;
  count_uses();
  const ScheduleProblem::Tensor& tensor = problem_.tensors[at(data.tensor)];
  const bool constant = tensor.constant && folded_;
  bool kept = false;
  std::int64_t here = 0;
  std::int64_t elsewhere = 0;
  for (std::uint32_t u = tensor.use_begin; u < tensor.use_end; ++u) {
    const int used = memory_of_use(u);
    if (used == memory) {
      if (constant) return uses_of_constant(data.tensor, memory);
      kept = true;
      here += left_[u];
    } else if (find(data.key, used) == kNone) {
      if (!constant) elsewhere += left_[u];
      if (constant && counts_first(tensor, u)) elsewhere += uses_of_constant(data.tensor, used);
    }
  }
  return kept ? here : elsewhere;
}

// Whether no use before this one is on the same memory.
bool Scheduler::Run::counts_first(const ScheduleProblem::Tensor& tensor, std::uint32_t use) const {
  for (std::uint32_t u = tensor.use_begin; u < use; ++u) {
    if (memory_of_use(u) == memory_of_use(use)) return false;
  }
  return true;
}

// Of a constant: those of its first use on a memory, less all that have read it there.
std::int64_t Scheduler::Run::uses_of_constant(std::int32_t tensor, int memory) const {
  const ScheduleProblem::Tensor& t = problem_.tensors[at(tensor)];
  std::int64_t uses = 0;
  bool first = true;
  for (std::uint32_t u = t.use_begin; u < t.use_end; ++u) {
    if (memory_of_use(u) != memory) continue;
    uses += first || !t.constant ? left_[u] : left_[u] - problem_.uses[u].count;
    first = false;
  }
  return uses;
}

}  // namespace ridgeline::model
