// Reads one document or model as what it is: what `ridgeline check` and the library's call do.
//
// Safe to call from several threads at once.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "engine/calls/mapping_names.hpp"
#include "io/document/error.hpp"
#include "io/onnx/missing.hpp"

namespace ridgeline::engine {

struct Checked {
  std::string found;                           // "accelerator, 32 x 32 array, 4 memories"
  std::optional<io::InputError> error;         // what is wrong; `found` is empty then
  std::vector<std::string> notes;              // what is suspicious, such as keys given twice
  std::vector<std::string> remarks;            // what of a mapping means nothing
  std::vector<std::string> implausible;        // of accelerators and systems, where asked for
  std::vector<io::MissingArithmetic> missing;  // of ONNX models: operators without a loop nest
  KnownNames names;                            // what mappings may refer to
  bool mapping = false;                        // a mapping, of one core or of several
};

// `given`: a path, or JSON text. `dims`: values of symbolic dimensions of ONNX models. `physics`:
// ask whether an accelerator could be built (model/core/physics.hpp). `beside`: names of the other
// files that are checked with it, which say more about a mapping.
Checked check(const std::string& given, const std::map<std::string, std::int64_t>& dims = {},
              bool physics = false, const KnownNames& beside = {});

}  // namespace ridgeline::engine
