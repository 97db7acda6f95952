#include "io/onnx/onnx_inference.hpp"

#include <onnx/defs/schema.h>
#include <onnx/onnx_pb.h>
#include <onnx/shape_inference/implementation.h>

#include <algorithm>
#include <array>
#include <exception>
#include <set>

#include "model/core/limits.hpp"

namespace ridgeline::io {

namespace {

constexpr int kMaxSmallElements = 1024;
constexpr std::int64_t kMaxWindow = std::int64_t{1} << 31;

// The library divides by strides and multiplies windows without looking; other values than
// these are no convolution or pooling anyway.
bool sane_window(const onnx::NodeProto& node) {
  constexpr std::array<std::string_view, 3> kPositive = {"strides", "dilations", "kernel_shape"};
  for (const onnx::AttributeProto& attribute : node.attribute()) {
    const bool positive =
        std::find(kPositive.begin(), kPositive.end(), attribute.name()) != kPositive.end();
    const bool window = positive || attribute.name() == "pads" ||
                        attribute.name() == "output_padding" || attribute.name() == "output_shape";
    if (window && std::any_of(attribute.ints().begin(), attribute.ints().end(), [&](auto value) {
          return value < (positive ? 1 : -kMaxWindow) || value > kMaxWindow;
        })) {
      return false;
    }
    if (attribute.name() == "group" && (attribute.i() < 1 || attribute.i() > kMaxWindow)) {
      return false;
    }
  }
  return true;
}

// Copies what inference needs of a node; false where the library should not see it.
bool copy_node(const onnx::NodeProto& node, const onnx::OpSchema& schema, onnx::NodeProto& copy) {
  copy.set_op_type(node.op_type());
  copy.set_name(node.name());
  for (const std::string& input : node.input()) copy.add_input(input);
  for (const std::string& output : node.output()) copy.add_output(output);
  for (const onnx::AttributeProto& attribute : node.attribute()) {
    // Attributes of others, such as our own precisions, are none of the library's business.
    if (schema.attributes().count(attribute.name()) == 0) continue;
    switch (attribute.type()) {
      case onnx::AttributeProto::FLOAT:
      case onnx::AttributeProto::INT:
      case onnx::AttributeProto::STRING:
      case onnx::AttributeProto::FLOATS:
      case onnx::AttributeProto::INTS:
      case onnx::AttributeProto::STRINGS:
        *copy.add_attribute() = attribute;
        break;
      case onnx::AttributeProto::TENSOR: {
        onnx::AttributeProto* small = copy.add_attribute();
        small->set_name(attribute.name());
        small->set_type(attribute.type());
        if (!copy_small_tensor(attribute.t(), *small->mutable_t())) return false;
        break;
      }
      default:  // subgraphs above all: a body may nest and recurse as it likes
        return false;
    }
  }
  return sane_window(node);
}

void copy_type(const OnnxTensor& tensor, onnx::ValueInfoProto& info) {
  info.set_name(tensor.name);
  onnx::TypeProto::Tensor* type = info.mutable_type()->mutable_tensor_type();
  type->set_elem_type(tensor.element_type);
  onnx::TensorShapeProto* shape = type->mutable_shape();
  for (const OnnxDim& dim : *tensor.shape) {
    onnx::TensorShapeProto::Dimension* entry = shape->add_dim();
    if (dim.size > 0) {
      entry->set_dim_value(dim.size);
    } else if (!dim.symbol.empty()) {
      entry->set_dim_param(dim.symbol);
    }
  }
}

// Operators without a rule of our own whose inference in the library has been read and looks at
// nothing that may not be there.
constexpr std::array<std::string_view, 13> kTrusted = {"Bernoulli",
                                                       "Compress",
                                                       "Det",
                                                       "EyeLike",
                                                       "GridSample",
                                                       "MaxRoiPool",
                                                       "Multinomial",
                                                       "NonMaxSuppression",
                                                       "RandomNormalLike",
                                                       "RandomUniformLike",
                                                       "ReverseSequence",
                                                       "RoiAlign",
                                                       "Unique"};

}  // namespace

class LibraryInference::Impl {
 public:
  Impl(const onnx::ModelProto& model, OnnxGraph& graph) : graph_(graph) {
    for (const onnx::TensorProto& tensor : model.graph().initializer()) {
      constants_.emplace(tensor.name(), &tensor);
    }
  }

