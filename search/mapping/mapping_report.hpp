// What is told of a layer beside its best mapping: what its ports move, and what other mappings
// cost.
#pragma once

#include <vector>

#include "model/core/evaluate.hpp"
#include "model/core/problem.hpp"
#include "search/mapping/mapper.hpp"

namespace ridgeline::search {

// What each port moves under a mapping, by the memories and ports of `hierarchy`.
std::vector<PortUse> port_uses(const model::Problem& problem, const model::Hierarchy& hierarchy,
                               const model::Detail& detail);

// Latencies and energies that no mapping under any of the spatial mappings dominates.
std::vector<model::Cost> cost_front(const model::Layer& layer,
                                    const model::Accelerator& accelerator,
                                    const model::Hierarchy& hierarchy,
                                    const model::MappingEntry& mapping,
                                    const std::vector<model::SpatialMapping>& candidates,
                                    const MapperOptions& options, bool& proven);

// Costs of random orderings of all prime factors, cut as the reference cuts them; those that do
// not fit are left out. A sample is a function of the seed and its number.
std::vector<model::Cost> sample_costs(const model::Layer& layer, const model::Problem& problem,
                                      const MapperOptions& options);

}  // namespace ridgeline::search
