#include "io/onnx/graph_builder.hpp"

#include <onnx/onnx_pb.h>

#include <algorithm>
#include <cstring>
#include <set>

#include "io/document/nearest.hpp"
#include "io/onnx/constant_folding.hpp"
#include "io/onnx/onnx_inference.hpp"
#include "io/onnx/shape_rules.hpp"
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
      : model_(model), options_(options), library_(model, graph_) {
    graph_.file = file;
    for (const auto& [name, size] : options.dims) {
      const std::size_t colon = name.rfind(':');
      if (colon == std::string::npos || colon + 1 == name.size()) continue;
      const std::string axis = name.substr(colon + 1);
      if (axis.size() > 2 || axis.find_first_not_of("0123456789") != std::string::npos) continue;
      axes_given_[name.substr(0, colon)].push_back({std::stoi(axis), size, name});
    }
  }

  OnnxGraph build() {
    check_model();
    const onnx::GraphProto& source = model_.graph();
    graph_.name = checked_name(source.name(), "/graph/name", "the graph");
    collect_functions();
    add_values(source);
    add_nodes(source);
    check_outputs();
    check_dims();
    list_symbols();
    note_stripped();
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
  // A size of 0 that is stored is known to be 0.
  OnnxDim make_dim(const onnx::TensorShapeProto::Dimension& dim, const std::string& pointer) {
    OnnxDim made = make_dim(dim.has_dim_value() ? dim.dim_value() : 0, dim.dim_param(), pointer);
    made.zero = dim.has_dim_value() && dim.dim_value() == 0;
    return made;
  }

  // Values that `--dim TENSOR:AXIS=N` gives.
  void give_axes(OnnxTensor& tensor) {
    const auto given = axes_given_.find(tensor.name);
    if (given == axes_given_.end() || !tensor.shape) return;
    for (GivenAxis& entry : given->second) {
      if (entry.axis >= static_cast<int>(tensor.shape->size())) continue;
      OnnxDim& dim = (*tensor.shape)[static_cast<std::size_t>(entry.axis)];
      if (is_known(dim) && dim.size != entry.size) {
        throw error("",
                    "dimension " + std::to_string(entry.axis) + " of tensor " +
                        in_quotes(tensor.name) + " is " + std::to_string(dim.size) +
                        ", and --dim says " + std::to_string(entry.size),
                    "--dim settles what the model leaves open");
      }
      dim = {entry.size, ""};
      entry.used = true;
    }
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
      shape.push_back(make_dim(type.shape().dim(d),
                               pointer + "/type/tensor_type/shape/dim/" + std::to_string(d)));
    }
    check_elements(shape, pointer, info.name());
    if (!tensor.shape) tensor.shape = std::move(shape);
    give_axes(tensor);
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
      tensor.constant = true;
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
      shape.push_back({dim, "", dim == 0});
    }
    check_elements(shape, pointer, tensor.name);
    for (const OnnxDim& dim : shape) elements *= dim.size;
    if (tensor.element_type == 0) tensor.element_type = data.data_type();
    if (!tensor.shape) tensor.shape = std::move(shape);
    if (elements > kMaxOnnxConstants) return;
    tensor.values = integers_of(data, elements);
    if (!tensor.values) tensor.reals = reals_of(data, elements);
  }

  // Of small arrays only: what decides shapes is small.
  static std::optional<std::vector<double>> reals_of(const onnx::TensorProto& data,
                                                     std::int64_t elements) {
    onnx::TensorProto copy;
    if (elements > 1024 || !copy_small_tensor(data, copy)) return {};
    std::vector<double> values;
    if (data.data_type() == onnx::TensorProto::FLOAT) {
      for (std::int64_t i = 0; i < elements; ++i) {
        float x = 0;
        if (copy.has_raw_data()) {
          std::memcpy(&x, copy.raw_data().data() + i * 4, 4);
        } else {
          x = copy.float_data(static_cast<int>(i));
        }
        values.push_back(static_cast<double>(x));
      }
    } else if (data.data_type() == onnx::TensorProto::DOUBLE) {
      for (std::int64_t i = 0; i < elements; ++i) {
        double x = 0;
        if (copy.has_raw_data()) {
          std::memcpy(&x, copy.raw_data().data() + i * 8, 8);
        } else {
          x = copy.double_data(static_cast<int>(i));
        }
        values.push_back(x);
      }
    } else {
      return {};
    }
    return values;
  }

  static std::optional<std::vector<std::int64_t>> truths_of(const onnx::TensorProto& data,
                                                            std::int64_t elements) {
    std::vector<std::int64_t> values;
    const bool raw = data.has_raw_data();
    const auto held = raw ? static_cast<std::int64_t>(data.raw_data().size())
                          : static_cast<std::int64_t>(data.int32_data_size());
    if (held != elements) return {};
    for (std::int64_t i = 0; i < elements; ++i) {
      values.push_back(raw ? data.raw_data()[static_cast<std::size_t>(i)] != 0
                           : data.int32_data(static_cast<int>(i)) != 0);
    }
    return values;
  }

  static std::optional<std::vector<std::int64_t>> integers_of(const onnx::TensorProto& data,
                                                              std::int64_t elements) {
    if (data.data_location() == onnx::TensorProto::EXTERNAL || data.has_segment()) return {};
    const bool wide = data.data_type() == onnx::TensorProto::INT64;
    if (data.data_type() == onnx::TensorProto::BOOL) return truths_of(data, elements);
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

  // Names inside a local function or a branch. Those of a branch reach its surroundings, those of
  // a function do not.
  struct Scope {
    const Scope* outer = nullptr;
    bool function = false;
    std::unordered_map<std::string, int> names{};  // -1: an optional input left out
    std::string prefix{};                          // of the names of nodes and tensors inside
    int depth = 0;
  };

  void add_nodes(const onnx::GraphProto& source) {
    std::set<std::string> later;  // what nodes write, to tell a wrong order from a missing tensor
    for (const onnx::NodeProto& node : source.node()) {
      later.insert(node.output().begin(), node.output().end());
    }
    graph_.nodes.reserve(static_cast<std::size_t>(source.node_size()));
    Scope top;
    for (int n = 0; n < source.node_size(); ++n) {
      file_node_ = n;
      add(source.node(n), top, later);
    }
  }

  void collect_functions() {
    for (const onnx::FunctionProto& function : model_.functions()) {
      functions_[{function.domain(), function.name()}] = &function;
    }
  }

  std::string pointer() const { return "/graph/node/" + std::to_string(file_node_); }

  // A node, or what stands for it.
  void add(const onnx::NodeProto& source, Scope& scope, const std::set<std::string>& later) {
    if (graph_.nodes.size() >= static_cast<std::size_t>(kMaxOnnxNodes)) {
      throw error(pointer(), "with its functions and branches the model has more than " +
                                 std::to_string(kMaxOnnxNodes) + " nodes");
    }
    const auto function = functions_.find({source.domain(), source.op_type()});
    if (function != functions_.end())
      return expand_function(source, *function->second, scope, later);
    if (source.op_type() == "If" && source.domain().empty()) {
      if (const onnx::GraphProto* branch = decided_branch(source, scope)) {
        return expand_branch(source, *branch, scope, later);
      }
    }
    add_node(source, scope, later);
  }

  void check_depth(const Scope& inside, const std::string& what) const {
    if (inside.depth > kMaxDepth) {
      throw error(pointer(), what + " is nested more than " + std::to_string(kMaxDepth) + " deep",
                  "a function may not contain itself");
    }
  }

  static std::string prefix_of(const onnx::NodeProto& caller, const Scope& scope,
                               std::size_t count) {
    std::string name =
        scope.prefix +
        (caller.name().empty() ? caller.op_type() + std::to_string(count) : caller.name());
    if (name.size() > kLongestName / 2) name = "#" + std::to_string(count);
    return name + "/";
  }

  void expand_function(const onnx::NodeProto& caller, const onnx::FunctionProto& function,
                       Scope& scope, const std::set<std::string>& later) {
    Scope inside{nullptr, true, {}, prefix_of(caller, scope, graph_.nodes.size()), scope.depth + 1};
    check_depth(inside, "function " + in_quotes(function.name()));
    for (int i = 0; i < function.input_size(); ++i) {
      const bool given = i < caller.input_size() && !caller.input(i).empty();
      inside.names[function.input(i)] =
          given ? read(caller.input(i), caller, scope, later, true) : -1;
    }
    const std::vector<std::string> outputs(function.output().begin(), function.output().end());
    std::set<std::string> written;
    for (const onnx::NodeProto& node : function.node()) {
      written.insert(node.output().begin(), node.output().end());
    }
    hand_out(outputs, written, caller, scope, inside, later);
    for (const onnx::NodeProto& node : function.node()) {
      onnx::NodeProto copy = node;
      resolve_attributes(copy, caller);
      add(copy, inside, written);
    }
  }

  // Attributes that a function takes from its caller.
  static void resolve_attributes(onnx::NodeProto& node, const onnx::NodeProto& caller) {
    onnx::NodeProto resolved = node;
    resolved.clear_attribute();
    for (const onnx::AttributeProto& attribute : node.attribute()) {
      if (attribute.ref_attr_name().empty()) {
        *resolved.add_attribute() = attribute;
        continue;
      }
      for (const onnx::AttributeProto& given : caller.attribute()) {
        if (given.name() != attribute.ref_attr_name()) continue;
        onnx::AttributeProto* copy = resolved.add_attribute();
        *copy = given;
        copy->set_name(attribute.name());
      }
    }
    node = std::move(resolved);
  }

  const onnx::GraphProto* decided_branch(const onnx::NodeProto& source, Scope& scope) const {
    if (source.input_size() != 1) return nullptr;
    const int condition = find(source.input(0), scope);
    if (condition < 0 || !graph_.tensor(condition).values) return nullptr;
    const auto& values = *graph_.tensor(condition).values;
    if (values.size() != 1) return nullptr;
    const char* wanted = values.front() != 0 ? "then_branch" : "else_branch";
    for (const onnx::AttributeProto& attribute : source.attribute()) {
      if (attribute.name() == wanted && attribute.has_g()) return &attribute.g();
    }
    return nullptr;
  }

  void expand_branch(const onnx::NodeProto& caller, const onnx::GraphProto& branch, Scope& scope,
                     const std::set<std::string>& later) {
    Scope inside{&scope, false, {}, prefix_of(caller, scope, graph_.nodes.size()), scope.depth + 1};
    check_depth(inside, "a branch of If");
    for (const onnx::TensorProto& data : branch.initializer()) {
      checked_name(data.name(), pointer(), "a tensor");
      OnnxTensor& tensor = tensor_of(inside.prefix + data.name());
      tensor.initializer = true;
      tensor.constant = true;
      take_constant(data, tensor, pointer());
      inside.names[data.name()] = graph_.tensor_index.at(tensor.name);
    }
    std::set<std::string> written;
    for (const onnx::NodeProto& node : branch.node()) {
      written.insert(node.output().begin(), node.output().end());
    }
    std::vector<std::string> outputs;
    for (const onnx::ValueInfoProto& output : branch.output()) outputs.push_back(output.name());
    hand_out(outputs, written, caller, scope, inside, later);
    for (const onnx::NodeProto& node : branch.node()) add(node, inside, written);
  }

  // Outputs of what is expanded are those of its caller. What is handed through unchanged gets an
  // Identity.
  void hand_out(const std::vector<std::string>& outputs, const std::set<std::string>& written,
                const onnx::NodeProto& caller, Scope& scope, Scope& inside,
                const std::set<std::string>& later) {
    for (std::size_t o = 0; o < outputs.size(); ++o) {
      if (static_cast<int>(o) >= caller.output_size()) break;
      const std::string& name = caller.output(static_cast<int>(o));
      if (name.empty()) continue;
      if (written.contains(outputs[o]) && !inside.names.contains(outputs[o])) {
        inside.names[outputs[o]] = tensor_inside(name, scope);
        continue;
      }
      const int place = find(outputs[o], inside);
      if (place < 0) continue;
      onnx::NodeProto identity;
      identity.set_op_type("Identity");
      identity.set_name(inside.prefix + "output" + std::to_string(o));
      identity.add_input("in");
      identity.add_output(name);
      Scope between{&scope, false, {{"in", place}}, scope.prefix, scope.depth};
      const auto known = scope.names.find(name);
      between.names[name] = known == scope.names.end() ? tensor_inside(name, scope) : known->second;
      add_node(identity, between, later);
    }
  }

  // The tensor of a name that is written in the scope.
  int tensor_inside(const std::string& name, Scope& scope) {
    const auto known = scope.names.find(name);
    if (known != scope.names.end()) return known->second;
    const bool top = scope.outer == nullptr && !scope.function;
    const std::string& checked = checked_name(name, pointer(), "a tensor");
    const OnnxTensor& tensor = tensor_of(top ? checked : scope.prefix + checked);
    const int place = graph_.tensor_index.at(tensor.name);
    if (!top) scope.names[name] = place;
    return place;
  }

  // A tensor that is there already; -1 where there is none.
  int find(const std::string& name, const Scope& scope) const {
    for (const Scope* s = &scope;; s = s->outer) {
      const auto known = s->names.find(name);
      if (known != s->names.end()) {
        const bool there = known->second >= 0 && is_there(graph_.tensor(known->second));
        return there ? known->second : -1;
      }
      if (s->function) return -1;
      if (s->outer == nullptr) break;
    }
    const auto found = graph_.tensor_index.find(name);
    return found != graph_.tensor_index.end() && is_there(graph_.tensor(found->second))
               ? found->second
               : -1;
  }
  static bool is_there(const OnnxTensor& tensor) {
    return tensor.producer >= 0 || tensor.graph_input || tensor.initializer;
  }

  int read(const std::string& name, const onnx::NodeProto& reader, Scope& scope,
           const std::set<std::string>& later, bool others_known) {
    checked_name(name, pointer(), "a tensor");
    for (const Scope* s = &scope; s; s = s->outer) {
      const auto known = s->names.find(name);
      if (known != s->names.end() && known->second < 0) return -1;
    }
    const int found = find(name, scope);
    if (found >= 0) return found;
    if (later.count(name) > 0) {
      throw error(pointer(),
                  "node " + in_quotes(reader.name()) + " reads " + in_quotes(name) +
                      " before it is written: a cycle, or nodes out of order",
                  "list each node after those whose outputs it reads");
    }
    const bool top = scope.outer == nullptr && !scope.function;
    if (!top || !others_known) {
      throw error(pointer(),
                  "node " + in_quotes(reader.name()) + " reads " + in_quotes(name) +
                      ", which no node writes and which is neither an input nor an initializer",
                  "export the model again, or declare the tensor as a graph input");
    }
    // A model whose weights were cut out.
    OnnxTensor& tensor = tensor_of(name);
    tensor.initializer = true;
    tensor.constant = true;
    stripped_.push_back(name);
    return graph_.tensor_index.at(name);
  }

  void add_node(const onnx::NodeProto& source, Scope& scope, const std::set<std::string>& later) {
    const int place = static_cast<int>(graph_.nodes.size());
    OnnxNode node;
    node.file_place = file_node_;
    node.name = checked_name(source.name(), pointer() + "/name", "a node");
    if (!scope.prefix.empty()) {
      node.name =
          scope.prefix + (node.name.empty() ? source.op_type() + std::to_string(place) : node.name);
    }
    node.op_type = checked_name(source.op_type(), pointer() + "/op_type", "an operator");
    node.domain = checked_name(source.domain(), pointer() + "/domain", "an operator's domain");
    if (node.domain == "ai.onnx") node.domain.clear();
    if (node.op_type.empty()) throw error(pointer() + "/op_type", "a node without an operator");
    const bool others_known = std::any_of(
        source.input().begin(), source.input().end(),
        [&](const std::string& name) { return !name.empty() && find(name, scope) >= 0; });
    for (const std::string& name : source.input()) {
      node.inputs.push_back(name.empty() ? -1 : read(name, source, scope, later, others_known));
    }
    for (int i = 0; i < source.output_size(); ++i) {
      const std::string& name = source.output(i);
      if (name.empty()) {
        node.outputs.push_back(-1);
        continue;
      }
      const int tensor_place = tensor_inside(name, scope);
      OnnxTensor& tensor = graph_.tensors[static_cast<std::size_t>(tensor_place)];
      if (is_there(tensor)) {
        throw error(pointer() + "/output/" + std::to_string(i),
                    "tensor " + in_quotes(name) + " is written a second time",
                    "every tensor has one producer: a node, a graph input or an initializer");
      }
      tensor.producer = place;
      node.outputs.push_back(tensor_place);
    }
    add_attributes(source, node, pointer());
    if (node.op_type == "Constant" && node.domain.empty())
      take_constant_node(source, node, pointer());
    graph_.nodes.push_back(std::move(node));
    follow(place, source);
  }

  // Shapes and values of what the newest node writes.
  void follow(int place, const onnx::NodeProto& source) {
    if (!infer_shapes(graph_, place)) library_.infer(place, source);
    const auto give = [&] {
      for (const int output : graph_.nodes[static_cast<std::size_t>(place)].outputs) {
        if (output >= 0) give_axes(graph_.tensors[static_cast<std::size_t>(output)]);
      }
    };
    if (!axes_given_.empty()) give();
    fold_constants(graph_, place, budget_);
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
      const auto given = axes_given_.find(name.substr(0, name.rfind(':')));
      if (given != axes_given_.end()) {
        const bool used =
            std::any_of(given->second.begin(), given->second.end(),
                        [&n = name](const GivenAxis& a) { return a.used && a.option == n; });
        if (used) continue;
        throw error("", "the model has no tensor with the axis " + in_quotes(name) + " (--dim)",
                    "TENSOR:AXIS=N, axes counted from 0");
      }
      throw error("", "the model has no symbolic dimension " + in_quotes(name) + " (--dim)",
                  known.empty() ? "none of its dimensions is symbolic" : suggestion(name, known));
    }
  }

  void list_symbols() {
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

  void note_stripped() {
    if (stripped_.empty()) return;
    graph_.notes.push_back("the model has no weights: " + in_quotes(stripped_.front()) +
                           (stripped_.size() > 1
                                ? " and " + std::to_string(stripped_.size() - 1) + " more are"
                                : " is") +
                           " taken as constant");
  }

  const onnx::ModelProto& model_;
  const OnnxOptions& options_;
  static constexpr int kMaxDepth = 32;

  struct GivenAxis {
    int axis = 0;
    std::int64_t size = 0;
    std::string option;
    bool used = false;
  };

  OnnxGraph graph_;
  std::set<std::string> symbols_;
  std::map<std::string, std::vector<GivenAxis>> axes_given_;  // by tensor
  std::map<std::pair<std::string, std::string>, const onnx::FunctionProto*> functions_;
  std::vector<std::string> stripped_;
  int file_node_ = 0;
  FoldingBudget budget_;
  LibraryInference library_;
};

}  // namespace

OnnxGraph build_onnx_graph(const onnx::ModelProto& model, const std::string& file,
                           const OnnxOptions& options) {
  return Builder(model, file, options).build();
}

}  // namespace ridgeline::io
