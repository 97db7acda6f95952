// From a network, a system and a mapping to the best schedules: graphs, node costs, allocation
// search, over threads. What `ridgeline schedule` runs, and what a study of multi-core systems
// runs for each candidate.
//
// Results depend on the request alone, not on threads.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "engine/run/schedule_memo.hpp"
#include "engine/run/search_time.hpp"
#include "engine/run/spread.hpp"
#include "model/system/core_mapping.hpp"
#include "model/system/multicore.hpp"
#include "model/system/network.hpp"
#include "model/system/node_tiling.hpp"
#include "model/system/schedule_problem.hpp"
#include "model/system/scheduler.hpp"
#include "search/allocation/allocation_search.hpp"
#include "search/allocation/node_cost.hpp"
#include "search/allocation/schedule_bound.hpp"
#include "search/allocation/schedule_result.hpp"

namespace ridgeline::engine {

// Ways to cut a stack, one of which the search chooses: factors of one dimension.
struct GranularityRequest {
  std::string dim;                     // upper case
  std::vector<std::int64_t> factors;   // model::kAllTiles: one index a tile
  std::vector<std::int64_t> chosen{};  // of each stack that can be cut; empty: to be searched
  std::vector<std::string> dims{};     // with `chosen`, where stacks are cut by several; else empty
};

// The cores of one layer, one a group.
struct LayerAllocation {
  int id = 0;  // of the layer
  std::vector<int> cores;
};

struct ScheduleRequest {
  model::TilingOptions tiling;  // weight_capacity is filled in
  model::ScheduleOptions schedule;
  search::NodeCostOptions costs;
  search::AllocationSearchOptions search;
  std::optional<GranularityRequest> granularity;
  // Cores of some or all layers, over the mapping's choice; nothing is searched for them.
  std::vector<LayerAllocation> allocation;
  int threads = 1;
  // For mappings and allocations together; `costs` and `search` ask it through their budgets.
  SearchTime time;
  // Asked once, before any schedule is made, with what no schedule can beat, whatever the cut;
  // true: nothing is searched. Empty: never.
  std::function<bool(const search::ScheduleBound&)> give_up;
  // The other processes of the search; null: none. All are given the same request otherwise.
  Spread* spread = nullptr;
  // Schedules to begin with: cores of layers by id, as far as they may run there.
  std::vector<std::vector<LayerAllocation>> warm_starts;
  // Only what schedules cost: no record of the best one and, where the request leaves no choice, no
  // bounds.
  bool only_figures = false;
  // What earlier runs left for this one; null: nothing.
  const ScheduleMemory* memory = nullptr;
};

using search::ScheduleChoice;
using search::ScheduleResult;
using search::ScheduleVariant;

// The exhaustive engine is asked for, and the space is too large for it.
class TooManyAllocations : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};
// The factors of a granularity are those of another network, or of other stacks.
class ForeignGranularity : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// Precondition: ids of cores and of layers in the request are the system's and the network's.
// Throws the two above, and MachineError where a thread cannot be started.
ScheduleResult run_schedule(const model::Network& network, const model::MultiCore& system,
                            const model::CoreMapping& mapping, const ScheduleRequest& request,
                            NodeCostCache* cache = nullptr);

// One place of an allocation, and the cores that can run all nodes of it.
struct PreparedSlot {
  int layer = 0;  // place in CnGraph::layers
  int group = 0;
  std::vector<int> cores;  // increasing; one where the mapping or the request decides
};

// A network, cut and costed, to be scheduled with many allocations.
struct PreparedSchedule {
  std::string infeasible;  // as in ScheduleResult; set: nothing else is
  model::TilingFault tiling_problem;
  std::shared_ptr<const ScheduleVariant> variant;
  std::vector<PreparedSlot> slots;  // in the order of Allocation::core
  model::Allocation base;           // what the mapping or the request decides; -1 elsewhere
};

// Precondition as above; the request's granularity is one chosen cut, or none.
PreparedSchedule prepare_schedule(const model::Network& network, const model::MultiCore& system,
                                  const model::CoreMapping& mapping,
                                  const ScheduleRequest& request);

// What went wrong with a schedule, in words.
std::string describe(const model::ScheduleFigures& figures, const ScheduleVariant& variant,
                     const model::MultiCore& system);

}  // namespace ridgeline::engine