  // Node by node, so that each call of the library sees only what has been checked.
  void run(int place, const onnx::NodeProto& source) {
    const OnnxNode& node = graph_.nodes[static_cast<std::size_t>(place)];
    if (lacks_shape(node) && is_safe(node)) infer(node, source);
  }

 private:
  template <std::size_t N>
  static bool one_of(const std::array<std::string_view, N>& names, std::string_view name) {
    return std::find(names.begin(), names.end(), name) != names.end();
  }

  int opset() const {
    return static_cast<int>(std::clamp<std::int64_t>(graph_.opset, 1, 1'000'000));
  }

  bool lacks_shape(const OnnxNode& node) const {
    return std::any_of(node.outputs.begin(), node.outputs.end(), [&](int output) {
      if (output < 0) return false;
      const OnnxTensor& tensor = graph_.tensor(output);
      return !tensor.shape || std::any_of(tensor.shape->begin(), tensor.shape->end(),
                                          [](const OnnxDim& dim) { return dim.size == 0; });
    });
  }

  bool is_safe(const OnnxNode& node) const {
    if (!node.domain.empty() || node.has_subgraph || !one_of(kTrusted, node.op_type)) return false;
    return std::all_of(node.inputs.begin(), node.inputs.end(), [&](int place) {
      return place < 0 || (graph_.tensor(place).shape && graph_.tensor(place).element_type != 0);
    });
  }

  void infer(const OnnxNode& node, const onnx::NodeProto& source) {
    const onnx::OpSchema* schema = onnx::OpSchemaRegistry::Schema(node.op_type, opset());
    if (!schema) return;
    for (std::size_t i = 0; i < static_cast<std::size_t>(std::max(schema->min_input(), 0)); ++i) {
      if (i >= node.inputs.size() || node.inputs[i] < 0) return;
    }
    onnx::GraphProto single;
    single.set_name("node");
    if (!copy_node(source, *schema, *single.add_node())) return;
    std::set<int> added;
    for (const int place : node.inputs) {
      if (place < 0 || !added.insert(place).second) continue;
      const OnnxTensor& tensor = graph_.tensor(place);
      copy_type(tensor, *single.add_input());
      add_constant(tensor, single);
    }
    try {
      schema->Verify(single.node(0));
      onnx::shape_inference::InferShapes(&single, {{std::string(), opset()}});
    } catch (const std::exception& error) {
      if (graph_.inference_problem.empty()) graph_.inference_problem = error.what();
      return;
    }
    for (const onnx::ValueInfoProto& info : single.value_info()) take_shape(node, info);
  }

  void add_constant(const OnnxTensor& tensor, onnx::GraphProto& single) const {
    onnx::TensorProto small;
    if (tensor.initializer) {
      const auto found = constants_.find(tensor.name);
      if (found == constants_.end() || !copy_small_tensor(*found->second, small)) return;
    } else if (tensor.values && tensor.element_type == onnx::TensorProto::INT64 &&
               tensor.values->size() <= kMaxSmallElements) {
      // What a Constant node or an earlier node's shape decides.
      small.set_data_type(onnx::TensorProto::INT64);
      std::int64_t elements = 1;
      for (const OnnxDim& dim : *tensor.shape) {
        small.add_dims(dim.size);
        elements *= dim.size;
      }
      if (elements != static_cast<std::int64_t>(tensor.values->size())) return;
      for (const std::int64_t value : *tensor.values) small.add_int64_data(value);
    } else {
      return;
    }
    small.set_name(tensor.name);
    *single.add_initializer() = std::move(small);
  }

  void take_shape(const OnnxNode& node, const onnx::ValueInfoProto& info) {
    if (!info.type().has_tensor_type()) return;
    const onnx::TypeProto::Tensor& type = info.type().tensor_type();
    const auto found = graph_.tensor_index.find(info.name());
    if (found == graph_.tensor_index.end()) return;
    OnnxTensor& tensor = graph_.tensors[static_cast<std::size_t>(found->second)];
    if (tensor.element_type == 0) tensor.element_type = type.elem_type();
    if (!type.has_shape() || type.shape().dim_size() > kMaxOnnxRank) return;
    OnnxShape inferred;
    double elements = 1;
    for (const auto& dim : type.shape().dim()) {
      const bool known = dim.has_dim_value() && dim.dim_value() > 0;
      inferred.push_back({known ? dim.dim_value() : 0, ""});
      if (!known && is_symbol_of(node, dim.dim_param())) inferred.back().symbol = dim.dim_param();
      if (known) elements *= static_cast<double>(dim.dim_value());
    }
    if (elements > static_cast<double>(model::kMaxExactInteger)) return;
    if (!tensor.shape) {
      tensor.shape = std::move(inferred);
      return;
    }
    if (tensor.shape->size() != inferred.size()) return;
    for (std::size_t d = 0; d < inferred.size(); ++d) {
      if ((*tensor.shape)[d].size == 0 && inferred[d].size > 0) (*tensor.shape)[d] = inferred[d];
    }
  }

