#include "search/fronts/pareto.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "search/fronts/staircase.hpp"

namespace ridgeline::search {
namespace {

// Points of one rank, as a sweep in lexicographic order meets them: a later one never dominates
// an earlier one.
class Layer {
 public:
  explicit Layer(std::size_t width) : width_(width) {}

  // Whether a point met before dominates this one, which equals none of them.
  bool dominates(const double* point) const {
    switch (width_) {
      case 0:
        return false;
      case 1:
        return any_;
      case 2:
        return any_ && least_ <= point[1];
      case 3:
        return steps_.covers(point[1], point[2]);
      default:
        return std::any_of(met_.begin(), met_.end(), [&](const double* other) {
          for (std::size_t i = 1; i < width_; ++i)
            if (!(other[i] <= point[i])) return false;
          return true;
        });
    }
  }
  void take(const double* point) {
    any_ = true;
    if (width_ == 2) least_ = std::min(least_, point[1]);
    if (width_ == 3) steps_.insert(point[1], point[2]);
    if (width_ > 3) met_.push_back(point);
  }

 private:
  std::size_t width_;
  bool any_ = false;
  double least_ = std::numeric_limits<double>::infinity();
  Staircase steps_;
  std::vector<const double*> met_;
};

bool has_nan(std::span<const double> values) {
  return std::any_of(values.begin(), values.end(), [](double x) { return std::isnan(x); });
}

// Ranks of points without NaN and violation; `order` holds their places and is sorted.
int rank_feasible(std::span<const Fitness> points, std::vector<std::size_t>& order,
                  std::vector<int>& rank) {
  if (order.empty()) return 0;
  const auto objectives = [&](std::size_t i) -> const std::vector<double>& {
    return points[i].objectives;
  };
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return objectives(a) != objectives(b) ? objectives(a) < objectives(b) : a < b;
  });
  const std::size_t width = objectives(order.front()).size();
  std::vector<Layer> layers;
  for (std::size_t k = 0; k < order.size(); ++k) {
    const std::size_t i = order[k];
    if (k > 0 && objectives(order[k - 1]) == objectives(i)) {
      rank[i] = rank[order[k - 1]];
      continue;
    }
    // What a layer dominates, all layers before it dominate too.
    const double* point = objectives(i).data();
    const auto layer = std::partition_point(layers.begin(), layers.end(),
                                            [&](const Layer& l) { return l.dominates(point); });
    rank[i] = static_cast<int>(layer - layers.begin());
    if (layer == layers.end()) layers.emplace_back(width);
    layers[static_cast<std::size_t>(rank[i])].take(point);
  }
  return static_cast<int>(layers.size());
}

}  // namespace

bool dominates(std::span<const double> a, std::span<const double> b) {
  bool better = false;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (!(a[i] <= b[i])) return false;
    better = better || a[i] < b[i];
  }
  return better;
}

bool dominates(const Fitness& a, const Fitness& b) {
  if (a.violation != b.violation) return a.violation < b.violation;
  return a.violation == 0 && dominates(std::span(a.objectives), std::span(b.objectives));
}

std::vector<int> non_dominated_ranks(std::span<const Fitness> points) {
  constexpr double kLast = std::numeric_limits<double>::infinity();
  std::vector<int> rank(points.size(), 0);
  std::vector<std::size_t> feasible;
  std::vector<std::pair<double, std::size_t>> others;  // violation, place
  for (std::size_t i = 0; i < points.size(); ++i) {
    const double violation = points[i].violation;
    if (violation != 0) {
      others.emplace_back(std::isnan(violation) ? kLast : violation, i);
    } else if (has_nan(points[i].objectives)) {
      others.emplace_back(kLast, i);
    } else {
      feasible.push_back(i);
    }
  }
  int next = rank_feasible(points, feasible, rank);
  std::sort(others.begin(), others.end());
  for (std::size_t k = 0; k < others.size(); ++k) {
    if (k > 0 && others[k].first != others[k - 1].first) ++next;
    rank[others[k].second] = next;
  }
  return rank;
}

