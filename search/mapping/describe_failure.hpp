// Says in words why the operands of a layer do not fit.
#pragma once

#include <string>

#include "model/core/problem.hpp"
#include "search/mapping/allocate.hpp"

namespace ridgeline::search {

// Operand, memory and how many bits are too many; `failure` is of `problem`, which was compiled for
// this layer and accelerator.
std::string describe(const AllocationFailure& failure, const model::Layer& layer,
                     const model::Accelerator& accelerator, const model::Problem& problem);

}  // namespace ridgeline::search
