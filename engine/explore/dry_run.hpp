// What `ridgeline explore --dry-run` tells: how large the space is, what its first design is made
// of, and about how long the study takes.
#pragma once

#include "engine/explore/evaluator.hpp"
#include "io/study/study_document.hpp"

namespace ridgeline::engine {

// On standard output. `threads`: of this run; takes a few seconds to time some designs.
void dry_run(const io::Study& study, Evaluator& evaluator, int threads);

}  // namespace ridgeline::engine
