#include "engine/explore/metrics.hpp"

#include <cstdio>

namespace ridgeline::engine {
namespace {

std::string figure(double value) {
  char text[32];
  std::snprintf(text, sizeof(text), "%.6g", value);
  return text;
}

std::string violated(const io::StudySpec& spec, const Metrics& metrics, bool bounds) {
  for (const io::MetricBound& limit : spec.constraints) {
    const double value = metric_of(metrics, limit.metric);
    const std::string name(model::to_string(limit.metric));
    const bool exact = !bounds || limit.metric == io::Metric::area;
    if (limit.max && value > *limit.max && (exact || !model::maximised(limit.metric)))
      return name + (exact ? " is " : " is at least ") + figure(value) + ", more than " +
             figure(*limit.max);
    if (limit.min && value < *limit.min && exact)
      return name + " is " + figure(value) + ", less than " + figure(*limit.min);
  }
  return {};
}

}  // namespace

std::string violated_constraint(const io::StudySpec& spec, const Metrics& metrics) {
  return violated(spec, metrics, false);
}

std::string unreachable_constraint(const io::StudySpec& spec, const Metrics& bounds) {
  return violated(spec, bounds, true);
}

}  // namespace ridgeline::engine
