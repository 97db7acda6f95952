#include "search/fronts/even_samples.hpp"

#include "search/fronts/random.hpp"

namespace ridgeline::search {

namespace {

std::uint32_t reversed(std::uint32_t x) {
  x = (x >> 16) | (x << 16);
  x = ((x & 0xff00ff00u) >> 8) | ((x & 0x00ff00ffu) << 8);
  x = ((x & 0xf0f0f0f0u) >> 4) | ((x & 0x0f0f0f0fu) << 4);
  x = ((x & 0xccccccccu) >> 2) | ((x & 0x33333333u) << 2);
  return ((x & 0xaaaaaaaau) >> 1) | ((x & 0x55555555u) << 1);
}

// Flips each bit as a hash of the bits above it says: a nested permutation of all halves.
std::uint32_t scrambled(std::uint32_t x, std::uint32_t seed) {
  x = reversed(x);
  x += seed;
  x ^= x * 0x6c50b47cu;
  x ^= x * 0xb82f1e52u;
  x ^= x * 0xc7afe638u;
  x ^= x * 0x8d22f6e6u;
  return reversed(x);
}

// The second dimension of Sobol's sequence (the first is the number with its bits reversed).
std::uint32_t sobol_second(std::uint32_t number) {
  std::uint32_t result = 0;
  for (std::uint32_t direction = 1u << 31; number != 0; number >>= 1) {
    if (number & 1u) result ^= direction;
    direction ^= direction >> 1;
  }
  return result;
}

}  // namespace

EvenSamples::EvenSamples(std::size_t dimensions, std::uint64_t seed) : point_(dimensions) {
  for (std::size_t d = 0; d < dimensions; ++d) {
    RandomStream random(seed, 0, 0, static_cast<std::uint32_t>(d));
    scramble_.push_back(static_cast<std::uint32_t>(random.next() >> 32));
    const auto shuffle = static_cast<std::uint32_t>(random.next() >> 32);
    if (d % 2 == 0) shuffle_.push_back(shuffle);
  }
}

const std::vector<std::uint32_t>& EvenSamples::next() {
  for (std::size_t pair = 0; pair < shuffle_.size(); ++pair) {
    const std::uint32_t number = scrambled(number_, shuffle_[pair]);
    const std::size_t d = 2 * pair;
    point_[d] = scrambled(reversed(number), scramble_[d]);
    if (d + 1 < point_.size()) point_[d + 1] = scrambled(sobol_second(number), scramble_[d + 1]);
  }
  ++number_;
  return point_;
}

}  // namespace ridgeline::search