  // The library makes up symbols of its own, which would help nobody.
  bool is_symbol_of(const OnnxNode& node, const std::string& symbol) const {
    return std::any_of(node.inputs.begin(), node.inputs.end(), [&](int place) {
      if (place < 0) return false;
      const OnnxShape& shape = *graph_.tensor(place).shape;
      return std::any_of(shape.begin(), shape.end(),
                         [&](const OnnxDim& dim) { return dim.symbol == symbol; });
    });
  }

  OnnxGraph& graph_;
  std::unordered_map<std::string, const onnx::TensorProto*> constants_;
};

namespace {

template <typename Values>
bool whole_copy(std::int64_t elements, const Values& values, Values* copy) {
  if (values.size() != elements) return false;
  copy->CopyFrom(values);
  return true;
}

}  // namespace

bool is_standard_operator(const std::string& type) {
  // Of operator sets 18 to 24, which older libraries do not know.
  static const std::set<std::string> newer{"AffineGrid",
                                           "BitwiseAnd",
                                           "BitwiseNot",
                                           "BitwiseOr",
                                           "BitwiseXor",
                                           "CenterCropPad",
                                           "Col2Im",
                                           "Gelu",
                                           "GroupNormalization",
                                           "ImageDecoder",
                                           "Mish",
                                           "RMSNormalization",
                                           "RegexFullMatch",
                                           "RotaryEmbedding",
                                           "StringConcat",
                                           "StringSplit",
                                           "Swish",
                                           "TensorScatter"};
  return newer.contains(type) || onnx::OpSchemaRegistry::Schema(type) != nullptr;
}

bool copy_small_tensor(const onnx::TensorProto& tensor, onnx::TensorProto& copy) {
  if (tensor.data_location() == onnx::TensorProto::EXTERNAL || tensor.has_segment() ||
      tensor.dims_size() > kMaxOnnxRank) {
    return false;
  }
  std::int64_t elements = 1;
  for (const std::int64_t dim : tensor.dims()) {
    if (dim < 0 || dim > kMaxSmallElements) return false;
    elements *= dim;
    if (elements > kMaxSmallElements) return false;
  }
  std::int64_t bytes = 0;
  switch (tensor.data_type()) {
    case onnx::TensorProto::INT64:
    case onnx::TensorProto::DOUBLE:
      bytes = 8;
      break;
    case onnx::TensorProto::INT32:
    case onnx::TensorProto::FLOAT:
      bytes = 4;
      break;
    default:
      return false;
  }
  copy.Clear();
  copy.set_data_type(tensor.data_type());
  copy.mutable_dims()->CopyFrom(tensor.dims());
  if (tensor.has_raw_data()) {
    if (static_cast<std::int64_t>(tensor.raw_data().size()) != elements * bytes) return false;
    copy.set_raw_data(tensor.raw_data());
    return true;
  }
  switch (tensor.data_type()) {
    case onnx::TensorProto::INT64:
      return whole_copy(elements, tensor.int64_data(), copy.mutable_int64_data());
    case onnx::TensorProto::INT32:
      return whole_copy(elements, tensor.int32_data(), copy.mutable_int32_data());
    case onnx::TensorProto::FLOAT:
      return whole_copy(elements, tensor.float_data(), copy.mutable_float_data());
    default:
      return whole_copy(elements, tensor.double_data(), copy.mutable_double_data());
  }
}

LibraryInference::LibraryInference(const onnx::ModelProto& model, OnnxGraph& graph)
    : impl_(std::make_unique<Impl>(model, graph)), graph_(graph) {}

LibraryInference::~LibraryInference() = default;

void LibraryInference::infer(int node, const onnx::NodeProto& source) {
  try {
    impl_->run(node, source);
  } catch (const std::exception& error) {
    graph_.inference_problem = error.what();
  }
}

}  // namespace ridgeline::io
