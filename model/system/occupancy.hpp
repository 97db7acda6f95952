// Step functions of time that a schedule grows: bandwidth in use on a link, bits in a memory.
// Nearly all that is asked and changed lies close to their ends, so that is where looking begins.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <utility>

#include "model/core/port_time.hpp"

namespace ridgeline::model {

// Steps by increasing time, the first at 0; a step holds until the next begins. Times that are
// asked for are not negative.
template <class Used>
class OccupancySteps {
 public:
  struct Step {
    double time = 0;
    Used used{};
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

  void append(double t, Used used) {
    if (size_ == capacity_) grow();
    steps_[size_++] = Step{t, used};
  }
  // Moves step i and all after it one place up.
  void insert(std::size_t i, double t, Used used) {
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

// Bandwidth in use on a link over [0, infinity); neighbouring steps differ, so that a link in
// constant use is one step however many transfers it carries.
class LinkOccupancy {
 public:
  void reset() { steps_.reset(); }

  // First time >= `from` at which `demand` more fits under `bandwidth` for `duration`; infinite
  // where it never does.
  double first_window(double from, double duration, double demand, double bandwidth) const {
    const std::size_t n = steps_.size();
    std::size_t i = steps_.step_at(from);
    double begin = from;
    for (;;) {
      while (steps_[i].used + demand > bandwidth) {
        if (++i == n) return std::numeric_limits<double>::infinity();
        begin = steps_[i].time;
      }
      const double end = begin + duration;
      for (;;) {
        if (i + 1 == n || steps_[i + 1].time >= end) return begin;
        ++i;
        if (steps_[i].used + demand > bandwidth) break;
      }
    }
  }

  // Uses `amount` more on [begin, end).
  void add(double begin, double end, double amount) {
    if (!(begin < end) || amount == 0) return;
    if (begin > steps_.back().time) {  // mostly: after all that there is
      const double before = steps_.back().used;
      if (before + amount == before) return;
      steps_.append(begin, before + amount);
      return steps_.append(end, before);
    }
    const std::size_t first = split(begin, steps_.step_at(begin));
    std::size_t last = first;
    while (last + 1 < steps_.size() && steps_[last + 1].time <= end) ++last;
    last = split(end, last);
    for (std::size_t i = first; i < last; ++i) steps_[i].used += amount;
    join(last);
    join(first);
  }

  std::size_t size() const { return steps_.size(); }
  double time(std::size_t i) const { return steps_[i].time; }
  double used(std::size_t i) const { return steps_[i].used; }

 private:
  // Place of a step that begins at t, which lies in step i.
  std::size_t split(double t, std::size_t i) {
    if (steps_[i].time == t) return i;
    if (i + 1 == steps_.size()) {
      steps_.append(t, steps_[i].used);
    } else {
      steps_.insert(i + 1, t, steps_[i].used);
    }
    return i + 1;
  }
  // Drops step i where it goes on as the one before.
  void join(std::size_t i) {
    if (i == 0 || steps_[i].used != steps_[i - 1].used) return;
    steps_.erase(i);
  }

  OccupancySteps<double> steps_;
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

  OccupancySteps<std::int64_t> steps_;
};

}  // namespace ridgeline::model
