#include "search/designs/versioned_front.hpp"

#include <algorithm>
#include <utility>

#include "search/fronts/pareto.hpp"

namespace ridgeline::search {

FrontPoint VersionedFront::point(std::size_t entry) const {
  const auto values = objectives(entry);
  return {entries_[entry].id, {values.begin(), values.end()}, entries_[entry].since};
}

void VersionedFront::erase_until(std::uint32_t blocks) {
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

void VersionedFront::add(std::vector<FrontPoint> points) {
  for (std::size_t begin = 0; begin < points.size();) {
    std::size_t end = begin;
    while (end < points.size() && points[end].since == points[begin].since) ++end;
    add_block(std::span<const FrontPoint>(points).subspan(begin, end - begin));
    begin = end;
  }
}

// All of the same number of blocks. A point that came and went between two fronts was on none.
void VersionedFront::add_block(std::span<const FrontPoint> points) {
  if (entries_.empty()) width_ = points.front().objectives.size();
  const std::uint32_t since = points.front().since;
  // Rows: the entries on the newest front, then the points.
  std::vector<std::size_t> live;
  std::vector<double> matrix;
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    if (entries_[i].until != kAlways) continue;
    live.push_back(i);
    const auto values = objectives(i);
    matrix.insert(matrix.end(), values.begin(), values.end());
  }
  for (const FrontPoint& p : points)
    matrix.insert(matrix.end(), p.objectives.begin(), p.objectives.end());
  const std::vector<std::size_t> front = non_dominated_rows(matrix, width_);
  const auto equal = [&](std::size_t a, std::size_t b) {
    return std::equal(matrix.begin() + static_cast<std::ptrdiff_t>(a * width_),
                      matrix.begin() + static_cast<std::ptrdiff_t>((a + 1) * width_),
                      matrix.begin() + static_cast<std::ptrdiff_t>(b * width_));
  };
  std::vector<bool> stays(live.size(), false);
  std::vector<std::vector<std::size_t>> fresh;  // groups of equal points, the first to come first
  for (std::size_t k = 0; k < front.size();) {
    std::size_t end = k + 1;
    while (end < front.size() && equal(front[k], front[end])) ++end;
    if (front[k] < live.size()) {
      stays[front[k]] = true;
      for (std::size_t i = k + 1; i < end; ++i)
        entries_[live[front[k]]].equal.push_back(points[front[i] - live.size()].id);
      members_ += end - k - 1;
    } else {
      fresh.emplace_back();
      for (std::size_t i = k; i < end; ++i) fresh.back().push_back(front[i] - live.size());
    }
    k = end;
  }
  bool obsolete = false;
  for (std::size_t i = 0; i < live.size(); ++i) {
    if (stays[i]) continue;
    Entry& entry = entries_[live[i]];
    members_ -= 1 + entry.equal.size();
    entry.until = entry.since == since ? 0 : since;
    obsolete = obsolete || entry.until == 0;
  }
  if (obsolete) erase_until(0);
  std::sort(fresh.begin(), fresh.end());
  for (const std::vector<std::size_t>& group : fresh) {
    Entry entry{points[group.front()].id, since, kAlways, {}};
    for (std::size_t i = 1; i < group.size(); ++i) entry.equal.push_back(points[group[i]].id);
    members_ += group.size();
    entries_.push_back(std::move(entry));
    const auto& values = points[group.front()].objectives;
    values_.insert(values_.end(), values.begin(), values.end());
  }
}

// What entered by then and was dominated by then is dominated by what is looked at as well.
bool VersionedFront::dominates(std::span<const double> probe, std::uint32_t blocks) const {
  for (std::size_t i = 0; i < entries_.size(); ++i)
    if (entries_[i].since <= blocks && search::dominates(objectives(i), probe)) return true;
  return false;
}

void VersionedFront::forget(std::uint32_t blocks) {
  if (std::any_of(entries_.begin(), entries_.end(),
                  [&](const Entry& entry) { return entry.until <= blocks; }))
    erase_until(blocks);
}

std::vector<FrontPoint> VersionedFront::members() const {
  std::vector<FrontPoint> points;
  points.reserve(members_);
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    if (entries_[i].until != kAlways) continue;
    points.push_back(point(i));
    for (const std::uint64_t id : entries_[i].equal) {
      points.push_back(point(i));
      points.back().id = id;
    }
  }
  std::sort(points.begin(), points.end(), [](const FrontPoint& x, const FrontPoint& y) {
    return x.objectives != y.objectives ? x.objectives < y.objectives : x.id < y.id;
  });
  return points;
}

std::vector<std::vector<double>> VersionedFront::vectors() const {
  std::vector<std::vector<double>> vectors;
  for (std::size_t i = 0; i < entries_.size(); ++i)
    if (entries_[i].until == kAlways)
      vectors.emplace_back(objectives(i).begin(), objectives(i).end());
  return vectors;
}

std::vector<FrontPoint> VersionedFront::since(std::uint32_t blocks) const {
  std::vector<FrontPoint> points;
  for (std::size_t i = 0; i < entries_.size(); ++i)
    if (entries_[i].since > blocks) points.push_back(point(i));
  return points;
}

}  // namespace ridgeline::search
