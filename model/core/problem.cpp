#include "model/core/problem.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <numeric>

#include "model/core/compute_array.hpp"
#include "model/core/decouple.hpp"
#include "model/core/directions.hpp"
#include "model/core/strict_problem.hpp"

namespace ridgeline::model {

namespace {

// To the nearest decimal of three places: of the value as it is, not of a product with 1000,
// which rounds by itself.
double round_3(double value) {
  if (value == std::floor(value)) return value;
  std::array<char, 400> text;
  const auto end = std::to_chars(text.begin(), text.end(), value, std::chars_format::fixed, 3).ptr;
  double rounded = value;
  std::from_chars(text.begin(), end, rounded);
  return rounded;
}

bool whole_factors(const UnrolledLevels& levels) {
  for (const auto& level : levels) {
    for (const UnrolledLoop& loop : level) {
      if (loop.factor != std::floor(loop.factor)) return false;
    }
  }
  return true;
}

}  // namespace

Divisor divisor(double value) {
  int exponent = 0;
  const bool power_of_two = value > 0 && std::frexp(value, &exponent) == 0.5;
  return {value, power_of_two ? 1 / value : 0};
}

namespace {

class Compiler {
 public:
  Compiler(const Layer& layer, const Accelerator& accelerator, const Hierarchy& hierarchy,
           const MappingEntry& mapping, CostModel model)
      : layer_(layer),
        accelerator_(accelerator),
        hierarchy_(hierarchy),
        mapping_(mapping),
        model_(model) {
    problem_.rules_of_2023 = model == CostModel::reference_of_2023;
  }

  std::variant<Problem, std::string> run(const SpatialMapping& spatial) {
    const auto levels = operand_levels(layer_, hierarchy_, mapping_);
    if (std::string reason = check(levels); !reason.empty()) return reason;
    const ConvertedSpatial converted =
        model_ == CostModel::strict
            ? convert_spatial_strictly(layer_, accelerator_, hierarchy_, levels, spatial)
            : convert_spatial(layer_, accelerator_, hierarchy_, levels, spatial,
                              problem_.rules_of_2023);
    compile_relations();
    for (std::size_t o = 0; o < levels.size(); ++o) compile_operand(o, levels[o]);
    for (std::size_t o = 0; o < levels.size(); ++o) {
      if (std::string reason = compile_spatial(o, converted); !reason.empty()) return reason;
    }
    for (std::size_t o = 1; o < levels.size(); ++o) {
      if (problem_.operand[o].real.units[0] != problem_.operand[0].real.units[0]) {
        return std::string("operands ") + layer_.operands[0].name + " and " +
               layer_.operands[o].name + " would use different numbers of array units";
      }
    }
    compile_memories();
    if (std::string reason = compile_ports(); !reason.empty()) return reason;
    if (std::string reason = compile_totals(converted, spatial); !reason.empty()) return reason;
    compile_drain(spatial);
    if (model_ == CostModel::strict) {
      auto strict = compile_strict(layer_, accelerator_, hierarchy_, levels, spatial, problem_);
      if (const auto* reason = std::get_if<std::string>(&strict)) return *reason;
      problem_.strict = std::get<std::shared_ptr<const StrictProblem>>(std::move(strict));
    }
    return problem_;
  }

 private:
  std::string check(const std::vector<std::vector<int>>& levels) const {
    if (layer_.dims.size() > kMaxDims) return "more than 16 loop dimensions";
    if (layer_.relations.size() > kMaxRelations) return "more than 4 dimension relations";
    if (layer_.operands.size() < 2 || layer_.operands.size() > kMaxOperands) {
      return "a layer needs an output and one or two inputs";
    }
    if (hierarchy_.memories.size() > kMaxMemories) return "more than 24 memories";
    double total = 1;
    for (const LoopDim& dim : layer_.dims) total *= static_cast<double>(dim.size);
    if (total > static_cast<double>(kMaxExactInteger)) {
      return "more than 2^53 multiply-accumulates, which the model cannot count exactly";
    }
    for (std::size_t o = 0; o < levels.size(); ++o) {
      const std::string& name = layer_.operands[o].name;
      const auto link = mapping_.link(name);
      if (!link) return "the mapping links operand " + name + " to no memory operand";
      if (levels[o].empty()) {
        return "no memory stores " + std::string(to_string(*link)) + ", operand " + name +
               " of the layer";
      }
      if (levels[o].size() > kMaxLevels) return "operand " + name + " has more than 8 levels";
    }
    return "";
  }

