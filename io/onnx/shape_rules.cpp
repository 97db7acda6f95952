#include "io/onnx/shape_rules.hpp"

#include <algorithm>
#include <cmath>
#include <set>
#include <unordered_map>

#include "model/core/limits.hpp"

namespace ridgeline::io {

namespace {

using Sizes = std::vector<std::int64_t>;
using model::kMaxExactInteger;

constexpr int kFloatType = 1;
constexpr int kInt32Type = 6;
constexpr int kInt64Type = 7;
constexpr int kBoolType = 9;
constexpr std::int64_t kMostWindow = std::int64_t{1} << 31;

OnnxDim dim_of(std::int64_t size) {
  return {std::max<std::int64_t>(size, 0), "", size == 0};
}
OnnxDim unknown() {
  return {};
}

class Rules {
 public:
  Rules(OnnxGraph& graph, int node)
      : graph_(graph), node_(graph.nodes[static_cast<std::size_t>(node)]) {}

  bool run() {
    if (node_.outputs.empty()) return true;
    const auto rule = table().find(key());
    if (rule == table().end()) return false;
    (this->*rule->second)();
    return true;
  }

 private:
  using Rule = void (Rules::*)();

  // Operators of onnxruntime's domain that mean what ONNX's own of the same name do.
  std::string key() const {
    if (node_.domain.empty()) return node_.op_type;
    return node_.domain + ":" + node_.op_type;
  }

