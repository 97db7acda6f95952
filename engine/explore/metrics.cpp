#include "engine/explore/metrics.hpp"

#include <algorithm>
#include <cstdio>

#include "model/core/compute_array.hpp"

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

void set_throughput(Metrics& metrics, double macs, double cycle) {
  // Of a bound that is 0, infinite: nothing is known.
  const double time = metric_of(metrics, io::Metric::latency) * cycle;
  const double tops = 2 * macs / time / 1000;
  metric_of(metrics, io::Metric::tops) = tops;
  metric_of(metrics, io::Metric::tops_per_watt) = 2 * macs / metric_of(metrics, io::Metric::energy);
  metric_of(metrics, io::Metric::tops_per_mm2) = tops / metric_of(metrics, io::Metric::area);
}

bool needs_clock(const io::StudySpec& spec) {
  return std::any_of(spec.objectives.begin(), spec.objectives.end(), model::needs_clock) ||
         std::any_of(spec.constraints.begin(), spec.constraints.end(),
                     [](const io::MetricBound& limit) { return model::needs_clock(limit.metric); });
}

void require_clock(const io::StudySpec& spec, const model::Accelerator& accelerator) {
  if (!needs_clock(spec) || model::cycle_ns(accelerator)) return;
  throw io::InputError({spec.accelerator.string(), ""},
                       "has no clock, which a metric of the study needs",
                       "add one: clock: 200 MHz");
}

std::string violated_constraint(const io::StudySpec& spec, const Metrics& metrics) {
  return violated(spec, metrics, false);
}

std::string unreachable_constraint(const io::StudySpec& spec, const Metrics& bounds) {
  return violated(spec, bounds, true);
}

}  // namespace ridgeline::engine
