// What loops do again in the same way is not walked again (docs/strict-model.md, 2.3): from the
// same state of links and ports the same comes.
#include <algorithm>
#include <bit>
#include <limits>
#include <type_traits>

#include "model/core/strict_walk.hpp"

namespace ridgeline::model {

namespace {

// Loops of fewer blocks are walked.
constexpr double kFewBlocks = 4;
// Loops of as many iterations or more are looked at after each of them.
constexpr int kManyIterations = 8;
// After so many blocks what begins with as many tiles under way is taken to repeat itself.
constexpr std::int64_t kMostBlocks = 20'000;

// Loops of so many blocks look whether the limit can still be met.
constexpr double kOftenEnough = 64;
constexpr double kNoLimit = std::numeric_limits<double>::max();

constexpr double kLongAgo = -std::numeric_limits<double>::max() / 4;

}  // namespace

// What passes through `pass`: times, none of which matters before `floor`, counts from those at the
// beginning on, other figures, what follows from them (`derived`), and until when something that
// lies outside waits.
class StrictWalk::Hasher {
 public:
  Hasher(WalkKey& key, double now, bool times) : key_(key), now_(now), times_(times) {}
  void time(double value, double floor) {
    if (times_) key_.add(std::max(value, floor) - now_);
  }
  void count(std::int64_t, std::int64_t) {}
  void number(std::int64_t value, std::int64_t from) {
    if (times_) derived(value - from);
  }
  void figure(double value) {
    if (times_) key_.add(value);
  }
  void derived(std::int64_t value) { key_.add(static_cast<std::uint64_t>(value)); }
  void outside(double) {}

 private:
  WalkKey& key_;
  double now_;
  bool times_;  // else the rest alone
};

class StrictWalk::Recorder {
 public:
  Recorder(double now, double* at, double* end) : now_(now), at_(at), end_(end) {}
  void time(double value, double) { put(value - now_); }
  void count(std::int64_t value, std::int64_t from) { put(static_cast<double>(value - from)); }
  void number(std::int64_t value, std::int64_t from) { count(value, from); }
  void figure(double value) { put(value); }
  void derived(std::int64_t) {}
  void outside(double value) { put(value - now_); }
  void put(double value) {
    if (at_ == end_) {
      full_ = true;
    } else {
      *at_++ = value;
    }
  }
  double* at() const { return at_; }
  bool full() const { return full_; }

 private:
  double now_;
  double* at_;
  double* end_;
  bool full_ = false;
};

class StrictWalk::Player {
 public:
  Player(double now, const double* from) : now_(now), at_(from) {}
  void time(double& value, double) { value = now_ + get(); }
  void count(std::int64_t& value, std::int64_t from) {
    value = from + static_cast<std::int64_t>(get());
  }
  void number(std::int64_t& value, std::int64_t from) { count(value, from); }
  void figure(double& value) { value = get(); }
  void derived(std::int64_t) {}
  void outside(double& value) { value = std::max(value, now_ + get()); }
  double get() { return *at_++; }

