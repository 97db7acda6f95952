// What designs, mappings and schedules are measured by: the one table of metrics.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace ridgeline::model {

enum class Metric : std::uint8_t {
  latency,
  energy,
  edp,
  area,
  utilization,
  peak_memory,
  // Operations, two a multiply-accumulate; of single cores whose clock is known.
  tops,
  tops_per_watt,
  tops_per_mm2
};

struct MetricTraits {
  std::string_view name;
  std::string_view unit;  // "": the accelerator document's own
  bool maximised;         // else smaller is better
};

// By Metric. A new metric is a line here, and a value where designs are measured.
inline constexpr std::array kMetricTable{
    MetricTraits{"latency", "cycles", false},
    MetricTraits{"energy", "pJ", false},
    MetricTraits{"edp", "pJ*cycles", false},
    MetricTraits{"area", "", false},
    MetricTraits{"utilization", "1", true},
    MetricTraits{"peak_memory", "bits", false},
    MetricTraits{"tops", "TOP/s", true},
    MetricTraits{"tops_per_watt", "TOP/s/W", true},
    MetricTraits{"tops_per_mm2", "TOP/s/mm2", true},
};
inline constexpr int kMetrics = static_cast<int>(kMetricTable.size());

// What a search of mappings can minimise, and one of schedules.
inline constexpr std::array kMappingObjectives{Metric::latency, Metric::energy, Metric::edp};
inline constexpr std::array kScheduleObjectives{Metric::latency, Metric::energy, Metric::edp,
                                                Metric::peak_memory};

constexpr const MetricTraits& traits(Metric metric) {
  return kMetricTable[static_cast<std::size_t>(metric)];
}
constexpr std::string_view to_string(Metric metric) {
  return traits(metric).name;
}
constexpr std::string_view unit(Metric metric) {
  return traits(metric).unit;
}
constexpr bool maximised(Metric metric) {
  return traits(metric).maximised;
}
constexpr bool needs_clock(Metric metric) {
  return metric >= Metric::tops;
}

// By name; `-` stands for `_` as well, as in the command line's names.
constexpr std::optional<Metric> metric_from(std::string_view name) {
  for (std::size_t m = 0; m < kMetricTable.size(); ++m) {
    const std::string_view known = kMetricTable[m].name;
    bool same = known.size() == name.size();
    for (std::size_t i = 0; same && i < name.size(); ++i) {
      same = known[i] == (name[i] == '-' ? '_' : name[i]);
    }
    if (same) return static_cast<Metric>(m);
  }
  return std::nullopt;
}

}  // namespace ridgeline::model
