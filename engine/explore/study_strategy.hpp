// What a study document says of its space and strategy, as strategies see it.
#pragma once

#include <memory>

#include "io/study/study_document.hpp"
#include "search/designs/strategy.hpp"

namespace ridgeline::engine {

// `study` outlives it.
search::DesignSpace space_of(const io::Study& study);
std::unique_ptr<search::DesignStrategy> strategy_of(const io::Study& study);

}  // namespace ridgeline::engine
