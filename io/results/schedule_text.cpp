#include <algorithm>
#include <cmath>
#include <cstdio>
#include <sstream>
#include <string>
#include <vector>

#include "io/document/printable.hpp"
#include "io/document/quantity.hpp"
#include "io/document/text_output.hpp"
#include "io/results/schedule_layers.hpp"
#include "io/results/schedule_report.hpp"

namespace ridgeline::io {
namespace {

constexpr int kTimelineWidth = 64;

std::size_t at(std::int64_t i) {
  return static_cast<std::size_t>(i);
}

std::string number(double x) {
  char text[40];
  std::snprintf(text, sizeof text, std::abs(x) < 1e15 && x == std::trunc(x) ? "%.0f" : "%.10g", x);
  return text;
}

std::string share_text(double share) {
  char text[16];
  std::snprintf(text, sizeof text, "%5.1f %%", 100 * share);
  return text;
}

std::string bytes(std::int64_t bits) {
  const double b = static_cast<double>(bits) / 8;
  constexpr const char* kUnits[] = {"B", "KiB", "MiB", "GiB"};
  double value = b;
  int unit = 0;
  while (value >= 1024 && unit < 3) {
    value /= 1024;
    ++unit;
  }
  char text[32];
  std::snprintf(text, sizeof text, unit == 0 ? "%.0f %s" : "%.1f %s", value, kUnits[unit]);
  return text;
}

std::string right(const std::string& text, std::size_t width) {
  return text.size() < width ? std::string(width - text.size(), ' ') + text : text;
}

// The layer that a core runs longest in each column: a letter a layer, '.' where it waits for
// nearly all of it.
std::string row(const ScheduleReport& r, int core) {
  const model::CnGraph& graph = *r.problem().graph;
  const double column = r.result.figures.latency / kTimelineWidth;
  std::vector<std::vector<double>> busy(kTimelineWidth,
                                        std::vector<double>(graph.layers.size(), 0.0));
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    if (r.result.record.core[i] != core || column <= 0) continue;
    int c = static_cast<int>(r.result.record.start[i] / column);
    for (; c < kTimelineWidth && c * column < r.result.record.end[i]; ++c) {
      const double overlap = std::min(r.result.record.end[i], (c + 1) * column) -
                             std::max(r.result.record.start[i], c * column);
      busy[at(c)][at(graph.nodes[i].layer)] += overlap;
    }
  }
  std::string text;
  for (std::vector<double>& column_busy : busy) {
    double idle = column;
    for (const double b : column_busy) idle -= b;
    const auto most = std::max_element(column_busy.begin(), column_busy.end());
    const auto layer = most - column_busy.begin();
    const bool waits = idle > 15.0 / 16 * column;
    text +=
        waits ? '.' : static_cast<char>((layer % 52) < 26 ? 'A' + layer % 26 : 'a' + layer % 26);
  }
  return text;
}

// In ms and W, where the cores' documents state one clock.
std::string time_and_power(const ScheduleReport& r) {
  const double period = common_clock(r.system);
  if (period <= 0) return "";
  const double seconds = r.result.figures.latency * period * 1e-9;
  return "  " + quantity(seconds, "s") + " at " + quantity(1e9 / period, "Hz") + ", " +
         quantity(r.result.figures.energy.total() * 1e-12 / seconds, "W") + '\n';
}

void energy(const ScheduleReport& r, std::ostream& out) {
  const model::EnergyParts& e = r.result.figures.energy;
  const double total = e.total();
  const auto line = [&](const char* what, double value) {
    if (value == 0) return;
    out << "  " << padded(what, 34) << right(number(value), 16) << "  " << share_text(value / total)
        << '\n';
  };
  out << "\nEnergy [pJ]\n";
  line("multiply-accumulates", r.result.figures.mac_energy);
  line("memories of the cores", e.onchip - r.result.figures.mac_energy);
  constexpr const char* kLink[] = {"off-chip loads, links", "evictions, links", "outputs, links",
                                   "core to core, links"};
  constexpr const char* kMemory[] = {"off-chip loads and streams, memories", "evictions, memories",
                                     "outputs, memories", "core to core, memories"};
  for (std::size_t c = 0; c < model::kTransferCauses; ++c) {
    line(kLink[c], e.link[c]);
    line(kMemory[c], e.memory[c]);
  }
}

void list_front(const ScheduleReport& r, std::ostream& out) {
  out << "Front: latency [cycles], energy [pJ]\n";
  for (const search::ScheduleChoice& c : r.result.front) {
    out << right(number(c.figures.latency), 14) << right(number(c.figures.energy.total()), 20);
    for (std::size_t i = 0; i < c.granularity.size(); ++i) {
      const std::int64_t factor = c.granularity[i];
      const bool own = i < r.granularity_dims.size();
      out << (i == 0 ? "   cut by " : ", ") << (own ? r.granularity_dims[i] : r.granularity_dim)
          << (factor == 0 ? " all" : " " + std::to_string(factor));
    }
    out << '\n';
  }
}

}  // namespace

