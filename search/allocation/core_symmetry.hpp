// Identical cores are interchangeable: allocations that differ only by which of them is which cost
// the same, and one of them stands for all.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "model/system/schedule_problem.hpp"
#include "search/fronts/genome_space.hpp"

namespace ridgeline::search {

// The genomes of a space up to permutations of interchangeable values: genes from `first` on whose
// values lie in one class may have them permuted together.
class GenomeSymmetry {
 public:
  // Without symmetry.
  explicit GenomeSymmetry(const GenomeSpace& space);
  // `classes`: lists of interchangeable values. Each gene from `first` on has all values of a
  // class or none.
  GenomeSymmetry(const GenomeSpace& space, std::size_t first,
                 const std::vector<std::vector<int>>& classes);

  // The smallest genome that a permutation makes of this one.
  Genome canonical(const Genome& genome) const;
  // What a permutation makes of this one that agrees with `other` in many genes.
  Genome aligned(const Genome& genome, const Genome& other) const;
  // Number of genomes that permutations make of this one; the largest number where there are more.
  std::uint64_t equals(const Genome& genome) const;
  // Number of canonical genomes, or `limit` + 1 where there are more.
  std::uint64_t size(std::uint64_t limit) const;
  // The smallest canonical genome, and the one after `genome`; false after the last.
  Genome first() const;
  bool next(Genome& genome) const;

 private:
  int class_of(std::size_t gene, int value) const;

  const GenomeSpace& space_;
  std::size_t first_ = 0;
  std::vector<int> class_of_;              // by value; -1: in none
  std::vector<int> rank_;                  // by value: place in its class
  std::vector<std::vector<int>> classes_;  // ascending
};

// Classes of at least two cores each, of which any two may be exchanged: all nodes cost the same
// on them, their memories are alike, and the interconnect looks the same from both. Cores that
// `fixed` lists are in none. `genes`: the slots' genes, whose values are cores; those of a class
// are in the same ones.
std::vector<std::vector<int>> interchangeable_cores(const model::ScheduleProblem& problem,
                                                    const GenomeSpace& space, std::size_t first,
                                                    const std::vector<int>& fixed);

}  // namespace ridgeline::search
