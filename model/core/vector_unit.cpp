#include "model/core/vector_unit.hpp"

#include <algorithm>
#include <cmath>

namespace ridgeline::model {

namespace {

struct Way {
  const Memory* memory = nullptr;
  const Port* port = nullptr;
};

// The port of an operand's outermost memory by which data comes or goes.
Way way_of(const Accelerator& accelerator, MemoryOperand operand, Direction direction) {
  for (std::size_t m = accelerator.memories.size(); m-- > 0;) {
    const Memory& memory = accelerator.memories[m];
    const auto& stored = memory.operands;
    if (std::find(stored.begin(), stored.end(), operand) == stored.end()) continue;
    Way way{&memory, nullptr};
    for (const Port& port : memory.ports) {
      const bool serves = std::any_of(
          port.allocation.begin(), port.allocation.end(),
          [&](const auto& pair) { return pair.first == operand && pair.second == direction; });
      if (serves) way.port = &port;
    }
    return way;
  }
  return {};
}

}  // namespace

std::optional<ElementCost> element_cost(const ElementWork& work, const Accelerator& accelerator) {
  if (!accelerator.vector_unit) return std::nullopt;
  const VectorUnit& unit = *accelerator.vector_unit;
  const auto& types = unit.operators;
  if (!types.empty() && std::find(types.begin(), types.end(), work.operator_type) == types.end()) {
    return std::nullopt;
  }
  ElementCost cost;
  cost.computing = std::ceil(work.operations / (static_cast<double>(unit.lanes) * unit.operations));
  cost.energy = work.operations * unit.energy;
  const Way in = way_of(accelerator, MemoryOperand::I1, Direction::rd_out_to_low);
  const Way out = way_of(accelerator, MemoryOperand::O, Direction::wr_in_by_low);
  double reading = 0;
  double writing = 0;
  if (in.port) {
    reading = std::ceil(work.input_bits / static_cast<double>(in.port->bandwidth_max));
    cost.energy += reading * in.memory->r_cost;
  }
  if (out.port) {
    writing = std::ceil(work.output_bits / static_cast<double>(out.port->bandwidth_max));
    cost.energy += writing * out.memory->w_cost;
  }
  cost.moving = in.port == out.port ? reading + writing : std::max(reading, writing);
  cost.latency = std::max(cost.computing, cost.moving);
  return cost;
}

}  // namespace ridgeline::model
