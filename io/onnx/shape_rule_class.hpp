// The rules by which shapes follow, one method an operator or a kind of them. Only for shape_*.cpp.
#pragma once

#include <algorithm>
#include <cmath>
#include <initializer_list>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "io/onnx/axis.hpp"
#include "io/onnx/shape_rules.hpp"
#include "model/core/limits.hpp"

namespace ridgeline::io {

class ShapeRules {
 public:
  ShapeRules(OnnxGraph& graph, int node)
      : graph_(graph), node_(graph.nodes[static_cast<std::size_t>(node)]) {}

  // Whether there is a rule.
  bool run();

 private:
  using Sizes = std::vector<std::int64_t>;
  using Rule = void (ShapeRules::*)();

  static constexpr int kFloatType = 1;
  static constexpr int kInt32Type = 6;
  static constexpr int kInt64Type = 7;
  static constexpr int kBoolType = 9;
  static constexpr std::int64_t kMostWindow = std::int64_t{1} << 31;
  static constexpr std::int64_t kMaxExactInteger = model::kMaxExactInteger;

  static OnnxDim dim_of(std::int64_t size) {
    return {std::max<std::int64_t>(size, 0), "", size == 0};
  }
  static OnnxDim unknown() { return {}; }

  // Operators of onnxruntime's domain that mean what ONNX's own of the same name do.
  std::string key() const {
    if (node_.domain.empty()) return node_.op_type;
    return node_.domain + ":" + node_.op_type;
  }
  static const std::unordered_map<std::string, Rule>& table();

  // --- what the node has

  bool has(std::size_t input) const {
    return input < node_.inputs.size() && node_.inputs[input] >= 0;
  }
  const OnnxTensor& tensor(std::size_t input) const { return graph_.tensor(node_.inputs[input]); }
  const OnnxShape* shape(std::size_t input) const {
    return has(input) && tensor(input).shape ? &*tensor(input).shape : nullptr;
  }
  int type(std::size_t input) const { return has(input) ? tensor(input).element_type : 0; }
  // Integers of an input, some perhaps kUnknownValue.
  std::optional<Sizes> values(std::size_t input) const {
    if (!has(input)) return std::nullopt;
    return tensor(input).values ? tensor(input).values : tensor(input).partial;
  }
  std::int64_t integer(std::string_view name, std::int64_t otherwise) const {
    const OnnxAttribute* found = node_.attribute(name);
    return found && found->integers.size() == 1 ? found->integers.front() : otherwise;
  }
  Sizes list(std::string_view name) const {
    const OnnxAttribute* found = node_.attribute(name);
    return found ? found->integers : Sizes{};
  }
  // A list that newer operator sets give as an input and older ones as an attribute; nothing
  // where it is given and not known.
  std::optional<Sizes> list(std::size_t input, std::string_view name) const {
    if (has(input)) return values(input);
    return list(name);
  }
  std::string text(std::string_view name) const {
    const OnnxAttribute* found = node_.attribute(name);
    return found ? found->text : "";
  }
  // The first input's shape, if it has the axis that the attribute names, and that axis from the
  // front.
  const OnnxShape* along(std::int64_t otherwise, std::int64_t& axis) const {
    const OnnxShape* x = shape(0);
    if (x) axis = axis_from_front(integer("axis", otherwise), x->size());
    return x && axis >= 0 ? x : nullptr;
  }
  void give(std::size_t output, OnnxShape shape, int element_type) {
    if (output >= node_.outputs.size() || node_.outputs[output] < 0) return;
    give_shape(graph_, node_.outputs[output], std::move(shape), element_type);
  }
  static OnnxDim times(const OnnxDim& a, const OnnxDim& b) {
    if (a.zero || b.zero) return dim_of(0);
    if (a.size == 0 || b.size == 0) return unknown();
    if (a.size > kMaxExactInteger / b.size) return unknown();
    return dim_of(a.size * b.size);
  }
  static OnnxDim product(OnnxShape::const_iterator begin, OnnxShape::const_iterator end) {
    OnnxDim result = dim_of(1);
    for (auto it = begin; it != end; ++it) result = times(result, *it);
    return result;
  }

  // --- element by element

  void same();
  void boolean_same();
  void typed();
  void quantize();
  void dequantize();
  static OnnxDim joint(const OnnxDim& a, const OnnxDim& b);
  static OnnxShape joint(const OnnxShape& a, const OnnxShape& b);
  void broadcast_as(int element_type, std::initializer_list<std::size_t> inputs);
  void broadcast();
  void broadcast_boolean();
  void broadcast_quantised();
  void where();

  // --- windows

  struct Window {
    Sizes kernel, stride, dilation, pads;
  };
  // Checked: positive and moderate; nothing where the attributes do not fit.
  std::optional<Window> window(std::size_t axes, Sizes kernel) const;
  OnnxDim windowed(const OnnxDim& in, const Window& w, std::size_t a) const;
  // Kernel of a convolution's weights; empty where their shape is not known.
  Sizes kernel_of(const OnnxShape* weights) const;
  void convolution();
  void transposed_convolution();
  void pool();
  void global_pool();

  // --- products

  void product_of(OnnxShape a, OnnxShape b, int element_type);
  void matmul();
  void matmul_nbits();
  void gemm();
  void einsum();
  void recurrent();
  void attention();
  void fused_attention();

  // --- layout

  void reshape();
  // The one dimension of `after` that is not known, from the number of elements; where as many
  // are unknown before, they are taken to be the same.
  static void deduce_one(const OnnxShape& before, OnnxShape& after);
  void flatten();
  void squeeze();
  void unsqueeze();
  void transpose();
  void concat();
  void split();
  void slice();
  void gather();
  void gather_elements();
  void gather_nd();
  void expand();
  void tile();
  void pad();
  void resize();
  void depth_to_space();

  // --- reductions and the rest

  void reduce();
  void arg_reduce();
  void shape_of();
  void scalar_count();
  void constant_of_shape();
  void range();
  void constant();
  void non_zero();
  void top_k();
  void one_hot();

  OnnxGraph& graph_;
  const OnnxNode& node_;
};

}  // namespace ridgeline::io
