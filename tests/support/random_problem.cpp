#include "tests/support/random_problem.hpp"

#include <algorithm>
#include <string>
#include <vector>

namespace ridgeline::testing {

namespace {

using Random = std::mt19937_64;

// Not std::uniform_int_distribution, whose results differ between libraries.
int below(Random& random, int bound) {
  return static_cast<int>(random() % static_cast<std::uint64_t>(bound));
}
bool chance(Random& random, int percent) {
  return below(random, 100) < percent;
}
template <class T>
const T& pick(Random& random, const std::vector<T>& list) {
  return list[static_cast<std::size_t>(below(random, static_cast<int>(list.size())))];
}

// Spreads prime factors over the dimensions.
std::vector<std::int64_t> sizes(Random& random, int dims, int factors) {
  std::vector<std::int64_t> result(static_cast<std::size_t>(dims), 1);
  for (int i = 0; i < factors; ++i) {
    result[static_cast<std::size_t>(below(random, dims))] *=
        pick<std::int64_t>(random, {2, 2, 2, 3, 3, 5, 7});
  }
  return result;
}

void add_operand(model::Layer& layer, const std::string& name, std::vector<std::string> indices,
                 std::int64_t precision) {
  model::LayerOperand operand;
  operand.name = name;
  operand.precision = precision;
  for (const std::string& index : indices) {
    if (const int d = layer.dim_index(index); d >= 0) {
      operand.indices.push_back({false, d});
      continue;
    }
    for (std::size_t r = 0; r < layer.relations.size(); ++r) {
      if (layer.relations[r].name == index) operand.indices.push_back({true, static_cast<int>(r)});
    }
  }
  layer.operands.push_back(std::move(operand));
}

model::Layer random_layer(Random& random, int factors) {
  model::Layer layer;
  layer.name = "random";
  layer.operator_type = "Conv";
  const int kind = below(random, 4);
  std::vector<std::string> names;
  if (kind == 0) {
    names = {"D", "K", "C"};
  } else if (kind == 1) {
    names = {"G", "OX", "OY", "FX", "FY"};  // depthwise
  } else {
    names = {"B", "K", "C", "OX", "OY", "FX", "FY"};
  }
  const auto values = sizes(random, static_cast<int>(names.size()), factors);
  for (std::size_t i = 0; i < names.size(); ++i) layer.dims.push_back({names[i], values[i]});
  const std::int64_t p = pick<std::int64_t>(random, {4, 8, 8, 16});
  const std::int64_t partial = chance(random, 30) ? p : 2 * p;
  layer.output_final_precision = p;
  if (kind == 0) {
    add_operand(layer, "O", {"D", "K"}, partial);
    add_operand(layer, "I", {"D", "C"}, p);
    add_operand(layer, "W", {"C", "K"}, p);
    return layer;
  }
  for (const char axis : {'X', 'Y'}) {
    model::DimRelation relation;
    relation.name = std::string("I") + axis;
    relation.dim = {layer.dim_index(std::string("O") + axis),
                    layer.dim_index(std::string("F") + axis)};
    relation.coefficient = {1 + below(random, 3), 1 + below(random, 2)};
    layer.relations.push_back(relation);
    if (chance(random, 30)) {  // clipped by the feature map, as ONNX shapes do
      const std::int64_t whole = layer.relation_size(static_cast<int>(layer.relations.size()) - 1);
      layer.relations.back().given_size = std::max<std::int64_t>(1, whole - below(random, 3));
    }
  }
  if (kind == 1) {
    add_operand(layer, "O", {"G", "OX", "OY"}, partial);
    add_operand(layer, "W", {"G", "FX", "FY"}, p);
    add_operand(layer, "I", {"G", "IX", "IY"}, p);
  } else {
    add_operand(layer, "O", {"B", "K", "OX", "OY"}, partial);
    add_operand(layer, "W", {"K", "C", "FX", "FY"}, p);
    add_operand(layer, "I", {"B", "C", "IX", "IY"}, p);
  }
  return layer;
}

using model::Direction;
using model::MemoryOperand;

model::Memory random_memory(Random& random, const std::string& name,
                            std::vector<MemoryOperand> operands, std::int64_t size,
                            const std::vector<int>& served, bool top) {
  model::Memory memory;
  memory.name = name;
  memory.size = size;
  memory.r_cost = 0.5 + 0.25 * below(random, 400);
  memory.w_cost = 0.5 + 0.25 * below(random, 400);
  memory.operands = operands;
  memory.served_dims = served;
  const int ports = top ? 1 : 1 + below(random, 4);
  for (int p = 0; p < ports; ++p) {
    model::Port port;
    port.name = "rw_port_" + std::to_string(p + 1);
    port.bandwidth_max = std::int64_t{4} << below(random, 6);
    port.bandwidth_min =
        chance(random, 50) ? port.bandwidth_max : std::min<std::int64_t>(4, port.bandwidth_max);
    memory.ports.push_back(port);
  }
  for (MemoryOperand operand : operands) {
    for (Direction direction : {Direction::rd_out_to_low, Direction::wr_in_by_high,
                                Direction::wr_in_by_low, Direction::rd_out_to_high}) {
      if (operand != MemoryOperand::O &&
          (direction == Direction::wr_in_by_low || direction == Direction::rd_out_to_high)) {
        continue;
      }
      memory.ports[static_cast<std::size_t>(below(random, ports))].allocation.emplace_back(
          operand, direction);
    }
  }
  return memory;
}

model::Accelerator random_accelerator(Random& random) {
  model::Accelerator accelerator;
  accelerator.name = "random";
  const int dims = 1 + below(random, 2);
  std::vector<int> all;
  for (int d = 0; d < dims; ++d) {
    accelerator.array.dims.push_back(
        {"D" + std::to_string(d + 1), pick<std::int64_t>(random, {1, 2, 3, 4})});
    all.push_back(d);
  }
  accelerator.array.unit_energy = 0.25;
  const auto some_dims = [&] {
    std::vector<int> served;
    for (int d : all) {
      if (chance(random, 50)) served.push_back(d);
    }
    return served;
  };
  const std::vector<MemoryOperand> every{MemoryOperand::I1, MemoryOperand::I2, MemoryOperand::O};
  int number = 0;
  const auto name = [&] { return "m" + std::to_string(number++); };
  for (MemoryOperand operand : every) {  // registers
    if (chance(random, 60)) {
      accelerator.memories.push_back(random_memory(
          random, name(), {operand}, std::int64_t{8} << below(random, 6), some_dims(), false));
    }
  }
  if (chance(random, 50)) {  // a buffer shared by some
    std::vector<MemoryOperand> operands;
    for (MemoryOperand operand : every) {
      if (chance(random, 66)) operands.push_back(operand);
    }
    if (chance(random, 50)) std::reverse(operands.begin(), operands.end());
    if (!operands.empty()) {
      accelerator.memories.push_back(random_memory(
          random, name(), operands, std::int64_t{64} << below(random, 7), all, false));
    }
  } else if (chance(random, 50)) {
    const MemoryOperand operand = pick(random, every);
    accelerator.memories.push_back(
        random_memory(random, name(), {operand}, std::int64_t{64} << below(random, 6), all, false));
  }
  accelerator.memories.push_back(random_memory(
      random, name(), every,
      chance(random, 80) ? std::int64_t{1} << 40 : std::int64_t{1} << (9 + below(random, 6)), all,
      true));
  return accelerator;
}

}  // namespace

RandomProblem random_problem(Random& random, int factors, bool whole) {
  RandomProblem problem;
  problem.layer = random_layer(random, factors);
  problem.accelerator = random_accelerator(random);
  for (std::size_t a = 0; a < problem.accelerator.array.dims.size(); ++a) {
    model::SpatialDim dim{static_cast<int>(a), {}};
    const int d = below(random, static_cast<int>(problem.layer.dims.size()));
    const std::int64_t size = problem.layer.dims[static_cast<std::size_t>(d)].size;
    bool taken = false;
    for (const auto& other : problem.spatial) {
      for (const auto& loop : other.loops) taken = taken || loop.dim == d;
    }
    const std::int64_t width = problem.accelerator.array.dims[a].size;
    if (!taken && size > 1 && width > 1) {
      if (whole) {
        for (std::int64_t u = width; u > 1; --u) {
          if (size % u == 0) {
            dim.loops.push_back({d, u});
            break;
          }
        }
      } else {
        dim.loops.push_back({d, std::min(size, width)});
      }
    }
    problem.spatial.push_back(dim);
  }
  return problem;
}

}  // namespace ridgeline::testing
