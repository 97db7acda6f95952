#include "model/system/streaming.hpp"

#include <algorithm>
#include <numeric>

#include "model/system/multicore.hpp"

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

// Bits of the operand that the core's dataflow works on at once.
std::int64_t unrolled_bits(const Accelerator& core, const Layer& tile, int operand) {
  Layer unrolled = tile;
  for (LoopDim& dim : unrolled.dims) {
    std::int64_t factor = 1;
    for (const ArrayDimUnroll& given : core.dataflows) {
      for (const Unroll& unroll : given.unrolls) {
        if (unroll.dim == dim.name) factor *= unroll.factor;
      }
    }
    dim.size = std::min(dim.size, factor);
  }
  return unrolled.operand_bits(operand);
}

struct Share {
  MemoryOperand operand;
  std::int64_t bits;
  std::int64_t need;  // of room, where it is streamed
};

// What one top memory cannot keep: the largest operands, and more where streaming them needs
// room. Ascending in bits.
std::vector<MemoryOperand> streamed_from(const Memory& memory, std::vector<Share> shares) {
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
    for (std::size_t i = kept; i < shares.size(); ++i) need += shares[i].need;
    if (memory.size - sum >= need) break;
    sum -= shares[--kept].bits;
  }
  std::vector<MemoryOperand> streamed;
  for (std::size_t i = kept; i < shares.size(); ++i) streamed.push_back(shares[i].operand);
  return streamed;
}

// Streamed operands over all top memories; share_of(place) of an operand of the layer.
template <typename ShareOf>
std::vector<MemoryOperand> streamed(const CnLayer& layer, const Accelerator& core,
                                    ShareOf&& share_of) {
  std::vector<MemoryOperand> result;
  for (const int m : top_memories(core)) {
    const Memory& memory = core.memories[static_cast<std::size_t>(m)];
    std::vector<Share> shares;
    for (const MemoryOperand o : memory.operands) {
      const auto& own = layer.memory_operand;
      const auto place = std::find(own.begin(), own.end(), o);
      if (place != own.end()) shares.push_back(share_of(place - own.begin()));
    }
    const std::vector<MemoryOperand> more = streamed_from(memory, std::move(shares));
    result.insert(result.end(), more.begin(), more.end());
  }
  return result;
}

}  // namespace

std::vector<MemoryOperand> streamed_operands(const CnLayer& layer, const Accelerator& core) {
  if (layer.alone) {
    std::vector<MemoryOperand> all;
    for (const MemoryOperand o : {MemoryOperand::I1, MemoryOperand::I2, MemoryOperand::O}) {
      const auto& own = layer.memory_operand;
      if (std::find(own.begin(), own.end(), o) != own.end()) all.push_back(o);
    }
    return all;
  }
  return streamed(layer, core, [&](std::ptrdiff_t place) {
    const auto o = static_cast<std::size_t>(place);
    return Share{layer.memory_operand[o], layer.tile_operand_bits[o],
                 lowest_level_bits(core, layer.memory_operand[o])};
  });
}

std::vector<MemoryOperand> streamed_operands_of_2023(
    const CnLayer& layer, const Accelerator& core,
    const std::array<std::int64_t, kMaxOperands>& arriving_bits) {
  return streamed(layer, core, [&](std::ptrdiff_t place) {
    const auto o = static_cast<std::size_t>(place);
    const auto& constants = layer.constant_operands;
    const bool arrives =
        place > 0 && std::find(constants.begin(), constants.end(), place) == constants.end();
    return Share{layer.memory_operand[o], arrives ? arriving_bits[o] : layer.tile_operand_bits[o],
                 unrolled_bits(core, layer.tile, static_cast<int>(place))};
  });
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
