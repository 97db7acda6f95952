// How often master and workers speak to each other: a message costs the master time, however much
// is in it, so the more ranks there are, the more work goes into one.
#pragma once

#include <algorithm>
#include <cstddef>

namespace ridgeline::engine {

// A worker holds work for about so long, where items are short (bench/simulate_ranks.cpp).
inline double lead_seconds(std::size_t ranks) {
  return std::max(0.2, 1.2e-4 * static_cast<double>(ranks));
}

inline constexpr std::size_t kManyFinished = 256;
inline constexpr double kReportEvery = 0.5;  // seconds

// Whether a worker tells what it has finished although more is waiting to be begun: `finished`
// results, the first of them since `seconds`, of the `held` items that it had when it was last
// given some. Early enough to be given more before it has none.
inline bool time_to_report(std::size_t finished, double seconds, std::size_t held) {
  return finished > 0 &&
         (4 * finished >= held || finished >= kManyFinished || seconds >= kReportEvery);
}

}  // namespace ridgeline::engine
