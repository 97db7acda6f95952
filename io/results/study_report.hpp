// What a study found, worked out from its file (docs/studies.md, "Reports").
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "io/results/study_file.hpp"

namespace ridgeline::io {

// How much one parameter has to say about one objective, over the candidates that are ok.
struct Sensitivity {
  // Share of the objective's variance that disappears when the parameter's value is known:
  // variance of the means by value, over the whole variance (the correlation ratio). Of the
  // logarithm where all values are positive. NaN where the objective does not vary.
  double explained = 0;
  int best_value = -1;  // value with the best mean; -1: none
  double spread = 1;    // worst mean over best mean (geometric means where logarithms are taken)
};

// How the members of the front use the values of one parameter.
struct FrontValues {
  std::vector<std::uint64_t> count;     // members, by value index
  std::vector<std::uint64_t> count_ok;  // candidates that are ok, likewise
};

struct StudyReport {
  std::array<std::uint64_t, 4> by_status{};  // candidates, by CandidateStatus
  std::vector<std::uint64_t> best;           // row of the best candidate for each objective
  // Of the front: the member nearest to the point that is best in every objective, with each
  // objective scaled to 0..1 over the front. Absent where the front is empty.
  std::optional<std::uint64_t> knee;
  std::vector<std::vector<Sensitivity>> sensitivity;  // [objective][parameter]
  std::vector<FrontValues> front_values;              // by parameter
};

StudyReport study_report(const StudyFile& file);

// For people. At most `top` members of the front (0: all).
std::string report_text(const StudyFile& file, const StudyReport& report, std::uint64_t top);
// Schema "ridgeline.report/1".
std::string report_json(const StudyFile& file, const StudyReport& report, std::uint64_t top);
// Every candidate with its labels, status, objectives, place on the front and message.
std::string candidates_csv(const StudyFile& file);

}  // namespace ridgeline::io
