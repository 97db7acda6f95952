// The points that none of those added so far dominates, equal ones as one group.
//
// New points wait in a buffer that grows with the front, and one sweep takes them all in: n points
// take n log n steps for two and three objectives, in any order and however many are equal.
// Insertion order does not influence the contents.
#pragma once

#include <algorithm>
#include <cstddef>
#include <utility>
#include <vector>

#include "search/fronts/pareto.hpp"

namespace ridgeline::search {

// `Group` is what is kept of equal points: movable, with `void join(Group&&)`, which must not
// depend on the order of joining.
template <typename Group>
class Archive {
 public:
  struct Entry {
    std::vector<double> objectives;
    Group group;
  };

  // All points have the same number of objectives, at least one. Those with a NaN are ignored.
  void add(std::vector<double> objectives, Group group) {
    entries_.push_back({std::move(objectives), std::move(group)});
    if (entries_.size() >= 2 * settled_ + kBuffer) settle();
  }
  // Sorted by objectives.
  const std::vector<Entry>& entries() {
    settle();
    return entries_;
  }

 private:
  static constexpr std::size_t kBuffer = 256;

  void settle() {
    if (entries_.size() == settled_) return;
    std::vector<double> matrix;
    const std::size_t width = entries_.front().objectives.size();
    matrix.reserve(entries_.size() * width);
    for (const Entry& e : entries_)
      matrix.insert(matrix.end(), e.objectives.begin(), e.objectives.end());
    std::vector<Entry> kept;
    for (const std::size_t row : non_dominated_rows(matrix, width)) {
      Entry& entry = entries_[row];
      if (!kept.empty() && kept.back().objectives == entry.objectives) {
        kept.back().group.join(std::move(entry.group));
      } else {
        kept.push_back(std::move(entry));
      }
    }
    entries_ = std::move(kept);
    settled_ = entries_.size();
  }

  std::vector<Entry> entries_;
  std::size_t settled_ = 0;  // entries that are known not to dominate each other
};

}  // namespace ridgeline::search
