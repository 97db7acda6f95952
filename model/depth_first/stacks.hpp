// Cutting a network into stacks of layers that are computed together, tile after tile.
#pragma once

#include <string>
#include <vector>

#include "model/core/accelerator.hpp"
#include "model/depth_first/fused_network.hpp"

namespace ridgeline::model {

// Largest pieces of a network between places where only one map is alive: lists of nodes, in
// processing order. A block with a branch that joins again is one piece.
std::vector<std::vector<int>> indivisible_units(const FusedNetwork& network);

// Ids of nodes after which a stack ends, so that the weights of each stack fit `weight_bits`
// together where they can.
std::vector<int> automatic_cuts(const FusedNetwork& network, double weight_bits);

struct Stack {
  FusedNetwork network;  // its own copy; new inputs stand for what other stacks have produced
  // By node, as `network` says: readers, and bits of the weights.
  std::vector<std::vector<int>> readers;
  std::vector<double> weight_bits;
  int last = 0;       // place of the node that gives its output
  std::string fault;  // why there is none; empty: the rest is set
};

// The nodes that `end` needs and that are neither `begin` nor needed by it; ids, where
// std::nullopt stands for the begin and the end of the network. Readers of what lies before get
// inputs of their own.
Stack cut_stack(const FusedNetwork& network, std::optional<int> begin, std::optional<int> end);

// The layers `first` to `last` (places in the network). What they read from elsewhere are inputs of
// the stack, of the whole size that their producers have.
Stack layers_as_stack(const FusedNetwork& network, int first, int last);

}  // namespace ridgeline::model
