#include "model/core/hierarchy.hpp"

#include <algorithm>

namespace ridgeline::model {

namespace {

std::size_t at(MemoryOperand operand) {
  return static_cast<std::size_t>(operand);
}

// Adds the ports that serve any of the memory's operands, each with its functions in the
// order that decides ties in the loading rule (docs/model.md, 2.3).
void add_ports(const Memory& memory, HierarchyMemory& entry) {
  struct Pair {
    MemoryOperand operand;
    Direction direction;
    int port;  // the last port that lists the pair serves it
  };
  std::vector<Pair> pairs;
  for (std::size_t p = 0; p < memory.ports.size(); ++p) {
    for (const auto& function : memory.ports[p].allocation) {
      const auto it = std::find_if(pairs.begin(), pairs.end(), [&](const Pair& pair) {
        return pair.operand == function.first && pair.direction == function.second;
      });
      if (it == pairs.end()) {
        pairs.push_back({function.first, function.second, static_cast<int>(p)});
      } else {
        it->port = static_cast<int>(p);
      }
    }
  }
  for (std::size_t p = 0; p < memory.ports.size(); ++p) {
    HierarchyPort port{static_cast<int>(p), {}};
    for (MemoryOperand operand : entry.operands) {
      for (const Pair& pair : pairs) {
        if (pair.operand == operand && pair.port == static_cast<int>(p)) {
          port.functions.push_back({operand, entry.level[at(operand)], pair.direction});
        }
      }
    }
    if (!port.functions.empty()) entry.ports.push_back(std::move(port));
  }
}

}  // namespace

Hierarchy build_hierarchy(const Accelerator& accelerator,
                          const std::vector<std::vector<MemoryOperand>>& kept) {
  Hierarchy hierarchy;
  auto& memories = hierarchy.memories;
  for (std::size_t m = 0; m < accelerator.memories.size(); ++m) {
    if (kept[m].empty()) continue;
    HierarchyMemory entry;
    entry.memory = static_cast<int>(m);
    entry.operands = kept[m];
    for (MemoryOperand operand : entry.operands) {
      entry.level[at(operand)] = static_cast<int>(std::count_if(
          memories.begin(), memories.end(),
          [&](const HierarchyMemory& lower) { return lower.level[at(operand)] >= 0; }));
    }
    add_ports(accelerator.memories[m], entry);
    memories.push_back(std::move(entry));
  }

  // Edges: from the earlier memories of an operand that have the largest rank among those.
  const auto rank = [](const HierarchyMemory& memory) {
    return *std::max_element(memory.level.begin(), memory.level.end());
  };
  const std::size_t count = memories.size();
  std::vector<std::vector<int>> successors(count);
  std::vector<int> waiting(count, 0);
  hierarchy.has_lower_memory.assign(count, false);
  for (std::size_t m = 0; m < count; ++m) {
    for (MemoryOperand operand : memories[m].operands) {
      int highest = -1;
      for (std::size_t lower = 0; lower < m; ++lower) {
        if (memories[lower].level[at(operand)] >= 0) {
          highest = std::max(highest, rank(memories[lower]));
        }
      }
      for (std::size_t lower = 0; lower < m; ++lower) {
        if (memories[lower].level[at(operand)] < 0 || rank(memories[lower]) != highest) continue;
        auto& list = successors[lower];
        if (std::find(list.begin(), list.end(), static_cast<int>(m)) == list.end()) {
          list.push_back(static_cast<int>(m));
          ++waiting[m];
        }
        hierarchy.has_lower_memory[m] = true;
      }
    }
  }
  for (std::size_t m = 0; m < count; ++m) {
    if (waiting[m] == 0) hierarchy.topological_order.push_back(static_cast<int>(m));
  }
  for (std::size_t next = 0; next < hierarchy.topological_order.size(); ++next) {
    for (int s : successors[static_cast<std::size_t>(hierarchy.topological_order[next])]) {
      if (--waiting[static_cast<std::size_t>(s)] == 0) hierarchy.topological_order.push_back(s);
    }
  }
  for (int m : hierarchy.topological_order) {
    for (MemoryOperand operand : memories[static_cast<std::size_t>(m)].operands) {
      hierarchy.levels[at(operand)].push_back(m);
    }
  }
  return hierarchy;
}

Hierarchy build_hierarchy(const Accelerator& accelerator) {
  std::vector<std::vector<MemoryOperand>> kept;
  kept.reserve(accelerator.memories.size());
  for (const Memory& memory : accelerator.memories) kept.push_back(memory.operands);
  return build_hierarchy(accelerator, kept);
}

}  // namespace ridgeline::model
