// Operands of a node that are too large for a core, and the core as the cost model then sees it:
// with the off-chip memory on top (docs/multicore.md, 4.2 and 4.3).
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "model/core/accelerator.hpp"
#include "model/system/cn_graph.hpp"

namespace ridgeline::model {

// Memory operands that a node of the layer streams from and to off-chip on this core, in the
// order in which the added memory holds them. Only the node's own data count.
std::vector<MemoryOperand> streamed_operands(const CnLayer& layer, const Accelerator& core);

// The same under the rules of 2023 (docs/multicore.md, 8): an input that other nodes produce
// takes `arriving_bits`, by place in the layer's operands, and what is streamed needs room for one
// unrolling of the core's dataflow.
std::vector<MemoryOperand> streamed_operands_of_2023(
    const CnLayer& layer, const Accelerator& core,
    const std::array<std::int64_t, kMaxOperands>& arriving_bits);

// A copy of the core with the off-chip core's memory as one more memory, last in order, for the
// operands given. Its served dimensions are those of the off-chip document by name; dimensions
// that the core's array lacks have no effect. Precondition: the off-chip core has one memory.
Accelerator extend_core(const Accelerator& core, const Accelerator& offchip,
                        const std::vector<MemoryOperand>& operands);

}  // namespace ridgeline::model
