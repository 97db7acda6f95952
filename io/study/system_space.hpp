// Spaces of systems: how many cores of which kinds, between which connections (docs/studies.md,
// "Spaces of systems"). A study's `system` becomes a template document whose fields parameters
// edit, and the template of a design becomes a multi-core document and a mapping that says by
// core ids what the kinds say by operators. For io/study_*.cpp only.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include "io/document/document.hpp"

namespace ridgeline::io {

// A field of the template that the study gives as an expression over its parameters.
struct SystemField {
  std::string pointer;  // in the template
  std::string place;    // in the study document
};

struct SystemTemplate {
  // {name, kinds: {NAME: {core: {...}, count, operators}}, offchip: {...}, topology, sharing}
  Document document;
  std::vector<SystemField> fields;
  // Operator types of the workloads' nodes by name: what an entry for one node is for.
  std::map<std::string, std::set<std::string>> operators_of;
};

// Reads `system`, with the content of core files in the place of their names; `read_core` gives
// that of a file named at a value. Throws InputError.
SystemTemplate read_system(const Value& system, const std::string& name,
                           const std::function<nlohmann::ordered_json(const Value&)>& read_core);

// Pointers into a kind enter its core: /kinds/big/memories is /kinds/big/core/memories.
std::string system_pointer(const std::string& pointer);

struct ExpandedSystem {
  std::string infeasible;  // why there is no such system; empty: the rest is set
  Document accelerator;
  Document mapping;
  std::vector<std::string> kind_of;             // of each core but the off-chip one
  std::map<std::string, std::string> unserved;  // mapping entry -> why no core takes its layers
};

// The multi-core document and the mapping of one design. Throws InputError where a value that a
// parameter put there is none.
ExpandedSystem expand_system(const Document& system, const Document& mapping,
                             const std::map<std::string, std::set<std::string>>& operators_of);

}  // namespace ridgeline::io
