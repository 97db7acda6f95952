// Time during which this process was awake, for judging the silence of others.
//
// A job that is suspended (a scheduler that freezes it, a laptop's lid, a stopped container) finds
// on waking that everybody was silent for hours by the clock. What counts is how long it listened.
#pragma once

#include <algorithm>
#include <chrono>

namespace ridgeline::engine {

// Looked at many times a second by the loop that receives messages; between two looks, no more
// passes than kLongestNap, whatever the clock says. Never runs backwards.
class AwakeClock {
 public:
  using Moment = std::chrono::steady_clock::time_point;
  static constexpr std::chrono::milliseconds kLongestNap{250};

  explicit AwakeClock(Moment now = std::chrono::steady_clock::now()) : last_(now) {}

  // Seconds awake until now.
  double look(Moment now = std::chrono::steady_clock::now()) {
    const auto nap = std::clamp<std::chrono::steady_clock::duration>(
        now - last_, std::chrono::steady_clock::duration::zero(), kLongestNap);
    last_ = now;
    awake_ += nap;
    return seconds();
  }
  // As of the last look.
  double seconds() const { return std::chrono::duration<double>(awake_).count(); }

 private:
  Moment last_;
  std::chrono::steady_clock::duration awake_{};
};

}  // namespace ridgeline::engine
