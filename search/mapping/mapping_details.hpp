// What scripts read of a mapping beyond its costs: how far each port is from making the array wait,
// and the bandwidths that its memories need while data move.
#pragma once

#include <array>
#include <vector>

#include "model/core/evaluate.hpp"
#include "model/core/hierarchy.hpp"
#include "model/core/problem.hpp"
#include "search/mapping/mapper.hpp"

namespace ridgeline::search {

struct PortBalance {
  int memory = 0;    // place in Accelerator::memories
  int port = 0;      // place in Memory::ports
  double stall = 0;  // cycles of stall (+) or slack (-) of all that it moves; 0: idle
};

struct LevelBandwidth {
  // Bits a cycle in the time in which data may move, by Direction; with one operation a cycle.
  std::array<double, model::kDirections> required{};
  // Bits a cycle borrowed during the computation for loading all at once, of each port.
  std::vector<double> loading;
};

struct MappingDetails {
  double drain = 0;  // cycles until the last results have left a systolic array
  double cycles_per_operation = 1;
  std::vector<PortBalance> ports;                      // of the hierarchy, in its order
  std::vector<std::vector<LevelBandwidth>> bandwidth;  // by operand and memory level
};

// `detail` is that of the mapping on `problem`, compiled for `hierarchy`; `compute_cycles` the
// cycles of the computation phase, stalls included.
// The same of what a search found: it is evaluated again. `mapping`: the entry that it was found
// with.
MappingDetails mapping_details(const model::Layer& layer, const model::Accelerator& accelerator,
                               const model::MappingEntry& mapping, const LayerResult& found);
MappingDetails mapping_details(const model::Problem& problem, const model::Hierarchy& hierarchy,
                               const model::Detail& detail, double compute_cycles);

// Cycles that loading through link `function` of a port gives up to the computation phase, added up
// step by step as levelling takes them (docs/model.md, 6.6 and 6.7); 0 where it is not loaded all
// at once.
double borrowed_cycles(const model::Problem& problem, const model::Detail& detail,
                       const model::ProblemPort& port, int function, double compute_cycles);

}  // namespace ridgeline::search
