// What a stack costs: every kind of tile once, each layer of it mapped on what is left of the core,
// with the copies of data before it.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include <boost/container/small_vector.hpp>

#include "model/core/hierarchy.hpp"
#include "model/depth_first/copies.hpp"
#include "model/depth_first/core_2022.hpp"
#include "search/depth_first/stack_plan.hpp"
#include "search/depth_first/tile_table.hpp"
#include "search/mapping/layer_bound.hpp"

namespace ridgeline::search {

struct TileFrame;

// One layer of one kind of tile, to be mapped.
struct TileProblem {
  const model::FusedNode* node = nullptr;
  const TileKind* kind = nullptr;
  std::size_t place = 0;  // of the node in its stack
  // By operand: outermost memory that it may use; -1: all of its link's.
  std::array<int, model::kMaxOperands> top{};
  std::vector<double> reserved;      // bits by memory that others hold; empty: none
  const TileFrame* frame = nullptr;  // of ours; null: made where it is needed
  // Once it is complete:
  std::vector<model::OperandPlaces> places;  // by operand
  model::Layer layer;                        // with the tile's sizes
};

// By content: equal keys have equal results under the same options, of one core. Nodes must have
// their `content`.
void key_of(const TileProblem& problem, TileKey& key);
void free_key_of(const TileProblem& problem, TileKey& key);  // without what others hold

// What layer-tiles of one layer on the same memories have in common, apart from what others hold.
struct TileFrame {
  std::shared_ptr<const model::Accelerator> own;  // where both inputs are maps
  const model::Accelerator* accelerator = nullptr;
  model::Hierarchy hierarchy;
  model::MappingEntry entry;
};
class TileFrames {
 public:
  explicit TileFrames(const FusionCore& core) : core_(core) {}
  // Lives as long as this.
  const TileFrame* of(const TileProblem& problem);

 private:
  const FusionCore& core_;
  std::unique_ptr<std::mutex> mutex_ = std::make_unique<std::mutex>();
  std::map<TileKey, TileFrame> known_;
};
// Fills in what keys do not need.
void complete(TileProblem& problem, const FusionCore& core, const FusionRules& rules);

LayerResult map_tile(const TileProblem& problem, const FusionCore& core, const FusionRules& rules,
                     const MapperOptions& options);

// Energy and latency of ours that no mapping stays below, each on its own.
struct TileBound {
  model::Cost least{0, 0};
  bool fits = false;     // some mapping does, for certain
  bool possible = true;  // false: none does
};
TileBound bound_tile(const TileProblem& problem, const FusionCore& core,
                     const MapperOptions& options, const BoundOptions& how);

// The same of a layer-tile of which `reserved` is empty: it has the memories to itself. No less
// whatever others hold.
struct FreeBound {
  TileBound bound;
  // By memory: with so many bits left in each, something fits for certain; empty: not known.
  boost::container::small_vector<double, 6> room;

  bool certain(const TileProblem& problem, const FusionCore& core) const;
};
FreeBound bound_free_tile(const TileProblem& problem, const FusionCore& core,
                          const MapperOptions& options, const BoundOptions& how);

// What is known of a problem.
struct TileFigures {
  bool known = false;
  const char* fault = nullptr;  // why nothing fits
  model::Cost cost{0, 0};       // of ours with the final offloading; of `defines` without
  double latency_offloaded = 0;
  double mac_energy = 0;
  double memory_energy = 0;
  double macs = 0;
  bool optimal = false;                 // cost is proven; of bounds: something fits
  const LayerResult* mapped = nullptr;  // all of it; of bounds: none
};
using TileLookup = std::function<TileFigures(const TileProblem& problem)>;

struct TileNode {
  int node = 0;                         // place in the stack's network
  model::CopyLayer copies;              // before it
  const LayerResult* mapped = nullptr;  // of layers; owned by who looked it up
  std::vector<int> top;  // by operand: outermost memory that it uses; inputs: where they wait
  int raised = 0;        // attempts that failed before it fitted
};

struct TileCost {
  double energy = 0;             // pJ, of one tile
  double latency = 0;            // cycles
  double latency_offloaded = 0;  // of `defines`: with the final offloading of each layer
  double copy_energy = 0;
  double copy_latency = 0;
  double mac_energy = 0;
  double memory_energy = 0;
  double macs = 0;
  std::vector<TileNode> nodes;  // in processing order
};

struct StackCost {
  bool known = true;            // false: some lookups gave nothing; figures mean nothing
  std::string infeasible;       // which layer, why
  std::vector<TileCost> tiles;  // as StackPlan::kinds
  double energy = 0;            // all tiles
  double latency = 0;
  double latency_offloaded = 0;
  double copy_energy = 0;
  double copy_latency = 0;
  double mac_energy = 0;
  double memory_energy = 0;
  double macs = 0;
  std::vector<double> peak;  // bits by memory, at most at a time
  bool optimal = true;       // every layer-tile is proven
  std::size_t summed = 0;    // kinds of tiles that are in the sums
  bool beyond = false;       // they passed the limit: what is left was not looked at
};

// Sums that are worth no further look.
struct CostLimit {
  model::Cost weight{0, 0};
  double value = std::numeric_limits<double>::infinity();  // of the weighted sum

  double of(const model::Cost& cost) const {
    return weight.energy * cost.energy + weight.latency * cost.latency;
  }
  // Whether the sums pass it with so many more tiles of a kind, as far as they are looked at.
  bool passed(const StackCost& cost, const TileCost& tile, double count) const;
};

StackCost cost_stack(const FusionCore& core, const model::Stack& stack, const StackPlan& plan,
                     const FusionRules& rules, const TileLookup& lookup);

// Goes on with sums alone: adds kinds of tiles from `cost.summed` on, as far as what they ask for
// is known, or until the limit is passed.
void add_kinds(const FusionCore& core, const model::Stack& stack, const StackPlan& plan,
               const FusionRules& rules, const TileLookup& lookup, const CostLimit& limit,
               StackCost& cost);

}  // namespace ridgeline::search
