#include "io/onnx/graph_tensors.hpp"

#include <onnx/onnx_pb.h>

#include <algorithm>

#include "io/document/nearest.hpp"
#include "io/onnx/model_checks.hpp"
#include "io/onnx/shape_rules.hpp"
#include "io/onnx/stored_elements.hpp"
#include "model/core/limits.hpp"

namespace ridgeline::io {

GraphTensors::GraphTensors(OnnxGraph& graph, const OnnxOptions& options)
    : graph_(graph), options_(options) {
  for (const auto& [name, size] : options.dims) {
    const std::size_t colon = name.rfind(':');
    if (colon == std::string::npos || colon + 1 == name.size()) continue;
    const std::string axis = name.substr(colon + 1);
    if (axis.size() > 2 || axis.find_first_not_of("0123456789") != std::string::npos) continue;
    axes_given_[name.substr(0, colon)].push_back({std::stoi(axis), size, name});
  }
}

OnnxTensor& GraphTensors::named(const std::string& name) {
  const auto [it, added] =
      graph_.tensor_index.emplace(name, static_cast<int>(graph_.tensors.size()));
  if (added) {
    if (graph_.tensors.size() >= static_cast<std::size_t>(kMaxOnnxTensors)) {
      throw model_error(graph_, "/graph",
                        "the graph has more than " + std::to_string(kMaxOnnxTensors) + " tensors");
    }
    graph_.tensors.emplace_back().name = name;
  }
  return graph_.tensors[static_cast<std::size_t>(it->second)];
}

void GraphTensors::give_axes(OnnxTensor& tensor) {
  const auto given = axes_given_.find(tensor.name);
  if (given == axes_given_.end() || !tensor.shape) return;
  for (GivenAxis& entry : given->second) {
    if (entry.axis >= static_cast<int>(tensor.shape->size())) continue;
    OnnxDim& dim = (*tensor.shape)[static_cast<std::size_t>(entry.axis)];
    if (is_known(dim) && dim.size != entry.size) {
      throw model_error(graph_, "",
                        "dimension " + std::to_string(entry.axis) + " of tensor " +
                            in_quotes(tensor.name) + " is " + std::to_string(dim.size) +
                            ", and --dim says " + std::to_string(entry.size),
                        "--dim settles what the model leaves open");
    }
    dim = {entry.size, ""};
    entry.used = true;
  }
}

// A value of --dim wins; an unresolved symbol stays a symbol.
OnnxDim GraphTensors::make_dim(std::int64_t size, const std::string& symbol,
                               const std::string& pointer) {
  if (!symbol.empty()) {
    checked_name(graph_, symbol, pointer, "a dimension");
    symbols_.insert(symbol);
    const auto given = options_.dims.find(symbol);
    return given == options_.dims.end() ? OnnxDim{0, symbol} : OnnxDim{given->second, ""};
  }
  // -1 is what some exporters write for "any".
  if (size < -1 || size > model::kMaxExactInteger) {
    throw model_error(graph_, pointer, "a dimension of " + std::to_string(size),
                      "from 1 to 2^53; 0 where it is not known");
  }
  return {std::max<std::int64_t>(size, 0), ""};
}

// A size of 0 that is stored is known to be 0.
OnnxDim GraphTensors::make_dim(const onnx::TensorShapeProto::Dimension& dim,
                               const std::string& pointer) {
  OnnxDim made = make_dim(dim.has_dim_value() ? dim.dim_value() : 0, dim.dim_param(), pointer);
  made.zero = dim.has_dim_value() && dim.dim_value() == 0;
  return made;
}

void GraphTensors::check_elements(const OnnxShape& shape, const std::string& pointer,
                                  const std::string& tensor) const {
  std::int64_t elements = 1;
  for (const OnnxDim& dim : shape) {
    if (dim.size > 0 && elements > model::kMaxExactInteger / dim.size) {
      throw model_error(graph_, pointer,
                        "tensor " + in_quotes(tensor) + " has more than 2^53 elements");
    }
    elements *= std::max<std::int64_t>(dim.size, 1);
  }
}

void GraphTensors::check_rank(int rank, const std::string& pointer,
                              const std::string& tensor) const {
  if (rank > kMaxOnnxRank) {
    throw model_error(
        graph_, pointer,
        "tensor " + in_quotes(tensor) + " has " + std::to_string(rank) + " dimensions",
        "at most " + std::to_string(kMaxOnnxRank));
  }
}

// The first place that gives a shape counts: inputs, outputs, value_info, initializers.
OnnxTensor& GraphTensors::add_value(const onnx::ValueInfoProto& info, const std::string& pointer) {
  if (info.name().empty()) throw model_error(graph_, pointer + "/name", "a tensor without a name");
  OnnxTensor& tensor = named(checked_name(graph_, info.name(), pointer + "/name", "a tensor"));
  if (!info.type().has_tensor_type()) return tensor;
  const onnx::TypeProto::Tensor& type = info.type().tensor_type();
  if (tensor.element_type == 0) tensor.element_type = type.elem_type();
  if (!type.has_shape()) return tensor;
  check_rank(type.shape().dim_size(), pointer, info.name());
  OnnxShape shape;
  for (int d = 0; d < type.shape().dim_size(); ++d) {
    shape.push_back(make_dim(type.shape().dim(d),
                             pointer + "/type/tensor_type/shape/dim/" + std::to_string(d)));
  }
  check_elements(shape, pointer, info.name());
  if (!tensor.shape) tensor.shape = std::move(shape);
  give_axes(tensor);
  return tensor;
}

void GraphTensors::add_values(const onnx::GraphProto& source) {
  for (int i = 0; i < source.input_size(); ++i) {
    const std::string pointer = "/graph/input/" + std::to_string(i);
    OnnxTensor& tensor = add_value(source.input(i), pointer);
    if (tensor.graph_input) {
      throw model_error(graph_, pointer, "the graph has two inputs " + in_quotes(tensor.name));
    }
    tensor.graph_input = true;
  }
  for (int i = 0; i < source.output_size(); ++i) {
    const std::string pointer = "/graph/output/" + std::to_string(i);
    OnnxTensor& tensor = add_value(source.output(i), pointer);
    if (tensor.graph_output) {
      throw model_error(graph_, pointer, "the graph has two outputs " + in_quotes(tensor.name));
    }
    tensor.graph_output = true;
    graph_.outputs.push_back(graph_.tensor_index.at(tensor.name));
  }
  for (int i = 0; i < source.value_info_size(); ++i) {
    add_value(source.value_info(i), "/graph/value_info/" + std::to_string(i));
  }
  for (int i = 0; i < source.initializer_size(); ++i) {
    const std::string pointer = "/graph/initializer/" + std::to_string(i);
    const onnx::TensorProto& data = source.initializer(i);
    if (data.name().empty())
      throw model_error(graph_, pointer + "/name", "an initializer without a name");
    OnnxTensor& tensor = named(checked_name(graph_, data.name(), pointer + "/name", "a tensor"));
    if (tensor.initializer) {
      throw model_error(graph_, pointer,
                        "the graph has two initializers " + in_quotes(tensor.name));
    }
    tensor.initializer = true;
    tensor.constant = true;
    take_constant(data, tensor, pointer);
  }
  for (const onnx::ValueInfoProto& input : source.input()) {
    const int index = graph_.tensor_index.at(input.name());
    if (!graph_.tensor(index).initializer) graph_.inputs.push_back(index);
  }
}

void GraphTensors::take_constant(const onnx::TensorProto& data, OnnxTensor& tensor,
                                 const std::string& pointer) {
  check_rank(data.dims_size(), pointer, tensor.name);
  OnnxShape shape;
  std::int64_t elements = 1;
  for (const std::int64_t dim : data.dims()) {
    if (dim < 0 || dim > model::kMaxExactInteger) {
      throw model_error(graph_, pointer + "/dims", "a dimension of " + std::to_string(dim),
                        "from 0 to 2^53");
    }
    shape.push_back({dim, "", dim == 0});
  }
  check_elements(shape, pointer, tensor.name);
  for (const OnnxDim& dim : shape) elements *= dim.size;
  if (tensor.element_type == 0) tensor.element_type = data.data_type();
  if (!tensor.shape) tensor.shape = std::move(shape);
  if (elements > kMaxOnnxConstants) return;
  tensor.values = stored_integers(data, elements);
  if (!tensor.values) tensor.reals = stored_reals(data, elements);
}

void GraphTensors::check_dims() const {
  const std::vector<std::string> known(symbols_.begin(), symbols_.end());
  for (const auto& [name, size] : options_.dims) {
    if (symbols_.count(name) > 0) continue;
    const auto given = axes_given_.find(name.substr(0, name.rfind(':')));
    if (given != axes_given_.end()) {
      const bool used =
          std::any_of(given->second.begin(), given->second.end(),
                      [&n = name](const GivenAxis& a) { return a.used && a.option == n; });
      if (used) continue;
      throw model_error(graph_, "",
                        "the model has no tensor with the axis " + in_quotes(name) + " (--dim)",
                        "TENSOR:AXIS=N, axes counted from 0");
    }
    throw model_error(
        graph_, "", "the model has no symbolic dimension " + in_quotes(name) + " (--dim)",
        known.empty() ? "none of its dimensions is symbolic" : suggestion(name, known));
  }
}

void GraphTensors::list_symbols() {
  std::set<std::string> open;
  for (const int input : graph_.inputs) {
    const OnnxTensor& tensor = graph_.tensor(input);
    if (!tensor.shape) continue;
    for (const OnnxDim& dim : *tensor.shape) {
      if (!dim.symbol.empty()) open.insert(dim.symbol);
    }
  }
  graph_.symbols.assign(open.begin(), open.end());
}

}  // namespace ridgeline::io
