// From the file's messages to the graph. Only for onnx_graph.cpp.
#pragma once

#include <string>

#include "io/onnx/onnx_graph.hpp"

namespace onnx {
class ModelProto;
}

namespace ridgeline::io {

// Checks the model, expands local functions and decided branches of If, follows shapes and
// constants. `file` stands for it in messages. Throws InputError.
OnnxGraph build_onnx_graph(const onnx::ModelProto& model, const std::string& file,
                           const OnnxOptions& options);

}  // namespace ridgeline::io
