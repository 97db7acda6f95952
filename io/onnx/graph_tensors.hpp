// The tensors of a graph: what the model declares of them, and what the options settle. Only for
// graph_builder.cpp.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "io/onnx/onnx_graph.hpp"

namespace onnx {
class GraphProto;
class TensorProto;
class TensorShapeProto_Dimension;
class ValueInfoProto;
}  // namespace onnx

namespace ridgeline::io {

class GraphTensors {
 public:
  // Both outlive it. The tensors go into `graph`.
  GraphTensors(OnnxGraph& graph, const OnnxOptions& options);

  // Inputs, outputs, declared values and initializers. InputError: what is wrong with them.
  void add_values(const onnx::GraphProto& source);
  // The tensor of that name, new or not.
  OnnxTensor& named(const std::string& name);
  // Shape, type and small integer values of a constant.
  void take_constant(const onnx::TensorProto& data, OnnxTensor& tensor, const std::string& pointer);
  // Puts in what `--dim TENSOR:AXIS=N` gives of the tensor's dimensions.
  void give_axes(OnnxTensor& tensor);
  bool gives_axes() const { return !axes_given_.empty(); }

  // InputError: a `--dim` that the model has no dimension for, now that all nodes are there.
  void check_dims() const;
  // Symbolic dimensions of the inputs that are open, into the graph.
  void list_symbols();

 private:
  struct GivenAxis {
    int axis = 0;
    std::int64_t size = 0;
    std::string option;
    bool used = false;
  };

  OnnxDim make_dim(std::int64_t size, const std::string& symbol, const std::string& pointer);
  OnnxDim make_dim(const onnx::TensorShapeProto_Dimension& dim, const std::string& pointer);
  void check_elements(const OnnxShape& shape, const std::string& pointer,
                      const std::string& tensor) const;
  void check_rank(int rank, const std::string& pointer, const std::string& tensor) const;
  OnnxTensor& add_value(const onnx::ValueInfoProto& info, const std::string& pointer);

  OnnxGraph& graph_;
  const OnnxOptions& options_;
  std::set<std::string> symbols_;
  std::map<std::string, std::vector<GivenAxis>> axes_given_;  // by tensor
};

}  // namespace ridgeline::io
