// A whole network in stacks, tile after tile: what a way of fusing costs, and the best way.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "search/depth_first/tile_solver.hpp"

namespace ridgeline::search {

struct Tile {
  std::int64_t x = 0;
  std::int64_t y = 0;
};

struct FusionOptions {
  FusionRules rules;
  MapperOptions mapper;
  std::vector<Tile> tiles;        // empty: the best one is searched
  std::vector<Overlap> overlaps;  // ways to try
  bool search_overlap = false;    // the best of them for each stack; else each for all stacks
  bool search_stacks = false;     // the best cuts
  std::optional<std::vector<int>> cuts;  // ids after which a stack ends; absent: automatic
  bool references = true;                // cost what fusing is compared with, too
  TileSolver::ForEach for_each;
};

struct FusedStack {
  std::unique_ptr<model::Stack> stack;
  StackJob job;
  double lower_bound = 0;  // of the objective, where it was searched

  // The nodes' names: "conv1 .. conv4".
  std::string name() const;
};

// One way for the whole network.
struct FusionPoint {
  Tile tile;                       // as asked; 0: each stack has its own
  std::optional<Overlap> overlap;  // absent: each stack has its own
  std::vector<FusedStack> stacks;  // in processing order
  std::size_t infeasible = 0;      // stacks that are; the sums are of the others
  double energy = 0;               // pJ
  double latency = 0;              // cycles
  double latency_offloaded = 0;
  double copy_energy = 0;
  double copy_latency = 0;
  double mac_energy = 0;
  double memory_energy = 0;
  double macs = 0;

  void sum_up();
  model::Cost cost() const { return {energy, latency}; }
};

struct FusionResult {
  model::FusedNetwork network;
  std::vector<int> cuts;
  std::vector<FusionPoint> points;  // as asked: tiles, then ways of overlap
  std::size_t best = 0;             // of `points`
  bool proven = false;              // nothing in the space that was searched is better
  double lower_bound = 0;           // of the objective
  std::size_t considered = 0;       // stacks in their ways of tiling that were bounded or costed
  std::size_t costed = 0;           // of them, with every layer mapped
  // Of the objective edp: what the sequences of stacks cost that no other is nowhere worse than, by
  // energy; where they are many, those of the least products.
  std::vector<model::Cost> front;
  FusionPoint layer_by_layer;  // one tile: what fits stays on chip between layers
  FusionPoint single_layers;   // each layer a stack: all maps go through the outermost memory
  std::vector<std::string> notes;
  std::unique_ptr<FusionCore> core;
  std::unique_ptr<TileSolver> solver;  // owns what the points refer to
};

// Cuts that a fusion begins with. `fault`: which cut is wrong, and why.
std::vector<int> cuts_of(const model::FusedNetwork& network, const FusionCore& core,
                         const FusionOptions& options);

// The stacks between cuts, in order. Under the reference's rules an id of 0 counts as none.
std::vector<std::unique_ptr<model::Stack>> stacks_of(const model::FusedNetwork& network,
                                                     const std::vector<int>& cuts,
                                                     const FusionRules& rules);

// What every fusion begins with: no points yet. The accelerator and the mapping must outlive it.
// `references`: how what fusing is compared with is mapped.
FusionResult begin_fusion(model::FusedNetwork network, const model::Accelerator& accelerator,
                          const model::MappingSpec& mapping, const FusionOptions& options,
                          TileSolver::Effort references = TileSolver::Effort::full);

// Given tiles, ways of overlap and cuts, all of them.
FusionResult cost_fusions(model::FusedNetwork network, const model::Accelerator& accelerator,
                          const model::MappingSpec& mapping, const FusionOptions& options);

}  // namespace ridgeline::search
