// Small fronts of energy and latency in the order of what was found, for searches that ask after
// each point whether it is one. Larger fronts, of any objectives: archive.hpp.
#pragma once

#include <algorithm>
#include <functional>
#include <utility>
#include <vector>

#include "model/core/evaluate.hpp"

namespace ridgeline::search {

// `a` is nowhere worse than `b`; both may be equal.
inline bool nowhere_worse(const model::Cost& a, const model::Cost& b) {
  return a.energy <= b.energy && a.latency <= b.latency;
}

// Whether some point is nowhere worse than `cost`; `cost_of(point)` is a point's cost, by default
// the point itself.
template <class Point, class CostOf = std::identity>
bool covers(const std::vector<Point>& front, const model::Cost& cost, const CostOf& cost_of = {}) {
  return std::any_of(front.begin(), front.end(),
                     [&](const Point& one) { return nowhere_worse(cost_of(one), cost); });
}

// Takes a point in that is not covered; those that it is nowhere worse than leave.
template <class Point, class CostOf = std::identity>
void add_to_front(std::vector<Point>& front, Point point, const CostOf& cost_of = {}) {
  const model::Cost& cost = cost_of(point);
  if (covers(front, cost, cost_of)) return;
  std::erase_if(front, [&](const Point& one) { return nowhere_worse(cost, cost_of(one)); });
  front.push_back(std::move(point));
}

}  // namespace ridgeline::search
