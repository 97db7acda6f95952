#include "io/results/evaluation_parts.hpp"

#include <algorithm>

#include "io/document/text_output.hpp"

namespace ridgeline::io {

const std::string& operand_name(const model::Layer& layer, const model::OperandFigures& operand) {
  return layer.operands[static_cast<std::size_t>(operand.operand)].name;
}

std::vector<std::vector<int>> loop_memories(const search::LayerResult& mapped) {
  std::vector<std::vector<int>> result;
  for (const model::OperandFigures& operand : mapped.evaluation.operands) {
    std::vector<int> memories;
    for (std::size_t m = 0; m < operand.stationary.size(); ++m) {
      memories.insert(memories.end(), operand.stationary[m].size(), operand.levels[m].memory);
    }
    memories.resize(mapped.temporal.size(), -1);
    result.push_back(std::move(memories));
  }
  return result;
}

LayerLimits layer_limits(const model::Accelerator& accelerator, const search::LayerResult& mapped) {
  const model::Evaluation& e = mapped.evaluation;
  const model::LatencyFigures& latency = e.latency;
  LayerLimits limits;
  limits.peak = static_cast<double>(accelerator.array.units());
  limits.achieved = latency.total2 > 0 ? e.macs / latency.total2 : 0;
  limits.energy_per_mac = e.macs > 0 ? e.cost.energy / e.macs : 0;

  // Each outermost memory moves its part of the data while the others move theirs.
  std::vector<bool> outermost(accelerator.memories.size(), false);
  for (const model::OperandFigures& operand : e.operands) {
    if (operand.levels.empty()) continue;
    outermost[static_cast<std::size_t>(operand.levels.back().memory)] = true;
  }
  double bits = 0;
  double cycles = 0;  // of the busiest port of these memories
  for (const search::PortUse& use : mapped.ports) {
    if (!outermost[static_cast<std::size_t>(use.memory)]) continue;
    bits += use.bits;
    cycles = std::max(cycles, use.bits / use.bandwidth);
  }
  limits.intensity = bits > 0 ? e.macs / (bits / 8) : 0;
  limits.attainable = limits.peak;
  if (cycles > 0 && e.macs / cycles < limits.peak) {
    limits.attainable = e.macs / cycles;
    limits.memory_bound = true;
  }

  const double spatial = latency.ideal_temporal - latency.ideal;
  const double most = std::max({spatial, latency.stall, latency.onload, latency.offload});
  if (most <= 0.02 * latency.total2) {
    limits.limit = "the array, busy all the time";
  } else if (most == latency.stall) {
    const search::PortUse* worst = nullptr;
    for (const search::PortUse& use : mapped.ports) {
      if (worst == nullptr || use.stall > worst->stall) worst = &use;
    }
    if (worst != nullptr) {
      const model::Memory& memory = accelerator.memories[static_cast<std::size_t>(worst->memory)];
      limits.limit = memory.name + "." + memory.ports[static_cast<std::size_t>(worst->port)].name +
                     ": " + percent(worst->bits / latency.total2 / worst->bandwidth) + " of " +
                     fixed(worst->bandwidth, 0) + " bit/cycle";
    }
  } else if (most == spatial) {
    limits.limit = "units that the spatial mapping leaves idle";
  } else {
    limits.limit = most == latency.onload ? "loading the first data" : "storing the last results";
  }
  return limits;
}

std::vector<std::size_t> operand_order(const model::Layer& layer,
                                       const std::vector<model::OperandFigures>& operands) {
  std::vector<std::size_t> order;
  for (const char* name : {"W", "I", "O"}) {
    for (std::size_t o = 0; o < operands.size(); ++o) {
      if (operand_name(layer, operands[o]) == name) order.push_back(o);
    }
  }
  return order;
}

}  // namespace ridgeline::io
