// Step functions of time that a schedule grows: bandwidth in use on a link, bits in a memory.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

namespace ridgeline::model {

// Bandwidth in use on a link over [0, infinity); neighbouring steps differ, so that a link in
// constant use is one step however many transfers it carries.
class LinkOccupancy {
 public:
  LinkOccupancy() { reset(); }

  void reset() {
    time_.assign(1, 0.0);
    used_.assign(1, 0.0);
  }

  // First time >= `from` at which `demand` more fits under `bandwidth` for `duration`; infinite
  // where it never does.
  double first_window(double from, double duration, double demand, double bandwidth) const {
    const std::size_t n = time_.size();
    std::size_t i = step_at(from);
    double begin = from;
    for (;;) {
      while (used_[i] + demand > bandwidth) {
        if (++i == n) return std::numeric_limits<double>::infinity();
        begin = time_[i];
      }
      const double end = begin + duration;
      for (;;) {
        if (i + 1 == n || time_[i + 1] >= end) return begin;
        ++i;
        if (used_[i] + demand > bandwidth) break;
      }
    }
  }

  // Uses `amount` more on [begin, end).
  void add(double begin, double end, double amount) {
    if (!(begin < end) || amount == 0) return;
    const std::size_t first = split(begin);
    const std::size_t last = split(end);
    for (std::size_t i = first; i < last; ++i) used_[i] += amount;
    join(last);
    join(first);
  }

  std::size_t size() const { return time_.size(); }
  double time(std::size_t i) const { return time_[i]; }
  double used(std::size_t i) const { return used_[i]; }

 private:
  std::size_t step_at(double t) const {
    if (t >= time_.back()) return time_.size() - 1;
    const auto after = std::upper_bound(time_.begin(), time_.end(), t);
    return after == time_.begin() ? 0 : static_cast<std::size_t>(after - time_.begin()) - 1;
  }
  // Place of a step that begins at t.
  std::size_t split(double t) {
    const std::size_t i = step_at(t);
    if (time_[i] == t) return i;
    const auto at = static_cast<std::ptrdiff_t>(i + 1);
    const double used = used_[i];
    time_.insert(time_.begin() + at, t);
    used_.insert(used_.begin() + at, used);
    return i + 1;
  }
  // Drops step i where it goes on as the one before.
  void join(std::size_t i) {
    if (i == 0 || used_[i] != used_[i - 1]) return;
    const auto at = static_cast<std::ptrdiff_t>(i);
    time_.erase(time_.begin() + at);
    used_.erase(used_.begin() + at);
  }

  std::vector<double> time_;
  std::vector<double> used_;
};

// Bits stored in a memory. Times are cut to whole cycles when a step is made, but compared
// uncut, so equal fractional times make repeated steps (docs/multicore.md, 5).
class MemoryOccupancy {
 public:
  MemoryOccupancy() { reset(); }

  void reset() {
    time_.assign(1, 0.0);
    used_.assign(1, 0);
  }

  std::size_t step_at(double t) const {
    if (t >= time_.back()) return time_.size() - 1;
    const auto after = std::upper_bound(time_.begin(), time_.end(), t);
    return after == time_.begin() ? 0 : static_cast<std::size_t>(after - time_.begin()) - 1;
  }

  std::int64_t used_at(double t) const { return used_[step_at(t)]; }

  // Earliest time >= t from which `bits` more never exceed `capacity`, or the last step where
  // they always do.
  double room_from(double t, std::int64_t bits, std::int64_t capacity) const {
    if (t >= time_.back()) return t;
    const std::size_t first = step_at(t);
    for (std::size_t i = time_.size(); i-- > first;) {
      if (used_[i] + bits > capacity) {
        return i + 1 == time_.size() ? time_[i] : time_[i + 1];
      }
    }
    return t;
  }

  // Whether `bits` more would exceed `capacity` at a step that begins at t or later, or with
  // `now` in the step at t as well.
  bool overflows(double t, std::int64_t bits, std::int64_t capacity, bool now) const {
    std::size_t i = step_at(t);
    if (!now && time_[i] < t) ++i;
    for (; i < time_.size(); ++i) {
      if (used_[i] + bits > capacity) return true;
    }
    return false;
  }

  void add(double t, std::int64_t bits) {
    std::size_t i = step_at(t);
    if (time_[i] != t) {
      const auto at = static_cast<std::ptrdiff_t>(i + 1);
      const std::int64_t used = used_[i];
      time_.insert(time_.begin() + at, std::trunc(t));
      used_.insert(used_.begin() + at, used);
      ++i;
    }
    for (; i < used_.size(); ++i) used_[i] += bits;
  }

  std::int64_t peak() const { return *std::max_element(used_.begin(), used_.end()); }
  std::size_t size() const { return time_.size(); }
  double time(std::size_t i) const { return time_[i]; }
  std::int64_t used(std::size_t i) const { return used_[i]; }

 private:
  std::vector<double> time_;
  std::vector<std::int64_t> used_;
};

}  // namespace ridgeline::model
