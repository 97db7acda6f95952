// Strategies: which candidates are looked at, block by block.
//
// Blocks are a function of the study and of the results of completed blocks alone, never of
// ranks, threads or timing. Block b is asked for when the blocks before b + 1 - lag are
// complete, and its candidates are pruned against the front of exactly those.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "engine/explore/candidate_store.hpp"
#include "io/study/study_document.hpp"

namespace ridgeline::engine {

class BlockSource {
 public:
  virtual ~BlockSource() = default;
  // Ids of the next block; absent after the last one; empty where nothing is found yet: the
  // caller looks after its messages and signals and asks again. With a lag over one no id is given
  // twice; with a lag of one, ids that earlier blocks had are welcome.
  virtual std::optional<std::vector<std::uint64_t>> next(const CandidateStore& known) = 0;
  virtual std::uint32_t lag() const = 0;
  // Number of candidates in all blocks, as far as it is known; for progress only.
  virtual std::uint64_t expected() const = 0;
};

// The space as strategies see it.
struct Space {
  std::uint64_t grid = 0;  // ids run from 0 to grid - 1
  std::vector<int> sizes;  // values of each parameter, the first one slowest
  // False: no candidate. One that cannot tell says true and fails when it is evaluated.
  std::function<bool(std::uint64_t)> exists;
  // Smallest id from this one on that exists, else the smallest of all; `from` itself where none
  // is found.
  std::function<std::uint64_t(std::uint64_t)> next_existing;
  std::vector<io::Metric> objectives;

  std::vector<int> values_of(std::uint64_t id) const;
  std::uint64_t id_of(const std::vector<int>& values) const;
};

Space space_of(const io::Study& study);

// `count`: existing candidates where that is known, else the grid.
std::unique_ptr<BlockSource> exhaustive_source(Space space, std::uint64_t count);
std::unique_ptr<BlockSource> random_source(Space space, std::uint64_t samples, std::uint64_t seed);
std::unique_ptr<BlockSource> nsga2_source(Space space, const io::StudyStrategy& strategy,
                                          std::uint64_t seed);
std::unique_ptr<BlockSource> source_of(const io::Study& study);

// Size of the next block of a study of `total` candidates when `before` are in earlier ones:
// small at first, so that pruning sets in early, then growing, so that many ranks find enough
// to do between two fronts.
std::uint64_t block_size(std::uint64_t total, std::uint64_t before);

}  // namespace ridgeline::engine
