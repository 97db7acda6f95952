// How a schedule's data move: transfers, room for them in memories, and what is evicted for it.
#include <algorithm>
#include <cmath>
#include <limits>

#include "model/core/port_time.hpp"
#include "model/system/scheduler.hpp"

namespace ridgeline::model {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

std::size_t at(std::int64_t i) {
  return static_cast<std::size_t>(i);
}

double cycles(std::int64_t bits, double bandwidth) {
  return rounded_up(static_cast<double>(bits) / bandwidth);
}

}  // namespace

// Moves data to a core, unless it is there; the time at which it is available.
double Scheduler::transfer(const TransferRequest& request) {
  const Data& data = request.data;
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
  double available = request.earliest;
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
    available = kInfinity;
    const bool first_holder = problem_.semantics.first_holder;
    for (std::int32_t s = stay_of_key_[at(data.key)]; s != kNone; s = stays_[at(s)].next_of_data) {
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
  const std::vector<Link>& links = problem_.interconnect.links;
  const double share = shares_[at(request.share)];
  const double* const booked = booked_.data() + at(request.share) * links.size();
  const Memory& from = memories_[at(sender)];
  const int from_core = from.first_core;
  const bool fifo = problem_.semantics.fifo_links;
  const auto route = problem_.interconnect.route(from_core, request.to);
  double earliest = std::max(request.earliest, available);
  if (fifo && !route.empty()) {
    earliest = available;
    if (problem_.semantics.just_in_time) {
      const double duration = cycles(data.bits, links[at(route[0])].bandwidth);
      earliest = std::max(available, request.earliest - duration);
    }
    for (const int l : route) earliest = std::max(earliest, link_free_[at(l)]);
  }
  const double room = make_space(data, request.to, request.operand, earliest);
  if (failed()) return room;

  double start = room;
  double end = room;
  double link_energy = 0;
  double memory_energy = 0;
  double least = kInfinity;
  bool fresh = data.bits > 0;
  if (data.bits > 0 && fifo) {
    least = route.empty() ? kInfinity : links[at(route[0])].bandwidth;
    const double duration = cycles(data.bits, least);
    for (const int l : route) {
      end = std::max(start, link_free_[at(l)]) + duration;
      link_free_[at(l)] = end;
      link_energy += duration * links[at(l)].unit_energy +
                     static_cast<double>(data.bits) * links[at(l)].unit_energy_per_bit;
    }
    transfers_end_ = std::max(transfers_end_, end);
    memory_energy = memory_energy_of(sender, receiver, data);
  } else if (data.bits > 0) {
    for (const int l : route) least = std::min(least, booked[l]);
    const double duration = cycles(data.bits, least);
    for (bool moved = true; moved;) {
      moved = false;
      for (const int l : route) {
        const double bandwidth = links[at(l)].bandwidth;
        const double begin = links_[at(l)].first_window(start, duration, booked[l], bandwidth);
        if (begin == kInfinity) {
          fail(ScheduleFailure::no_window, data.tensor);
          return room;
        }
        moved = moved || (begin > start && route.size() > 1);
        start = begin;
      }
    }
    end = start + duration;
    for (const int l : route) {
      // A part is a tensor of its own each time it is made, so it never goes along.
      if (data.part == kNone && !fresh_event(l, data.tensor, start)) {
        fresh = false;
        continue;
      }
      const Link& link = links[at(l)];
      links_[at(l)].add(start, end, booked[l]);
      link_energy += duration * link.unit_energy * share +
                     static_cast<double>(data.bits) * link.unit_energy_per_bit;
    }
    if (fresh) transfers_end_ = std::max(transfers_end_, end);
    memory_energy = memory_energy_of(sender, receiver, data);
  }
  store(data, receiver, start, end);
  if (failed()) return end;

  const TransferCause cause = request.cause_given ? request.cause
                              : from.offchip      ? TransferCause::offchip
                                                  : TransferCause::core_to_core;
  const auto c = static_cast<std::size_t>(cause);
  figures_.energy.link[c] += link_energy;
  figures_.energy.memory[c] += memory_energy;
  if (record_ != nullptr) {
    record_->transfers.push_back({node_, data.tensor, data.part, request.operand, from_core,
                                  request.to, start, end, share, cause, link_energy, memory_energy,
                                  fresh, least, request.cause_given ? request.decided : earliest});
  }
  if (!from.offchip && data.part == kNone) {
    const std::int32_t origin = problem_.tensors[at(data.tensor)].origin;
    const int producer = allocation_->core[at(problem_.nodes[at(origin)].slot)];
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

// Words of a memory's port that data take.
double Scheduler::words(const Data& data, int memory) {
  double& known = words_[at(data.size) * memories_.size() + at(memory)];
  if (known < 0) {
    const Memory& m = memories_[at(memory)];
    known = cycles(data.bits, problem_.semantics.sender_write_width ? m.full_word : m.word);
  }
  return known;
}

double Scheduler::memory_energy_of(int from, int to, const Data& data) {
  const Memory& sender = memories_[at(from)];
  const Memory& receiver = memories_[at(to)];
  if (problem_.semantics.sender_write_width) {
    return sender.full_read_cost * words(data, from) + receiver.full_write_cost * words(data, from);
  }
  return sender.read_cost * words(data, from) + receiver.write_cost * words(data, to);
}

// When there is room for data on a core, at `time` or later; evicts what is in the way.
double Scheduler::make_space(const Data& data, int core, MemoryOperand operand, double time) {
  const int receiver = memory_of(core, operand);
  const int own = memory_of(core, data.own);
  if (receiver == kNone || own == kNone) {
    fail(ScheduleFailure::no_memory, data.tensor);
    return time;
  }
  const Memory& memory = memories_[at(own)];
  if (data.bits > memory.size) {
    fail(ScheduleFailure::tensor_too_large, data.tensor, own);
    return time;
  }
  const double room =
      memories_[at(receiver)].profile.room_from(time, data.bits, memories_[at(receiver)].size);
  const std::int64_t missing = data.bits - (memory.size - memory.profile.used_at(room));
  if (missing <= 0) return room;
  if (memory.offchip) {
    fail(ScheduleFailure::offchip_full, data.tensor, own);
    return time;
  }

  const auto later = [](const Victim& a, const Victim& b) {
    if (a.weight != b.weight) return a.weight > b.weight;
    if (a.data.bits != b.data.bits) return a.data.bits > b.data.bits;
    return a.order > b.order;
  };
  const auto each_victim = [&](auto&& take) {  // until it says so
    std::int32_t order = 0;
    for (std::int32_t s = memory.first; s != kNone; s = stays_[at(s)].next_in_memory) {
      const Stay& stay = stays_[at(s)];
      ++order;
      if (stay.stored > room || (step_ > 0 && protected_[at(stay.data.key)] == step_)) continue;
      if (take(Victim{stay.data, uses_on(stay.data, own) * stay.data.bits, order})) return;
    }
  };
  // Mostly one is enough; only else are they all put in order.
  victims_.clear();
  std::int64_t evictable = 0;
  each_victim([&](const Victim& v) {
    evictable += v.data.bits;
    if (victims_.empty()) {
      victims_.push_back(v);
    } else if (later(victims_[0], v)) {
      victims_[0] = v;
    }
    // Nothing comes before the first of the smallest ones without uses.
    return v.weight == 0 && !overdrawn_ && v.data.bits == memory.smallest && v.data.bits >= missing;
  });
  if (evictable < missing) {
    fail(ScheduleFailure::no_room, data.tensor, own);
    return time;
  }
  if (victims_[0].data.bits < missing) {
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
    const Data victim = victims_.back().data;
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
double Scheduler::remove(const Data& data, int core, double time, bool write_back,
                         MemoryOperand operand, TransferCause cause, std::int32_t share) {
  const double requested = time;
  if (write_back) {
    TransferRequest request;
    request.data = data;
    request.from = core;
    request.to = problem_.offchip_core;
    request.operand = operand;
    request.earliest = problem_.semantics.causal_write_back ? requested : 0;
    request.decided = requested;
    request.share = share;
    request.cause = cause;
    request.cause_given = true;
    time = std::max(requested, transfer(request));
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

// When data can leave a memory, at `time` or later. The reference takes them away while a node
// still reads them, or before they have arrived.
double Scheduler::leaving(std::int32_t index, double time) const {
  if (!problem_.semantics.checked_capacity) return time;
  const Stay& stay = stays_[at(index)];
  return std::max({time, stay.available, stay.read_until});
}

void Scheduler::take_out(std::int32_t index, double time) {
  Stay& stay = stays_[at(index)];
  Memory& memory = memories_[at(stay.memory)];
  memory.profile.add(time, -stay.data.bits);
  if (record_ != nullptr) {
    record_->residencies.push_back({stay.data.tensor, stay.data.part, stay.memory, stay.stored,
                                    stay.available, time, stay.unchecked});
  }
  std::int32_t* link = &stay_of_key_[at(stay.data.key)];
  while (*link != index) link = &stays_[at(*link)].next_of_data;
  *link = stay.next_of_data;
  if (memories_.size() <= 64) {
    holders_[at(stay.data.key)] &= ~(std::uint64_t{1} << (stay.memory & 63));
  }
  (stay.previous_in_memory == kNone ? memory.first
                                    : stays_[at(stay.previous_in_memory)].next_in_memory) =
      stay.next_in_memory;
  (stay.next_in_memory == kNone ? memory.last
                                : stays_[at(stay.next_in_memory)].previous_in_memory) =
      stay.previous_in_memory;
  stay.next_of_data = free_stay_;
  free_stay_ = index;
}

void Scheduler::store(const Data& data, int memory, double stored, double available) {
  if (find(data.key, memory) != kNone) return;
  Memory& m = memories_[at(memory)];
  const bool unchecked = stored > m.profile.time(m.profile.size() - 1);
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
  std::int32_t& head = stay_of_key_[at(data.key)];
  stays_[at(index)] = {data, memory, stored, available, 0, unchecked, head, kNone, m.last};
  head = index;
  holders_[at(data.key)] |= std::uint64_t{1} << (memory & 63);
  (m.last == kNone ? m.first : stays_[at(m.last)].next_in_memory) = index;
  m.last = index;
}

// Uses of a tensor that a memory is kept for: its own, or, where it has none, those of the
// memories that are still to receive it.
std::int64_t Scheduler::uses_on(const Data& data, int memory) const {
  if (data.part != kNone) return 0;
  const Count* const counts = counts_.data() + problem_.tensors[at(data.tensor)].use_begin;
  const std::int32_t size = count_size_[at(data.tensor)];
  std::int64_t elsewhere = 0;
  for (std::int32_t c = 0; c < size; ++c) {
    if (counts[c].memory == memory) return counts[c].uses;
    if (find(data.key, counts[c].memory) == kNone) elsewhere += counts[c].uses;
  }
  return elsewhere;
}

// Whether the tensor does not yet have an event on the link that starts at the same time; then
// it has one from now on.
bool Scheduler::fresh_event(int link, std::int32_t tensor, double start) {
  std::int32_t* place = &events_of_tensor_[at(tensor)];
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
