// Which cores may run a layer, and how it is split over them, where no mapping says so
// (docs/multicore.md, 1.6).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "model/core/layer.hpp"
#include "model/system/core_mapping.hpp"
#include "model/system/multicore.hpp"
#include "model/system/network.hpp"

namespace ridgeline::engine {

// Cores that may run operators of a type: those whose lists name it, else those that compute and
// have no list, else all that compute.
std::vector<int> cores_for(const model::MultiCore& system, const std::string& operator_type);

// The loop of a layer that is split over cores: the largest that its output walks, output channels
// first, never one that an output adds up over. Absent: none has several iterations.
std::optional<std::string> split_loop(const model::Layer& layer, std::int64_t cores);

// Adds an entry for every operator type that has layers and no entry; nothing is split or cut.
// Returns the types. (The entry `default` covers all.)
std::vector<std::string> complete_mapping(const model::Network& network,
                                          const model::MultiCore& system,
                                          model::CoreMapping& mapping);

}  // namespace ridgeline::engine
