// What a scheduler needs of a graph and a system, as flat arrays: compiled once, evaluated for
// every allocation (docs/multicore.md, section 5).
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "model/system/cn_graph.hpp"
#include "model/system/multicore.hpp"

namespace ridgeline::model {

// An operand of a node that is streamed from or to off-chip memory while the node runs.
struct StreamedOperand {
  MemoryOperand operand = MemoryOperand::O;
  double bandwidth = 0;  // bits a cycle on the route to or from off-chip
};

// What running a node costs on one core.
struct NodeCost {
  bool known = false;  // false: the core cannot run the node
  double runtime = 0;  // cycles; may be fractional
  double mac_energy = 0;
  double onchip_energy = 0;   // MACs included
  double offchip_energy = 0;  // of the streamed operands in the off-chip memory
  double ideal_cycles = 0;    // without stalls and loading
  int streamed_count = 0;
  std::array<StreamedOperand, kMaxOperands> streamed{};  // in the cost model's order
};

// One row a unique node, one column a core.
struct NodeCostTable {
  int cores = 0;
  std::vector<NodeCost> costs;

  NodeCost& at(int unique, int core) {
    return costs[static_cast<std::size_t>(unique) * static_cast<std::size_t>(cores) +
                 static_cast<std::size_t>(core)];
  }
  const NodeCost& at(int unique, int core) const {
    return const_cast<NodeCostTable*>(this)->at(unique, core);
  }
};

// Which of the nodes that may run next is taken.
enum class NodePriority : std::uint8_t {
  order,    // the first in the static order
  latency,  // the one that was ready first; ties by layer and sub id
  memory,   // the deepest layer, and of it the last node
};

// How a schedule is made. The defaults are those of 2025; semantics_2023() sets all others.
struct ScheduleSemantics {
  NodePriority priority = NodePriority::order;
  bool needed_by_size = false;   // operands are fetched smallest first, not oldest layer first
  bool parts_of_tensors = true;  // a node that needs a part of a tensor fetches the part
  // Parts are what a node's window meets, axis by axis, and where the tensor is not off-chip all of
  // it is fetched. Else they go by the names of loops, and there is no schedule then.
  bool true_parts = false;
  bool layer_barrier = true;        // a layer whose producers are all done starts on idle cores
  bool bandwidth_shares = true;     // slices of a layer share links: each takes its fraction
  bool fetch_ahead = true;          // operands may be fetched before the core is idle
  bool fifo_links = false;          // a link serves one transfer after the other, in full
  bool just_in_time = false;        // of these, transfers wait until they are needed (June 2023)
  bool first_holder = false;        // data comes from the first core that has it, not from the
                                    // one that has had it the longest
  bool exclusive_blocks = false;    // streaming blocks its links entirely
  bool sinks_by_node = false;       // nodes without successors write back, tiled layers too
  bool sender_write_width = false;  // words written are as wide as the sender's port
  // Liberties that the scheduler of 2025 takes (false: as it does).
  bool causal_write_back = false;  // write-backs do not start before they are decided
  bool honest_streaming = false;   // streaming beyond a link's bandwidth takes longer
  // Storing checks the memory at every instant; nodes wait for all that they read, and nothing
  // leaves while it is read or on its way.
  bool checked_capacity = false;

  static ScheduleSemantics semantics_2023();       // of its first months: laboratory 4
  static ScheduleSemantics semantics_2023_june();  // the chips
  // Without the three liberties.
  ScheduleSemantics strict() const;
};

struct ScheduleOptions {
  ScheduleSemantics semantics;
  std::vector<std::string> prefetch;  // constant operands loaded before the start, e.g. "W"
};

struct ScheduleProblem {
  struct Need {
    std::int32_t tensor = 0;
    std::int32_t part = -1;  // of `parts`, where the node needs less than the whole
    MemoryOperand operand = MemoryOperand::I1;  // under which the node stores it
    bool constant = false;
  };
  struct Node {
    std::int32_t slot = 0;
    std::int32_t unique = 0;
    std::int32_t layer = 0;
    std::int32_t output = 0;                                           // tensor
    std::array<std::int32_t, kMemoryOperands> own_tensor{-1, -1, -1};  // by memory operand
    std::uint32_t need_begin = 0;  // `needs`, in the order of fetching
    std::uint32_t need_end = 0;
    bool barrier = false;
    bool writes_back = false;  // its output leaves for off-chip memory
  };
  struct Layer {
    double share = 1;             // of a link's bandwidth: 1 / inter-core factor
    std::uint8_t constants = 0;   // bit: memory operand of a (partly) constant operand
    std::int32_t first_slot = 0;  // one slot a group
    std::int32_t groups = 1;
  };
  // A tensor counts its remaining uses per memory: `count` more on the memory for `operand` of
  // the core in `slot`.
  struct Use {
    std::int32_t slot = 0;
    std::int32_t count = 0;
    MemoryOperand operand = MemoryOperand::I1;
  };
  struct Tensor {
    std::int64_t bits = 0;
    std::int32_t origin = 0;  // node
    std::uint32_t use_begin = 0;
    std::uint32_t use_end = 0;
    MemoryOperand operand = MemoryOperand::O;  // its own
    bool constant = false;                     // uses are set, not added up
  };
  struct Part {
    std::int32_t parent = 0;
    std::int32_t key = 0;  // equal for equal ranges; counts on from the tensors
    std::int64_t bits = 0;
    std::vector<Range> ranges;  // per index of the parent's operand
  };
  struct Prefetch {
    std::int32_t node = 0;
    std::int32_t tensor = 0;
    MemoryOperand operand = MemoryOperand::I2;
  };

  const CnGraph* graph = nullptr;  // outlives the problem
  ScheduleSemantics semantics;
  Interconnect interconnect;
  TopMemories memories;
  int cores = 0;
  int offchip_core = 0;
  NodeCostTable costs;

  std::vector<Node> nodes;
  std::vector<Layer> layers;
  std::vector<Need> needs;
  std::vector<Tensor> tensors;
  std::vector<Use> uses;
  std::vector<Part> parts;
  int keys = 0;                       // tensors and distinct parts
  std::vector<std::int32_t> initial;  // tensors that are off-chip at time 0, in order
  std::vector<Prefetch> prefetch;
  // The order in which nodes are taken where it does not depend on the allocation; else empty.
  std::vector<std::int32_t> order;
  std::vector<std::uint32_t> successor_begin;  // nodes of other layers that read the output
  std::vector<std::int32_t> successors;
  int slots = 0;
  std::vector<std::int32_t> slot_layer;
};

// The core of each slot, and whether its nodes' runtimes are cut to whole cycles, as they are
// where a search chose the core (docs/multicore.md, 4.4).
struct Allocation {
  std::vector<int> core;
  std::vector<bool> whole_cycles;
};

// Compiles a graph for a system. `costs` has a row for each of the graph's unique nodes.
ScheduleProblem compile_schedule(const CnGraph& graph, Interconnect interconnect,
                                 TopMemories memories, int offchip_core, NodeCostTable costs,
                                 const ScheduleOptions& options);

}  // namespace ridgeline::model
