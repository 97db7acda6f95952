// The lattice that the exact mapper searches, and what each cut costs at each of its nodes
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
#include <memory>
#include <string>
#include <vector>

#include "model/core/evaluation.hpp"
#include "model/core/problem.hpp"
#include "search/budget.hpp"
#include "search/exact/node_blocks.hpp"

namespace ridgeline::search {

inline constexpr int kMaxCuts = model::kMaxOperands * (model::kMaxLevels + 1);
inline constexpr int kMaxFactorTypes = 32;
inline constexpr int kMaxTrackedPorts = 20;  // ports that may bind

// A distinct (dimension, prime) and how often it occurs.
struct FactorType {
  int dim = 0;
  std::int64_t prime = 1;
  int count = 0;
  std::int64_t stride = 1;         // of a node's number
  std::uint8_t irrelevant_to = 0;  // bit o: irrelevant to operand o
};

// What a cut adds to a tracked port.
struct PortShare {
  double busy = 0;    // cycles of all its transfers but the first
  double excess = 0;  // cycles by which these exceed the windows that they may take at most
  double demand = 0;  // bits a cycle of what loads many times, as the loading rule rounds them
  double cycles = 0;  // cycles of one transfer of each of these
};

// How the loading of a cut enters the latency (docs/model.md, 6.8).
enum class LoadingRole : std::uint8_t { none, separate, together, offload };

struct Cut {
  int operand = 0;
  int level = 0;            // architecture level: loops of levels 0..level lie below
  bool stationary = false;  // the innermost cut of an input
  int memory = -1;          // place in Problem::memory of the tile below; -1 for stationary cuts
  LoadingRole role = LoadingRole::none;
  std::uint32_t ports = 0;          // tracked ports of several links that it always uses
  std::uint32_t partial_ports = 0;  // and those that partial sums may use as well
  // Nodes at which it may lie, and those below them; the figures of others are left out of large
  // lattices.
  NodeBlocks blocks;
  // By node, at its place at(node):
  std::vector<double> energy;               // kInfeasible where partial sums have no port
  std::vector<double> loading;              // cycles of the longer of its two ports' transfers
  std::vector<double> below_cycles;         // of the transfer on the side of the lower memory
  std::vector<double> above_cycles;         // and of the upper one
  std::vector<std::uint8_t> comes_back;     // partial sums take the same time again
  std::vector<std::uint8_t> single_buffer;  // the tile surely leaves no room for a second one,
                                            // if an irrelevant loop ends its level
  std::vector<double> bits_partial;         // tile below the cut, at partial-sum precision
  std::vector<double> bits_final;
  std::vector<double> bits_most;  // and what the model takes it to be at most
  // The same where latency is concerned; only of the innermost memory, and of all nodes.
  std::vector<double> floor_bits_partial;
  std::vector<double> floor_bits_final;
  std::vector<std::uint8_t> short_window;  // the window of its transfers is surely one cycle
  // The longest window that constraints leave, where it is shorter than the period; empty: they
  // leave all. Only of the innermost memory.
  std::vector<double> longest_window;
  std::vector<std::uint8_t> uncertain;  // what follows are lower bounds only
  // Only of a lattice that can be priced anew: by Direction, granules (bandwidth_min) that cross
  // in this direction, of all instances, before the model cuts off parts of accesses; and 0 or,
  // where the cut cannot lie, kInfeasible.
  std::array<std::vector<double>, model::kDirections> granules;
  std::vector<double> blocked;
  // Tracked ports that any of its transfers use; the others have no share. At most four.
  std::vector<std::uint8_t> own_ports;
  std::vector<PortShare> shares;  // [place of node][own port]

  std::size_t at(std::int64_t node) const { return static_cast<std::size_t>(blocks.at(node)); }
  const PortShare* shares_at(std::int64_t node) const {
    return shares.data() + at(node) * own_ports.size();
  }
};

struct TransferPeriod;

// Node of each operand's cuts.
using PlacedCuts = std::array<std::array<std::int64_t, model::kMaxLevels + 1>, model::kMaxOperands>;

// By node, cycles of windows by operand.
using LongestWindows = std::vector<std::array<double, model::kMaxOperands>>;

class CutLattice {
 public:
  // `limit`: largest number of states, and `bytes` that this and the bounds may take; beyond them
  // `too_large()` holds and no costs are set. If the watch says to end, it is worth nothing.
  // `counts`: keep what `reprice` needs. With more than `dense` states, what cannot be reached is
  // left out; not with `counts`. `mirrored`: mirror images may have one place, so that nothing can
  // be allowed at one of them alone.
  CutLattice(const model::Problem& problem, std::int64_t limit, std::int64_t bytes, Watch& watch,
             bool counts = false, std::int64_t dense = kDenseStates, bool mirrored = true);

