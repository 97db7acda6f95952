// The cost model and the allocator once more, formula by formula and in the order in which the
// description of the reference writes them: no tables, no short cuts, nothing shared with the
// model. Slow, and only for tests.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <vector>

#include "model/core/accelerator.hpp"
#include "model/core/evaluation.hpp"
#include "model/core/layer.hpp"
#include "model/core/mapping_spec.hpp"
#include "model/core/spatial_mapping.hpp"

namespace ridgeline::testing::literal {

// What the spatial mapping leaves for time, of every loop dimension.
std::vector<double> temporal_sizes(const model::Layer& layer, const model::Accelerator& accelerator,
                                   const model::MappingEntry& links,
                                   const model::SpatialMapping& spatial);

struct LevelResult {
  int loops = 0;                                      // that the allocator gives this level
  std::array<double, model::kDirections> accesses{};  // by Direction
  double energy = 0;
  double elements = 0;            // of one instance, as energy sees it
  double elements_in_cycles = 0;  // and as latency does
  double utilization = 0;
  double effective_utilization = 0;
  bool double_buffer = false;
};

struct Result {
  double memory_energy = 0;
  double energy = 0;
  double stall = 0;
  double onload = 0;
  double offload = 0;
  double total0 = 0;
  double total1 = 0;
  double total2 = 0;
  std::vector<std::vector<LevelResult>> operands;  // [operand][memory level]
};

// Nothing where the ordering does not fit. `temporal`: innermost first. Arrays of plain
// multiply-accumulate units with at most four dimensions, every transfer served by a port.
std::optional<Result> evaluate(const model::Layer& layer, const model::Accelerator& accelerator,
                               const model::MappingEntry& links,
                               const model::SpatialMapping& spatial,
                               const std::vector<model::TemporalLoop>& temporal, bool even);

}  // namespace ridgeline::testing::literal
