// Bandwidth that a mapping draws from the memory on top of a core's hierarchy
// (docs/multicore.md, 4.3 and 4.4).
#pragma once

#include <array>
#include <vector>

#include "model/core/evaluate.hpp"
#include "model/core/problem.hpp"

namespace ridgeline::search {

struct TopBandwidth {
  std::array<double, model::kDirections> steady{};  // bits a cycle, by Direction
  double loading = 0;  // borrowed for loading during the computation; counts in `total` alone
                       // where the direction it is added to is not the one that is streamed
  double total() const;
};

// Of operand `o` at its top level, all rates multiplied by `scale`. `detail` is that of the
// mapping on `problem`; `compute_cycles` the cycles of the computation phase, stalls included.
TopBandwidth top_bandwidth(const model::Problem& problem, const model::Detail& detail, int o,
                           double scale, double compute_cycles);

// Whether loading an operand shows in the direction "written by higher level", which nobody
// streams, instead of "read out to lower": where its top memory holds the output too.
bool loading_is_hidden(const model::Problem& problem, int o);

// How often streaming oversubscribes the widest port of the top memory, rounded up; 0 where
// nothing is streamed. `order`: operands in the order output, I1, I2, -1 where absent.
double oversubscription(const model::Problem& problem, const model::Detail& detail,
                        const std::array<int, model::kMemoryOperands>& order, int slices,
                        double compute_cycles);

}  // namespace ridgeline::search
