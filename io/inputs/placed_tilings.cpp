#include "io/inputs/placed_tilings.hpp"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <stdexcept>

#include "io/document/nearest.hpp"
#include "model/core/index.hpp"

namespace ridgeline::io {

namespace {

// Loops of two names, the one first that the layer lists first: rows before columns, whichever is
// called X.
void order_as_listed(const model::Layer& layer, std::vector<int>& places, const char* one,
                     const char* other) {
  const auto first = std::find(places.begin(), places.end(), layer.dim_index(one));
  const auto second = std::find(places.begin(), places.end(), layer.dim_index(other));
  if (first == places.end() || second == places.end()) return;
  if ((first < second) != (*first < *second)) std::iter_swap(first, second);
}

// The first loops that come by these names; single iterations are no loops of Stream's.
std::vector<int> by_names(const model::Layer& layer, const std::vector<std::string>& names) {
  std::vector<int> places;
  for (const std::string& name : names) {
    const int d = layer.dim_index(name);
    if (d >= 0) places.push_back(d);
  }
  order_as_listed(layer, places, "OY", "OX");
  order_as_listed(layer, places, "FY", "FX");
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

// The loops along which a node's output lies, by axis of its tensor; -1: an axis that no loop alone
// indexes.
std::vector<int> output_axes(const model::Layer& layer) {
  std::vector<int> axes;
  if (layer.operands.empty()) return axes;
  for (const model::OperandIndex& index : layer.operands.front().indices) {
    const bool single = !index.is_relation && layer.dims[z(index.index)].name == "G" &&
                        layer.dims[z(index.index)].size == 1;
    if (!single) axes.push_back(index.is_relation ? -1 : index.index);
  }
  order_as_listed(layer, axes, "OY", "OX");
  return axes;
}

// Whether a loop walks the activations that a layer reads, as rows do and output channels do not.
bool walks_input(const model::Layer& layer, int dim) {
  for (const model::LayerOperand& operand : layer.operands) {
    if (operand.name != "I") continue;
    for (const model::OperandIndex& index : operand.indices) {
      if (!index.is_relation && index.index == dim) return true;
      if (!index.is_relation) continue;
      const auto& dims = layer.relations[z(index.index)].dim;
      if (std::find(dims.begin(), dims.end(), dim) != dims.end()) return true;
    }
  }
  return false;
}

// What cuts another layer of a fused group along the axis on which one layer is cut, so that their
// pieces follow each other; nothing where the axis is none that they share.
std::optional<model::TilingRequest> same_cut(const model::Layer& cut_layer,
                                             const model::TilingRequest& cut,
                                             const model::Layer& layer) {
  const int dim = cut_layer.dim_index(cut.dim);
  const std::vector<int> axes = output_axes(cut_layer);
  const std::vector<int> other = output_axes(layer);
  const auto place = std::find(axes.begin(), axes.end(), dim);
  if (place == axes.end() || axes.size() != other.size() || !walks_input(cut_layer, dim)) {
    return std::nullopt;
  }
  const int mate = other[z(place - axes.begin())];
  if (mate < 0 || !walks_input(layer, mate) || layer.dims[z(mate)].size < cut.factor) {
    return std::nullopt;
  }
  return model::TilingRequest{layer.dims[z(mate)].name, cut.factor};
}

// Names the members of fused groups that are no layer here.
std::string unknown_member(const model::FusedGroup& group, const std::string& name,
                           const model::Network& network) {
  std::vector<std::string> known;
  for (const model::NetworkNode& node : network.nodes) {
    if (!node.layer) continue;
    if (named(node, name)) return "";
    known.push_back(node.name);
    known.push_back(node.operator_type);
  }
  const auto meant = nearest(name, known);
  return "fused group '" + group.name + "': no layer here is called '" + name + "'" +
         (meant ? " (did you mean '" + *meant + "'?)" : "");
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
    if (d >= 0 && std::find(places.begin(), places.end(), d) == places.end()) places.push_back(d);
  };
  for (const int d : output_axes(layer)) add(d);
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
  const auto remark = [&](const std::string& text) {
    if (!text.empty() && std::find(remarks.begin(), remarks.end(), text) == remarks.end()) {
      remarks.push_back(text);
    }
  };
  std::map<int, std::set<std::size_t>> groups_of;
  for (std::size_t g = 0; g < mapping.groups.size(); ++g) {
    const model::FusedGroup& group = mapping.groups[g];
    for (const std::string& name : group.layers) {
      remark(unknown_member(group, name, network));
      for (const model::NetworkNode& node : network.nodes) {
        if (node.layer && named(node, name)) groups_of[node.id].insert(g);
      }
    }
    std::vector<std::pair<const model::NetworkNode*, model::TilingRequest>> cuts;
    for (const auto& [name, tiling] : group.intra) {
      if (std::find(group.layers.begin(), group.layers.end(), name) == group.layers.end()) {
        remark(unknown_member(group, name, network));
      }
      for (const model::NetworkNode& node : network.nodes) {
        if (!node.layer || !named(node, name)) continue;
        model::CoreMappingEntry* entry = own_entry(node);
        if (entry == nullptr) continue;
        const model::TilingRequest cut =
            request_of(node, tiling, "fused group '" + group.name + "'");
        if (cut.factor < 2) continue;
        entry->intra.push_back(cut);
        cuts.emplace_back(&node, cut);
      }
    }
    // A group is cut as a whole: what is said of one layer holds for those before and after it.
    for (const std::string& name : group.layers) {
      for (const model::NetworkNode& node : network.nodes) {
        if (!node.layer || !named(node, name)) continue;
        for (const auto& [from, cut] : cuts) {
          const auto mate = same_cut(*from->layer, cut, *node.layer);
          model::CoreMappingEntry* entry = mate ? own_entry(node) : nullptr;
          if (entry == nullptr || !entry->intra.empty()) continue;
          entry->intra.push_back(*mate);
        }
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

void resolve_placed_tilings(std::span<const model::Network> networks, model::CoreMapping& mapping) {
  const bool placed =
      !mapping.groups.empty() ||
      std::any_of(mapping.entries.begin(), mapping.entries.end(),
                  [](const model::CoreMappingEntry& entry) { return !entry.placed_inter.empty(); });
  if (!placed) return;
  const std::vector<model::FusedGroup> groups = mapping.groups;
  std::map<std::string, std::string> type_of;
  for (const model::Network& network : networks) {
    for (const model::NetworkNode& node : network.nodes) {
      if (!node.layer) continue;
      const auto [known, added] = type_of.emplace(node.name, node.operator_type);
      if (added || known->second == node.operator_type) continue;
      throw std::invalid_argument("several networks have a node called '" + node.name +
                                  "', of types '" + known->second + "' and '" + node.operator_type +
                                  "', and loops are cut by their places");
    }
  }
  for (const model::Network& network : networks) {
    std::vector<std::vector<int>> stacks;
    std::vector<std::string> remarks;
    mapping.groups = groups;
    resolve_placed_tilings(network, mapping, stacks, remarks);
  }
}

}  // namespace ridgeline::io
