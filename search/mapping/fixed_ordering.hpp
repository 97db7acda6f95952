// What a mapping document's temporal_ordering asks of a layer (docs/mapping-search.md, section 2).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "model/core/evaluation.hpp"
#include "model/core/layer.hpp"
#include "model/core/mapping_spec.hpp"
#include "search/mapping/loop_factors.hpp"

namespace ridgeline::search {

struct FixedOrdering {
  bool complete = false;                    // every loop is given, with its size
  std::vector<model::TemporalLoop> loops;   // where complete, innermost first
  std::vector<LoopConstraint> constraints;  // of the innermost loops, positions of size 1 left out
  // In words: why no ordering can be so; and, where all sizes are given, what keeps it from being
  // complete. Both are empty where there is nothing to say.
  std::string fault;
  std::string incomplete;
};

// `sizes`: the temporal loops that are left after unrolling, by dimension.
FixedOrdering fixed_ordering(const model::Layer& layer, const model::MappingEntry& mapping,
                             const std::vector<std::int64_t>& sizes);

// Orderings that meet constraints, of at most max(limit, dimensions) loops beside those of given
// size; limit <= 0: of all prime factors. The constraints must be possible (no `fault`).
class FixedOrderings {
 public:
  FixedOrderings(const model::Layer& layer, const std::vector<std::int64_t>& sizes, int limit,
                 const std::vector<LoopConstraint>& constraints);
  // The next one, innermost loop first; false after the last.
  bool next(std::vector<model::TemporalLoop>& loops);

 private:
  std::vector<LoopConstraint> constraints_;
  LoopPermutations free_;
  bool started_ = false;
};

}  // namespace ridgeline::search