void write_schedule_text(const ScheduleReport& r, std::ostream& stream) {
  std::ostringstream out;
  const model::CnGraph& graph = *r.problem().graph;
  out << r.workload << " on " << r.accelerator << ", " << r.mode << '\n'
      << "  latency " << number(r.result.figures.latency) << " cycles, energy "
      << quantity(r.result.figures.energy.total() * 1e-12, "J") << ", EDP "
      << quantity(r.result.figures.latency * r.result.figures.energy.total() * 1e-12, "J cycles")
      << '\n'
      << time_and_power(r) << "  " << graph.nodes.size() << " nodes of " << graph.layers.size()
      << " layers, " << r.result.record.transfers.size() << " transfers\n";
  const std::string missing = missing_note(r.missing);
  if (!missing.empty()) out << "  " << missing << '\n';
  energy(r, out);

  out << "\nCores: busy, and what they run";
  if (!graph.layers.empty()) out << " (A is layer " << printable(graph.layers.front().name) << ")";
  out << '\n';
  for (int core = 0; core < r.problem().cores; ++core) {
    double busy = 0;
    for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
      if (r.result.record.core[i] == core)
        busy += r.result.record.end[i] - r.result.record.start[i];
    }
    if (busy == 0) continue;
    out << right(std::to_string(core), 4) << "  " << share_text(busy / r.result.figures.latency)
        << "  |" << row(r, core) << "|\n";
  }
  out << "\nMemories: peak of capacity\n";
  for (std::size_t m = 0; m < r.result.record.memories.size(); ++m) {
    const model::TopMemory& memory = r.problem().memories.instances[m];
    const std::int64_t peak = r.result.record.memories[m].peak;
    if (peak == 0) continue;
    out << right(std::to_string(memory.cores.front()), 4) << "  " << padded(memory.name, 24)
        << right(bytes(peak), 12) << " of " << right(bytes(memory.size), 12) << "  "
        << share_text(static_cast<double>(peak) / static_cast<double>(memory.size)) << '\n';
  }
  out << "\nAllocation\n";
  for (std::size_t l = 0; l < graph.layers.size(); ++l) {
    out << "  " << static_cast<char>((l % 52) < 26 ? 'A' + l % 26 : 'a' + l % 26) << "  "
        << padded(graph.layers[l].name, 32) << " core";
    for (int g = 0; g < r.problem().layers[l].groups; ++g) {
      out << ' ' << r.result.chosen().allocation.core[at(r.problem().layers[l].first_slot + g)];
    }
    out << '\n';
  }
  out << "\nLayers: when, where, and what they waited for\n" << layers_text(r);
  out << "\nWhat each layer takes on each core that may run it\n" << costs_text(r);
  out << "\nSearch: " << r.engine() << ", " << r.result.evaluated << " schedules";
  if (r.result.stopped) out << " (stopped early)";
  if (!r.result.converged && !r.result.stopped) out << " (not converged)";
  out << (r.result.gap > 0
              ? "; at most " + share_text(r.result.gap) + " above the least there can be"
              : "; none is better")
      << '\n';
  if (r.result.front.size() > 1) list_front(r, out);
  stream << printable_lines(out.str());
}

}  // namespace ridgeline::io
