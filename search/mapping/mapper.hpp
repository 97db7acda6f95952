// Finds the best mapping of a layer on a single-core accelerator, and of a whole workload.
//
// Pure: no files, clocks or threads. The engine gives callbacks where it wants to stop a
// search or to spread layers and spatial mappings over threads.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "model/core/accelerator.hpp"
#include "model/core/evaluation.hpp"
#include "model/core/hierarchy.hpp"
#include "model/core/layer.hpp"
#include "model/core/mapping_spec.hpp"
#include "model/core/metric.hpp"
#include "model/core/spatial_mapping.hpp"
#include "model/core/workload.hpp"
#include "search/budget.hpp"
#include "search/mapping/spatial_candidates.hpp"

namespace ridgeline::search {

using Objective = model::Metric;  // of model::kMappingObjectives
enum class Engine { loma, exact, anneal };

struct MapperOptions {
  Objective objective = Objective::latency;
  Engine engine = Engine::loma;
  int lpf_limit = 6;           // loop-prime-factor limit of loma; <= 0: none
  int spatial_candidates = 3;  // generated where none is given; <= 0: all
  bool mixed_spatial = false;  // several loop dimensions on one array dimension
  bool even = false;           // even mappings only
  std::uint64_t seed = 42;     // of anneal and of samples
  bool front = false;          // of exact: also all latencies and energies that none dominates
  int samples = 0;             // random mappings to cost as well, for comparison
  // Of exact: nodes under one spatial mapping; all of several share half as many again. 0: none.
  std::int64_t node_limit = 0;
  double gap = 0;           // of exact, relative: proven within this is good enough
  bool first_term = false;  // of exact: of mappings with the least objective any will do
  bool no_quirks = false;   // what the reference does by mistake is left out
  Budget budget;            // of one layer
  // Calls body(0) to body(count - 1) for spatial mappings that are searched independently, in any
  // order, at the same time if it likes; empty: one after the other. The result is the same.
  std::function<void(std::size_t count, const std::function<void(std::size_t)>& body)> for_each;
};

// How spatial mappings are listed for such a search, without a budget.
SpatialOptions spatial_options(const MapperOptions& options);

// Objective value of a cost; smaller is better.
double objective_value(Objective objective, const model::Cost& cost);
// Whether `x` replaces the best so far (docs/mapping-search.md, "Selection and ties").
bool better(Objective objective, const model::Cost& x, const model::Cost& best);

// What the best mapping asks of one port of one instance of a memory.
struct PortUse {
  int memory = 0;        // place in Accelerator::memories
  int port = 0;          // place in Memory::ports
  double bandwidth = 0;  // bits a cycle
  double bits = 0;       // moved, over the whole layer
  double stall = 0;      // cycles by which the array waits for it; 0 where it does not
};

struct LayerResult {
  std::string infeasible;  // reason; empty: feasible and the rest is set
  bool cut_off = false;    // no mapping was found before the search was stopped: there may be one
  std::string remark;  // what a temporal_ordering leaves out, where it has sizes for all it lists
  model::Evaluation evaluation;
  model::SpatialMapping spatial;              // before conversion, factors as generated
  std::vector<model::TemporalLoop> temporal;  // innermost first
  std::vector<model::LevelLoops> allocation;  // per layer operand, as allocated
  std::int64_t evaluated = 0;                 // mappings costed
  bool optimal = false;                       // proven over the engine's whole space
  double lower_bound = 0;                     // of the objective; = value where optimal
  // Why the exact engine searched nothing under some spatial mapping; empty: it searched.
  std::string refused;
  double orderings = 0;        // of all prime factors, over spatial mappings
  std::int64_t nodes = 0;      // visited by the exact engine
  std::vector<PortUse> ports;  // that move anything
  // Of the objective latency: the cheapest of the mappings that were costed which take 5 % more
  // cycles at most, where it needs less energy than the best.
  std::optional<model::Cost> cheaper;
  std::optional<model::Cost> reference;  // what loma finds, where the exact engine ran
  std::vector<model::Cost> front;        // by latency, over all spatial mappings
  bool front_proven = false;             // the front is complete
  std::vector<model::Cost> samples;      // of random mappings under the best spatial mapping
};

// Best mapping of a layer on the memories of `hierarchy`. Errors are values: a layer that does
// not fit says which operand, which memory and how many bits.
LayerResult map_layer(const model::Layer& layer, const model::Accelerator& accelerator,
                      const model::Hierarchy& hierarchy, const model::MappingEntry& mapping,
                      const MapperOptions& options);

}  // namespace ridgeline::search
