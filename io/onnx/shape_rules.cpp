// Which rule each operator has, and those of operators that go element by element.
#include "io/onnx/shape_rule_class.hpp"

namespace ridgeline::io {

bool ShapeRules::run() {
  if (node_.outputs.empty()) return true;
  const auto rule = table().find(key());
  if (rule == table().end()) return false;
  (this->*rule->second)();
  return true;
}

const std::unordered_map<std::string, ShapeRules::Rule>& ShapeRules::table() {
  static const std::unordered_map<std::string, Rule> rules = [] {
    std::unordered_map<std::string, Rule> all;
    const auto add = [&](Rule rule, std::initializer_list<const char*> names) {
      for (const char* name : names) all[name] = rule;
    };
    const std::string ms = "com.microsoft:";
    const auto add_ms = [&](Rule rule, std::initializer_list<const char*> names) {
      for (const char* name : names) all[ms + name] = rule;
    };
    add(&ShapeRules::same, {"Abs",
                            "Acos",
                            "Acosh",
                            "Asin",
                            "Asinh",
                            "Atan",
                            "Atanh",
                            "BatchNormalization",
                            "BitwiseNot",
                            "Ceil",
                            "Celu",
                            "Clip",
                            "Cos",
                            "Cosh",
                            "CumSum",
                            "Dropout",
                            "Elu",
                            "Erf",
                            "Exp",
                            "Floor",
                            "Gelu",
                            "GroupNormalization",
                            "HardSigmoid",
                            "HardSwish",
                            "Hardmax",
                            "Identity",
                            "InstanceNormalization",
                            "LRN",
                            "LayerNormalization",
                            "LeakyRelu",
                            "Log",
                            "LogSoftmax",
                            "LpNormalization",
                            "MeanVarianceNormalization",
                            "Mish",
                            "Neg",
                            "PRelu",
                            "RMSNormalization",
                            "Reciprocal",
                            "Relu",
                            "RotaryEmbedding",
                            "Round",
                            "ScatterElements",
                            "ScatterND",
                            "Scatter",
                            "Selu",
                            "Shrink",
                            "Sigmoid",
                            "Sign",
                            "Silu",
                            "Sin",
                            "Sinh",
                            "Softmax",
                            "Softplus",
                            "Softsign",
                            "Sqrt",
                            "Swish",
                            "Tan",
                            "Tanh",
                            "ThresholdedRelu",
                            "Trilu",
                            "SimplifiedLayerNormalization",
                            "TensorScatter"});
    add_ms(&ShapeRules::same,
           {"BiasGelu", "FastGelu", "Gelu", "GroupNorm", "QuickGelu", "SkipLayerNormalization",
            "SkipSimplifiedLayerNormalization", "RotaryEmbedding", "SimplifiedLayerNormalization",
            "LayerNormalization", "QLinearLeakyRelu", "QLinearSigmoid", "QLinearSoftmax",
            "BiasSplitGelu", "BiasAdd", "BiasSoftmax", "RMSNormalization"});
    add(&ShapeRules::boolean_same, {"IsInf", "IsNaN", "Not"});
    add(&ShapeRules::typed, {"Cast"});
    add(&ShapeRules::quantize, {"QuantizeLinear", "DynamicQuantizeLinear"});
    add_ms(&ShapeRules::quantize, {"QuantizeLinear", "DynamicQuantizeLinear"});
    add(&ShapeRules::dequantize, {"DequantizeLinear"});
    add_ms(&ShapeRules::dequantize, {"DequantizeLinear"});
    add(&ShapeRules::broadcast, {"Add", "BitShift", "BitwiseAnd", "BitwiseOr", "BitwiseXor", "Div",
                                 "Max", "Mean", "Min", "Mod", "Mul", "Pow", "Sub", "Sum"});
    add(&ShapeRules::broadcast_boolean,
        {"And", "Equal", "Greater", "GreaterOrEqual", "Less", "LessOrEqual", "Or", "Xor"});
    add_ms(&ShapeRules::broadcast_quantised, {"QLinearAdd", "QLinearMul"});
    add(&ShapeRules::where, {"Where"});
    add(&ShapeRules::convolution, {"Conv", "ConvInteger", "DeformConv", "QLinearConv"});
    add_ms(&ShapeRules::convolution, {"FusedConv", "QLinearConv"});
    add(&ShapeRules::transposed_convolution, {"ConvTranspose"});
    add(&ShapeRules::pool, {"AveragePool", "LpPool", "MaxPool"});
    add_ms(&ShapeRules::pool, {"QLinearAveragePool"});
    add(&ShapeRules::global_pool, {"GlobalAveragePool", "GlobalLpPool", "GlobalMaxPool"});
    add_ms(&ShapeRules::global_pool, {"QLinearGlobalAveragePool"});
    add(&ShapeRules::matmul, {"MatMul", "MatMulInteger", "QLinearMatMul"});
    add_ms(&ShapeRules::matmul,
           {"MatMulIntegerToFloat", "DynamicQuantizeMatMul", "FusedMatMul", "TransposeMatMul"});
    add_ms(&ShapeRules::matmul_nbits, {"MatMulNBits", "MatMulBnb4"});
    add(&ShapeRules::gemm, {"Gemm"});
    add_ms(&ShapeRules::gemm, {"FusedGemm", "QGemm"});
    add(&ShapeRules::einsum, {"Einsum"});
    add(&ShapeRules::recurrent, {"GRU", "LSTM", "RNN"});
    add(&ShapeRules::attention, {"Attention"});
    add_ms(&ShapeRules::fused_attention,
           {"Attention", "MultiHeadAttention", "GroupQueryAttention"});
    add(&ShapeRules::reshape, {"Reshape"});
    add(&ShapeRules::flatten, {"Flatten"});
    add(&ShapeRules::squeeze, {"Squeeze"});
    add(&ShapeRules::unsqueeze, {"Unsqueeze"});
    add(&ShapeRules::transpose, {"Transpose"});
    add(&ShapeRules::concat, {"Concat"});
    add(&ShapeRules::split, {"Split"});
    add(&ShapeRules::slice, {"Slice"});
    add(&ShapeRules::gather, {"Gather"});
    add(&ShapeRules::gather_elements, {"GatherElements"});
    add(&ShapeRules::gather_nd, {"GatherND"});
    add(&ShapeRules::expand, {"Expand"});
    add(&ShapeRules::tile, {"Tile"});
    add(&ShapeRules::pad, {"Pad"});
    add(&ShapeRules::resize, {"Resize", "Upsample"});
    add(&ShapeRules::depth_to_space, {"DepthToSpace", "SpaceToDepth"});
    add(&ShapeRules::reduce,
        {"ReduceL1", "ReduceL2", "ReduceLogSum", "ReduceLogSumExp", "ReduceMax", "ReduceMean",
         "ReduceMin", "ReduceProd", "ReduceSum", "ReduceSumSquare"});
    add(&ShapeRules::arg_reduce, {"ArgMax", "ArgMin"});
    add(&ShapeRules::shape_of, {"Shape"});
    add(&ShapeRules::scalar_count, {"Size"});
    add(&ShapeRules::constant_of_shape, {"ConstantOfShape"});
    add(&ShapeRules::range, {"Range"});
    add(&ShapeRules::constant, {"Constant"});
    add(&ShapeRules::non_zero, {"NonZero"});
    add(&ShapeRules::top_k, {"TopK"});
    add(&ShapeRules::one_hot, {"OneHot"});
    return all;
  }();
  return rules;
}

// --- element by element

void ShapeRules::same() {
  const OnnxShape* x = shape(0);
  if (!x) return;
  give(0, *x, type(0));
  if (node_.op_type == "Dropout") give(1, *x, kBoolType);
  // The sum that a skip normalisation hands on.
  if (node_.op_type.starts_with("Skip")) give(3, *x, type(0));
}

void ShapeRules::boolean_same() {
  if (const OnnxShape* x = shape(0)) give(0, *x, kBoolType);
}

void ShapeRules::typed() {
  if (const OnnxShape* x = shape(0)) give(0, *x, static_cast<int>(integer("to", 0)));
}

void ShapeRules::quantize() {
  const OnnxShape* x = shape(0);
  if (!x) return;
  const int to = has(2) ? type(2) : static_cast<int>(integer("output_dtype", 2));
  give(0, *x, to);
  if (node_.op_type.starts_with("Dynamic")) {
    give(1, {}, kFloatType);
    give(2, {}, 2);
  }
}

void ShapeRules::dequantize() {
  if (const OnnxShape* x = shape(0)) give(0, *x, has(1) ? type(1) : kFloatType);
}

OnnxDim ShapeRules::joint(const OnnxDim& a, const OnnxDim& b) {
  if (a.size == 1) return b;
  if (b.size == 1) return a;
  if (a.size > 1 || a.zero) return a;
  if (b.size > 1 || b.zero) return b;
  return a.symbol == b.symbol ? a : unknown();
}

OnnxShape ShapeRules::joint(const OnnxShape& a, const OnnxShape& b) {
  const OnnxShape& longer = a.size() >= b.size() ? a : b;
  const OnnxShape& shorter = a.size() >= b.size() ? b : a;
  OnnxShape result = longer;
  const std::size_t lead = longer.size() - shorter.size();
  for (std::size_t i = 0; i < shorter.size(); ++i) {
    result[lead + i] = joint(longer[lead + i], shorter[i]);
  }
  return result;
}

void ShapeRules::broadcast_as(int element_type, std::initializer_list<std::size_t> inputs) {
  OnnxShape result;
  for (const std::size_t i : inputs) {
    if (!shape(i)) return;
    result = joint(result, *shape(i));
  }
  give(0, std::move(result), element_type);
}

void ShapeRules::broadcast() {
  OnnxShape result;
  for (std::size_t i = 0; i < node_.inputs.size(); ++i) {
    if (!shape(i)) return;
    result = joint(result, *shape(i));
  }
  if (!node_.inputs.empty()) give(0, std::move(result), type(0));
}

void ShapeRules::broadcast_boolean() {
  broadcast_as(kBoolType, {0, 1});
}

void ShapeRules::broadcast_quantised() {
  broadcast_as(type(0), {0, 3});
}

void ShapeRules::where() {
  broadcast_as(type(1), {0, 1, 2});
}

bool is_known(const OnnxDim& dim) {
  return dim.size > 0 || dim.zero;
}

void give_shape(OnnxGraph& graph, int tensor, OnnxShape shape, int element_type) {
  OnnxTensor& t = graph.tensors[static_cast<std::size_t>(tensor)];
  if (t.element_type == 0) t.element_type = element_type;
  if (shape.size() > static_cast<std::size_t>(kMaxOnnxRank)) return;
  double elements = 1;
  for (const OnnxDim& dim : shape)
    elements *= static_cast<double>(std::max<std::int64_t>(1, dim.size));
  if (elements > static_cast<double>(model::kMaxExactInteger)) return;
  if (!t.shape) {
    t.shape = std::move(shape);
    return;
  }
  if (t.shape->size() != shape.size()) return;
  for (std::size_t d = 0; d < shape.size(); ++d) {
    if (!is_known((*t.shape)[d]) && (is_known(shape[d]) || (*t.shape)[d].symbol.empty())) {
      (*t.shape)[d] = shape[d];
    }
  }
}

bool infer_shapes(OnnxGraph& graph, int node) {
  return ShapeRules(graph, node).run();
}

}  // namespace ridgeline::io
