// The two halves of expanding a system. For io/study/system_*.cpp only.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "io/document/document.hpp"
#include "io/study/system_space.hpp"

namespace ridgeline::io {

// Connections between `cores` cores (ids from 0) and to the off-chip core, whose id comes next.
nlohmann::ordered_json system_connections(const Value& topology, int cores);

// Checks the keys and kinds of values of a topology; puts its expressions into `fields`.
nlohmann::ordered_json read_topology(const Value& topology, std::vector<SystemField>& fields);

// A whole number, or an expression for one: a placeholder, and the expression into `fields`.
nlohmann::ordered_json number_or_expression(const Value& value, const std::string& pointer,
                                            std::vector<SystemField>& fields);

// The mapping with the cores of the kinds that take each entry's layers.
void expand_mapping(const Document& system, const Document& mapping,
                    const std::map<std::string, std::set<std::string>>& operators_of,
                    ExpandedSystem& result);

}  // namespace ridgeline::io
