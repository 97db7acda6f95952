#include "search/mapping/ordering_batch.hpp"

#include <algorithm>

#include "search/mapping/allocate.hpp"

namespace ridgeline::search {

OrderingBatch::OrderingBatch(const model::Problem& problem, std::vector<model::TemporalLoop> loops,
                             bool even)
    : problem_(problem),
      loops_(std::move(loops)),
      even_(even),
      in_lanes_(model::has_lanes(problem)) {
  lanes_.split = model::has_split_lanes(problem);
  if (!even && OrderingTables::fit(problem, loops_)) tables_.emplace(problem, loops_);
}

bool OrderingBatch::add(const std::vector<std::uint8_t>& order) {
  const auto lane = static_cast<std::size_t>(count_);
  std::copy(order.begin(), order.end(), order_[lane].begin());
  if (tables_) {
    if (!tables_->cut(order.data(), cuts_[lane], count_, lanes_)) return false;
  } else {
    const model::Ordering loops = ordering(count_);
    if (!allocate(problem_, loops, even_, cuts_[lane])) return false;
    if (in_lanes_) {
      model::LoopTiling tiling;
      model::tile(problem_, loops, cuts_[lane], tiling);
      model::set_lane(problem_, tiling, count_, lanes_);
    }
  }
  ++count_;
  return true;
}

void OrderingBatch::evaluate() {
  if (in_lanes_) {
    model::evaluate_lanes(problem_, lanes_, costs_);
    return;
  }
  for (int i = 0; i < count_; ++i) {
    const auto lane = static_cast<std::size_t>(i);
    const model::Cost cost = model::evaluate(problem_, ordering(i), cuts_[lane]);
    costs_.energy[lane] = cost.energy;
    costs_.latency[lane] = cost.latency;
  }
}

model::Ordering OrderingBatch::ordering(int i) const {
  model::Ordering result;
  for (std::size_t k = 0; k < loops_.size(); ++k) {
    const model::TemporalLoop& loop = loops_[order_[static_cast<std::size_t>(i)][k]];
    result.push(loop.dim, loop.size);
  }
  if (loops_.empty() && problem_.dims > 0) result.push(0, 1);
  return result;
}

}  // namespace ridgeline::search
