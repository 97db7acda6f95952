// Vectors of choices, each from a list of its own, and general ways to vary them.
#pragma once

#include <cstdint>
#include <vector>

#include "search/fronts/nsga2.hpp"
#include "search/fronts/random.hpp"

namespace ridgeline::search {

// Values that each gene may take, ascending and not empty.
struct GenomeSpace {
  std::vector<std::vector<int>> values;

  // Number of genomes, or `limit` + 1 where there are more.
  std::uint64_t size(std::uint64_t limit) const;
  bool contains(const Genome& genome) const;
  // Genome with number `index` < size(): the first gene is the slowest.
  Genome at(std::uint64_t index) const;
};

// All operators return genomes inside the space.
Genome random_genome(const GenomeSpace& space, RandomStream& random);
// Exchanges the genes between two cut points; returns the first child.
Genome cross(const Genome& a, const Genome& b, RandomStream& random);
// Redraws each gene with probability 1/length, at least one that has a choice.
Genome redraw_genes(const GenomeSpace& space, const Genome& parent, RandomStream& random);
// Swaps two genes whose values are allowed in each other's place; the parent itself where the two
// that were drawn are not.
Genome swap_genes(const GenomeSpace& space, const Genome& parent, RandomStream& random);

}  // namespace ridgeline::search
