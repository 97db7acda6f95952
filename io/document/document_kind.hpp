// Tells from its keys what a document is.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string_view>

#include "io/document/document.hpp"

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

// For a file that could not be read as what it was given for: an InputError that says what it is,
// where it is clearly something else; nothing otherwise.
void reject_other_kind(const std::filesystem::path& path, DocumentKind wanted);

// read(), with that better error.
template <class Read>
auto read_as(DocumentKind wanted, const std::filesystem::path& path, Read read) {
  try {
    return read();
  } catch (const InputError&) {
    reject_other_kind(path, wanted);
    throw;
  }
}

}  // namespace ridgeline::io
