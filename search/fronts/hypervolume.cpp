#include "search/fronts/hypervolume.hpp"

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <map>

namespace ridgeline::search {
namespace {

// Area below (reference_x, reference_y) that the points of a plane dominate, kept while they come.
class Area {
 public:
  Area(double reference_x, double reference_y)
      : reference_x_(reference_x), reference_y_(reference_y) {}

  void add(double x, double y) {
    auto after = steps_.upper_bound(x);
    if (after != steps_.begin() && std::prev(after)->second <= y) return;
    // Level of what was dominated at x, going down step by step to the right.
    double level = after == steps_.begin() ? reference_y_ : std::prev(after)->second;
    double from = x;
    auto at = steps_.lower_bound(x);
    if (at != steps_.end() && at->first == x) at = steps_.erase(at);
    while (at != steps_.end() && at->second >= y) {
      total_ += (at->first - from) * (level - y);
      from = at->first;
      level = at->second;
      at = steps_.erase(at);
    }
    const double to = at == steps_.end() ? reference_x_ : at->first;
    total_ += (to - from) * (level - y);
    steps_.emplace_hint(at, x, y);
  }
  double total() const { return total_; }

 private:
  double reference_x_;
  double reference_y_;
  double total_ = 0;
  std::map<double, double> steps_;  // x to y, which falls while x rises
};

// Volume of the first `dims` objectives; the points are all below the reference there.
double volume(std::vector<const double*> points, const std::vector<double>& reference,
              std::size_t dims) {
  if (points.empty()) return 0;
  const std::size_t last = dims - 1;
  std::sort(points.begin(), points.end(),
            [&](const double* x, const double* y) { return x[last] < y[last]; });
  if (dims == 1) return reference[0] - points[0][0];
  double total = 0;
  Area area(reference[0], reference[1]);
  double lowest = reference[0];
  std::vector<const double*> slice;
  for (std::size_t i = 0; i < points.size(); ++i) {
    if (dims == 2) lowest = std::min(lowest, points[i][0]);
    if (dims == 3) area.add(points[i][0], points[i][1]);
    if (dims > 3) slice.push_back(points[i]);
    const double end = i + 1 < points.size() ? points[i + 1][last] : reference[last];
    const double height = end - points[i][last];
    if (!(height > 0)) continue;
    total += height * (dims == 2   ? reference[0] - lowest
                       : dims == 3 ? area.total()
                                   : volume(slice, reference, last));
  }
  return total;
}

}  // namespace

double hypervolume(const std::vector<std::vector<double>>& points,
                   const std::vector<double>& reference) {
  std::vector<const double*> inside;
  for (const auto& point : points) {
    bool below = true;
    for (std::size_t i = 0; i < reference.size(); ++i) below = below && point[i] < reference[i];
    if (below) inside.push_back(point.data());
  }
  return reference.empty() ? 0 : volume(std::move(inside), reference, reference.size());
}

}  // namespace ridgeline::search