  void compile_relations() {
    problem_.dims = static_cast<int>(layer_.dims.size());
    problem_.relations = static_cast<int>(layer_.relations.size());
    problem_.operands = static_cast<int>(layer_.operands.size());
    problem_.relation_slot.fill(-1);
    for (std::size_t r = 0; r < layer_.relations.size(); ++r) {
      const DimRelation& relation = layer_.relations[r];
      const std::int64_t g = std::gcd(relation.coefficient[0], relation.coefficient[1]);
      ProblemRelation& compiled = problem_.relation[r];
      for (std::size_t t = 0; t < 2; ++t) {
        compiled.dim[t] = static_cast<std::uint8_t>(relation.dim[t]);
        compiled.coefficient[t] = static_cast<double>(relation.coefficient[t]);
        compiled.reduced[t] = static_cast<double>(relation.coefficient[t] / g);
        problem_.relation_slot[static_cast<std::size_t>(relation.dim[t])] =
            static_cast<std::int8_t>(2 * r + t);
      }
      compiled.size = static_cast<double>(layer_.relation_size(static_cast<int>(r)));
    }
  }

  void compile_operand(std::size_t o, const std::vector<int>& levels) {
    const LayerOperand& operand = layer_.operands[o];
    const Relevance classes = relevance(layer_, static_cast<int>(o));
    ProblemOperand& compiled = problem_.operand[o];
    compiled.levels = static_cast<int>(levels.size());
    compiled.output = o == 0;
    compiled.partial = classes.partial;
    compiled.relevant = classes.relevant;
    compiled.irrelevant = classes.irrelevant;
    std::uint32_t left = classes.relevant;
    for (const OperandIndex& index : operand.indices) {
      if (index.is_relation || !(left >> index.index & 1u)) continue;
      left &= ~(1u << index.index);
      compiled.relevant_dims[compiled.relevant_count++] = static_cast<std::uint8_t>(index.index);
    }
    compiled.precision = static_cast<double>(operand.precision);
    compiled.final_precision =
        o == 0 ? static_cast<double>(layer_.output_final_precision) : compiled.precision;
    compiled.elements = static_cast<double>(layer_.operand_elements(static_cast<int>(o)));
    for (std::size_t m = 0; m < levels.size(); ++m) {
      const HierarchyMemory& entry = hierarchy_.memories[static_cast<std::size_t>(levels[m])];
      const Memory& memory = accelerator_.memories[static_cast<std::size_t>(entry.memory)];
      compiled.memory[m] = static_cast<std::int8_t>(levels[m]);
      compiled.read_cost[m] = memory.r_cost + precharge_cost(accelerator_, memory);
      compiled.write_cost[m] = memory.w_cost;
    }
  }

  // Levels that the memory operand has here (level indices are per memory operand).
  std::string compile_spatial(std::size_t o, const ConvertedSpatial& converted) {
    ProblemOperand& operand = problem_.operand[o];
    for (const bool real : {true, false}) {
      const UnrolledLevels& levels = real ? converted.real[o] : converted.integer[o];
      OperandSpatial& spatial = real ? operand.real : operand.integer;
      std::size_t count = 0;
      for (std::size_t a = 0; a < levels.size(); ++a) {
        spatial.begin[a] = static_cast<std::uint8_t>(count);
        for (const UnrolledLoop& loop : levels[a]) {
          if (count == kMaxUnrolled) return "more than 24 spatial loops";
          if (loop.factor < 1) {
            return "loop " + layer_.dims[static_cast<std::size_t>(loop.dim)].name +
                   " is unrolled more often than it runs";
          }
          spatial.loops[count++] = loop;
        }
      }
      spatial.begin[levels.size()] = static_cast<std::uint8_t>(count);
      spatial.whole = whole_factors(levels);
      compile_units(operand, spatial);
      compile_products(operand, spatial);
    }
    return "";
  }

