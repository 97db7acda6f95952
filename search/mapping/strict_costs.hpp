// What the levels of mappings cost by the strict model, each worked out once: tiles and their
// transfers depend on which loops lie inside, not on their order (docs/strict-model.md, 5). For
// searches that cost very many orderings of the same loops.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

#include "model/core/strict_evaluate.hpp"

namespace ridgeline::search {

class StrictCosts {
 public:
  explicit StrictCosts(const model::Problem& problem);

  // False where tiles depend on more than the loops inside (1.7), or there are too many of them.
  bool usable() const { return usable_; }

  // Looks at an ordering: what follows is about its loops up to a position.
  void set(const model::Ordering& ordering);
  // Elements of the largest tile of memory level m of operand o with the first loops inside.
  double largest(int o, int m, int position);
  // Whether the tiles of all operands fit the memories.
  bool fits(const model::Cuts& cuts);
  // As estimate_strict of the ordering; of a latency beyond the limit no more than a bound.
  model::Cost estimate(const model::Cuts& cuts, double limit = model::CostLimit::kNone);

 private:
  struct Entry {
    std::int64_t node = -1;
    double finishes = 0;
    double fresh = 0;
    std::size_t cut = 0;  // in cuts_
  };
  // What tells the levels of all operands and nodes apart.
  std::int64_t key(int o, int level, int position) const;
  const model::StrictCut& cut(int o, int a, int position, const model::StrictSums& sums);
  void set_inside(int position);

  const model::Problem& problem_;
  bool usable_ = false;
  std::int64_t nodes_ = 1;
  std::array<std::int64_t, model::kMaxDims> stride_{};
  std::array<std::vector<std::uint16_t>, model::kMaxDims> place_;  // of a product of loops
  const model::Ordering* ordering_ = nullptr;
  std::array<std::int64_t, model::kMaxLoops + 1> node_{};  // of the first loops
  std::array<double, model::kMaxDims> inside_;
  model::StrictSums whole_;
  struct Tile {
    std::int64_t node = -1;
    double elements = 0;
  };
  std::vector<Tile> tiles_;
  std::vector<Entry> entries_;
  std::vector<model::StrictCut> cuts_;
  model::StrictCuts parts_;
};

}  // namespace ridgeline::search
