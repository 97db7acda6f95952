#include "io/onnx/onnx_graph.hpp"

#include <google/protobuf/stubs/logging.h>
#include <onnx/onnx_pb.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <set>

#include "io/document/nearest.hpp"
#include "io/onnx/onnx_inference.hpp"
#include "model/core/limits.hpp"

namespace ridgeline::io {

namespace {

constexpr std::size_t kLongestName = 1024;

std::string in_quotes(const std::string& name) {
  return "'" + name + "'";
}

// Whether a name can be shown and written to JSON: UTF-8 without control characters.
bool is_printable(std::string_view text) {
  for (std::size_t i = 0; i < text.size();) {
    const auto lead = static_cast<unsigned char>(text[i]);
    if (lead < 0x20 || lead == 0x7f) return false;
    const std::size_t length = lead < 0x80                   ? 1
                               : lead >= 0xc2 && lead < 0xe0 ? 2
                               : lead >= 0xe0 && lead < 0xf0 ? 3
                               : lead >= 0xf0 && lead < 0xf5 ? 4
                                                             : 0;
    if (length == 0 || i + length > text.size()) return false;
    for (std::size_t k = 1; k < length; ++k) {
      if ((static_cast<unsigned char>(text[i + k]) & 0xc0) != 0x80) return false;
    }
    if (length > 2) {  // overlong forms, surrogates, beyond U+10FFFF
      const auto second = static_cast<unsigned char>(text[i + 1]);
      if ((lead == 0xe0 && second < 0xa0) || (lead == 0xed && second > 0x9f) ||
          (lead == 0xf0 && second < 0x90) || (lead == 0xf4 && second > 0x8f)) {
        return false;
      }
    }
    i += length;
  }
  return true;
}

class Builder {
 public:
  Builder(const onnx::ModelProto& model, const std::string& file, const OnnxOptions& options)
      : model_(model), options_(options) {
    graph_.file = file;
  }

  OnnxGraph build() {
    check_model();
    const onnx::GraphProto& source = model_.graph();
    graph_.name = checked_name(source.name(), "/graph/name", "the graph");
    add_values(source);
    add_nodes(source);
    check_outputs();
    check_dims();
    if (lacks_shapes()) infer_missing_shapes(model_, graph_);
    return std::move(graph_);
  }

 private:
  InputError error(const std::string& pointer, const std::string& problem,
                   const std::string& remedy = "") const {
    return {{graph_.file, pointer, 0, 0}, problem, remedy};
  }

  const std::string& checked_name(const std::string& name, const std::string& pointer,
                                  const std::string& whose) const {
    if (name.size() > kLongestName) {
      throw error(pointer,
                  "the name of " + whose + " is " + std::to_string(name.size()) + " bytes long",
                  "at most " + std::to_string(kLongestName));
    }
    if (!is_printable(name)) throw error(pointer, "the name of " + whose + " is no readable text");
    return name;
  }

  void check_model() {
    if (!model_.has_graph() || model_.ir_version() < 1) {
      throw error("", "is no ONNX model", "a model has an ir_version and a graph");
    }
    if (model_.graph().node_size() == 0) throw error("/graph/node", "the graph has no nodes");
    if (model_.graph().node_size() > kMaxOnnxNodes) {
      throw error("/graph/node", "the graph has " + std::to_string(model_.graph().node_size()) +
                                     " nodes, more than " + std::to_string(kMaxOnnxNodes));
    }
    const onnx::GraphProto& source = model_.graph();
    if (source.initializer_size() > kMaxOnnxTensors || source.input_size() > kMaxOnnxTensors ||
        source.value_info_size() > kMaxOnnxTensors || source.output_size() > kMaxOnnxTensors) {
      throw error("/graph", "the graph has more than " + std::to_string(kMaxOnnxTensors) +
                                " tensors of one kind");
    }
    for (int i = 0; i < model_.opset_import_size(); ++i) {
      const onnx::OperatorSetIdProto& entry = model_.opset_import(i);
      if (!entry.domain().empty() && entry.domain() != "ai.onnx") continue;
      if (entry.version() < 1) {
        throw error("/opset_import/" + std::to_string(i) + "/version",
                    "operator set " + std::to_string(entry.version()) + " does not exist",
                    "versions start at 1");
      }
      graph_.opset = entry.version();
    }
    if (model_.opset_import_size() == 0 && model_.ir_version() >= 3) {
      throw error("/opset_import", "the model names no operator set",
                  "the file may have been cut off; export the model again");
    }
  }

