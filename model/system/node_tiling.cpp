#include "model/system/node_tiling.hpp"

#include <algorithm>
#include <map>
#include <unordered_map>

namespace ridgeline::model {

namespace {

std::int64_t ceil_div(std::int64_t a, std::int64_t b) {
  return (a + b - 1) / b;
}

// Document order of a convolution's output axes, counted from the last one.
int axis_from_last(const std::string& dim) {
  if (dim == "OX") return 0;
  if (dim == "OY") return 1;
  return -1;
}

// The loop that is halved where a fused layer names no tiling of its own.
std::string default_intra_dim(const std::string& type) {
  if (type == "conv" || type == "pooling") return "OY";
  if (type == "matmul" || type == "gemm" || type == "add" || type == "mul") return "D";
  return "K";
}

// Intra-core factors as the 2025 version cleans them; enlarges loops that they do not divide.
std::vector<TilingLoop> clean_intra(Layer& layer, const std::string& type,
                                    const std::vector<TilingRequest>& requests, bool fused) {
  std::vector<TilingLoop> loops;
  for (const TilingRequest& request : requests) {
    const int dim = layer.dim_index(request.dim);
    if (dim < 0) continue;
    std::int64_t& size = layer.dims[static_cast<std::size_t>(dim)].size;
    std::int64_t factor = request.factor <= 0 ? size : request.factor;
    factor = std::min(factor, size);
    size = ceil_div(size, factor) * factor;
    loops.push_back({dim, factor});
  }
  if (!loops.empty() || !fused) return loops;
  int dim = layer.dim_index(default_intra_dim(type));
  for (int d = 0; dim < 0 && d < static_cast<int>(layer.dims.size()); ++d) {
    const std::string& name = layer.dims[static_cast<std::size_t>(d)].name;
    if (name != "B" && name != "G") dim = d;
  }
  if (dim < 0) return loops;
  const std::int64_t size = layer.dims[static_cast<std::size_t>(dim)].size;
  return {{dim, std::min<std::int64_t>(2, size)}};
}

std::vector<TilingLoop> clean_inter(const Layer& layer,
                                    const std::vector<TilingRequest>& requests) {
  std::vector<TilingLoop> loops;
  for (const TilingRequest& request : requests) {
    const int dim = layer.dim_index(request.dim);
    if (dim < 0) continue;
    const std::int64_t size = layer.dims[static_cast<std::size_t>(dim)].size;
    const std::int64_t factor = request.factor == kAllTiles ? size
                                : request.factor < 0        ? kWildcard
                                                            : std::min(request.factor, size);
    loops.push_back({dim, factor});
  }
  if (!loops.empty()) return loops;
  for (const char* name : {"G", "H", "K"}) {
    const int dim = layer.dim_index(name);
    if (dim >= 0 && layer.dims[static_cast<std::size_t>(dim)].size > 1) return {{dim, 1}};
  }
  return {{0, 1}};
}

// Divisor of `size` nearest to `wanted` within a factor of 50; the smaller of two; 0: none.
std::int64_t nearest_divisor(std::int64_t size, std::int64_t wanted) {
  const std::int64_t low = std::max<std::int64_t>(2, wanted / 50);
  const std::int64_t high = std::min(size, wanted * 50);
  std::int64_t best = 0;
  for (std::int64_t d = low; d <= high; ++d) {
    if (size % d != 0) continue;
    if (best == 0 || std::abs(d - wanted) < std::abs(best - wanted)) best = d;
  }
  return best;
}

// Outer loops of the 2023 version's hints: factors that divide, no padding.
TilingFault hint_loops(const NetworkNode& node, const Layer& layer,
                       const std::vector<TilingRequest>& requests, std::vector<TilingLoop>& loops) {
  for (const TilingRequest& request : requests) {
    const int dim = layer.dim_index(request.dim);
    if (dim < 0) continue;
    const std::int64_t size = layer.dims[static_cast<std::size_t>(dim)].size;
    std::int64_t factor = request.factor;
    if (factor <= 0 || factor > size) factor = size;
    if (size % factor != 0) factor = nearest_divisor(size, request.factor);
    if (factor == 0) {
      return {node.id,
              "layer '" + node.name + "': no divisor of " + request.dim + " = " +
                  std::to_string(size) + " is near the tiling factor " +
                  std::to_string(request.factor),
              "give a factor that divides the loop"};
    }
    loops.push_back({dim, factor});
  }
  return {};
}

std::int64_t product(const std::vector<TilingLoop>& loops) {
  std::int64_t result = 1;
  for (const TilingLoop& loop : loops) result *= std::max<std::int64_t>(1, loop.factor);
  return result;
}

bool has_wildcard(const std::vector<TilingLoop>& loops) {
  return std::any_of(loops.begin(), loops.end(),
                     [](const TilingLoop& loop) { return loop.factor == kWildcard; });
}

// Memory operand of a layer operand; the link of multi-core layers is fixed.
MemoryOperand memory_operand_of(const std::string& operand) {
  if (operand == "I") return MemoryOperand::I1;
  return operand == "O" ? MemoryOperand::O : MemoryOperand::I2;
}

// Creates the nodes of one layer: ranges, groups and tensors.
class LayerTiler {
 public:
  LayerTiler(CnGraph& graph, int place, Semantics semantics)
      : graph_(graph),
        layer_(graph.layers[static_cast<std::size_t>(place)]),
        place_(place),
        semantics_(semantics) {}

