#include "io/onnx/graph_builder.hpp"

#include <onnx/onnx_pb.h>

#include <algorithm>
#include <set>

#include "io/onnx/constant_folding.hpp"
#include "io/onnx/graph_tensors.hpp"
#include "io/onnx/model_checks.hpp"
#include "io/onnx/onnx_inference.hpp"
#include "io/onnx/shape_rules.hpp"

namespace ridgeline::io {

namespace {

class Builder {
 public:
  Builder(const onnx::ModelProto& model, const std::string& file, const OnnxOptions& options)
      : model_(model), tensors_(graph_, options), library_(model, graph_) {
    graph_.file = file;
  }

  OnnxGraph build() {
    check_model();
    const onnx::GraphProto& source = model_.graph();
    graph_.name = checked_name(graph_, source.name(), "/graph/name", "the graph");
    collect_functions();
    tensors_.add_values(source);
    add_nodes(source);
    check_outputs();
    tensors_.check_dims();
    tensors_.list_symbols();
    note_stripped();
    return std::move(graph_);
  }

 private:
  void check_model() {
    if (!model_.has_graph() || model_.ir_version() < 1) {
      throw model_error(graph_, "", "is no ONNX model", "a model has an ir_version and a graph");
    }
    if (model_.graph().node_size() == 0)
      throw model_error(graph_, "/graph/node", "the graph has no nodes");
    if (model_.graph().node_size() > kMaxOnnxNodes) {
      throw model_error(graph_, "/graph/node",
                        "the graph has " + std::to_string(model_.graph().node_size()) +
                            " nodes, more than " + std::to_string(kMaxOnnxNodes));
    }
    const onnx::GraphProto& source = model_.graph();
    if (source.initializer_size() > kMaxOnnxTensors || source.input_size() > kMaxOnnxTensors ||
        source.value_info_size() > kMaxOnnxTensors || source.output_size() > kMaxOnnxTensors) {
      throw model_error(
          graph_, "/graph",
          "the graph has more than " + std::to_string(kMaxOnnxTensors) + " tensors of one kind");
    }
    for (int i = 0; i < model_.opset_import_size(); ++i) {
      const onnx::OperatorSetIdProto& entry = model_.opset_import(i);
      if (!entry.domain().empty() && entry.domain() != "ai.onnx") continue;
      if (entry.version() < 1) {
        throw model_error(graph_, "/opset_import/" + std::to_string(i) + "/version",
                          "operator set " + std::to_string(entry.version()) + " does not exist",
                          "versions start at 1");
      }
      graph_.opset = entry.version();
    }
    if (model_.opset_import_size() == 0 && model_.ir_version() >= 3) {
      throw model_error(graph_, "/opset_import", "the model names no operator set",
                        "the file may have been cut off; export the model again");
    }
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
      throw model_error(graph_, pointer(),
                        "with its functions and branches the model has more than " +
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
      throw model_error(graph_, pointer(),
                        what + " is nested more than " + std::to_string(kMaxDepth) + " deep",
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
      checked_name(graph_, data.name(), pointer(), "a tensor");
      OnnxTensor& tensor = tensors_.named(inside.prefix + data.name());
      tensor.initializer = true;
      tensor.constant = true;
      tensors_.take_constant(data, tensor, pointer());
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
      between.names[name] = tensor_inside(name, scope);
      add_node(identity, between, later);
    }
  }

  // The tensor of a name that is written in the scope.
  int tensor_inside(const std::string& name, Scope& scope) {
    const auto known = scope.names.find(name);
    if (known != scope.names.end()) {
      if (known->second >= 0) return known->second;
      throw model_error(graph_, pointer(),
                        "tensor " + in_quotes(name) + " is written where it is an input of the " +
                            "function, which its caller leaves out",
                        "every tensor has one producer: a node, a graph input or an initializer");
    }
    const bool top = scope.outer == nullptr && !scope.function;
    const std::string& checked = checked_name(graph_, name, pointer(), "a tensor");
    const OnnxTensor& tensor = tensors_.named(top ? checked : scope.prefix + checked);
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
    checked_name(graph_, name, pointer(), "a tensor");
    for (const Scope* s = &scope; s; s = s->outer) {
      const auto known = s->names.find(name);
      if (known != s->names.end() && known->second < 0) return -1;
    }
    const int found = find(name, scope);
    if (found >= 0) return found;
    if (later.count(name) > 0) {
      throw model_error(graph_, pointer(),
                        "node " + in_quotes(reader.name()) + " reads " + in_quotes(name) +
                            " before it is written: a cycle, or nodes out of order",
                        "list each node after those whose outputs it reads");
    }
    const bool top = scope.outer == nullptr && !scope.function;
    if (!top || !others_known) {
      throw model_error(
          graph_, pointer(),
          "node " + in_quotes(reader.name()) + " reads " + in_quotes(name) +
              ", which no node writes and which is neither an input nor an initializer",
          "export the model again, or declare the tensor as a graph input");
    }
    // A model whose weights were cut out.
    OnnxTensor& tensor = tensors_.named(name);
    tensor.initializer = true;
    tensor.constant = true;
    stripped_.push_back(name);
    return graph_.tensor_index.at(name);
  }

  void add_node(const onnx::NodeProto& source, Scope& scope, const std::set<std::string>& later) {
    const int place = static_cast<int>(graph_.nodes.size());
    OnnxNode node;
    node.file_place = file_node_;
    node.name = checked_name(graph_, source.name(), pointer() + "/name", "a node");
    if (!scope.prefix.empty()) {
      node.name =
          scope.prefix + (node.name.empty() ? source.op_type() + std::to_string(place) : node.name);
    }
    node.op_type = checked_name(graph_, source.op_type(), pointer() + "/op_type", "an operator");
    node.domain =
        checked_name(graph_, source.domain(), pointer() + "/domain", "an operator's domain");
    if (node.domain == "ai.onnx") node.domain.clear();
    if (node.op_type.empty())
      throw model_error(graph_, pointer() + "/op_type", "a node without an operator");
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
        throw model_error(graph_, pointer() + "/output/" + std::to_string(i),
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
        if (output >= 0) tensors_.give_axes(graph_.tensors[static_cast<std::size_t>(output)]);
      }
    };
    if (tensors_.gives_axes()) give();
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
      attribute.name = checked_name(graph_, proto.name(), where + "/name", "an attribute");
      if (!names.insert(proto.name()).second) {
        throw model_error(graph_, where,
                          "attribute " + in_quotes(proto.name()) + " is given twice");
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
        tensors_.take_constant(proto.t(), tensor, where + "/t");
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
        tensors_.take_constant(proto.t(), tensor,
                               pointer + "/attribute/" + std::to_string(a) + "/t");
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
        throw model_error(graph_, "/graph/output/" + std::to_string(i),
                          "no node writes the output " + in_quotes(tensor.name));
      }
    }
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
  static constexpr int kMaxDepth = 32;

  OnnxGraph graph_;
  GraphTensors tensors_;
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
