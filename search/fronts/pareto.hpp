// Dominance, fronts and crowding of objective vectors; every objective is minimised.
//
// Deterministic: ties are decided by place or id. Equal vectors do not dominate each other.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace ridgeline::search {

// `a` is nowhere worse than `b` and somewhere better. Equal lengths; a NaN never dominates.
bool dominates(std::span<const double> a, std::span<const double> b);

// A point as selection sees it. A feasible point beats every infeasible one, and among those
// the smaller violation wins.
struct Fitness {
  std::vector<double> objectives;
  double violation = 0;  // 0: feasible
};
bool dominates(const Fitness& a, const Fitness& b);

// Rank of each point: 0 for those that none dominates, 1 for those that only points of rank 0
// dominate, and so on.
std::vector<int> non_dominated_ranks(std::span<const Fitness> points);

// Crowding distance of `members` (places in `points`), in their order; infinite at the ends of
// every objective.
std::vector<double> crowding_distances(std::span<const Fitness> points,
                                       std::span<const int> members);

// Best `count` places in `points` as NSGA-II takes them: whole ranks, the last one cut by
// falling crowding distance. In the order taken.
std::vector<int> select_survivors(std::span<const Fitness> points, int count);

// Places of the points that none dominates, sorted by objectives, then place.
std::vector<int> pareto_front(std::span<const std::vector<double>> points);

// The points that none of those offered so far dominates. Equal vectors are all kept.
class ParetoArchive {
 public:
  struct Entry {
    std::vector<double> objectives;
    std::uint64_t id = 0;
  };

  // False where an entry dominates it; else entries that it dominates leave. Points with a NaN
  // are refused. Insertion order does not influence the contents.
  bool insert(std::vector<double> objectives, std::uint64_t id);
  bool dominated(std::span<const double> objectives) const;
  // Sorted by objectives, then id.
  const std::vector<Entry>& entries() const { return entries_; }

 private:
  std::vector<Entry> entries_;
};

}  // namespace ridgeline::search
