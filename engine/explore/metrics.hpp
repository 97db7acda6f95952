// Metrics of designs against what a study accepts.
#pragma once

#include <string>

#include "engine/explore/candidate.hpp"
#include "io/study_document.hpp"

namespace ridgeline::engine {

inline double& metric_of(Metrics& metrics, io::Metric metric) {
  return metrics[static_cast<std::size_t>(metric)];
}
inline double metric_of(const Metrics& metrics, io::Metric metric) {
  return metrics[static_cast<std::size_t>(metric)];
}

// Which of the study's constraints is not kept, in words; empty: all are.
std::string violated_constraint(const io::StudySpec& spec, const Metrics& metrics);
// The same of bounds (lower ones; upper ones of what is maximised): what no design with such
// bounds can keep. The area of a bound is exact.
std::string unreachable_constraint(const io::StudySpec& spec, const Metrics& bounds);

}  // namespace ridgeline::engine
