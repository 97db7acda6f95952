// Accelerator documents to model::Accelerator (docs/input-formats.md).
#pragma once

#include <filesystem>

#include "io/document.hpp"
#include "model/accelerator.hpp"

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

}  // namespace ridgeline::io
