#include "search/designs/design_bound.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "model/core/compute_array.hpp"
#include "model/core/problem.hpp"

namespace ridgeline::search {
namespace {

// Tile sizes of fractional spatial mappings are rounded to the nearest element, and 1.5 is the
// least number above 1 that is not rounded down to it.
constexpr double kRounding = 2.0 / 3.0;
// The sums of the model and of the bound may differ in their last bits.
constexpr double kSlack = 1 - 1e-9;

// Least number of distinct elements of an operand that the loops touch.
double touched_elements(const model::Layer& layer, const model::LayerOperand& operand) {
  double elements = 1;
  for (const model::OperandIndex& index : operand.indices) {
    if (!index.is_relation) {
      elements *= static_cast<double>(layer.dims[static_cast<std::size_t>(index.index)].size);
      continue;
    }
    // c1*a + c2*b takes at least |a| + |b| - 1 values, less what is padding.
    const model::DimRelation& relation = layer.relations[static_cast<std::size_t>(index.index)];
    const auto extent = [&](std::size_t term) {
      return relation.coefficient[term] == 0
                 ? std::int64_t{1}
                 : layer.dims[static_cast<std::size_t>(relation.dim[term])].size;
    };
    elements *= static_cast<double>(std::max<std::int64_t>(
        1, std::min(extent(0) + extent(1) - 1, layer.relation_size(index.index))));
  }
  return elements;
}

// Widest word of a direction of one operand at a memory; 0 where no port serves it.
double port_width(const model::Accelerator& accelerator, const model::HierarchyMemory& memory,
                  model::MemoryOperand operand, model::Direction direction) {
  std::int64_t width = 0;
  for (const model::HierarchyPort& port : memory.ports)
    for (const model::PortFunction& function : port.functions)
      if (function.operand == operand && function.direction == direction)
        width = std::max(width, accelerator.memories[static_cast<std::size_t>(memory.memory)]
                                    .ports[static_cast<std::size_t>(port.port)]
                                    .bandwidth_max);
  return static_cast<double>(width);
}

// Most units that can be busy at once: where the mapping says what an array dimension unrolls,
// no more than the layer has of it.
double usable_units(const model::Layer& layer, const model::Accelerator& accelerator,
                    const model::MappingEntry& mapping) {
  double units = 1;
  for (const model::ArrayDim& dim : accelerator.array.dims) {
    double usable = static_cast<double>(dim.size);
    for (const model::ArrayDimUnroll& given : mapping.spatial_mapping) {
      if (given.array_dim != dim.name) continue;
      double unrolled = 1;
      bool any = false;
      for (const model::Unroll& unroll : given.unrolls) {
        const int d = layer.dim_index(unroll.dim);
        if (d < 0) continue;
        any = true;
        unrolled *= static_cast<double>(
            std::min(unroll.factor, layer.dims[static_cast<std::size_t>(d)].size));
      }
      if (any) usable = std::min(usable, unrolled);
    }
    units *= usable;
  }
  return std::max(1.0, units);
}

}  // namespace

DesignBound layer_bound(const model::Layer& layer, const model::Accelerator& accelerator,
                        const model::Hierarchy& hierarchy, const model::MappingEntry& mapping,
                        bool keep_on_chip) {
  DesignBound bound;
  const auto macs = static_cast<double>(layer.mac_count());
  bound.latency = macs / usable_units(layer, accelerator, mapping) *
                  model::cycles_per_operation(accelerator.array);
  // That of an array which computes in memory depends on the spatial mapping: none is counted.
  bound.energy = macs * accelerator.array.unit_energy;
  for (std::size_t o = 0; o < layer.operands.size(); ++o) {
    const model::LayerOperand& operand = layer.operands[o];
    const auto link = mapping.link(operand.name);
    if (!link) continue;
    const std::vector<int>& levels = hierarchy.levels[static_cast<std::size_t>(*link)];
    const bool output = o == 0;
    const double bits =
        kRounding * touched_elements(layer, operand) *
        static_cast<double>(output ? std::min(operand.precision, layer.output_final_precision)
                                   : operand.precision);
    const std::size_t counted =
        keep_on_chip ? std::min<std::size_t>(1, levels.size()) : levels.size();
    for (std::size_t m = 0; m < counted; ++m) {
      const model::HierarchyMemory& memory =
          hierarchy.memories[static_cast<std::size_t>(levels[m])];
      const model::Memory& costs = accelerator.memories[static_cast<std::size_t>(memory.memory)];
      const auto crossing = [&](model::Direction direction, double cost) {
        const double width = port_width(accelerator, memory, *link, direction);
        // The model counts whole words: up to one is cut off.
        if (width > 0) bound.energy += std::max(0.0, bits / width - 1) * std::max(0.0, cost);
      };
      const bool outermost = m + 1 == levels.size();
      if (output) {
        crossing(model::Direction::wr_in_by_low, costs.w_cost);
        if (!outermost && !keep_on_chip) crossing(model::Direction::rd_out_to_high, costs.r_cost);
      } else {
        crossing(model::Direction::rd_out_to_low, costs.r_cost);
        if (!outermost && !keep_on_chip) crossing(model::Direction::wr_in_by_high, costs.w_cost);
      }
    }
  }
  bound.energy *= kSlack;
  bound.latency *= kSlack;
  return bound;
}

DesignBound design_bound(const model::Workload& workload, const model::Accelerator& accelerator,
                         const model::MappingSpec& mapping, bool keep_on_chip) {
  DesignBound bound;
  const model::Hierarchy hierarchy = model::build_hierarchy(accelerator);
  for (const model::WorkloadNode& node : workload.nodes) {
    if (!node.layer) continue;
    const model::MappingEntry* entry = mapping.choose(node.name, node.operator_type);
    if (entry == nullptr) continue;
    const DesignBound layer =
        layer_bound(*node.layer, accelerator, hierarchy, *entry, keep_on_chip);
    bound.energy += layer.energy;
    bound.latency += layer.latency;
  }
  return bound;
}

DesignBound system_bound(const model::Network& network, const model::MultiCore& system) {
  DesignBound bound;
  double units = 0;
  double unit_energy = std::numeric_limits<double>::infinity();
  for (const model::Core& core : system.cores) {
    if (!core.computes()) continue;
    units += static_cast<double>(core.accelerator.array.units()) /
             model::cycles_per_operation(core.accelerator.array);
    unit_energy = std::min(unit_energy, core.accelerator.array.unit_energy);
  }
  if (units == 0) return bound;
  double macs = 0;
  for (const model::NetworkNode& node : network.nodes)
    if (node.layer) macs += static_cast<double>(node.layer->mac_count());
  bound.latency = macs / units * kSlack;
  bound.energy = macs * unit_energy * kSlack;
  return bound;
}

}  // namespace ridgeline::search
