// Mapping documents to model::MappingSpec (docs/input-formats.md).
#pragma once

#include <filesystem>
#include <initializer_list>
#include <string_view>

#include "io/document.hpp"
#include "model/accelerator.hpp"
#include "model/mapping_spec.hpp"

namespace ridgeline::io {

// With an accelerator, array dimensions that a `spatial_mapping` names must be its own; hints
// for others are ignored, as in the reference. Throws InputError.
model::MappingSpec read_mapping(const Value& document,
                                const model::Accelerator* accelerator = nullptr);
model::MappingSpec load_mapping(const std::filesystem::path& path,
                                const model::Accelerator* accelerator = nullptr);

// Fields of one entry, for documents that have more of them. Keys are not checked.
model::MappingEntry read_mapping_entry(const Value& entry, const model::Accelerator* accelerator);

}  // namespace ridgeline::io
