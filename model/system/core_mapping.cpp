#include "model/system/core_mapping.hpp"

#include <algorithm>

namespace ridgeline::model {

const CoreMappingEntry* CoreMapping::choose(std::string_view node,
                                            std::string_view operator_type) const {
  for (const std::string_view name : {node, operator_type, std::string_view("default")}) {
    const auto it = std::find_if(entries.begin(), entries.end(),
                                 [&](const CoreMappingEntry& entry) { return entry.name == name; });
    if (it != entries.end()) return &*it;
  }
  return nullptr;
}

}  // namespace ridgeline::model
