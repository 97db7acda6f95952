#include "search/exact/strict_leaf.hpp"

#include <array>
#include <functional>
#include <utility>

#include "model/core/index.hpp"
#include "search/mapping/replay.hpp"

namespace ridgeline::search {

bool StrictLeaf::set(const PlacedCuts& nodes) {
  const model::Problem& problem = lattice_.problem();
  nodes_ = nodes;
  for (int o = 0; o < problem.operands; ++o) {
    for (int a = 0; a < lattice_.cuts_of(o); ++a) places_.push_back(nodes[z(o)][z(a)]);
  }
  places_.push_back(0);
  std::sort(places_.begin(), places_.end());
  places_.erase(std::unique(places_.begin(), places_.end()), places_.end());
  for (std::size_t i = 0; i < places_.size(); ++i) {
    const std::int64_t inner = places_[i];
    const std::int64_t outer = i + 1 < places_.size() ? places_[i + 1] : lattice_.full();
    std::uint8_t needed = 0;
    for (int o = 0; o < problem.operands; ++o) {
      for (int a = 0; a < lattice_.cuts_of(o); ++a) {
        if (nodes[z(o)][z(a)] == inner && lattice_.sinks(o, a)) {
          needed = static_cast<std::uint8_t>(needed | 1u << o);
        }
      }
    }
    std::vector<int> loops;
    int first = -1;
    for (int t = 0; t < static_cast<int>(lattice_.types().size()); ++t) {
      const FactorType& type = lattice_.types()[z(t)];
      const int count = lattice_.count_in(outer, type) - lattice_.count_in(inner, type);
      if (count < 0) return false;
      for (int k = 0; k < count; ++k) loops.push_back(t);
      if (count > 0 && (type.irrelevant_to & needed) == 0 && first < 0) first = t;
    }
    if (first < 0 && !loops.empty()) return false;
    between_.push_back(std::move(loops));
    needed_.push_back(needed);
  }
  for (std::size_t i = 0; i < between_.size(); ++i) first_order(i);
  return true;
}

bool StrictLeaf::first_order(std::size_t i) {
  std::sort(between_[i].begin(), between_[i].end());
  return proper(i) || next_order(i);
}

bool StrictLeaf::next_order(std::size_t i) {
  std::vector<int>& loops = between_[i];
  while (std::next_permutation(loops.begin(), loops.end())) {
    if (proper(i)) return true;
    // None of the others that begin with the same loop is.
    std::sort(loops.begin() + 1, loops.end(), std::greater<>());
  }
  return false;
}

bool StrictLeaf::mapping(model::Ordering& ordering, model::Cuts& cuts) const {
  const model::Problem& problem = lattice_.problem();
  ordering.count = 0;
  std::vector<std::uint8_t> ends;
  for (const std::vector<int>& loops : between_) {
    ends.push_back(static_cast<std::uint8_t>(ordering.count));
    for (const int t : loops) {
      if (ordering.count == model::kMaxLoops) return false;
      ordering.push(lattice_.types()[z(t)].dim, lattice_.types()[z(t)].prime);
    }
  }
  if (ordering.count == 0) ordering.push(0, 1);
  std::array<double, model::kMaxMemories> used{};
  for (int o = 0; o < problem.operands; ++o) {
    int begin = 0;
    for (int m = 0; m < lattice_.cuts_of(o); ++m) {
      int end = ordering.count;
      if (m + 1 < lattice_.cuts_of(o)) {
        const auto at = std::lower_bound(places_.begin(), places_.end(), nodes_[z(o)][z(m + 1)]);
        end = ends[z(at - places_.begin())];
        if (*at == lattice_.full()) end = ordering.count;
      }
      cuts.end[z(o)][z(m)] = static_cast<std::uint8_t>(end);
      const auto memory = static_cast<std::size_t>(problem.operand[z(o)].memory[z(m)]);
      used[memory] += tile_bits(problem, ordering, o, m, begin, end);
      if (used[memory] > problem.memory[memory].size) return false;
      begin = end;
    }
  }
  return true;
}

double StrictLeaf::orders() const {
  double orders = 1;
  for (std::vector<int> loops : between_) {
    std::sort(loops.begin(), loops.end());
    int same = 0;
    for (std::size_t i = 0; i < loops.size(); ++i) {
      same = i > 0 && loops[i] == loops[i - 1] ? same + 1 : 1;
      orders *= static_cast<double>(i + 1) / same;
    }
  }
  return orders;
}

}  // namespace ridgeline::search
