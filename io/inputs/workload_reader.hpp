// Workload documents (hand-written lists of layers) to model::Workload (docs/input-formats.md).
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "io/document/document.hpp"
#include "model/core/workload.hpp"

namespace ridgeline::io {

// `notes` gets remarks on what is accepted and yet suspicious. Throws InputError.
model::Workload read_workload(const Value& document, const std::string& name,
                              std::vector<std::string>* notes = nullptr);

// A YAML or JSON file; its name without folder and ending becomes the workload's.
model::Workload load_workload_document(const std::filesystem::path& path,
                                       std::vector<std::string>* notes = nullptr);

}  // namespace ridgeline::io
