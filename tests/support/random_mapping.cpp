#include "tests/support/random_mapping.hpp"

#include <algorithm>
#include <numeric>
#include <string>

namespace ridgeline::testing {
namespace {

using namespace model;

OperandIndex loop_index(const Layer& layer, const char* name) {
  return {false, layer.dim_index(name)};
}

LayerOperand make_operand(const Layer& layer, const char* name,
                          const std::vector<const char*>& loops, int relations = 0) {
  LayerOperand operand;
  operand.name = name;
  operand.precision = 8;
  operand.constant = operand.name != "O";
  for (const char* loop : loops) operand.indices.push_back(loop_index(layer, loop));
  for (int r = 0; r < relations; ++r) operand.indices.push_back({true, r});
  return operand;
}

DimRelation make_relation(Dice& dice, const Layer& layer, const char* data, const char* output,
                          const char* kernel) {
  DimRelation relation;
  relation.name = data;
  relation.dim = {layer.dim_index(output), layer.dim_index(kernel)};
  relation.coefficient = {dice.pick<std::int64_t>({1, 1, 1, 2, 3}),
                          dice.pick<std::int64_t>({1, 1, 1, 1, 2, 3})};
  return relation;
}

// Few enough operations that everything can be executed.
Layer random_layer(Dice& dice, int largest) {
  Layer layer;
  const int kind = dice.below(5);
  const auto size = [&] { return std::int64_t{dice.pick<int>({1, 2, 2, 3, 3, 4, 4, 5, 6, 8})}; };
  const auto kernel = [&] { return std::int64_t{dice.pick<int>({1, 2, 3, 3})}; };
  do {
    layer = Layer{};
    switch (kind) {
      case 0:  // convolution
        layer.dims = {{"B", dice.pick<std::int64_t>({1, 1, 2})},
                      {"K", size()},
                      {"C", size()},
                      {"OX", size()},
                      {"OY", size()},
                      {"FX", kernel()},
                      {"FY", kernel()}};
        break;
      case 1:  // grouped convolution along one axis
        layer.dims = {
            {"G", size()}, {"K", size()}, {"C", size()}, {"OX", size()}, {"FX", kernel()}};
        break;
      case 2:  // depthwise convolution
        layer.dims = {{"B", 1},       {"G", size()},    {"OX", size()},
                      {"OY", size()}, {"FX", kernel()}, {"FY", kernel()}};
        break;
      case 3:  // matrix product
        layer.dims = {{"C", size()}, {"D", size()}, {"K", size()}};
        break;
      default:  // batched product of two activations
        layer.dims = {{"C", size()}, {"D", size()}, {"K", size()}, {"B", size()}};
        break;
    }
  } while (layer.mac_count() > largest || layer.mac_count() < 2);
  layer.name = "random";
  layer.operator_type = kind < 3 ? "Conv" : "Gemm";
  if (kind < 3) layer.relations.push_back(make_relation(dice, layer, "IX", "OX", "FX"));
  if (kind == 0 || kind == 2) {
    layer.relations.push_back(make_relation(dice, layer, "IY", "OY", "FY"));
  }
  const auto add = [&](const char* name, const std::vector<const char*>& loops, int relations = 0) {
    layer.operands.push_back(make_operand(layer, name, loops, relations));
  };
  switch (kind) {
    case 0:
      add("O", {"B", "K", "OX", "OY"});
      add("W", {"K", "C", "FX", "FY"});
      add("I", {"B", "C"}, 2);
      break;
    case 1:
      add("O", {"G", "K", "OX"});
      add("W", {"G", "K", "C", "FX"});
      add("I", {"G", "C"}, 1);
      break;
    case 2:
      add("O", {"B", "G", "OX", "OY"});
      add("W", {"G", "FX", "FY"});
      add("I", {"B", "G"}, 2);
      break;
    case 3:
      add("O", {"D", "K"});
      add("I", {"D", "C"});
      add("W", {"C", "K"});
      break;
    default:
      add("O", {"B", "D", "K"});
      add("I", {"B", "D", "C"});
      add("W", {"B", "C", "K"});
      break;
  }
  layer.operands[0].precision = 16;
  layer.output_final_precision = 8;
  layer.constant_operands = {"W", "I"};
  if (!layer.relations.empty() && dice.chance(8)) {
    DimRelation& relation = layer.relations.front();
    relation.padding_end = 1;
    if (layer.relation_size(0) < 1) relation.padding_end = 0;
  }
  return layer;
}

// 2 to 4 memories; the outermost stores everything, every operand is stored at least once, and
// what a memory serves grows outwards.
Accelerator random_accelerator(Dice& dice) {
  Accelerator accelerator;
  accelerator.name = "random";
  const int array_dims = dice.from(1, 3);
  for (int d = 0; d < array_dims; ++d) {
    accelerator.array.dims.push_back({"D" + std::to_string(d + 1), dice.from(2, 6)});
  }
  accelerator.array.unit_energy = 1;
  const int memories = dice.from(2, 4);
  std::vector<int> served;
  std::vector<int> left(static_cast<std::size_t>(array_dims));
  std::iota(left.begin(), left.end(), 0);
  for (int m = 0; m < memories; ++m) {
    Memory memory;
    memory.name = "m" + std::to_string(m);
    memory.size = std::int64_t{1} << 40;
    memory.r_cost = 1;
    memory.w_cost = 1;
    const bool outermost = m + 1 == memories;
    std::vector<MemoryOperand> operands = {MemoryOperand::I1, MemoryOperand::I2, MemoryOperand::O};
    dice.shuffle(operands);
    if (!outermost) operands.resize(static_cast<std::size_t>(dice.from(1, 3)));
    memory.operands = operands;
    while (!left.empty() && dice.chance(outermost ? 90 : 45)) {
      const int at = dice.below(static_cast<int>(left.size()));
      served.push_back(left[static_cast<std::size_t>(at)]);
      left.erase(left.begin() + at);
    }
    memory.served_dims = served;
    std::sort(memory.served_dims.begin(), memory.served_dims.end());
    Port port;
    port.name = "rw_port_1";
    port.bandwidth_min = 8;
    port.bandwidth_max = 64;
    for (const MemoryOperand operand : operands) {
      for (int d = 0; d < kDirections; ++d) {
        port.allocation.emplace_back(operand, static_cast<Direction>(d));
      }
    }
    memory.ports.push_back(std::move(port));
    accelerator.memories.push_back(std::move(memory));
  }
  return accelerator;
}

// Unrolls some loops, on some array dimensions; `left` are the sizes that remain.
SpatialMapping random_spatial(Dice& dice, const Layer& layer, const Accelerator& accelerator,
                              std::vector<std::int64_t>& left, int badly_divided_percent,
                              bool& divides) {
  SpatialMapping mapping;
  const bool may_divide_badly = dice.chance(badly_divided_percent);
  std::vector<bool> used(layer.dims.size(), false);
  for (std::size_t a = 0; a < accelerator.array.dims.size(); ++a) {
    SpatialDim entry{static_cast<int>(a), {}};
    std::int64_t room = accelerator.array.dims[a].size;
    for (int tries = dice.from(0, 3); tries > 0; --tries) {
      const int d = dice.below(static_cast<int>(layer.dims.size()));
      const auto dim = static_cast<std::size_t>(d);
      if (used[dim] || left[dim] < 2) continue;
      std::vector<std::int64_t> factors;
      for (std::int64_t f = 2; f <= std::min(room, left[dim]); ++f) {
        if (may_divide_badly || left[dim] % f == 0) factors.push_back(f);
      }
      if (factors.empty()) continue;
      const std::int64_t factor = dice.pick(factors);
      used[dim] = true;
      if (left[dim] % factor != 0) divides = false;
      left[dim] = (left[dim] + factor - 1) / factor;
      room /= factor;
      entry.loops.push_back({d, factor});
    }
    if (!entry.loops.empty()) mapping.push_back(std::move(entry));
  }
  return mapping;
}

std::vector<TemporalLoop> random_ordering(Dice& dice, const std::vector<std::int64_t>& left) {
  std::vector<TemporalLoop> loops;
  for (std::size_t d = 0; d < left.size(); ++d) {
    std::int64_t rest = left[d];
    while (rest > 1) {
      std::vector<std::int64_t> factors;
      for (std::int64_t f = 2; f <= rest; ++f) {
        if (rest % f == 0) factors.push_back(f);
      }
      const std::int64_t factor = dice.pick(factors);
      loops.push_back({static_cast<int>(d), factor});
      rest /= factor;
    }
  }
  dice.shuffle(loops);
  if (loops.empty()) loops.push_back({0, 1});
  return loops;
}

}  // namespace

RandomMapping random_mapping(Dice& dice, int largest, const MappingVariety& variety) {
  RandomMapping result;
  result.layer = random_layer(dice, largest);
  result.accelerator = random_accelerator(dice);
  result.links.name = "default";
  std::vector<std::int64_t> left;
  for (const LoopDim& dim : result.layer.dims) left.push_back(dim.size);
  result.spatial = random_spatial(dice, result.layer, result.accelerator, left,
                                  variety.badly_divided_percent, result.divides);
  result.temporal = random_ordering(dice, left);
  const int loops = static_cast<int>(result.temporal.size());
  for (const LayerOperand& operand : result.layer.operands) {
    const MemoryOperand stored = operand.name == "O"   ? MemoryOperand::O
                                 : operand.name == "I" ? MemoryOperand::I1
                                                       : MemoryOperand::I2;
    std::vector<int> cut;
    for (const Memory& memory : result.accelerator.memories) {
      if (std::count(memory.operands.begin(), memory.operands.end(), stored) > 0) {
        cut.push_back(dice.from(0, loops));
      }
    }
    std::sort(cut.begin(), cut.end());
    cut.back() = loops;
    result.cuts.push_back(std::move(cut));
  }
  return result;
}

}  // namespace ridgeline::testing
