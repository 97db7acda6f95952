// Tables of prices of the strict model, and what a chain of cuts costs at least by all of them
// (docs/strict-model.md, 5).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "model/core/evaluation.hpp"
#include "search/budget.hpp"
#include "search/exact/exact_mapper.hpp"
#include "search/exact/least_product.hpp"
#include "search/exact/strict_lattice.hpp"

namespace ridgeline::search {

// Bounds are sums in another order than the model's.
inline constexpr double kStrictSlack = 1 - 1e-11;

// What a mapping costs at least.
struct StrictLeast {
  double value = 0;  // of the objective
  model::Cost cost;
};

// What is known of a chain, by table.
struct StrictKnown {
  static constexpr std::size_t kMostTables = 4;
  static constexpr std::size_t kLines = 3;
  double energy = 0;
  double latency = 0;                        // whatever the cuts that are left
  std::array<double, kMostTables> cycles{};  // at the prices of each table
  std::array<double, kLines> line{};         // the same of energy and latency together
};

class StrictTables {
 public:
  // Of all tables that are held at a time: of energy, of latency with a new one, and of both.
  static constexpr std::int64_t kMostBytesOfCell =
      static_cast<std::int64_t>(sizeof(double)) *
      (1 + StrictKnown::kMostTables + 1 + StrictKnown::kLines);

  // Costs the mapping with cuts at these nodes, the cheapest of a table; the best cost so far.
  using Attempt = std::function<std::optional<model::Cost>(const PlacedCuts&)>;

  // All are referred to.
  StrictTables(const StrictLattice& lattice, const ExactOptions& options, Watch& watch)
      : lattice_(lattice), problem_(lattice.problem()), options_(options), watch_(watch) {}

  // Tables of the energy, and of the latency at prices that are best for all chains found.
  void build(const std::optional<model::Cost>& incumbent, const Attempt& attempt);

  // What the cuts of a chain come to. `energy`, `loads`: of its cuts, the latter by resource;
  // `cycles`: that follow from where they are.
  StrictKnown known(double energy, const double* loads, double cycles) const;
  // Of all mappings that a chain can become with the cuts that are left at a node or further in.
  StrictLeast least(const StrictKnown& known, const CutsLeft& left, std::int64_t node) const;

  // Nodes of a search that took as long.
  std::int64_t spent() const { return spent_; }

 private:
  StrictBounds table(const StrictPrices& prices);
  void try_cheapest(const StrictBounds& table, const Attempt& attempt);
  void keep(StrictBounds table, double fixed, double root);
  std::vector<double> loads_of(const PlacedCuts& nodes) const;
  double energy_of(const PlacedCuts& nodes) const;
  void add_lines(const Attempt& attempt);

  const StrictLattice& lattice_;
  const model::Problem& problem_;
  const ExactOptions& options_;
  Watch& watch_;
  std::optional<model::Cost> best_;
  std::int64_t spent_ = 0;
  double best_root_ = 0;
  std::optional<StrictBounds> energy_;
  std::vector<StrictBounds> latency_;  // the best few
  std::vector<double> roots_;          // their bounds of everything
  std::vector<double> fixed_;          // and what resources take whatever the cuts
  std::vector<StrictBounds> line_;     // of energy and latency together
  std::vector<CostLine> lines_;
};

}  // namespace ridgeline::search
