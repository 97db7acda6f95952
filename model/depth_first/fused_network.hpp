// A network as depth-first inference sees it: layers and inputs, and how far each layer looks along
// the two axes of the maps that it reads (docs/depth-first.md).
//
// Sizes are elements. Axis 0 is x (loops named OX), axis 1 is y (OY), whatever order tensors have.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "model/core/layer.hpp"
#include "model/core/workload.hpp"

namespace ridgeline::model {

inline constexpr int kAxes = 2;

// How an operand follows from the loops of its layer along one axis: the layer's outputs
// [a, b) need its inputs [stride * a - padding, stride * (b - 1) - padding + reach).
struct AxisLink {
  int loop = -1;      // of the layer that walks the axis, place in Layer::dims; -1: none
  int relation = -1;  // place in Layer::relations; -1: the operand indexes `loop` itself
  std::int64_t stride = 1;
  std::int64_t reach = 1;    // extent of the filter: dilation * (taps - 1) + 1
  std::int64_t padding = 0;  // before the first element
  bool whole = false;        // every output needs all of the input along this axis
};

struct FusedInput {
  int operand = 0;          // place in Layer::operands
  int producer = 0;         // place in FusedNetwork::nodes
  double channels = 1;      // elements of the operand for each place of the map
  std::vector<int> also{};  // further producers of the same operand, of whose data it is made
  std::string unfusable;    // why the two cannot be in one stack; empty: they can
  std::array<AxisLink, kAxes> axis{};
};

struct FusedNode {
  int id = 0;  // of the workload's node; of inputs: -1 and below
  std::string name;
  std::string key;                            // "LayerNode_3": as the reference calls it
  std::optional<Layer> layer;                 // absent: an input
  std::vector<FusedInput> inputs;             // operands that nodes produce, in equation order
  std::array<int, kAxes> loop{-1, -1};        // of the output, place in Layer::dims
  std::array<std::int64_t, kAxes> map{1, 1};  // the whole output
  double channels = 1;                        // elements of the output for each place of the map
  std::int64_t precision = 8;                 // bits of a finished element
  std::vector<Relevance> classes;             // by operand, from the sizes that the input lists
  std::optional<int> weights;                 // place in Layer::operands
  std::int64_t count = 1;                     // how many times it runs
  int content = -1;  // equal numbers: layers that are mapped alike; -1: not known

  std::int64_t weight_bits() const;
  double bits() const;  // of the whole output
};

// Nodes in processing order: every producer stands before its readers.
struct FusedNetwork {
  std::vector<FusedNode> nodes;

  int node_index(int id) const;  // -1 where there is none
  // Places of the distinct readers of every node, in processing order.
  std::vector<std::vector<int>> readers() const;
};

// What lies between a layer and those whose data it reads, by ids.
struct Rearranged {
  int reader = 0;
  int operand = 0;             // of the reader
  std::vector<int> producers;  // ids; one or more
  std::string how;             // "Flatten", "Concat"
};

// The network of a workload whose nodes have layers (others are passed through). Each operand that
// no node produces and that is no weight reads an input of its own.
FusedNetwork fused_network(const Workload& workload,
                           const std::vector<Rearranged>& rearranged = {});

// Extent of a relation's data dimension, in the closed form that the reference has, truncated.
std::int64_t data_extent(const Layer& layer, int relation, std::int64_t first, std::int64_t second);

// What an operand that is constant is: weights, or an input of the network.
bool is_weight(const Layer& layer, int operand);

}  // namespace ridgeline::model
