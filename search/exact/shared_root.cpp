#include "search/exact/shared_root.hpp"

#include <algorithm>
#include <utility>

#include "model/core/index.hpp"
#include "search/exact/bounds.hpp"
#include "search/exact/least_cost.hpp"
#include "search/mapping/content_key.hpp"

namespace ridgeline::search {
namespace {

// Cells of a table that is filled in some milliseconds.
constexpr std::int64_t kCells = 2'000'000;
constexpr std::int64_t kBytes = 100'000'000;
// Figures add up in another order than in the model.
constexpr double kSlack = 1 - 1e-9;
// Designs whose results a lattice remembers: what differs in bandwidths alone comes together.
constexpr std::size_t kResults = 8;

void add_spatial(const model::OperandSpatial& spatial, int levels, int relations, ContentKey& key) {
  key.number(spatial.whole);
  for (int a = 0; a <= levels; ++a) {
    for (int i = spatial.begin[z(a)]; i < spatial.begin[z(a) + 1]; ++i) {
      key.number(spatial.loops[z(i)].dim);
      key.real(spatial.loops[z(i)].factor);
    }
    key.real(spatial.units[z(a)]);
    key.real(spatial.unique_units[z(a)]);
    key.real(spatial.boost[z(a)]);
    key.real(spatial.relevant_product[z(a)]);
    for (int r = 0; r < 2 * relations; ++r) key.real(spatial.extent[z(a)][z(r)]);
    key.number(spatial.irrelevant_from[z(a)]);
    key.number(spatial.reduced_from[z(a)]);
  }
}

// Everything that decides what mappings move.
std::string structure_key(const model::Problem& p) {
  ContentKey key;
  key.number(p.dims);
  for (int d = 0; d < p.dims; ++d) key.number(p.temporal_size[z(d)]);
  key.number(p.relations);
  for (int r = 0; r < p.relations; ++r) {
    const model::ProblemRelation& relation = p.relation[z(r)];
    for (std::size_t t = 0; t < 2; ++t) {
      key.number(relation.dim[t]);
      key.real(relation.reduced[t]);
    }
    key.real(relation.size);
  }
  key.number(p.whole);
  key.number(p.repeats_are_free);
  key.number(p.rules_of_2023);
  key.real(p.cycles_per_operation);
  key.number(p.operands);
  for (int o = 0; o < p.operands; ++o) {
    const model::ProblemOperand& operand = p.operand[z(o)];
    key.number(operand.levels);
    key.number(operand.output);
    key.number(operand.partial);
    key.number(operand.relevant);
    key.number(operand.irrelevant);
    key.real(operand.precision);
    key.real(operand.final_precision);
    key.real(operand.elements);
    for (int m = 0; m < operand.levels; ++m) {
      key.number(operand.memory[z(m)]);
      key.number(operand.shared_ports[z(m)]);
      for (int d = 0; d < model::kDirections; ++d) {
        key.real(operand.bandwidth_min[z(m)][z(d)]);
        key.number(operand.bandwidth_max[z(m)][z(d)] > 0);
      }
    }
    add_spatial(operand.real, operand.levels, p.relations, key);
    add_spatial(operand.integer, operand.levels, p.relations, key);
  }
  key.number(p.memories);
  for (int m = 0; m < p.memories; ++m) {
    key.number(p.memory[z(m)].count);
    for (int i = 0; i < p.memory[z(m)].count; ++i) {
      key.number(p.memory[z(m)].residents[z(i)].operand);
      key.number(p.memory[z(m)].residents[z(i)].level);
    }
  }
  return key.take();
}

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
    const ExactBounds bounds(entry->space, watch, true);
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