  // Unit counts (3.4), from the loops with partially relevant ones decoupled.
  void compile_units(const ProblemOperand& operand, OperandSpatial& spatial) const {
    const auto top = static_cast<std::size_t>(operand.levels);
    std::array<double, kMaxArchLevels> relevant{};
    std::array<double, kMaxArchLevels> all{};
    Decoupler decoupler(problem_, operand);
    for (std::size_t a = 0; a <= top; ++a) {
      relevant[a] = all[a] = 1;
      for (std::size_t i = spatial.begin[a]; i < spatial.begin[a + 1]; ++i) {
        const DecoupledLoop parts = decoupler.next(spatial.loops[i].dim, spatial.loops[i].factor);
        relevant[a] *= parts.relevant;
        all[a] *= parts.relevant;
        all[a] *= parts.other;
      }
    }
    for (std::size_t a = 0; a <= top; ++a) {
      double units = 1;
      double unique = 1;
      for (std::size_t b = a; b <= top; ++b) {
        units *= all[b];
        unique *= relevant[b];
      }
      spatial.units[a] = std::nearbyint(round_3(units));
      spatial.unique_units[a] = unique;
    }
    for (std::size_t a = 0; a < top; ++a) {
      spatial.boost[a] = std::nearbyint(spatial.unique_units[a] / spatial.unique_units[a + 1]);
    }
    spatial.boost[top] = 1;
  }

  void compile_products(const ProblemOperand& operand, OperandSpatial& spatial) const {
    const auto top = static_cast<std::size_t>(operand.levels);
    double relevant = 1;
    std::array<double, 2 * kMaxRelations> extent;
    extent.fill(1);
    for (std::size_t a = 0; a <= top; ++a) {
      for (std::size_t i = spatial.begin[a]; i < spatial.begin[a + 1]; ++i) {
        const UnrolledLoop& loop = spatial.loops[i];
        if (operand.relevant >> loop.dim & 1u) relevant *= loop.factor;
        const int slot = problem_.relation_slot[static_cast<std::size_t>(loop.dim)];
        if (slot >= 0) extent[static_cast<std::size_t>(slot)] *= loop.factor;
      }
      spatial.relevant_product[a] = relevant;
      spatial.extent[a] = extent;
    }
    spatial.irrelevant_from.fill(false);
    spatial.reduced_from.fill(false);
    for (std::size_t a = top + 1; a-- > 0;) {
      spatial.irrelevant_from[a] = spatial.irrelevant_from[a + 1];
      spatial.reduced_from[a] = spatial.reduced_from[a + 1];
      for (std::size_t i = spatial.begin[a]; i < spatial.begin[a + 1]; ++i) {
        const UnrolledLoop& loop = spatial.loops[i];
        if (!(operand.irrelevant >> loop.dim & 1u)) continue;
        spatial.irrelevant_from[a] = true;
        if (loop.factor > 1) spatial.reduced_from[a] = true;
      }
    }
  }

  // Place in Layer::operands that the mapping links to a memory operand, -1 where none.
  int linked_operand(MemoryOperand memory_operand) const {
    for (std::size_t o = 0; o < layer_.operands.size(); ++o) {
      if (mapping_.link(layer_.operands[o].name) == memory_operand) return static_cast<int>(o);
    }
    return -1;
  }

  // The place of a memory among the levels of an operand. Levels are in topological order,
  // which may differ from the level index that counts memories in document order.
  int level_of(int operand, int memory) const {
    const ProblemOperand& compiled = problem_.operand[static_cast<std::size_t>(operand)];
    for (int m = 0; m < compiled.levels; ++m) {
      if (compiled.memory[static_cast<std::size_t>(m)] == memory) return m;
    }
    return -1;
  }

