// What each layer of a schedule took, and what it would take on each core.
#pragma once

#include <array>
#include <string>
#include <vector>

#include "io/results/schedule_report.hpp"

namespace ridgeline::io {

struct ScheduledLayer {
  int layer = 0;           // place in CnGraph::layers
  std::vector<int> cores;  // that ran some of its nodes, increasing
  int nodes = 0;
  double start = 0;   // of the first node
  double end = 0;     // of the last one
  double busy = 0;    // cycles of its nodes, over all cores
  double energy = 0;  // pJ: nodes, streamed operands, transfers for them
  // Cycles in which a core was free and a node had not begun, by what came last: data from off-chip
  // memory, data from another core, a node that it depends on, room in a memory (or nothing of
  // these).
  enum Cause { offchip, cores_data, producer, other };
  std::array<double, 4> waiting{};
  double bits = 0;         // that moved over links for it
  double link_cycles = 0;  // of these moves

  double waited() const { return waiting[0] + waiting[1] + waiting[2] + waiting[3]; }
  const char* waits_for() const;  // the largest cause; "" where it did not wait
};

// In the order of the graph's layers.
std::vector<ScheduledLayer> scheduled_layers(const ScheduleReport& report);

// Cycles and energy of all nodes of a layer on one core.
struct LayerCost {
  int layer = 0;
  int core = 0;
  double cycles = 0;
  double energy = 0;
};

// Of the cores that may run the layer, and can.
std::vector<LayerCost> layer_costs(const ScheduleReport& report);

// "1234", "0.5"
std::string schedule_number(double x);

// Both as tables of text.
std::string layers_text(const ScheduleReport& report);
std::string costs_text(const ScheduleReport& report);

}  // namespace ridgeline::io
