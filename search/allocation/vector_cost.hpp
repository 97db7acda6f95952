// What a node costs on the vector unit of a core (docs/networks.md).
#pragma once

#include <optional>
#include <vector>

#include "model/core/accelerator.hpp"
#include "model/system/cn_graph.hpp"
#include "model/system/schedule_problem.hpp"

namespace ridgeline::search {

// Nothing where the core has no such unit, the unit does not know the operator, or the node sums
// products of two inputs, which is the array's work. `extended` is the core with the off-chip
// memory on top for what is streamed: each operand comes from or goes to its outermost memory
// there, those that share a port one after the other, and the node takes the longer of computing
// and of moving.
std::optional<model::NodeCost> vector_cost(const model::CnLayer& layer,
                                           const model::Accelerator& core,
                                           const model::Accelerator& extended,
                                           const std::vector<model::MemoryOperand>& streamed);

}  // namespace ridgeline::search
