#include "io/inputs/placed_tilings.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <stdexcept>

#include "model/core/index.hpp"

namespace ridgeline::io {

namespace {

// The first loops that come by these names; single iterations are no loops of Stream's.
std::vector<int> by_names(const model::Layer& layer, const std::vector<std::string>& names) {
  std::vector<int> places;
  for (const std::string& name : names) {
    const int d = layer.dim_index(name);
    if (d >= 0) places.push_back(d);
  }
  return places;
}

model::TilingRequest request_of(const model::NetworkNode& node, const model::PlacedTiling& tiling,
                                const std::string& who) {
  const std::vector<int> loops = loops_by_place(node);
  if (z(tiling.place) >= loops.size()) {
    throw std::invalid_argument(who + ": layer '" + node.name + "' of type '" + node.operator_type +
                                "' has loops D0 to D" + std::to_string(loops.size() - 1) +
                                ", and no D" + std::to_string(tiling.place));
  }
  const model::LoopDim& dim = node.layer->dims[z(loops[z(tiling.place)])];
  if (!tiling.tile) return {dim.name, tiling.factor};
  return {dim.name, std::max<std::int64_t>(1, (dim.size + tiling.factor - 1) / tiling.factor)};
}

bool named(const model::NetworkNode& node, const std::string& name) {
  return node.name == name || node.operator_type == name;
}

}  // namespace

std::vector<int> loops_by_place(const model::NetworkNode& node) {
  const model::Layer& layer = *node.layer;
  if (node.type == "conv") {
    std::vector<int> places = by_names(layer, {"B", "G", "OY", "OX", "C", "FY", "FX", "K"});
    std::erase_if(
        places, [&](int d) { return layer.dims[z(d)].name == "G" && layer.dims[z(d)].size == 1; });
    return places;
  }
  if (node.type == "gemm" || node.type == "matmul") {
    return by_names(layer, {"B", "H", "D", "C", "K"});
  }
  std::vector<int> places;
  const auto add = [&](int d) {
    if (std::find(places.begin(), places.end(), d) == places.end()) places.push_back(d);
  };
  for (const model::OperandIndex& index : layer.operands.front().indices) {
    if (!index.is_relation) add(index.index);
  }
  for (const int d : by_names(layer, {"FY", "FX"})) add(d);
  return places;
}

void resolve_placed_tilings(const model::Network& network, model::CoreMapping& mapping,
                            std::vector<std::vector<int>>& stacks,
                            std::vector<std::string>& remarks) {
  std::vector<model::CoreMappingEntry> own;
  const auto own_entry = [&](const model::NetworkNode& node) -> model::CoreMappingEntry* {
    for (model::CoreMappingEntry& entry : own) {
      if (entry.name == node.name) return &entry;
    }
    const model::CoreMappingEntry* given = mapping.choose(node.name, node.operator_type);
    if (given == nullptr) return nullptr;
    own.push_back(*given);
    own.back().name = node.name;
    return &own.back();
  };
  for (const model::NetworkNode& node : network.nodes) {
    if (!node.layer) continue;
    const model::CoreMappingEntry* given = mapping.choose(node.name, node.operator_type);
    if (given == nullptr || given->placed_inter.empty()) continue;
    model::CoreMappingEntry* entry = own_entry(node);
    for (const model::PlacedTiling& tiling : entry->placed_inter) {
      entry->inter.push_back(request_of(node, tiling, "inter_core_tiling"));
    }
    entry->placed_inter.clear();
  }
  std::map<int, std::set<std::size_t>> groups_of;
  for (std::size_t g = 0; g < mapping.groups.size(); ++g) {
    const model::FusedGroup& group = mapping.groups[g];
    for (const std::string& name : group.layers) {
      for (const model::NetworkNode& node : network.nodes) {
        if (node.layer && named(node, name)) groups_of[node.id].insert(g);
      }
    }
    for (const auto& [name, tiling] : group.intra) {
      for (const model::NetworkNode& node : network.nodes) {
        if (!node.layer || !named(node, name)) continue;
        model::CoreMappingEntry* entry = own_entry(node);
        if (entry == nullptr) continue;
        const model::TilingRequest cut =
            request_of(node, tiling, "fused group '" + group.name + "'");
        if (cut.factor > 1) entry->intra.push_back(cut);
      }
    }
  }
  bool shared = false;
  std::vector<std::vector<int>> members(mapping.groups.size());
  for (const auto& [id, groups] : groups_of) {
    shared = shared || groups.size() > 1;
    members[*groups.begin()].push_back(id);
  }
  if (shared) {
    remarks.push_back(
        "fused_groups list operator types that belong to several groups, and nothing says which "
        "layers are in which: stacks are formed as if there were no groups");
  } else {
    for (std::vector<int>& stack : members) {
      if (!stack.empty()) stacks.push_back(std::move(stack));
    }
  }
  mapping.entries.insert(mapping.entries.begin(), own.begin(), own.end());
  mapping.groups.clear();
}

}  // namespace ridgeline::io
