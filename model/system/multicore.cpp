#include "model/system/multicore.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

namespace ridgeline::model {

namespace {

// Directed edges between cores: neighbours in the order in which edges first appear, and the
// link that the latest connection put on each.
struct CoreGraph {
  std::vector<std::vector<int>> neighbours;
  std::map<std::pair<int, int>, Link> edges;
  std::vector<int> order;

  void add(int from, int to, const Link& link) {
    for (int core : {from, to}) {
      if (std::find(order.begin(), order.end(), core) == order.end()) order.push_back(core);
    }
    const auto [place, inserted] = edges.insert_or_assign({from, to}, link);
    if (inserted) neighbours[static_cast<std::size_t>(from)].push_back(to);
  }
};

CoreGraph build_core_graph(const MultiCore& system) {
  CoreGraph graph;
  graph.neighbours.resize(system.cores.size());
  int buses = 0;
  for (const Connection& connection : system.connections) {
    Link link{.bandwidth = connection.bandwidth,
              .unit_energy = connection.unit_energy,
              .unit_energy_per_bit = connection.unit_energy_per_bit};
    switch (connection.kind) {
      case ConnectionKind::link:
        for (const auto& [from, to] : {std::pair{connection.cores[0], connection.cores[1]},
                                       std::pair{connection.cores[1], connection.cores[0]}}) {
          link.sender = from;
          link.receiver = to;
          graph.add(from, to, link);
        }
        break;
      case ConnectionKind::bus:
        link.bus = buses++;
        for (std::size_t i = 0; i < connection.cores.size(); ++i) {
          for (std::size_t j = i + 1; j < connection.cores.size(); ++j) {
            graph.add(connection.cores[i], connection.cores[j], link);
            graph.add(connection.cores[j], connection.cores[i], link);
          }
        }
        break;
      case ConnectionKind::channel: {
        // One core at an end keeps its name; several make the end "any".
        link.sender = connection.cores.size() == 1 ? connection.cores[0] : kAnyCore;
        link.receiver = connection.to.size() == 1 ? connection.to[0] : kAnyCore;
        link.bus = connection.cores.size() == 1 && connection.to.size() == 1 ? -1 : buses++;
        for (int from : connection.cores) {
          for (int to : connection.to) graph.add(from, to, link);
        }
        break;
      }
    }
  }
  return graph;
}

// First predecessor, in the order of discovery, of every core in a breadth-first walk.
std::vector<int> first_predecessors(const CoreGraph& graph, int from) {
  std::vector<int> predecessor(graph.neighbours.size(), -1);
  std::vector<int> queue{from};
  predecessor[static_cast<std::size_t>(from)] = from;
  for (std::size_t next = 0; next < queue.size(); ++next) {
    for (int to : graph.neighbours[static_cast<std::size_t>(queue[next])]) {
      int& p = predecessor[static_cast<std::size_t>(to)];
      if (p != -1) continue;
      p = queue[next];
      queue.push_back(to);
    }
  }
  return predecessor;
}

bool same_port(const Port& a, const Port& b) {
  return a.type == b.type && a.bandwidth_min == b.bandwidth_min &&
         a.bandwidth_max == b.bandwidth_max;
}

// Whether two cores of a group name one physical memory; they may use it for different operands.
bool same_memory(const Memory& a, const Memory& b) {
  return a.name == b.name && a.size == b.size && a.r_cost == b.r_cost && a.w_cost == b.w_cost &&
         a.area == b.area && a.latency == b.latency && a.type == b.type &&
         std::equal(a.ports.begin(), a.ports.end(), b.ports.begin(), b.ports.end(), same_port);
}

bool is_shared(const Core& core, const Memory& memory) {
  const auto& names = core.shared_memories;
  return names.empty() || std::find(names.begin(), names.end(), memory.name) != names.end();
}

}  // namespace

std::vector<int> top_memories(const Accelerator& core) {
  std::array<int, kMemoryOperands> last{-1, -1, -1};
  for (std::size_t m = 0; m < core.memories.size(); ++m) {
    for (MemoryOperand operand : core.memories[m].operands) {
      last[static_cast<std::size_t>(operand)] = static_cast<int>(m);
    }
  }
  std::set<int> tops(last.begin(), last.end());
  tops.erase(-1);
  return {tops.begin(), tops.end()};
}

Interconnect build_interconnect(const MultiCore& system) {
  const CoreGraph graph = build_core_graph(system);
  Interconnect result;
  result.cores = static_cast<int>(system.cores.size());
  result.core_order = graph.order;

  // Links of the directed edges, each distinct one once.
  std::map<std::pair<int, int>, int> link_of;
  for (const auto& [edge, link] : graph.edges) {
    const auto same = [&](const Link& other) {
      return link.bus == other.bus &&
             (link.bus != -1 || (link.sender == other.sender && link.receiver == other.receiver));
    };
    const auto found = std::find_if(result.links.begin(), result.links.end(), same);
    link_of[edge] = static_cast<int>(found - result.links.begin());
    if (found == result.links.end()) result.links.push_back(link);
  }

  result.begin.push_back(0);
  for (int from = 0; from < result.cores; ++from) {
    const std::vector<int> predecessor = first_predecessors(graph, from);
    for (int to = 0; to < result.cores; ++to) {
      if (to != from && predecessor[static_cast<std::size_t>(to)] != -1) {
        std::vector<int> path{to};
        while (path.back() != from) {
          path.push_back(predecessor[static_cast<std::size_t>(path.back())]);
        }
        for (std::size_t hop = path.size() - 1; hop > 0; --hop) {
          result.hop_link.push_back(link_of.at({path[hop], path[hop - 1]}));
          result.hop_to.push_back(path[hop - 1]);
        }
      }
      result.begin.push_back(static_cast<std::uint32_t>(result.hop_link.size()));
    }
  }
  return result;
}

TopMemories build_top_memories(const MultiCore& system, const Interconnect& interconnect) {
  TopMemories result;
  result.of_core.assign(system.cores.size(), {-1, -1, -1});
  std::vector<int> order = interconnect.core_order;
  for (int core = 0; core < static_cast<int>(system.cores.size()); ++core) {
    if (std::find(order.begin(), order.end(), core) == order.end()) order.push_back(core);
  }
  struct Known {
    int group;
    const Memory* memory;
    bool shared;
  };
  std::vector<Known> known;
  std::vector<bool> taken;  // by the core at hand: two equal memories of one core are two
  for (int core : order) {
    const Core& c = system.cores[static_cast<std::size_t>(core)];
    taken.assign(known.size(), false);
    for (int m : top_memories(c.accelerator)) {
      const Memory& memory = c.accelerator.memories[static_cast<std::size_t>(m)];
      std::size_t instance = 0;
      for (; instance < taken.size(); ++instance) {
        if (!taken[instance] && known[instance].group == c.memory_group && known[instance].shared &&
            is_shared(c, memory) && same_memory(*known[instance].memory, memory)) {
          taken[instance] = true;
          break;
        }
      }
      if (instance == taken.size()) {
        instance = known.size();
        known.push_back({c.memory_group, &memory, is_shared(c, memory)});
        const bool ported = !memory.ports.empty();
        result.instances.push_back(
            {.name = memory.name,
             .size = memory.size,
             .r_cost = memory.r_cost,
             .w_cost = memory.w_cost,
             .bandwidth_min = ported ? memory.ports.front().bandwidth_min : 0,
             .bandwidth_max = ported ? memory.ports.front().bandwidth_max : 0,
             .cores = {},
             .operands = memory.operands});
      }
      result.instances[instance].cores.push_back(core);
      for (MemoryOperand operand : memory.operands) {
        int& place =
            result.of_core[static_cast<std::size_t>(core)][static_cast<std::size_t>(operand)];
        place = static_cast<int>(instance);
      }
    }
  }
  return result;
}

double MultiCore::area() const {
  double sum = 0;
  std::vector<std::pair<int, const Memory*>> counted;
  for (std::size_t i = 0; i < cores.size(); ++i) {
    if (static_cast<int>(i) == offchip_core) continue;
    const Core& core = cores[i];
    sum += core.accelerator.area();
    std::vector<std::pair<int, const Memory*>> own;
    for (int m : top_memories(core.accelerator)) {
      const Memory& memory = core.accelerator.memories[static_cast<std::size_t>(m)];
      if (!is_shared(core, memory)) continue;
      own.emplace_back(core.memory_group, &memory);
      const bool again = std::any_of(counted.begin(), counted.end(), [&](const auto& other) {
        return other.first == core.memory_group && same_memory(*other.second, memory);
      });
      if (again) sum -= memory.area * static_cast<double>(core.accelerator.instances(m));
    }
    counted.insert(counted.end(), own.begin(), own.end());
  }
  return sum;
}

}  // namespace ridgeline::model
