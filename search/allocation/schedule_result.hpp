// What a search of schedules found, as one value: it goes from the search to whoever measures,
// writes or draws it.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "model/system/cn_graph.hpp"
#include "model/system/node_tiling.hpp"
#include "model/system/schedule_problem.hpp"
#include "model/system/scheduler.hpp"
#include "search/allocation/allocation_search.hpp"
#include "search/allocation/node_cost.hpp"
#include "search/allocation/schedule_bound.hpp"

namespace ridgeline::search {

// One way to cut the network, ready to be scheduled.
struct ScheduleVariant {
  std::uint64_t number = 0;  // of the run's variants, in the order of building
  model::CnGraph graph;
  NodeCostPlan plan;
  std::vector<std::shared_ptr<const NodeMapping>> mappings;  // of the plan's tasks
  model::ScheduleProblem problem;                            // refers to `graph`
  model::TilingFault tiling_problem;                         // set: nothing else is
};

// A member of the front: how the stacks are cut, and where the layers run.
struct ScheduleChoice {
  std::vector<std::int64_t> granularity;  // factor of each stack; empty: as the mapping says
  model::Allocation allocation;
  model::ScheduleFigures figures;
  std::uint64_t equals = 1;  // found with the same objectives, this one included
};

struct ScheduleResult {
  // Why there is nothing: a network that cannot be cut as asked, a layer that no core can run.
  std::string infeasible;
  model::TilingFault tiling_problem;
  int failed_layer = -1;  // id of the layer at which the schedule that came furthest failed

  std::vector<ScheduleChoice> front;  // sorted by the objectives
  int best = -1;
  std::shared_ptr<const ScheduleVariant> variant;  // of the best
  model::ScheduleFigures figures;                  // of the best
  model::ScheduleRecord record;
  bool searched = false;  // false: the mapping or the request left no choice
  AllocationEngine engine = AllocationEngine::exhaustive;
  std::uint64_t space = 1;
  std::uint64_t distinct = 1;  // schedules that identical cores do not make equal
  std::uint64_t evaluated = 0;
  std::uint64_t mappings_evaluated = 0;
  bool stopped = false;
  bool converged = true;  // all was tried, or nothing more was found to improve
  int restarts = 0;
  AllocationProof proof;   // of the exact engine
  bool given_up = false;   // on request: nothing was searched
  ScheduleBound bound;     // of all schedules that the request allows
  double lower_bound = 0;  // of the reported objective
  double gap = 0;          // of the best to it, as a share of the best; 0: proven

  // Precondition of both: something is feasible.
  const ScheduleChoice& chosen() const { return front[static_cast<std::size_t>(best)]; }
  const model::ScheduleProblem& problem() const { return variant->problem; }
};

}  // namespace ridgeline::search
