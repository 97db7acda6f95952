// Admissible bounds on what a partial chain of cuts can still lead to (docs/exact-mapping.md,
// "Bounds").
//
// Chains are built from the outermost cut inwards. What a chain has paid so far is a vector of
// sums; tables give the least that the cuts still to be placed at a node or below will add.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "model/core/evaluation.hpp"
#include "search/budget.hpp"
#include "search/exact/cut_lattice.hpp"
#include "search/exact/loading.hpp"

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
// After the ports: bits of the output's last tile at most, then the bits in each memory that
// operands share. -1: the memory has one resident.
int paid_bits_place(const CutLattice& space, int memory);
int paid_width(const CutLattice& space);

class ExactBounds {
 public:
  // What it is for: only what is said of energies and states holds; or also loading types and what
  // prices need; or all.
  enum class Use : std::uint8_t { energies, prices, search };
  // If the watch says to end, the bounds are worth nothing.
  ExactBounds(const CutLattice& space, Watch& watch, Use use = Use::search);
  // Makes it good for more than it was built for: energies alone often show that nothing is better.
  void extend(Watch& watch, Use use);

  std::int64_t bytes() const;  // that the tables take

  // States are numbered by how many cuts of each operand are still to be placed; for the output
  // also by whether its last tile only fits without partial sums, so that its next cut must lie
  // where all irrelevant loops are below.
  int states() const { return states_; }
  int all_left() const { return all_left_; }
  int left(int state, int operand) const;  // cuts of an operand
  // The state after an operand's next cut is placed at a node; -1: it may not be.
  int placed(int state, int operand, std::int64_t node) const;
  // Place of a node and state in a table of all states, and its entries in all. Of a sparse lattice
  // only what can be reached has a place of its own: nodes at or above which each cut that is
  // placed may lie; all others have kInfeasible in common.
  std::int64_t cell(std::int64_t node, int state) const {
    const std::int64_t x = space_.orbit(node);
    return base_[static_cast<std::size_t>(state * blocks_ + (x >> shift_))] + x;
  }
  std::int64_t cells() const { return cells_; }
  // A table of the least sums of the cuts left, all at the node or below, from what each cut costs,
  // [cut][node]. No cuts left cost nothing. Returns false, and the table is worth nothing, if the
  // watch says so.
  bool fill_table(const double* cost, double* table, Watch& watch) const;

  // Least energy of the cuts left, all at the node or below; kInfeasible where they do not fit.
  double energy_left(std::int64_t node, int state) const { return energy_left(cell(node, state)); }
  double energy_left(std::int64_t cell) const {
    return energy_left_[static_cast<std::size_t>(cell)];
  }
  // Most busy and excess cycles and demand of a tracked port that the cuts left may add.
  PortShare most_left(std::int64_t node, const OperandCounts& left, int tracked) const;

  // Most and least separate loading of an input that the cuts left may add.
  double most_loading(std::int64_t node, const OperandCounts& left, int operand) const;
  double least_loading(std::int64_t node, const OperandCounts& left, int operand) const {
    return sums(operand, left[static_cast<std::size_t>(operand)]).least(node, 0);
  }

  // Number of the loading type; `type()` gives it. `numbers()`: of `at_top` in all.
  int type_index(const OperandCounts& at_top);
  int numbers() const { return static_cast<int>(type_of_.size()); }
  OperandCounts at_top(int number) const;
  const LoadingType& type(int index) const { return types_[static_cast<std::size_t>(index)]; }

  struct Latency {
    double stall = 0;
    double total = 0;
  };
  // Lower bounds for chains whose cuts left lie at `node` or below.
  Latency latency(const double* paid, int type, const OperandCounts& left, std::int64_t node) const;

  double least_bits(const Cut& cut, std::int64_t node) const {
    return space_.least_bits(cut, node);
  }
  bool surely_too_large(const Cut& cut, std::int64_t node) const {
    return space_.surely_too_large(cut, node);
  }
  // Which floors the loading rule uses for an operand whose innermost cut lies at `node`: equal
  // numbers, equal floors on all ports.
  std::uint32_t floor_class(int operand, std::int64_t node) const {
    const auto& classes = floor_class_[static_cast<std::size_t>(operand)];
    return classes.empty() ? 0 : classes[static_cast<std::size_t>(node)];
  }

 private:
  void build_masks();
  void fill_energy(Watch& watch);
  void fill_sums(Watch& watch);
  void fill_floors(Watch& watch);
  void number_floors(Watch& watch);

