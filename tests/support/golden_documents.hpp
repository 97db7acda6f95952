// Writes input documents from the declared fields of golden records, where the reference's own
// files are not at hand.
#pragma once

#include <vector>

#include "tests/support/golden.hpp"

namespace ridgeline::testing {

// Records of one golden file; empty where it is absent.
std::vector<Json> golden_file(const std::string& folder, const std::string& file);

// From a record of `accelerator`.
Json accelerator_document(const Json& record);

// From all records of a hand-written workload in `workload_import`.
Json workload_document(const std::vector<Json>& records);

}  // namespace ridgeline::testing
