// Where to run what: which core takes each slice of each layer, and how finely stacks are cut.
//
// A genome is a vector of choices; what they mean is the caller's affair, who also evaluates, on
// whatever threads or ranks it likes:
//
//   AllocationSearch search(space, symmetry, hints, options);
//   while (!search.done()) search.tell(evaluate(search.ask()));
//   search.result();
//
// Of genomes that a symmetry makes equal one is evaluated. Exhaustive where no more are left than
// the genetic algorithm would evaluate; else NSGA-II beside local searches that start from the best
// found for each objective (docs/allocation-search.md). The exact engine goes on from there by
// branch and bound until nothing can be better in the reported objective. What is asked is a
// function of the problem, the options and what was told.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "model/core/metric.hpp"
#include "model/system/scheduler.hpp"
#include "search/allocation/allocation_hints.hpp"
#include "search/allocation/core_symmetry.hpp"
#include "search/budget.hpp"
#include "search/fronts/genome_space.hpp"
#include "search/fronts/nsga2.hpp"

namespace ridgeline::search {

using ScheduleObjective = model::Metric;  // of model::kScheduleObjectives
double objective_value(ScheduleObjective objective, const model::ScheduleFigures& figures);
// What an objective is at least, given the bounds of latency and energy.
double least_value(ScheduleObjective objective, const ScheduleBound& bound);
// By how much of itself a value may be from the least one: 0 where they differ by rounding alone.
double gap_of(double value, double least);

enum class AllocationEngine : std::uint8_t { automatic, exhaustive, ga, exact };

// How the exact engine came to its end: what was cut, and by what.
struct AllocationProof {
  bool complete = false;              // every allocation was evaluated or cut
  std::uint64_t nodes = 0;            // of the tree of partial allocations that were looked at
  std::uint64_t cut = 0;              // of these, by a bound that the best is not above
  std::uint64_t leaves = 0;           // allocations at its ends that were evaluated
  double root_bound = 0;              // of the reported objective, before anything is decided
  double least_cut = 0;               // the smallest bound that cut; infinite where none did
  double lower_bound = 0;             // no allocation is below it
  std::vector<std::uint64_t> cut_at;  // nodes cut, by number of genes decided
};

struct AllocationSearchOptions {
  AllocationEngine engine = AllocationEngine::automatic;
  std::vector<ScheduleObjective> objectives{ScheduleObjective::energy, ScheduleObjective::latency};
  ScheduleObjective report = ScheduleObjective::latency;  // decides which of the front is best
  // The genetic algorithm evaluates at most population x (generations + 1) genomes.
  int population = 64;
  int generations = 160;
  std::uint64_t seed = 42;
  std::uint64_t exhaustive_limit = std::uint64_t{1} << 24;  // more is refused
  std::vector<Genome> warm_starts;                          // genomes of the space to begin with
  // No genome is better in the reported objective; the genetic algorithm ends where one is as good
  // unless the front is wanted too.
  double least = 0;
  bool whole_front = true;
  ScheduleBounds* bounds = nullptr;       // of the exact engine, which has no genes of cuts
  std::uint64_t node_limit = 20'000'000;  // of the exact engine's tree; then it is incomplete
  Budget budget;                          // asked between batches
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
  // All was tried, or the search ended because nothing it knows to do improved anything.
  bool converged = false;
  int restarts = 0;       // of the genetic algorithm
  AllocationProof proof;  // of the exact engine
  // What none dominates, sorted by the objectives; of equal ones the smallest genome.
  std::vector<EvaluatedGenome> front;
  int best = -1;               // place in `front`; -1: nothing is feasible
  EvaluatedGenome infeasible;  // the first one met, where nothing is feasible
};

class AllocationMethod;  // search/allocation/allocation_method.hpp

class AllocationSearch {
 public:
  // `space`, `symmetry` and `hints` outlive it; `hints` may know nothing.
  AllocationSearch(const GenomeSpace& space, const GenomeSymmetry& symmetry,
                   const AllocationHints& hints, AllocationSearchOptions options);
  ~AllocationSearch();

  // Whether there is nothing more to evaluate.
  bool done() const;
  // The batch to evaluate next; not empty unless done().
  const std::vector<Genome>& ask() const;
  // Figures of each genome asked for, in order.
  void tell(std::span<const model::ScheduleFigures> figures);
  // Of what was told so far; `stopped` where that is before it is done.
  AllocationSearchResult result();

 private:
  std::unique_ptr<AllocationMethod> engine_;
};

// Figures of each genome of a batch, in order.
using EvaluateGenomes = std::function<std::vector<model::ScheduleFigures>(std::span<const Genome>)>;

// The whole search, until it is done or `options.stop` says so.
AllocationSearchResult search_allocations(const GenomeSpace& space, const GenomeSymmetry& symmetry,
                                          const AllocationHints& hints,
                                          const AllocationSearchOptions& options,
                                          const EvaluateGenomes& evaluate);

}  // namespace ridgeline::search
