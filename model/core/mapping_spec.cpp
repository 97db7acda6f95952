#include "model/core/mapping_spec.hpp"

#include <algorithm>

namespace ridgeline::model {

std::optional<MemoryOperand> MappingEntry::link(std::string_view operand) const {
  for (const OperandLink& link : links) {
    if (link.operand == operand) return link.memory;
  }
  return std::nullopt;
}

const MappingEntry* MappingSpec::choose(std::string_view layer_name,
                                        std::string_view operator_type) const {
  for (std::string_view wanted : {layer_name, operator_type, std::string_view("default")}) {
    const auto it = std::find_if(entries.begin(), entries.end(),
                                 [&](const MappingEntry& entry) { return entry.name == wanted; });
    if (it != entries.end()) return &*it;
  }
  return nullptr;
}

}  // namespace ridgeline::model
