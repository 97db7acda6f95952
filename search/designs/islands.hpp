// Islands of NSGA-II that the strategies of studies breed on.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "search/designs/strategy.hpp"
#include "search/fronts/nsga2.hpp"

namespace ridgeline::search {

// One search an island, each with random numbers of its own. `variation` outlives them.
inline std::vector<Nsga2> islands_of(const Variation& variation, const IslandOptions& options,
                                     std::uint64_t seed) {
  Nsga2Options island;
  island.population = options.population;
  island.generations = options.generations;
  island.seed = seed;
  std::vector<Nsga2> islands;
  for (int i = 0; i < std::max(1, options.islands); ++i) {
    island.island = static_cast<std::uint32_t>(i);
    islands.emplace_back(variation, island);
  }
  return islands;
}

// Genomes that all islands ask for, from the first generation to the last.
inline std::uint64_t asked_of_islands(const IslandOptions& options) {
  return static_cast<std::uint64_t>(std::max(1, options.islands)) *
         static_cast<std::uint64_t>(options.population) *
         (static_cast<std::uint64_t>(options.generations) + 1);
}

}  // namespace ridgeline::search
