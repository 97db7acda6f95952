// What AllocationSearch delegates to: one of the ways to search, asked and told in batches.
#pragma once

#include <algorithm>
#include <limits>
#include <span>
#include <utility>
#include <vector>

#include "search/allocation/allocation_search.hpp"
#include "search/fronts/archive.hpp"

namespace ridgeline::search {

inline constexpr double kAllocationRounding = 1e-8;  // what bounds leave for it, relatively
// Starts that are tried before anything else where one that meets the bound ends the search.
inline constexpr std::size_t kOpening = 4;

// Genomes with equal objectives: the smallest stands for them.
struct EqualGenomes {
  EvaluatedGenome one;
  void join(EqualGenomes&& other) {
    constexpr std::uint64_t kMost = std::numeric_limits<std::uint64_t>::max();
    const std::uint64_t sum =
        one.equals > kMost - other.one.equals ? kMost : one.equals + other.one.equals;
    if (other.one.genome == one.genome) return;  // evaluated again
    if (other.one.genome < one.genome) one = std::move(other.one);
    one.equals = sum;
  }
};

// What all ways to search have in common: the batch, and what was found.
class AllocationMethod {
 public:
  AllocationMethod(const GenomeSymmetry& symmetry, AllocationSearchOptions settings)
      : options(std::move(settings)), symmetry_(symmetry) {}
  virtual ~AllocationMethod() = default;
  // After the batch was told: the next one, or an empty one.
  virtual void advance(std::span<const model::ScheduleFigures> figures) = 0;

  void tell(std::span<const model::ScheduleFigures> figures) {
    for (std::size_t k = 0; k < batch.size(); ++k) offer(batch[k], figures[k]);
    outcome.evaluated += batch.size();
    advance(figures);
  }

  // Fills in what is known of a search that has not come to its end.
  virtual void conclude() {}

  AllocationSearchResult result() {
    conclude();
    AllocationSearchResult result = outcome;
    result.stopped = outcome.stopped || !batch.empty();
    for (const auto& entry : archive_.entries()) {
      result.front.push_back(entry.group.one);
      const double value = objective_value(options.report, result.front.back().figures);
      if (result.best < 0 ||
          value < objective_value(options.report,
                                  result.front[static_cast<std::size_t>(result.best)].figures))
        result.best = static_cast<int>(result.front.size()) - 1;
    }
    if (result.front.empty()) result.infeasible = infeasible_;
    return result;
  }

  AllocationSearchOptions options;
  AllocationSearchResult outcome;
  std::vector<Genome> batch;

 protected:
  Fitness fitness_of(const model::ScheduleFigures& figures) const {
    Fitness fitness;
    fitness.violation = figures.feasible() ? 0 : 1;
    for (const ScheduleObjective o : options.objectives)
      fitness.objectives.push_back(figures.feasible() ? objective_value(o, figures) : 0);
    return fitness;
  }

  // Nothing is better than the best so far, and no more is wanted.
  bool proven(std::span<const model::ScheduleFigures> figures) {
    for (const model::ScheduleFigures& f : figures)
      if (f.feasible()) least_met_ = std::min(least_met_, objective_value(options.report, f));
    return !options.whole_front && least_met_ <= options.least * (1 + kAllocationRounding);
  }

  // What may meet the bound at once: the first of the constructive starts. With `whole_front` too,
  // so that a study's search and that of a single schedule go the same way.
  std::vector<Genome> opening(const GenomeSpace& space, const AllocationHints& hints) const {
    std::vector<Genome> starts;
    if (!(options.least > 0)) return starts;
    for (const Genome& genome : constructive_starts(space, hints)) {
      const Genome canonical = symmetry_.canonical(genome);
      if (std::find(starts.begin(), starts.end(), canonical) == starts.end())
        starts.push_back(canonical);
      if (starts.size() == kOpening) break;
    }
    return starts;
  }

  const GenomeSymmetry& symmetry_;

 private:
  double least_met_ = std::numeric_limits<double>::infinity();

  void offer(const Genome& genome, const model::ScheduleFigures& figures) {
    if (!figures.feasible()) {
      if (!infeasible_met_) infeasible_ = {genome, figures};
      infeasible_met_ = true;
      return;
    }
    archive_.add(fitness_of(figures).objectives, {{genome, figures, symmetry_.equals(genome)}});
  }

  Archive<EqualGenomes> archive_;
  EvaluatedGenome infeasible_;
  bool infeasible_met_ = false;
};

}  // namespace ridgeline::search
