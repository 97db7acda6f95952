// Ways from one allocation to others: by crossing, and by moves that know the problem.
#pragma once

#include <vector>

#include "search/allocation/allocation_hints.hpp"
#include "search/allocation/core_symmetry.hpp"
#include "search/fronts/nsga2.hpp"

namespace ridgeline::search {

// Genomes come out canonical. What it refers to outlives it.
class AllocationVariation final : public Variation {
 public:
  AllocationVariation(const GenomeSpace& space, const GenomeSymmetry& symmetry,
                      const AllocationHints& hints);

  Genome random(RandomStream& random) const override;
  // Two members crossed, or one of them moved.
  Genome child(std::span<const Individual> members, RandomStream& random) const override;

  // One of: a gene gets another value, two swap theirs, a run of slots goes to one core, two cores
  // change places in a run, the cut between two runs shifts, the busiest core hands a slot to the
  // one that is then free the soonest.
  Genome move(const Genome& genome, RandomStream& random) const;
  Genome canonical(const Genome& genome) const { return symmetry_.canonical(genome); }
  // `strength` moves one after the other.
  Genome kick(const Genome& genome, int strength, RandomStream& random) const;
  // In so many runs of slots two cores change places.
  Genome exchange(const Genome& genome, int times, RandomStream& random) const;
  // Up to a third of the network's slots, which lie together, half of them drawn anew.
  Genome shake(const Genome& genome, RandomStream& random) const;
  // `one` with a run of genes of `other`, whose identical cores are named first as in `one`.
  Genome crossed(const Genome& one, const Genome& other, RandomStream& random) const;
  // By gene: where they differ, and the slots before and after in the order of the network.
  std::vector<bool> near(const Genome& one, const Genome& other) const;
  // All genomes that differ from this one in one gene, in an order that `random` decides.
  std::vector<Genome> neighbours(const Genome& genome, RandomStream& random) const;

 private:
  std::size_t cores_begin() const { return hints_.known() ? hints_.first : space_.values.size(); }
  bool has(std::size_t gene, int value) const;
  void assign_run(Genome& genome, RandomStream& random) const;
  void exchange_cores(Genome& genome, RandomStream& random) const;
  void shift_cut(Genome& genome, RandomStream& random) const;
  void relieve_busiest(Genome& genome, RandomStream& random) const;

  const GenomeSpace& space_;
  const GenomeSymmetry& symmetry_;
  const AllocationHints& hints_;
};

}  // namespace ridgeline::search
