// Mapping documents of what was found (docs/input-formats.md).
#pragma once

#include <string>

#include "io/inputs/mapping_precision.hpp"
#include "io/results/evaluation_writer.hpp"
#include "model/core/mapping_spec.hpp"

namespace ridgeline::io {

// A mapping document, in YAML, with an entry for each layer that has a feasible mapping: evaluating
// it gives the same figures. `mapping`: what it was found with, of which the entry `default` stays.
// Of layers that share a name the first one has the entry.
std::string mapping_document(const EvaluationReport& report, const model::MappingSpec& mapping,
                             const EntryPrecisions& precisions = {});

}  // namespace ridgeline::io
