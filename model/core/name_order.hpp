// Iteration order of the reference's sets of names.
//
// Several of the reference's collections are hash sets whose hashes are fixed, so their order
// is arbitrary but reproducible, and it decides ties between spatial mappings and the order of
// spatial loops within a level (docs/mapping-search.md, "Set order").
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace ridgeline::model {

enum class NameKind { layer_dim, array_dim, layer_operand, memory_operand };

// Hash of a name, below 2^61 - 1.
std::uint64_t name_hash(NameKind kind, std::string_view name);

// Places in `names` in the order in which a set built from them, in the order given, is
// iterated. Repeated names appear once, at their first place.
std::vector<int> set_order(NameKind kind, const std::vector<std::string>& names);

}  // namespace ridgeline::model
