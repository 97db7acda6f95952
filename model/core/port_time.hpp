// How transfers share a port's time (docs/model.md, 6): what their windows cover together, and
// how loading takes the time that the computation leaves. Only for evaluate.cpp; inline, as its
// inner loop.
#pragma once

#include <array>
#include <cstddef>

#include "model/core/limits.hpp"

namespace ridgeline::model {

// Truncation and ceiling without the library's, which are calls below SSE 4.1: adding 2^52 leaves
// no bits for a fraction. Values are not negative; from 2^52 on they are whole.
inline constexpr double kNoFraction = 4503599627370496.0;
inline double truncated(double x) {
  if (x >= kNoFraction) return x;
  const double nearest = (x + kNoFraction) - kNoFraction;
  return nearest > x ? nearest - 1 : nearest;
}
inline double rounded_up(double x) {
  if (x >= kNoFraction) return x;
  const double nearest = (x + kNoFraction) - kNoFraction;
  return nearest < x ? nearest + 1 : nearest;
}

// One (operand, memory level, direction) that moves data in the integer version.
struct PortUse {
  double count;  // 0: moves nothing
  double period;
  double real;     // cycles a transfer takes
  double allowed;  // cycles it may take
  double loading;
};

// Cycles of one largest period in which at least one link may transfer, times the number of
// those periods (6.5). Periods are nested: each divides the next larger one.
inline double window_union(const PortUse* const* links, int count) {
  std::array<const PortUse*, kMaxLinks> sorted;
  for (int i = 0; i < count; ++i) {
    if (links[i]->period == links[i]->allowed) return links[i]->period * links[i]->count;
    // Few links: insertion sort by period.
    int j = i;
    for (; j > 0 && sorted[j - 1]->period > links[i]->period; --j) sorted[j] = sorted[j - 1];
    sorted[j] = links[i];
  }
  // full[k]: cycles of one period of link k that links 0..k cover; at_allowed[k]: cycles of
  // [0, allowed of link k) that links 0..k-1 cover.
  std::array<double, kMaxLinks> full;
  std::array<double, kMaxLinks> at_allowed;
  for (int k = 0; k < count; ++k) {
    const auto covered = [&](double x) {  // by links 0..k-1 in [0, x)
      double sum = 0;
      for (int i = k - 1; i >= 0; --i) {
        const double period = sorted[i]->period;
        const double allowed = sorted[i]->allowed;
        const double rounds = truncated(x / period);
        sum += rounds * full[i];
        x -= rounds * period;
        if (x <= allowed) return sum + x;
        // The rest of this period: its own window, then what inner links cover beyond it.
        sum += allowed - at_allowed[i];
      }
      return sum;
    };
    const double period = sorted[k]->period;
    const double allowed = sorted[k]->allowed;
    at_allowed[k] = covered(allowed);
    full[k] = allowed + covered(period) - at_allowed[k];
  }
  return full[count - 1] * sorted[count - 1]->count;
}

// Spreads a surplus of cycles over loading times, largest first (6.7). Floors are not
// protected: values may fall below them, or below 0.
inline void level(double* value, const double* floor_value, int count, double surplus) {
  if (surplus <= 0 || count == 0) return;
  std::array<int, kMaxLinks> order;
  for (int i = 0; i < count; ++i) {
    int j = i;
    for (; j > 0 && value[order[j - 1]] < value[i]; --j) order[j] = order[j - 1];
    order[j] = i;
  }
  for (int i = 0; i < count; ++i) {
    const int current = order[i];
    const double positions = i + 1;
    const double delta = value[current] - floor_value[current];
    const double cost = delta * positions;
    if (surplus >= cost) {
      for (int j = 0; j <= i; ++j) value[order[j]] -= delta;
      surplus -= cost;
    } else {
      const double share = surplus / positions;
      for (int j = 0; j <= i; ++j) value[order[j]] -= share;
      return;
    }
  }
}

}  // namespace ridgeline::model
