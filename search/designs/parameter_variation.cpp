#include "search/designs/parameter_variation.hpp"

#include <algorithm>

namespace ridgeline::search {
namespace {

constexpr double kCrossover = 0.9;
constexpr int kTries = 32;  // to find a design that exists

}  // namespace

Genome ParameterVariation::random(RandomStream& random) const {
  for (int i = 0; i < kTries; ++i) {
    const std::uint64_t id = random.below(space_.grid);
    if (space_.exists(id)) return space_.values_of(id);
  }
  // Conditions leave little of the grid: the next one that exists.
  const std::uint64_t from = random.below(space_.grid);
  return space_.values_of(space_.next_existing ? space_.next_existing(from) : from);
}

Genome ParameterVariation::child(std::span<const Individual> members, RandomStream& random) const {
  const auto pick = [&]() -> const Individual& {
    const Individual& x = members[random.below(members.size())];
    const Individual& y = members[random.below(members.size())];
    return fitter(x, y) ? x : y;
  };
  const auto chance = [&](double p) { return random.uniform() < p; };
  Genome genes = pick().genome;
  const Genome& other = pick().genome;
  const std::size_t parameters = space_.sizes.size();
  if (chance(kCrossover))
    for (std::size_t g = 0; g < parameters; ++g)
      if (chance(0.5)) genes[g] = other[g];
  const double rate = 1.0 / static_cast<double>(std::max<std::size_t>(1, parameters));
  for (std::size_t g = 0; g < parameters; ++g) {
    const int size = space_.sizes[g];
    if (size < 2 || !chance(rate)) continue;
    if (chance(0.5)) {
      genes[g] = std::clamp(genes[g] + (chance(0.5) ? 1 : -1), 0, size - 1);
    } else {
      genes[g] = static_cast<int>(random.below(static_cast<std::uint64_t>(size)));
    }
  }
  return genes;
}

}  // namespace ridgeline::search