std::vector<double> crowding_distances(std::span<const Fitness> points,
                                       std::span<const int> members) {
  std::vector<double> distance(members.size(), 0.0);
  if (members.empty()) return distance;
  const auto fitness = [&](std::size_t member) -> const Fitness& {
    return points[static_cast<std::size_t>(members[member])];
  };
  const std::size_t objectives = fitness(0).objectives.size();
  std::vector<std::size_t> order(members.size());
  for (std::size_t m = 0; m < objectives; ++m) {
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
      return fitness(a).objectives[m] < fitness(b).objectives[m];
    });
    const double low = fitness(order.front()).objectives[m];
    const double high = fitness(order.back()).objectives[m];
    distance[order.front()] = std::numeric_limits<double>::infinity();
    distance[order.back()] = std::numeric_limits<double>::infinity();
    if (!(high > low)) continue;
    for (std::size_t i = 1; i + 1 < order.size(); ++i) {
      const double gap = fitness(order[i + 1]).objectives[m] - fitness(order[i - 1]).objectives[m];
      distance[order[i]] += gap / (high - low);
    }
  }
  return distance;
}

std::vector<Ranked> select_survivors(std::span<const Fitness> points, std::size_t count) {
  const std::vector<int> rank = non_dominated_ranks(points);
  std::vector<int> order(points.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](int a, int b) {
    return rank[static_cast<std::size_t>(a)] < rank[static_cast<std::size_t>(b)];
  });
  std::vector<Ranked> survivors;
  for (std::size_t begin = 0; begin < order.size() && survivors.size() < count;) {
    const int level = rank[static_cast<std::size_t>(order[begin])];
    std::size_t end = begin;
    while (end < order.size() && rank[static_cast<std::size_t>(order[end])] == level) ++end;
    const std::span<const int> members(order.data() + begin, end - begin);
    std::vector<Ranked> ranked;
    const bool feasible = points[static_cast<std::size_t>(members[0])].violation == 0 &&
                          !has_nan(points[static_cast<std::size_t>(members[0])].objectives);
    const std::vector<double> crowding =
        feasible ? crowding_distances(points, members) : std::vector<double>(members.size(), 0.0);
    for (std::size_t i = 0; i < members.size(); ++i)
      ranked.push_back({members[i], level, crowding[i]});
    std::stable_sort(ranked.begin(), ranked.end(),
                     [](const Ranked& a, const Ranked& b) { return a.crowding > b.crowding; });
    if (ranked.size() > count - survivors.size()) ranked.resize(count - survivors.size());
    survivors.insert(survivors.end(), ranked.begin(), ranked.end());
    begin = end;
  }
  return survivors;
}

std::vector<std::size_t> non_dominated_rows(std::span<const double> matrix, std::size_t width) {
  std::vector<std::size_t> rows;
  if (width == 0) return rows;
  const auto row = [&](std::size_t i) { return matrix.subspan(i * width, width); };
  for (std::size_t i = 0; i < matrix.size() / width; ++i)
    if (!has_nan(row(i))) rows.push_back(i);
  const auto equal = [&](std::size_t a, std::size_t b) {
    return std::equal(row(a).begin(), row(a).end(), row(b).begin());
  };
  std::sort(rows.begin(), rows.end(), [&](std::size_t a, std::size_t b) {
    for (std::size_t o = 0; o < width; ++o)
      if (row(a)[o] != row(b)[o]) return row(a)[o] < row(b)[o];
    return a < b;
  });
  std::vector<std::size_t> front;
  Layer best(width);
  bool dominated = false;
  for (std::size_t k = 0; k < rows.size(); ++k) {
    if (k == 0 || !equal(rows[k - 1], rows[k])) {
      const double* point = row(rows[k]).data();
      dominated = best.dominates(point);
      if (!dominated) best.take(point);
    }
    if (!dominated) front.push_back(rows[k]);
  }
  return front;
}

}  // namespace ridgeline::search
