// A given mapping: an ordering of all temporal loops, and which memory holds which of them
// (docs/mapping-search.md, section 2).
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "model/core/accelerator.hpp"
#include "model/core/evaluate.hpp"
#include "model/core/layer.hpp"
#include "model/core/mapping_spec.hpp"
#include "model/core/problem.hpp"
#include "search/mapping/mapper.hpp"

namespace ridgeline::search {

// Where the levels of each operand end in an ordering; -1: free.
struct GivenCuts {
  std::array<std::array<int, model::kMaxLevels>, model::kMaxOperands> end{};
  std::string fault;  // why the request cannot be met by this ordering
};

GivenCuts given_cuts(const model::Layer& layer, const model::Accelerator& accelerator,
                     const model::Problem& problem, const model::MappingEntry& mapping,
                     const model::Ordering& ordering);

// The mapping, with the ordering that its memory_loops give by themselves where it has none of its
// own and they list all loops of an operand.
model::MappingEntry ordered_by_memory_loops(const model::Layer& layer,
                                            const model::Accelerator& accelerator,
                                            const model::Problem& problem,
                                            const model::MappingEntry& mapping);

// Bits of an operand's tile in a memory level that holds loops `begin` to `end` of an ordering, as
// the allocator sizes it.
double tile_bits(const model::Problem& problem, const model::Ordering& ordering, int operand,
                 int level, int begin, int end);

// Calls `visit` with every way to cut the ordering that keeps to the given cuts and fits the
// memories; ways that differ only in loops that are irrelevant to the operand count once. Stops
// after `most` visits or where `stopped` says so; returns whether it has seen all.
bool visit_cuts(const model::Problem& problem, const model::Ordering& ordering,
                const GivenCuts& given, std::int64_t most, const std::function<bool()>& stopped,
                const std::function<void(const model::Cuts&)>& visit);

// What was found, as a request that gives it again: all array dimensions, the whole ordering, and
// what each memory holds. `mapping`: the entry that it was found with.
model::MappingEntry replayable(const model::Layer& layer, const model::Accelerator& accelerator,
                               const model::Hierarchy& hierarchy,
                               const model::MappingEntry& mapping, const LayerResult& found);

}  // namespace ridgeline::search
