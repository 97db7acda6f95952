// Points spread over a cube more evenly than chance would, in any number of dimensions.
//
// Dimensions go in pairs. Each pair is a Sobol' sequence of two dimensions under Owen's scrambling:
// of the first 2^m points, every box of 2^-a by 2^-b with a + b = m holds exactly one, and so does
// every interval of 2^-m of each dimension. Pairs are shuffled against each other and independent,
// so that no two dimensions are related. Scrambling and shuffling by hashes: Burley, "Practical
// hash-based Owen scrambling", JCGT 9(4), 2020. Whole numbers throughout: the same everywhere.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace ridgeline::search {

class EvenSamples {
 public:
  EvenSamples(std::size_t dimensions, std::uint64_t seed);

  // The next point: a coordinate a dimension, in units of 2^-32. Repeats after 2^32 points.
  const std::vector<std::uint32_t>& next();

 private:
  std::uint32_t number_ = 0;
  std::vector<std::uint32_t> shuffle_;   // hash seed, by pair
  std::vector<std::uint32_t> scramble_;  // hash seed, by dimension
  std::vector<std::uint32_t> point_;
};

}  // namespace ridgeline::search
