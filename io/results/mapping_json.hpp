// One mapping as JSON: spatial and temporal loops, and which memories hold what.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "search/mapping/mapper.hpp"

namespace ridgeline::io {

nlohmann::ordered_json mapping_json(const search::LayerResult& mapped, const model::Layer& layer,
                                    const model::Accelerator& accelerator);

}  // namespace ridgeline::io
