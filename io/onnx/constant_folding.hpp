// Values that follow from the model alone: shapes, indices, factors. Only for graph_builder.cpp.
#pragma once

#include <cstdint>

#include "io/onnx/onnx_graph.hpp"

namespace ridgeline::io {

// Elements that may still be computed; a model that wants more keeps the rest unknown.
struct FoldingBudget {
  std::int64_t elements = 50'000'000;
};

// Sets the values of what `node` writes where those of what it reads are known, and marks what is
// constant. Integers that would overflow stay unknown. Never throws for what is in the model.
void fold_constants(OnnxGraph& graph, int node, FoldingBudget& budget);

}  // namespace ridgeline::io
