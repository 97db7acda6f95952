// Why one design of a study beats another: layer by layer, memory by memory, link by link.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "io/results/study_file.hpp"

namespace ridgeline::io {

// Puts into a schedule's document what its nodes and transfers come to: `by_layer` (cycles busy,
// energy, cores) and `by_link` (bits, energy, transfers of each pair of cores). Small whatever the
// number of nodes, so it stays where those are left out.
void add_schedule_sums(nlohmann::ordered_json& schedule);

// Schema "ridgeline.comparison/1". `a` and `b`: rows of candidates; the documents are those of the
// designs (StudyDesign::documents). Throws InputError where a document is not what it should be.
nlohmann::ordered_json compare_designs(const StudyFile& file, std::uint64_t a, std::uint64_t b,
                                       const StudyDesign& of_a, const StudyDesign& of_b);
// For people; at most `top` layers, memories and links of each workload (0: all).
std::string comparison_text(const nlohmann::ordered_json& comparison, std::uint64_t top);

}  // namespace ridgeline::io
