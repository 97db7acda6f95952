// What of a mapping document had no effect, and why.
#pragma once

#include <string>
#include <vector>

#include "io/results/evaluation_writer.hpp"
#include "model/core/mapping_spec.hpp"

namespace ridgeline::io {

// Loops that no layer has for which an entry is, with the nearest name; unrollings beyond an array
// dimension's units; what was left out or cut of the unrollings in each layer; and orderings that
// leave loops out. In document order, each once.
std::vector<std::string> mapping_remarks(const EvaluationReport& report,
                                         const model::MappingSpec& mapping);

}  // namespace ridgeline::io
