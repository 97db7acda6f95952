// Searches all spatial mappings of a layer within one limit (docs/exact-mapping.md, "Spatial
// mappings").
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "model/core/accelerator.hpp"
#include "model/core/hierarchy.hpp"
#include "model/core/layer.hpp"
#include "model/core/mapping_spec.hpp"
#include "model/core/problem.hpp"
#include "model/core/spatial_mapping.hpp"
#include "search/mapping/mapper.hpp"
#include "search/mapping/temporal_search.hpp"

namespace ridgeline::search {

// Nodes that each of very many spatial mappings may visit whatever the limit.
inline constexpr std::int64_t kLeastNodes = 2000;

// What was found under all spatial mappings.
struct SpatialResult {
  std::optional<std::size_t>
      place;  // of the best one; none: there is no mapping, `reason` says why
  TemporalSearchResult best;
  model::Problem problem;  // of the best one
  std::string reason;
  bool cut_off = false;
  bool proven = false;
  double lower_bound = 0;
  std::int64_t evaluated = 0;
  std::int64_t nodes = 0;
  double orderings = 0;
  std::string refused;
  std::optional<model::Cost> reference;
  std::vector<model::Cost> near;
};

// `complete`: the list is all there is.
SpatialResult search_spatial(const model::Layer& layer, const model::Accelerator& accelerator,
                             const model::Hierarchy& hierarchy, const model::MappingEntry& mapping,
                             const std::vector<model::SpatialMapping>& list, bool complete,
                             const MapperOptions& options);

}  // namespace ridgeline::search
