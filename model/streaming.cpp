#include "model/streaming.hpp"

#include <algorithm>
#include <numeric>

#include "model/multicore.hpp"

namespace ridgeline::model {
namespace {

bool holds(const Memory& memory, MemoryOperand operand) {
  return std::find(memory.operands.begin(), memory.operands.end(), operand) !=
         memory.operands.end();
}

// Bits that the operand's lowest memory takes up in all its copies.
std::int64_t lowest_level_bits(const Accelerator& core, MemoryOperand operand) {
  for (std::size_t m = 0; m < core.memories.size(); ++m) {
    if (holds(core.memories[m], operand)) {
      return core.memories[m].size * core.instances(static_cast<int>(m));
    }
  }
  return 0;
}

struct Share {
  MemoryOperand operand;
  std::int64_t bits;
};

// What one top memory cannot keep: the largest operands, and more where streaming them needs
// room. Ascending in bits.
std::vector<MemoryOperand> streamed_from(const Accelerator& core, const Memory& memory,
                                         std::vector<Share> shares) {
  std::stable_sort(shares.begin(), shares.end(),
                   [](const Share& a, const Share& b) { return a.bits < b.bits; });
  std::size_t kept = 0;
  std::int64_t sum = 0;
  while (kept < shares.size() && sum + shares[kept].bits <= memory.size) {
    sum += shares[kept++].bits;
  }
  if (kept == shares.size()) return {};
  while (kept > 0) {
    std::int64_t need = 0;
    for (std::size_t i = kept; i < shares.size(); ++i) {
      need += lowest_level_bits(core, shares[i].operand);
    }
    if (memory.size - sum >= need) break;
    sum -= shares[--kept].bits;
  }
  std::vector<MemoryOperand> streamed;
  for (std::size_t i = kept; i < shares.size(); ++i) streamed.push_back(shares[i].operand);
  return streamed;
}

}  // namespace

std::vector<MemoryOperand> streamed_operands(const CnLayer& layer, const Accelerator& core) {
  const auto of_layer = [&](MemoryOperand operand) {
    return std::find(layer.memory_operand.begin(), layer.memory_operand.end(), operand);
  };
  std::vector<MemoryOperand> result;
  if (layer.alone) {
    for (const MemoryOperand o : {MemoryOperand::I1, MemoryOperand::I2, MemoryOperand::O}) {
      if (of_layer(o) != layer.memory_operand.end()) result.push_back(o);
    }
    return result;
  }
  for (const int m : top_memories(core)) {
    const Memory& memory = core.memories[static_cast<std::size_t>(m)];
    std::vector<Share> shares;
    for (const MemoryOperand o : memory.operands) {
      const auto place = of_layer(o);
      if (place == layer.memory_operand.end()) continue;
      shares.push_back({o, layer.tile_operand_bits[static_cast<std::size_t>(
                               place - layer.memory_operand.begin())]});
    }
    const std::vector<MemoryOperand> more = streamed_from(core, memory, std::move(shares));
    result.insert(result.end(), more.begin(), more.end());
  }
  return result;
}

Accelerator extend_core(const Accelerator& core, const Accelerator& offchip,
                        const std::vector<MemoryOperand>& operands) {
  Accelerator extended = core;
  if (operands.empty()) return extended;
  const auto wanted = [&](MemoryOperand o) {
    return std::find(operands.begin(), operands.end(), o) != operands.end();
  };
  Memory memory = offchip.memories.front();
  memory.operands = operands;
  for (Port& port : memory.ports) {
    std::erase_if(port.allocation, [&](const auto& entry) { return !wanted(entry.first); });
  }
  memory.served_dims.clear();
  for (const int d : offchip.memories.front().served_dims) {
    const int here = core.array.dim_index(offchip.array.dims[static_cast<std::size_t>(d)].name);
    if (here >= 0) memory.served_dims.push_back(here);
  }
  extended.memories.push_back(std::move(memory));
  return extended;
}

}  // namespace ridgeline::model
