// Tells from its keys what a document is.
#pragma once

#include <cstdint>
#include <string_view>

#include "io/document.hpp"

namespace ridgeline::io {

enum class DocumentKind : std::uint8_t {
  accelerator,  // single-core
  core,         // of a multi-core system
  multi_core,   // a system of cores
  mapping,      // for a single-core accelerator
  multi_core_mapping,
  workload,
  study,
  result,  // of evaluate or schedule
};
std::string_view to_string(DocumentKind kind);

// The kind most of whose keys are there; an InputError where none is.
DocumentKind document_kind(const Document& document);

}  // namespace ridgeline::io
