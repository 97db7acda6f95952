// Compares one evaluation of the model with a golden record: all results, and the intermediate
// figures where the record has them, so that a fault shows where it begins.
#pragma once

#include "model/core/accelerator.hpp"
#include "model/core/hierarchy.hpp"
#include "model/core/layer.hpp"
#include "model/core/mapping_spec.hpp"
#include "tests/support/golden.hpp"

namespace ridgeline::testing {

// Runs the record's temporal loops and allocation through the model; failures are GoogleTest's.
void expect_golden_evaluation(const Json& record, const model::Layer& layer,
                              const model::Accelerator& accelerator,
                              const model::Hierarchy& hierarchy, const model::MappingEntry& links);

}  // namespace ridgeline::testing
