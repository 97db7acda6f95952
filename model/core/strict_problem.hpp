// What the strict model of a core knows of a compiled problem besides (docs/strict-model.md): how
// many elements the tiles really have, those at the edges included, and what optional parameters of
// the accelerator say.
//
// Nothing here depends on the temporal loops' order. Sizes are in elements, counts in whole numbers
// held in doubles.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "model/core/problem.hpp"
#include "model/core/strict_requests.hpp"

namespace ridgeline::model {

inline constexpr int kMaxRagged = 6;  // loops that their unrollings do not divide
inline constexpr int kMaxEdges = 6;   // sizes of the last round, over the units

// So many tiles of so many elements.
struct TileCount {
  double size = 0;
  double count = 0;
};

// A loop of N iterations over U units in ceil(N / U) rounds, the last of which leaves units idle,
// as one memory level of an operand sees it.
struct RaggedLevel {
  double inner = 1;  // units that one instance serves along this loop
  double outer = 1;  // instances along this loop
  // The last round: so many instances of whose units so many work. Instances of which none does
  // are left out.
  std::array<TileCount, kMaxEdges> last{};
  int last_count = 0;
  double last_instances = 0;  // their sum
  double last_largest = 0;    // working units of the fullest instance
};

struct RaggedLoop {
  int dim = 0;
  double size = 1;    // N
  double rounds = 1;  // ceil(N / U)
  std::array<std::array<RaggedLevel, kMaxLevels>, kMaxOperands> level;
};

// Of one sliding window (a DimRelation) with given loops inside a tile: places in
// SlidingTable::pool.
struct SlidingTiles {
  std::uint32_t begin = 0;  // tiles of all instances, by size
  std::uint32_t end = 0;
  std::uint32_t time_end = 0;  // from `end`: the largest among the instances at a time
  double largest = 0;
  std::int32_t rounds = -1;  // place in SlidingTable::by_round; -1: all tiles are alike
  // Instances have tiles of their own in by_round; which they work on together depends on the
  // order of loops. The sizes at a time are the largest then.
  bool spread = false;
  std::uint32_t second_rounds = 1;
};

struct SlidingTable {
  // Products that temporal loops of each of the two dimensions can have.
  std::array<std::vector<double>, 2> divisors;
  std::vector<SlidingTiles> tiles;  // [first divisor][second divisor]
  std::vector<TileCount> pool;
  std::vector<double> by_round;  // [first round or tile][second]: elements of the largest tile
};

struct Instances {
  std::array<double, kMaxLevels + 1> at{1, 1, 1, 1, 1, 1, 1, 1, 1};
};

// One memory level of one operand.
struct StrictLevel {
  // Over loops that their unrollings divide, those of sliding windows left out.
  double relevant_inner = 1;    // units that one instance serves: elements side by side
  double relevant_outer = 1;    // instances with different elements
  double irrelevant_outer = 1;  // instances with the same
  double reduced_outer = 1;     // all unrollings beyond that are irrelevant to the operand
  std::array<std::int8_t, kDirections> port{-1, -1, -1, -1};  // places in Problem::port
  std::array<Divisor, kDirections> word{};                    // bits
  // Places in StrictProblem::requests; -1: a tile goes in words.
  std::array<std::int8_t, kDirections> requests{-1, -1, -1, -1};
  std::array<double, kDirections> row_inner{1, 1, 1, 1};  // relevant_inner along their rows
  double latency = 0;    // cycles that data takes to come, beyond the first
  bool reloads = false;  // tiles are loaded anew with every iteration of the loops above
  std::array<std::int16_t, kMaxRelations> table{-1, -1, -1, -1};  // of StrictProblem::tables
  // Instances along each dimension of a relation, by the memory level that serves them together
  // (kMaxLevels: none): there they lie among the dimension's loops. 1 where the unrolling does not
  // divide the dimension.
  std::array<std::array<Instances, 2>, kMaxRelations> instances{};
};

struct StrictProblem {
  std::array<std::array<StrictLevel, kMaxLevels>, kMaxOperands> level;
  std::array<RaggedLoop, kMaxRagged> ragged;
  int ragged_count = 0;
  std::array<std::int8_t, kMaxDims> ragged_place{};    // -1: the unrolling divides it
  std::array<double, kMaxOperands> relevant_rounds{};  // product over divided relevant loops
  std::vector<SlidingTable> tables;
  std::vector<StrictRequests> requests;
  double skew = 0;                          // cycles that results take through a systolic array
  double post_processing = 0;               // finished outputs a cycle; 0: any
  int post_level = 0;                       // memory level of the output that takes them in
  std::array<bool, kMaxMemories> forced{};  // double buffering is built in
  std::array<int, kMaxMemories> output_buffers{};
  double walked_in_full = 4096;  // iterations up to which nothing is extrapolated
};

// As convert_spatial() (spatial_mapping.hpp), in whole units: both versions are the same.
ConvertedSpatial convert_spatial_strictly(const Layer& layer, const Accelerator& accelerator,
                                          const Hierarchy& hierarchy,
                                          const std::vector<std::vector<int>>& levels,
                                          const SpatialMapping& mapping);

// `problem` is complete but for this; a text says why that is not possible.
std::variant<std::shared_ptr<const StrictProblem>, std::string> compile_strict(
    const Layer& layer, const Accelerator& accelerator, const Hierarchy& hierarchy,
    const std::vector<std::vector<int>>& levels, const SpatialMapping& spatial,
    const Problem& problem);

// Elements of the largest tile of memory level m of operand o when the temporal loops in it and
// below multiply to `inside[d]` in each dimension.
double largest_tile(const Problem& problem, int o, int m,
                    const std::array<double, kMaxDims>& inside);

// Whether tiles in a memory (place in Problem::memory) have second buffers whatever they hold.
bool has_forced_buffers(const Problem& problem, int memory);
// Bits that a tile takes of memory level m, with a second buffer that is built in. `adds`: of
// outputs, something is still to be added to its sums.
double taken_bits(const Problem& problem, int o, int m, double elements, bool adds);

}  // namespace ridgeline::model
