// The small documents that `schedule` takes beside network, system and mapping: layer stacks
// and allocations.
#pragma once

#include <filesystem>
#include <utility>
#include <vector>

#include "io/document/document.hpp"
#include "model/system/multicore.hpp"
#include "model/system/network.hpp"

namespace ridgeline::io {

// A list of lists of node ids or layer names. Every layer at most once. Throws InputError.
std::vector<std::vector<int>> read_stacks(const Value& document, const model::Network& network);

// The `allocation` of a result, or that list alone: layers by `id`, or by name where there is
// none, and the cores of their groups. Throws InputError for layers and cores that are not there.
std::vector<std::pair<int, std::vector<int>>> read_allocation(const Value& document,
                                                              const model::Network& network,
                                                              const model::MultiCore& system);

}  // namespace ridgeline::io
