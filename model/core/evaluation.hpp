// Everything the model says about one (layer, core, spatial mapping, temporal mapping).
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "model/core/accelerator.hpp"

namespace ridgeline::model {

// Energy and latency of one mapping: what a search compares.
struct Cost {
  double energy = 0;   // pJ
  double latency = 0;  // cycles, with onloading and offloading (latency_total2)
};

struct TemporalLoop {
  int dim = 0;  // place in Layer::dims
  std::int64_t size = 1;
};
// Loops of one operand, innermost first, per memory level, innermost first.
using LevelLoops = std::vector<std::vector<TemporalLoop>>;

// One place of one operand's data: a memory level.
struct LevelFigures {
  int memory = 0;                              // place in Accelerator::memories
  std::array<double, kDirections> accesses{};  // words of bandwidth_max, by Direction
  std::array<double, kDirections> energy{};    // pJ, by Direction
  double energy_total = 0;
  double utilization = 0;            // share of the capacity, this operand
  double utilization_shared = 0;     // of all operands in that memory
  double effective_utilization = 0;  // from the data that must be live at once
  double effective_utilization_shared = 0;
};

struct OperandFigures {
  int operand = 0;                   // place in Layer::operands
  std::vector<LevelFigures> levels;  // innermost first
  LevelLoops stationary;             // temporal loops after irrelevant ones have sunk
};

struct LatencyFigures {
  double ideal = 0;           // all units busy
  double ideal_temporal = 0;  // with this spatial mapping
  double stall = 0;           // largest combined stall over all ports
  double onload = 0;
  double offload = 0;
  double total0 = 0;  // ideal_temporal + stall: "compute"
  double total1 = 0;  // + onload
  double total2 = 0;  // + offload: the latency
};

struct Evaluation {
  Cost cost;
  double macs = 0;
  double mac_energy = 0;
  double memory_energy = 0;
  LatencyFigures latency;
  double spatial_utilization = 0;        // ideal / ideal_temporal
  double utilization = 0;                // ideal / total2
  std::vector<OperandFigures> operands;  // layer's operand order
};

}  // namespace ridgeline::model
