// Costs of memories from a program that answers for CACTI: its input and output formats.
//
// A document can ask for it (`source: cacti`), and only who runs Ridgeline can say which program
// that is: the environment variable RIDGELINE_CACTI. Each question is asked once and its answer
// remembered in a file, RIDGELINE_CACTI_ANSWERS (default: ridgeline/cacti_answers.jsonl in the
// user's folder for caches).
#pragma once

#include <string>
#include <string_view>

#include "io/document/document.hpp"
#include "io/inputs/technology.hpp"
#include "model/core/accelerator.hpp"

namespace ridgeline::io {

inline constexpr std::string_view kMemoryCompiler = "cacti";
inline constexpr const char* kCompilerVariable = "RIDGELINE_CACTI";

// Fills in r_cost, w_cost (pJ an access of the widest port) and area (mm2), as `request` asks.
// Thread-safe. InputError: no program is named, a node that is no length, a memory for which the
// program has no answer. FileError: it cannot be started, is killed, or takes too long.
ExtractedCosts compile_memory(const Value& request, const std::string& node, model::Memory& memory);

// The program's input for a memory: "-size (bytes) 8192" and so on, a line each.
std::string compiler_input(const model::Memory& memory, std::string_view kind, double micrometres);

// A figure of the program's output, two lines of values between commas, by the name of its column.
// Empty where it is not there.
std::string compiler_figure(std::string_view output, std::string_view column);

}  // namespace ridgeline::io
