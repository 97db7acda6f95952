// All that allocation and tiling ask of an ordering's loops, in tables over subsets of the loops:
// the loops below any position of an ordering are a subset, and what they multiply to does not
// depend on their order. So one set of tables serves all orderings of the same loops.
//
// For whole spatial mappings (Problem::whole, and outputs without relations): there products of
// loop sizes are exact in any order.
#pragma once

#include <cstdint>
#include <vector>

#include "model/core/evaluate.hpp"
#include "model/core/lanes.hpp"
#include "model/core/problem.hpp"

namespace ridgeline::search {

// Loops of an ordering, innermost first, as places in the list that the tables were made of.
using LoopOrder = const std::uint8_t*;

class OrderingTables {
 public:
  // Whether tables pay and give the same bits: few loops, whole spatial mappings, weights that
  // doubles hold exactly.
  static bool fit(const model::Problem& problem, const std::vector<model::TemporalLoop>& loops);

  // `problem` must outlive the tables. Requires `fit`.
  OrderingTables(const model::Problem& problem, const std::vector<model::TemporalLoop>& loops);
  OrderingTables(const OrderingTables&) = delete;
  OrderingTables& operator=(const OrderingTables&) = delete;

  // What `allocate` (not even) and `model::tile` do for the ordering, into a lane: fills `cuts`;
  // false where the ordering does not fit.
  bool cut(LoopOrder order, model::Cuts& cuts, int lane, model::LaneTiling& lanes) const;

 private:
  struct Operand {
    std::uint32_t relevant = 0;  // loops, as bits
    std::uint32_t irrelevant = 0;
    double largest = 0;  // bits that no tile exceeds; infinite: not known
    // Elements of a tile in memory level m, by subset.
    std::array<std::vector<double>, model::kMaxLevels> elements;
    std::uint32_t reduced = 0;  // bit a: spatial loops from level a on reduce
  };
  // One operand in one memory, as allocation sees it.
  struct Resident {
    int operand = 0;
    int level = 0;
    bool top = false;                  // the operand's outermost memory
    double precision = 0;              // bits an element takes
    double final_precision = 0;        // and once all reducing loops lie below
    const double* elements = nullptr;  // by subset
  };
  struct Memory {
    double size = 0;  // bits
    int count = 0;
    bool holds_all = false;  // whatever is left fits for sure
    bool steady = false;     // weights never grow with the loops taken
    std::array<Resident, model::kMaxOperands> residents;
  };
  class Cutter;

  void plan_memories();

  const model::Problem& problem_;
  int count_ = 0;
  std::vector<double> product_;  // by subset
  std::uint32_t reducing_ = 0;   // loops above 1 that are irrelevant to the output
  std::array<Operand, model::kMaxOperands> operand_;
  std::vector<Memory> memories_;  // in the order in which they are filled
};

}  // namespace ridgeline::search
