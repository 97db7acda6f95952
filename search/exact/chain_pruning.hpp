// What a chain of cuts costs at least, and whether anything that it leads to can still matter
// (docs/exact-mapping.md).
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <optional>
#include <vector>

#include "model/core/index.hpp"
#include "search/exact/bounds.hpp"
#include "search/exact/chain_orderings.hpp"
#include "search/exact/chains.hpp"
#include "search/exact/cut_lattice.hpp"
#include "search/exact/dominance.hpp"
#include "search/exact/dual_bounds.hpp"
#include "search/exact/exact_mapper.hpp"
#include "search/exact/least_product.hpp"
#include "search/exact/prefix_nodes.hpp"
#include "search/exact/rows.hpp"

namespace ridgeline::search {

// Sums of energies in another order differ in the last bits; bounds that are equal up to this
// count as equal.
inline constexpr double kTie = 1e-12;

// Tables of prices that are held at most, of one goal and of all.
inline constexpr int kMostTables = 4;
inline constexpr std::size_t kMostTablesInAll = 12;

// The chains, what is known of their costs, and the incumbent that they have to beat.
class ChainPruning {
 protected:
  ChainPruning(const CutLattice& space, ExactBounds& bounds, const PrefixNodes& prefix,
               const ExactOptions& options, const std::optional<model::Cost>& incumbent)
      : space_(space),
        bounds_(bounds),
        options_(options),
        leaf_(space, options.even),
        chains_(space, bounds, leaf_, options.constraints, prefix, options.even) {
    if (incumbent) {
      has_best_ = true;
      best_ = *incumbent;
    }
  }

  struct Bound {
    double energy = 0;
    double latency = 0;
    double stall = 0;
    double product = 0;  // of energy and latency where that is the objective; or of the line
  };

  bool bound(std::int32_t id, std::int64_t node, Bound& result) const {
    const Chain& chain = chains_[id];
    const std::int64_t cell = bounds_.cell(node, chain.state);
    const double rest = bounds_.energy_left(cell);
    if (rest >= CutLattice::kInfeasible) return false;
    if (focus_ == Focus::line) {
      const auto k = static_cast<std::size_t>(line_of(chain));
      result.product = node == space_.full() ? -CutLattice::kInfeasible
                                             : lines_[z(id)][k] + tables_[k].left(cell);
      return result.product < CutLattice::kInfeasible;
    }
    result.energy = std::max(least_energy_, chains_.paid(id)[kPaidEnergy] + rest);
    result.latency = -CutLattice::kInfeasible;
    std::array<CostLine, kMostTablesInAll + kMostTables> lines;
    std::size_t count = 0;
    if (node != space_.full()) {
      for (std::size_t k = 0; k < tables_.size(); ++k) {
        const DualBoundTable& table = tables_[k];
        const double left = table.left(cell);
        if (left >= CutLattice::kInfeasible) return false;
        const double least = lines_[z(id)][k] + left;
        if (options_.objective != Objective::edp && beyond(table, least)) return false;
        const double safe = least - kPriceTie * std::abs(least);
        if (table.energy_price() == 0) {
          result.latency = std::max(result.latency, safe / table.latency_price());
        } else if (table.latency_price() == 0) {
          result.energy = std::max(result.energy, safe / table.energy_price());
        } else if (count < lines.size()) {
          lines[count++] = {table.energy_price(), table.latency_price(), safe};
        }
      }
    }
    if (count > 0 && options_.prune && has_best_) {
      // Often that is enough.
      const double least =
          std::max(result.latency, space_.iterations() * space_.problem().cycles_per_operation);
      result.product = least_product(result.energy, least, {lines.data(), count});
      if (prunable(result)) return true;
    }
    const ExactBounds::Latency latency =
        bounds_.latency(chains_.paid(id), chain.type, chain.left, node);
    result.latency = std::max(result.latency, latency.total);
    result.stall = latency.stall;
    if (options_.objective == Objective::edp) {
      result.product = result.latency <= 0
                           ? -CutLattice::kInfeasible
                           : least_product(result.energy, result.latency, {lines.data(), count});
    }
    return true;
  }

  // Whether nothing is better than the incumbent if energy and latency, so priced, cost at least
  // `least`.
  bool beyond(const DualBoundTable& table, double least) const {
    if (!has_best_) return false;
    const double energy = table.energy_price();
    const double latency = table.latency_price();
    if (energy == 0) {
      const double limit = latency * best_.latency;
      return focus_ == Focus::latency ? least >= limit * keep_ * (1 - kPriceTie)
                                      : least > limit * (1 + kPriceTie);
    }
    if (latency == 0) {
      const double limit = energy * best_.energy;
      return focus_ == Focus::energy ? least >= limit * keep_ * (1 - kTie)
                                     : least > limit * (1 + kTie);
    }
    return focus_ == Focus::both &&
           least >= (energy * best_.energy + latency * best_.latency) * (1 - kPriceTie);
  }

  // Place of the table that bounds a chain where the focus is on a line.
  int line_of(const Chain& chain) const {
    return z(chain.type) < line_of_type_.size() ? line_of_type_[z(chain.type)]
                                                : line_of_type_.front();
  }
  // What it has paid at that table's prices, with what its loading type adds.
  double paid_on_line(std::int32_t id) const {
    const auto k = static_cast<std::size_t>(line_of(chains_[id]));
    return lines_[z(id)][k] - tables_[k].charged(chains_.paid(id));
  }

  bool prunable(const Bound& lower) const {
    if (!options_.prune) return false;
    if (focus_ == Focus::line) return lower.product >= line_limit_;
    if (focus_ == Focus::latency) return has_best_ && lower.latency >= best_.latency * keep_;
    if (focus_ == Focus::energy) {
      return has_best_ && lower.energy >= best_.energy * keep_ * (1 - kTie);
    }
    if (options_.front) {
      return std::any_of(result_.front.begin(), result_.front.end(), [&](const ExactMapping& m) {
        return m.cost.latency <= lower.latency && m.cost.energy * (1 - kTie) <= lower.energy;
      });
    }
    if (!has_best_) return false;
    const double near = best_.energy * (1 - kTie);
    switch (options_.objective) {
      case Objective::latency:
        return lower.latency > best_.latency ||
               (lower.latency == best_.latency && lower.energy >= near);
      case Objective::energy:
        return lower.energy > best_.energy * (1 + kTie) ||
               (lower.energy >= near && lower.latency >= best_.latency);
      case Objective::edp:
        return lower.product >= best_.latency * best_.energy * keep_ * (1 - kTie);
      default:  // no objective of mappings
        return false;
    }
  }

  double objective_bound(const Bound& lower) const {
    if (options_.objective == Objective::edp) return std::max(0.0, lower.product);
    return objective_value(options_.objective, {lower.energy, lower.latency});
  }

  const CutLattice& space_;
  ExactBounds& bounds_;
  const ExactOptions& options_;
  ChainOrderings leaf_;
  Chains chains_;
  ExactResult result_;
  double least_energy_ = 0;  // of any mapping
  bool has_best_ = false;
  model::Cost best_;
  double keep_ = 1;  // share of the incumbent's value from which on nothing matters
  std::vector<DualBoundTable> tables_;
  Rows<double> lines_;  // by chain, for each table: what is paid, so priced
  Focus focus_ = Focus::both;
  // Where the focus is on a line: from what on nothing matters, and the table of each loading type.
  double line_limit_ = 0;
  std::vector<int> line_of_type_;
};

}  // namespace ridgeline::search