  void compile_memories() {
    problem_.memories = static_cast<int>(hierarchy_.memories.size());
    for (std::size_t m = 0; m < hierarchy_.memories.size(); ++m) {
      const HierarchyMemory& entry = hierarchy_.memories[m];
      ProblemMemory& memory = problem_.memory[m];
      memory.source = entry.memory;
      memory.size =
          static_cast<double>(accelerator_.memories[static_cast<std::size_t>(entry.memory)].size);
      memory.capacity = divisor(memory.size);
      memory.count = 0;
      for (MemoryOperand name : entry.operands) {
        const int operand = linked_operand(name);
        if (operand < 0) continue;
        memory.residents[memory.count++] = {
            static_cast<std::uint8_t>(operand),
            static_cast<std::uint8_t>(level_of(operand, static_cast<int>(m)))};
      }
      problem_.topological_order[m] = static_cast<std::uint8_t>(hierarchy_.topological_order[m]);
    }
  }

  std::string compile_ports() {
    std::size_t links = 0;
    // Whether both inputs use the port of (memory, operand, direction).
    std::array<std::array<std::array<bool, kDirections>, kMaxLevels>, kMaxOperands> shared{};
    for (std::size_t m = 0; m < hierarchy_.memories.size(); ++m) {
      const HierarchyMemory& entry = hierarchy_.memories[m];
      const Memory& memory = accelerator_.memories[static_cast<std::size_t>(entry.memory)];
      for (const HierarchyPort& port : entry.ports) {
        if (problem_.ports == kMaxPorts) return "more than 48 memory ports";
        const Port& source = memory.ports[static_cast<std::size_t>(port.port)];
        ProblemPort& compiled = problem_.port[static_cast<std::size_t>(problem_.ports++)];
        compiled.bandwidth_max = static_cast<double>(source.bandwidth_max);
        compiled.bandwidth = divisor(compiled.bandwidth_max);
        compiled.memory = static_cast<std::int8_t>(m);
        compiled.begin = static_cast<std::uint8_t>(links);
        bool first_input = false;
        bool second_input = false;
        for (const PortFunction& function : port.functions) {
          first_input |= function.operand == MemoryOperand::I1;
          second_input |= function.operand == MemoryOperand::I2;
        }
        for (const PortFunction& function : port.functions) {
          const int o = linked_operand(function.operand);
          if (o < 0) continue;
          const auto operand = static_cast<std::size_t>(o);
          const auto level = static_cast<std::size_t>(level_of(o, static_cast<int>(m)));
          const auto direction = static_cast<std::size_t>(function.direction);
          if (source.bandwidth_max <= 0 || source.bandwidth_min <= 0) {
            return "port " + source.name + " of memory " + memory.name + " has no bandwidth";
          }
          ProblemOperand& target = problem_.operand[operand];
          target.bandwidth_min[level][direction] = static_cast<double>(source.bandwidth_min);
          target.bandwidth_max[level][direction] = static_cast<double>(source.bandwidth_max);
          target.bandwidth_ratio[level][direction] =
              static_cast<double>(source.bandwidth_min) / static_cast<double>(source.bandwidth_max);
          target.transfer[level][direction] = {divisor(target.bandwidth_min[level][direction]),
                                               divisor(target.bandwidth_max[level][direction]),
                                               target.bandwidth_ratio[level][direction],
                                               static_cast<std::uint8_t>(links)};
          shared[operand][level][direction] = first_input && second_input;
          problem_.link[links++] = {
              static_cast<std::uint8_t>(operand), static_cast<std::uint8_t>(level),
              static_cast<std::uint8_t>(direction), static_cast<std::uint8_t>(function.operand)};
        }
        compiled.end = static_cast<std::uint8_t>(links);
        problem_.links = static_cast<int>(links);
      }
    }
    for (std::size_t o = 0; o < static_cast<std::size_t>(problem_.operands); ++o) {
      ProblemOperand& operand = problem_.operand[o];
      const auto levels = static_cast<std::size_t>(operand.levels);
      const auto needs = [&](std::size_t level, std::size_t direction) -> std::string {
        if (operand.bandwidth_max[level][direction] > 0) return "";
        const auto& name =
            accelerator_
                .memories[static_cast<std::size_t>(
                    problem_.memory[static_cast<std::size_t>(operand.memory[level])].source)]
                .name;
        return "no port of memory " + name + " serves \"" +
               std::string(to_string(*mapping_.link(layer_.operands[o].name))) + ", " +
               std::string(short_name(static_cast<Direction>(direction))) + "\", which operand " +
               layer_.operands[o].name + " needs";
      };
      for (std::size_t m = 0; m < levels; ++m) {
        const bool top = m + 1 == levels;
        std::string reason = needs(m, operand.output ? kWrLow : kRdLow);
        if (reason.empty() && !top) reason = needs(m, operand.output ? kRdHigh : kWrHigh);
        if (!reason.empty()) return reason;
        if (!top && !operand.output) {
          operand.shared_ports[m] =
              static_cast<std::uint8_t>(int{shared[o][m][kWrHigh]} + int{shared[o][m + 1][kRdLow]});
        }
      }
    }
    return "";
  }

