// Mapping documents to model::MappingSpec (docs/input-formats.md).
#pragma once

#include <filesystem>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "io/document/document.hpp"
#include "model/core/accelerator.hpp"
#include "model/core/mapping_spec.hpp"
#include "model/core/workload.hpp"

namespace ridgeline::io {

// With an accelerator, array dimensions that a `spatial_mapping` names must be its own; hints
// for others are ignored, as in the reference. Throws InputError.
model::MappingSpec read_mapping(const Value& document,
                                const model::Accelerator* accelerator = nullptr);
model::MappingSpec load_mapping(const std::filesystem::path& path,
                                const model::Accelerator* accelerator = nullptr);

// Remarks on entries that are for no layer of the workload: those whose names look like that of a
// layer or an operator type, or `every` one.
std::vector<std::string> mapping_notes(const model::MappingSpec& mapping,
                                       const model::Workload& workload, bool every);
// The same of one entry and the layers' names and types; empty where there is nothing to say.
std::string unused_entry_note(const std::string& entry, std::span<const std::string> known,
                              bool every);

// Fields of one entry, for documents that have more of them. Keys are not checked.
model::MappingEntry read_mapping_entry(const Value& entry, const model::Accelerator* accelerator);

}  // namespace ridgeline::io
