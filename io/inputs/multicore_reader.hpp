// Documents of multi-core systems to model::MultiCore (docs/multicore.md, 1.1).
#pragma once

#include <filesystem>

#include "io/document/document.hpp"
#include "model/system/multicore.hpp"

namespace ridgeline::io {

// Whether a document describes several cores rather than one.
bool is_multicore_document(const Value& document);

// NAMESPACE.KIND, the namespace zigzag where it is left out. Throws InputError for other back ends.
model::CoreKind read_core_kind(const Value& type);

// `folder`: that of the document. A core is a file, found relative to the folder or in `cores/`
// beside the document, or the core's own description in its place. Throws InputError.
model::MultiCore read_multicore(const Value& document, const std::filesystem::path& folder);
model::MultiCore load_multicore(const std::filesystem::path& path);

// The document with every core file's content in the place of its name, so that a pointer leads
// into it: /cores/0/operational_array/sizes/0.
Document load_multicore_document(const std::filesystem::path& path);

}  // namespace ridgeline::io
