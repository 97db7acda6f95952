// What the JSON and the text form of evaluations share. Internal to io/.
#pragma once

#include <string>
#include <vector>

#include "model/core/layer.hpp"
#include "search/mapping/mapper.hpp"

namespace ridgeline::io {

const std::string& operand_name(const model::Layer& layer, const model::OperandFigures& operand);

// By operand and temporal loop: the memory (place in Accelerator::memories) that holds the
// operand at that loop, once irrelevant loops have sunk; -1 where none does.
std::vector<std::vector<int>> loop_memories(const search::LayerResult& mapped);

// What keeps a layer from being faster.
struct LayerLimits {
  std::string limit;          // in words: a port and how much it is used, or why the array is idle
  double achieved = 0;        // multiply-accumulates a cycle, over the whole latency
  double peak = 0;            // of all units
  double intensity = 0;       // multiply-accumulates a byte that crosses the outermost memories
  double attainable = 0;      // a cycle, by peak and by the outermost memories' bandwidth
  bool memory_bound = false;  // by the latter
  double energy_per_mac = 0;  // pJ
};

LayerLimits layer_limits(const model::Accelerator& accelerator, const search::LayerResult& mapped);

// Places of the operands as people read them: weights, inputs, outputs.
std::vector<std::size_t> operand_order(const model::Layer& layer,
                                       const std::vector<model::OperandFigures>& operands);

}  // namespace ridgeline::io
