// Which spatial mappings are kept under the strict model (docs/strict-model.md, 5): those that are
// among the best for this core, or for one with less bandwidth and room next to the array. So a
// better core has all that a worse one has.
#pragma once

#include <cstddef>
#include <cstdint>
#include <set>
#include <vector>

#include "model/core/accelerator.hpp"
#include "model/core/hierarchy.hpp"
#include "model/core/layer.hpp"
#include "model/core/mapping_spec.hpp"
#include "model/core/spatial_mapping.hpp"

namespace ridgeline::search {

// What spatial mappings ask of the memories next to the array, in elements at a time: of each
// operand, and each memory that serves several units and has none below it.
class SpatialDemand {
 public:
  SpatialDemand(const model::Layer& layer, const model::Accelerator& accelerator,
                const model::Hierarchy& hierarchy, const model::MappingEntry& mapping);

  // Factors of 1 and loops of any number; no less for more or larger loops.
  std::vector<std::int64_t> of(const model::SpatialMapping& mapping) const;
  // Whether the memories hold so much. What they do not hold no temporal mapping makes fit.
  bool fits(const std::vector<std::int64_t>& demand) const;

 private:
  struct Place {
    int memory = 0;  // place in Accelerator::memories
    int operand = 0;
    std::vector<int> served_dims;
  };
  std::int64_t elements(const Place& place, const model::SpatialMapping& mapping) const;

  const model::Layer& layer_;
  const model::Accelerator& accelerator_;
  std::vector<Place> places_;  // those of a memory one after the other
};

// Spatial mappings for each of which fewer than `wanted` others are no worse: of a better score, or
// of the same and offered sooner, and without more demand of any memory.
class BestSpatial {
 public:
  explicit BestSpatial(std::size_t wanted) : wanted_(wanted) {}

  struct Entry {
    double score = 0;
    std::vector<std::int64_t> demand;
    model::SpatialMapping mapping;
  };

  // Whether nothing with at most that score and at least that demand can be among them.
  bool hopeless(double score, const std::vector<std::int64_t>& demand) const;
  // Returns whether it was kept: not if an equal one is there.
  bool offer(Entry entry);
  // By decreasing score, equal ones in the order of offers. Ends the collection.
  std::vector<model::SpatialMapping> take();

 private:
  std::size_t wanted_;
  std::vector<Entry> kept_;
  std::set<std::vector<std::int64_t>> known_;
};

// What tells spatial mappings apart: loops of factor 1 do not.
std::vector<std::int64_t> real_loops(const model::SpatialMapping& mapping);

}  // namespace ridgeline::search
