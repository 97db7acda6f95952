// What each computation node costs on each core that may run it: the single-core model's best
// mapping of the node's tile, found once for every content (docs/multicore.md, section 4).
//
// Pure: the caller runs the tasks, on as many threads as it likes.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "model/core/evaluation.hpp"
#include "model/system/cn_graph.hpp"
#include "model/system/multicore.hpp"
#include "model/system/schedule_problem.hpp"
#include "search/mapping/mapper.hpp"

namespace ridgeline::search {

struct NodeCostOptions {
  // Absent: latency times the number of times that streaming oversubscribes the off-chip port
  // (docs/multicore.md, 4.3); ties go to the first mapping found.
  std::optional<Objective> objective;
  MapperOptions mapper;
  bool onchip_latency = false;  // runtime without final off-loading (the model before June 2023)
  // Cost model, choice and streaming of early 2023: least latency, ties by energy; a core's
  // dataflow is unrolled as it stands (docs/multicore.md, 8). `objective` decides if it is set.
  bool rules_of_2023 = false;
  // Where the reference's allocator fills inner memories so far that outer ones cannot hold what is
  // in them, under every ordering, the mapping with the least latency of all that fit.
  bool all_cuts_where_none = false;
  // Slices of a layer run at the same time as far as what they draw fits the links that they share;
  // this, in place of the oversubscription of the off-chip port, lengthens what is streamed.
  bool links_are_shared = false;
};

// The mapping search for one kind of tile on one kind of core.
struct NodeTask {
  int layer = 0;  // place in CnGraph::layers
  int core = 0;
  std::vector<model::MemoryOperand> streamed;  // candidates, in the order of the added memory
  std::string content;  // key of everything that the result depends on, but for the options
};

struct NodeMapping {
  std::string infeasible;  // reason; empty: the rest is set
  model::NodeCost cost;
  model::Evaluation evaluation;  // on the core with the off-chip level
  model::SpatialMapping spatial;
  std::vector<model::TemporalLoop> temporal;  // innermost first
  std::int64_t evaluated = 0;
};

// Distinct tasks, and which of them each (unique node, core) needs; -1: the core is no
// candidate, or computes nothing.
struct NodeCostPlan {
  int cores = 0;
  std::vector<NodeTask> tasks;
  std::vector<int> task_of;  // unique node by core

  int task(int unique, int core) const {
    return task_of[static_cast<std::size_t>(unique) * static_cast<std::size_t>(cores) +
                   static_cast<std::size_t>(core)];
  }
};

// One of these tasks: a unique node of the graph on a core that computes.
NodeTask node_task(const model::CnGraph& graph, int node, int core, const model::MultiCore& system,
                   bool rules_of_2023 = false);

// Everything about a core that a node's cost on it may depend on, as a text of bytes.
std::string core_content(const model::Accelerator& core);

NodeCostPlan plan_node_costs(const model::CnGraph& graph, const model::MultiCore& system,
                             bool rules_of_2023 = false);

NodeMapping run_node_task(const NodeTask& task, const model::CnGraph& graph,
                          const model::MultiCore& system, const NodeCostOptions& options);

// The table for the scheduler; `results` has one element for each of the plan's tasks. What is
// infeasible stays unknown.
model::NodeCostTable node_cost_table(
    const NodeCostPlan& plan, const std::vector<std::shared_ptr<const NodeMapping>>& results);

}  // namespace ridgeline::search