  void run() {
    const std::size_t operands = layer_.whole.operands.size();
    layer_.first_node = static_cast<int>(graph_.nodes.size());
    layer_.first_range = graph_.ranges.size();
    layer_.range_count = static_cast<int>(layer_.whole.dims.size() + layer_.whole.relations.size());
    layer_.node_count = static_cast<int>(product(layer_.outer));
    produced_bits_ = layer_.tile.operand_elements(0) * layer_.whole.output_final_precision;
    for (std::size_t o = 0; o < operands; ++o) {
      priority_.push_back(base_priority(static_cast<int>(o)));
    }
    strides();
    graph_.ranges.reserve(graph_.ranges.size() + static_cast<std::size_t>(layer_.node_count) *
                                                     static_cast<std::size_t>(layer_.range_count));
    graph_.nodes.reserve(graph_.nodes.size() + static_cast<std::size_t>(layer_.node_count));
    for (int sub = 0; sub < layer_.node_count; ++sub) add_node(sub);
    layer_.groups = std::max(1, static_cast<int>(groups_.size()));
  }

 private:
  // Distance in loop indices that one step of each outer loop goes.
  void strides() {
    std::vector<std::int64_t> unit(layer_.whole.dims.size());
    for (std::size_t d = 0; d < unit.size(); ++d) unit[d] = layer_.tile.dims[d].size;
    for (const TilingLoop& loop : layer_.outer) {
      stride_.push_back(unit[static_cast<std::size_t>(loop.dim)]);
      unit[static_cast<std::size_t>(loop.dim)] *= loop.factor;
    }
    for (const TilingLoop& loop : layer_.inter) {
      std::int64_t q = unit[static_cast<std::size_t>(loop.dim)];  // the loop's padded size
      for (const TilingLoop& inner : layer_.intra) {
        if (inner.dim != loop.dim) continue;
        q /= inner.factor;
        break;
      }
      group_size_.push_back(q);
    }
  }

  // Uses of a constant tensor: nodes that differ only in loops irrelevant to it.
  std::int64_t base_priority(int operand) const {
    const auto& constants = layer_.constant_operands;
    if (std::find(constants.begin(), constants.end(), operand) == constants.end()) return -1;
    const Relevance classes = relevance(layer_.whole, operand);
    std::int64_t uses = 1;
    for (const TilingLoop& loop : layer_.outer) {
      if (classes.irrelevant >> loop.dim & 1u) uses *= loop.factor;
    }
    return uses;
  }

