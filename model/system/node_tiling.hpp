// From layers to computation nodes: which layers are fused, into how many pieces each is cut,
// and the exact loop ranges and data of every piece (docs/multicore.md, 1.5 and section 2).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "model/system/cn_graph.hpp"
#include "model/system/core_mapping.hpp"
#include "model/system/multicore.hpp"
#include "model/system/network.hpp"

namespace ridgeline::model {

// Nodes that indices, memory and patience allow; more are refused.
inline constexpr std::int64_t kMaxNodes = 500'000;

enum class ScheduleMode : std::uint8_t { fused, layer_by_layer };
enum class Semantics : std::uint8_t { v2025, v2023 };  // docs/multicore.md, 8

// How stacks are chosen where none are given.
enum class StackChoice : std::uint8_t {
  single,  // one stack until its weights exceed the cores' memories; every later layer alone
  packed,  // as long as weights fit, then the next stack begins
};

struct TilingOptions {
  ScheduleMode mode = ScheduleMode::fused;
  Semantics semantics = Semantics::v2025;
  std::optional<std::vector<std::vector<int>>> stacks;  // of node ids
  StackChoice stack_choice = StackChoice::single;
  std::vector<int> stack_cutoffs;  // last id of each stack; what comes after is alone
  // Bits of weights that fit on chip: decides where a stack ends. See weight_capacity().
  std::int64_t weight_capacity = 0;
  // The reference enlarges a loop to a multiple of its intra-core factor even where the layer is
  // alone, and so not cut at all.
  bool enlarge_uncut = true;
  // Intra-core tilings that replace the mapping's, by node id.
  std::vector<std::pair<int, std::vector<TilingRequest>>> intra;
};

// Bits of the top memories for weights, summed over all cores but the off-chip one.
std::int64_t weight_capacity(const MultiCore& system);

// Stacks of layer ids as the scheduler uses them: a layer is in exactly one, nodes without cost
// are in none (stacks may therefore be empty).
std::vector<std::vector<int>> choose_stacks(const Network& network, const TilingOptions& options);

// The loop of `layer` that walks the same output axis, counted from the last, as `dim` does in
// a convolution: tells OY=4 for a ReLU. -1 where there is none.
int tiling_dim(const Layer& layer, const std::string& dim);

// Why a tiling cannot be used; empty: it can.
struct TilingFault {
  int node_id = -1;
  std::string problem;
  std::string remedy;
  explicit operator bool() const { return !problem.empty(); }
};

// Layers, nodes, ranges, tensors and stacks of `graph`; no edges yet. `original` receives each
// layer's loop sizes as the network gives them.
TilingFault tile_network(const Network& network, const CoreMapping& mapping,
                         const TilingOptions& options, CnGraph& graph,
                         std::vector<std::vector<std::int64_t>>& original);

struct CnGraphResult {
  CnGraph graph;
  TilingFault problem;  // set: the graph is not usable
};

// The complete graph. Every node of the network that has a layer needs a mapping entry.
CnGraphResult build_cn_graph(const Network& network, const CoreMapping& mapping,
                             const TilingOptions& options);

}  // namespace ridgeline::model
