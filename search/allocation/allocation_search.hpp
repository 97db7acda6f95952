// Where to run what: which core takes each slice of each layer, and how finely stacks are cut.
//
// A genome is a vector of choices; what they mean is the caller's affair, who also evaluates.
// Exhaustive where the space is no larger than what the genetic algorithm would evaluate.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "model/system/scheduler.hpp"
#include "search/budget.hpp"
#include "search/fronts/nsga2.hpp"

namespace ridgeline::search {

enum class ScheduleObjective : std::uint8_t { latency, energy, edp, peak_memory };
double objective_value(ScheduleObjective objective, const model::ScheduleFigures& figures);

enum class AllocationEngine : std::uint8_t { automatic, exhaustive, ga };

struct AllocationSearchOptions {
  AllocationEngine engine = AllocationEngine::automatic;
  std::vector<ScheduleObjective> objectives{ScheduleObjective::energy, ScheduleObjective::latency};
  ScheduleObjective report = ScheduleObjective::latency;  // decides which of the front is best
  Nsga2Options ga;
  std::uint64_t exhaustive_limit = std::uint64_t{1} << 24;  // more is refused
  Budget budget;                                            // asked between batches
};

struct EvaluatedGenome {
  Genome genome;
  model::ScheduleFigures figures;
};

struct AllocationSearchResult {
  AllocationEngine engine = AllocationEngine::exhaustive;  // the one that was used
  std::uint64_t space = 0;      // genomes there are; exhaustive_limit + 1 where there are more
  std::uint64_t evaluated = 0;  // distinct genomes
  bool too_large = false;       // refused: nothing was evaluated
  bool stopped = false;
  // What none dominates, sorted by the objectives, then the genome; equal ones are all kept.
  std::vector<EvaluatedGenome> front;
  int best = -1;               // place in `front`; -1: nothing is feasible
  EvaluatedGenome infeasible;  // the first one met, where nothing is feasible
};

// Figures of each genome of a batch, in order.
using EvaluateGenomes = std::function<std::vector<model::ScheduleFigures>(std::span<const Genome>)>;

AllocationSearchResult search_allocations(const GenomeSpace& space,
                                          const AllocationSearchOptions& options,
                                          const EvaluateGenomes& evaluate);

}  // namespace ridgeline::search
