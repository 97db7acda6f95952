// The bits that a mapping document asks for, of operators or layers.
#pragma once

#include <vector>

#include "io/document/document.hpp"
#include "model/core/mapping_spec.hpp"
#include "model/core/operand_bits.hpp"
#include "model/core/workload.hpp"

namespace ridgeline::io {

// {W: 4, I: 8, O: 16}.
std::vector<model::OperandBits> read_operand_bits(const Value& value);

// Of each entry of a mapping document, in its order; empty: none.
using EntryPrecisions = std::vector<std::vector<model::OperandBits>>;
EntryPrecisions read_precisions(const Value& document);

// What the entry asks for that serves a layer; null: nothing.
const std::vector<model::OperandBits>* precision_of(const model::MappingSpec& mapping,
                                                    const EntryPrecisions& precisions,
                                                    const model::WorkloadNode& node);
void set_precisions(model::Workload& workload, const model::MappingSpec& mapping,
                    const EntryPrecisions& precisions);

}  // namespace ridgeline::io
