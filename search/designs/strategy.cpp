#include "search/designs/strategy.hpp"

#include <algorithm>
#include <numeric>
#include <unordered_set>
#include <utility>

#include "search/fronts/even_samples.hpp"

namespace ridgeline::search {
namespace {

__extension__ using Wide = unsigned __int128;

// Visits all of 0..size-1 once, in steps of about the golden ratio, so that every stretch of
// the walk is spread over the whole.
class StridedWalk {
 public:
  explicit StridedWalk(std::uint64_t size) : size_(size) {
    stride_ = std::max<std::uint64_t>(
        1, static_cast<std::uint64_t>(Wide{size} * 0x9e3779b97f4a7c15u >> 64));
    while (std::gcd(stride_, size_) != 1) ++stride_;
  }
  std::optional<std::uint64_t> next() {
    if (given_ == size_) return std::nullopt;
    ++given_;
    const std::uint64_t id = at_;
    at_ = static_cast<std::uint64_t>((Wide{at_} + stride_) % size_);
    return id;
  }

 private:
  std::uint64_t size_;
  std::uint64_t stride_ = 1;
  std::uint64_t at_ = 0;
  std::uint64_t given_ = 0;
};

// A straggler holds up what comes this many blocks after its own (docs/performance.md, "Explore").
constexpr std::uint32_t kStaticLag = 6;

// Ids looked at in one call of `next`, a tenth of a second: `where` may hide nearly all of a space.
constexpr int kLook = 400'000;

class ExhaustiveStrategy final : public DesignStrategy {
 public:
  ExhaustiveStrategy(DesignSpace space, std::uint64_t count)
      : space_(std::move(space)), count_(count), walk_(space_.grid) {}

  std::optional<std::vector<std::uint64_t>> next(const KnownFitness&) override {
    const std::uint64_t size = block_size(count_, given_);
    for (int looked = 0; found_.size() < size; ++looked) {
      if (looked == kLook) return std::vector<std::uint64_t>{};
      const auto id = walk_.next();
      if (!id) break;
      if (space_.exists(*id)) found_.push_back(*id);
    }
    if (found_.empty()) return std::nullopt;
    given_ += found_.size();
    return std::exchange(found_, {});
  }
  std::uint32_t lag() const override { return kStaticLag; }
  std::uint64_t expected() const override { return count_; }

 private:
  DesignSpace space_;
  std::uint64_t count_;
  StridedWalk walk_;
  std::vector<std::uint64_t> found_;  // of the next block
  std::uint64_t given_ = 0;
};

// Samples spread evenly over the space; points that were there before are skipped.
class RandomStrategy final : public DesignStrategy {
 public:
  RandomStrategy(DesignSpace space, std::uint64_t samples, std::uint64_t seed)
      : space_(std::move(space)),
        samples_(std::min(samples, space_.grid)),
        walk_(space_.grid),
        points_(space_.sizes.size(), seed) {}

  std::optional<std::vector<std::uint64_t>> next(const KnownFitness&) override {
    const std::uint64_t given = seen_.size() - found_.size();
    const std::uint64_t size = std::min(block_size(samples_, given), samples_ - given);
    for (int looked = 0; found_.size() < size; ++looked) {
      if (looked == kLook) return std::vector<std::uint64_t>{};
      const auto id = draw();
      if (!id) break;
      if (seen_.contains(*id) || !space_.exists(*id)) continue;
      seen_.insert(*id);
      found_.push_back(*id);
    }
    if (found_.empty()) return std::nullopt;
    return std::exchange(found_, {});
  }
  std::uint32_t lag() const override { return kStaticLag; }
  std::uint64_t expected() const override { return samples_; }

 private:
  static constexpr std::uint64_t kLongestWalk = 10'000'000;

  // Where the sequence meets nothing new for long (a small space, or one that conditions
  // leave little of), every id in turn.
  std::optional<std::uint64_t> draw() {
    if (draws_ >= 16 * samples_ + 1024 + kLongestWalk) return std::nullopt;
    if (draws_++ >= 16 * samples_ + 1024) return walk_.next();
    std::uint64_t id = 0;
    const std::vector<std::uint32_t>& point = points_.next();
    for (std::size_t i = 0; i < point.size(); ++i) {
      const auto size = static_cast<std::uint64_t>(space_.sizes[i]);
      id = id * size + (std::uint64_t{point[i]} * size >> 32);
    }
    return id;
  }

  DesignSpace space_;
  std::uint64_t samples_;
  StridedWalk walk_;
  EvenSamples points_;
  std::uint64_t draws_ = 0;
  std::unordered_set<std::uint64_t> seen_;
  std::vector<std::uint64_t> found_;  // of the next block
};

}  // namespace

std::vector<int> DesignSpace::values_of(std::uint64_t id) const {
  std::vector<int> values(sizes.size());
  for (std::size_t i = sizes.size(); i-- > 0;) {
    values[i] = static_cast<int>(id % static_cast<std::uint64_t>(sizes[i]));
    id /= static_cast<std::uint64_t>(sizes[i]);
  }
  return values;
}

std::uint64_t DesignSpace::id_of(const std::vector<int>& values) const {
  std::uint64_t id = 0;
  for (std::size_t i = 0; i < sizes.size(); ++i)
    id = id * static_cast<std::uint64_t>(sizes[i]) + static_cast<std::uint64_t>(values[i]);
  return id;
}

std::uint64_t block_size(std::uint64_t total, std::uint64_t before) {
  return std::max<std::uint64_t>({16, total / 64, before / 4});
}

std::unique_ptr<DesignStrategy> exhaustive_strategy(DesignSpace space, std::uint64_t count) {
  return std::make_unique<ExhaustiveStrategy>(std::move(space), count);
}

std::unique_ptr<DesignStrategy> random_strategy(DesignSpace space, std::uint64_t samples,
                                                std::uint64_t seed) {
  return std::make_unique<RandomStrategy>(std::move(space), samples, seed);
}

}  // namespace ridgeline::search
