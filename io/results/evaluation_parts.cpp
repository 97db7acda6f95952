#include "io/results/evaluation_parts.hpp"

namespace ridgeline::io {

const std::string& operand_name(const model::Layer& layer, const model::OperandFigures& operand) {
  return layer.operands[static_cast<std::size_t>(operand.operand)].name;
}

std::vector<std::vector<int>> loop_memories(const search::LayerResult& mapped) {
  std::vector<std::vector<int>> result;
  for (const model::OperandFigures& operand : mapped.evaluation.operands) {
    std::vector<int> memories;
    for (std::size_t m = 0; m < operand.stationary.size(); ++m) {
      memories.insert(memories.end(), operand.stationary[m].size(), operand.levels[m].memory);
    }
    memories.resize(mapped.temporal.size(), -1);
    result.push_back(std::move(memories));
  }
  return result;
}

}  // namespace ridgeline::io
