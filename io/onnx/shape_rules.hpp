// Shapes of what operators write, by our own rules. Only for graph_builder.cpp.
//
// They cover what networks are made of, whatever the operator set; what a rule cannot know stays
// unknown. Every attribute is checked before it is used.
#pragma once

#include "io/onnx/onnx_graph.hpp"

namespace ridgeline::io {

// Fills in shapes and dimensions that the outputs of `node` lack; whether there is a rule for the
// operator. Never throws for what is in the model.
bool infer_shapes(OnnxGraph& graph, int node);

// Completes a tensor's shape: what is known already stays.
void give_shape(OnnxGraph& graph, int tensor, OnnxShape shape, int element_type);

bool is_known(const OnnxDim& dim);

}  // namespace ridgeline::io
