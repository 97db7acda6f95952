// Bounds that weigh energy, stalls and loading against each other (docs/exact-mapping.md,
// "Prices").
//
// Latency is a maximum over ports and inputs, so any weighted mean of its arguments bounds it
// from below, and a weighted mean is again a sum over cuts. For given weights (prices) the chain
// with the least sum is found in the lattice at once, together with the least sum from every
// state. The best prices are one player's strategy in a matrix game against the chains found so
// far, which are good mappings themselves.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <vector>

#include "search/exact/bounds.hpp"
#include "search/exact/cut_lattice.hpp"

namespace ridgeline::search {

// Sums in another order differ in the last bits.
inline constexpr double kPriceTie = 1e-12;

// Ways to bound the latency from below, each with the loading of one input and the output: no
// stall; and for each tracked port, busy cycles, cycles in excess of windows, and cycles that
// loading cannot spare.
inline constexpr int kNoStall = 0;
constexpr int busy_way(int tracked) {
  return 1 + 3 * tracked;
}
constexpr int excess_way(int tracked) {
  return 2 + 3 * tracked;
}
constexpr int spare_way(int tracked) {
  return 3 + 3 * tracked;
}
inline constexpr int kMaxWays = 1 + 3 * kMaxTrackedPorts;

// What a loading type adds to a bound by one way, with the loading of one input.
double way_constant(const CutLattice& space, const LoadingType& type, int way, int input);
// Bits a cycle of demand on a tracked port, as cycles of the whole computation that loading cannot
// use.
double demand_factor(const CutLattice& space, int tracked);

struct Prices {
  double energy = 0;  // of a pJ
  // Of a cycle, by way and by input (0, 1: operand 1, 2).
  std::array<std::array<double, 2>, kMaxWays> way{};
  // Of a bit in a shared memory, by memory: what fits pays for its bits and is given back the
  // price of the whole memory, so it never pays more than without the price.
  std::array<double, model::kMaxMemories> memory{};

  double latency() const;  // of a cycle: their sum
};

class DualBoundTable {
 public:
  // `complete()` is false, and the table is worth nothing, if the watch says to end.
  DualBoundTable(const CutLattice& space, const ExactBounds& bounds, const Prices& prices,
                 Watch& watch);

  bool complete() const { return complete_; }
  // Bytes that a table takes.
  static std::int64_t bytes(const CutLattice& space, const ExactBounds& bounds);

  double energy_price() const { return prices_.energy; }
  double latency_price() const { return latency_; }
  // Least priced sum of the cuts left, all below the top of the lattice and at the node or below.
  double left(std::int64_t node, int state) const { return left(bounds_->cell(node, state)); }
  double left(std::int64_t cell) const {
    const auto at = static_cast<std::size_t>(cell);
    return narrow_.empty() ? left_[at] : static_cast<double>(narrow_[at]);
  }
  // Priced sum of what a chain has paid (kPaid...).
  double paid(const double* sums) const;
  // Of that, what it pays for bits in shared memories.
  double charged(const double* sums) const;
  // What a loading type (by its number) adds to every chain.
  double constant(int type) const;

  // The cuts of a chain that attains left(full, state): nodes, by operand and cut.
  using Marks = std::array<std::array<std::int64_t, model::kMaxLevels + 1>, model::kMaxOperands>;
  void trace(int state, Marks& marks) const;
  // Gives up what only tracing needs. `narrow`: half of the bytes will do, for bounds that are up
  // to 2e-7 lower.
  void end_tracing(bool narrow);

 private:
  double cost(int cut, std::int64_t node) const {
    return cost_[static_cast<std::size_t>(cut * space_->nodes() + node)];
  }
  // Prices of what a tracked port's figures add up to.
  struct PortPrices {
    int tracked = 0;
    double busy = 0, excess = 0, demand = 0, cycles = 0;
  };

  const CutLattice* space_;
  const ExactBounds* bounds_;
  Prices prices_;
  double latency_ = 0;
  std::array<double, model::kMaxOperands> input_{};
  std::vector<PortPrices> ports_;  // those that have a price
  struct MemoryPrice {
    int memory = 0;
    double price = 0;  // of a bit
    double size = 0;
    int place = 0;  // of its bits among what a chain has paid
  };
  std::vector<MemoryPrice> memories_;      // those that have a price
  mutable std::vector<double> constants_;  // by loading type; as far as it was asked for
  bool complete_ = false;
  std::vector<double> cost_;   // [cut][node]
  std::vector<double> left_;   // by cell
  std::vector<float> narrow_;  // the same, rounded down; empty: not needed
};

// What prices are to be good for: the bound of energy * Cost::energy + latency * Cost::latency;
// with `free_latency`, the bound of the energy of whatever takes no more cycles than the target,
// with a price of at most `latency`.
struct PriceGoal {
  double energy = 0;
  double latency = 1;
  bool free_latency = false;
};

class DualBoundSearch {
 public:
  // Costs the mapping with these cuts and returns the best cost so far, the target.
  using Try = std::function<model::Cost(const DualBoundTable::Marks&)>;

  DualBoundSearch(const CutLattice& space, ExactBounds& bounds, Watch& watch);

  // At most `steps` tables, of which no more than `most` are held at a time. Those that help are
  // appended to `tables`, `narrow` or not (DualBoundTable::end_tracing). Returns whether they show
  // that nothing is better than the target.
  bool run(const PriceGoal& goal, int steps, int most, bool narrow, const Try& attempt,
           model::Cost target, std::vector<DualBoundTable>& tables);

  // Tables that were filled so far.
  std::int64_t built() const { return built_; }

  // A bound of the goal that `run` had last, for every chain.
  double least() const;

  // For each loading type that chains may have, the table that bounds them best of those with the
  // same prices of energy and latency as table `like`.
  std::vector<int> best_tables(const std::vector<DualBoundTable>& tables, std::size_t like) const;

  // A bound of the latency of every chain: what `run` found where that was its goal, else one
  // without stalls.
  double least_latency() const;

 private:
  // What a chain that was found costs, by way and input, and by how much of its size it exceeds
  // each shared memory (CutLattice::shared_memories).
  struct Found {
    std::vector<double> ways;
    double energy = 0;
    std::vector<double> excess;
  };
  // Cuts above all loops: where every chain begins.
  struct Root {
    OperandCounts at_top{};
    int type = 0;
    int state = 0;
    std::vector<double> paid;
    double bound = 0;      // of the goal, best of all tables
    int table = -1;        // that gave it
    bool settled = false;  // prices are as good as they get
    std::vector<Found> chains;
  };
  void build_roots();
  double value(const DualBoundTable& table, const Root& root) const;
  Found figures(const Root& root, const DualBoundTable::Marks& marks) const;
  Prices best_prices(const PriceGoal& goal, const Root& root, const model::Cost& target,
                     double& value) const;

  const CutLattice& space_;
  ExactBounds& bounds_;
  Watch& watch_;
  std::vector<Root> roots_;
  std::int64_t built_ = 0;
  bool latency_goal_ = false;  // `Root::bound` is of the latency
};

}  // namespace ridgeline::search
