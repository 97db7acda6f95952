// What a workload costs on a design at the very least, whatever the mapping: enough to see that
// many designs cannot reach a front, without searching for any of their mappings.
#pragma once

#include "model/core/accelerator.hpp"
#include "model/core/hierarchy.hpp"
#include "model/core/layer.hpp"
#include "model/core/mapping_spec.hpp"
#include "model/core/workload.hpp"
#include "model/system/multicore.hpp"
#include "model/system/network.hpp"
#include "search/mapping/mapper.hpp"

namespace ridgeline::search {

struct DesignBound {
  double energy = 0;   // pJ
  double latency = 0;  // cycles
};

// Of one layer. Latency: all units that the spatial mapping can use busy in every cycle. Energy:
// the operations, and each element once over each memory level that keeps its operand, at the
// level's full port width (docs/distribution.md, "Pruning"). `keep_on_chip`: outer levels may be
// left out, so only the innermost one counts.
DesignBound layer_bound(const model::Layer& layer, const model::Accelerator& accelerator,
                        const model::Hierarchy& hierarchy, const model::MappingEntry& mapping,
                        bool keep_on_chip);

// Sum over the layers of a workload.
DesignBound design_bound(const model::Workload& workload, const model::Accelerator& accelerator,
                         const model::MappingSpec& mapping, bool keep_on_chip);

// Of a network on a multi-core system, however it is cut and scheduled. Latency: all units of all
// cores busy in every cycle. Energy: the operations, each on the core where it costs least.
DesignBound system_bound(const model::Network& network, const model::MultiCore& system);

}  // namespace ridgeline::search
