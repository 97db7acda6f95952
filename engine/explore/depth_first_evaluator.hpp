// Designs of a study that are single-core accelerators on which networks run depth first: each is
// judged with its best fusion.
#pragma once

#include <memory>

#include "engine/explore/evaluator.hpp"

namespace ridgeline::engine {

std::unique_ptr<Evaluator> depth_first_evaluator(const io::Study& study);

}  // namespace ridgeline::engine
