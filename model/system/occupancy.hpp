// Step functions of time that a schedule grows: bandwidth in use on a link, bits in a memory.
// Nearly all that is asked and changed lies close to their ends, or to what was changed last, so
// that is where looking begins.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <utility>

#include "model/core/port_time.hpp"

namespace ridgeline::model {

// Bandwidth in use on a link over [0, infinity); neighbouring steps differ, so that a link in
// constant use is one step however many transfers it carries. What is added lies close to what was
// added before, or to the end: there is room for more steps in both places.
class LinkOccupancy {
 public:
  LinkOccupancy() { grow(); }

  void reset() {
    end_ = above_ = capacity_ / 2;
    steps_[end_] = Step{kNever, 0};
    steps_[0] = Step{};
    room_ = 1;
    found_ = 0;
  }

  // First time >= `from` at which `demand` more fits under `bandwidth` for `duration`; infinite
  // where it never does.
  double first_window(double from, double duration, double demand, double bandwidth) {
    const Step* const steps = steps_.get();
    std::size_t i = step_at(from);
    double begin = from;
    for (;;) {
      while (steps[i].used + demand > bandwidth) {
        i = next(i);
        if (i == end_) return kNever;
        begin = steps[i].time;
      }
      found_ = i;
      const double end = begin + duration;
      for (;;) {
        const std::size_t after = next(i);
        if (steps[after].time >= end) return begin;
        i = after;
        if (steps[i].used + demand > bandwidth) break;
      }
    }
  }

  // Uses `amount` more on [begin, end).
  void add(double begin, double end, double amount) {
    if (!(begin < end) || amount == 0) return;
    if (above_ - room_ < 2 || capacity_ - end_ < 2) grow();
    const std::size_t i = step_at(begin);
    if (i >= above_ + kFar && end_ - i <= kNear) return add_at_end(i, begin, end, amount);
    make_room_after(i);
    Step* const steps = steps_.get();
    double used = steps[room_ - 1].used;  // before, in the step that was looked at last
    if (steps[room_ - 1].time != begin) {
      if (used + amount != used) steps[room_++] = Step{begin, used + amount};
    } else {
      steps[room_ - 1].used += amount;
      if (room_ > 1 && steps[room_ - 1].used == steps[room_ - 2].used) --room_;
    }
    while (steps[above_].time < end) {
      used = steps[above_].used;
      steps[room_++] = Step{steps[above_++].time, used + amount};
    }
    const double last = steps[room_ - 1].used;
    if (steps[above_].time == end) {
      if (steps[above_].used == last) ++above_;
    } else if (used != last) {
      steps[room_++] = Step{end, used};
    }
    found_ = room_ - 1;
  }

 private:
  struct Step {
    double time = 0;
    double used = 0;
  };
  static constexpr double kNever = std::numeric_limits<double>::infinity();
  static constexpr std::size_t kNear = 12;        // steps that are looked at or moved one by one
  static constexpr std::size_t kFar = 4 * kNear;  // beyond that room is not moved to the end

  std::size_t next(std::size_t i) const { return i + 1 == room_ ? above_ : i + 1; }

  // The last step that begins at t or before.
  std::size_t step_at(double t) const {
    const Step* const steps = steps_.get();
    if (steps[found_].time <= t && t < steps[next(found_)].time) return found_;
    if (steps[above_].time > t) return step_below(0, room_, t);
    return steps[above_ + 1].time > t ? above_ : step_below(above_, end_, t);
  }
  // The same of steps [begin, end), of which the first is early enough; mostly close to the end.
  std::size_t step_below(std::size_t begin, std::size_t end, double t) const {
    const Step* const steps = steps_.get();
    std::size_t i = end - 1;
    if (i > begin + kNear && steps[i - kNear].time > t) return far_step(begin, i - kNear, t);
    while (steps[i].time > t) --i;
    return i;
  }
  [[gnu::noinline]] std::size_t far_step(std::size_t begin, std::size_t end, double t) const {
    const Step* const steps = steps_.get();
    const auto later = [](double a, const Step& step) { return a < step.time; };
    const std::size_t near = std::min(begin + kNear, end);
    if (steps[near].time > t) {
      end = near;
    } else {
      begin = near;
    }
    return static_cast<std::size_t>(std::upper_bound(steps + begin, steps + end, t, later) -
                                    steps) -
           1;
  }