 private:
  double now_;
  const double* at_;
};

void StrictWalk::set_repeats() {
  memory_.emplace();
  double blocks = 1;  // of loops that are remembered, since the last of which
  for (int l = 0; l < ordering_.count; ++l) {
    blocks *= ordering_.size[z(l)];
    if (blocks < kFewBlocks) continue;
    remembered_ |= std::uint64_t{1} << l;
    blocks = 1;
  }
  ports_.fill(0);
  edges_.fill(0);
  lasts_.fill(0);
  for (int o = 0; o < problem_.operands; ++o) {
    for (int a = 0; a < end_link(o); ++a) {
      const WalkLink& link = links_[z(o)][z(a)];
      std::uint64_t used = 0;
      std::uint32_t edges = 0;
      std::uint32_t lasts = 0;
      for (const WalkSide* side : {&link.up, &link.down}) {
        for (const WalkPort* port : {&side->to, &side->back}) {
          if (port->word.value != 0 && port->port >= 0) used |= std::uint64_t{1} << port->port;
        }
        for (int k = 0; k < side->varying; ++k) {
          const RoundSizes& vary = side->vary[z(k)];
          for (const int d : vary.dim) {
            if (d >= 0) (vary.by_round != nullptr ? edges : lasts) |= std::uint32_t{1} << d;
          }
        }
      }
      link_ports_[z(o)][z(a)] = used;
      for (int l = link.position; l < ordering_.count; ++l) {
        ports_[z(l)] |= used;
        edges_[z(l)] |= edges;
        lasts_[z(l)] |= lasts;
      }
    }
  }
}

// All of loops [0, l] after their first block.
void StrictWalk::rest(int l) {
  while (l >= 0 && ordering_.size[z(l)] == 1) --l;
  if (l < 0) return;
  if (!(remembered_ >> l & 1u)) {
    iterate(l);
    return;
  }
  const Entry from = entry(l);
  const WalkKey known = key(l, from);
  if (const double* found = memory_->find(known)) {
    play(l, from, found);
    return;
  }
  forget();
  Waiting waiting;
  set_aside(l, waiting);
  iterate(l);
  if (beyond_) return;
  if (const double* stop = record(l, from, memory_->room(), memory_->end())) {
    memory_->add(known, stop);
  }
  bring_back(l, waiting);
}

// Idle cycles of ports that nothing can ask for any more.
void StrictWalk::forget() {
  Entry all;
  set_horizon(ordering_.count, all);
  for (int p = 0; p < problem_.ports; ++p) {
    PortState& port = port_[z(p)];
    while (port.first < port.gaps && port.gap[z(port.first)].end <= all.horizon[z(p)]) ++port.first;
  }
}

// Until when tiles of outputs outside wait, so that it shows for what inside.
void StrictWalk::set_aside(int l, Waiting& waiting) {
  const int b = outer_output(l);
  if (b == end_link(0)) return;
  LinkState& outer = state_[0][z(b)];
  for (std::int64_t i = outer.drained; i < outer.closed; ++i) {
    waiting[z(i % kRing)] = outer.complete[z(i % kRing)];
    outer.complete[z(i % kRing)] = kLongAgo;
  }
}

void StrictWalk::bring_back(int l, const Waiting& waiting) {
  const int b = outer_output(l);
  if (b == end_link(0)) return;
  LinkState& outer = state_[0][z(b)];
  for (std::int64_t i = outer.drained; i < outer.closed; ++i) {
    double& complete = outer.complete[z(i % kRing)];
    complete = std::max(complete, waiting[z(i % kRing)]);
  }
}

// Cycles that the operations take at least of iterations of loops outside l.
double StrictWalk::least_left_outside(int l) const {
  double left = 0;
  for (int k = l + 1; k < ordering_.count; ++k) {
    left += (ordering_.size[z(k)] - 1 - index_[z(k)]) * inside_[z(k)];
  }
  return left * problem_.cycles_per_operation;
}

void StrictWalk::iterate(int l) {
  const auto size = static_cast<int>(ordering_.size[z(l)]);
  rest(l - 1);
  Seen seen;
  // What the operations of an iteration take at least, and all that are left outside.
  const double one = inside_[z(l)] * problem_.cycles_per_operation;
  const bool limited = limit_ < kNoLimit && inside_[z(l + 1)] >= kOftenEnough;
  const double outside = limited ? least_left_outside(l) : 0;
  for (int i = 1; i < size; ++i) {
    if (beyond_) return;
    if (limited && times_.end + (size - i) * one + outside > limit_) {
      beyond_ = true;
      return;
    }
    if (repeats_ && size - i > 2 && (size >= kManyIterations || blocks_ > kMostBlocks)) {
      index_[z(l)] = i;
      i += skipped(l, i, size - 1 - i, seen);
    }
    index_[z(l)] = i;
    stepped_ = l;
    block();
    rest(l - 1);
  }
  index_[z(l)] = 0;
}

// How many of the next `most` iterations of loop l, which is about to make its i-th, are as others
// before, whose time has been added.
int StrictWalk::skipped(int l, int i, int most, Seen& seen) {
  const Entry at = entry(l);
  const WalkKey known = key(l, at);
  const bool same = seen.iteration > 0 && known == seen.key;
  int result = 0;
  if (same) {
    const int times = most / (i - seen.iteration);
    if (times > 0 && skip(l, at, seen.entry, times)) result = times * (i - seen.iteration);
  }
  // Of what repeats itself after several iterations the beginning is found, too.
  if (!same && i >= 2 * seen.iteration) {
    seen.key = known;
    seen.iteration = i;
    seen.entry = at;
  }
  return result;
}

// As many times what has been done since `since`, up to which all was as it is now.
bool StrictWalk::skip(int l, const Entry& from, const Entry& since, double times) {
  const double* begin = memory_->room();
  Waiting waiting;
  set_aside(l, waiting);
  if (record(l, from, memory_->room(), memory_->end()) == nullptr) {
    bring_back(l, waiting);
    return false;
  }
  const double step = from.now - since.now;
  Entry to = from;
  to.now += times * step;
  const auto whole = static_cast<std::int64_t>(times);
  for (int o = 0; o < problem_.operands; ++o) {
    for (int a = 0; within(o, a, l); ++a) {
      for (std::size_t i = 0; i < 3; ++i) {
        to.count[z(o)][z(a)][i] += whole * (from.count[z(o)][z(a)][i] - since.count[z(o)][z(a)][i]);
      }
    }
  }
  for (int p = 0; p < problem_.ports; ++p) {
    if (!(ports_[z(l)] >> p & 1u)) continue;
    PortState& port = port_[z(p)];
    const double busy = from.used[z(p)] - since.used[z(p)];
    cut_port(port, from.horizon[z(p)]);
    const double idle = times * std::max(0.0, step - busy);
    if (idle > 0)
      port.gap[z(port.gaps++)] = {from.horizon[z(p)], from.horizon[z(p)] + times * step, idle};
    port.free = from.horizon[z(p)] + times * step;
    port.used += times * busy;
    to.horizon[z(p)] += times * step;
  }
  play(l, to, begin);
  bring_back(l, waiting);
  return true;
}

StrictWalk::Entry StrictWalk::entry(int l) const {
  Entry result;
  result.now = times_.end;
  set_horizon(l, result);
  for (int o = 0; o < problem_.operands; ++o) {
    for (int a = 0; within(o, a, l); ++a) {
      const LinkState& state = state_[z(o)][z(a)];
      result.count[z(o)][z(a)] = {state.opened, state.closed, state.drained};
    }
  }
  for (int p = 0; p < problem_.ports; ++p) result.used[z(p)] = port_[z(p)].used;
  return result;
}

StrictWalk::Next StrictWalk::next(int o, int a) const {
  const LinkState& state = state_[z(o)][z(a)];
  const std::int64_t needed = state.opened - links_[z(o)][z(a)].buffers;  // a tile's buffer
  Next result{state.load_free, times_.end};
  if (o > 0) {
    if (needed >= state.closed) {
      const double used = a == 0 ? times_.end : state_[z(o)][z(a - 1)].gone;
      result.load = std::max(result.load, used);
    } else if (needed >= 0) {
      result.load = std::max(result.load, state.done[z(needed % kRing)]);
    }
    return result;
  }
  if (state.drained < state.closed) {
    const auto place = z(state.drained % kRing);
    result.leave = std::max({state.drain_free, state.complete[place], state.above[place]});
  }
  if (needed >= state.drained) {
    result.load = std::max(result.load, result.leave);
  } else if (needed >= 0) {
    result.load = std::max(result.load, (a == 0 ? state.done : state.left)[z(needed % kRing)]);
  }
  return result;
}

void StrictWalk::set_horizon(int l, Entry& entry) const {
  for (int p = 0; p < problem_.ports; ++p) entry.horizon[z(p)] = times_.end;
  for (int o = 0; o < problem_.operands; ++o) {
    for (int a = 0; within(o, a, l); ++a) {
      const Next asks = next(o, a);
      const double earliest = o == 0 ? std::min(asks.load, asks.leave) : asks.load;
      if (earliest >= times_.end) continue;
      for (std::uint64_t ports = link_ports_[z(o)][z(a)]; ports != 0; ports &= ports - 1) {
        double& horizon = entry.horizon[z(std::countr_zero(ports))];
        horizon = std::min(horizon, earliest);
      }
    }
  }
}

// All that the rest of loops [0, l] depends on.
WalkKey StrictWalk::key(int l, const Entry& entry) {
  WalkKey result;
  result.add(static_cast<std::uint64_t>(l));
  result.add(outer_rounds(l));
  const bool times = blocks_ <= kMostBlocks;
  Hasher hasher(result, entry.now, times);
  pass(l, entry, hasher);
  if (!times) return result;
  for (int p = 0; p < problem_.ports; ++p) {
    if (!(ports_[z(l)] >> p & 1u)) continue;
    const PortState& port = port_[z(p)];
    hasher.time(port.free, entry.horizon[z(p)]);
    for (int i = port.gaps - 1; i >= port.first && port.gap[z(i)].end > entry.horizon[z(p)]; --i) {
      const Gap& gap = port.gap[z(i)];
      const double begin = std::max(gap.begin, entry.horizon[z(p)]);
      result.add(begin - entry.now);
      result.add(gap.end - entry.now);
      result.add(gap.idle * (gap.end - begin) / (gap.end - gap.begin));
    }
  }
  return result;
}

// Where the loops outside [0, l] are, as far as tiles within depend on it.
std::uint64_t StrictWalk::outer_rounds(int l) const {
  const std::uint32_t edges = edges_[z(l)];
  const std::uint32_t either = edges | lasts_[z(l)];
  std::uint64_t result = 1;
  for (int d = 0; d < problem_.dims; ++d) {
    if (!(either >> d & 1u)) continue;
    bool first = (edges >> d & 1u) != 0;
    bool last = true;
    for (int i = l + 1; i < ordering_.count; ++i) {
      if (ordering_.dim[z(i)] != d) continue;
      first = first && index_[z(i)] == 0;
      last = last && index_[z(i)] + 1 == ordering_.size[z(i)];
    }
    result = result << 2 | (first ? 2u : 0u) | (last ? 1u : 0u);
  }
  if (!within(0, 0, l)) return result << 2;
  result = result << 1 | (revisits(l + 1, false) ? 1u : 0u);
  return result << 1 | (revisits(l + 1, true) ? 1u : 0u);
}

// The innermost link of outputs whose tiles stay while loops [0, l] step.
int StrictWalk::outer_output(int l) const {
  int a = 0;
  while (within(0, a, l)) ++a;
  return a > 0 ? a : end_link(0);
}

template <class Archive>
void StrictWalk::pass(int l, const Entry& entry, Archive& archive) {
  for (int a = 0; within(0, a, l); ++a) pass_output(a, entry, archive);
  for (int o = 1; o < problem_.operands; ++o) {
    for (int a = 0; within(o, a, l); ++a) pass_input(o, a, entry, archive);
  }
  const int b = outer_output(l);
  if (b == end_link(0)) return;
  LinkState& outer = state_[0][z(b)];
  const LinkState& below = state_[0][z(b - 1)];
  if constexpr (std::is_same_v<Archive, Hasher>) {
    archive.time(outer.ready, next(0, b - 1).leave);
  }
  archive.derived(outer.closed - outer.drained);
  for (std::int64_t i = outer.drained; i < outer.closed; ++i) {
    archive.derived(std::max<std::int64_t>(outer.inner[z(i % kRing)] - below.drained, 0));
    archive.outside(outer.complete[z(i % kRing)]);
  }
}

template <class Archive>
void StrictWalk::pass_input(int o, int a, const Entry& entry, Archive& archive) {
  LinkState& state = state_[z(o)][z(a)];
  const auto& count = entry.count[z(o)][z(a)];
  const std::int64_t buffers = links_[z(o)][z(a)].buffers;
  archive.count(state.opened, count[0]);
  archive.count(state.closed, count[1]);
  archive.derived(state.opened - state.closed);
  double floor = 0;
  double gone = 0;  // matters for the tile above
  if constexpr (std::is_same_v<Archive, Hasher>) {
    floor = next(o, a).load;
    gone = a + 1 < end_link(o) ? std::min(floor, state_[z(o)][z(a + 1)].load_free) : floor;
  }
  archive.time(state.load_free, floor);
  archive.time(state.ready, floor);
  archive.time(state.gone, gone);
  if (buffers > kRing) return;
  for (std::int64_t i = state.opened - buffers; i < state.closed; ++i) {
    archive.time(state.done[z(i & (kRing - 1))], i < 0 ? -kLongAgo : floor);
  }
}

template <class Archive>
void StrictWalk::pass_output(int a, const Entry& entry, Archive& archive) {
  LinkState& state = state_[0][z(a)];
  const auto& count = entry.count[0][z(a)];
  const std::int64_t buffers = links_[0][z(a)].buffers;
  archive.count(state.opened, count[0]);
  archive.count(state.closed, count[1]);
  archive.count(state.drained, count[2]);
  archive.derived(state.opened - state.drained);
  archive.derived(state.closed - state.drained);
  double loads = 0;
  double drains = 0;
  if constexpr (std::is_same_v<Archive, Hasher>) {
    const Next asks = next(0, a);
    loads = asks.load;
    drains = asks.leave;
  }
  archive.time(state.load_free, loads);
  archive.time(state.ready, loads);
  archive.time(state.drain_free, drains);
  std::int64_t i = state.drained - 1;
  if (buffers <= kRing) i = std::min(i, state.opened - buffers);
  for (; i < state.drained; ++i) {
    const auto place = z(i & (kRing - 1));
    const double floor = i + 1 == state.drained ? std::min({loads, drains, entry.now}) : loads;
    archive.time(state.done[place], i < 0 ? -kLongAgo : floor);
    archive.time(state.left[place], i < 0 ? -kLongAgo : floor);
  }
  for (; i < state.opened; ++i) {
    const auto place = z(i % kRing);
    archive.time(state.above[place], drains);
    archive.figure(state.leaving[place].up);
    archive.figure(state.leaving[place].down);
    archive.figure(state.leaving[place].post);
    if (i >= state.closed) continue;
    archive.time(state.complete[place], drains);
    if (a > 0) archive.number(state.inner[place], entry.count[0][z(a - 1)][2]);
  }
}

// Null: there is no room for it.
const double* StrictWalk::record(int l, const Entry& entry, double* begin, double* end) {
  Recorder recorder(entry.now, begin, end);
  pass(l, entry, recorder);
  for (int p = 0; p < problem_.ports; ++p) {
    if (!(ports_[z(l)] >> p & 1u)) continue;
    const PortState& port = port_[z(p)];
    int first = port.gaps;
    while (first > port.first && port.gap[z(first - 1)].end > entry.horizon[z(p)]) --first;
    recorder.time(std::max(port.free, entry.horizon[z(p)]), 0);
    recorder.put(port.used - entry.used[z(p)]);
    recorder.put(port.gaps - first);
    for (int i = first; i < port.gaps; ++i) {
      const Gap& gap = port.gap[z(i)];
      const double from = std::max(gap.begin, entry.horizon[z(p)]);
      recorder.time(from, 0);
      recorder.time(gap.end, 0);
      recorder.put(gap.idle * (gap.end - from) / (gap.end - gap.begin));
    }
  }
  recorder.time(times_.end, 0);
  return recorder.full() ? nullptr : recorder.at();
}

void StrictWalk::play(int l, const Entry& entry, const double* from) {
  ++plays_;
  Player player(entry.now, from);
  pass(l, entry, player);
  for (int p = 0; p < problem_.ports; ++p) {
    if (!(ports_[z(l)] >> p & 1u)) continue;
    PortState& port = port_[z(p)];
    cut_port(port, entry.horizon[z(p)]);
    player.time(port.free, 0);
    port.free = std::max(port.free, entry.horizon[z(p)]);
    port.used += player.get();
    for (auto i = static_cast<int>(player.get()); i > 0; --i) {
      Gap gap;
      player.time(gap.begin, 0);
      player.time(gap.end, 0);
      gap.idle = player.get();
      if (gap.end <= entry.horizon[z(p)]) continue;
      if (gap.begin < entry.horizon[z(p)]) {
        gap.idle *= (gap.end - entry.horizon[z(p)]) / (gap.end - gap.begin);
        gap.begin = entry.horizon[z(p)];
      }
      make_room(port);
      port.gap[z(port.gaps++)] = gap;
    }
  }
  player.time(times_.end, 0);
}

// Nothing is known of the port from `at` on.
void StrictWalk::cut_port(PortState& port, double at) {
  while (port.gaps > port.first && port.gap[z(port.gaps - 1)].begin >= at) --port.gaps;
  make_room(port);
  if (port.gaps > port.first && port.gap[z(port.gaps - 1)].end > at) {
    Gap& gap = port.gap[z(port.gaps - 1)];
    gap.idle *= (at - gap.begin) / (gap.end - gap.begin);
    gap.end = at;
  }
  if (port.free < at) port.gap[z(port.gaps++)] = {port.free, at, at - port.free};
  port.free = std::max(port.free, at);
}

}  // namespace ridgeline::model
