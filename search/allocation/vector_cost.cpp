#include "search/allocation/vector_cost.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <utility>

namespace ridgeline::search {
namespace {

// Whether a loop is summed over that both inputs walk.
bool sums_products(const model::Layer& layer) {
  if (layer.operands.size() < 3) return false;
  const std::uint32_t summed = model::relevance(layer, 0).irrelevant;
  const std::uint32_t skipped =
      model::relevance(layer, 1).irrelevant | model::relevance(layer, 2).irrelevant;
  for (std::size_t d = 0; d < layer.dims.size(); ++d) {
    if (layer.dims[d].size > 1 && (summed >> d & 1u) && !(skipped >> d & 1u)) return true;
  }
  return false;
}

bool knows(const model::VectorUnit& unit, const std::string& type) {
  return unit.operators.empty() ||
         std::find(unit.operators.begin(), unit.operators.end(), type) != unit.operators.end();
}

}  // namespace

std::optional<model::NodeCost> vector_cost(const model::CnLayer& layer,
                                           const model::Accelerator& core,
                                           const model::Accelerator& extended,
                                           const std::vector<model::MemoryOperand>& streamed) {
  if (!core.vector_unit) return std::nullopt;
  const model::VectorUnit& unit = *core.vector_unit;
  if (!knows(unit, layer.whole.operator_type) || sums_products(layer.whole)) return std::nullopt;
  const double operations = static_cast<double>(layer.tile.mac_count()) * layer.cycles_per_op;
  model::NodeCost cost;
  cost.known = true;
  cost.ideal_cycles = std::ceil(operations / (static_cast<double>(unit.lanes) * unit.operations));
  cost.mac_energy = operations * unit.energy;
  cost.onchip_energy = cost.mac_energy;
  std::map<std::pair<std::size_t, std::size_t>, double> busy;  // words of each memory's ports
  for (std::size_t o = 0; o < layer.tile.operands.size(); ++o) {
    const bool output = o == 0;
    const model::MemoryOperand operand = layer.memory_operand[o];
    const auto direction =
        output ? model::Direction::wr_in_by_low : model::Direction::rd_out_to_low;
    for (std::size_t m = extended.memories.size(); m-- > 0;) {
      const model::Memory& memory = extended.memories[m];
      const auto& stored = memory.operands;
      if (std::find(stored.begin(), stored.end(), operand) == stored.end()) continue;
      const std::int64_t elements = layer.tile.operand_elements(static_cast<int>(o));
      const std::int64_t bits = elements * (output ? layer.tile.output_final_precision
                                                   : layer.tile.operands[o].precision);
      for (std::size_t p = 0; p < memory.ports.size(); ++p) {
        const auto& serves = memory.ports[p].allocation;
        if (std::find(serves.begin(), serves.end(), std::pair{operand, direction}) ==
            serves.end()) {
          continue;
        }
        const double words = std::ceil(static_cast<double>(bits) /
                                       static_cast<double>(memory.ports[p].bandwidth_max));
        busy[{m, p}] += words;
        const double energy = words * (output ? memory.w_cost : memory.r_cost);
        const bool offchip = std::find(streamed.begin(), streamed.end(), operand) != streamed.end();
        (offchip ? cost.offchip_energy : cost.onchip_energy) += energy;
        break;
      }
      break;
    }
  }
  cost.runtime = cost.ideal_cycles;
  for (const auto& [port, words] : busy) cost.runtime = std::max(cost.runtime, words);
  for (std::size_t o = 0; o < layer.tile.operands.size(); ++o) {
    const model::MemoryOperand operand = layer.memory_operand[o];
    if (std::find(streamed.begin(), streamed.end(), operand) == streamed.end()) continue;
    const double bits = static_cast<double>(layer.tile.operand_bits(static_cast<int>(o)));
    cost.streamed[static_cast<std::size_t>(cost.streamed_count++)] = {
        operand, cost.runtime > 0 ? bits / cost.runtime : 0};
  }
  return cost;
}

}  // namespace ridgeline::search
