#include "engine/run/core_choice.hpp"

#include <algorithm>

namespace ridgeline::engine {

namespace {

std::size_t at(std::int64_t i) {
  return static_cast<std::size_t>(i);
}

}  // namespace

std::optional<std::string> split_loop(const model::Layer& layer, std::int64_t cores) {
  std::optional<std::string> best;
  std::int64_t largest = 1;
  for (const char* name : {"K", "G", "OY", "D", "H", "B"}) {
    const int d = layer.dim_index(name);
    if (d < 0 || layer.dims[at(d)].size < 2) continue;
    const auto& indices = layer.operands.front().indices;
    const bool walked = std::any_of(indices.begin(), indices.end(), [&](const auto& index) {
      return !index.is_relation && index.index == d;
    });
    if (!walked) continue;
    const std::int64_t size = layer.dims[at(d)].size;
    if (size >= cores) return name;
    if (size > largest) {
      largest = size;
      best = name;
    }
  }
  return best;
}

std::vector<int> cores_for(const model::MultiCore& system, const std::string& operator_type) {
  std::vector<int> named;
  std::vector<int> open;
  std::vector<int> all;
  for (std::size_t c = 0; c < system.cores.size(); ++c) {
    const model::Core& core = system.cores[c];
    if (!core.computes() || static_cast<int>(c) == system.offchip_core) continue;
    const auto& types = core.operator_types;
    all.push_back(static_cast<int>(c));
    if (types.empty()) open.push_back(static_cast<int>(c));
    if (std::find(types.begin(), types.end(), operator_type) != types.end()) {
      named.push_back(static_cast<int>(c));
    }
  }
  if (!named.empty()) return named;
  return open.empty() ? all : open;
}

std::vector<std::string> complete_mapping(const model::Network& network,
                                          const model::MultiCore& system,
                                          model::CoreMapping& mapping) {
  std::vector<std::string> added;
  for (const model::NetworkNode& node : network.nodes) {
    if (!node.layer || mapping.choose(node.name, node.operator_type) != nullptr) continue;
    model::CoreMappingEntry entry;
    entry.name = node.operator_type;
    entry.cores = cores_for(system, node.operator_type);
    mapping.entries.push_back(std::move(entry));
    added.push_back(node.operator_type);
  }
  return added;
}

}  // namespace ridgeline::engine
