#include "search/exact/root_bound.hpp"

#include <algorithm>

#include "search/exact/bounds.hpp"
#include "search/exact/cut_lattice.hpp"

namespace ridgeline::search {
namespace {

// Cells of a table that is filled in some milliseconds.
constexpr std::int64_t kCells = 2'000'000;
// The table adds in another order than the model does.
constexpr double kSlack = 1 - 1e-9;

}  // namespace

model::Cost root_bound(const model::Problem& problem) {
  model::Cost least = least_cost(problem);
  const CutLattice space(problem, kCells);
  if (!space.too_large()) {
    const ExactBounds bounds(space);
    least.energy = std::max(least.energy, space.constant_energy() +
                                              bounds.energy_left(space.full(), bounds.all_left()));
  }
  return {least.energy * kSlack, least.latency * kSlack};
}

}  // namespace ridgeline::search