  std::string compile_totals(const ConvertedSpatial& converted, const SpatialMapping& spatial) {
    // Factors of one loop on two array dimensions are merged: 7 * 80/7 is whole, 7 * 11 another
    // number. So compare the loops and do not ask whether they are whole.
    problem_.whole = true;
    for (std::size_t o = 0; o < converted.real.size(); ++o) {
      for (std::size_t a = 0; a < converted.real[o].size(); ++a) {
        for (std::size_t i = 0; i < converted.real[o][a].size(); ++i) {
          if (converted.real[o][a][i].factor != converted.integer[o][a][i].factor) {
            problem_.whole = false;
          }
        }
      }
    }
    for (std::size_t d = 0; d < layer_.dims.size(); ++d) {
      problem_.temporal_size[d] = converted.temporal_sizes[d];
    }
    problem_.macs = static_cast<double>(layer_.mac_count());
    const auto energy = compute_energy(accelerator_, layer_, spatial);
    if (const auto* reason = std::get_if<std::string>(&energy)) return *reason;
    problem_.mac_energy = std::get<Parts>(energy).total();
    problem_.cycles_per_operation = cycles_per_operation(accelerator_.array);
    problem_.ideal_cycles =
        std::ceil(std::ceil(problem_.macs / static_cast<double>(accelerator_.array.units())) *
                  problem_.cycles_per_operation);
    return "";
  }

  // One cycle for each unit in use beyond the first, along each systolic dimension.
  void compile_drain(const SpatialMapping& spatial) {
    for (const SpatialDim& dim : spatial) {
      const auto& systolic = accelerator_.array.systolic_dims;
      if (std::find(systolic.begin(), systolic.end(), dim.array_dim) == systolic.end()) continue;
      double units = 1;
      for (const SpatialLoop& loop : dim.loops) units *= static_cast<double>(loop.factor);
      problem_.drain += units - 1;
    }
  }

  const Layer& layer_;
  const Accelerator& accelerator_;
  const Hierarchy& hierarchy_;
  const MappingEntry& mapping_;
  CostModel model_;
  Problem problem_{};
};

}  // namespace

std::vector<std::vector<int>> operand_levels(const Layer& layer, const Hierarchy& hierarchy,
                                             const MappingEntry& mapping) {
  std::vector<std::vector<int>> levels;
  for (const LayerOperand& operand : layer.operands) {
    const auto link = mapping.link(operand.name);
    levels.push_back(link ? hierarchy.levels[static_cast<std::size_t>(*link)] : std::vector<int>{});
  }
  return levels;
}

std::variant<Problem, std::string> compile(const Layer& layer, const Accelerator& accelerator,
                                           const Hierarchy& hierarchy, const MappingEntry& mapping,
                                           const SpatialMapping& spatial, CostModel model) {
  return Compiler(layer, accelerator, hierarchy, mapping, model).run(spatial);
}

}  // namespace ridgeline::model
