// What a mapping document asks of the mapping of each layer.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "model/core/accelerator.hpp"

namespace ridgeline::model {

struct SpatialHint {
  std::string array_dim;
  std::vector<std::string> dims;  // candidate loop dimensions, document order
};

struct TemporalPosition {
  std::string dim;                   // upper case
  std::optional<std::int64_t> size;  // absent: any ("*")
};

struct OperandLink {
  std::string operand;  // "O", "I", "W"
  MemoryOperand memory = MemoryOperand::O;
};

// The temporal loops of one operand that one memory holds: those beyond what lower memories hold.
struct LevelLoopsRequest {
  std::string operand;                  // "O", "I", "W"
  std::string memory;                   // the accelerator's name
  std::vector<TemporalPosition> loops;  // innermost first, all with sizes
};

struct MappingEntry {
  std::string name;                             // layer name, operator type or "default"
  std::vector<ArrayDimUnroll> spatial_mapping;  // document order; empty: none given
  std::vector<SpatialHint> spatial_hints;
  std::vector<OperandLink> links{
      {"O", MemoryOperand::O}, {"I", MemoryOperand::I1}, {"W", MemoryOperand::I2}};
  std::vector<TemporalPosition> temporal_ordering;  // innermost first
  // Which memory holds which loops, of some or all operands; document order. Of an operand that is
  // listed, memories below the highest listed one that are not listed hold none.
  std::vector<LevelLoopsRequest> memory_loops{};

  // The memory operand of a layer operand; nothing where there is no link.
  std::optional<MemoryOperand> link(std::string_view operand) const;
};

struct MappingSpec {
  std::vector<MappingEntry> entries;
  // First entry with the layer's name, else with the operator's type, else "default".
  const MappingEntry* choose(std::string_view layer_name, std::string_view operator_type) const;
};

}  // namespace ridgeline::model
