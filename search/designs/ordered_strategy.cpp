// All designs of a space, in the order of their bounds.
#include <algorithm>
#include <iterator>
#include <limits>
#include <numeric>
#include <utility>

#include "search/designs/strategy.hpp"
#include "search/fronts/pareto.hpp"

namespace ridgeline::search {
namespace {

// Designs that are bounded in one call of `next`, after which the caller may look after its
// messages. Neighbours share much of the work.
constexpr std::size_t kSlice = 512;

// The front is nearly complete early, so that there is little to gain from waiting for a fresher
// one; two blocks keep everybody busy while the stragglers of one end.
constexpr std::uint32_t kLag = 2;

constexpr std::uint64_t kFirstBlock = 16;

class OrderedStrategy final : public DesignStrategy {
 public:
  OrderedStrategy(DesignSpace space, std::uint64_t count, BoundDesigns bounds)
      : space_(std::move(space)), count_(count), bound_(std::move(bounds)) {}

  std::optional<std::vector<std::uint64_t>> next(const KnownFitness&) override {
    if (!ordered_) {
      bound_some();
      return std::vector<std::uint64_t>{};
    }
    if (given_ == order_.size()) return std::nullopt;
    const std::size_t size = std::min<std::size_t>(std::max<std::uint64_t>(kFirstBlock, given_ / 4),
                                                   order_.size() - given_);
    const auto begin = order_.begin() + static_cast<std::ptrdiff_t>(given_);
    given_ += size;
    return std::vector<std::uint64_t>(begin, begin + static_cast<std::ptrdiff_t>(size));
  }
  std::uint32_t lag() const override { return kLag; }
  std::uint64_t expected() const override { return count_; }
  bool see_bounds(const SeeBound& see) const override {
    for (std::size_t i = 0; ordered_ && i < order_.size(); ++i) see(order_[i], bounds_[i]);
    return ordered_;
  }

 private:
  void bound_some() {
    std::vector<std::uint64_t> ids;
    for (; at_ < space_.grid && ids.size() < kSlice; ++at_) {
      if (space_.exists(at_)) ids.push_back(at_);
    }
    if (!ids.empty()) {
      std::vector<std::vector<double>> found = bound_(ids);
      order_.insert(order_.end(), ids.begin(), ids.end());
      std::move(found.begin(), found.end(), std::back_inserter(bounds_));
    }
    if (at_ == space_.grid) sort();
  }

  // By rank; of equal ranks those that are good in everything first: the sum of their places in
  // the order of each objective. Those without bounds come first of all.
  void sort() {
    const std::size_t count = order_.size();
    std::vector<Fitness> points(count);
    std::size_t width = 0;
    for (const auto& one : bounds_) width = std::max(width, one.size());
    std::vector<double> places(count, 0);
    for (std::size_t i = 0; i < count; ++i) {
      if (bounds_[i].empty()) bounds_[i].assign(width, -std::numeric_limits<double>::infinity());
      points[i].objectives = bounds_[i];
    }
    const std::vector<int> ranks = non_dominated_ranks(points);
    std::vector<std::size_t> by(count);
    for (std::size_t o = 0; o < width; ++o) {
      std::iota(by.begin(), by.end(), std::size_t{0});
      std::stable_sort(by.begin(), by.end(),
                       [&](std::size_t a, std::size_t b) { return bounds_[a][o] < bounds_[b][o]; });
      std::size_t place = 0;
      for (std::size_t k = 0; k < count; ++k) {
        if (k > 0 && bounds_[by[k]][o] != bounds_[by[k - 1]][o]) place = k;
        places[by[k]] += static_cast<double>(place);
      }
    }
    std::iota(by.begin(), by.end(), std::size_t{0});
    std::sort(by.begin(), by.end(), [&](std::size_t a, std::size_t b) {
      if (ranks[a] != ranks[b]) return ranks[a] < ranks[b];
      if (places[a] != places[b]) return places[a] < places[b];
      return a < b;
    });
    std::vector<std::uint64_t> sorted;
    std::vector<std::vector<double>> sorted_bounds;
    sorted.reserve(count);
    sorted_bounds.reserve(count);
    for (const std::size_t i : by) {
      sorted.push_back(order_[i]);
      sorted_bounds.push_back(std::move(bounds_[i]));
    }
    order_ = std::move(sorted);
    bounds_ = std::move(sorted_bounds);
    ordered_ = true;
  }

  DesignSpace space_;
  std::uint64_t count_;
  BoundDesigns bound_;
  std::uint64_t at_ = 0;  // next id to be bounded
  std::vector<std::uint64_t> order_;
  std::vector<std::vector<double>> bounds_;
  bool ordered_ = false;
  std::size_t given_ = 0;
};

}  // namespace

std::unique_ptr<DesignStrategy> ordered_strategy(DesignSpace space, std::uint64_t count,
                                                 BoundDesigns bounds) {
  return std::make_unique<OrderedStrategy>(std::move(space), count, std::move(bounds));
}

}  // namespace ridgeline::search
