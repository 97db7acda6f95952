// Step functions of time that a schedule grows: bandwidth in use on a link, bits in a memory.
// Nearly all that is asked and changed lies close to their ends, so that is where looking begins.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include "model/core/port_time.hpp"

namespace ridgeline::model {

// Steps by increasing time; a step holds until the next begins. There is always one.
template <class Used>
class OccupancySteps {
 public:
  struct Step {
    double time = 0;
    Used used{};
  };

  OccupancySteps() : steps_(8) {}

  void reset() {
    steps_[0] = Step{};
    size_ = 1;
  }

  std::size_t size() const { return size_; }
  Step& operator[](std::size_t i) { return steps_[i]; }
  const Step& operator[](std::size_t i) const { return steps_[i]; }
  const Step& back() const { return steps_[size_ - 1]; }

  // The last step that begins at t or before; the first where none does.
  std::size_t step_at(double t) const {
    constexpr std::size_t kNear = 12;
    std::size_t i = size_ - 1;
    const std::size_t far = i > kNear ? i - kNear : 0;
    while (i > far && steps_[i].time > t) --i;
    if (i > far || steps_[i].time <= t) return i;
    const auto after =
        std::upper_bound(steps_.begin(), steps_.begin() + static_cast<std::ptrdiff_t>(i), t,
                         [](double a, const Step& step) { return a < step.time; });
    return after == steps_.begin() ? 0 : static_cast<std::size_t>(after - steps_.begin()) - 1;
  }

  void append(double t, Used used) {
    make_room();
    steps_[size_++] = Step{t, used};
  }
  // Moves step i and all after it one place up, each with `more` in use.
  void insert(std::size_t i, double t, Used used, Used more) {
    make_room();
    for (std::size_t j = size_++; j > i; --j) {
      steps_[j] = Step{steps_[j - 1].time, steps_[j - 1].used + more};
    }
    steps_[i] = Step{t, used};
  }
  void erase(std::size_t i) {
    std::copy(steps_.begin() + static_cast<std::ptrdiff_t>(i) + 1,
              steps_.begin() + static_cast<std::ptrdiff_t>(size_),
              steps_.begin() + static_cast<std::ptrdiff_t>(i));
    --size_;
  }

 private:
  void make_room() {
    if (size_ == steps_.size()) steps_.resize(2 * size_);
  }

  std::vector<Step> steps_;  // storage; those from size_ on mean nothing
  std::size_t size_ = 1;
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
      steps_.insert(i + 1, t, steps_[i].used, 0);
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
    // The step in which t lies counts too; before the first, that is the first.
    for (; i > 0 && steps_[i].time > t; --i) {
      if (steps_[i - 1].used > most) return steps_[i].time;
    }
    return t;
  }

  // Adds bits from t on, unless they would then exceed `capacity` at a step that begins at t or
  // later, or with `now` in the step at t as well: false.
  bool add_within(double t, std::int64_t bits, std::int64_t capacity, bool now) {
    const std::size_t at = steps_.step_at(t);
    for (std::size_t i = !now && steps_[at].time < t ? at + 1 : at; i < steps_.size(); ++i) {
      if (steps_[i].used + bits > capacity) return false;
    }
    add_at(at, t, bits);
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
      steps_.insert(i + 1, truncated(t), steps_[i].used + bits, bits);
    } else {
      for (; i < steps_.size(); ++i) steps_[i].used += bits;
    }
  }

  OccupancySteps<std::int64_t> steps_;
};

}  // namespace ridgeline::model
