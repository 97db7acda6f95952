// What the ONNX library knows: missing tensor shapes, and which operators there are. Only for
// the reader of graphs and the table of operators.
#pragma once

#include <memory>
#include <string>

#include "io/onnx/onnx_graph.hpp"

namespace onnx {
class GraphProto;
class ModelProto;
class NodeProto;
class TensorProto;
}  // namespace onnx

namespace ridgeline::io {

// A copy of a small tensor whose data is whole, with its data and nothing else; false where the
// tensor is large, stored elsewhere, of a type that decides no shapes, or inconsistent.
bool copy_small_tensor(const onnx::TensorProto& tensor, onnx::TensorProto& copy);

// Whether operator set of ONNX itself, as the library or newer versions of it know it, has this.
bool is_standard_operator(const std::string& type);

// The library's shape inference of single nodes, for those operators that have no rule of our own
// and are safe. What it cannot do stays unknown, with a reason in `graph.inference_problem`.
// Never throws for what is in the model.
class LibraryInference {
 public:
  // Both outlive it.
  LibraryInference(const onnx::ModelProto& model, OnnxGraph& graph);
  ~LibraryInference();
  void infer(int node, const onnx::NodeProto& source);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
  OnnxGraph& graph_;
};

}  // namespace ridgeline::io