  static const std::unordered_map<std::string, Rule>& table() {
    static const std::unordered_map<std::string, Rule> rules = [] {
      std::unordered_map<std::string, Rule> all;
      const auto add = [&](Rule rule, std::initializer_list<const char*> names) {
        for (const char* name : names) all[name] = rule;
      };
      const std::string ms = "com.microsoft:";
      const auto add_ms = [&](Rule rule, std::initializer_list<const char*> names) {
        for (const char* name : names) all[ms + name] = rule;
      };
      add(&Rules::same, {"Abs",
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
      add_ms(&Rules::same,
             {"BiasGelu", "FastGelu", "Gelu", "GroupNorm", "QuickGelu", "SkipLayerNormalization",
              "SkipSimplifiedLayerNormalization", "RotaryEmbedding", "SimplifiedLayerNormalization",
              "LayerNormalization", "QLinearLeakyRelu", "QLinearSigmoid", "QLinearSoftmax",
              "BiasSplitGelu", "BiasAdd", "BiasSoftmax", "RMSNormalization"});
      add(&Rules::boolean_same, {"IsInf", "IsNaN", "Not"});
      add(&Rules::typed, {"Cast"});
      add(&Rules::quantize, {"QuantizeLinear", "DynamicQuantizeLinear"});
      add_ms(&Rules::quantize, {"QuantizeLinear", "DynamicQuantizeLinear"});
      add(&Rules::dequantize, {"DequantizeLinear"});
      add_ms(&Rules::dequantize, {"DequantizeLinear"});
      add(&Rules::broadcast, {"Add", "BitShift", "BitwiseAnd", "BitwiseOr", "BitwiseXor", "Div",
                              "Max", "Mean", "Min", "Mod", "Mul", "Pow", "Sub", "Sum"});
      add(&Rules::broadcast_boolean,
          {"And", "Equal", "Greater", "GreaterOrEqual", "Less", "LessOrEqual", "Or", "Xor"});
      add_ms(&Rules::broadcast_quantised, {"QLinearAdd", "QLinearMul"});
      add(&Rules::where, {"Where"});
      add(&Rules::convolution, {"Conv", "ConvInteger", "DeformConv", "QLinearConv"});
      add_ms(&Rules::convolution, {"FusedConv", "QLinearConv"});
      add(&Rules::transposed_convolution, {"ConvTranspose"});
      add(&Rules::pool, {"AveragePool", "LpPool", "MaxPool"});
      add_ms(&Rules::pool, {"QLinearAveragePool"});
      add(&Rules::global_pool, {"GlobalAveragePool", "GlobalLpPool", "GlobalMaxPool"});
      add_ms(&Rules::global_pool, {"QLinearGlobalAveragePool"});
      add(&Rules::matmul, {"MatMul", "MatMulInteger", "QLinearMatMul"});
      add_ms(&Rules::matmul,
             {"MatMulIntegerToFloat", "DynamicQuantizeMatMul", "FusedMatMul", "TransposeMatMul"});
      add_ms(&Rules::matmul_nbits, {"MatMulNBits", "MatMulBnb4"});
      add(&Rules::gemm, {"Gemm"});
      add_ms(&Rules::gemm, {"FusedGemm", "QGemm"});
      add(&Rules::einsum, {"Einsum"});
      add(&Rules::recurrent, {"GRU", "LSTM", "RNN"});
      add(&Rules::attention, {"Attention"});
      add_ms(&Rules::fused_attention, {"Attention", "MultiHeadAttention", "GroupQueryAttention"});
      add(&Rules::reshape, {"Reshape"});
      add(&Rules::flatten, {"Flatten"});
      add(&Rules::squeeze, {"Squeeze"});
      add(&Rules::unsqueeze, {"Unsqueeze"});
      add(&Rules::transpose, {"Transpose"});
      add(&Rules::concat, {"Concat"});
      add(&Rules::split, {"Split"});
      add(&Rules::slice, {"Slice"});
      add(&Rules::gather, {"Gather"});
      add(&Rules::gather_elements, {"GatherElements"});
      add(&Rules::gather_nd, {"GatherND"});
      add(&Rules::expand, {"Expand"});
      add(&Rules::tile, {"Tile"});
      add(&Rules::pad, {"Pad"});
      add(&Rules::resize, {"Resize", "Upsample"});
      add(&Rules::depth_to_space, {"DepthToSpace", "SpaceToDepth"});
      add(&Rules::reduce,
          {"ReduceL1", "ReduceL2", "ReduceLogSum", "ReduceLogSumExp", "ReduceMax", "ReduceMean",
           "ReduceMin", "ReduceProd", "ReduceSum", "ReduceSumSquare"});
      add(&Rules::arg_reduce, {"ArgMax", "ArgMin"});
      add(&Rules::shape_of, {"Shape"});
      add(&Rules::scalar_count, {"Size"});
      add(&Rules::constant_of_shape, {"ConstantOfShape"});
      add(&Rules::range, {"Range"});
      add(&Rules::constant, {"Constant"});
      add(&Rules::non_zero, {"NonZero"});
      add(&Rules::top_k, {"TopK"});
      add(&Rules::one_hot, {"OneHot"});
      return all;
    }();
    return rules;
  }

  // --- what the node has -------------------------------------------------------------------

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
  // An axis from the front; -1 where it is none.
  static std::int64_t axis_from_front(std::int64_t axis, std::size_t rank) {
    const auto r = static_cast<std::int64_t>(rank);
    if (axis < -r || axis >= r) return -1;
    return axis < 0 ? axis + r : axis;
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

  // --- element by element -------------------------------------------------------------------

  void same() {
    const OnnxShape* x = shape(0);
    if (!x) return;
    give(0, *x, type(0));
    if (node_.op_type == "Dropout") give(1, *x, kBoolType);
    // The sum that a skip normalisation hands on.
    if (node_.op_type.starts_with("Skip")) give(3, *x, type(0));
  }
  void boolean_same() {
    if (const OnnxShape* x = shape(0)) give(0, *x, kBoolType);
  }
  void typed() {
    if (const OnnxShape* x = shape(0)) give(0, *x, static_cast<int>(integer("to", 0)));
  }
  void quantize() {
    const OnnxShape* x = shape(0);
    if (!x) return;
    const int to = has(2) ? type(2) : static_cast<int>(integer("output_dtype", 2));
    give(0, *x, to);
    if (node_.op_type.starts_with("Dynamic")) {
      give(1, {}, kFloatType);
      give(2, {}, 2);
    }
  }
  void dequantize() {
    if (const OnnxShape* x = shape(0)) give(0, *x, has(1) ? type(1) : kFloatType);
  }

  static OnnxDim joint(const OnnxDim& a, const OnnxDim& b) {
    if (a.size == 1) return b;
    if (b.size == 1) return a;
    if (a.size > 1 || a.zero) return a;
    if (b.size > 1 || b.zero) return b;
    return a.symbol == b.symbol ? a : unknown();
  }
  static OnnxShape joint(const OnnxShape& a, const OnnxShape& b) {
    const OnnxShape& longer = a.size() >= b.size() ? a : b;
    const OnnxShape& shorter = a.size() >= b.size() ? b : a;
    OnnxShape result = longer;
    const std::size_t lead = longer.size() - shorter.size();
    for (std::size_t i = 0; i < shorter.size(); ++i) {
      result[lead + i] = joint(longer[lead + i], shorter[i]);
    }
    return result;
  }
  void broadcast_as(int element_type, std::initializer_list<std::size_t> inputs) {
    OnnxShape result;
    for (const std::size_t i : inputs) {
      if (!shape(i)) return;
      result = joint(result, *shape(i));
    }
    give(0, std::move(result), element_type);
  }
  void broadcast() {
    OnnxShape result;
    for (std::size_t i = 0; i < node_.inputs.size(); ++i) {
      if (!shape(i)) return;
      result = joint(result, *shape(i));
    }
    if (!node_.inputs.empty()) give(0, std::move(result), type(0));
  }
  void broadcast_boolean() { broadcast_as(kBoolType, {0, 1}); }
  void broadcast_quantised() { broadcast_as(type(0), {0, 3}); }
  void where() { broadcast_as(type(1), {0, 1, 2}); }

  // --- windows ------------------------------------------------------------------------------

  struct Window {
    Sizes kernel, stride, dilation, pads;
  };
  // Checked: positive and moderate; nothing where the attributes do not fit.
  std::optional<Window> window(std::size_t axes, Sizes kernel) const {
    Window w{std::move(kernel), list("strides"), list("dilations"), list("pads")};
    const Sizes given = list("kernel_shape");
    if (!given.empty()) w.kernel = given;
    if (w.stride.empty()) w.stride.assign(axes, 1);
    if (w.dilation.empty()) w.dilation.assign(axes, 1);
    if (w.pads.empty()) w.pads.assign(2 * axes, 0);
    if (w.kernel.size() != axes || w.stride.size() != axes || w.dilation.size() != axes ||
        w.pads.size() != 2 * axes) {
      return std::nullopt;
    }
    for (std::size_t a = 0; a < axes; ++a) {
      for (const std::int64_t x : {w.kernel[a], w.stride[a], w.dilation[a]}) {
        if (x < 1 || x > kMostWindow) return std::nullopt;
      }
      if (w.kernel[a] > kMostWindow / w.dilation[a]) return std::nullopt;
    }
    for (const std::int64_t p : w.pads) {
      if (p < -kMostWindow || p > kMostWindow) return std::nullopt;
    }
    return w;
  }
  OnnxDim windowed(const OnnxDim& in, const Window& w, std::size_t a) const {
    if (in.size == 0) return unknown();
    const std::size_t axes = w.kernel.size();
    const std::int64_t span = (w.kernel[a] - 1) * w.dilation[a] + 1;
    const std::string automatic = text("auto_pad");
    if (automatic.starts_with("SAME")) return dim_of((in.size + w.stride[a] - 1) / w.stride[a]);
    const bool valid = automatic == "VALID";
    const std::int64_t room = in.size + (valid ? 0 : w.pads[a] + w.pads[a + axes]) - span;
    if (room < 0) return unknown();
    std::int64_t count = room / w.stride[a] + 1;
    if (integer("ceil_mode", 0) != 0 && room % w.stride[a] != 0) {
      // A window that would begin in the padding at the end does not count.
      if ((count * w.stride[a]) < in.size + (valid ? 0 : w.pads[a])) ++count;
    }
    return dim_of(count);
  }
  // Kernel of a convolution's weights; empty where their shape is not known.
  Sizes kernel_of(const OnnxShape* weights) const {
    Sizes kernel;
    for (std::size_t a = 2; weights && a < weights->size(); ++a)
      kernel.push_back((*weights)[a].size);
    return kernel;
  }
  void convolution() {
    const OnnxShape* x = shape(0);
    const std::size_t place = node_.op_type == "QLinearConv" ? 3 : 1;
    const OnnxShape* weights = shape(place);
    if (!x || x->size() < 3) return;
    const auto w = window(x->size() - 2, kernel_of(weights));
    if (!w) return;
    const bool fits = weights && weights->size() == x->size();
    OnnxShape out{(*x)[0], fits ? (*weights)[0] : unknown()};
    for (std::size_t a = 0; a + 2 < x->size(); ++a) out.push_back(windowed((*x)[a + 2], *w, a));
    const bool wide = node_.op_type == "ConvInteger";
    give(0, std::move(out), wide ? kInt32Type : type(0));
  }
  void transposed_convolution() {
    const OnnxShape* x = shape(0);
    const OnnxShape* weights = shape(1);
    if (!x || x->size() < 3) return;
    const std::size_t axes = x->size() - 2;
    const auto w = window(axes, kernel_of(weights));
    const std::int64_t group = integer("group", 1);
    if (!w || group < 1 || group > kMostWindow) return;
    const bool fits = weights && weights->size() == x->size();
    OnnxShape out{(*x)[0], fits ? times((*weights)[1], dim_of(group)) : unknown()};
    const Sizes given = list("output_shape");
    Sizes more = list("output_padding");
    more.resize(axes, 0);
    for (std::size_t a = 0; a < axes; ++a) {
      const OnnxDim& in = (*x)[a + 2];
      const std::int64_t span = (w->kernel[a] - 1) * w->dilation[a] + 1;
      if (given.size() == axes) {
        out.push_back(given[a] > 0 ? dim_of(given[a]) : unknown());
      } else if (in.size == 0 || more[a] < 0 || more[a] > kMostWindow ||
                 in.size > kMaxExactInteger / w->stride[a]) {
        out.push_back(unknown());
      } else if (text("auto_pad").starts_with("SAME")) {
        out.push_back(dim_of(in.size * w->stride[a]));
      } else {
        const std::int64_t size =
            w->stride[a] * (in.size - 1) + more[a] + span - w->pads[a] - w->pads[a + axes];
        out.push_back(size > 0 ? dim_of(size) : unknown());
      }
    }
    give(0, std::move(out), type(0));
  }
  void pool() {
    const OnnxShape* x = shape(0);
    if (!x || x->size() < 3) return;
    const auto w = window(x->size() - 2, {});
    if (!w) return;
    OnnxShape out{(*x)[0], (*x)[1]};
    for (std::size_t a = 0; a + 2 < x->size(); ++a) out.push_back(windowed((*x)[a + 2], *w, a));
    give(1, out, kInt64Type);
    give(0, std::move(out), type(0));
  }
  void global_pool() {
    const OnnxShape* x = shape(0);
    if (!x || x->size() < 2) return;
    OnnxShape out{(*x)[0], (*x)[1]};
    out.resize(x->size(), dim_of(1));
    give(0, std::move(out), type(0));
  }

  // --- products -----------------------------------------------------------------------------

  void product_of(OnnxShape a, OnnxShape b, int element_type) {
    if (a.empty() || b.empty()) return;
    const bool row = a.size() == 1;
    const bool column = b.size() == 1;
    if (row) a.insert(a.begin(), dim_of(1));
    if (column) b.push_back(dim_of(1));
    OnnxShape out = joint(OnnxShape(a.begin(), a.end() - 2), OnnxShape(b.begin(), b.end() - 2));
    if (!row) out.push_back(a[a.size() - 2]);
    if (!column) out.push_back(b.back());
    give(0, std::move(out), element_type);
  }
  void matmul() {
    const std::size_t second = node_.op_type == "QLinearMatMul" ? 3 : 1;
    if (!shape(0) || !shape(second)) return;
    OnnxShape a = *shape(0);
    OnnxShape b = *shape(second);
    if (integer("transA", 0) != 0 && a.size() >= 2) std::swap(a[a.size() - 1], a[a.size() - 2]);
    if (integer("transB", 0) != 0 && b.size() >= 2) std::swap(b[b.size() - 1], b[b.size() - 2]);
    int element_type = type(0);
    if (node_.op_type == "MatMulInteger") element_type = kInt32Type;
    if (node_.op_type == "MatMulIntegerToFloat") element_type = kFloatType;
    if (node_.op_type == "QLinearMatMul" && has(7)) element_type = type(7);
    product_of(std::move(a), std::move(b), element_type);
  }
  void matmul_nbits() {
    const OnnxShape* x = shape(0);
    const std::int64_t columns = integer("N", 0);
    if (!x || x->empty() || columns < 1) return;
    OnnxShape out = *x;
    out.back() = dim_of(columns);
    give(0, std::move(out), type(0));
  }
  void gemm() {
    const OnnxShape* a = shape(0);
    const OnnxShape* b = shape(node_.op_type == "QGemm" ? 3 : 1);
    if (!a || !b || a->size() != 2 || b->size() != 2) return;
    give(0, {(*a)[integer("transA", 0) != 0 ? 1 : 0], (*b)[integer("transB", 0) != 0 ? 0 : 1]},
         type(0));
  }
  void einsum() {
    const std::string equation = text("equation");
    const std::size_t arrow = equation.find("->");
    if (arrow == std::string::npos) return;
    std::unordered_map<char, OnnxDim> size_of;
    OnnxShape dots;
    std::size_t input = 0;
    std::string term;
    const auto take = [&]() {
      const OnnxShape* x = shape(input++);
      if (!x) return false;
      const std::size_t ellipsis = term.find("...");
      const std::size_t letters = term.size() - (ellipsis == std::string::npos ? 0 : 3);
      if (letters > x->size() || (ellipsis == std::string::npos && letters != x->size()))
        return false;
      const std::size_t extra = x->size() - letters;
      std::size_t axis = 0;
      for (std::size_t i = 0; i < term.size(); ++i) {
        if (i == ellipsis) {
          dots = joint(dots, OnnxShape(x->begin() + static_cast<long>(axis),
                                       x->begin() + static_cast<long>(axis + extra)));
          axis += extra;
          i += 2;
          continue;
        }
        OnnxDim& known = size_of.try_emplace(term[i], dim_of(1)).first->second;
        known = joint(known, (*x)[axis++]);
      }
      return true;
    };
    for (std::size_t i = 0; i <= arrow; ++i) {
      const char c = i < arrow ? equation[i] : ',';
      if (c == ' ') continue;
      if (c != ',') {
        term += c;
        continue;
      }
      if (!take()) return;
      term.clear();
    }
    OnnxShape out;
    for (std::size_t i = arrow + 2; i < equation.size(); ++i) {
      const char c = equation[i];
      if (c == ' ') continue;
      if (equation.compare(i, 3, "...") == 0) {
        out.insert(out.end(), dots.begin(), dots.end());
        i += 2;
        continue;
      }
      const auto found = size_of.find(c);
      if (found == size_of.end()) return;
      out.push_back(found->second);
    }
    give(0, std::move(out), type(0));
  }
  void recurrent() {
    const OnnxShape* x = shape(0);
    if (!x || x->size() != 3) return;
    OnnxDim hidden = unknown();
    if (integer("hidden_size", 0) > 0) hidden = dim_of(integer("hidden_size", 0));
    if (hidden.size == 0 && shape(2) && shape(2)->size() == 3) hidden = (*shape(2))[2];
    const OnnxDim directions = dim_of(text("direction") == "bidirectional" ? 2 : 1);
    const bool batch_first = integer("layout", 0) != 0;
    const OnnxDim steps = (*x)[batch_first ? 1 : 0];
    const OnnxDim batch = (*x)[batch_first ? 0 : 1];
    if (batch_first) {
      give(0, {batch, steps, directions, hidden}, type(0));
      for (std::size_t o : {1, 2}) give(o, {batch, directions, hidden}, type(0));
    } else {
      give(0, {steps, directions, batch, hidden}, type(0));
      for (std::size_t o : {1, 2}) give(o, {directions, batch, hidden}, type(0));
    }
  }
  void attention() {
    const OnnxShape* q = shape(0);
    const OnnxShape* v = shape(2);
    if (!q) return;
    if (q->size() == 4) {
      OnnxShape out = *q;
      if (v && v->size() == 4) out[3] = (*v)[3];
      give(0, std::move(out), type(0));
      return;
    }
    const std::int64_t heads = integer("q_num_heads", 0);
    const std::int64_t kv = integer("kv_num_heads", 0);
    if (q->size() != 3 || heads < 1 || kv < 1 || heads > kMostWindow) return;
    OnnxShape out = *q;
    if (v && v->size() == 3 && (*v)[2].size > 0)
      out[2] = times(dim_of(heads), dim_of((*v)[2].size / kv));
    give(0, std::move(out), type(0));
  }
  void fused_attention() {
    const OnnxShape* q = shape(0);
    if (!q || q->size() != 3) return;
    OnnxShape out = *q;
    const std::int64_t heads = integer("num_heads", 0);
    if (heads < 1 || heads > kMostWindow) return;
    if (node_.op_type == "Attention") {
      const OnnxShape* w = shape(1);
      if (!w || w->size() != 2 || (*w)[1].size == 0) return;
      const Sizes sizes = list("qkv_hidden_sizes");
      out[2] = sizes.size() == 3 && sizes[2] > 0 ? dim_of(sizes[2]) : dim_of((*w)[1].size / 3);
    } else if (node_.op_type == "GroupQueryAttention") {
      const std::int64_t kv = integer("kv_num_heads", 0);
      if (kv < 1 || kv > kMostWindow) return;
      if (!has(1) && out[2].size > 0) {  // queries, keys and values packed
        const OnnxShape* past = shape(3);
        const bool cached = past && past->size() == 4 && (*past)[3].size > 0;
        out[2] = cached ? times(dim_of(heads), (*past)[3])
                        : dim_of(out[2].size / (heads + 2 * kv) * heads);
      }
    } else if (const OnnxShape* v = shape(2); v && v->size() == 3) {
      out[2] = (*v)[2];
    }
    give(0, std::move(out), type(0));
  }

  // --- layout -------------------------------------------------------------------------------

  void reshape() {
    const OnnxShape* x = shape(0);
    const auto target = list(1, "shape");
    if (!target) {
      // A list of known length is a known number of axes.
      const OnnxShape* length = shape(1);
      if (length && length->size() == 1 && length->front().size > 0 &&
          length->front().size <= kMaxOnnxRank) {
        give(0, OnnxShape(static_cast<std::size_t>(length->front().size)), type(0));
      }
      return;
    }
    if (target->size() > static_cast<std::size_t>(kMaxOnnxRank)) return;
    const bool keep_zero = integer("allowzero", 0) != 0;
    OnnxShape out;
    int rest = -1;
    for (std::size_t a = 0; a < target->size(); ++a) {
      const std::int64_t size = (*target)[a];
      if (size == -1) {
        if (rest >= 0) return;
        rest = static_cast<int>(a);
        out.push_back(unknown());
      } else if (size == 0 && !keep_zero) {
        out.push_back(x && a < x->size() ? (*x)[a] : unknown());
      } else if (size == kUnknownValue || size < 0 || size > kMaxExactInteger) {
        out.push_back(unknown());
      } else {
        out.push_back(dim_of(size));
      }
    }
    if (x) deduce_one(*x, out);
    give(0, std::move(out), type(0));
  }
  // The one dimension of `after` that is not known, from the number of elements; where as many
  // are unknown before, they are taken to be the same.
  static void deduce_one(const OnnxShape& before, OnnxShape& after) {
    std::vector<std::size_t> missing;
    std::int64_t known_before = 1;
    std::int64_t known_after = 1;
    std::size_t missing_before = 0;
    OnnxDim symbol;
    for (const OnnxDim& dim : before) {
      if (dim.zero) return;
      if (dim.size == 0) {
        ++missing_before;
        symbol = dim;
      } else if (known_before > kMaxExactInteger / dim.size) {
        return;
      } else {
        known_before *= dim.size;
      }
    }
    for (std::size_t a = 0; a < after.size(); ++a) {
      if (after[a].zero) return;
      if (after[a].size == 0) {
        missing.push_back(a);
      } else if (known_after > kMaxExactInteger / after[a].size) {
        return;
      } else {
        known_after *= after[a].size;
      }
    }
    // Symbols that stand on both sides cancel.
    if (missing_before == 1 && missing.size() == 2 && !symbol.symbol.empty()) {
      const auto same = std::find_if(missing.begin(), missing.end(), [&](std::size_t a) {
        return after[a].symbol == symbol.symbol;
      });
      if (same != missing.end()) {
        missing.erase(same);
        missing_before = 0;
      }
    }
    if (missing.size() != 1) return;
    OnnxDim& open = after[missing.front()];
    if (missing_before == 0 && known_before % known_after == 0)
      open = dim_of(known_before / known_after);
    if (missing_before == 1 && known_before == known_after) open = symbol;
  }
  void flatten() {
    const OnnxShape* x = shape(0);
    if (!x) return;
    const auto rank = static_cast<std::int64_t>(x->size());
    std::int64_t axis = integer("axis", 1);
    if (axis < 0) axis += rank;
    if (axis < 0 || axis > rank) return;
    give(0, {product(x->begin(), x->begin() + axis), product(x->begin() + axis, x->end())},
         type(0));
  }
  void squeeze() {
    const OnnxShape* x = shape(0);
    const auto axes = list(1, "axes");
    if (!x || !axes) return;
    std::set<std::int64_t> gone;
    for (const std::int64_t a : *axes) {
      const std::int64_t axis = axis_from_front(a, x->size());
      if (axis < 0) return;
      gone.insert(axis);
    }
    OnnxShape out;
    for (std::size_t a = 0; a < x->size(); ++a) {
      if (axes->empty()) {
        if (!is_known((*x)[a])) return;
        if ((*x)[a].size == 1) continue;
      }
      if (!gone.contains(static_cast<std::int64_t>(a))) out.push_back((*x)[a]);
    }
    give(0, std::move(out), type(0));
  }
  void unsqueeze() {
    const OnnxShape* x = shape(0);
    const auto axes = list(1, "axes");
    if (!x || !axes || axes->size() + x->size() > static_cast<std::size_t>(kMaxOnnxRank)) return;
    const std::size_t rank = x->size() + axes->size();
    std::set<std::int64_t> added;
    for (const std::int64_t a : *axes) {
      const std::int64_t axis = axis_from_front(a, rank);
      if (axis < 0 || !added.insert(axis).second) return;
    }
    OnnxShape out;
    std::size_t next = 0;
    for (std::size_t a = 0; a < rank; ++a) {
      out.push_back(added.contains(static_cast<std::int64_t>(a)) ? dim_of(1) : (*x)[next++]);
    }
    give(0, std::move(out), type(0));
  }
  void transpose() {
    const OnnxShape* x = shape(0);
    if (!x) return;
    Sizes order = list("perm");
    if (!node_.attribute("perm")) {
      for (std::size_t a = x->size(); a-- > 0;) order.push_back(static_cast<std::int64_t>(a));
    }
    Sizes sorted = order;
    std::sort(sorted.begin(), sorted.end());
    if (sorted.size() != x->size()) return;
    OnnxShape out;
    for (std::size_t a = 0; a < x->size(); ++a) {
      if (sorted[a] != static_cast<std::int64_t>(a)) return;
      out.push_back((*x)[static_cast<std::size_t>(order[a])]);
    }
    give(0, std::move(out), type(0));
  }
  void concat() {
    const OnnxShape* x = shape(0);
    if (!x) return;
    const std::int64_t axis = axis_from_front(integer("axis", 0), x->size());
    if (axis < 0) return;
    OnnxShape out = *x;
    const auto at = static_cast<std::size_t>(axis);
    std::int64_t total = 0;
    bool known = true;
    for (std::size_t i = 0; i < node_.inputs.size(); ++i) {
      const OnnxShape* part = shape(i);
      if (!part || part->size() != x->size()) return;
      known = known && is_known((*part)[at]);
      total = std::min(total + (*part)[at].size, kMaxExactInteger);
      for (std::size_t a = 0; a < out.size(); ++a) {
        if (a != at && !is_known(out[a])) out[a] = (*part)[a];
      }
    }
    out[at] = known ? dim_of(total) : unknown();
    give(0, std::move(out), type(0));
  }
  void split() {
    const OnnxShape* x = shape(0);
    if (!x) return;
    const std::int64_t axis = axis_from_front(integer("axis", 0), x->size());
    if (axis < 0) return;
    const auto at = static_cast<std::size_t>(axis);
    const auto parts = list(1, "split");
    const auto count = static_cast<std::int64_t>(node_.outputs.size());
    const std::int64_t whole = (*x)[at].size;
    const std::int64_t each = (whole + count - 1) / count;
    for (std::size_t o = 0; o < node_.outputs.size(); ++o) {
      OnnxShape out = *x;
      if (!parts) {
        out[at] = unknown();
      } else if (!parts->empty()) {
        const bool fits = o < parts->size() && (*parts)[o] >= 0 && (*parts)[o] <= kMaxExactInteger;
        out[at] = fits ? dim_of((*parts)[o]) : unknown();
      } else if (whole > 0) {
        out[at] =
            dim_of(std::clamp<std::int64_t>(whole - static_cast<std::int64_t>(o) * each, 0, each));
      }
      give(o, std::move(out), type(0));
    }
  }
  void slice() {
    const OnnxShape* x = shape(0);
    if (!x) return;
    const auto starts = list(1, "starts");
    const auto ends = list(2, "ends");
    auto axes = list(3, "axes");
    const auto steps = has(4) ? values(4) : Sizes{};
    OnnxShape out = *x;
    if (!axes) return;
    if (axes->empty()) {
      const std::size_t count = starts ? starts->size() : x->size();
      for (std::size_t a = 0; a < std::min(count, x->size()); ++a)
        axes->push_back(static_cast<std::int64_t>(a));
    }
    for (std::size_t i = 0; i < axes->size(); ++i) {
      const std::int64_t axis = axis_from_front((*axes)[i], x->size());
      if (axis < 0) return;
      OnnxDim& dim = out[static_cast<std::size_t>(axis)];
      const bool given = starts && ends && steps && i < starts->size() && i < ends->size() &&
                         (steps->empty() || i < steps->size());
      if (!given || dim.size == 0) {
        if (!dim.zero) dim = unknown();
        continue;
      }
      const std::int64_t start = (*starts)[i];
      const std::int64_t end = (*ends)[i];
      const std::int64_t step = steps->empty() ? 1 : (*steps)[i];
      if (start == kUnknownValue || end == kUnknownValue || step == 0 || step == kUnknownValue) {
        dim = unknown();
        continue;
      }
      const std::int64_t n = dim.size;
      const auto place = [n](std::int64_t at, std::int64_t low, std::int64_t high) {
        return std::clamp<std::int64_t>(at < 0 ? std::max(at, -n - 1) + n : at, low, high);
      };
      const bool forward = step > 0;
      const std::int64_t from = forward ? place(start, 0, n) : place(start, 0, n - 1);
      const std::int64_t to = forward ? place(end, 0, n) : place(end, -1, n - 1);
      const std::int64_t length = forward ? to - from : from - to;
      const std::int64_t stride =
          forward ? std::min(step, n + 1) : std::min(-std::max(step, -n - 1), n + 1);
      dim = dim_of(std::max<std::int64_t>(0, (length + stride - 1) / stride));
    }
    give(0, std::move(out), type(0));
  }
  void gather() {
    const OnnxShape* x = shape(0);
    const OnnxShape* indices = shape(1);
    if (!x || !indices) return;
    const std::int64_t axis = axis_from_front(integer("axis", 0), x->size());
    if (axis < 0) return;
    OnnxShape out(x->begin(), x->begin() + axis);
    out.insert(out.end(), indices->begin(), indices->end());
    out.insert(out.end(), x->begin() + axis + 1, x->end());
    give(0, std::move(out), type(0));
  }
  void gather_elements() {
    if (const OnnxShape* indices = shape(1)) give(0, *indices, type(0));
  }
  void gather_nd() {
    const OnnxShape* x = shape(0);
    const OnnxShape* indices = shape(1);
    if (!x || !indices || indices->empty()) return;
    const std::int64_t batch = integer("batch_dims", 0);
    const std::int64_t depth = indices->back().size;
    if (batch < 0 || depth < 1 || batch + depth > static_cast<std::int64_t>(x->size())) return;
    OnnxShape out(indices->begin(), indices->end() - 1);
    out.insert(out.end(), x->begin() + batch + depth, x->end());
    give(0, std::move(out), type(0));
  }
  void expand() {
    const OnnxShape* x = shape(0);
    const auto target = values(1);
    if (!x || !target) return;
    OnnxShape wanted;
    for (const std::int64_t size : *target) {
      wanted.push_back(size == kUnknownValue || size < 0 || size > kMaxExactInteger ? unknown()
                                                                                    : dim_of(size));
    }
    give(0, joint(*x, wanted), type(0));
  }
  void tile() {
    const OnnxShape* x = shape(0);
    const auto repeats = values(1);
    if (!x || !repeats || repeats->size() != x->size()) return;
    OnnxShape out;
    for (std::size_t a = 0; a < x->size(); ++a) {
      const std::int64_t r = (*repeats)[a];
      out.push_back(r == kUnknownValue || r < 0 || r > kMaxExactInteger
                        ? unknown()
                        : times((*x)[a], dim_of(r)));
    }
    give(0, std::move(out), type(0));
  }
  void pad() {
    const OnnxShape* x = shape(0);
    const auto pads = list(1, "pads");
    if (!x) return;
    Sizes axes;
    if (has(3)) {
      const auto given = values(3);
      if (!given) return;
      axes = *given;
    } else {
      for (std::size_t a = 0; a < x->size(); ++a) axes.push_back(static_cast<std::int64_t>(a));
    }
    OnnxShape out = *x;
    if (!pads || pads->size() != 2 * axes.size()) {
      give(0, OnnxShape(x->size()), type(0));
      return;
    }
    for (std::size_t i = 0; i < axes.size(); ++i) {
      const std::int64_t axis = axis_from_front(axes[i], x->size());
      if (axis < 0) return;
      OnnxDim& dim = out[static_cast<std::size_t>(axis)];
      const std::int64_t low = (*pads)[i];
      const std::int64_t high = (*pads)[i + axes.size()];
      const auto moderate = [](std::int64_t p) { return p >= -kMostWindow && p <= kMostWindow; };
      if (!moderate(low) || !moderate(high)) {
        dim = unknown();
      } else if (low != 0 || high != 0) {
        dim =
            dim.size > 0 && dim.size + low + high >= 0 ? dim_of(dim.size + low + high) : unknown();
      }
    }
    give(0, std::move(out), type(0));
  }
  void resize() {
    const OnnxShape* x = shape(0);
    if (!x) return;
    const bool newer = node_.op_type == "Resize" && node_.inputs.size() > 2;
    const std::size_t scales_place = newer ? 2 : 1;
    Sizes axes = list("axes");
    if (axes.empty()) {
      for (std::size_t a = 0; a < x->size(); ++a) axes.push_back(static_cast<std::int64_t>(a));
    }
    OnnxShape out = *x;
    const auto sizes = has(3) ? values(3) : std::nullopt;
    std::vector<double> scales;
    if (const OnnxAttribute* given = node_.attribute("scales")) scales = given->reals;
    if (has(scales_place) && tensor(scales_place).reals) scales = *tensor(scales_place).reals;
    for (std::size_t i = 0; i < axes.size(); ++i) {
      const std::int64_t axis = axis_from_front(axes[i], x->size());
      if (axis < 0) return;
      OnnxDim& dim = out[static_cast<std::size_t>(axis)];
      if (sizes && sizes->size() == axes.size()) {
        const std::int64_t size = (*sizes)[i];
        dim = size > 0 && size <= kMaxExactInteger ? dim_of(size) : unknown();
      } else if (scales.size() == axes.size()) {
        const double size = std::floor(static_cast<double>(dim.size) * scales[i]);
        dim = dim.size > 0 && size >= 1 && size <= static_cast<double>(kMaxExactInteger)
                  ? dim_of(static_cast<std::int64_t>(size))
                  : unknown();
      } else {
        dim = unknown();
      }
    }
    give(0, std::move(out), type(0));
  }
  void depth_to_space() {
    const OnnxShape* x = shape(0);
    const std::int64_t block = integer("blocksize", 0);
    if (!x || x->size() != 4 || block < 1 || block > (1 << 15)) return;
    OnnxShape out = *x;
    const bool to_space = node_.op_type == "DepthToSpace";
    const auto divided = [](const OnnxDim& dim, std::int64_t by) {
      return dim.size > 0 && dim.size % by == 0 ? dim_of(dim.size / by) : unknown();
    };
    out[1] = to_space ? divided(out[1], block * block) : times(out[1], dim_of(block * block));
    for (const std::size_t a : {2, 3}) {
      out[a] = to_space ? times(out[a], dim_of(block)) : divided(out[a], block);
    }
    give(0, std::move(out), type(0));
  }

  // --- reductions and the rest --------------------------------------------------------------

  void reduce() {
    const OnnxShape* x = shape(0);
    const auto axes = list(1, "axes");
    if (!x || !axes) return;
    const bool keep = integer("keepdims", 1) != 0;
    if (axes->empty() && integer("noop_with_empty_axes", 0) != 0) return give(0, *x, type(0));
    std::set<std::int64_t> gone;
    for (const std::int64_t a : *axes) {
      const std::int64_t axis = axis_from_front(a, x->size());
      if (axis < 0) return;
      gone.insert(axis);
    }
    OnnxShape out;
    for (std::size_t a = 0; a < x->size(); ++a) {
      if (axes->empty() || gone.contains(static_cast<std::int64_t>(a))) {
        if (keep) out.push_back(dim_of(1));
      } else {
        out.push_back((*x)[a]);
      }
    }
    give(0, std::move(out), type(0));
  }
  void arg_reduce() {
    const OnnxShape* x = shape(0);
    if (!x) return;
    const std::int64_t axis = axis_from_front(integer("axis", 0), x->size());
    if (axis < 0) return;
    OnnxShape out = *x;
    if (integer("keepdims", 1) != 0) {
      out[static_cast<std::size_t>(axis)] = dim_of(1);
    } else {
      out.erase(out.begin() + axis);
    }
    give(0, std::move(out), kInt64Type);
  }
  void shape_of() {
    if (const OnnxShape* x = shape(0); x && !node_.attribute("start") && !node_.attribute("end")) {
      give(0, {dim_of(static_cast<std::int64_t>(x->size()))}, kInt64Type);
    }
  }
  void scalar_count() { give(0, {}, kInt64Type); }
  void constant_of_shape() {
    const auto sizes = values(0);
    const OnnxAttribute* value = node_.attribute("value");
    const int element = value && !value->integers.empty() ? kInt64Type : kFloatType;
    if (!sizes || sizes->size() > static_cast<std::size_t>(kMaxOnnxRank)) return;
    OnnxShape out;
    for (const std::int64_t size : *sizes) {
      out.push_back(size == kUnknownValue || size < 0 || size > kMaxExactInteger ? unknown()
                                                                                 : dim_of(size));
    }
    give(0, std::move(out), element);
  }
  void range() { give(0, {unknown()}, type(0)); }
  void constant() {}  // known from the file
  void non_zero() {
    if (const OnnxShape* x = shape(0)) {
      give(0, {dim_of(static_cast<std::int64_t>(x->size())), unknown()}, kInt64Type);
    }
  }
  void top_k() {
    const OnnxShape* x = shape(0);
    if (!x) return;
    const std::int64_t axis = axis_from_front(integer("axis", -1), x->size());
    if (axis < 0) return;
    OnnxShape out = *x;
    const auto k = has(1) ? values(1) : std::optional(list("k"));
    const bool known = k && k->size() == 1 && k->front() >= 0 && k->front() <= kMaxExactInteger;
    out[static_cast<std::size_t>(axis)] = known ? dim_of(k->front()) : unknown();
    give(1, out, kInt64Type);
    give(0, std::move(out), type(0));
  }
  void one_hot() {
    const OnnxShape* x = shape(0);
    if (!x) return;
    const std::int64_t axis = axis_from_front(integer("axis", -1), x->size() + 1);
    if (axis < 0) return;
    const auto depth = values(1);
    const bool known =
        depth && depth->size() == 1 && depth->front() > 0 && depth->front() <= kMaxExactInteger;
    OnnxShape out = *x;
    out.insert(out.begin() + axis, known ? dim_of(depth->front()) : unknown());
    give(0, std::move(out), type(2));
  }

  OnnxGraph& graph_;
  const OnnxNode& node_;
};

}  // namespace

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
  if (elements > static_cast<double>(kMaxExactInteger)) return;
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
  return Rules(graph, node).run();
}

}  // namespace ridgeline::io
