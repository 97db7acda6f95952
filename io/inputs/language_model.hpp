// Workload documents that describe a language or vision model by its sizes: `model: {kind:
// decoder, ...}` or `model: {preset: ...}` with phase, context and batch (docs/networks.md).
#pragma once

#include <string>

#include "io/document/document.hpp"
#include "model/core/workload.hpp"

namespace ridgeline::io {

// Whether a workload document is one of these.
bool is_language_model(const Value& document);

// Equal layers once, with their number; or, `expanded`, each of them on its own, which is what a
// schedule needs. Throws InputError.
model::Workload read_language_model(const Value& document, const std::string& name,
                                    bool expanded = false);

}  // namespace ridgeline::io
