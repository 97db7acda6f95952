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

}  // namespace ridgeline::io
