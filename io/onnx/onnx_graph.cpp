#include "io/onnx/onnx_graph.hpp"

#include <google/protobuf/stubs/logging.h>
#include <onnx/onnx_pb.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <numeric>

#include "io/onnx/graph_builder.hpp"
#include "model/core/limits.hpp"

namespace ridgeline::io {

namespace {

std::string in_quotes(const std::string& name) {
  return "'" + name + "'";
}

void check_options(const std::string& file, const OnnxOptions& options) {
  for (const auto& [name, size] : options.dims) {
    if (size < 1 || size > model::kMaxExactInteger) {
      throw InputError({file, "", 0, 0},
                       "dimension " + in_quotes(name) + " cannot be " + std::to_string(size),
                       "--dim NAME=N takes a whole number from 1 to 2^53");
    }
  }
}

InputError not_a_model(const std::string& file, bool empty) {
  return {{file, "", 0, 0},
          empty ? "is empty" : "is not a complete ONNX model",
          empty ? "" : "the file has another format or was cut off"};
}

const OnnxShape& shape_of(const OnnxGraph& graph, int node, const std::vector<int>& tensors,
                          int place, const std::string& kind) {
  const auto index = static_cast<std::size_t>(place);
  if (index >= tensors.size() || tensors[index] < 0) {
    throw onnx_error(graph, node, "has no " + kind + " " + std::to_string(place));
  }
  const OnnxTensor& tensor = graph.tensor(tensors[index]);
  if (!tensor.shape) {
    std::string problem =
        "the shape of its " + kind + " " + in_quotes(tensor.name) + " is not known";
    if (!graph.inference_problem.empty()) {
      problem += ", and shape inference failed: " + graph.inference_problem;
    }
    throw onnx_error(graph, node, problem,
                     "store the model's shapes in it (value_info), e.g. with "
                     "onnx.shape_inference.infer_shapes(model, data_prop=True)");
  }
  return *tensor.shape;
}

}  // namespace

const OnnxAttribute* OnnxNode::attribute(std::string_view attribute) const {
  const auto it =
      std::find_if(attributes.begin(), attributes.end(),
                   [&](const OnnxAttribute& candidate) { return candidate.name == attribute; });
  return it == attributes.end() ? nullptr : &*it;
}

std::optional<std::vector<std::int64_t>> axis_order(const OnnxNode& transpose, std::size_t rank) {
  std::vector<std::int64_t> forward(rank);
  std::iota(forward.begin(), forward.end(), std::int64_t{0});
  const OnnxAttribute* given = transpose.attribute("perm");
  if (given == nullptr) return std::vector<std::int64_t>(forward.rbegin(), forward.rend());
  std::vector<std::int64_t> sorted = given->integers;
  std::sort(sorted.begin(), sorted.end());
  if (sorted != forward) return std::nullopt;
  return given->integers;
}

const OnnxTensor* OnnxGraph::find(std::string_view tensor) const {
  const auto it = tensor_index.find(std::string(tensor));
  return it == tensor_index.end() ? nullptr : &tensors[static_cast<std::size_t>(it->second)];
}

std::string OnnxGraph::node_name(int node) const {
  const std::string& given = nodes[static_cast<std::size_t>(node)].name;
  return given.empty() ? "Op" + std::to_string(node) : given;
}

std::vector<int> OnnxGraph::predecessors(int node, bool with_constants) const {
  std::vector<int> result;
  for (const int input : nodes[static_cast<std::size_t>(node)].inputs) {
    if (input < 0 || tensor(input).producer < 0) continue;
    if (with_constants || !tensor(input).constant) result.push_back(tensor(input).producer);
  }
  return result;
}

OnnxGraph parse_onnx_graph(std::string_view bytes, const std::string& name,
                           const OnnxOptions& options) {
  check_options(name, options);
  const google::protobuf::LogSilencer silence;  // we say ourselves what is wrong
  onnx::ModelProto model;
  if (bytes.empty() || bytes.size() > kMaxOnnxBytes ||
      !model.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    throw not_a_model(name, bytes.empty());
  }
  return build_onnx_graph(model, name, options);
}

OnnxGraph read_onnx_graph(const std::filesystem::path& path, const OnnxOptions& options) {
  const std::string file = path.string();
  check_options(file, options);
  const Location where{file, "", 0, 0};
  std::error_code status;
  if (std::filesystem::is_directory(path, status)) {
    throw InputError(where, "is a folder, not a file");
  }
  errno = 0;
  std::ifstream stream(path, std::ios::binary);
  if (!stream) {
    throw InputError(where, std::string("cannot be read: ") + std::strerror(errno ? errno : EIO));
  }
  const auto size = std::filesystem::file_size(path, status);
  if (!status && size > kMaxOnnxBytes) {
    throw InputError(where, "larger than 2 GiB", "store the weights outside the model file");
  }
  const google::protobuf::LogSilencer silence;
  onnx::ModelProto model;
  if (!model.ParseFromIstream(&stream)) throw not_a_model(file, !status && size == 0);
  return build_onnx_graph(model, file, options);
}

InputError onnx_error(const OnnxGraph& graph, int node, const std::string& problem,
                      const std::string& remedy) {
  const int place = graph.nodes[static_cast<std::size_t>(node)].file_place;
  return {{graph.file, "/graph/node/" + std::to_string(place < 0 ? node : place), 0, 0},
          "node " + in_quotes(graph.node_name(node)) + " (" +
              graph.nodes[static_cast<std::size_t>(node)].op_type + "): " + problem,
          remedy};
}

std::int64_t integer_attribute(const OnnxGraph& graph, int node, std::string_view name,
                               std::int64_t otherwise) {
  const OnnxAttribute* attribute = graph.nodes[static_cast<std::size_t>(node)].attribute(name);
  if (!attribute) return otherwise;
  if (attribute->kind != OnnxAttribute::Kind::integer) {
    throw onnx_error(graph, node, "attribute '" + std::string(name) + "' is not an integer");
  }
  return attribute->integers.front();
}

std::vector<std::int64_t> integers_attribute(const OnnxGraph& graph, int node,
                                             std::string_view name,
                                             const std::vector<std::int64_t>& otherwise) {
  const OnnxAttribute* attribute = graph.nodes[static_cast<std::size_t>(node)].attribute(name);
  if (!attribute) return otherwise;
  if (attribute->kind != OnnxAttribute::Kind::integers) {
    throw onnx_error(graph, node,
                     "attribute '" + std::string(name) + "' is not a list of integers");
  }
  return attribute->integers;
}

const OnnxShape& input_shape(const OnnxGraph& graph, int node, int input) {
  return shape_of(graph, node, graph.nodes[static_cast<std::size_t>(node)].inputs, input, "input");
}

const OnnxShape& output_shape(const OnnxGraph& graph, int node, int output) {
  return shape_of(graph, node, graph.nodes[static_cast<std::size_t>(node)].outputs, output,
                  "output");
}

std::int64_t known_size(const OnnxGraph& graph, int node, int tensor, int dim) {
  const OnnxTensor& whose = graph.tensor(tensor);
  const OnnxShape& shape = *whose.shape;
  const int place = dim < 0 ? dim + static_cast<int>(shape.size()) : dim;
  const OnnxDim& entry = shape[static_cast<std::size_t>(place)];
  if (entry.size > 0) return entry.size;
  const std::string which =
      "dimension " + std::to_string(place) + " of tensor " + in_quotes(whose.name);
  if (entry.zero) throw onnx_error(graph, node, which + " is 0", "at least 1");
  if (!entry.symbol.empty()) {
    std::string others;
    for (const std::string& symbol : graph.symbols) {
      if (symbol != entry.symbol) others += (others.empty() ? "" : ", ") + symbol;
    }
    throw onnx_error(graph, node, which + " is symbolic: " + in_quotes(entry.symbol),
                     "give it a value with --dim " + entry.symbol + "=N" +
                         (others.empty() ? "" : "; without one are also " + others));
  }
  std::string names;
  for (const std::string& symbol : graph.symbols) {
    names += (names.empty() ? "" : " ") + ("--dim " + symbol + "=N");
  }
  for (const int input : graph.inputs) {
    const OnnxTensor& fed = graph.tensor(input);
    for (std::size_t a = 0; fed.shape && a < fed.shape->size(); ++a) {
      const OnnxDim& extent = (*fed.shape)[a];
      if (extent.size != 0 || extent.zero || !extent.symbol.empty()) continue;
      names += (names.empty() ? "" : " ") + ("--dim " + fed.name + ":" + std::to_string(a) + "=N");
    }
  }
  if (names.empty()) names = "--dim " + whose.name + ":" + std::to_string(place) + "=N";
  throw onnx_error(graph, node, which + " is not known", "give it a value with " + names);
}

}  // namespace ridgeline::io
