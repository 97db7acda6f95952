#include "search/designs/promise.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <queue>
#include <utility>

#include "search/fronts/hypervolume.hpp"
#include "search/fronts/pareto.hpp"

namespace ridgeline::search {
namespace {

// Where volumes end, in the scale in which the best bounds run from 0 to 1. What is found is worse
// than its bound, so that a front reaches further than they do.
constexpr double kEnd = 1.5;
constexpr double kNothing = 1e-12;  // what rounding leaves of a volume

bool weakly_dominates(const std::vector<double>& a, const std::vector<double>& b) {
  for (std::size_t o = 0; o < a.size(); ++o)
    if (!(a[o] <= b[o])) return false;
  return true;
}

}  // namespace

Promise::Promise(std::vector<std::vector<double>> bounds)
    : bounds_(std::move(bounds)), promise_(bounds_.size(), 0) {
  std::vector<Fitness> points;
  std::vector<std::size_t> known;
  for (std::size_t i = 0; i < bounds_.size(); ++i) {
    if (bounds_[i].empty()) continue;
    points.push_back({bounds_[i], 0});
    known.push_back(i);
  }
  if (known.empty()) return;
  const std::size_t width = points.front().objectives.size();
  low_.assign(width, std::numeric_limits<double>::infinity());
  high_.assign(width, -std::numeric_limits<double>::infinity());
  logarithmic_.assign(width, true);
  for (const Fitness& point : points)
    for (std::size_t o = 0; o < width; ++o)
      if (!(point.objectives[o] > 0)) logarithmic_[o] = false;
  const std::vector<int> ranks = non_dominated_ranks(points);
  for (std::size_t k = 0; k < points.size(); ++k) {
    if (ranks[k] != 0) continue;
    for (std::size_t o = 0; o < width; ++o) {
      low_[o] = std::min(low_[o], points[k].objectives[o]);
      high_[o] = std::max(high_[o], points[k].objectives[o]);
    }
  }
  for (const std::size_t i : known) promise_[i] = std::numeric_limits<double>::infinity();
}

Promise::Point Promise::scaled(const std::vector<double>& objectives) const {
  Point point(objectives.size());
  for (std::size_t o = 0; o < point.size(); ++o) {
    const bool logarithmic = logarithmic_[o] && objectives[o] > 0;
    const double range = logarithmic ? std::log(high_[o] / low_[o]) : high_[o] - low_[o];
    const double way = logarithmic ? std::log(objectives[o] / low_[o]) : objectives[o] - low_[o];
    // Where all bounds agree, what is worse counts by itself.
    point[o] = range > 0 ? way / range : way;
  }
  return point;
}

void Promise::add(std::vector<Point>& front, const Point& point) {
  for (const Point& other : front)
    if (weakly_dominates(other, point)) return;
  std::erase_if(front, [&](const Point& other) { return weakly_dominates(point, other); });
  front.push_back(point);
}

void Promise::found(const std::vector<double>& objectives) {
  if (low_.empty() || objectives.size() != low_.size()) return;
  add(front_, scaled(objectives));
}

// What the point adds is its own box without what the others dominate of it: they are cut to the
// box.
double Promise::gain(const std::vector<Point>& front, const Point& point) const {
  const std::vector<double> reference(point.size(), kEnd);
  double box = 1;
  for (const double coordinate : point) box *= std::max(0.0, kEnd - coordinate);
  if (!(box > kNothing)) return 0;
  std::vector<Point> cut;
  for (const Point& other : front) {
    Point inside(point.size());
    for (std::size_t o = 0; o < point.size(); ++o) inside[o] = std::max(point[o], other[o]);
    add(cut, inside);
  }
  const double gained = box - (cut.empty() ? 0 : hypervolume(cut, reference));
  return gained > kNothing ? gained : 0;
}

std::vector<std::size_t> Promise::pick(std::size_t count) {
  // Promises only fall as the front grows, so that the largest of the old ones is asked again
  // first.
  struct Entry {
    double promise;
    std::size_t design;
    std::size_t asked;  // with so many picks made
    bool operator<(const Entry& other) const {
      return promise != other.promise ? promise < other.promise : design > other.design;
    }
  };
  std::priority_queue<Entry> queue;
  constexpr std::size_t kNever = std::numeric_limits<std::size_t>::max();
  for (std::size_t i = 0; i < promise_.size(); ++i)
    if (promise_[i] > 0) queue.push({promise_[i], i, kNever});
  std::vector<std::size_t> picked;
  std::vector<Point> front = front_;
  while (picked.size() < count && !queue.empty()) {
    Entry best = queue.top();
    queue.pop();
    if (best.asked == picked.size()) {
      promise_[best.design] = 0;
      add(front, scaled(bounds_[best.design]));
      picked.push_back(best.design);
      continue;
    }
    const Point point = scaled(bounds_[best.design]);
    if (best.asked == kNever) {
      promise_[best.design] = gain(front_, point);
      if (promise_[best.design] == 0) continue;
    }
    best.promise = picked.empty() ? promise_[best.design] : gain(front, point);
    best.asked = picked.size();
    if (best.promise > 0) queue.push(best);
  }
  return picked;
}

}  // namespace ridgeline::search
