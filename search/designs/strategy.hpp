// Strategies: which designs of a space are looked at, block by block.
//
// Blocks are a function of the space, the seed and the results of completed blocks alone, never
// of ranks, threads or timing. Block b is asked for when the blocks before b + 1 - lag are
// complete, and its designs are pruned against the front of exactly those.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "search/fronts/nsga2.hpp"

namespace ridgeline::search {

// The space as strategies see it: ids run from 0 to grid - 1.
struct DesignSpace {
  std::uint64_t grid = 0;
  std::vector<int> sizes;  // values of each parameter, the first one slowest
  // False: no design. One that cannot tell says true and fails when it is evaluated.
  std::function<bool(std::uint64_t)> exists;
  // Smallest id from this one on that exists, else the smallest of all; `from` itself where none
  // is found.
  std::function<std::uint64_t(std::uint64_t)> next_existing;

  std::vector<int> values_of(std::uint64_t id) const;
  std::uint64_t id_of(const std::vector<int>& values) const;
};

// What is known of a design that was in an earlier block. Violation 1: it cannot reach the front;
// 2: it has no figures.
using KnownFitness = std::function<Fitness(std::uint64_t)>;

class DesignStrategy {
 public:
  virtual ~DesignStrategy() = default;
  // Ids of the next block; absent after the last one; empty where nothing is found yet: the
  // caller looks after its messages and signals and asks again. With a lag over one no id is given
  // twice; with a lag of one, ids that earlier blocks had are welcome.
  virtual std::optional<std::vector<std::uint64_t>> next(const KnownFitness& known) = 0;
  virtual std::uint32_t lag() const = 0;
  // Number of designs in all blocks, as far as it is known; for progress only.
  virtual std::uint64_t expected() const = 0;
  // Results that one asked for may bring, itself included: ids follow its own, without gaps.
  virtual std::uint64_t schedules() const { return 1; }
  // What the objectives of each design are at least (smaller is better), in any order, and the id
  // under which its results come; none for one that was not asked for. False, without a call: it is
  // not known (yet).
  using SeeBound =
      std::function<void(std::optional<std::uint64_t> id, const std::vector<double>& objectives)>;
  virtual bool see_bounds(const SeeBound&) const { return false; }
  // What an id stands for where it is no place in the grid; empty: it is one, or nothing that this
  // strategy has asked for yet.
  virtual Genome genome(std::uint64_t) const { return {}; }
};

// All there are. `count`: existing designs where that is known, else the grid.
std::unique_ptr<DesignStrategy> exhaustive_strategy(DesignSpace space, std::uint64_t count);
// Lower bounds of the objectives of designs (smaller is better), in their order; empty where
// nothing is known of one, or it has no figures.
using BoundDesigns =
    std::function<std::vector<std::vector<double>>(const std::vector<std::uint64_t>& ids)>;
// All there are, those whose bounds fewest others dominate first: what comes later is mostly
// dominated by then. `count` as above, of no more than kMostOrdered.
inline constexpr std::uint64_t kMostOrdered = 30'000;
std::unique_ptr<DesignStrategy> ordered_strategy(DesignSpace space, std::uint64_t count,
                                                 BoundDesigns bounds);
// Samples that are spread more evenly than chance would.
std::unique_ptr<DesignStrategy> random_strategy(DesignSpace space, std::uint64_t samples,
                                                std::uint64_t seed);

struct IslandOptions {
  int islands = 1;
  int population = 64;
  int generations = 50;
  int migrate_every = 10;  // generations; 0: never
};
// NSGA-II on islands that exchange their best; a block is one generation of all islands.
std::unique_ptr<DesignStrategy> nsga2_strategy(DesignSpace space, const IslandOptions& options,
                                               std::uint64_t seed);

// Size of the next block of `total` designs when `before` are in earlier ones: small at first, so
// that pruning sets in early, then growing, so that many ranks find enough to do between two
// fronts.
std::uint64_t block_size(std::uint64_t total, std::uint64_t before);

}  // namespace ridgeline::search
