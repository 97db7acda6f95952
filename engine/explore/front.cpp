#include "engine/explore/front.hpp"

#include <algorithm>
#include <mutex>

namespace ridgeline::engine {

bool dominates(std::span<const double> x, std::span<const double> y) {
  bool better = false;
  for (std::size_t i = 0; i < x.size(); ++i) {
    if (!(x[i] <= y[i])) return false;
    better = better || x[i] < y[i];
  }
  return better;
}

void Front::add(FrontPoint point) {
  const std::unique_lock lock(mutex_);
  for (const Entry& entry : entries_)
    if (entry.until == kAlways && engine::dominates(entry.point.objectives, point.objectives))
      return;
  for (Entry& entry : entries_)
    if (entry.until == kAlways && engine::dominates(point.objectives, entry.point.objectives)) {
      entry.until = point.since;
      --members_;
    }
  // A point that came and went between two fronts was on none.
  std::erase_if(entries_, [](const Entry& entry) { return entry.until <= entry.point.since; });
  entries_.push_back({std::move(point), kAlways});
  ++members_;
}

bool Front::dominates(std::span<const double> objectives, std::uint32_t blocks) const {
  const std::shared_lock lock(mutex_);
  for (const Entry& entry : entries_)
    if (entry.point.since <= blocks && blocks < entry.until &&
        engine::dominates(entry.point.objectives, objectives))
      return true;
  return false;
}

void Front::forget(std::uint32_t blocks) {
  const std::unique_lock lock(mutex_);
  std::erase_if(entries_, [&](const Entry& entry) { return entry.until <= blocks; });
}

std::vector<FrontPoint> Front::members() const {
  std::vector<FrontPoint> points;
  {
    const std::shared_lock lock(mutex_);
    points.reserve(members_);
    for (const Entry& entry : entries_)
      if (entry.until == kAlways) points.push_back(entry.point);
  }
  std::sort(points.begin(), points.end(), [](const FrontPoint& x, const FrontPoint& y) {
    return x.objectives != y.objectives ? x.objectives < y.objectives : x.id < y.id;
  });
  return points;
}

std::size_t Front::size() const {
  const std::shared_lock lock(mutex_);
  return members_;
}

std::vector<FrontPoint> Front::since(std::uint32_t blocks) const {
  std::vector<FrontPoint> points;
  const std::shared_lock lock(mutex_);
  for (const Entry& entry : entries_)
    if (entry.point.since > blocks) points.push_back(entry.point);
  return points;
}

namespace {

// Volume of the first `dims` objectives; the points are all below the reference there.
double volume(std::vector<const double*> points, const std::vector<double>& reference,
              std::size_t dims) {
  if (points.empty()) return 0;
  const std::size_t last = dims - 1;
  std::sort(points.begin(), points.end(),
            [&](const double* x, const double* y) { return x[last] < y[last]; });
  if (dims == 1) return reference[0] - points[0][0];
  double total = 0;
  if (dims == 2) {
    double lowest = reference[0];
    for (std::size_t i = 0; i < points.size(); ++i) {
      lowest = std::min(lowest, points[i][0]);
      const double end = i + 1 < points.size() ? points[i + 1][1] : reference[1];
      total += (end - points[i][1]) * (reference[0] - lowest);
    }
    return total;
  }
  std::vector<const double*> slice;
  for (std::size_t i = 0; i < points.size(); ++i) {
    slice.push_back(points[i]);
    const double end = i + 1 < points.size() ? points[i + 1][last] : reference[last];
    if (end > points[i][last]) total += (end - points[i][last]) * volume(slice, reference, last);
  }
  return total;
}

}  // namespace

double hypervolume(std::vector<std::vector<double>> points, const std::vector<double>& reference) {
  std::vector<const double*> inside;
  for (const auto& point : points) {
    bool below = true;
    for (std::size_t i = 0; i < reference.size(); ++i) below = below && point[i] < reference[i];
    if (below) inside.push_back(point.data());
  }
  return reference.empty() ? 0 : volume(std::move(inside), reference, reference.size());
}

}  // namespace ridgeline::engine
