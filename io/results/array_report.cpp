#include "io/results/array_report.hpp"

#include <cmath>
#include <nlohmann/json.hpp>

#include "io/document/quantity.hpp"
#include "io/document/text_output.hpp"

namespace ridgeline::io {
namespace {

using nlohmann::ordered_json;

ordered_json components(const model::Parts& parts) {
  auto json = ordered_json::object();
  for (const model::Parts::Part& part : parts.parts) json[std::string(part.name)] = part.value;
  return json;
}

ordered_json throughput_json(const Throughput& t) {
  return {{"tops", t.tops}, {"tops_per_watt", t.tops_per_watt}, {"tops_per_mm2", t.tops_per_mm2}};
}

// As the document says, or as the arrays' own model has it.
bool area_in_mm2(const model::Accelerator& accelerator) {
  return accelerator.array.imc || accelerator.area_unit == "mm2";
}

// About four digits.
std::string figure(double value) {
  const double size = std::abs(value);
  return fixed(value, size >= 1000 ? 0 : size >= 10 ? 2 : size >= 0.1 ? 4 : 6, true);
}

}  // namespace

Throughput throughput(double macs, double cycles, double energy, double cycle, double area) {
  Throughput t;
  if (cycles <= 0 || cycle <= 0) return t;
  t.tops = 2 * macs / (cycles * cycle) / 1000;
  if (energy > 0) t.tops_per_watt = 2 * macs / energy;
  if (area > 0) t.tops_per_mm2 = t.tops / area;
  return t;
}

void add_array(const model::Accelerator& accelerator, ordered_json& json) {
  const auto circuit = model::array_circuit(accelerator);
  if (!circuit) {
    if (const auto period = model::cycle_ns(accelerator)) json["clock"] = {{"period", *period}};
    return;
  }
  const model::Parts area = model::array_area(accelerator);
  json["area"] = {{"total", accelerator.area()},
                  {"array", area.total()},
                  {"memories", accelerator.area() - area.total()},
                  {"components", components(area)}};
  json["clock"] = {{"period", circuit->clock.total()}, {"components", components(circuit->clock)}};
  if (accelerator.clock_ns > 0) json["clock"]["given"] = accelerator.clock_ns;
  json["peak"] = throughput_json(
      {circuit->peak_tops, circuit->peak_tops_per_watt, circuit->peak_tops_per_mm2});
  json["peak"]["energy_per_cycle"] = {{"total", circuit->peak_energy.total()},
                                      {"components", components(circuit->peak_energy)}};
}

void add_throughput(const model::Accelerator& accelerator, double macs, double cycles,
                    double energy, ordered_json& json) {
  const auto period = model::cycle_ns(accelerator);
  if (!period || !(cycles > 0)) return;
  json["time_ms"] = cycles * *period * 1e-6;
  json["power_w"] = energy * 1e-3 / (cycles * *period);
  const Throughput t = throughput(macs, cycles, energy, *period, accelerator.area());
  json["throughput"] = throughput_json(t);
  // Of an area in a unit of its own, nothing a mm2 can be said.
  if (!area_in_mm2(accelerator)) json["throughput"].erase("tops_per_mm2");
}

void add_compute_energy(const model::Accelerator& accelerator, const model::Layer& layer,
                        const model::SpatialMapping& spatial, ordered_json& energy) {
  const auto parts = model::compute_energy(accelerator, layer, spatial);
  const auto* found = std::get_if<model::Parts>(&parts);
  if (found == nullptr || found->parts.size() < 2) return;
  energy["mac_components"] = components(*found);
}

std::string totals_text(double cycles, double energy, double period) {
  std::string text =
      "Energy " + quantity(energy * 1e-12, "J") + ", latency " + fixed(cycles, 2, true) + " cycles";
  if (period > 0 && cycles > 0) {
    text += ": " + quantity(cycles * period * 1e-9, "s") + " at " + quantity(1e9 / period, "Hz") +
            ", " + quantity(energy * 1e-3 / (cycles * period), "W");
  }
  return text;
}

std::string array_text(const model::Accelerator& accelerator, double macs, double cycles,
                       double energy) {
  const auto circuit = model::array_circuit(accelerator);
  if (!circuit) return "";
  const model::Parts area = model::array_area(accelerator);
  const Throughput real =
      throughput(macs, cycles, energy, *model::cycle_ns(accelerator), accelerator.area());
  const auto row = [](const char* what, const Throughput& t) {
    return "  " + padded(what, 34) + padded(figure(t.tops), 10, true) +
           padded(figure(t.tops_per_watt), 10, true) + padded(figure(t.tops_per_mm2), 10, true) +
           "\n";
  };
  const auto list = [](const model::Parts& parts) {
    std::string text;
    for (const model::Parts::Part& part : parts.parts) {
      if (part.value == 0) continue;
      text += (text.empty() ? "" : ", ") + std::string(part.name) + " " + figure(part.value);
    }
    return text;
  };
  return "\nThe array as a circuit\n  clock period " + figure(circuit->clock.total()) +
         " ns: " + list(circuit->clock) + "\n  array area " + figure(area.total()) +
         " mm2: " + list(area) + "\n\n  " + padded("", 34) + padded("TOP/s", 10, true) +
         padded("TOP/s/W", 10, true) + padded("TOP/s/mm2", 10, true) + "\n" +
         row("array alone, every unit in use",
             {circuit->peak_tops, circuit->peak_tops_per_watt, circuit->peak_tops_per_mm2}) +
         row("this network, with the memories", real);
}

}  // namespace ridgeline::io
