// The exact engine of the allocation search.
#pragma once

#include <span>
#include <vector>

#include "search/allocation/genetic_allocation.hpp"

namespace ridgeline::search {

// The genetic algorithm, then depth-first branch and bound over the genes in their order, each
// node's children by rising bound. Leaves are evaluated in batches; what is cut depends on what was
// told alone.
class ExactAllocation final : public GeneticAllocation {
 public:
  ExactAllocation(const GenomeSpace& space, const GenomeSymmetry& symmetry,
                  const AllocationHints& hints, AllocationSearchOptions settings);

  void advance(std::span<const model::ScheduleFigures> figures) override;

 private:
  struct Node {
    Genome genes;  // decided ones
    double bound = 0;
  };
  static constexpr std::size_t kLeaves = 256;

  double bound_of(const Genome& genes);

  // Nothing below a node is better than the best by more than rounding.
  bool hopeless(double bound) const;

  void branch();

  // No allocation is below the best, or what is still open.
  void conclude() override;

  // The one with the least bound comes to the top.
  void push_children(const Node& node);

  const GenomeSpace& space_;
  const AllocationHints& hints_;
  std::vector<Node> stack_;
  std::vector<int> core_;  // by slot, while a bound is asked for
  double least_ = 0;       // of the reported objective, evaluated so far
  double leaf_bound_ = 0;  // the least of the batch's leaves
  bool branching_ = false;
};

}  // namespace ridgeline::search