  void add_node(int sub) {
    const std::size_t first = graph_.ranges.size();
    const Layer& layer = layer_.whole;
    for (const LoopDim& dim : layer_.tile.dims) graph_.ranges.push_back({0, dim.size});
    std::int64_t rest = sub;
    for (std::size_t i = 0; i < layer_.outer.size(); ++i) {
      const TilingLoop& loop = layer_.outer[i];
      Range& range = graph_.ranges[first + static_cast<std::size_t>(loop.dim)];
      const std::int64_t shift = rest % loop.factor * stride_[i];
      range.lo += shift;
      range.hi += shift;
      rest /= loop.factor;
    }
    for (const DimRelation& r : layer.relations) {
      const Range a = graph_.ranges[first + static_cast<std::size_t>(r.dim[0])];
      const Range b = graph_.ranges[first + static_cast<std::size_t>(r.dim[1])];
      graph_.ranges.push_back(
          {-r.padding_begin + r.coefficient[0] * a.lo + r.coefficient[1] * b.lo,
           -r.padding_begin + r.coefficient[0] * (a.hi - 1) + r.coefficient[1] * (b.hi - 1) + 1});
    }

    const int place = static_cast<int>(graph_.nodes.size());
    CnNode node;
    node.layer = place_;
    node.sub_id = sub;
    node.group = group_of(first);
    node.final_output = final_output(first);
    node.produced_bits = produced_bits_;
    graph_.nodes.push_back(node);
    for (std::size_t o = 0; o < layer.operands.size(); ++o) {
      graph_.nodes.back().tensor[o] = tensor_of(place, static_cast<int>(o));
    }
  }

  int group_of(std::size_t first) {
    if (has_wildcard(layer_.inter) || semantics_ == Semantics::v2023) return 0;
    std::vector<std::pair<std::int64_t, std::int64_t>> key;
    for (std::size_t i = 0; i < layer_.inter.size(); ++i) {
      const Range range = graph_.ranges[first + static_cast<std::size_t>(layer_.inter[i].dim)];
      key.emplace_back(range.lo % group_size_[i], range.hi % group_size_[i]);
    }
    return groups_.emplace(std::move(key), static_cast<int>(groups_.size())).first->second;
  }

  bool final_output(std::size_t first) const {
    const std::uint32_t irrelevant = relevance(layer_.whole, 0).irrelevant;
    for (std::size_t d = 0; d < layer_.whole.dims.size(); ++d) {
      if ((irrelevant >> d & 1u) && graph_.ranges[first + d].hi < layer_.whole.dims[d].size) {
        return false;
      }
    }
    return true;
  }

  // The tensor of a node's operand: that of an earlier node of the layer with equal ranges.
  std::int32_t tensor_of(int node, int operand) {
    const LayerOperand& o = layer_.whole.operands[static_cast<std::size_t>(operand)];
    const int indices = static_cast<int>(o.indices.size());
    std::uint64_t hash = 0x9e3779b97f4a7c15ull + static_cast<std::uint64_t>(operand);
    std::int64_t elements = 1;
    for (int i = 0; i < indices; ++i) {
      const Range range = graph_.operand_range(node, operand, i);
      elements *= range.length();
      // Lengths are equal within a layer: the start tells ranges apart.
      hash = (hash ^ static_cast<std::uint64_t>(range.lo)) * 0xff51afd7ed558ccdull;
      hash ^= hash >> 32;
    }
    for (;; ++hash) {
      const auto next = static_cast<std::int32_t>(graph_.tensors.size());
      const auto [found, inserted] = known_.emplace(hash, next);
      if (inserted) {
        const std::int64_t precision =
            operand == 0 ? layer_.whole.output_final_precision : o.precision;
        graph_.tensors.push_back({.origin = node,
                                  .operand = operand,
                                  .bits = elements * precision,
                                  .base_priority = priority_[static_cast<std::size_t>(operand)]});
        return next;
      }
      const CnTensor& tensor = graph_.tensors[static_cast<std::size_t>(found->second)];
      bool same = tensor.operand == operand;
      for (int i = 0; same && i < indices; ++i) {
        same = graph_.operand_range(tensor.origin, operand, i) ==
               graph_.operand_range(node, operand, i);
      }
      if (same) return found->second;
    }
  }

