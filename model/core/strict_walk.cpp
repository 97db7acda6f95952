#include "model/core/strict_walk.hpp"

#include <algorithm>
#include <cmath>

namespace ridgeline::model {

namespace {

// Iterations of a loop that are walked before it is taken to repeat itself.
constexpr int kSettled = 6;
// Iterations of inner loops until they take as long as others.
constexpr int kPaces = 3;

// What a moment is later by in an iteration, if it falls behind evenly: else as `step`.
double lasting(double earlier, double last, double now, double step) {
  return now - last > step && std::abs(now - last - (last - earlier)) < 1e-6 ? now - last : step;
}

}  // namespace

StrictWalk::StrictWalk(const Problem& problem, const Ordering& ordering, const Links& links,
                       const WalkBlock& block, double skew)
    : problem_(problem),
      ordering_(ordering),
      links_(links),
      block_(block),
      skew_(skew),
      stepped_(block.top) {
  const bool all = block.top == ordering.count;
  for (int o = 0; o < problem.operands; ++o) {
    int& a = first_[z(o)];
    int& end = end_[z(o)];
    while (a < problem.operand[z(o)].levels && links[z(o)][z(a)].position < block.base) ++a;
    end = a;
    while (end < problem.operand[z(o)].levels &&
           (all || links[z(o)][z(end)].position < block.top)) {
      ++end;
    }
    for (int i = a; i < end; ++i) {
      LinkState& state = state_[z(o)][z(i)];
      state.opened = state.closed = state.drained = 0;
      state.load_free = state.drain_free = state.ready = state.gone = 0;
      state.done.fill(0);
      state.left.fill(0);
      state.above.fill(0);
      state.complete.fill(0);
      state.inner.fill(0);
    }
  }
  for (int p = 0; p < problem.ports; ++p) {
    port_[z(p)].first = port_[z(p)].gaps = 0;
    port_[z(p)].free = port_[z(p)].used = 0;
  }
}

// To tiles from the middle of the loops outside, which are whole. False: no tile is visited so.
bool StrictWalk::go_to(Visit visit) {
  const std::uint32_t sums = problem_.operand[0].irrelevant;
  double visits = 1;
  int last = -1;
  for (int l = block_.top; l < ordering_.count; ++l) {
    const auto size = static_cast<int>(ordering_.size[z(l)]);
    index_[z(l)] = size / 2;
    if (!(sums >> ordering_.dim[z(l)] & 1u)) continue;
    visits *= size;
    if (visit == Visit::first || visit == Visit::only) index_[z(l)] = 0;
    if (visit == Visit::last) index_[z(l)] = size - 1;
    if (size > 1) last = l;
  }
  if (visit == Visit::only) return visits == 1;
  if (visit != Visit::middle) return visits > 1;
  if (visits <= 2) return false;
  if (!revisits(block_.top, true)) index_[z(last)] = 0;
  return true;
}

bool StrictWalk::pace(Visit visit, WalkPace& pace) {
  if (!go_to(visit)) return false;
  std::array<double, kMaxPorts>& busy = pace.busy;
  double cycles = 0;
  for (int i = 0; i < kPaces; ++i) {
    for (int p = 0; p < problem_.ports; ++p) busy[z(p)] = -port_[z(p)].used;
    const double before = times_.end;
    stepped_ = block_.top - 1;
    loop(block_.top - 1);
    cycles = std::max(times_.end - before, i + 2 > kPaces ? cycles : 0);
  }
  for (int p = 0; p < problem_.ports; ++p) {
    busy[z(p)] += port_[z(p)].used;
    cycles = std::max(cycles, busy[z(p)]);
  }
  pace.cycles = cycles;
  for (int o = 1; o < problem_.operands; ++o) {
    if (first_link(o) == end_link(o)) continue;
    pace.early[z(o)] = std::max(0.0, times_.end - state_[z(o)][z(end_link(o) - 1)].gone);
  }
  return true;
}

WalkTimes StrictWalk::run() {
  loop(ordering_.count - 1);
  double arrived = times_.end + block_.chain[0];
  const int levels = problem_.operand[0].levels;
  for (int a = first_link(0); a < levels; ++a) close_output(a);
  if (first_link(0) < levels) {
    LinkState& state = state_[0][z(levels - 1)];
    drain(levels - 1, state.closed);
    arrived = std::max(arrived, state.done[z((state.closed - 1) % kRing)]);
  }
  times_.arrived = arrived;
  return times_;
}

// Loops that repeat themselves are walked until they do, and for their last iteration.
void StrictWalk::loop(int l) {
  if (l < block_.base) {
    block();
    return;
  }
  const auto size = static_cast<int>(ordering_.size[z(l)]);
  double before = times_.end;
  double step = 0;
  Moment earlier;
  Moment last;
  for (int i = 0; i < size; ++i) {
    index_[z(l)] = i;
    if (i > 0) stepped_ = l;
    const bool may_skip = block_.repeats && i >= 2 && i + 3 < size;
    if (block_.repeats && i >= 1 && i + 3 < size) {
      earlier = last;
      last = moment(l);
    }
    loop(l - 1);
    const double now = times_.end - before;
    before = times_.end;
    const bool settled = now == step || i >= kSettled;
    if (may_skip && settled && (i >= kRing || keeps_up(l, last))) {
      skip(l, now == step ? now : (now + step) / 2, size - 2 - i, earlier, last);
      before = times_.end;
      i = size - 2;
    }
    step = now;
  }
}

// Until when the transfers have been placed that come and go with the iterations of loop l.
StrictWalk::Moment StrictWalk::moment(int l) const {
  Moment result;
  for (int o = 0; o < problem_.operands; ++o) {
    for (int a = first_link(o); a < end_link(o) && links_[z(o)][z(a)].position <= l; ++a) {
      const LinkState& state = state_[z(o)][z(a)];
      result.link[z(o)][z(a)] = {state.load_free, state.drain_free};
      if (o == 0) result.behind[z(a)] = state.opened - state.drained;
    }
  }
  for (int p = 0; p < problem_.ports; ++p) {
    result.free[z(p)] = port_[z(p)].free;
    result.used[z(p)] = port_[z(p)].used;
  }
  return result;
}

// Whether as many tiles of outputs have left as have come.
bool StrictWalk::keeps_up(int l, const Moment& last) const {
  for (int a = first_link(0); a < end_link(0) && links_[0][z(a)].position <= l; ++a) {
    const LinkState& state = state_[0][z(a)];
    if (state.opened - state.drained > last.behind[z(a)]) return false;
  }
  return true;
}

// `times` iterations of `step` cycles, in each of which ports are busy as in the last one. What
// comes and goes with them goes on so: what falls behind falls further behind, until something
// waits for it. What was there before stays in the past.
void StrictWalk::skip(int l, double step, double times, const Moment& earlier, const Moment& last) {
  const double from = times_.end;
  const double by = step * times;
  times_.end += by;
  // By operand and level: what comes, what goes.
  Pending rate;
  for (int o = 0; o < problem_.operands; ++o) {
    for (int a = first_link(o); a < end_link(o) && links_[z(o)][z(a)].position <= l; ++a) {
      const LinkState& state = state_[z(o)][z(a)];
      const auto& [load, drain] = earlier.link[z(o)][z(a)];
      const auto& [load_then, drain_then] = last.link[z(o)][z(a)];
      rate[z(o)][z(a)] = {times * lasting(load, load_then, state.load_free, step),
                          times * lasting(drain, drain_then, state.drain_free, step)};
    }
  }
  for (int o = 0; o < problem_.operands; ++o) {
    for (int a = first_link(o); a < end_link(o) && links_[z(o)][z(a)].position <= l; ++a) {
      LinkState& state = state_[z(o)][z(a)];
      const auto& [load, drain] = rate[z(o)][z(a)];
      state.load_free += load;
      state.ready += load;
      state.gone += load;
      state.drain_free += drain;
      const double within = a == first_link(o) ? by : rate[z(o)][z(a - 1)][o == 0 ? 1 : 0];
      for (double& time : state.done) time += o == 0 ? drain : within;
      for (double& time : state.left) time += drain;
      for (double& time : state.above) time += by;
      for (double& time : state.complete) time += within;
    }
  }
  for (int p = 0; p < problem_.ports; ++p) {
    PortState& port = port_[z(p)];
    const double busy = port.used - last.used[z(p)];
    double move = by;
    if (port.free > from) {
      move = times * lasting(earlier.free[z(p)], last.free[z(p)], port.free, step);
    }
    move_on(port, from, move, move - busy * times);
    port.used += busy * times;
  }
}

// From `from` on all is later by `by` cycles, of which the port has `idle` ones to spare.
void StrictWalk::move_on(PortState& port, double from, double by, double idle) {
  make_room(port);
  const double begin = std::min(port.free, from);
  port.free += by;
  int at = port.first;
  while (at < port.gaps && port.gap[z(at)].end <= from) ++at;
  for (int i = at; i < port.gaps; ++i) {
    Gap& gap = port.gap[z(i)];
    if (gap.begin >= from) {
      gap.begin += by;
      gap.end += by;
      continue;
    }
    // Split, so that what has been is left where it is.
    const double share = gap.idle * (from - gap.begin) / (gap.end - gap.begin);
    const Gap rest{from + by, gap.end + by, gap.idle - share};
    gap.end = from;
    gap.idle = share;
    insert(port, ++i, rest);
    ++at;
  }
  if (idle > 0) {
    insert(port, at, {begin, begin + by, idle});
  } else if (idle < 0) {
    port.used += idle;
    take(port, 0, -idle);
  }
}

void StrictWalk::insert(PortState& port, int at, const Gap& gap) {
  for (int i = port.gaps; i > at; --i) port.gap[z(i)] = port.gap[z(i - 1)];
  port.gap[z(at)] = gap;
  ++port.gaps;
}

void StrictWalk::block() {
  const int stepped = stepped_;
  stepped_ = -1;
  const bool first = !begun_;
  // Tiles that the last step has ended, then those that begin, from the outermost inwards.
  if (!first) {
    for (int a = first_link(0); a < end_link(0) && links_[0][z(a)].position <= stepped; ++a) {
      close_output(a);
    }
    for (int o = 1; o < problem_.operands; ++o) {
      for (int a = first_link(o); a < end_link(o) && links_[z(o)][z(a)].position <= stepped; ++a) {
        close_input(o, a);
      }
    }
  }
  double ready = times_.end;
  for (int i = 1; i <= problem_.operands; ++i) {
    const int o = i % problem_.operands;
    const int from = first_link(o);
    int a = end_link(o) - 1;
    while (a >= from && links_[z(o)][z(a)].position > stepped) --a;
    if (a < from) {
      if (first && o > 0) ready = std::max(ready, block_.chain[z(o)]);
      continue;
    }
    for (; a >= from; --a) {
      if (o == 0) {
        open_output(a);
      } else {
        open_input(o, a);
      }
    }
    const double there = state_[z(o)][z(from)].ready;
    ready = std::max(ready, o == 0 ? there : there + block_.chain[z(o)]);
  }
  if (first) times_.begin = ready;
  begun_ = true;
  const WalkPace& pace = block_.pace[z(static_cast<int>(visit(block_.base)))];
  early_ = &pace.early;
  times_.end = ready + pace.cycles;
  if (block_.base == 0) return;
  for (int p = 0; p < problem_.ports; ++p) {
    if (pace.busy[z(p)] == 0) continue;
    times_.end = std::max(times_.end, take(port_[z(p)], ready, pace.busy[z(p)]));
  }
}

double StrictWalk::elements(const WalkSide& side, const WalkPort& port, int position,
                            double& row) const {
  double size = side.base;
  for (int k = 0; k < side.varying; ++k) {
    const double factor = round_size(side.vary[z(k)], position);
    size *= factor;
    if (port.varying_rows >> k & 1u) row *= factor;
  }
  return size;
}

double StrictWalk::round_size(const RoundSizes& vary, int position) const {
  if (vary.instances != nullptr) return fullest(vary, position);
  double first = 0;
  double second = 0;
  for (int l = ordering_.count - 1; l >= position; --l) {
    const int dim = ordering_.dim[z(l)];
    if (dim == vary.dim[0]) first = first * ordering_.size[z(l)] + index_[z(l)];
    if (dim == vary.dim[1]) second = second * ordering_.size[z(l)] + index_[z(l)];
  }
  if (vary.by_round != nullptr) {
    return vary.by_round[z(static_cast<std::int64_t>(first * vary.rounds + second))];
  }
  return first + 1 < vary.rounds ? vary.whole : vary.last;
}

// The largest tile that instances work on together. Those that a memory level serves lie among the
// loops of their dimension below that level's own.
double StrictWalk::fullest(const RoundSizes& vary, int position) const {
  double base[2] = {0, 0};
  struct Digit {
    double step;  // in by_round
    double count;
  };
  std::array<Digit, 2 * (kMaxLevels + 1)> digit;
  int digits = 0;
  const int levels = problem_.operand[z(vary.operand)].levels;
  for (std::size_t t = 0; t < 2; ++t) {
    const Instances& instances = (*vary.instances)[t];
    double stride = 1;
    int l = position;
    for (int m = 0; m <= kMaxLevels; ++m) {
      const double count = instances.at[z(m)];
      if (count == 1) continue;
      const int end = m < levels ? links_[z(vary.operand)][z(m)].position : ordering_.count;
      for (; l < end; ++l) {
        if (ordering_.dim[z(l)] != vary.dim[t]) continue;
        base[t] += index_[z(l)] * stride;
        stride *= ordering_.size[z(l)];
      }
      digit[z(digits++)] = {t == 0 ? stride * vary.rounds : stride, count};
      stride *= count;
    }
    for (; l < ordering_.count; ++l) {
      if (ordering_.dim[z(l)] != vary.dim[t]) continue;
      base[t] += index_[z(l)] * stride;
      stride *= ordering_.size[z(l)];
    }
  }
  std::array<double, 2 * (kMaxLevels + 1)> at{};
  double place = base[0] * vary.rounds + base[1];
  double most = 0;
  for (;;) {
    most = std::max(most, vary.by_round[z(static_cast<std::int64_t>(place))]);
    int k = 0;
    for (; k < digits; ++k) {
      place += digit[z(k)].step;
      if (++at[z(k)] < digit[z(k)].count) break;
      place -= digit[z(k)].step * digit[z(k)].count;
      at[z(k)] = 0;
    }
    if (k == digits) return most;
  }
}

// Whether the output's tile was there before, or (`last`) will be there again.
bool StrictWalk::revisits(int position, bool last) const {
  const std::uint32_t irrelevant = problem_.operand[0].irrelevant;
  for (int l = position; l < ordering_.count; ++l) {
    if (!(irrelevant >> ordering_.dim[z(l)] & 1u)) continue;
    if (index_[z(l)] != (last ? static_cast<int>(ordering_.size[z(l)]) - 1 : 0)) return true;
  }
  return false;
}

Visit StrictWalk::visit(int position) const {
  if (position == 0) return Visit::only;
  if (!revisits(position, false)) return revisits(position, true) ? Visit::first : Visit::only;
  return revisits(position, true) ? Visit::middle : Visit::last;
}

double StrictWalk::cycles(const WalkSide& side, const WalkPort& port, int position,
                          double bits) const {
  if (port.word.value == 0) return 0;
  double row = port.row;
  const double size = elements(side, port, position, row);
  if (port.requests != nullptr) return requested(size, row, bits, port.word, *port.requests).cycles;
  return rounded_up(port.word.divides(size * bits));
}

StrictWalk::Cycles StrictWalk::coming(const WalkLink& link) const {
  return {cycles(link.up, link.up.to, link.position, link.up.bits),
          cycles(link.down, link.down.to, link.position, link.down.bits)};
}

StrictWalk::Cycles StrictWalk::coming_back(const WalkLink& link) const {
  if (!revisits(link.position, false)) return {0, 0};
  return {cycles(link.up, link.up.back, link.position, link.up.bits),
          cycles(link.down, link.down.back, link.position, link.down.bits)};
}

StrictWalk::Cycles StrictWalk::leaving(const WalkLink& link) const {
  const bool again = revisits(link.position, true);
  Cycles result{
      cycles(link.up, link.up.to, link.position, again ? link.up.bits : link.up.last_bits),
      cycles(link.down, link.down.to, link.position, again ? link.down.bits : link.down.last_bits)};
  if (link.post_processing > 0 && !again && link.up.finishes) {
    double row = 1;
    const double size = elements(link.up, link.up.to, link.position, row);
    result.post = rounded_up(size / link.post_processing);
  }
  return result;
}

double StrictWalk::move(const Cycles& cycles, int up_port, int down_port, double ready) {
  double end = ready + cycles.post;
  if (cycles.up > 0) {
    end =
        std::max(end, up_port < 0 ? ready + cycles.up : take(port_[z(up_port)], ready, cycles.up));
  }
  if (cycles.down > 0) {
    end = std::max(
        end, down_port < 0 ? ready + cycles.down : take(port_[z(down_port)], ready, cycles.down));
  }
  return end;
}

// For some more gaps. Of too many, the older half become half as many.
void StrictWalk::make_room(PortState& port) {
  if (port.gaps + 3 <= kGaps) return;
  const int old = port.first > kGaps / 2 ? 0 : (port.gaps - port.first) / 4;
  for (int i = 0; i < old; ++i) {
    const Gap& one = port.gap[z(port.first + 2 * i)];
    const Gap& next = port.gap[z(port.first + 2 * i + 1)];
    port.gap[z(i)] = {one.begin, next.end, one.idle + next.idle};
  }
  std::copy(port.gap.begin() + port.first + 2 * old, port.gap.begin() + port.gaps,
            port.gap.begin() + old);
  port.gaps -= port.first + old;
  port.first = 0;
}

// The first idle cycles from `ready` on: what is asked for later is waited for later.
double StrictWalk::take(PortState& port, double ready, double amount) {
  port.used += amount;
  make_room(port);
  int i = port.gaps;
  while (i > port.first && port.gap[z(i - 1)].end > ready) --i;
  while (i < port.gaps) {
    Gap& gap = port.gap[z(i)];
    const double begin = std::max(gap.begin, ready);
    const double before = gap.idle * (begin - gap.begin) / (gap.end - gap.begin);
    const double idle = gap.idle - before;
    if (idle <= amount) {
      const double end = gap.end;
      amount -= idle;
      if (before > 0) {
        gap.end = begin;
        gap.idle = before;
        ++i;
      } else if (i == port.first) {
        ++port.first;
        ++i;
      } else {
        --port.gaps;
        for (int j = i; j < port.gaps; ++j) port.gap[z(j)] = port.gap[z(j + 1)];
      }
      if (amount <= 0) return end;
      continue;
    }
    const double end = begin + amount * (gap.end - begin) / idle;
    const Gap rest{end, gap.end, idle - amount};
    if (before > 0) {
      gap.end = begin;
      gap.idle = before;
      insert(port, i + 1, rest);
    } else {
      gap = rest;
    }
    return end;
  }
  if (ready > port.free) {
    port.gap[z(port.gaps++)] = {port.free, ready, ready - port.free};
    port.free = ready;
  }
  port.free += amount;
  return port.free;
}

void StrictWalk::open_input(int o, int a) {
  const WalkLink& link = links_[z(o)][z(a)];
  LinkState& state = state_[z(o)][z(a)];
  const Cycles amount = coming(link);
  double ready = state.load_free;
  if (a + 1 < end_link(o)) ready = std::max(ready, state_[z(o)][z(a + 1)].ready);
  if (state.opened >= link.buffers) {
    ready = std::max(ready, state.done[z((state.opened - link.buffers) % kRing)]);
  }
  const double end = move(amount, link.up.to.port, link.down.to.port, ready);
  const bool moves = amount.any();
  state.load_free = end;
  state.ready = std::max(state.ready, moves ? end + link.latency : end);
  state.gone = std::max(state.gone, moves ? end + link.latency - 1 : end);
  ++state.opened;
}

// The tile has been used up: by the array, or when the last of it goes to the level below.
void StrictWalk::close_input(int o, int a) {
  LinkState& state = state_[z(o)][z(a)];
  double done = times_.end - (a == first_link(o) ? (*early_)[z(o)] : 0);
  if (a > first_link(o)) {
    done = state_[z(o)][z(a - 1)].gone;
    // A second buffer in the units is filled in the order in which operations pass.
    if (a == 1 && skew_ > 0 && links_[z(o)][1].buffers == 1) {
      done = std::max(done, times_.end + skew_);
    }
  }
  state.done[z(state.closed++ % kRing)] = done;
}

void StrictWalk::open_output(int a) {
  const WalkLink& link = links_[0][z(a)];
  LinkState& state = state_[0][z(a)];
  const Cycles amount = coming_back(link);
  double ready = state.load_free;
  // Without partial sums from above, the buffer there is needed only when something leaves.
  const double above = a + 1 < end_link(0) ? state_[0][z(a + 1)].ready : 0;
  if (amount.any()) ready = std::max(ready, above);
  if (state.opened >= link.buffers) {
    drain(a, state.opened - link.buffers + 1);
    const auto place = z((state.opened - link.buffers) % kRing);
    ready = std::max(ready, a == 0 ? state.done[place] : state.left[place]);
  }
  if (state.opened - state.drained == kRing) drain(a, state.drained + 1);
  state.above[z(state.opened % kRing)] = above;
  const double end = move(amount, link.up.back.port, link.down.back.port, ready);
  const bool moves = amount.any();
  state.load_free = end;
  state.ready = std::max(state.ready, moves ? end + link.latency : end);
  state.leaving[z(state.opened % kRing)] = leaving(link);
  ++state.opened;
}

void StrictWalk::close_output(int a) {
  LinkState& state = state_[0][z(a)];
  const auto place = z(state.closed++ % kRing);
  state.complete[place] = times_.end;
  if (a == first_link(0)) state.complete[place] += a == 0 ? skew_ : block_.chain[0];
  if (a == first_link(0)) return;
  const LinkState& below = state_[0][z(a - 1)];
  state.inner[place] = below.closed;
  if (below.drained == below.closed) {
    state.complete[place] =
        std::max(state.complete[place], below.done[z((below.closed - 1) % kRing)]);
  }
}

// Tiles of outputs leave in order, when nothing more is added and all below has left.
void StrictWalk::drain(int a, std::int64_t until) {
  const WalkLink& link = links_[0][z(a)];
  LinkState& state = state_[0][z(a)];
  for (; state.drained < until; ++state.drained) {
    const auto place = z(state.drained % kRing);
    double ready = std::max({state.drain_free, state.complete[place], state.above[place]});
    if (a > first_link(0)) {
      drain(a - 1, state.inner[place]);
      ready = std::max(ready, state.complete[place]);
    }
    const Cycles amount = state.leaving[place];
    const double end = move(amount, link.up.to.port, link.down.to.port, ready);
    state.drain_free = end;
    const bool moves = amount.any();
    const auto before = z((state.drained + kRing - 1) % kRing);
    state.done[place] = std::max(state.done[before], moves ? end + link.latency : end);
    state.left[place] = std::max(state.left[before], moves ? end + link.latency - 1 : end);
    if (a + 1 == end_link(0)) continue;
    // The tile above that waits for this one, if any.
    LinkState& above = state_[0][z(a + 1)];
    for (std::int64_t i = above.drained; i < above.closed; ++i) {
      if (above.inner[z(i % kRing)] != state.drained + 1) continue;
      above.complete[z(i % kRing)] = std::max(above.complete[z(i % kRing)], state.done[place]);
    }
  }
}

}  // namespace ridgeline::model
