// The lower-left boundary of points in a plane: what sweeps over sorted points look up.
#pragma once

#include <iterator>
#include <map>

namespace ridgeline::search {

// Points of which none is nowhere worse than another: y falls while x rises.
class Staircase {
 public:
  // Whether a point is nowhere worse than (x, y).
  bool covers(double x, double y) const {
    const auto after = steps_.upper_bound(x);
    return after != steps_.begin() && std::prev(after)->second <= y;
  }
  // Takes in a point that is not covered; those that it is nowhere worse than leave.
  void insert(double x, double y) {
    auto at = steps_.lower_bound(x);
    while (at != steps_.end() && at->second >= y) at = steps_.erase(at);
    steps_.emplace_hint(at, x, y);
  }
  const std::map<double, double>& steps() const { return steps_; }

 private:
  std::map<double, double> steps_;  // x to y
};

}  // namespace ridgeline::search