  bool too_large() const { return !refusal_.empty(); }
  // Why, in words.
  const std::string& refusal() const { return refusal_; }
  std::int64_t bytes() const;  // that the costs of all cuts take
  // Takes the sizes and costs of memories of another problem, which is the same otherwise but for
  // the widest words of its ports. From then on energies (and nothing else) are that problem's:
  // no more than an access of each transfer too high (least_cost.hpp, `accesses_cut_off`), since
  // parts of accesses are counted.
  void reprice(const model::Problem& problem);
  // No cut may lie at the nodes for which `allowed` is 0: bounds and chains leave them out.
  void allow_cuts(const std::vector<std::uint8_t>& allowed);
  // A cut may lie at one node only, and at its mirror image.
  void keep_cut_at(int place, std::int64_t node);
  // Nor are windows of transfers longer than these where a tile surely leaves no room for a second
  // buffer: of tiles of the innermost memory, whose levels begin with the first loop.
  void limit_windows(const LongestWindows& longest);
  // Calls visit(place of the port, cycles) for each tracked port that a transfer of the cut uses,
  // once a transfer.
  template <class Visit>
  void for_transfers(const Cut& cut, std::int64_t node, const Visit& visit) const;
  const model::Problem& problem() const { return problem_; }
  int type_count() const { return static_cast<int>(types_.size()); }
  const FactorType& type(int t) const { return types_[static_cast<std::size_t>(t)]; }
  std::int64_t nodes() const { return nodes_; }
  std::int64_t full() const { return nodes_ - 1; }
  double iterations() const { return iterations_; }
  double cycles(std::int64_t node) const { return cycles_[static_cast<std::size_t>(node)]; }
  int count_in(std::int64_t node, int t) const {
    return counts_[static_cast<std::size_t>(node) * types_.size() + static_cast<std::size_t>(t)];
  }

  int cut_count() const { return static_cast<int>(cuts_.size()); }
  int cuts_of(int operand) const { return cut_count_[static_cast<std::size_t>(operand)]; }
  int first_cut(int operand) const { return first_cut_[static_cast<std::size_t>(operand)]; }
  const Cut& cut(int operand, int index) const {
    return cuts_[static_cast<std::size_t>(first_cut(operand) + index)];
  }
  const Cut& cut(int place) const { return cuts_[static_cast<std::size_t>(place)]; }
  // The cut above a memory level of an operand; the level must not be its outermost.
  const Cut& cut_above(int operand, int level) const {
    return cut(operand, operand == 0 ? level : level + 1);
  }
  // Whether all loops irrelevant to the output lie in the node (no partial sums beyond it).
  bool reduced(std::int64_t node) const { return reduced_[static_cast<std::size_t>(node)] != 0; }
  // Bits of the tile below a cut at `node` at least: the output is sized at partial-sum precision
  // while irrelevant loops lie above the level's lower end, which is no further out than the cut.
  double least_bits(const Cut& cut, std::int64_t node) const;
  // Whether that is more than the whole memory.
  bool surely_too_large(const Cut& cut, std::int64_t node) const {
    return !cut.stationary &&
           least_bits(cut, node) > problem_.memory[static_cast<std::size_t>(cut.memory)].size;
  }
  // Whether rows leave out what cannot be reached, and the nodes at which so many cuts of an
  // operand can be left.
  bool sparse() const { return sparse_; }
  // Of a sparse lattice: the orbit of a node, and how many there are; nodes that are not alone have
  // equal figures.
  std::int64_t orbit(std::int64_t node) const {
    return orbits_ ? orbits_->of_node[static_cast<std::size_t>(node)] : node;
  }
  std::int64_t orbits() const {
    return orbits_ ? static_cast<std::int64_t>(orbits_->first.size()) : nodes_;
  }
  const NodeOrbits* pairs() const { return orbits_.get(); }  // null: all nodes are alone
  const NodeBlocks& reach(int operand, int left) const {
    return left == cuts_of(operand) ? all_nodes_ : cut(operand, left).blocks;
  }

  // Elements of the whole operand in its outermost memory, not rounded.
  double top_elements(int operand) const {
    return top_elements_[static_cast<std::size_t>(operand)];
  }

