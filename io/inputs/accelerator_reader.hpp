// Accelerator documents to model::Accelerator (docs/input-formats.md).
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "io/document/document.hpp"
#include "model/core/accelerator.hpp"
#include "model/core/mapping_spec.hpp"

namespace ridgeline::io {

struct AcceleratorOptions {
  // A core of a multi-core system: has a `type` (compute or memory), may have an array without
  // units (off-chip memory), and need not store all of I1, I2 and O.
  bool core = false;
};

// Throws InputError at the first thing that is wrong.
model::Accelerator read_accelerator(const Value& document, const AcceleratorOptions& options = {});
model::Accelerator load_accelerator(const std::filesystem::path& path,
                                    const AcceleratorOptions& options = {});

// What was taken from technology tables (`cost`, `auto_cost_extraction`).
struct Extraction {
  std::vector<std::string> notes;  // a line for each such memory: what, and from where
  double leakage = 0;              // mW of all instances of those whose tables tell it
};
Extraction extracted_costs(const Value& document, const model::Accelerator& accelerator);

// Whether every transfer that all layers need has a port, where a mapping links their operands to
// memory operands like this: inputs come down from their outermost memory, outputs go up to
// theirs. (Partial sums come back under some mappings only.) Throws InputError at the `ports` of
// a memory in the document of the accelerator.
void check_ports(const Value& document, const model::Accelerator& accelerator,
                 const std::vector<model::OperandLink>& links);

}  // namespace ridgeline::io
