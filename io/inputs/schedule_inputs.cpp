#include "io/inputs/schedule_inputs.hpp"

#include <algorithm>
#include <set>
#include <string>

#include "io/document/nearest.hpp"

namespace ridgeline::io {
namespace {

std::vector<std::string> layer_names(const model::Network& network) {
  std::vector<std::string> names;
  for (const model::NetworkNode& n : network.nodes) {
    if (n.layer) names.push_back(n.name);
  }
  return names;
}

int layer_by_name(const Value& value, const model::Network& network) {
  const std::string& name = value.as_string();
  int found = -1;
  for (const model::NetworkNode& n : network.nodes) {
    if (!n.layer || n.name != name) continue;
    if (found >= 0) {
      throw value.error("several layers are called '" + name + "'", "name it by its id");
    }
    found = n.id;
  }
  if (found < 0) {
    throw value.error("the workload has no layer '" + name + "'",
                      suggestion(name, layer_names(network)));
  }
  return found;
}

int node_by_id(const Value& value, const model::Network& network) {
  const auto id = static_cast<int>(value.as_integer(0, 1 << 30));
  if (network.node_index(id) < 0) {
    throw value.error("the workload has no node " + std::to_string(id),
                      "its ids count its operators from 0");
  }
  return id;
}

}  // namespace

std::vector<std::vector<int>> read_stacks(const Value& document, const model::Network& network) {
  std::vector<std::vector<int>> stacks;
  std::set<int> seen;
  for (const Value& list : document.items()) {
    std::vector<int> stack;
    for (const Value& entry : list.items()) {
      const int id = entry.is_string() ? layer_by_name(entry, network) : node_by_id(entry, network);
      if (!seen.insert(id).second) {
        throw entry.error("node " + std::to_string(id) + " is in a stack already",
                          "list every layer once");
      }
      stack.push_back(id);
    }
    stacks.push_back(std::move(stack));
  }
  return stacks;
}

std::vector<std::pair<int, std::vector<int>>> read_allocation(const Value& document,
                                                              const model::Network& network,
                                                              const model::MultiCore& system) {
  const Value list = document.is_map() ? document.at("allocation") : document;
  std::vector<std::pair<int, std::vector<int>>> allocation;
  std::set<int> seen;
  for (const Value& entry : list.items()) {
    const auto given = entry.find_non_null("id");
    const int id = given ? node_by_id(*given, network) : layer_by_name(entry.at("layer"), network);
    const model::NetworkNode& node =
        network.nodes[static_cast<std::size_t>(network.node_index(id))];
    if (!node.layer) {
      throw entry.error("node " + std::to_string(id) + " (" + node.operator_type +
                            ") has no cost and runs on no core",
                        "leave it out");
    }
    if (const auto name = entry.find_non_null("layer"); name && name->as_string() != node.name) {
      throw name->error("layer " + std::to_string(id) + " is called '" + node.name + "'",
                        "the allocation belongs to another workload, or an id is wrong");
    }
    if (!seen.insert(id).second) throw entry.error("layer " + node.name + " is allocated twice");
    std::vector<int> cores;
    for (const Value& core : entry.at("cores").items()) {
      const std::int64_t c = core.as_integer();
      if (c < 0 || c >= static_cast<std::int64_t>(system.cores.size())) {
        throw core.error("there is no core " + std::to_string(c),
                         "the system has cores 0 to " + std::to_string(system.cores.size() - 1));
      }
      if (!system.cores[static_cast<std::size_t>(c)].computes()) {
        throw core.error("core " + std::to_string(c) + " has no units that compute",
                         "name a compute core");
      }
      cores.push_back(static_cast<int>(c));
    }
    if (cores.empty()) {
      throw entry.at("cores").error("no core for layer " + node.name, "list one core a group");
    }
    allocation.emplace_back(id, std::move(cores));
  }
  return allocation;
}

}  // namespace ridgeline::io
