// Keeping activations on chip: memories above the lowest one in which a tensor can wait for the
// next layer are taken away from the layers that write and read it (docs/mapping-search.md,
// section 6).
#pragma once

#include <vector>

#include "model/core/accelerator.hpp"
#include "model/core/hierarchy.hpp"
#include "model/core/mapping_spec.hpp"
#include "model/core/workload.hpp"

namespace ridgeline::search {

// What one layer has left. Memories are places in Accelerator::memories, -1 where the layer has
// no such operand.
struct LayerLocality {
  int top_activation = -1;  // highest memory that the operand still uses
  int top_weight = -1;
  int top_output = -1;
  // By memory, what `hierarchy` is built from: operands in the order activation, weight, output.
  std::vector<std::vector<model::MemoryOperand>> kept;
  model::Hierarchy hierarchy;
};

struct Locality {
  // By place in Workload::nodes; operators without cost have an empty hierarchy.
  std::vector<LayerLocality> nodes;
  int top_weight = -1;     // of the whole workload
  double weight_bits = 0;  // of all its constant weights
};

// A layer that `mapping` has no entry for is taken with the usual links (O, I to I1, W to I2). A
// tensor that fits no memory which both its writer and its reader use stays where it is without
// locality; the reference stops there.
Locality keep_on_chip(const model::Workload& workload, const model::Accelerator& accelerator,
                      const model::MappingSpec& mapping);

}  // namespace ridgeline::search
