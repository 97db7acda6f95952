// Random numbers without state to share: a stream is a function of what it is for.
//
// Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", 2011): the
// seed is the key, and island, generation and individual are words of the counter, so any
// individual can be drawn on any thread or rank, in any order, with the same result.
#pragma once

#include <array>
#include <cstdint>

namespace ridgeline::search {

// Ten rounds of Philox on one counter.
std::array<std::uint32_t, 4> philox(std::array<std::uint32_t, 4> counter, std::uint64_t key);

class RandomStream {
 public:
  RandomStream(std::uint64_t seed, std::uint32_t island, std::uint32_t generation,
               std::uint32_t individual)
      : key_(seed), counter_{0, individual, generation, island} {}

  std::uint64_t next();
  // Uniform in [0, 1), 53 random bits.
  double uniform();
  // Uniform in [0, bound), without bias; `bound` >= 1.
  std::uint64_t below(std::uint64_t bound);

 private:
  std::uint64_t key_;
  std::array<std::uint32_t, 4> counter_;
  std::array<std::uint32_t, 4> words_{};
  int used_ = 4;  // of words_
};

}  // namespace ridgeline::search
