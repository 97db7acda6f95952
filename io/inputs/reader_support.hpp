// What the document readers share. Internal to io/.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "io/document/document.hpp"
#include "io/document/equation.hpp"
#include "model/core/accelerator.hpp"

namespace ridgeline::io {

// An InputError that shows where in a value's text the parser stopped.
InputError syntax_error(const Value& value, const SyntaxError& error, const std::string& remedy);

// The integer of digits that a text ends in, within [min, 2^53].
std::int64_t number_in_text(const Value& value, const std::string& digits, std::int64_t min);

// An array dimension's unrolling, a list of "K, 32"; `what` names one in messages.
// Of a dimension that is listed twice the last number counts, as in the reference.
std::vector<model::Unroll> read_unrolls(const Value& list, bool digits_in_names);

// I1, I2 or O.
model::MemoryOperand read_memory_operand(const Value& value);

// Remark with a place, for --verbose.
void add_note(std::vector<std::string>* notes, const Value& value, const std::string& remark);

}  // namespace ridgeline::io
