// Reads the files that a study document names: workloads, an accelerator or a space of systems with
// its cores, a mapping, and the technology tables that these use.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <vector>

#include "io/study/study_parts.hpp"

namespace ridgeline::io {

// The part of `json`, which is a whole document, that `value` of the same document holds.
nlohmann::ordered_json json_at(const nlohmann::ordered_json& json, const Value& value);

// Paths are relative to the study document. InputError: there is no name.
std::filesystem::path resolve_beside(const std::filesystem::path& folder, const Value& value);

// Reads them into `parts`, with the digest of each and what of them is in the effective document;
// `root` and `json` are the study document. Returns the fields of a `system` that parameters give,
// in terms of expressions. InputError: at the place that names a file, or in the file.
std::vector<SystemField> read_study_files(const Value& root, const nlohmann::ordered_json& json,
                                          StudyParts& parts);

}  // namespace ridgeline::io
