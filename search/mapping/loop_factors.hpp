// The loops that the reference permutes: prime factors of the temporal loop sizes, merged down
// to a limit, and constrained by what the user fixes (docs/mapping-search.md, section 2).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "model/core/evaluation.hpp"
#include "model/core/layer.hpp"
#include "model/core/mapping_spec.hpp"

namespace ridgeline::search {

// One position of an ordering that the user fixes, from the innermost.
struct LoopConstraint {
  int dim = 0;
  std::optional<std::int64_t> size;  // absent: any
};

struct LoopFactors {
  std::vector<model::TemporalLoop> loops;  // all of them, by dimension
  std::string error;                       // why the constraints cannot be met
};

// Prime factors of n, increasing, with repetitions.
std::vector<std::int64_t> prime_factors(std::int64_t n);

// The loops of `sizes` (by dimension; 1: no loop), at most max(limit, dimensions that have
// loops) of them; limit <= 0: no limit. Where none remains, one loop of size 1 over the first
// dimension.
LoopFactors loop_factors(const model::Layer& layer, const std::vector<std::int64_t>& sizes,
                         int limit, const std::vector<LoopConstraint>& constraints);

// All distinct permutations of a multiset of loops, innermost loop first, in the reference's
// order (cool-lex: Williams, 2009).
class LoopPermutations {
 public:
  LoopPermutations(const model::Layer& layer, std::vector<model::TemporalLoop> loops);
  const std::vector<model::TemporalLoop>& current() const { return current_; }
  // The same as places in the first permutation.
  const std::vector<std::uint8_t>& places() const { return places_; }
  bool next();  // false after the last one

 private:
  std::vector<model::TemporalLoop> current_;
  std::vector<std::uint8_t> places_;
  std::vector<int> rank_;   // of each of current_
  std::vector<int> start_;  // ranks of the first permutation
};

// Number of distinct permutations, as a real number since it can be huge.
double permutation_count(const std::vector<model::TemporalLoop>& loops);

}  // namespace ridgeline::search
