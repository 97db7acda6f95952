// A network lowered for multi-core scheduling: layers, the operators that only move data
// between them, and which output feeds which input (docs/multicore.md, 1.4).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "model/core/layer.hpp"

namespace ridgeline::model {

// Operators without cost of their own.
enum class Movement : std::uint8_t {
  none,  // transparent: dependencies pass through unchanged
  transpose,
  reshape,
  flatten,
  gather,
  split,
  slice,
  concat,            // of inputs that nodes produce
  concat_constant,   // one constant input
  generated_split,   // hands one step of a recurrence to its nodes
  generated_concat,  // collects the steps
  opaque,            // anything else: each part of the result may need all of the data
};

struct Moving {
  Movement kind = Movement::none;
  int axis = 0;                         // may be negative: from the last axis
  std::vector<int> permutation{};       // transpose; empty: the document gives none
  std::vector<std::int64_t> shape{};    // reshape, generated_concat: of the output
  std::vector<std::int64_t> indices{};  // gather
  bool scalar_index = false;            // gather: the axis disappears
  std::vector<std::int64_t> sizes{};  // split: of each output along the axis; concat: of each input
  std::int64_t start = 0;             // slice
  std::int64_t end = 0;
  std::int64_t step = 1;
  std::int64_t constant_extent = 0;  // concat_constant: of the constant along the axis
};

struct NetworkInput {
  int node = 0;    // place in Network::nodes
  int output = 0;  // which of its outputs
};

struct NetworkNode {
  int id = 0;
  std::string name;
  std::string operator_type;         // as the mapping file names it: "Conv", "MaxPool", ...
  std::string type;                  // lower case kind of a layer: "conv", "pooling", ...
  std::optional<Layer> layer;        // absent: `moving` says what happens to the data
  std::vector<NetworkInput> inputs;  // those that other nodes produce, input order
  Moving moving;

  // Steps of an unrolled recurrence: node of step 0, step, number of steps.
  std::optional<int> base_id;
  int generation = -1;
  int generations = 1;
  // Operands that other nodes produce and that also wait off-chip from the start.
  std::vector<std::string> partly_constant;
  double cycles_per_op = 1;
  // Whether the layer's loops over its operands are the axes of the tensors; else its tiles are
  // taken to depend on all of what they read, and all that reads them on all tiles.
  bool exact = true;
};

struct Network {
  std::string name;
  std::vector<NetworkNode> nodes;  // definition order; inputs refer to earlier nodes only

  int node_index(int id) const;  // -1 where there is none
  // Places in `nodes` by generations, successors in the order in which they are met.
  std::vector<int> topological_order() const;
};

}  // namespace ridgeline::model
