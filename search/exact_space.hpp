// The lattice that the exact mapper searches, and admissible bounds on what is left to pay
// (docs/exact-mapping.md).
//
// A mapping is a chain of sub-multisets of the prime factors of the temporal loops: for each
// operand and memory level, the loops below that level's upper cut. What a cut costs depends on
// the sub-multiset alone. Cuts are numbered per operand from the innermost; an input has one
// more, below which only loops lie that are irrelevant to it: the product of those is how long
// the array keeps its data.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "model/problem.hpp"

namespace ridgeline::search {

inline constexpr int kMaxCuts = model::kMaxOperands * (model::kMaxLevels + 1);
inline constexpr int kMaxFactorTypes = 32;
inline constexpr int kMaxTracked = 12;  // energy and the ports that may bind

// A distinct (dimension, prime) and how often it occurs.
struct FactorType {
  int dim = 0;
  std::int64_t prime = 1;
  int count = 0;
  std::int64_t stride = 1;         // of a node's number
  std::uint8_t irrelevant_to = 0;  // bit o: irrelevant to operand o
};

struct Cut {
  int operand = 0;
  int level = 0;            // architecture level: loops of levels 0..level lie below
  bool stationary = false;  // the innermost cut of an input
  // Transfer over this cut, by node: cycles of the longer of its two ports' shares. 0 for
  // stationary cuts, which no loading crosses.
  std::vector<double> loading;
  // The least it can be for cuts at the node or beyond: outputs may get narrower there.
  std::vector<double> loading_beyond;
  double loading_once = 0;           // lower bound of it where everything is moved once
  std::vector<double> bits_partial;  // tile below the cut, by node, at partial-sum precision
  std::vector<double> bits_final;
  std::vector<double> cost;  // [node][tracked]: energy, then busy cycles of each tracked port
};

class ExactSpace {
 public:
  // `limit`: largest number of states; beyond it `too_large()` holds and nothing else is set.
  ExactSpace(const model::Problem& problem, std::int64_t limit);

  bool too_large() const { return too_large_; }
  const model::Problem& problem() const { return problem_; }
  int type_count() const { return static_cast<int>(types_.size()); }
  const FactorType& type(int t) const { return types_[static_cast<std::size_t>(t)]; }
  std::int64_t nodes() const { return nodes_; }
  std::int64_t full() const { return nodes_ - 1; }
  double iterations() const { return iterations_; }
  double cycles(std::int64_t node) const { return cycles_[static_cast<std::size_t>(node)]; }
  int count_in(std::int64_t node, int t) const {
    const FactorType& f = types_[static_cast<std::size_t>(t)];
    return static_cast<int>(node / f.stride % (f.count + 1));
  }

  int cuts_of(int operand) const { return cut_count_[static_cast<std::size_t>(operand)]; }
  const Cut& cut(int operand, int index) const {
    return cuts_[static_cast<std::size_t>(first_cut_[static_cast<std::size_t>(operand)] + index)];
  }
  // Whether all loops irrelevant to the output lie in the node (no partial sums beyond it).
  bool reduced(std::int64_t node) const { return reduced_[static_cast<std::size_t>(node)] != 0; }

  // Elements of the whole operand in its outermost memory, not rounded.
  double top_elements(int operand) const {
    return top_elements_[static_cast<std::size_t>(operand)];
  }

  int tracked() const { return tracked_; }
  // What every mapping pays: of the array's own transfers of the output, and of the MACs.
  const std::array<double, kMaxTracked>& constant() const { return constant_; }

  // Bounds on what a state still has to pay. `passed` counts the cuts of each operand that
  // are placed; states are numbered by (node, passed).
  std::int64_t passed_stride(int operand) const {
    return passed_stride_[static_cast<std::size_t>(operand)];
  }
  std::int64_t passed_total() const { return passed_total_; }
  const double* bound(std::int64_t node, std::int64_t passed) const {
    return &bound_[static_cast<std::size_t>((node * passed_total_ + passed) * tracked_)];
  }
  bool feasible(std::int64_t node, std::int64_t passed) const {
    return bound(node, passed)[0] < kInfeasible;
  }
  static constexpr double kInfeasible = 1e300;

  // Orderings of all prime factors, for reports.
  double orderings() const;

 private:
  void build_types();
  void build_nodes();
  void build_cuts();
  void fill_cut(Cut& cut);
  void find_tracked_ports();
  void fill_costs();
  void fill_loading_bounds();
  void fill_bounds();

  model::Problem problem_;
  bool too_large_ = false;
  std::vector<FactorType> types_;
  std::int64_t nodes_ = 1;
  double iterations_ = 1;
  std::vector<double> cycles_;
  std::vector<std::uint8_t> reduced_;
  std::vector<Cut> cuts_;
  std::array<int, model::kMaxOperands> first_cut_{};
  std::array<int, model::kMaxOperands> cut_count_{};
  std::array<int, model::kMaxPorts> tracked_port_{};  // place among the tracked; -1: not
  std::array<double, model::kMaxOperands> top_elements_{};
  int tracked_ = 1;
  std::array<double, kMaxTracked> constant_{};
  std::array<std::int64_t, model::kMaxOperands> passed_stride_{};
  std::int64_t passed_total_ = 1;
  std::vector<double> bound_;
  // Port of each (operand, memory level, direction); -1: none.
  std::array<std::array<std::array<int, model::kDirections>, model::kMaxLevels>,
             model::kMaxOperands>
      port_{};
};

}  // namespace ridgeline::search
