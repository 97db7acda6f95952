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

FrontPoint Front::point(std::size_t entry) const {
  const auto values = objectives(entry);
  return {entries_[entry].id, {values.begin(), values.end()}, entries_[entry].since};
}

void Front::erase_until(std::uint32_t blocks) {
  std::size_t kept = 0;
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    if (entries_[i].until <= blocks) continue;
    if (kept != i) {
      entries_[kept] = std::move(entries_[i]);
      std::copy_n(values_.begin() + static_cast<std::ptrdiff_t>(i * width_), width_,
                  values_.begin() + static_cast<std::ptrdiff_t>(kept * width_));
    }
    ++kept;
  }
  entries_.resize(kept);
  values_.resize(kept * width_);
}

void Front::add(FrontPoint point) {
  const std::unique_lock lock(mutex_);
  if (entries_.empty()) width_ = point.objectives.size();
  const double* fresh = point.objectives.data();
  bool dominates_some = false;
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    Entry& entry = entries_[i];
    if (entry.until != kAlways) continue;
    const double* old = values_.data() + i * width_;
    bool old_no_worse = true;
    bool fresh_no_worse = true;
    for (std::size_t o = 0; o < width_; ++o) {
      old_no_worse = old_no_worse && old[o] <= fresh[o];
      fresh_no_worse = fresh_no_worse && fresh[o] <= old[o];
    }
    if (old_no_worse && fresh_no_worse) {
      entry.equal.push_back(point.id);
      ++members_;
    }
    // What one member is no better than dominates none of the others.
    if (old_no_worse) return;
    if (!fresh_no_worse) continue;
    dominates_some = true;
    entry.until = point.since;
    members_ -= 1 + entry.equal.size();
  }
  // A point that came and went between two fronts was on none.
  if (dominates_some)
    for (Entry& entry : entries_)
      if (entry.until == point.since && entry.since == point.since) entry.until = 0;
  if (dominates_some) erase_until(0);
  entries_.push_back({point.id, point.since, kAlways, {}});
  values_.insert(values_.end(), point.objectives.begin(), point.objectives.end());
  ++members_;
}

bool Front::dominates(std::span<const double> probe, std::uint32_t blocks) const {
  const std::shared_lock lock(mutex_);
  for (std::size_t i = 0; i < entries_.size(); ++i)
    if (entries_[i].since <= blocks && blocks < entries_[i].until &&
        engine::dominates(objectives(i), probe))
      return true;
  return false;
}

void Front::forget(std::uint32_t blocks) {
  const std::unique_lock lock(mutex_);
  if (std::any_of(entries_.begin(), entries_.end(),
                  [&](const Entry& entry) { return entry.until <= blocks; }))
    erase_until(blocks);
}

std::vector<FrontPoint> Front::members() const {
  std::vector<FrontPoint> points;
  {
    const std::shared_lock lock(mutex_);
    points.reserve(members_);
    for (std::size_t i = 0; i < entries_.size(); ++i) {
      if (entries_[i].until != kAlways) continue;
      points.push_back(point(i));
      for (const std::uint64_t id : entries_[i].equal) {
        points.push_back(point(i));
        points.back().id = id;
      }
    }
  }
  std::sort(points.begin(), points.end(), [](const FrontPoint& x, const FrontPoint& y) {
    return x.objectives != y.objectives ? x.objectives < y.objectives : x.id < y.id;
  });
  return points;
}

std::vector<std::vector<double>> Front::vectors() const {
  std::vector<std::vector<double>> vectors;
  const std::shared_lock lock(mutex_);
  for (std::size_t i = 0; i < entries_.size(); ++i)
    if (entries_[i].until == kAlways)
      vectors.emplace_back(objectives(i).begin(), objectives(i).end());
  return vectors;
}

std::size_t Front::size() const {
  const std::shared_lock lock(mutex_);
  return members_;
}

std::vector<FrontPoint> Front::since(std::uint32_t blocks) const {
  std::vector<FrontPoint> points;
  const std::shared_lock lock(mutex_);
  for (std::size_t i = 0; i < entries_.size(); ++i)
    if (entries_[i].since > blocks) points.push_back(point(i));
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
