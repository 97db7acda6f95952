// What the ONNX library knows: missing tensor shapes, and which operators there are. Only for
// onnx_graph.cpp and onnx_reader.cpp.
#pragma once

#include <string>

#include "io/onnx/onnx_graph.hpp"

namespace onnx {
class GraphProto;
class ModelProto;
class TensorProto;
}  // namespace onnx

namespace ridgeline::io {

// A copy of a small tensor whose data is whole, with its data and nothing else; false where the
// tensor is large, stored elsewhere, of a type that decides no shapes, or inconsistent.
bool copy_small_tensor(const onnx::TensorProto& tensor, onnx::TensorProto& copy);

// Whether operator set of ONNX itself, as the library or newer versions of it know it, has this.
bool is_standard_operator(const std::string& type);

// Fills in shapes and dimensions that `graph` lacks and leaves all others alone. What the library
// cannot do stays unknown, with a reason in `graph.inference_problem`. Never throws for what is
// in the model. `graph` was built from `model`.
void infer_missing_shapes(const onnx::ModelProto& model, OnnxGraph& graph);

}  // namespace ridgeline::io