  CnGraph& graph_;
  CnLayer& layer_;
  int place_;
  Semantics semantics_;
  std::int64_t produced_bits_ = 0;
  std::vector<std::int64_t> priority_;    // of each operand
  std::vector<std::int64_t> stride_;      // of each outer loop
  std::vector<std::int64_t> group_size_;  // of each inter-core loop
  std::map<std::vector<std::pair<std::int64_t, std::int64_t>>, int> groups_;
  std::unordered_map<std::uint64_t, std::int32_t> known_;
};

// Everything of a layer but its nodes.
TilingFault make_layer(const NetworkNode& node, const CoreMappingEntry& entry,
                       const std::vector<TilingRequest>& intra, const TilingOptions& options,
                       bool alone, CnLayer& layer) {
  layer.id = node.id;
  layer.base_id = node.base_id.value_or(node.id);
  layer.generation = node.generation;
  layer.generations = node.generations;
  layer.name = node.name;
  layer.type = node.type;
  layer.whole = *node.layer;
  set_precision(layer.whole, entry.precision);
  layer.cycles_per_op = node.cycles_per_op;
  layer.operations = node.layer->mac_count();
  layer.cores = entry.cores;
  layer.spatial_mapping = entry.spatial_mapping;
  layer.alone = alone;
  for (const LayerOperand& operand : layer.whole.operands) {
    layer.memory_operand.push_back(memory_operand_of(operand.name));
  }
  for (const std::string& name : layer.whole.constant_operands) {
    layer.constant_operands.push_back(layer.whole.operand_index(name));
  }
  for (const std::string& name : node.partly_constant) {
    layer.partly_constant_operands.push_back(layer.whole.operand_index(name));
  }

  if (options.semantics == Semantics::v2023) {
    if (options.mode == ScheduleMode::fused) {
      if (TilingFault problem = hint_loops(node, layer.whole, intra, layer.intra)) {
        return problem;
      }
    }
  } else {
    const bool fused = options.mode == ScheduleMode::fused;
    if (!alone || options.enlarge_uncut) {
      layer.intra = clean_intra(layer.whole, node.type, intra, fused);
    }
    if (alone) layer.intra.clear();
    layer.inter = clean_inter(layer.whole, entry.inter);
  }
  const bool wildcard = has_wildcard(layer.inter);
  if (wildcard && layer.inter.size() > 1) {
    return {node.id, "layer '" + node.name + "': inter-core tiling '*' beside another",
            "give '*' alone, or a number for each loop dimension"};
  }
  for (std::size_t i = 1; i < layer.inter.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      if (layer.inter[i].dim != layer.inter[j].dim) continue;
      return {node.id,
              "layer '" + node.name + "': two inter-core tilings of " +
                  layer.whole.dims[static_cast<std::size_t>(layer.inter[i].dim)].name,
              "split each loop dimension over cores once"};
    }
  }
  layer.intra_tiles = product(layer.intra);
  layer.inter_tiles = product(layer.inter);
  if (!wildcard) layer.outer = layer.inter;
  layer.outer.insert(layer.outer.end(), layer.intra.begin(), layer.intra.end());
  std::erase_if(layer.outer, [](const TilingLoop& loop) { return loop.factor <= 1; });
  if (layer.outer.empty()) layer.outer.push_back({0, 1});

