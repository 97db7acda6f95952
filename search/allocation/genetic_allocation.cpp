#include "search/allocation/genetic_allocation.hpp"

#include <algorithm>
#include <limits>
#include <utility>

namespace ridgeline::search {
namespace {

// Generations in which nothing improved, after which the genetic algorithm begins anew, and how
// often it does before the search counts as converged.
constexpr int kStaleGenerations = 10;
constexpr int kRestarts = 2;
// The same where the best is further from its bound than this share of it.
constexpr double kOpenGap = 0.005;
constexpr int kRestartsOfOpen = 24;
// Genomes whose figures are remembered; more, and all are forgotten.
constexpr std::size_t kRemembered = 200'000;

}  // namespace

GeneticAllocation::GeneticAllocation(const GenomeSpace& space, const GenomeSymmetry& symmetry,
                                     const AllocationHints& hints, AllocationSearchOptions settings)
    : AllocationMethod(symmetry, std::move(settings)), variation_(space, symmetry, hints) {
  budget_ = static_cast<std::uint64_t>(options.population) *
            (static_cast<std::uint64_t>(options.generations) + 1);
  focus_.push_back(options.report);
  for (const ScheduleObjective o : options.objectives)
    if (std::find(focus_.begin(), focus_.end(), o) == focus_.end()) focus_.push_back(o);
  for (std::size_t f = 0; f < focus_.size(); ++f)
    locals_.emplace_back(variation_, options.seed, static_cast<std::uint32_t>(f));
  best_.assign(focus_.size(), std::numeric_limits<double>::infinity());
  stale_of_.assign(focus_.size(), 0);
  for (const Genome& genome : options.warm_starts)
    if (space.contains(genome)) starts_.push_back(symmetry.canonical(genome));
  for (const Genome& genome : constructive_starts(space, hints))
    starts_.push_back(symmetry.canonical(genome));
  batch = opening(space, hints);
  opening_ = !batch.empty();
  if (batch.size() > budget_) batch.resize(budget_);
  if (opening_) return;
  begin_population();
  next_batch();
}

void GeneticAllocation::advance(std::span<const model::ScheduleFigures> figures) {
  const bool ended = proven(figures);
  if (opening_ && ended) {
    outcome.converged = true;
    batch.clear();
    return;
  }
  std::vector<const Known*> told;
  for (std::size_t k = 0; k < batch.size(); ++k) {
    Known& known = known_[batch[k]];
    known.fitness = fitness_of(figures[k]);
    for (std::size_t f = 0; f < focus_.size(); ++f) known.value.push_back(value_of(f, figures[k]));
    told.push_back(&known);
  }
  if (std::exchange(opening_, false)) {
    for (std::size_t f = 0; f < focus_.size(); ++f) {
      for (std::size_t k = 0; k < told.size(); ++k) locals_[f].tell(batch[k], told[k]->value[f]);
      locals_[f].settle();
    }
    begin_population();
    next_batch();
    return;
  }
  finish_generation(told);
  if (known_.size() > kRemembered) known_.clear();
  next_batch();
}

const GeneticAllocation::Known* GeneticAllocation::find(const Genome& genome) const {
  const auto place = known_.find(genome);
  return place == known_.end() ? nullptr : &place->second;
}

LocalSearch::Value GeneticAllocation::value_of(std::size_t focus,
                                               const model::ScheduleFigures& figures) const {
  if (!figures.feasible())
    return LocalSearch::Value(focus_.size(), std::numeric_limits<double>::infinity());
  LocalSearch::Value value{objective_value(focus_[focus], figures)};
  for (std::size_t f = 0; f < focus_.size(); ++f)
    if (f != focus) value.push_back(objective_value(focus_[f], figures));
  return value;
}

int GeneticAllocation::population_size() const {
  // The first one has room for all starts, where the batch has.
  const int starts = outcome.restarts == 0 ? static_cast<int>(starts_.size()) : 1;
  return std::max({options.population / (outcome.restarts == 0 ? 4 : 8),
                   std::min(options.population, starts), 1});
}

void GeneticAllocation::begin_population() {
  Nsga2Options settings;
  settings.population = population_size();
  settings.generations = std::numeric_limits<int>::max() - 1;
  settings.seed = options.seed;
  settings.island = static_cast<std::uint32_t>(outcome.restarts);
  std::vector<Genome> starts = starts_;
  if (outcome.restarts > 0) {
    // Away from where it went before.
    RandomStream random(options.seed, settings.island, 0, ~std::uint32_t{0});
    for (Genome& genome : starts) genome = variation_.kick(genome, 3, random);
  }
  nsga2_.emplace(variation_, settings, std::move(starts));
  stale_ = 0;
}

void GeneticAllocation::next_batch() {
  batch.clear();
  while (outcome.evaluated < budget_ && !outcome.converged) {
    const std::vector<Genome>& children = nsga2_->ask();
    for (const Genome& child : children) take(child);
    propose();
    if (!batch.empty()) break;
    finish_generation({});
  }
  const std::uint64_t left = budget_ - std::min(budget_, outcome.evaluated);
  cut_ = batch.size() > left;
  if (cut_) batch.resize(left);
}

void GeneticAllocation::take(const Genome& genome) {
  if (find(genome) != nullptr) return;
  if (std::find(batch.begin(), batch.end(), genome) == batch.end()) batch.push_back(genome);
}

void GeneticAllocation::propose() {
  const auto room = static_cast<std::size_t>(std::max(options.population - population_size(), 1));
  const std::size_t others = locals_.size() - 1;
  std::vector<std::size_t> shares(locals_.size(), others == 0 ? 0 : room / 2 / others);
  std::size_t left = room;
  for (std::size_t f = 1; f < locals_.size(); ++f) {
    const bool rests = locals_[f].at_optimum() && stale_of_[f] >= kStaleGenerations;
    if (rests) shares[f] = std::min<std::size_t>(shares[f], 1);
    left -= shares[f];
  }
  shares.front() = left;
  for (std::size_t f = 0; f < locals_.size(); ++f) {
    const std::size_t share = shares[f];
    for (const Genome& genome :
         locals_[f].ask(share, [&](const Genome& g) -> const LocalSearch::Value* {
           const Known* known = find(g);
           return known == nullptr ? nullptr : &known->value[f];
         }))
      take(genome);
  }
}

void GeneticAllocation::finish_generation(const std::vector<const Known*>& told) {
  std::vector<Individual> guests;
  for (std::size_t f = 0; f < locals_.size(); ++f) {
    for (std::size_t k = 0; k < told.size(); ++k) locals_[f].tell(batch[k], told[k]->value[f]);
    locals_[f].settle();
  }
  if (!cut_) {
    const std::vector<Genome>& children = nsga2_->ask();
    std::vector<Fitness> fitness;
    for (const Genome& child : children) {
      const Known* known = find(child);
      fitness.push_back(known == nullptr ? Fitness{{}, 2} : known->fitness);
    }
    for (std::size_t k = 0; k < told.size(); ++k)
      guests.push_back({batch[k], told[k]->fitness, 0, 0});
    nsga2_->tell(fitness);
    nsga2_->migrate(guests);
  }
  bool improved = false;
  bool optimal = true;
  for (std::size_t f = 0; f < locals_.size(); ++f) {
    optimal = optimal && locals_[f].at_optimum();
    if (locals_[f].best_value().empty()) continue;
    const bool better = locals_[f].best_value()[0] < best_[f];
    stale_of_[f] = better ? 0 : stale_of_[f] + 1;
    improved = improved || better;
    best_[f] = std::min(best_[f], locals_[f].best_value()[0]);
  }
  // As good as can be: nothing is left to look for.
  const bool proven = best_.front() <= options.least * (1 + kAllocationRounding);
  if (proven && !options.whole_front) outcome.converged = true;
  stale_ = improved ? 0 : stale_ + 1;
  if (improved) return;
  // Without anything feasible there is no optimum to be at.
  const bool ended = stale_ >= (optimal ? kStaleGenerations : 4 * kStaleGenerations);
  if (!ended) return;
  const bool open = best_.front() > options.least * (1 + kOpenGap);
  if (outcome.restarts < (open ? kRestartsOfOpen : kRestarts)) {
    ++outcome.restarts;
    begin_population();
  } else {
    outcome.converged = true;
  }
}

}  // namespace ridgeline::search
