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

// Steps by increasing time; a step holds until the next begins.
template <class Used>
struct OccupancySteps {
  struct Step {
    double time = 0;
    Used used{};
  };
  std::vector<Step> steps;

  void reset() { steps.assign(1, Step{}); }

  // The last step that begins at t or before; the first where none does.
  std::size_t step_at(double t) const {
    constexpr std::size_t kNear = 12;
    std::size_t i = steps.size() - 1;
    const std::size_t far = i > kNear ? i - kNear : 0;
    while (i > far && steps[i].time > t) --i;
    if (i > far || steps[i].time <= t) return i;
    const auto after =
        std::upper_bound(steps.begin(), steps.begin() + static_cast<std::ptrdiff_t>(i), t,
                         [](double a, const Step& step) { return a < step.time; });
    return after == steps.begin() ? 0 : static_cast<std::size_t>(after - steps.begin()) - 1;
  }
  void insert(std::size_t i, double t, Used used) {
    steps.insert(steps.begin() + static_cast<std::ptrdiff_t>(i), Step{t, used});
  }
};

// Bandwidth in use on a link over [0, infinity); neighbouring steps differ, so that a link in
// constant use is one step however many transfers it carries.
class LinkOccupancy {
 public:
  LinkOccupancy() { reset(); }

  void reset() { profile_.reset(); }

  // First time >= `from` at which `demand` more fits under `bandwidth` for `duration`; infinite
  // where it never does.
  double first_window(double from, double duration, double demand, double bandwidth) const {
    const auto& steps = profile_.steps;
    const std::size_t n = steps.size();
    std::size_t i = profile_.step_at(from);
    double begin = from;
    for (;;) {
      while (steps[i].used + demand > bandwidth) {
        if (++i == n) return std::numeric_limits<double>::infinity();
        begin = steps[i].time;
      }
      const double end = begin + duration;
      for (;;) {
        if (i + 1 == n || steps[i + 1].time >= end) return begin;
        ++i;
        if (steps[i].used + demand > bandwidth) break;
      }
    }
  }

  // Uses `amount` more on [begin, end).
  void add(double begin, double end, double amount) {
    if (!(begin < end) || amount == 0) return;
    const std::size_t first = split(begin, profile_.step_at(begin));
    std::size_t last = first;
    auto& steps = profile_.steps;
    while (last + 1 < steps.size() && steps[last + 1].time <= end) ++last;
    last = split(end, last);
    for (std::size_t i = first; i < last; ++i) steps[i].used += amount;
    join(last);
    join(first);
  }

  std::size_t size() const { return profile_.steps.size(); }
  double time(std::size_t i) const { return profile_.steps[i].time; }
  double used(std::size_t i) const { return profile_.steps[i].used; }

 private:
  // Place of a step that begins at t, which lies in step i.
  std::size_t split(double t, std::size_t i) {
    if (profile_.steps[i].time == t) return i;
    profile_.insert(i + 1, t, profile_.steps[i].used);
    return i + 1;
  }
  // Drops step i where it goes on as the one before.
  void join(std::size_t i) {
    auto& steps = profile_.steps;
    if (i == 0 || steps[i].used != steps[i - 1].used) return;
    steps.erase(steps.begin() + static_cast<std::ptrdiff_t>(i));
  }

  OccupancySteps<double> profile_;
};

// Bits stored in a memory. Times are cut to whole cycles when a step is made, but compared
// uncut, so equal fractional times make repeated steps (docs/multicore.md, 5).
class MemoryOccupancy {
 public:
  MemoryOccupancy() { reset(); }

  void reset() { profile_.reset(); }

  std::int64_t used_at(double t) const { return profile_.steps[profile_.step_at(t)].used; }

  // Earliest time >= t from which `bits` more never exceed `capacity`, or the last step where
  // they always do.
  double room_from(double t, std::int64_t bits, std::int64_t capacity) const {
    const auto& steps = profile_.steps;
    if (t >= steps.back().time) return t;
    const std::size_t first = profile_.step_at(t);
    for (std::size_t i = steps.size(); i-- > first;) {
      if (steps[i].used + bits > capacity) {
        return i + 1 == steps.size() ? steps[i].time : steps[i + 1].time;
      }
    }
    return t;
  }

  // Adds bits from t on, unless they would then exceed `capacity` at a step that begins at t or
  // later, or with `now` in the step at t as well: false.
  bool add_within(double t, std::int64_t bits, std::int64_t capacity, bool now) {
    const auto& steps = profile_.steps;
    const std::size_t at = profile_.step_at(t);
    for (std::size_t i = !now && steps[at].time < t ? at + 1 : at; i < steps.size(); ++i) {
      if (steps[i].used + bits > capacity) return false;
    }
    add_at(at, t, bits);
    return true;
  }

  void add(double t, std::int64_t bits) { add_at(profile_.step_at(t), t, bits); }

  std::int64_t peak() const {
    std::int64_t most = profile_.steps.front().used;
    for (const auto& step : profile_.steps) most = std::max(most, step.used);
    return most;
  }
  std::size_t size() const { return profile_.steps.size(); }
  double time(std::size_t i) const { return profile_.steps[i].time; }
  std::int64_t used(std::size_t i) const { return profile_.steps[i].used; }

 private:
  // `i`: the step in which t lies.
  void add_at(std::size_t i, double t, std::int64_t bits) {
    auto& steps = profile_.steps;
    if (steps[i].time != t) {
      profile_.insert(i + 1, truncated(t), steps[i].used);
      ++i;
    }
    for (; i < steps.size(); ++i) steps[i].used += bits;
  }

  OccupancySteps<std::int64_t> profile_;
};

}  // namespace ridgeline::model
