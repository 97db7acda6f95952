#include "io/inputs/mapping_precision.hpp"

namespace ridgeline::io {

namespace {

constexpr std::int64_t kMostBits = 4096;  // of an element

}  // namespace

std::vector<model::OperandBits> read_operand_bits(const Value& value) {
  value.allow_only({"W", "I", "O"});
  std::vector<model::OperandBits> bits;
  for (const auto& [operand, number] : value.entries()) {
    bits.push_back({operand, number.as_integer(1, kMostBits)});
  }
  return bits;
}

EntryPrecisions read_precisions(const Value& document) {
  EntryPrecisions precisions;
  for (const Value& entry : document.items()) {
    precisions.emplace_back();
    if (const auto bits = entry.find_non_null("precision")) {
      precisions.back() = read_operand_bits(*bits);
    }
  }
  return precisions;
}

const std::vector<model::OperandBits>* precision_of(const model::MappingSpec& mapping,
                                                    const EntryPrecisions& precisions,
                                                    const model::WorkloadNode& node) {
  const model::MappingEntry* entry = mapping.choose(node.name, node.operator_type);
  if (entry == nullptr) return nullptr;
  const auto place = static_cast<std::size_t>(entry - mapping.entries.data());
  return place < precisions.size() && !precisions[place].empty() ? &precisions[place] : nullptr;
}

void set_precisions(model::Workload& workload, const model::MappingSpec& mapping,
                    const EntryPrecisions& precisions) {
  for (model::WorkloadNode& node : workload.nodes) {
    if (!node.layer) continue;
    if (const auto* bits = precision_of(mapping, precisions, node)) {
      model::set_precision(*node.layer, *bits);
    }
  }
}

}  // namespace ridgeline::io