  std::vector<std::int64_t> split(layer.whole.dims.size(), 1);
  std::int64_t nodes = 1;
  for (const TilingLoop& loop : layer.outer) {
    split[static_cast<std::size_t>(loop.dim)] *= loop.factor;
    nodes *= loop.factor;
    if (nodes > kMaxNodes) {
      return {node.id,
              "layer '" + node.name + "': its tiling makes more than " + std::to_string(kMaxNodes) +
                  " computation nodes",
              "tile it coarser"};
    }
  }
  layer.tile = layer.whole;
  for (std::size_t d = 0; d < split.size(); ++d) {
    layer.tile.dims[d].size = ceil_div(layer.whole.dims[d].size, split[d]);
  }
  // A node's input is clipped at the edges of the whole feature map, not at its own.
  for (std::size_t r = 0; r < layer.tile.relations.size(); ++r) {
    layer.tile.relations[r].given_size = node.layer->relation_size(static_cast<int>(r));
  }
  for (std::size_t o = 0; o < layer.tile.operands.size(); ++o) {
    layer.tile_operand_bits.push_back(layer.tile.operand_bits(static_cast<int>(o)));
  }
  return {};
}

}  // namespace

int tiling_dim(const Layer& layer, const std::string& dim) {
  const int own = layer.dim_index(dim);
  const int from_last = axis_from_last(dim);
  if (own >= 0 || from_last < 0) return own;
  const auto& indices = layer.operands.front().indices;
  const int axis = static_cast<int>(indices.size()) - 1 - from_last;
  if (axis < 0 || indices[static_cast<std::size_t>(axis)].is_relation) return -1;
  return indices[static_cast<std::size_t>(axis)].index;
}

TilingFault tile_network(const Network& network, const CoreMapping& mapping,
                         const TilingOptions& options, CnGraph& graph,
                         std::vector<std::vector<std::int64_t>>& original) {
  graph.stacks = choose_stacks(network, options);
  std::unordered_map<int, int> stack_of;
  for (std::size_t s = 0; s < graph.stacks.size(); ++s) {
    for (int id : graph.stacks[s]) {
      if (!stack_of.emplace(id, static_cast<int>(s)).second) {
        return {id, "node " + std::to_string(id) + " is in more than one layer stack",
                "name each layer once"};
      }
    }
  }

  for (int place : network.topological_order()) {
    const NetworkNode& node = network.nodes[static_cast<std::size_t>(place)];
    if (!node.layer) continue;
    const CoreMappingEntry* entry = mapping.choose(node.name, node.operator_type);
    if (entry == nullptr) {
      return {node.id,
              "no mapping entry for node '" + node.name + "' of type '" + node.operator_type + "'",
              "add an entry with one of these names, or 'default'"};
    }
    const std::vector<TilingRequest>* intra = &entry->intra;
    for (const auto& [id, requests] : options.intra) {
      if (id == node.id) intra = &requests;
    }
    const int stack = stack_of.at(node.id);
    const bool alone = options.semantics == Semantics::v2025 &&
                       graph.stacks[static_cast<std::size_t>(stack)].size() == 1;
    CnLayer layer;
    layer.stack = stack;
    if (TilingFault problem = make_layer(node, *entry, *intra, options, alone, layer)) {
      return problem;
    }
    if (static_cast<std::int64_t>(graph.nodes.size()) + product(layer.outer) > kMaxNodes) {
      return {node.id,
              "the network has more than " + std::to_string(kMaxNodes) + " computation nodes",
              "tile it coarser"};
    }
    original.emplace_back();
    for (const LoopDim& dim : node.layer->dims) original.back().push_back(dim.size);
    graph.layers.push_back(std::move(layer));
    LayerTiler(graph, static_cast<int>(graph.layers.size()) - 1, options.semantics).run();
  }
  return {};
}

}  // namespace ridgeline::model
