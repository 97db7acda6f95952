// Costs many orderings of the same loops: cuts each into memory levels as the reference does
// (allocate.hpp) and evaluates several at once (model/core/lanes.hpp). The figures are those of
// `allocate` and `model::evaluate`, to the last bit.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "model/core/evaluate.hpp"
#include "model/core/lanes.hpp"
#include "search/mapping/ordering_tables.hpp"

namespace ridgeline::search {

class OrderingBatch {
 public:
  // `problem` must outlive the batch. `loops`: those that each ordering holds; with none of them
  // an ordering is one loop of size 1 over the first dimension.
  OrderingBatch(const model::Problem& problem, std::vector<model::TemporalLoop> loops, bool even);

  // Cuts an ordering, given as places in `loops`, innermost first; false where it does not fit.
  // The batch must not be full.
  bool add(const std::vector<std::uint8_t>& order);
  bool full() const { return count_ == model::kLanes; }

  // Calls each(cost, i) for the orderings added since the last call, in their order; `ordering(i)`
  // and `cuts(i)` hold until the next `add`.
  template <class Each>
  void cost(const Each& each) {
    if (count_ == 0) return;
    evaluate();
    for (int i = 0; i < count_; ++i) {
      const auto lane = static_cast<std::size_t>(i);
      each(model::Cost{costs_.energy[lane], costs_.latency[lane]}, i);
    }
    count_ = 0;
  }
  model::Ordering ordering(int i) const;
  const model::Cuts& cuts(int i) const { return cuts_[static_cast<std::size_t>(i)]; }

 private:
  void evaluate();

  const model::Problem& problem_;
  std::vector<model::TemporalLoop> loops_;
  bool even_;
  bool in_lanes_;
  std::optional<OrderingTables> tables_;  // where they give the same bits
  int count_ = 0;
  std::array<std::array<std::uint8_t, model::kMaxLoops>, model::kLanes> order_;
  std::array<model::Cuts, model::kLanes> cuts_;
  model::LaneTiling lanes_{};
  model::LaneCosts costs_{};
};

}  // namespace ridgeline::search
