#include "search/exact/root_bound.hpp"

#include <algorithm>
#include <vector>

#include "search/exact/bounds.hpp"
#include "search/exact/cut_lattice.hpp"
#include "search/exact/dual_bounds.hpp"
#include "search/exact/least_cost.hpp"

namespace ridgeline::search {
namespace {

// Cells of a table that is filled in some milliseconds.
constexpr std::int64_t kCells = 2'000'000;
constexpr std::int64_t kBytes = 100'000'000;
// The table adds in another order than the model does.
constexpr double kSlack = 1 - 1e-9;

}  // namespace

model::Cost root_bound(const model::Problem& problem, int price_steps, const Budget& budget) {
  model::Cost least = least_cost(problem);
  // The tables follow the reference's rules.
  if (problem.strict) return {least.energy * kSlack, least.latency * kSlack};
  Watch watch(budget);
  const CutLattice space(problem, kCells, kBytes, watch);
  if (!space.too_large() && !watch.stopped_now()) {
    ExactBounds bounds(space, watch,
                       price_steps == 0 ? ExactBounds::Use::energies : ExactBounds::Use::prices);
    if (watch.stopped_now()) return least;
    least.energy = std::max(least.energy, space.constant_energy() +
                                              bounds.energy_left(space.full(), bounds.all_left()));
    if (price_steps > 0) {
      DualBoundSearch prices(space, bounds, watch);
      std::vector<DualBoundTable> tables;
      const model::Cost nothing{CutLattice::kInfeasible, CutLattice::kInfeasible};
      prices.run(
          {0, 1, false}, price_steps, 1 + price_steps, false,
          [&](const DualBoundTable::Marks&) { return nothing; }, nothing, tables);
      const double latency = prices.least_latency();
      if (latency < CutLattice::kInfeasible) least.latency = std::max(least.latency, latency);
    }
  }
  return {least.energy * kSlack, least.latency * kSlack};
}

}  // namespace ridgeline::search
