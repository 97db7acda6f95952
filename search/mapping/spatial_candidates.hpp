// Spatial mappings to try: given, hinted, generated, mixed (docs/mapping-search.md, section 1).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "model/core/accelerator.hpp"
#include "model/core/hierarchy.hpp"
#include "model/core/layer.hpp"
#include "model/core/mapping_spec.hpp"
#include "model/core/spatial_mapping.hpp"
#include "search/budget.hpp"

namespace ridgeline::search {

struct SpatialOptions {
  int candidates = 3;  // at most this many, best first; <= 0: all that differ
  bool mixed = false;  // several loop dimensions on one array dimension
  // Where it ends before all are listed: the best so far, and `cut_off`.
  Budget budget{};
  // By what execution takes: a port that feeds fewer lanes than ask it is slow, and what a better
  // core has are all that a worse one has (docs/strict-model.md, 5).
  bool strict = false;
};

struct SpatialCandidates {
  std::vector<model::SpatialMapping> mappings;  // best first
  std::string infeasible;                       // why there is none
  bool cut_off = false;                         // there may be others, and better ones
};

SpatialCandidates spatial_candidates(const model::Layer& layer,
                                     const model::Accelerator& accelerator,
                                     const model::Hierarchy& hierarchy,
                                     const model::MappingEntry& mapping,
                                     const SpatialOptions& options);

}  // namespace ridgeline::search