  // Ports on which several transfers, or too long ones, may stall the array.
  int tracked() const { return static_cast<int>(tracked_ports_.size()); }
  // Place of a port among the tracked ones; -1: it is not.
  int tracked_place(int port) const {
    return port < 0 ? -1 : tracked_place_[static_cast<std::size_t>(port)];
  }
  int tracked_port(int i) const { return tracked_ports_[static_cast<std::size_t>(i)]; }
  bool all_tracked() const { return all_tracked_; }
  // Port of an (operand, memory level, direction); -1: none.
  int port_of(int operand, int level, int direction) const {
    return port_[static_cast<std::size_t>(operand)][static_cast<std::size_t>(level)]
                [static_cast<std::size_t>(direction)];
  }

  // Memories that several operands share, of which at least one has a cut there: what fills them
  // is known from several cuts together.
  const std::vector<int>& shared_memories() const { return shared_memories_; }
  // Bits of tiles that lie there whatever the cuts: those of operands whose outermost it is.
  double fixed_bits(int memory) const { return fixed_bits_[static_cast<std::size_t>(memory)]; }

  // What every mapping pays: of the array's own transfers of the output, and of the MACs.
  double constant_energy() const { return constant_energy_; }
  const PortShare& constant_share(int i) const {
    return constant_shares_[static_cast<std::size_t>(i)];
  }
  static constexpr double kInfeasible = 1e300;
  // Tables of so many states stay in a processor's caches.
  static constexpr std::int64_t kDenseStates = 1'000'000;

  // Cycles of one transfer of memory level `level` in `direction` when everything is moved at
  // once, and the least that the loading rule may take for its floor.
  struct Once {
    double cycles = 0;
    double floor_cycles = 0;
  };
  Once once(int operand, int level, int direction) const;

 private:
  void build_types();
  void count_factors();
  void build_nodes();
  void build_cuts();
  void find_tracked_ports();
  void find_shared_memories();
  void fill_costs(Watch& watch, bool counts, std::int64_t bytes);
  void fill_constants();
  void fill_cut(Cut& cut, const std::vector<std::int64_t>& tiles,
                const std::vector<std::int64_t>& others, const std::vector<TransferPeriod>& periods,
                bool counts, Watch& watch);
  // Products of the loops in a node, by dimension.
  std::array<double, model::kMaxDims> loops_in(std::int64_t node) const;
  void leave_out(Cut& cut);
  void find_orbits();
  double bytes_needed(double states) const;
  double bytes_of_bounds() const;
  void refuse(double needed, std::int64_t bytes);

  model::Problem problem_;
  std::string refusal_;
  bool all_tracked_ = true;
  std::vector<FactorType> types_;
  std::int64_t nodes_ = 1;
  double iterations_ = 1;
  std::vector<std::uint8_t> counts_;  // [node][type]
  std::vector<double> cycles_;
  std::vector<std::uint8_t> reduced_;
  bool sparse_ = false;
  std::shared_ptr<const NodeOrbits> orbits_;
  NodeBlocks all_nodes_;
  std::vector<Cut> cuts_;
  std::array<int, model::kMaxOperands> first_cut_{};
  std::array<int, model::kMaxOperands> cut_count_{};
  std::vector<int> tracked_ports_;
  std::array<int, model::kMaxPorts> tracked_place_{};  // place among the tracked; -1: not
  std::array<double, model::kMaxOperands> top_elements_{};
  std::vector<int> shared_memories_;
  std::vector<double> fixed_bits_;  // by memory
  double constant_energy_ = 0;
  std::array<double, model::kDirections> constant_granules_{};  // as Cut::granules
  std::vector<PortShare> constant_shares_;
  std::array<std::array<std::array<int, model::kDirections>, model::kMaxLevels>,
             model::kMaxOperands>
      port_{};
};

template <class Visit>
void CutLattice::for_transfers(const Cut& cut, std::int64_t node, const Visit& visit) const {
  const std::size_t at = cut.at(node);
  const auto transfer = [&](int level, model::Direction direction, double cycles) {
    const int place = tracked_place(port_of(cut.operand, level, static_cast<int>(direction)));
    if (place >= 0) visit(place, cycles);
  };
  const double below = cut.below_cycles[at];
  const double above = cut.above_cycles[at];
  if (cut.operand == 0) {
    transfer(cut.level - 1, model::Direction::rd_out_to_high, below);
    transfer(cut.level, model::Direction::wr_in_by_low, above);
  }
  if (cut.operand == 0 && cut.comes_back[at] == 0) return;
  transfer(cut.level, model::Direction::rd_out_to_low, above);
  transfer(cut.level - 1, model::Direction::wr_in_by_high, below);
}

}  // namespace ridgeline::search
