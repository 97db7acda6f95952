// What a study document says of its space and strategy, as strategies see it.
#pragma once

#include <memory>

#include "engine/explore/evaluator.hpp"
#include "io/study/study_document.hpp"
#include "search/designs/strategy.hpp"

namespace ridgeline::engine {

// `study` outlives it.
search::DesignSpace space_of(const io::Study& study);
// `bounds`: where all designs are to be looked at and are not too many, they come in the order of
// these; empty: spread over the space.
std::unique_ptr<search::DesignStrategy> strategy_of(const io::Study& study,
                                                    search::BoundDesigns bounds = {});
// Bounds by an evaluator, which outlives them, on so many threads; empty where it has none, or the
// study does not prune.
search::BoundDesigns bounds_by(Evaluator& evaluator, const io::Study& study, bool prune,
                               int threads);

}  // namespace ridgeline::engine
