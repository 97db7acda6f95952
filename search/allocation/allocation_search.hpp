// Where to run what: which core takes each slice of each layer, and how finely stacks are cut.
//
// A genome is a vector of choices; what they mean is the caller's affair, who also evaluates. Of
// genomes that a symmetry makes equal one is evaluated. Exhaustive where no more are left than the
// genetic algorithm would evaluate.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "model/core/metric.hpp"
#include "model/system/scheduler.hpp"
#include "search/allocation/core_symmetry.hpp"
#include "search/budget.hpp"
#include "search/fronts/genome_space.hpp"
#include "search/fronts/nsga2.hpp"

namespace ridgeline::search {

using ScheduleObjective = model::Metric;  // of model::kScheduleObjectives
double objective_value(ScheduleObjective objective, const model::ScheduleFigures& figures);

enum class AllocationEngine : std::uint8_t { automatic, exhaustive, ga };

struct AllocationSearchOptions {
  AllocationEngine engine = AllocationEngine::automatic;
  std::vector<ScheduleObjective> objectives{ScheduleObjective::energy, ScheduleObjective::latency};
  ScheduleObjective report = ScheduleObjective::latency;  // decides which of the front is best
  int population = 64;                                    // of the genetic algorithm
  int generations = 50;
  std::uint64_t seed = 42;
  std::uint64_t exhaustive_limit = std::uint64_t{1} << 24;  // more is refused
  Budget budget;                                            // asked between batches
};

struct EvaluatedGenome {
  Genome genome;
  model::ScheduleFigures figures;
  // Genomes found with the same objectives, this one and those that a symmetry makes of them
  // included; the largest number where there are more.
  std::uint64_t equals = 1;
};

struct AllocationSearchResult {
  AllocationEngine engine = AllocationEngine::exhaustive;  // the one that was used
  std::uint64_t space = 0;      // genomes there are; exhaustive_limit + 1 where there are more
  std::uint64_t distinct = 0;   // the same up to symmetry
  std::uint64_t evaluated = 0;  // distinct genomes
  bool too_large = false;       // refused: nothing was evaluated
  bool stopped = false;
  // What none dominates, sorted by the objectives; of equal ones the smallest genome.
  std::vector<EvaluatedGenome> front;
  int best = -1;               // place in `front`; -1: nothing is feasible
  EvaluatedGenome infeasible;  // the first one met, where nothing is feasible
};

// Figures of each genome of a batch, in order.
using EvaluateGenomes = std::function<std::vector<model::ScheduleFigures>(std::span<const Genome>)>;

AllocationSearchResult search_allocations(const GenomeSpace& space, const GenomeSymmetry& symmetry,
                                          const AllocationSearchOptions& options,
                                          const EvaluateGenomes& evaluate);

}  // namespace ridgeline::search
