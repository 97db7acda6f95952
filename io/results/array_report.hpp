// What results say of the array and the chip as circuits: area, clock period, peak figures and
// what a network leaves of them (docs/in-memory.md, docs/results.md).
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "model/core/compute_array.hpp"

namespace ridgeline::io {

// Operations, two a multiply-accumulate, as they happen with everything around the array.
struct Throughput {
  double tops = 0;           // 10^12 a second
  double tops_per_watt = 0;  // the same as operations a pJ
  double tops_per_mm2 = 0;
};
// `cycle` in ns; 0 where cycles or energy are.
Throughput throughput(double macs, double cycles, double energy, double cycle, double area);

// Components of the area, and, of an array that is known as a circuit, its clock and peak figures:
// members "area", "clock" and "peak" of a result. Of plain arrays "clock", where one is given.
void add_array(const model::Accelerator& accelerator, nlohmann::ordered_json& json);
// Members "time_ms", "power_w" and "throughput" of a total or a layer, where a clock is known.
void add_throughput(const model::Accelerator& accelerator, double macs, double cycles,
                    double energy, nlohmann::ordered_json& json);
// Member "mac_components" of a layer's energy, where there are several.
void add_compute_energy(const model::Accelerator& accelerator, const model::Layer& layer,
                        const model::SpatialMapping& spatial, nlohmann::ordered_json& energy);

// "Energy 1.871 mJ, latency 3703960.5 cycles: 18.52 ms at 200 MHz, 101.1 mW": a line for people.
// `period` in ns; 0: no clock is known.
std::string totals_text(double cycles, double energy, double period);

// The array as a circuit, for people: empty for plain arrays.
std::string array_text(const model::Accelerator& accelerator, double macs, double cycles,
                       double energy);

}  // namespace ridgeline::io