  // Step i is one of the last few, and room elsewhere.
  [[gnu::noinline]] void add_at_end(std::size_t i, double begin, double end, double amount) {
    const std::size_t first = split(begin, i);
    std::size_t last = first;
    while (steps_[last + 1].time <= end) ++last;
    last = split(end, last);
    for (std::size_t k = first; k < last; ++k) steps_[k].used += amount;
    join(last);
    join(first);
    found_ = end_ - 1;
  }
  // Place of a step that begins at t, which lies in step i.
  std::size_t split(double t, std::size_t i) {
    if (steps_[i].time == t) return i;
    for (std::size_t j = ++end_; j > i + 1; --j) steps_[j] = steps_[j - 1];
    steps_[i + 1].time = t;
    steps_[i + 1].used = steps_[i].used;
    return i + 1;
  }
  // Drops step i where it goes on as the one before.
  void join(std::size_t i) {
    if (steps_[i].used != steps_[i == above_ ? room_ - 1 : i - 1].used) return;
    for (std::size_t j = i; j < end_; ++j) steps_[j] = steps_[j + 1];
    --end_;
  }

  // Moves the room for more steps to right after step i.
  void make_room_after(std::size_t i) {
    Step* const steps = steps_.get();
    if (i >= above_) {
      const std::size_t moved = i + 1 - above_;
      if (moved <= kNear) {
        while (above_ <= i) steps[room_++] = steps[above_++];
      } else {
        std::copy(steps + above_, steps + above_ + moved, steps + room_);
        room_ += moved;
        above_ += moved;
      }
    } else if (room_ - 1 - i <= kNear) {
      while (room_ > i + 1) steps[--above_] = steps[--room_];
    } else {
      std::copy_backward(steps + i + 1, steps + room_, steps + above_);
      above_ -= room_ - (i + 1);
      room_ = i + 1;
    }
  }

  // Makes as much room in both places as there are steps, and no less than some.
  [[gnu::noinline]] void grow() {
    const std::size_t below = room_;
    const std::size_t beyond = end_ - above_;
    const std::size_t room = std::max<std::size_t>(8, below + beyond);
    const std::size_t capacity = below + beyond + 2 * room;
    auto larger = std::make_unique<Step[]>(capacity + 1);
    larger[0] = Step{};
    larger[below + room + beyond] = Step{kNever, 0};
    if (steps_) {
      std::copy(steps_.get(), steps_.get() + below, larger.get());
      std::copy(steps_.get() + above_, steps_.get() + end_, larger.get() + below + room);
    }
    above_ = below + room;
    end_ = above_ + beyond;
    capacity_ = capacity;
    steps_ = std::move(larger);
    found_ = 0;
  }

  // Steps by increasing time, the first at 0, in [0, room_) and [above_, end_); after them one that
  // never comes. A step holds until the next begins.
  std::unique_ptr<Step[]> steps_;
  std::size_t room_ = 1;
  std::size_t above_ = 0;
  std::size_t end_ = 0;
  std::size_t capacity_ = 0;
  std::size_t found_ = 0;  // a step that is looked at first
};

// Steps by increasing time, the first at 0; a step holds until the next begins. Times that are
// asked for are not negative.
class OccupancySteps {
 public:
  struct Step {
    double time = 0;
    std::int64_t used = 0;
  };

  OccupancySteps() : steps_(std::make_unique<Step[]>(kFirst)) {}

  void reset() {
    steps_[0] = Step{};
    size_ = 1;
  }

  std::size_t size() const { return size_; }
  Step& operator[](std::size_t i) { return steps_[i]; }
  const Step& operator[](std::size_t i) const { return steps_[i]; }
  const Step& back() const { return steps_[size_ - 1]; }

  // The last step that begins at t or before.
  std::size_t step_at(double t) const {
    const Step* const steps = steps_.get();
    std::size_t i = size_ - 1;
    if (i > kNear && steps[i - kNear].time > t) {
      return static_cast<std::size_t>(
                 std::upper_bound(steps, steps + (i - kNear), t,
                                  [](double a, const Step& step) { return a < step.time; }) -
                 steps) -
             1;
    }
    while (steps[i].time > t) --i;
    return i;
  }

