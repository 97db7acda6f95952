#include "search/exact/shared_root.hpp"

#include <algorithm>
#include <utility>

#include "model/core/index.hpp"
#include "search/exact/bounds.hpp"
#include "search/exact/least_cost.hpp"
#include "search/mapping/problem_key.hpp"

namespace ridgeline::search {
namespace {

// Cells of a table that is filled in some milliseconds.
constexpr std::int64_t kCells = 2'000'000;
constexpr std::int64_t kBytes = 100'000'000;
// Figures add up in another order than in the model.
constexpr double kSlack = 1 - 1e-9;
// Designs whose results a lattice remembers: what differs in bandwidths alone comes together.
constexpr std::size_t kResults = 8;

// What an energy depends on besides: sizes, and what a granule costs.
std::vector<double> figures_of(const model::Problem& p) {
  std::vector<double> figures;
  for (int m = 0; m < p.memories; ++m) figures.push_back(p.memory[z(m)].size);
  for (int o = 0; o < p.operands; ++o) {
    const model::ProblemOperand& operand = p.operand[z(o)];
    for (int m = 0; m < operand.levels; ++m) {
      for (int d = 0; d < model::kDirections; ++d) {
        const double ratio = operand.bandwidth_ratio[z(m)][z(d)];
        figures.push_back(ratio * operand.read_cost[z(m)]);
        figures.push_back(ratio * operand.write_cost[z(m)]);
      }
    }
  }
  return figures;
}

std::int64_t bytes_of(const CutLattice& space) {
  constexpr int kDoubles = 24;  // of a cut at a node
  return space.nodes() * (space.cut_count() * kDoubles + 4) *
         static_cast<std::int64_t>(sizeof(double));
}

}  // namespace

SharedRoots::Entry* SharedRoots::entry_of(const model::Problem& problem, Watch& watch) {
  std::string key = structure_key(problem);
  const auto known = places_.find(key);
  if (known != places_.end()) {
    entries_.splice(entries_.begin(), entries_, known->second);
    return &entries_.front();
  }
  CutLattice space(problem, kCells, kBytes, watch, true);
  if (watch.stopped_now()) return nullptr;
  ++lattices_;
  const std::int64_t bytes =
      space.too_large() ? static_cast<std::int64_t>(sizeof(CutLattice)) : bytes_of(space);
  entries_.push_front({key, std::move(space), bytes, {}, 0});
  places_.emplace(std::move(key), entries_.begin());
  bytes_ += bytes;
  while (bytes_ > most_bytes_ && entries_.size() > 1) {
    bytes_ -= entries_.back().bytes;
    places_.erase(entries_.back().key);
    entries_.pop_back();
  }
  return &entries_.front();
}

model::Cost SharedRoots::root(const model::Problem& problem, const Budget& budget) {
  ++asked_;
  model::Cost least = least_cost(problem);
  Watch watch(budget);
  Entry* entry = entry_of(problem, watch);
  if (entry == nullptr || entry->space.too_large()) return least;
  std::vector<double> figures = figures_of(problem);
  const auto same = std::find_if(entry->results.begin(), entry->results.end(),
                                 [&](const Result& one) { return one.figures == figures; });
  double energy = 0;
  if (same != entry->results.end()) {
    energy = same->energy;
  } else {
    entry->space.reprice(problem);
    const ExactBounds bounds(entry->space, watch, ExactBounds::Use::energies);
    if (watch.stopped_now()) return least;
    ++tables_;
    energy = entry->space.constant_energy() - problem.mac_energy +
             bounds.energy_left(entry->space.full(), bounds.all_left());
    if (entry->results.size() < kResults) {
      entry->results.push_back({std::move(figures), energy});
    } else {
      entry->results[entry->next] = {std::move(figures), energy};
      entry->next = (entry->next + 1) % kResults;
    }
  }
  if (energy < CutLattice::kInfeasible) {
    energy += problem.mac_energy - accesses_cut_off(problem);
    least.energy = std::max(least.energy, energy);
  }
  return {least.energy * kSlack, least.latency * kSlack};
}

}  // namespace ridgeline::search
