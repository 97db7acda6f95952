// Metrics of designs against what a study accepts.
#pragma once

#include <string>

#include "engine/explore/candidate.hpp"
#include "io/study/study_document.hpp"

namespace ridgeline::engine {

inline double& metric_of(Metrics& metrics, io::Metric metric) {
  return metrics[static_cast<std::size_t>(metric)];
}
inline double metric_of(const Metrics& metrics, io::Metric metric) {
  return metrics[static_cast<std::size_t>(metric)];
}

// Adds what a workload of this weight takes: cycles and pJ.
inline void add_workload(Metrics& metrics, double weight, double latency, double energy) {
  metric_of(metrics, io::Metric::latency) += weight * latency;
  metric_of(metrics, io::Metric::energy) += weight * energy;
  metric_of(metrics, io::Metric::edp) += weight * (latency * energy);
}

// Throughput of `macs` multiply-accumulates, weighted like the rest, with a clock of `cycle` ns,
// from the latency, energy and area in `metrics`. Lower bounds of these give upper bounds.
void set_throughput(Metrics& metrics, double macs, double cycle);
// Whether an objective or a constraint of the study needs the clock of its designs.
bool needs_clock(const io::StudySpec& spec);
// Refuses a core without a clock where a metric of the study needs one.
void require_clock(const io::StudySpec& spec, const model::Accelerator& accelerator);

// Which of the study's constraints is not kept, in words; empty: all are.
std::string violated_constraint(const io::StudySpec& spec, const Metrics& metrics);
// The same of bounds (lower ones; upper ones of what is maximised): what no design with such
// bounds can keep. The area of a bound is exact.
std::string unreachable_constraint(const io::StudySpec& spec, const Metrics& bounds);

}  // namespace ridgeline::engine
