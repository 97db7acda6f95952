#include "search/fronts/pareto.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <tuple>

namespace ridgeline::search {

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
  const std::size_t n = points.size();
  std::vector<int> dominators(n, 0), rank(n, 0), current;
  std::vector<std::vector<int>> dominated(n);
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = i + 1; j < n; ++j) {
      if (dominates(points[i], points[j])) {
        dominated[i].push_back(static_cast<int>(j));
        ++dominators[j];
      } else if (dominates(points[j], points[i])) {
        dominated[j].push_back(static_cast<int>(i));
        ++dominators[i];
      }
    }
  }
  for (std::size_t i = 0; i < n; ++i) {
    if (dominators[i] == 0) current.push_back(static_cast<int>(i));
  }
  for (int level = 0; !current.empty(); ++level) {
    std::vector<int> next;
    for (const int i : current) {
      rank[static_cast<std::size_t>(i)] = level;
      for (const int j : dominated[static_cast<std::size_t>(i)]) {
        if (--dominators[static_cast<std::size_t>(j)] == 0) next.push_back(j);
      }
    }
    current = std::move(next);
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

std::vector<int> select_survivors(std::span<const Fitness> points, int count) {
  const std::vector<int> rank = non_dominated_ranks(points);
  const int ranks = rank.empty() ? 0 : *std::max_element(rank.begin(), rank.end()) + 1;
  std::vector<int> survivors;
  for (int level = 0; level < ranks && static_cast<int>(survivors.size()) < count; ++level) {
    std::vector<int> members;
    for (std::size_t i = 0; i < rank.size(); ++i) {
      if (rank[i] == level) members.push_back(static_cast<int>(i));
    }
    const std::size_t room = static_cast<std::size_t>(count) - survivors.size();
    if (members.size() > room) {
      const std::vector<double> distance = crowding_distances(points, members);
      std::vector<std::size_t> order(members.size());
      std::iota(order.begin(), order.end(), std::size_t{0});
      std::stable_sort(order.begin(), order.end(),
                       [&](std::size_t a, std::size_t b) { return distance[a] > distance[b]; });
      std::vector<int> taken;
      for (std::size_t i = 0; i < room; ++i) taken.push_back(members[order[i]]);
      members = std::move(taken);
    }
    survivors.insert(survivors.end(), members.begin(), members.end());
  }
  return survivors;
}

std::vector<int> pareto_front(std::span<const std::vector<double>> points) {
  ParetoArchive archive;
  for (std::size_t i = 0; i < points.size(); ++i) archive.insert(points[i], i);
  std::vector<int> front;
  for (const ParetoArchive::Entry& e : archive.entries()) front.push_back(static_cast<int>(e.id));
  return front;
}

bool ParetoArchive::dominated(std::span<const double> objectives) const {
  return std::any_of(entries_.begin(), entries_.end(), [&](const Entry& e) {
    return dominates(std::span(e.objectives), objectives);
  });
}

bool ParetoArchive::insert(std::vector<double> objectives, std::uint64_t id) {
  if (std::any_of(objectives.begin(), objectives.end(), [](double x) { return std::isnan(x); })) {
    return false;
  }
  if (dominated(objectives)) return false;
  std::erase_if(entries_, [&](const Entry& e) {
    return dominates(std::span(objectives), std::span(e.objectives));
  });
  Entry entry{std::move(objectives), id};
  const auto place =
      std::upper_bound(entries_.begin(), entries_.end(), entry, [](const Entry& a, const Entry& b) {
        return std::tie(a.objectives, a.id) < std::tie(b.objectives, b.id);
      });
  entries_.insert(place, std::move(entry));
  return true;
}

}  // namespace ridgeline::search
