// Admissible bounds on what a partial chain of cuts can still lead to (docs/exact-mapping.md,
// "Bounds").
//
// Chains are built from the outermost cut inwards. What a chain has paid so far is a vector of
// sums; tables give the least that the cuts still to be placed at a node or below will add.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "model/evaluation.hpp"
#include "search/exact_loading.hpp"
#include "search/exact_space.hpp"

namespace ridgeline::search {

// Sums over the cuts that are placed, as an array: energy; loading of cuts with several transfers
// of each input (separate and together, docs/model.md, 6.8) and of the output; then for
// each tracked port the figures of a PortShare.
inline constexpr int kPaidEnergy = 0;
inline constexpr int kPaidSeparate = 0;  // + operand, which is 1 or 2
inline constexpr int kPaidTogether = 2;
inline constexpr int kPaidOffload = 5;
inline constexpr int kPaidPorts = 6;
inline constexpr int kPaidPortWidth = 4;

class ExactBounds {
 public:
  explicit ExactBounds(const ExactSpace& space);

  // States are numbered by how many cuts of each operand are still to be placed.
  int left_stride(int operand) const { return left_stride_[static_cast<std::size_t>(operand)]; }
  int left_total() const { return left_total_; }
  // Placing a cut: from the state in which it is not left to the one in which it is. In an order
  // in which a table by state can be filled.
  struct Move {
    int from = 0;
    int to = 0;
    int cut = 0;  // place
  };
  const std::vector<Move>& moves() const { return moves_; }

  // Least energy of the cuts left, all at the node or below; kInfeasible where they do not fit.
  double energy_left(std::int64_t node, int left_index) const {
    return energy_left_[static_cast<std::size_t>(node * left_total_ + left_index)];
  }
  // Most busy / excess cycles of a tracked port that the cuts left may add.
  PortShare most_left(std::int64_t node, const OperandCounts& left, int tracked) const;

  // Number of the loading type; `type()` gives it.
  int type_index(const OperandCounts& at_top);
  const LoadingType& type(int index) const { return types_[static_cast<std::size_t>(index)]; }

  struct Latency {
    double stall = 0;
    double total = 0;
  };
  // Lower bounds for chains whose cuts left lie at `node` or below.
  Latency latency(const double* paid, int type, const OperandCounts& left, std::int64_t node) const;

  // Whether a tile below a cut at `node` surely fits no memory.
  bool surely_too_large(const Cut& cut, std::int64_t node) const;
  // Which floors the loading rule uses for an operand whose innermost cut lies at `node`: equal
  // numbers, equal floors on all ports.
  int floor_class(int operand, std::int64_t node) const {
    const auto& classes = floor_class_[static_cast<std::size_t>(operand)];
    return classes.empty() ? 0 : classes[static_cast<std::size_t>(node)];
  }

 private:
  void fill_energy();
  void fill_sums();
  void fill_floors();

  // [cuts left of one operand][node]: sums over them.
  double* least(int operand, int left, std::int64_t node) {
    return &least_[static_cast<std::size_t>(operand)]
                  [static_cast<std::size_t>((left * space_.nodes() + node) * width_)];
  }
  const double* least(int operand, int left, std::int64_t node) const {
    return &least_[static_cast<std::size_t>(operand)]
                  [static_cast<std::size_t>((left * space_.nodes() + node) * width_)];
  }

  const ExactSpace& space_;
  std::array<int, model::kMaxOperands> left_stride_{};
  int left_total_ = 1;
  std::vector<Move> moves_;
  std::vector<double> energy_left_;
  int width_ = 0;  // loading, together, then busy and excess of each tracked port
  std::array<std::vector<double>, model::kMaxOperands> least_;
  std::array<std::vector<double>, model::kMaxOperands> most_;
  std::array<std::vector<std::uint16_t>, model::kMaxOperands> floor_class_;
  std::array<InnerBits, model::kMaxOperands> inner_{};
  std::vector<double> most_demand_;  // of each tracked port
  std::vector<int> type_of_;         // by number of state; -1: not built yet
  std::vector<LoadingType> types_;
};

}  // namespace ridgeline::search