  void append(double t, std::int64_t used) {
    if (size_ == capacity_) grow();
    steps_[size_++] = Step{t, used};
  }
  // Moves step i and all after it one place up.
  void insert(std::size_t i, double t, std::int64_t used) {
    if (size_ == capacity_) grow();
    Step* const steps = steps_.get();
    if (size_ - i <= kNear) {
      for (std::size_t j = size_; j > i; --j) steps[j] = steps[j - 1];
    } else {
      std::copy_backward(steps + i, steps + size_, steps + size_ + 1);
    }
    ++size_;
    steps[i] = Step{t, used};
  }
  void erase(std::size_t i) {
    Step* const steps = steps_.get();
    --size_;
    if (size_ - i <= kNear) {
      for (; i < size_; ++i) steps[i] = steps[i + 1];
    } else {
      std::copy(steps + i + 1, steps + size_ + 1, steps + i);
    }
  }

 private:
  static constexpr std::size_t kFirst = 8;
  static constexpr std::size_t kNear = 12;  // steps that are looked at or moved one by one

  void grow() {
    auto larger = std::make_unique<Step[]>(2 * capacity_);
    std::copy(steps_.get(), steps_.get() + size_, larger.get());
    steps_ = std::move(larger);
    capacity_ *= 2;
  }

  std::unique_ptr<Step[]> steps_;
  std::size_t size_ = 1;
  std::size_t capacity_ = kFirst;
};

// Bits stored in a memory. Times are cut to whole cycles when a step is made, but compared
// uncut, so equal fractional times make repeated steps (docs/multicore.md, 5).
class MemoryOccupancy {
 public:
  void reset() { steps_.reset(); }

  std::int64_t used_at(double t) const { return steps_[steps_.step_at(t)].used; }
  double last_time() const { return steps_.back().time; }
  std::int64_t last_used() const { return steps_.back().used; }

  // Earliest time >= t from which `bits` more never exceed `capacity`, or the last step where
  // they always do.
  double room_from(double t, std::int64_t bits, std::int64_t capacity) const {
    if (t >= steps_.back().time) return t;
    const std::int64_t most = capacity - bits;
    std::size_t i = steps_.size() - 1;
    if (steps_[i].used > most) return steps_[i].time;
    for (; steps_[i].time > t; --i) {  // the step in which t lies counts too
      if (steps_[i - 1].used > most) return steps_[i].time;
    }
    return t;
  }

  // Adds bits from t on, unless they would then exceed `capacity` at a step that begins at t or
  // later, or with `now` in the step at t as well: false.
  bool add_within(double t, std::int64_t bits, std::int64_t capacity, bool now) {
    const std::int64_t most = capacity - bits;
    std::size_t i = steps_.size() - 1;
    for (; steps_[i].time > t; --i) {
      if (steps_[i].used > most) return false;
    }
    if ((now || steps_[i].time >= t) && steps_[i].used > most) return false;
    add_at(i, t, bits);
    return true;
  }

  void add(double t, std::int64_t bits) { add_at(steps_.step_at(t), t, bits); }

  std::int64_t peak() const {
    std::int64_t most = steps_[0].used;
    for (std::size_t i = 1; i < steps_.size(); ++i) most = std::max(most, steps_[i].used);
    return most;
  }
  std::size_t size() const { return steps_.size(); }
  double time(std::size_t i) const { return steps_[i].time; }
  std::int64_t used(std::size_t i) const { return steps_[i].used; }

 private:
  // `i`: the step in which t lies.
  void add_at(std::size_t i, double t, std::int64_t bits) {
    if (steps_[i].time != t) {
      const std::int64_t used = steps_[i].used;
      if (++i == steps_.size()) return steps_.append(truncated(t), used + bits);
      steps_.insert(i, truncated(t), used);
    }
    for (; i < steps_.size(); ++i) steps_[i].used += bits;
  }

  OccupancySteps steps_;
};

}  // namespace ridgeline::model