  // Sums over so many cuts left of one operand. They use the first `ports` of its ports. Figures
  // that are zero everywhere are left out of rows, and demand that is small everywhere.
  struct Sums {
    int ports = 0;
    const NodeBlocks* reach = nullptr;  // nodes that have a row; null: one row for all
    // Figures of a row: loading, together, then busy, excess and demand of each port.
    std::vector<double> least_rows;
    // Loading, then busy, excess and demand of each port; rounded up.
    std::vector<float> most_rows;
    std::vector<int> least_figures;  // those that rows have
    std::vector<int> most_figures;
    std::vector<int> least_place;  // of each figure in a row; -1: it is zero
    std::vector<int> most_place;

    std::size_t row(std::int64_t node) const {
      return reach == nullptr ? 0 : static_cast<std::size_t>(reach->at(node));
    }
    const double* least_at(std::int64_t node) const {
      return least_rows.data() + row(node) * least_figures.size();
    }
    double least(std::int64_t node, int figure) const {
      const int place = least_place[static_cast<std::size_t>(figure)];
      return place < 0 ? 0 : least_at(node)[place];
    }
    double most(std::int64_t node, int figure) const {
      const int place = most_place[static_cast<std::size_t>(figure)];
      if (place < 0) return 0;
      return most_rows[row(node) * most_figures.size() + static_cast<std::size_t>(place)];
    }
  };
  const Sums& sums(int operand, int left) const {
    return sums_[static_cast<std::size_t>(operand)][static_cast<std::size_t>(left)];
  }

  const CutLattice& space_;
  Use use_ = Use::energies;
  struct Move {
    int from = 0;  // state with the cut placed
    int to = 0;
    int cut = 0;  // place
    // Of the output: only where everything is reduced; whether the tile must not grow (1), or
    // must (2).
    bool reduced = false;
    std::uint8_t growth = 0;
    int mask = -1;  // place in `masks_`; -1: allowed everywhere
  };
  bool grows(const Cut& cut, std::int64_t node) const;
  void number_states();
  // Whether the output's next cut must lie where everything is reduced.
  bool must_be_reduced(int state) const {
    const int cuts = space_.cuts_of(0);
    return !grows_.empty() && state % (2 * cuts + 1) > cuts;  // the output's stride is 1
  }
  std::vector<double> least_bits_of_blocks(const Cut& cut) const;
  void place_cells();
  void sweep(int state, double* row) const;
  void sweep_all(double* row) const;
  void fill_state(const double* cost, const double* table, std::size_t& move, double* here) const;
  void fill_state_sparsely(const double* cost, const double* table, std::size_t& move,
                           double* here) const;
  // First cell of a block of a state; below kSize: it has none.
  std::int64_t block_cell(int state, std::int64_t block) const {
    return base_[static_cast<std::size_t>(state * blocks_ + block)] + (block << shift_);
  }

  std::array<int, model::kMaxOperands> stride_{};
  int states_ = 1;
  int all_left_ = 0;
  std::vector<Move> moves_;  // by `to`, each after those that lead to its `from`
  int shift_ = 62;           // of nodes to blocks
  std::int64_t blocks_ = 1;  // of a state
  std::int64_t cells_ = 0;
  std::vector<std::int32_t> base_;  // [state][block]: what leads from a node to its cell
  // Of a sparse lattice, by state and so many nodes that follow each other: whether any has a cell.
  std::vector<std::uint8_t> reached_;
  // By node: 0 where moves are allowed, else kInfeasible.
  std::vector<std::vector<double>> masks_;
  std::vector<std::vector<std::uint8_t>> grows_;  // [cut of the output][node]; empty: never
  std::vector<double> energy_left_;
  // Tracked ports that an operand's cuts use, those of inner cuts first, and the place of each port
  // among them; -1: not.
  std::array<std::vector<int>, model::kMaxOperands> ports_of_;
  std::array<std::array<int, kMaxTrackedPorts>, model::kMaxOperands> place_of_{};
  std::array<std::vector<Sums>, model::kMaxOperands> sums_;  // by cuts left
  std::array<std::vector<std::uint32_t>, model::kMaxOperands> floor_class_;
  std::array<InnerBits, model::kMaxOperands> inner_{};
  std::vector<double> most_demand_;  // of each tracked port
  std::vector<int> type_of_;         // by number of state; -1: not built yet
  std::vector<LoadingType> types_;
};

}  // namespace ridgeline::search
