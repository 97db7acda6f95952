// Dominance, ranks, fronts and crowding of objective vectors; every objective is minimised.
//
// Deterministic: ties are decided by place. Equal vectors do not dominate each other. Fronts and
// ranks take n log n steps for two objectives and n log^2 n for three, however many are equal;
// for more objectives n times the size of the front.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace ridgeline::search {

// `a` is nowhere worse than `b` and somewhere better. Equal lengths; a NaN never dominates.
bool dominates(std::span<const double> a, std::span<const double> b);

// A point as selection sees it. A feasible point beats every infeasible one, and among those
// the smaller violation wins.
struct Fitness {
  std::vector<double> objectives;  // may be empty where `violation` is not 0
  double violation = 0;            // 0: feasible
};
bool dominates(const Fitness& a, const Fitness& b);

// Rank of each point: 0 for those that none dominates, 1 for those that only points of rank 0
// dominate, and so on. Points with a NaN come behind all others.
std::vector<int> non_dominated_ranks(std::span<const Fitness> points);

// Crowding distance of `members` (places in `points`), in their order; infinite at the ends of
// every objective.
std::vector<double> crowding_distances(std::span<const Fitness> points,
                                       std::span<const int> members);

// A place in `points` with what NSGA-II compares: smaller rank first, then larger crowding.
struct Ranked {
  int place = 0;
  int rank = 0;
  double crowding = 0;
};

// Best `count` places in `points` as NSGA-II takes them, best first; ties by place.
std::vector<Ranked> select_survivors(std::span<const Fitness> points, std::size_t count);

// Rows of a matrix of `width` columns that no other row dominates, sorted by the columns, then by
// row: equal rows follow each other. Rows with a NaN are left out.
std::vector<std::size_t> non_dominated_rows(std::span<const double> matrix, std::size_t width);

}  // namespace ridgeline::search
