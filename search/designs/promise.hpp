// Which of many designs could add the most to a front, by their bounds.
#pragma once

#include <cstddef>
#include <vector>

namespace ridgeline::search {

// What a design promises is the volume that its bound would add to what the front dominates, in
// logarithms where an objective is positive throughout, scaled over the bounds that no other
// dominates. Smaller objectives are better. Deterministic.
class Promise {
 public:
  // Bounds of the designs; empty ones promise nothing.
  explicit Promise(std::vector<std::vector<double>> bounds);
  const std::vector<std::vector<double>>& bounds() const { return bounds_; }
  // A point that was found: promises fall.
  void found(const std::vector<double>& objectives);
  // Up to `count` designs that were not picked before and promise something, each given that the
  // bounds of those before it were met; the most promising first.
  std::vector<std::size_t> pick(std::size_t count);

 private:
  using Point = std::vector<double>;
  Point scaled(const std::vector<double>& objectives) const;
  static void add(std::vector<Point>& front, const Point& point);
  double gain(const std::vector<Point>& front, const Point& point) const;

  std::vector<std::vector<double>> bounds_;
  std::vector<double> promise_;  // of each design: no less than what it promises now; 0: picked
  std::vector<double> low_, high_;
  std::vector<bool> logarithmic_;
  std::vector<Point> front_;  // scaled
};

}  // namespace ridgeline::search
