// What the figures of a study leave out, for whoever reads them.
#pragma once

#include <string>
#include <vector>

#include "io/onnx/missing.hpp"
#include "io/study/study_document.hpp"

namespace ridgeline::engine {

// Of each workload by its name: operators that have no cost in this study's model, or on the vector
// unit of the accelerator as the study names it. Workloads with none are left out.
std::vector<io::MissingOfWorkload> missing_of(const io::Study& study);

// The same, one line for each.
std::vector<std::string> missing_notes(const io::Study& study);

}  // namespace ridgeline::engine
