// What an allocation search may know of its genes, beside what evaluations tell: the work and the
// energy of each slot on each core, and who waits for whom.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "search/allocation/schedule_bound.hpp"
#include "search/fronts/genome_space.hpp"

namespace ridgeline::search {

struct AllocationHints {
  std::size_t first = 0;  // genes before this one are ways to cut; the others are cores of slots
  // By gene of a core and place of the core among the gene's values: cycles, pJ.
  std::vector<std::vector<double>> work;
  std::vector<std::vector<double>> energy;
  // Genes of cores, numbered from 0, whose slots' outputs each one's slot reads; slots without a
  // choice in between are looked through. In an order in which they come before their readers.
  std::vector<std::vector<int>> reads;
  std::vector<int> order;
  std::vector<double> fixed_work;  // by core: cycles of slots without a choice
  std::vector<int> slots;          // of each gene of a core
  int slot_count = 0;              // slots there are, with and without a choice
  // Core of each gene where the bound on the product of latency and energy is attained, as far as
  // it counts; empty: unknown.
  std::vector<int> least_product;

  bool known() const { return !work.empty(); }
};

// `slots`: slot of each gene from `first` on.
AllocationHints allocation_hints(const model::ScheduleProblem& problem,
                                 const ScheduleBounds& bounds, const GenomeSpace& space,
                                 std::size_t first, std::span<const int> slots);

// Good genomes without any evaluation, different from each other: the fastest and the thriftiest
// core for each slot, the least product of both, balanced work, a list schedule by critical path,
// runs of slots on one core each, and everything on one core. Their genes before `first` are the
// middle of their values.
std::vector<Genome> constructive_starts(const GenomeSpace& space, const AllocationHints& hints);

}  // namespace ridgeline::search
