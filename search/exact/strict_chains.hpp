// Chains of cuts of the strict model that a search has begun to place, from the outermost inwards
// (docs/strict-model.md, 5).
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "model/core/strict_evaluate.hpp"
#include "search/exact/strict_lattice.hpp"
#include "search/exact/strict_tables.hpp"

namespace ridgeline::search {

struct StrictChain {
  std::int32_t parent = -1;  // without the last cut
  std::int8_t operand = -1;  // of the last one
  std::int8_t level = 0;
  std::int32_t node = 0;
  CutsLeft left{};
  model::StrictSums sums{};
  double energy = 0;
  double largest = 0;  // elements of the last one's tile
  double cycles = 0;   // that follow from where its cuts are, once that has been looked at
  bool close = false;  // `cycles` is known
  const model::StrictCut* cut = nullptr;

  bool complete() const {
    return std::all_of(left.begin(), left.end(), [](std::uint8_t one) { return one == 0; });
  }
};

class StrictChains {
 public:
  // Both are referred to; the tables have to be built before a chain is added.
  StrictChains(const StrictLattice& lattice, const StrictTables& tables);

  // The chain without cuts, which is chain 0.
  void add_root();
  // Adds a chain with the next cut of an operand at a node; -1: it cannot be there.
  std::int32_t add(std::int32_t from, int o, std::int64_t node);
  // Takes back the chain that was added last.
  void forget();

  const StrictChain& operator[](std::int32_t chain) const {
    return chains_[static_cast<std::size_t>(chain)];
  }
  std::size_t size() const { return chains_.size(); }
  // What it costs at least with the cuts that are left at a node or further in.
  StrictLeast least(std::int32_t chain, std::int64_t node) const;
  // From now on also by what follows from where its cuts are: takes longer.
  void look_closer(std::int32_t chain);
  // Nodes of the cuts that are placed.
  PlacedCuts placed(std::int32_t chain) const;
  std::int64_t bytes() const;

 private:
  double largest_of(std::int32_t chain, int a) const;
  StrictKnown known_of_last() const;

  const StrictLattice& lattice_;
  const StrictTables& tables_;
  const model::Problem& problem_;
  int resources_;
  std::size_t stride_;  // of loads_
  std::vector<StrictChain> chains_;
  std::vector<StrictKnown> known_;  // of each chain
  std::vector<double> loads_;       // [chain][resource, then bits of each memory]
  StrictOutputCuts outputs_;
};

}  // namespace ridgeline::search
