// Which layers are fused with each other (docs/multicore.md, 1.5).
#include <algorithm>
#include <set>

#include "model/system/node_tiling.hpp"

namespace ridgeline::model {

namespace {

// Bits that a layer wants to keep on chip for as long as its stack runs.
std::int64_t weight_bits(const Layer& layer) {
  if (layer.constant_operands.empty()) return 0;
  const int operand = layer.operand_index(layer.constant_operands.front());
  return operand < 0 ? 0 : layer.operand_bits(operand);
}

std::vector<int> layer_ids(const Network& network) {
  std::vector<int> ids;
  for (const NetworkNode& node : network.nodes) {
    if (node.layer) ids.push_back(node.id);
  }
  std::sort(ids.begin(), ids.end());
  return ids;
}

std::vector<std::vector<int>> stacks_by_capacity(const Network& network,
                                                 const TilingOptions& options) {
  std::vector<std::vector<int>> stacks;
  std::vector<int> stack;
  std::int64_t bits = 0;
  bool overflown = false;
  const auto close = [&] {
    if (!stack.empty()) stacks.push_back(std::move(stack));
    stack.clear();
    bits = 0;
  };
  for (int id : layer_ids(network)) {
    const NetworkNode& node = network.nodes[static_cast<std::size_t>(network.node_index(id))];
    const std::int64_t more = weight_bits(*node.layer);
    if (overflown) {
      close();
    } else if (bits + more > options.weight_capacity) {
      close();
      overflown = options.stack_choice == StackChoice::single;
    }
    stack.push_back(id);
    bits += more;
  }
  close();
  return stacks;
}

// Stacks that end at the ids asked for; a stack whose weights do not fit ends earlier, and from
// there on, as after the last cut-off, every layer is alone.
std::vector<std::vector<int>> stacks_by_cutoffs(const Network& network,
                                                const TilingOptions& options) {
  std::vector<std::vector<int>> stacks;
  std::vector<int> stack;
  std::vector<int> cutoffs = options.stack_cutoffs;
  std::sort(cutoffs.begin(), cutoffs.end());
  std::size_t next = 0;
  std::int64_t bits = 0;
  for (int id : layer_ids(network)) {
    if (next < cutoffs.size() && id > cutoffs[next]) {
      while (next < cutoffs.size() && id > cutoffs[next]) ++next;
      if (!stack.empty()) stacks.push_back(std::move(stack));
      stack.clear();
      bits = 0;
    }
    const NetworkNode& node = network.nodes[static_cast<std::size_t>(network.node_index(id))];
    const std::int64_t more = weight_bits(*node.layer);
    if (bits + more > options.weight_capacity && !stack.empty()) {
      stacks.push_back(std::move(stack));
      stack.clear();
      next = cutoffs.size();
    }
    if (next < cutoffs.size()) {
      stack.push_back(id);
      bits += more;
    } else {
      if (!stack.empty()) stacks.push_back(std::move(stack));
      stack.clear();
      stacks.push_back({id});
    }
  }
  if (!stack.empty()) stacks.push_back(std::move(stack));
  return stacks;
}

}  // namespace

std::int64_t weight_capacity(const MultiCore& system) {
  std::int64_t bits = 0;
  for (std::size_t c = 0; c < system.cores.size(); ++c) {
    if (static_cast<int>(c) == system.offchip_core) continue;
    const auto& memories = system.cores[c].accelerator.memories;
    for (auto memory = memories.rbegin(); memory != memories.rend(); ++memory) {
      const auto& operands = memory->operands;
      if (std::find(operands.begin(), operands.end(), MemoryOperand::I2) == operands.end()) {
        continue;
      }
      bits += memory->size;
      break;
    }
  }
  return bits;
}

std::vector<std::vector<int>> choose_stacks(const Network& network, const TilingOptions& options) {
  std::vector<std::vector<int>> stacks;
  if (options.semantics == Semantics::v2023) {
    stacks.push_back(layer_ids(network));  // there are no stacks: all layers interleave
  } else if (options.mode == ScheduleMode::layer_by_layer) {
    for (int id : layer_ids(network)) stacks.push_back({id});
  } else if (options.stacks) {
    stacks = *options.stacks;
    std::set<int> mentioned;
    for (const auto& stack : stacks) mentioned.insert(stack.begin(), stack.end());
    for (int place : network.topological_order()) {
      const int id = network.nodes[static_cast<std::size_t>(place)].id;
      if (!mentioned.contains(id)) stacks.push_back({id});
    }
  } else if (!options.stack_cutoffs.empty()) {
    stacks = stacks_by_cutoffs(network, options);
  } else {
    stacks = stacks_by_capacity(network, options);
  }
  for (auto& stack : stacks) {
    std::erase_if(stack, [&](int id) {
      const int place = network.node_index(id);
      return place < 0 || !network.nodes[static_cast<std::size_t>(place)].layer;
    });
  }
  return stacks;
}

}  // namespace ridgeline::model
