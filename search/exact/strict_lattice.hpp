// The lattice of cuts of the strict model, what each costs, and bounds of what is left
// (docs/strict-model.md, 5).
//
// As in the reference's lattice (cut_lattice.hpp) a mapping is a chain of sub-multisets of the
// temporal loops' prime factors, one for each level of each operand: those inside its tiles. What a
// cut costs depends on its sub-multiset, and of outputs on which sums are complete further out.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <unordered_map>
#include <vector>

#include "model/core/strict_evaluate.hpp"
#include "model/core/strict_problem.hpp"
#include "search/budget.hpp"
#include "search/exact/cut_lattice.hpp"

namespace ridgeline::search {

// What bounds the latency: ports, then for each input and each operand what the first tiles of the
// input, all operations, exchanges of tiles of the operand, and the last results take one after the
// other.
inline constexpr int kMaxResources =
    model::kMaxPorts + (model::kMaxOperands - 1) * model::kMaxOperands;

// Cuts that are still to be placed, by operand; the outermost is placed first.
using CutsLeft = std::array<std::uint8_t, model::kMaxOperands>;

class StrictLattice {
 public:
  StrictLattice(const model::Problem& problem, std::int64_t most_nodes, std::int64_t most_bytes,
                Watch& watch);

  bool too_large() const { return too_large_; }
  bool nothing_fits() const { return nothing_fits_; }
  std::int64_t bytes() const { return bytes_; }  // of all cuts, with what is known of nodes
  const model::Problem& problem() const { return problem_; }
  std::int64_t nodes() const { return nodes_; }
  std::int64_t full() const { return nodes_ - 1; }
  const std::vector<FactorType>& types() const { return types_; }
  int type_count() const { return static_cast<int>(types_.size()); }
  const FactorType& type(int t) const { return types_[static_cast<std::size_t>(t)]; }
  int count_in(std::int64_t node, int t) const {
    return counts_[static_cast<std::size_t>(node) * types_.size() + static_cast<std::size_t>(t)];
  }
  // `t`: one of types().
  int count_in(std::int64_t node, const FactorType& t) const {
    return count_in(node, static_cast<int>(&t - types_.data()));
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
  // What the loops inside multiply to, by dimension.
  const std::array<double, model::kMaxDims>& inside(std::int64_t node) const {
    return inside_[static_cast<std::size_t>(node)];
  }

  // What a cut of outputs costs with sums that are not those of `cut`.
  model::StrictCut output_cut(int a, std::int64_t node, const model::StrictSums& sums) const;

  int resources() const { return problem_.ports + (problem_.operands - 1) * problem_.operands; }
  // What sums over all cuts take. How often the array reads sums back depends on how often they
  // begin anew, which the cut of outputs next to the innermost one says: that one counts as if all
  // were read, and this one, what is not read, as less.
  double energy_of(int o, int a, const model::StrictCut& cut) const {
    return cut.energy + counted(o, a, cut, fresh_energy_);
  }
  // Calls use(resource, cycles) for all that a cut takes.
  template <class Use>
  void each_load(int o, int a, const model::StrictCut& cut, const Use& use) const;
  // Adds the cycles of each resource that a cut takes.
  void add_loads(int o, int a, const model::StrictCut& cut,
                 std::array<double, kMaxResources>& loads) const;
  // What a resource takes whatever the cuts.
  double fixed_load(int resource) const {
    return resource >= problem_.ports ? operations_ + problem_.strict->skew : 0;
  }
  double operations() const { return operations_; }

 private:
  std::size_t place(int o, int a) const {
    return static_cast<std::size_t>(o * model::kMaxLevels + a);
  }
  void build_types();
  void count_nodes();
  void build_cuts(Watch& watch);
  double least_bits(int o, int m, std::int64_t node) const;
  void allow(int o, int a);
  void set_fresh();
  void add_wait(int o, int a, model::StrictCut& cut) const;

  const model::Problem& problem_;
  bool too_large_ = false;
  bool nothing_fits_ = false;
  std::int64_t bytes_ = 0;
  std::vector<FactorType> types_;
  std::int64_t nodes_ = 1;
  std::vector<std::uint8_t> counts_;  // [node][type]
  std::vector<std::array<double, model::kMaxDims>> inside_;
  double iterations_ = 1;
  double operations_ = 0;  // cycles
  std::int64_t combinations_ = 1;
  std::array<std::int64_t, model::kMaxOperands> step_{};
  model::StrictSums whole_;
  std::array<std::vector<std::uint8_t>, model::kMaxOperands * model::kMaxLevels> allowed_;
  std::array<std::vector<model::StrictCut>, model::kMaxOperands * model::kMaxLevels> cut_;
  std::array<std::vector<model::StrictSums>, model::kMaxLevels> assumed_;
  // What a sum that begins anew saves, and all of them at most.
  struct Fresh {
    double each = 0;
    double most = 0;
  };
  double counted(int o, int a, const model::StrictCut& cut, const Fresh& saved) const {
    if (o > 0 || a > 1 || cuts_of(0) == 1) return 0;
    const double all = saved.each * cut.sums.fresh;
    return a == 0 ? std::min(all, saved.most) : -all;
  }
  Fresh fresh_energy_;
  Fresh fresh_cycles_;  // of fresh_port_
  int fresh_port_ = -1;
  std::array<double, model::kMaxOperands> innermost_room_{};  // for an operand's tile, bits
};

template <class Use>
void StrictLattice::each_load(int o, int a, const model::StrictCut& cut, const Use& use) const {
  const model::StrictInterface& link = cut.link;
  const auto port = [&](int p, double amount) {
    if (p >= 0) use(p, amount * link.count);
  };
  port(link.up_port, link.up * link.up_share);
  port(link.down_port, link.down * link.down_share);
  port(link.back_up_port, link.back_up * link.up_share);
  port(link.back_down_port, link.back_down * link.down_share);
  if (fresh_port_ >= 0) {
    const double more = counted(o, a, cut, fresh_cycles_);
    if (more != 0) use(fresh_port_, more);
  }
  const double words = std::max(link.edge_up, link.edge_down);
  const double edge = words > 0 ? words + link.latency : 0;
  for (int i = 1; i < problem_.operands; ++i) {
    for (int x = 0; x < problem_.operands; ++x) {
      const double cycles = (o == 0 || o == i ? edge : 0) + (o == x ? cut.wait : 0);
      if (cycles > 0) use(problem_.ports + (i - 1) * problem_.operands + x, cycles);
    }
  }
}

// Cuts of outputs with the sums that come from outside, where the lattice has others; each is
// worked out once, and stays where it is.
class StrictOutputCuts {
 public:
  explicit StrictOutputCuts(const StrictLattice& lattice) : lattice_(lattice) {}

  const model::StrictCut& at(int a, std::int64_t node, const model::StrictSums& sums);
  std::int64_t bytes() const;

 private:
  struct Key {
    std::int64_t place = 0;  // level and node
    double finishes = 0;
    double fresh = 0;

    bool operator==(const Key&) const = default;
  };
  struct Hash {
    std::size_t operator()(const Key& key) const;
  };

  const StrictLattice& lattice_;
  std::unordered_map<Key, model::StrictCut, Hash> cuts_;
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
    return at(lattice_->combination(left) * lattice_->nodes() + node);
  }
  double at(std::int64_t place) const { return least_[static_cast<std::size_t>(place)]; }
  double price(int o, int a, const model::StrictCut& cut) const;

  // Nodes of the cheapest cuts of all, by operand and level; false where nothing fits.
  bool cheapest(PlacedCuts& nodes) const;

  static constexpr double kNothing = 1e300;

 private:
  const StrictLattice* lattice_;
  StrictPrices prices_;
  std::vector<double> least_;
};

}  // namespace ridgeline::search
