#include "io/onnx/operator_table.hpp"

#include <algorithm>

namespace ridgeline::io {

const std::vector<OperatorRule>& operator_table() {
  using Kind = OperatorKind;
  // Sorted by name: type, kind, second operand, operations, passed, com.microsoft.
  static const std::vector<OperatorRule> table{
      // clang-format off
      {"Abs", Kind::elementwise, 1, 1, false, false},
      {"Acos", Kind::elementwise, 1, 4, false, false},
      {"Acosh", Kind::elementwise, 1, 4, false, false},
      {"Adagrad", Kind::other, 1, 1, false, false},
      {"Adam", Kind::other, 1, 1, false, false},
      {"Add", Kind::elementwise, 1, 1, false, false},
      {"AffineGrid", Kind::resampling, 1, 4, false, false},
      {"And", Kind::elementwise, 1, 1, false, false},
      {"ArgMax", Kind::reduction, 1, 1, false, false},
      {"ArgMin", Kind::reduction, 1, 1, false, false},
      {"Asin", Kind::elementwise, 1, 4, false, false},
      {"Asinh", Kind::elementwise, 1, 4, false, false},
      {"Atan", Kind::elementwise, 1, 4, false, false},
      {"Atanh", Kind::elementwise, 1, 4, false, false},
      {"Attention", Kind::attention, 1, 1, false, false},
      {"Attention", Kind::attention, 1, 1, false, true},
      {"AveragePool", Kind::pooling, 1, 1, false, false},
      {"BatchNormalization", Kind::elementwise, 1, 2, true, false},
      {"Bernoulli", Kind::other, 1, 1, false, false},
      {"BiasAdd", Kind::elementwise, 1, 1, false, true},
      {"BiasGelu", Kind::elementwise, 1, 6, false, true},
      {"BiasSoftmax", Kind::softmax, 1, 8, false, true},
      {"BitCast", Kind::view, 1, 0, false, false},
      {"BitShift", Kind::elementwise, 1, 1, false, false},
      {"BitwiseAnd", Kind::elementwise, 1, 1, false, false},
      {"BitwiseNot", Kind::elementwise, 1, 1, false, false},
      {"BitwiseOr", Kind::elementwise, 1, 1, false, false},
      {"BitwiseXor", Kind::elementwise, 1, 1, false, false},
      {"BlackmanWindow", Kind::other, 1, 1, false, false},
      {"Cast", Kind::view, 1, 0, false, false},
      {"CastLike", Kind::view, 1, 0, false, false},
      {"Ceil", Kind::elementwise, 1, 1, false, false},
      {"Celu", Kind::elementwise, 1, 4, false, false},
      {"CenterCropPad", Kind::movement, 1, 0, false, false},
      {"Clip", Kind::elementwise, 1, 2, true, false},
      {"Col2Im", Kind::movement, 1, 0, false, false},
      {"Compress", Kind::movement, 1, 0, false, false},
      {"Concat", Kind::movement, 1, 0, false, false},
      {"ConcatFromSequence", Kind::view, 1, 0, false, false},
      {"Constant", Kind::view, 1, 0, false, false},
      {"ConstantOfShape", Kind::view, 1, 0, false, false},
      {"Conv", Kind::convolution, 1, 1, false, false},
      {"ConvInteger", Kind::convolution, 1, 1, false, false},
      {"ConvTranspose", Kind::transposed_convolution, 1, 1, false, false},
      {"Cos", Kind::elementwise, 1, 4, false, false},
      {"Cosh", Kind::elementwise, 1, 4, false, false},
      {"CumSum", Kind::elementwise, 1, 3, false, false},
      {"DeformConv", Kind::convolution, 1, 1, false, false},
      {"DepthToSpace", Kind::movement, 1, 0, false, false},
      {"DequantizeLinear", Kind::view, 1, 0, false, false},
      {"DequantizeLinear", Kind::view, 1, 0, false, true},
      {"Det", Kind::other, 1, 1, false, false},
      {"Div", Kind::elementwise, 1, 1, false, false},
      {"Dropout", Kind::view, 1, 0, true, false},
      {"DynamicQuantizeLinear", Kind::elementwise, 1, 3, false, false},
      {"DynamicQuantizeLinear", Kind::elementwise, 1, 3, false, true},
      {"DynamicQuantizeMatMul", Kind::matrix_product, 1, 1, false, true},
      {"Einsum", Kind::einsum, 1, 1, false, false},
      {"Elu", Kind::elementwise, 1, 4, false, false},
      {"EmbedLayerNormalization", Kind::normalisation, 1, 8, false, true},
      {"Equal", Kind::elementwise, 1, 1, false, false},
      {"Erf", Kind::elementwise, 1, 4, false, false},
      {"Exp", Kind::elementwise, 1, 4, false, false},
      {"Expand", Kind::view, 1, 0, false, false},
      {"EyeLike", Kind::view, 1, 0, false, false},
      {"FastGelu", Kind::elementwise, 1, 6, false, true},
      {"Flatten", Kind::view, 1, 0, false, false},
      {"Floor", Kind::elementwise, 1, 1, false, false},
      {"FusedConv", Kind::convolution, 1, 1, false, true},
      {"FusedGemm", Kind::matrix_product, 1, 1, false, true},
      {"FusedMatMul", Kind::matrix_product, 1, 1, false, true},
      {"GRU", Kind::recurrent, 1, 1, false, false},
      {"Gather", Kind::movement, 1, 0, false, false},
      {"GatherElements", Kind::movement, 1, 0, false, false},
      {"GatherND", Kind::movement, 1, 0, false, false},
      {"Gelu", Kind::elementwise, 1, 6, false, false},
      {"Gelu", Kind::elementwise, 1, 6, false, true},
      {"Gemm", Kind::matrix_product, 1, 1, false, false},
      {"GlobalAveragePool", Kind::pooling, 1, 1, false, false},
      {"GlobalLpPool", Kind::pooling, 1, 1, false, false},
      {"GlobalMaxPool", Kind::pooling, 1, 1, false, false},
      {"Gradient", Kind::other, 1, 1, false, false},
      {"Greater", Kind::elementwise, 1, 1, false, false},
      {"GreaterOrEqual", Kind::elementwise, 1, 1, false, false},
      {"GridSample", Kind::resampling, 1, 4, false, false},
      {"GroupNorm", Kind::normalisation, 1, 8, false, true},
      {"GroupNormalization", Kind::normalisation, 1, 7, false, false},
      {"GroupQueryAttention", Kind::attention, 1, 1, false, true},
      {"HammingWindow", Kind::other, 1, 1, false, false},
      {"HannWindow", Kind::other, 1, 1, false, false},
      {"HardSigmoid", Kind::elementwise, 1, 3, false, false},
      {"HardSwish", Kind::elementwise, 1, 3, false, false},
      {"Hardmax", Kind::softmax, 1, 8, false, false},
      {"Identity", Kind::view, 1, 0, false, false},
      {"If", Kind::control, 1, 0, false, false},
      {"ImageDecoder", Kind::other, 1, 1, false, false},
      {"InstanceNormalization", Kind::normalisation, 1, 7, false, false},
      {"IsInf", Kind::elementwise, 1, 1, false, false},
      {"IsNaN", Kind::elementwise, 1, 1, false, false},
      {"LRN", Kind::elementwise, 1, 8, true, false},
      {"LSTM", Kind::recurrent, 1, 1, false, false},
      {"LayerNormalization", Kind::normalisation, 1, 7, false, false},
      {"LayerNormalization", Kind::normalisation, 1, 8, false, true},
      {"LeakyRelu", Kind::elementwise, 1, 1, false, false},
      {"Less", Kind::elementwise, 1, 1, false, false},
      {"LessOrEqual", Kind::elementwise, 1, 1, false, false},
      {"Log", Kind::elementwise, 1, 4, false, false},
      {"LogSoftmax", Kind::softmax, 1, 8, false, false},
      {"Loop", Kind::control, 1, 0, false, false},
      {"LpNormalization", Kind::normalisation, 1, 5, false, false},
      {"LpPool", Kind::pooling, 1, 1, false, false},
      {"MatMul", Kind::matrix_product, 1, 1, false, false},
      {"MatMulBnb4", Kind::matrix_product, 1, 1, false, true},
      {"MatMulInteger", Kind::matrix_product, 1, 1, false, false},
      {"MatMulIntegerToFloat", Kind::matrix_product, 1, 1, false, true},
      {"MatMulNBits", Kind::matrix_product, 1, 1, false, true},
      {"Max", Kind::elementwise, 1, 1, false, false},
      {"MaxPool", Kind::pooling, 1, 1, false, false},
      {"MaxRoiPool", Kind::other, 1, 1, false, false},
      {"MaxUnpool", Kind::other, 1, 1, false, false},
      {"Mean", Kind::elementwise, 1, 1, false, false},
      {"MeanVarianceNormalization", Kind::normalisation, 1, 7, false, false},
      {"MelWeightMatrix", Kind::other, 1, 1, false, false},
      {"Min", Kind::elementwise, 1, 1, false, false},
      {"Mish", Kind::elementwise, 1, 6, false, false},
      {"Mod", Kind::elementwise, 1, 1, false, false},
      {"Momentum", Kind::other, 1, 1, false, false},
      {"Mul", Kind::elementwise, 1, 1, false, false},
      {"MultiHeadAttention", Kind::attention, 1, 1, false, true},
      {"Multinomial", Kind::other, 1, 1, false, false},
      {"Neg", Kind::elementwise, 1, 1, false, false},
      {"NegativeLogLikelihoodLoss", Kind::other, 1, 1, false, false},
      {"NonMaxSuppression", Kind::other, 1, 1, false, false},
      {"NonZero", Kind::other, 1, 1, false, false},
      {"Not", Kind::elementwise, 1, 1, false, false},
      {"OneHot", Kind::movement, 1, 0, false, false},
      {"Optional", Kind::view, 1, 0, false, false},
      {"OptionalGetElement", Kind::view, 1, 0, false, false},
      {"OptionalHasElement", Kind::view, 1, 0, false, false},
      {"Or", Kind::elementwise, 1, 1, false, false},
      {"PRelu", Kind::elementwise, 1, 1, false, false},
      {"Pad", Kind::movement, 1, 0, false, false},
      {"Pow", Kind::elementwise, 1, 4, false, false},
      {"QGemm", Kind::matrix_product, 3, 1, false, true},
      {"QLinearAdd", Kind::elementwise, 3, 3, false, true},
      {"QLinearAveragePool", Kind::pooling, 1, 1, false, true},
      {"QLinearConcat", Kind::movement, 1, 0, false, true},
      {"QLinearConv", Kind::convolution, 3, 1, false, false},
      {"QLinearConv", Kind::convolution, 3, 1, false, true},
      {"QLinearGlobalAveragePool", Kind::pooling, 1, 1, false, true},
      {"QLinearLeakyRelu", Kind::elementwise, 1, 3, false, true},
      {"QLinearMatMul", Kind::matrix_product, 3, 1, false, false},
      {"QLinearMul", Kind::elementwise, 3, 3, false, true},
      {"QLinearSigmoid", Kind::elementwise, 1, 3, false, true},
      {"QLinearSoftmax", Kind::softmax, 1, 8, false, true},
      {"QuantizeLinear", Kind::view, 1, 0, false, false},
      {"QuantizeLinear", Kind::view, 1, 0, false, true},
      {"QuickGelu", Kind::elementwise, 1, 6, false, true},
      {"RMSNormalization", Kind::normalisation, 1, 5, false, false},
      {"RMSNormalization", Kind::normalisation, 1, 6, false, true},
      {"RNN", Kind::recurrent, 1, 1, false, false},
      {"RandomNormal", Kind::other, 1, 1, false, false},
      {"RandomNormalLike", Kind::other, 1, 1, false, false},
      {"RandomUniform", Kind::other, 1, 1, false, false},
      {"RandomUniformLike", Kind::other, 1, 1, false, false},
      {"Range", Kind::view, 1, 0, false, false},
      {"Reciprocal", Kind::elementwise, 1, 4, false, false},
      {"ReduceL1", Kind::reduction, 1, 2, false, false},
      {"ReduceL2", Kind::reduction, 1, 2, false, false},
      {"ReduceLogSum", Kind::reduction, 1, 2, false, false},
      {"ReduceLogSumExp", Kind::reduction, 1, 2, false, false},
      {"ReduceMax", Kind::reduction, 1, 1, false, false},
      {"ReduceMean", Kind::reduction, 1, 1, false, false},
      {"ReduceMin", Kind::reduction, 1, 1, false, false},
      {"ReduceProd", Kind::reduction, 1, 1, false, false},
      {"ReduceSum", Kind::reduction, 1, 1, false, false},
      {"ReduceSumSquare", Kind::reduction, 1, 2, false, false},
      {"RegexFullMatch", Kind::view, 1, 0, false, false},
      {"Relu", Kind::elementwise, 1, 1, false, false},
      {"Reshape", Kind::view, 1, 0, false, false},
      {"Resize", Kind::resampling, 1, 4, false, false},
      {"ReverseSequence", Kind::movement, 1, 0, false, false},
      {"RoiAlign", Kind::other, 1, 1, false, false},
      {"RotaryEmbedding", Kind::elementwise, 1, 3, false, false},
      {"RotaryEmbedding", Kind::elementwise, 1, 3, false, true},
      {"Round", Kind::elementwise, 1, 1, false, false},
      {"SSM", Kind::scan, 1, 0, false, false},
      {"Scan", Kind::control, 1, 0, false, false},
      {"Scatter", Kind::movement, 1, 0, false, false},
      {"ScatterElements", Kind::movement, 1, 0, false, false},
      {"ScatterND", Kind::movement, 1, 0, false, false},
      {"Selu", Kind::elementwise, 1, 4, false, false},
      {"SequenceAt", Kind::view, 1, 0, false, false},
      {"SequenceConstruct", Kind::view, 1, 0, false, false},
      {"SequenceEmpty", Kind::view, 1, 0, false, false},
      {"SequenceErase", Kind::view, 1, 0, false, false},
      {"SequenceInsert", Kind::view, 1, 0, false, false},
      {"SequenceLength", Kind::view, 1, 0, false, false},
      {"SequenceMap", Kind::other, 1, 1, false, false},
      {"Shape", Kind::view, 1, 0, false, false},
      {"Shrink", Kind::elementwise, 1, 3, false, false},
      {"Sigmoid", Kind::elementwise, 1, 4, false, false},
      {"Sign", Kind::elementwise, 1, 1, false, false},
      {"Silu", Kind::elementwise, 1, 6, false, false},
      {"SimplifiedLayerNormalization", Kind::normalisation, 1, 5, false, false},
      {"SimplifiedLayerNormalization", Kind::normalisation, 1, 6, false, true},
      {"Sin", Kind::elementwise, 1, 4, false, false},
      {"Sinh", Kind::elementwise, 1, 4, false, false},
      {"Size", Kind::view, 1, 0, false, false},
      {"SkipLayerNormalization", Kind::normalisation, 1, 8, false, true},
      {"SkipSimplifiedLayerNormalization", Kind::normalisation, 1, 6, false, true},
      {"Slice", Kind::movement, 1, 0, false, false},
      {"Softmax", Kind::softmax, 1, 8, false, false},
      {"SoftmaxCrossEntropyLoss", Kind::other, 1, 1, false, false},
      {"Softplus", Kind::elementwise, 1, 4, false, false},
      {"Softsign", Kind::elementwise, 1, 4, false, false},
      {"SpaceToDepth", Kind::movement, 1, 0, false, false},
      {"Split", Kind::movement, 1, 0, false, false},
      {"SplitToSequence", Kind::view, 1, 0, false, false},
      {"Sqrt", Kind::elementwise, 1, 4, false, false},
      {"Squeeze", Kind::view, 1, 0, false, false},
      {"StringConcat", Kind::view, 1, 0, false, false},
      {"StringNormalizer", Kind::view, 1, 0, false, false},
      {"StringSplit", Kind::view, 1, 0, false, false},
      {"Sub", Kind::elementwise, 1, 1, false, false},
      {"Sum", Kind::elementwise, 1, 1, false, false},
      {"Swish", Kind::elementwise, 1, 6, false, false},
      {"Tan", Kind::elementwise, 1, 4, false, false},
      {"Tanh", Kind::elementwise, 1, 4, false, false},
      {"TensorScatter", Kind::movement, 1, 0, false, false},
      {"TfIdfVectorizer", Kind::other, 1, 1, false, false},
      {"ThresholdedRelu", Kind::elementwise, 1, 1, false, false},
      {"Tile", Kind::movement, 1, 0, false, false},
      {"TopK", Kind::other, 1, 1, false, false},
      {"Transpose", Kind::movement, 1, 0, false, false},
      {"TransposeMatMul", Kind::matrix_product, 1, 1, false, true},
      {"Trilu", Kind::elementwise, 1, 1, false, false},
      {"Unique", Kind::other, 1, 1, false, false},
      {"Unsqueeze", Kind::view, 1, 0, false, false},
      {"Upsample", Kind::resampling, 1, 4, false, false},
      {"Where", Kind::elementwise, 1, 1, false, false},
      {"Xor", Kind::elementwise, 1, 1, false, false},
      // clang-format on
  };
  return table;
}

const OperatorRule* operator_rule(const OnnxNode& node) {
  const bool microsoft = node.domain == "com.microsoft";
  if (!node.domain.empty() && !microsoft) return nullptr;
  const auto& table = operator_table();
  auto rule = std::lower_bound(
      table.begin(), table.end(), node.op_type,
      [](const OperatorRule& r, const std::string& type) { return r.type < type; });
  for (; rule != table.end() && rule->type == node.op_type; ++rule) {
    if (rule->microsoft == microsoft) return &*rule;
  }
  return nullptr;
}

std::string_view to_string(OperatorKind kind) {
  switch (kind) {
    case OperatorKind::convolution:
      return "convolution";
    case OperatorKind::transposed_convolution:
      return "transposed convolution";
    case OperatorKind::matrix_product:
      return "matrix product";
    case OperatorKind::einsum:
      return "einsum";
    case OperatorKind::recurrent:
      return "recurrent";
    case OperatorKind::attention:
      return "attention";
    case OperatorKind::pooling:
      return "pooling";
    case OperatorKind::elementwise:
      return "element by element";
    case OperatorKind::softmax:
      return "softmax";
    case OperatorKind::normalisation:
      return "normalisation";
    case OperatorKind::reduction:
      return "reduction";
    case OperatorKind::resampling:
      return "resampling";
    case OperatorKind::movement:
      return "movement";
    case OperatorKind::view:
      return "view";
    case OperatorKind::other:
      return "other";
    case OperatorKind::control:
      return "control";
    case OperatorKind::scan:
      return "scan";
  }
  return "";
}

bool has_macs(OperatorKind kind) {
  switch (kind) {
    case OperatorKind::convolution:
    case OperatorKind::transposed_convolution:
    case OperatorKind::matrix_product:
    case OperatorKind::einsum:
    case OperatorKind::recurrent:
    case OperatorKind::attention:
      return true;
    default:
      return false;
  }
}

bool has_macs(std::string_view type) {
  const auto& table = operator_table();
  return std::any_of(table.begin(), table.end(), [&](const OperatorRule& rule) {
    return rule.type == type && has_macs(rule.kind);
  });
}

}  // namespace ridgeline::io
