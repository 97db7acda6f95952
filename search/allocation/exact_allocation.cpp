#include "search/allocation/exact_allocation.hpp"

#include <algorithm>
#include <limits>
#include <utility>

namespace ridgeline::search {

ExactAllocation::ExactAllocation(const GenomeSpace& space, const GenomeSymmetry& symmetry,
                                 const AllocationHints& hints, AllocationSearchOptions settings)
    : GeneticAllocation(space, symmetry, hints, std::move(settings)), space_(space), hints_(hints) {
  AllocationProof& proof = outcome.proof;
  proof.least_cut = std::numeric_limits<double>::infinity();
  proof.cut_at.assign(space.values.size() + 1, 0);
  core_.assign(static_cast<std::size_t>(hints.slot_count), -1);
  proof.root_bound = bound_of({});
  least_ = std::numeric_limits<double>::infinity();
  if (batch.empty()) branch();
}

void ExactAllocation::advance(std::span<const model::ScheduleFigures> figures) {
  for (const model::ScheduleFigures& f : figures)
    if (f.feasible()) least_ = std::min(least_, objective_value(options.report, f));
  if (!branching_) GeneticAllocation::advance(figures);
  if (branching_ || batch.empty()) branch();
}

double ExactAllocation::bound_of(const Genome& genes) {
  std::fill(core_.begin(), core_.end(), -1);
  for (std::size_t g = 0; g < genes.size(); ++g)
    core_[static_cast<std::size_t>(hints_.slots[g])] = genes[g];
  return least_value(options.report, options.bounds->bound(core_));
}

bool ExactAllocation::hopeless(double bound) const {
  return bound >= least_ * (1 - kAllocationRounding);
}

void ExactAllocation::branch() {
  AllocationProof& proof = outcome.proof;
  if (!branching_) {
    branching_ = true;
    stack_.push_back({{}, proof.root_bound});
  }
  batch.clear();
  Watch watch(options.budget);
  while (!stack_.empty() && batch.size() < kLeaves && proof.nodes < options.node_limit) {
    if (watch.stopped()) {
      outcome.stopped = true;
      break;
    }
    Node node = std::move(stack_.back());
    stack_.pop_back();
    ++proof.nodes;
    if (hopeless(node.bound)) {
      ++proof.cut;
      ++proof.cut_at[node.genes.size()];
      proof.least_cut = std::min(proof.least_cut, node.bound);
      continue;
    }
    if (node.genes.size() == space_.values.size()) {
      ++proof.leaves;
      if (find(node.genes) != nullptr) continue;  // the genetic algorithm evaluated it
      leaf_bound_ = batch.empty() ? node.bound : std::min(leaf_bound_, node.bound);
      batch.push_back(std::move(node.genes));
      continue;
    }
    push_children(node);
  }
}

void ExactAllocation::conclude() {
  AllocationProof& proof = outcome.proof;
  proof.complete = branching_ && stack_.empty() && batch.empty();
  proof.lower_bound = branching_ ? least_ : proof.root_bound;
  if (!batch.empty()) proof.lower_bound = std::min(proof.lower_bound, leaf_bound_);
  for (const Node& node : stack_) proof.lower_bound = std::min(proof.lower_bound, node.bound);
  proof.lower_bound = std::max(proof.lower_bound, proof.root_bound);
  outcome.converged = proof.complete;
}

void ExactAllocation::push_children(const Node& node) {
  std::vector<Node> children;
  for (const int value : space_.values[node.genes.size()]) {
    Node child{node.genes, 0};
    child.genes.push_back(value);
    if (symmetry_.canonical(child.genes) != child.genes) continue;
    child.bound = std::max(bound_of(child.genes), node.bound);
    children.push_back(std::move(child));
  }
  std::stable_sort(children.begin(), children.end(),
                   [](const Node& a, const Node& b) { return a.bound > b.bound; });
  for (Node& child : children) stack_.push_back(std::move(child));
}

}  // namespace ridgeline::search
