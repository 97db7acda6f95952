// The lattice of cuts of the strict model, what each costs, and bounds of what is left
// (docs/strict-model.md, 5).
//
// As in the reference's lattice (cut_lattice.hpp) a mapping is a chain of sub-multisets of the
// temporal loops' prime factors, one for each level of each operand: those inside its tiles. What a
// cut costs depends on its sub-multiset, and of outputs on which sums are complete further out.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "model/core/strict_evaluate.hpp"
#include "model/core/strict_problem.hpp"
#include "search/budget.hpp"
#include "search/exact/cut_lattice.hpp"

namespace ridgeline::search {

// What bounds the latency: ports, then for each input what the first tiles, all operations and the
// last results take one after the other.
inline constexpr int kMaxResources = model::kMaxPorts + model::kMaxOperands;

// Cuts that are still to be placed, by operand; the outermost is placed first.
using CutsLeft = std::array<std::uint8_t, model::kMaxOperands>;

class StrictLattice {
 public:
  StrictLattice(const model::Problem& problem, std::int64_t most_nodes, std::int64_t most_bytes,
                Watch& watch);

  bool too_large() const { return too_large_; }
  bool nothing_fits() const { return nothing_fits_; }
  const model::Problem& problem() const { return problem_; }
  std::int64_t nodes() const { return nodes_; }
  std::int64_t full() const { return nodes_ - 1; }
  const std::vector<FactorType>& types() const { return types_; }
  int count_in(std::int64_t node, const FactorType& t) const {
    return static_cast<int>(node / t.stride % (t.count + 1));
  }
  double iterations() const { return iterations_; }

  int cuts_of(int o) const { return problem_.operand[static_cast<std::size_t>(o)].levels; }
  CutsLeft all_cuts() const;
  std::int64_t combinations() const { return combinations_; }
  std::int64_t combination(const CutsLeft& left) const {
    std::int64_t place = 0;
    for (std::size_t o = 0; o < left.size(); ++o) place += left[o] * step_[o];
    return place;
  }
  std::int64_t step(int o) const { return step_[static_cast<std::size_t>(o)]; }

  // Whether the tiles below architecture level a of operand o can be those of the node.
  bool may_lie(int o, int a, std::int64_t node) const {
    return allowed_[place(o, a)][static_cast<std::size_t>(node)] != 0;
  }
  // Whether a cut moves outwards over loops that its operand does not depend on.
  bool sinks(int o, int a) const;
  // What the cut costs; of outputs at least, and exactly if `sums` are those that come from
  // outside.
  const model::StrictCut& cut(int o, int a, std::int64_t node) const {
    return cut_[place(o, a)][static_cast<std::size_t>(node)];
  }
  const model::StrictSums& assumed(int a, std::int64_t node) const {
    return assumed_[static_cast<std::size_t>(a)][static_cast<std::size_t>(node)];
  }
  const model::StrictSums& whole() const { return whole_; }
  std::array<double, model::kMaxDims> inside(std::int64_t node) const;

  int resources() const { return problem_.ports + problem_.operands; }
  // Adds the cycles of each resource that a cut takes.
  void add_loads(int o, const model::StrictCut& cut,
                 std::array<double, kMaxResources>& loads) const;
  // What a resource takes whatever the cuts.
  double fixed_load(int resource) const {
    return resource > problem_.ports ? operations_ + problem_.strict->skew : 0;
  }
  double operations() const { return operations_; }

 private:
  std::size_t place(int o, int a) const {
    return static_cast<std::size_t>(o * model::kMaxLevels + a);
  }
  void build_types();
  void build_cuts(Watch& watch);
  void allow(int o, int a);

  const model::Problem& problem_;
  bool too_large_ = false;
  bool nothing_fits_ = false;
  std::vector<FactorType> types_;
  std::int64_t nodes_ = 1;
  double iterations_ = 1;
  double operations_ = 0;  // cycles
  std::int64_t combinations_ = 1;
  std::array<std::int64_t, model::kMaxOperands> step_{};
  model::StrictSums whole_;
  std::array<std::vector<std::uint8_t>, model::kMaxOperands * model::kMaxLevels> allowed_;
  std::array<std::vector<model::StrictCut>, model::kMaxOperands * model::kMaxLevels> cut_;
  std::array<std::vector<model::StrictSums>, model::kMaxLevels> assumed_;
};

// Prices of energy and of the cycles of each resource.
struct StrictPrices {
  double energy = 0;
  std::array<double, kMaxResources> cycles{};
};

// The least price of all cuts that are left, by node and cuts left.
class StrictBounds {
 public:
  StrictBounds(const StrictLattice& lattice, const StrictPrices& prices);

  const StrictPrices& prices() const { return prices_; }
  double at(std::int64_t node, const CutsLeft& left) const {
    return least_[static_cast<std::size_t>(lattice_->combination(left) * lattice_->nodes() + node)];
  }
  double price(int o, const model::StrictCut& cut) const;

  // Nodes of the cheapest cuts of all, by operand and level; false where nothing fits.
  using Nodes = std::array<std::array<std::int64_t, model::kMaxLevels>, model::kMaxOperands>;
  bool cheapest(Nodes& nodes) const;

  static constexpr double kNothing = 1e300;

 private:
  const StrictLattice* lattice_;
  StrictPrices prices_;
  std::vector<double> least_;
};

}  // namespace ridgeline::search
