// Designs of systems whose schedules are searched for each: which design comes next. Of each design
// several schedules come back, those that no other of its own dominates.
//
// Ids of such a search are no places in a grid: design n, in the order in which the strategy first
// asked for it, has the ids n * kSchedulesOfDesign (which is what is asked for) and those that
// follow it, one for each schedule. `genome` is the values of the parameters and the place of the
// schedule.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "search/designs/strategy.hpp"

namespace ridgeline::search {

inline constexpr std::uint64_t kSchedulesOfDesign = 16;

// `bounds` of a space of `count` designs, if it is not empty and they are few enough for what is to
// be searched: blocks of those designs that could add the most to the front by their bounds, until
// none could add anything. Else NSGA-II on islands; every schedule of a design may have children.
std::unique_ptr<DesignStrategy> nested_strategy(DesignSpace space, const IslandOptions& options,
                                                std::uint64_t seed, std::uint64_t count,
                                                BoundDesigns bounds);

}  // namespace ridgeline::search
