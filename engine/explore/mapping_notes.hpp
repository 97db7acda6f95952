// What of the mappings that a study tries means nothing, for whoever reads its figures.
#pragma once

#include <string>
#include <vector>

#include "io/study/study_document.hpp"

namespace ridgeline::engine {

// One line for each loop that no layer of the study's workloads has, and for each unrolling that is
// wider than the array: of the first design's mapping, and of the mapping under each value of a
// parameter that edits it, the others as in the first design.
std::vector<std::string> mapping_notes(const io::Study& study);

}  // namespace ridgeline::engine
