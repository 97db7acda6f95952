#include "search/depth_first/layer_floors.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>

#include "model/core/compute_array.hpp"
#include "model/core/index.hpp"

namespace ridgeline::search {

namespace {

// By node: places along an axis that are computed, however the network is cut into stacks. The
// last layer of a stack computes all of its map; where stacks are longer, less may be looked at.
std::vector<double> needed_places(const model::FusedNetwork& network, std::size_t axis) {
  const auto& nodes = network.nodes;
  std::vector<std::vector<std::uint8_t>> needed(nodes.size());
  std::vector<std::uint8_t> read(nodes.size(), 0);
  std::vector<double> count(nodes.size(), 0);
  for (std::size_t n = 0; n < nodes.size(); ++n) needed[n].assign(z(nodes[n].map[axis]), 0);
  const auto all = [&](int node) { std::fill(needed[z(node)].begin(), needed[z(node)].end(), 1); };
  for (int n = static_cast<int>(nodes.size()) - 1; n >= 0; --n) {
    if (read[z(n)] == 0) all(n);
    const auto& own = needed[z(n)];
    count[z(n)] = static_cast<double>(std::count(own.begin(), own.end(), 1));
    for (const model::FusedInput& input : nodes[z(n)].inputs) {
      const model::AxisLink& link = input.axis[axis];
      read[z(input.producer)] = 1;
      if (!input.unfusable.empty() || !input.also.empty() || link.whole) {
        all(input.producer);
        for (const int producer : input.also) {
          read[z(producer)] = 1;
          all(producer);
        }
        continue;
      }
      auto& of_producer = needed[z(input.producer)];
      const auto extent = static_cast<std::int64_t>(of_producer.size());
      for (std::size_t o = 0; o < own.size(); ++o) {
        if (own[o] == 0) continue;
        const std::int64_t begin = link.stride * static_cast<std::int64_t>(o) - link.padding;
        for (std::int64_t i = std::max<std::int64_t>(begin, 0);
             i < std::min(begin + link.reach, extent); ++i) {
          of_producer[z(i)] = 1;
        }
      }
    }
  }
  return count;
}

// pJ to read a bit of weights from the outermost memory.
double cost_of_weight_bit(const FusionCore& core) {
  const model::Memory& memory = core.accelerator.memories[z(core.weights.back())];
  double bandwidth = 0;  // the widest word
  for (const model::Port& port : memory.ports) {
    for (const auto& [operand, function] : port.allocation) {
      if (operand == model::MemoryOperand::I2) {
        bandwidth = std::max(bandwidth, static_cast<double>(port.bandwidth_max));
      }
    }
  }
  return bandwidth > 0 ? memory.r_cost / bandwidth : 0;
}

// Units of the array that a layer, or a tile of it, uses at most: array dimensions that the mapping
// gives have its loops alone, as far as the layer has them.
double units_in_use(const FusionCore& core, const model::FusedNode& node) {
  const auto& given = core.entry(node).spatial_mapping;
  double units = 1;
  for (const model::ArrayDim& dim : core.accelerator.array.dims) {
    const auto size = static_cast<double>(dim.size);
    std::optional<double> used;
    for (const model::ArrayDimUnroll& one : given) {
      if (one.array_dim != dim.name) continue;
      used = used.value_or(1);
      for (const model::Unroll& unroll : one.unrolls) {
        const int loop = node.layer->dim_index(unroll.dim);
        if (loop < 0) continue;
        *used *= static_cast<double>(std::min(unroll.factor, node.layer->dims[z(loop)].size));
      }
    }
    units *= std::min(used.value_or(size), size);
  }
  return units;
}

// Whether the first tile of a stack runs all of its layers, and so brings their weights: not where
// a layer's first place looks at nothing but padding.
bool first_tile_runs_all(const model::FusedNetwork& network) {
  for (const model::FusedNode& node : network.nodes) {
    for (const model::FusedInput& input : node.inputs) {
      for (const model::AxisLink& link : input.axis) {
        if (!link.whole && link.reach <= link.padding) return false;
      }
    }
  }
  return true;
}

}  // namespace

std::vector<model::Cost> layer_floors(const model::FusedNetwork& network, const FusionCore& core,
                                      const FusionRules& rules) {
  constexpr double kSlack = 1 - 1e-9;
  const model::Accelerator& accelerator = core.accelerator;
  std::vector<model::Cost> floors(network.nodes.size(), {0, 0});
  const std::vector<double> x = needed_places(network, 0);
  const std::vector<double> y = needed_places(network, 1);
  const double cycles = model::cycles_per_operation(accelerator.array);
  const bool weights_once = !rules.defines && !core.weights.empty() && first_tile_runs_all(network);
  const double of_bit = weights_once ? cost_of_weight_bit(core) : 0;
  // Loading that borrows cycles from the computation may take less than none of them
  // (docs/model.md, 6.7), as often as there are tiles.
  const bool borrows = rules.defines || rules.quirks;
  for (std::size_t n = 0; n < network.nodes.size(); ++n) {
    const model::FusedNode& node = network.nodes[n];
    if (!node.layer) continue;
    double macs = x[n] * y[n];
    for (std::size_t d = 0; d < node.layer->dims.size(); ++d) {
      const bool walked =
          static_cast<int>(d) == node.loop[0] || static_cast<int>(d) == node.loop[1];
      if (!walked) macs *= static_cast<double>(node.layer->dims[d].size);
    }
    // Of arrays in memory what it takes depends on how they are used.
    double energy = accelerator.array.imc ? 0 : macs * accelerator.array.unit_energy;
    // The model counts whole accesses, so that it may leave one out.
    if (of_bit > 0 && node.weights && !accelerator.array.imc) {
      const double access = accelerator.memories[z(core.weights.back())].r_cost;
      energy += std::max(0.0, static_cast<double>(node.weight_bits()) * of_bit - access);
    }
    const double latency = borrows ? 0 : macs / units_in_use(core, node) * cycles;
    const double times = kSlack * static_cast<double>(node.count);
    floors[n] = {times * energy, times * latency};
  }
  return floors;
}

}  // namespace ridgeline::search
