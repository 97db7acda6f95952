#include "model/core/strict_walk.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace ridgeline::model {

StrictWalk::StrictWalk(const Problem& problem, const Ordering& ordering, const Links& links,
                       double skew, bool repeats)
    : problem_(problem),
      ordering_(ordering),
      links_(links),
      skew_(skew),
      repeats_(repeats),
      most_gaps_(repeats ? kGapsOfRepeats : kGaps),
      stepped_(ordering.count) {
  for (int o = 0; o < problem.operands; ++o) {
    for (int a = 0; a < end_link(o); ++a) {
      LinkState& state = state_[z(o)][z(a)];
      state.opened = state.closed = state.drained = 0;
      state.load_free = state.drain_free = state.ready = state.gone = 0;
      state.done.fill(0);
      state.left.fill(0);
      state.above.fill(0);
      state.complete.fill(0);
      state.inner.fill(0);
      set_same(o, a);
    }
  }
  for (int p = 0; p < problem.ports; ++p) {
    port_[z(p)].first = port_[z(p)].gaps = 0;
    port_[z(p)].free = port_[z(p)].used = 0;
  }
  if (repeats) set_repeats();
}

namespace {

// What is remembered takes as long to bring back as so many blocks.
constexpr std::int64_t kBlocksOfPlay = 4;

}  // namespace

WalkTimes StrictWalk::run(double limit) {
  limit_ = limit;
  inside_[0] = 1;
  for (int l = 0; l < ordering_.count; ++l)
    inside_[z(l + 1)] = inside_[z(l)] * ordering_.size[z(l)];
  block();
  rest(ordering_.count - 1);
  times_.blocks = blocks_ + kBlocksOfPlay * plays_;
  if (beyond_) {
    times_.arrived = std::numeric_limits<double>::infinity();
    return times_;
  }
  const int levels = end_link(0);
  for (int a = 0; a < levels; ++a) close_output(a);
  LinkState& state = state_[0][z(levels - 1)];
  drain(levels - 1, state.closed);
  times_.arrived = std::max(times_.end, state.done[z((state.closed - 1) % kRing)]);
  return times_;
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
    for (int a = 0; within(0, a, stepped); ++a) {
      close_output(a);
    }
    for (int o = 1; o < problem_.operands; ++o) {
      for (int a = 0; within(o, a, stepped); ++a) {
        close_input(o, a);
      }
    }
  }
  double ready = times_.end;
  for (int i = 1; i <= problem_.operands; ++i) {
    const int o = i % problem_.operands;
    int a = end_link(o) - 1;
    while (a >= 0 && links_[z(o)][z(a)].position > stepped) --a;
    if (a < 0) continue;
    for (; a >= 0; --a) {
      if (o == 0) {
        open_output(a);
      } else {
        open_input(o, a);
      }
    }
    ready = std::max(ready, state_[z(o)][0].ready);
  }
  if (first) times_.begin = ready;
  begun_ = true;
  ++blocks_;
  times_.end = ready + problem_.cycles_per_operation;
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

double StrictWalk::cycles(const WalkSide& side, const WalkPort& port, int position,
                          double bits) const {
  if (port.word.value == 0) return 0;
  double row = port.row;
  const double size = elements(side, port, position, row);
  if (port.requests != nullptr) return requested(size, row, bits, port.word, *port.requests).cycles;
  return rounded_up(port.word.divides(size * bits));
}

StrictWalk::Cycles StrictWalk::all_coming(const WalkLink& link) const {
  return {cycles(link.up, link.up.to, link.position, link.up.bits),
          cycles(link.down, link.down.to, link.position, link.down.bits)};
}

StrictWalk::Cycles StrictWalk::all_coming_back(const WalkLink& link) const {
  return {cycles(link.up, link.up.back, link.position, link.up.bits),
          cycles(link.down, link.down.back, link.position, link.down.bits)};
}

// `again`: more is added afterwards.
StrictWalk::Cycles StrictWalk::all_leaving(const WalkLink& link, bool again) const {
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

void StrictWalk::set_same(int o, int a) {
  const WalkLink& link = links_[z(o)][z(a)];
  Same& same = same_[z(o)][z(a)];
  same.known = link.up.varying == 0 && link.down.varying == 0;
  if (!same.known) return;
  if (o > 0) {
    same.coming = all_coming(link);
  } else {
    same.coming_back = all_coming_back(link);
    same.leaving = all_leaving(link, true);
    same.finished = all_leaving(link, false);
  }
}

StrictWalk::Cycles StrictWalk::coming(int o, int a) const {
  const Same& same = same_[z(o)][z(a)];
  return same.known ? same.coming : all_coming(links_[z(o)][z(a)]);
}

StrictWalk::Cycles StrictWalk::coming_back(int a) const {
  const WalkLink& link = links_[0][z(a)];
  if (!revisits(link.position, false)) return {0, 0};
  return same_[0][z(a)].known ? same_[0][z(a)].coming_back : all_coming_back(link);
}

StrictWalk::Cycles StrictWalk::leaving(int a) const {
  const WalkLink& link = links_[0][z(a)];
  const bool again = revisits(link.position, true);
  const Same& same = same_[0][z(a)];
  if (same.known) return again ? same.leaving : same.finished;
  return all_leaving(link, again);
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
void StrictWalk::make_room(PortState& port) const {
  if (port.gaps + 3 <= most_gaps_) return;
  const int old = port.first > most_gaps_ / 2 ? 0 : (port.gaps - port.first) / 4;
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
  const Cycles amount = coming(o, a);
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
  double done = times_.end;
  if (a > 0) {
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
  const Cycles amount = coming_back(a);
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
  state.leaving[z(state.opened % kRing)] = leaving(a);
  ++state.opened;
}

void StrictWalk::close_output(int a) {
  LinkState& state = state_[0][z(a)];
  const auto place = z(state.closed++ % kRing);
  state.complete[place] = times_.end;
  if (a == 0) {
    state.complete[place] += skew_;
    return;
  }
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
    if (a > 0) {
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
