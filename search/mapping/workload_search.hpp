// Maps a whole workload onto a single-core accelerator: each layer on its own, equal layers once,
// figures summed in processing order (docs/model.md, section 7).
//
// Pure, like everything in search/: threads and clocks come from the caller.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

#include "model/core/accelerator.hpp"
#include "model/core/mapping_spec.hpp"
#include "model/core/vector_unit.hpp"
#include "model/core/workload.hpp"
#include "search/mapping/mapper.hpp"

namespace ridgeline::search {

// What the mappings of a workload cost at least: of each distinct problem the least energy and the
// least latency, each on its own, 0 where nothing is known; and their sums over the layers.
struct WorkloadBounds {
  std::vector<model::Cost> problems;  // as WorkloadResult::problems
  model::Cost total;
};

class SharedRoots;

struct WorkloadSearchOptions {
  MapperOptions mapper;
  // Of bound_workload: what it has listed for other designs. Null: nothing.
  SharedRoots* roots = nullptr;
  // Keep activations in the lowest memory that fits them between layers.
  bool keep_on_chip = false;
  // Names of the layers to map; empty: all.
  std::vector<std::string> layers;
  // Calls body(0) to body(count - 1), in any order, at the same time if it likes. Empty: one
  // after the other. The result does not depend on it.
  std::function<void(std::size_t count, const std::function<void(std::size_t)>& body)> for_each;
  // Solves one distinct problem; empty: map_layer. A study puts its memory of earlier designs
  // here: `key` is content_key() of the problem (layer, core and mapping; not the options).
  std::function<LayerResult(const std::string& key, const std::function<LayerResult()>& solve)>
      solve;
  // Bounds of this workload, and who is asked, after each problem that is solved, whether to give
  // up: with the sums over the layers, those that are solved as they are. Not with `for_each`.
  const WorkloadBounds* bounds = nullptr;
  std::function<bool(const model::Cost& least)> give_up;
};

struct WorkloadLayer {
  int node = 0;             // place in Workload::nodes
  std::size_t problem = 0;  // place in WorkloadResult::problems
};

// A node without a loop nest on the accelerator's vector unit.
struct WorkloadElement {
  int node = 0;  // place in Workload::nodes
  model::ElementCost cost;
};

// Sums over the layers that have a feasible mapping, and over the vector unit's nodes.
struct WorkloadTotal {
  double energy = 0;  // pJ
  double mac_energy = 0;
  double memory_energy = 0;
  double macs = 0;
  model::LatencyFigures latency;   // total2 is the latency
  double spatial_utilization = 0;  // ideal / ideal_temporal of the sums
  double utilization = 0;          // ideal / total2 of the sums
  double element_energy = 0;       // of the vector unit; part of `energy`
};

struct WorkloadResult {
  std::vector<LayerResult> problems;      // distinct ones, in the order in which they are met
  std::vector<WorkloadLayer> layers;      // in processing order
  std::vector<WorkloadElement> elements;  // on the vector unit, in processing order
  std::vector<int> skipped;  // nodes whose layers this kind of array leaves out (skips_operator)
  bool given_up = false;     // before all problems were solved: there are no totals
  WorkloadTotal total;
  std::size_t infeasible = 0;  // layers without a mapping
  std::size_t not_kept = 0;    // layers that fit only without keeping activations on chip

  const LayerResult& of(const WorkloadLayer& layer) const { return problems[layer.problem]; }
};

// By the exact engine's tables (search/exact/root_bound.hpp), over the spatial mappings that the
// search would try.
WorkloadBounds bound_workload(const model::Workload& workload,
                              const model::Accelerator& accelerator,
                              const model::MappingSpec& mapping,
                              const WorkloadSearchOptions& options);

WorkloadResult map_workload(const model::Workload& workload, const model::Accelerator& accelerator,
                            const model::MappingSpec& mapping,
                            const WorkloadSearchOptions& options);

}  // namespace ridgeline::search
