// The fine-grained graph of a tiled network: computation nodes, the tensors they read and
// write, and who waits for whom (docs/multicore.md, sections 2 and 3).
//
// Flat arrays and indices, built once and then only read: memory is linear in nodes and edges.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "model/core/accelerator.hpp"
#include "model/core/layer.hpp"
#include "model/core/limits.hpp"

namespace ridgeline::model {

// Half-open.
struct Range {
  std::int64_t lo = 0;
  std::int64_t hi = 0;
  std::int64_t length() const { return hi - lo; }
  bool operator==(const Range&) const = default;
};

struct TilingLoop {
  int dim = 0;  // place in Layer::dims
  std::int64_t factor = 1;
};

// What all computation nodes of a layer have in common.
struct CnLayer {
  int id = 0;
  int base_id = 0;      // = id, except for the steps of an unrolled recurrence
  int generation = -1;  // step of the recurrence; -1: none
  int generations = 1;  // steps there are
  std::string name;
  std::string type;  // lower case: "conv", "pooling", "gemm", "add", ...
  Layer whole;       // loop sizes as enlarged by non-dividing intra-core factors
  Layer tile;        // one node, as the cost model is to see it
  double cycles_per_op = 1;
  std::int64_t operations = 0;                  // iterations of the loops as the network gives them
  std::vector<ArrayDimUnroll> spatial_mapping;  // on cores without a dataflow of their own

  std::vector<MemoryOperand> memory_operand;  // of each of whole.operands
  std::vector<int> constant_operands;         // places in whole.operands, document order
  std::vector<int> partly_constant_operands;  // start off-chip too, though they have edges
  // Bits of one node's operands as the single-core model counts them: clipped to the feature
  // map, the output at partial-sum precision.
  std::vector<std::int64_t> tile_operand_bits;

  std::vector<TilingLoop> intra;  // effective, document order
  std::vector<TilingLoop> inter;
  std::int64_t intra_tiles = 1;  // product of the factors
  std::int64_t inter_tiles = 1;
  std::vector<TilingLoop> outer;  // loops over nodes, fastest first
  std::vector<int> cores;         // candidates, document order
  int stack = 0;                  // place in CnGraph::stacks
  bool alone = false;             // in its stack: its operands are streamed from off-chip
  bool sink = false;              // none of its nodes has a successor

  int first_node = 0;  // the layer's nodes are consecutive, by sub id
  int node_count = 0;
  int groups = 1;
  std::size_t first_range = 0;  // in CnGraph::ranges
  int range_count = 0;          // a node: loop dimensions, then relations
};

struct CnNode {
  std::int32_t layer = 0;  // place in CnGraph::layers
  std::int32_t sub_id = 0;
  std::int32_t group = 0;
  std::int32_t unique = 0;             // place in CnGraph::unique_nodes: performs like that one
  std::int32_t order = 0;              // place in CnGraph::order
  std::int32_t real_predecessors = 0;  // nodes of other layers
  // Tensor of each operand of the layer (place in CnGraph::tensors); -1: no such operand.
  std::array<std::int32_t, kMaxOperands> tensor{-1, -1, -1};
  bool final_output = false;       // its outputs are finished, not partial sums
  std::int64_t produced_bits = 0;  // of its output, at final precision
};

// Data that nodes read or write. Nodes of a layer that read the same ranges share one.
struct CnTensor {
  std::int32_t origin = 0;   // first node that has it; its ranges are that node's
  std::int32_t operand = 0;  // place in the operands of the origin's layer
  std::int64_t bits = 0;     // halo and padding included
  std::int64_t base_priority = 0;
};

struct CnEdge {
  std::int32_t node = 0;      // the one at the other end
  std::int32_t operand = -1;  // of the consumer; -1: order within a layer and group only
  std::int64_t bits = 0;      // the producer's whole output; 0 where operand is -1
};

// Layers whose data lie axis beside axis: the producer's output as an operand of the consumer.
struct AlignedPair {
  std::int32_t producer = 0;  // places in CnGraph::layers
  std::int32_t consumer = 0;
  std::int32_t operand = 0;  // of the consumer
  auto operator<=>(const AlignedPair&) const = default;
};

struct CnGraph {
  std::vector<CnLayer> layers;    // topological order
  std::vector<CnNode> nodes;      // layer by layer, by sub id
  std::vector<CnTensor> tensors;  // by first use
  std::vector<Range> ranges;
  // Edges by consumer and by producer; each list ascending by (layer id, sub id).
  std::vector<std::uint32_t> predecessor_begin;  // nodes.size() + 1
  std::vector<CnEdge> predecessors;
  std::vector<std::uint32_t> successor_begin;
  std::vector<CnEdge> successors;

  std::vector<std::vector<int>> stacks;  // layer ids; may hold empty ones
  std::vector<std::int32_t> order;       // nodes in the static order of scheduling
  std::vector<std::int32_t> unique_nodes;
  std::vector<AlignedPair> aligned;  // sorted

  std::span<const CnEdge> predecessors_of(int node) const {
    const auto n = static_cast<std::size_t>(node);
    return {predecessors.data() + predecessor_begin[n],
            predecessors.data() + predecessor_begin[n + 1]};
  }
  std::span<const CnEdge> successors_of(int node) const {
    const auto n = static_cast<std::size_t>(node);
    return {successors.data() + successor_begin[n], successors.data() + successor_begin[n + 1]};
  }
  // Loop dimensions of the layer, then its relations, in their declared order.
  std::span<const Range> ranges_of(int node) const {
    const CnNode& n = nodes[static_cast<std::size_t>(node)];
    const CnLayer& l = layers[static_cast<std::size_t>(n.layer)];
    return {ranges.data() + l.first_range +
                static_cast<std::size_t>(n.sub_id) * static_cast<std::size_t>(l.range_count),
            static_cast<std::size_t>(l.range_count)};
  }
  const CnLayer& layer_of(int node) const {
    return layers[static_cast<std::size_t>(nodes[static_cast<std::size_t>(node)].layer)];
  }
  // Range of one index of an operand (place in LayerOperand::indices) at a node.
  Range operand_range(int node, int operand, int index) const;
  // Multiply-accumulates of a node, padded work included: those the cost model charges.
  std::int64_t tile_macs(int node) const;
  // Those of them that lie within the layer's own loops.
  std::int64_t real_macs(int node) const;
};

}  // namespace ridgeline::model
