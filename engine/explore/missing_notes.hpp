// What the figures of a study leave out, for whoever reads them.
#pragma once

#include <string>
#include <vector>

#include "io/study/study_document.hpp"

namespace ridgeline::engine {

// One line for each ONNX workload with operators that have no cost in this study's model.
std::vector<std::string> missing_notes(const io::Study& study);

}  // namespace ridgeline::engine