  // The tensor of that name, new or not.
  OnnxTensor& tensor_of(const std::string& name) {
    const auto [it, added] =
        graph_.tensor_index.emplace(name, static_cast<int>(graph_.tensors.size()));
    if (added) {
      if (graph_.tensors.size() >= static_cast<std::size_t>(kMaxOnnxTensors)) {
        throw error("/graph",
                    "the graph has more than " + std::to_string(kMaxOnnxTensors) + " tensors");
      }
      graph_.tensors.emplace_back().name = name;
    }
    return graph_.tensors[static_cast<std::size_t>(it->second)];
  }

  // A value of --dim wins; an unresolved symbol stays a symbol.
  OnnxDim make_dim(std::int64_t size, const std::string& symbol, const std::string& pointer) {
    if (!symbol.empty()) {
      checked_name(symbol, pointer, "a dimension");
      symbols_.insert(symbol);
      const auto given = options_.dims.find(symbol);
      return given == options_.dims.end() ? OnnxDim{0, symbol} : OnnxDim{given->second, ""};
    }
    // -1 is what some exporters write for "any".
    if (size < -1 || size > model::kMaxExactInteger) {
      throw error(pointer, "a dimension of " + std::to_string(size),
                  "from 1 to 2^53; 0 where it is not known");
    }
    return {std::max<std::int64_t>(size, 0), ""};
  }

  void check_elements(const OnnxShape& shape, const std::string& pointer,
                      const std::string& tensor) const {
    std::int64_t elements = 1;
    for (const OnnxDim& dim : shape) {
      if (dim.size > 0 && elements > model::kMaxExactInteger / dim.size) {
        throw error(pointer, "tensor " + in_quotes(tensor) + " has more than 2^53 elements");
      }
      elements *= std::max<std::int64_t>(dim.size, 1);
    }
  }

  void check_rank(int rank, const std::string& pointer, const std::string& tensor) const {
    if (rank > kMaxOnnxRank) {
      throw error(pointer,
                  "tensor " + in_quotes(tensor) + " has " + std::to_string(rank) + " dimensions",
                  "at most " + std::to_string(kMaxOnnxRank));
    }
  }

  // The first place that gives a shape counts: inputs, outputs, value_info, initializers.
  OnnxTensor& add_value(const onnx::ValueInfoProto& info, const std::string& pointer) {
    if (info.name().empty()) throw error(pointer + "/name", "a tensor without a name");
    OnnxTensor& tensor = tensor_of(checked_name(info.name(), pointer + "/name", "a tensor"));
    if (!info.type().has_tensor_type()) return tensor;
    const onnx::TypeProto::Tensor& type = info.type().tensor_type();
    if (tensor.element_type == 0) tensor.element_type = type.elem_type();
    if (!type.has_shape()) return tensor;
    check_rank(type.shape().dim_size(), pointer, info.name());
    OnnxShape shape;
    for (int d = 0; d < type.shape().dim_size(); ++d) {
      const auto& dim = type.shape().dim(d);
      shape.push_back(make_dim(dim.has_dim_value() ? dim.dim_value() : 0, dim.dim_param(),
                               pointer + "/type/tensor_type/shape/dim/" + std::to_string(d)));
    }
    check_elements(shape, pointer, info.name());
    if (!tensor.shape) tensor.shape = std::move(shape);
    return tensor;
  }

  void add_values(const onnx::GraphProto& source) {
    for (int i = 0; i < source.input_size(); ++i) {
      const std::string pointer = "/graph/input/" + std::to_string(i);
      OnnxTensor& tensor = add_value(source.input(i), pointer);
      if (tensor.graph_input) {
        throw error(pointer, "the graph has two inputs " + in_quotes(tensor.name));
      }
      tensor.graph_input = true;
    }
    for (int i = 0; i < source.output_size(); ++i) {
      const std::string pointer = "/graph/output/" + std::to_string(i);
      OnnxTensor& tensor = add_value(source.output(i), pointer);
      if (tensor.graph_output) {
        throw error(pointer, "the graph has two outputs " + in_quotes(tensor.name));
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
      if (data.name().empty()) throw error(pointer + "/name", "an initializer without a name");
      OnnxTensor& tensor = tensor_of(checked_name(data.name(), pointer + "/name", "a tensor"));
      if (tensor.initializer) {
        throw error(pointer, "the graph has two initializers " + in_quotes(tensor.name));
      }
      tensor.initializer = true;
      take_constant(data, tensor, pointer);
    }
    for (const onnx::ValueInfoProto& input : source.input()) {
      const int index = graph_.tensor_index.at(input.name());
      if (!graph_.tensor(index).initializer) graph_.inputs.push_back(index);
    }
  }

  // Shape, type and small integer values of a constant.
  void take_constant(const onnx::TensorProto& data, OnnxTensor& tensor,
                     const std::string& pointer) {
    check_rank(data.dims_size(), pointer, tensor.name);
    OnnxShape shape;
    std::int64_t elements = 1;
    for (const std::int64_t dim : data.dims()) {
      if (dim < 0 || dim > model::kMaxExactInteger) {
        throw error(pointer + "/dims", "a dimension of " + std::to_string(dim), "from 0 to 2^53");
      }
      shape.push_back({dim, ""});
    }
    check_elements(shape, pointer, tensor.name);
    for (const OnnxDim& dim : shape) elements *= dim.size;
    if (tensor.element_type == 0) tensor.element_type = data.data_type();
    if (!tensor.shape) tensor.shape = std::move(shape);
    if (elements > kMaxOnnxConstants) return;
    tensor.values = integers_of(data, elements);
  }

  static std::optional<std::vector<std::int64_t>> integers_of(const onnx::TensorProto& data,
                                                              std::int64_t elements) {
    if (data.data_location() == onnx::TensorProto::EXTERNAL || data.has_segment()) return {};
    const bool wide = data.data_type() == onnx::TensorProto::INT64;
    if (!wide && data.data_type() != onnx::TensorProto::INT32) return {};
    const auto count = static_cast<std::size_t>(elements);
    std::vector<std::int64_t> values(count);
    if (data.has_raw_data()) {
      const std::size_t width = wide ? 8 : 4;
      if (data.raw_data().size() != count * width) return {};
      for (std::size_t i = 0; i < count; ++i) {  // little-endian in the file, whatever we are
        std::uint64_t bits = 0;
        for (std::size_t b = width; b-- > 0;) {
          bits = bits << 8 | static_cast<unsigned char>(data.raw_data()[i * width + b]);
        }
        values[i] = wide ? static_cast<std::int64_t>(bits)
                         : static_cast<std::int32_t>(static_cast<std::uint32_t>(bits));
      }
      return values;
    }
    if (wide) {
      if (data.int64_data_size() != elements) return {};
      std::copy(data.int64_data().begin(), data.int64_data().end(), values.begin());
    } else {
      if (data.int32_data_size() != elements) return {};
      std::copy(data.int32_data().begin(), data.int32_data().end(), values.begin());
    }
    return values;
  }

  void add_nodes(const onnx::GraphProto& source) {
    std::set<std::string> later;  // what nodes write, to tell a wrong order from a missing tensor
    for (const onnx::NodeProto& node : source.node()) {
      later.insert(node.output().begin(), node.output().end());
    }
    graph_.nodes.reserve(static_cast<std::size_t>(source.node_size()));
    for (int n = 0; n < source.node_size(); ++n) add_node(source.node(n), n, later);
  }

  void add_node(const onnx::NodeProto& source, int place, const std::set<std::string>& later) {
    const std::string pointer = "/graph/node/" + std::to_string(place);
    OnnxNode node;
    node.name = checked_name(source.name(), pointer + "/name", "a node");
    node.op_type = checked_name(source.op_type(), pointer + "/op_type", "an operator");
    node.domain = checked_name(source.domain(), pointer + "/domain", "an operator's domain");
    if (node.domain == "ai.onnx") node.domain.clear();
    if (node.op_type.empty()) throw error(pointer + "/op_type", "a node without an operator");
    for (int i = 0; i < source.input_size(); ++i) {
      const std::string& name = source.input(i);
      if (name.empty()) {
        node.inputs.push_back(-1);
        continue;
      }
      const std::string where = pointer + "/input/" + std::to_string(i);
      checked_name(name, where, "a tensor");
      const auto found = graph_.tensor_index.find(name);
      const OnnxTensor* tensor =
          found == graph_.tensor_index.end() ? nullptr : &graph_.tensor(found->second);
      if (!tensor || (tensor->producer < 0 && !tensor->graph_input && !tensor->initializer)) {
        if (later.count(name) > 0) {
          throw error(where,
                      "node " + in_quotes(node.name) + " reads " + in_quotes(name) +
                          " before it is written: a cycle, or nodes out of order",
                      "list each node after those whose outputs it reads");
        }
        throw error(where,
                    "node " + in_quotes(node.name) + " reads " + in_quotes(name) +
                        ", which no node writes and which is neither an input nor an initializer",
                    "export the model again, or declare the tensor as a graph input");
      }
      node.inputs.push_back(found->second);
    }
    for (int i = 0; i < source.output_size(); ++i) {
      const std::string& name = source.output(i);
      if (name.empty()) {
        node.outputs.push_back(-1);
        continue;
      }
      const std::string where = pointer + "/output/" + std::to_string(i);
      OnnxTensor& tensor = tensor_of(checked_name(name, where, "a tensor"));
      if (tensor.producer >= 0 || tensor.graph_input || tensor.initializer) {
        throw error(where, "tensor " + in_quotes(name) + " is written a second time",
                    "every tensor has one producer: a node, a graph input or an initializer");
      }
      tensor.producer = place;
      node.outputs.push_back(graph_.tensor_index.at(name));
    }
    add_attributes(source, node, pointer);
    if (node.op_type == "Constant" && node.domain.empty())
      take_constant_node(source, node, pointer);
    graph_.nodes.push_back(std::move(node));
  }

  void add_attributes(const onnx::NodeProto& source, OnnxNode& node, const std::string& pointer) {
    using Kind = OnnxAttribute::Kind;
    using Proto = onnx::AttributeProto;
    std::set<std::string_view> names;
    for (int a = 0; a < source.attribute_size(); ++a) {
      const Proto& proto = source.attribute(a);
      const std::string where = pointer + "/attribute/" + std::to_string(a);
      OnnxAttribute attribute;
      attribute.name = checked_name(proto.name(), where + "/name", "an attribute");
      if (!names.insert(proto.name()).second) {
        throw error(where, "attribute " + in_quotes(proto.name()) + " is given twice");
      }
      if (proto.type() == Proto::INT || (proto.type() == Proto::UNDEFINED && proto.has_i())) {
        attribute.kind = Kind::integer;
        attribute.integers = {proto.i()};
      } else if (proto.type() == Proto::INTS ||
                 (proto.type() == Proto::UNDEFINED && proto.ints_size() > 0)) {
        attribute.kind = Kind::integers;
        attribute.integers.assign(proto.ints().begin(), proto.ints().end());
      } else if (proto.type() == Proto::FLOAT) {
        attribute.kind = Kind::real;
        attribute.reals = {static_cast<double>(proto.f())};
      } else if (proto.type() == Proto::FLOATS) {
        attribute.kind = Kind::reals;
        attribute.reals.assign(proto.floats().begin(), proto.floats().end());
      } else if (proto.type() == Proto::STRING) {
        attribute.kind = Kind::text;
        attribute.text = proto.s();
      } else if (proto.type() == Proto::TENSOR) {
        attribute.kind = Kind::tensor;
        OnnxTensor tensor;
        take_constant(proto.t(), tensor, where + "/t");
        if (tensor.values) attribute.integers = std::move(*tensor.values);
      } else if (proto.type() == Proto::GRAPH || proto.type() == Proto::GRAPHS || proto.has_g() ||
                 proto.graphs_size() > 0) {
        node.has_subgraph = true;
      }
      node.attributes.push_back(std::move(attribute));
    }
  }

  // The output of a Constant node is known from its attribute.
  void take_constant_node(const onnx::NodeProto& source, const OnnxNode& node,
                          const std::string& pointer) {
    if (node.outputs.empty() || node.outputs[0] < 0) return;
    OnnxTensor& tensor = graph_.tensors[static_cast<std::size_t>(node.outputs[0])];
    for (int a = 0; a < source.attribute_size(); ++a) {
      const onnx::AttributeProto& proto = source.attribute(a);
      if (proto.name() == "value" && proto.has_t()) {
        take_constant(proto.t(), tensor, pointer + "/attribute/" + std::to_string(a) + "/t");
      } else if (proto.name() == "value_int" || proto.name() == "value_ints") {
        const bool list = proto.name() == "value_ints";
        if (!tensor.shape) tensor.shape = list ? OnnxShape{{proto.ints_size(), ""}} : OnnxShape{};
        if (tensor.element_type == 0) tensor.element_type = onnx::TensorProto::INT64;
        if (!list) {
          tensor.values = {proto.i()};
        } else if (proto.ints_size() <= kMaxOnnxConstants) {
          tensor.values.emplace(proto.ints().begin(), proto.ints().end());
        }
      }
    }
  }

  void check_outputs() const {
    for (std::size_t i = 0; i < graph_.outputs.size(); ++i) {
      const OnnxTensor& tensor = graph_.tensor(graph_.outputs[i]);
      if (tensor.producer < 0 && !tensor.graph_input && !tensor.initializer) {
        throw error("/graph/output/" + std::to_string(i),
                    "no node writes the output " + in_quotes(tensor.name));
      }
    }
  }

  void check_dims() const {
    const std::vector<std::string> known(symbols_.begin(), symbols_.end());
    for (const auto& [name, size] : options_.dims) {
      if (symbols_.count(name) > 0) continue;
      throw error("", "the model has no symbolic dimension " + in_quotes(name) + " (--dim)",
                  known.empty() ? "none of its dimensions is symbolic" : suggestion(name, known));
    }
  }

  // Whether a node's first input or first output lacks its shape or a part of it.
  bool lacks_shapes() const {
    const auto incomplete = [&](const std::vector<int>& tensors) {
      if (tensors.empty() || tensors[0] < 0) return false;
      const OnnxTensor& tensor = graph_.tensor(tensors[0]);
      return !tensor.shape || std::any_of(tensor.shape->begin(), tensor.shape->end(),
                                          [](const OnnxDim& dim) { return dim.size == 0; });
    };
    return std::any_of(graph_.nodes.begin(), graph_.nodes.end(), [&](const OnnxNode& node) {
      return incomplete(node.inputs) || incomplete(node.outputs);
    });
  }

  const onnx::ModelProto& model_;
  const OnnxOptions& options_;
  OnnxGraph graph_;
  std::set<std::string> symbols_;
};

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
                     "onnx.shape_inference.infer_shapes");
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

const OnnxTensor* OnnxGraph::find(std::string_view tensor) const {
  const auto it = tensor_index.find(std::string(tensor));
  return it == tensor_index.end() ? nullptr : &tensors[static_cast<std::size_t>(it->second)];
}

std::string OnnxGraph::node_name(int node) const {
  const std::string& given = nodes[static_cast<std::size_t>(node)].name;
  return given.empty() ? "Op" + std::to_string(node) : given;
}

std::vector<int> OnnxGraph::predecessors(int node) const {
  std::vector<int> result;
  for (const int input : nodes[static_cast<std::size_t>(node)].inputs) {
    if (input >= 0 && tensor(input).producer >= 0) result.push_back(tensor(input).producer);
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
  return Builder(model, name, options).build();
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
  return Builder(model, file, options).build();
}

InputError onnx_error(const OnnxGraph& graph, int node, const std::string& problem,
                      const std::string& remedy) {
  return {{graph.file, "/graph/node/" + std::to_string(node), 0, 0},
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
  if (!entry.symbol.empty()) {
    throw onnx_error(graph, node, which + " is symbolic: " + in_quotes(entry.symbol),
                     "give it a value with --dim " + entry.symbol + "=N");
  }
  throw onnx_error(graph, node, which + " is not known",
                   "export the model with fixed shapes, or give the symbolic dimensions of its "
                   "inputs values with --dim NAME=N");
}

}  // namespace ridgeline::io
