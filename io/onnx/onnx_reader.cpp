#include "io/onnx/onnx_reader.hpp"

#include <algorithm>
#include <array>
#include <numeric>
#include <set>

#include "io/onnx/onnx_inference.hpp"
#include "model/core/limits.hpp"

namespace ridgeline::io {

namespace {

constexpr std::int64_t kMaxPrecision = 4096;

bool one_of(std::string_view name, std::initializer_list<std::string_view> names) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

bool is_convolution(const OnnxNode& node) {
  return node.domain.empty() && one_of(node.op_type, {"Conv", "QLinearConv"});
}

bool is_matrix_product(const OnnxNode& node) {
  return node.domain.empty() && one_of(node.op_type, {"Gemm", "MatMul"});
}

// Turns one node of the graph into a layer.
class Lowering {
 public:
  Lowering(const OnnxGraph& graph, int node)
      : graph_(graph), node_(node), source_(graph.nodes[static_cast<std::size_t>(node)]) {
    predecessors_ = graph.predecessors(node);
    if (predecessors_.size() > 2) {
      throw error("reads the outputs of " + std::to_string(predecessors_.size()) + " other nodes",
                  "a layer has at most two variable inputs; store weights, biases and "
                  "quantisation parameters as initializers");
    }
    layer_.id = node;
    layer_.name = graph.node_name(node);
    layer_.operator_type = source_.op_type;
  }

  model::Layer convolution() {
    const OnnxShape& in = input_shape(graph_, node_, 0);
    const OnnxShape& out = output_shape(graph_, node_, 0);
    const std::size_t axes = in.size() < 2 ? 0 : in.size() - 2;
    if (in.size() != out.size() || axes < 1 || axes > 3) {
      throw error("has an input of " + std::to_string(in.size()) + " and an output of " +
                      std::to_string(out.size()) + " dimensions",
                  "a convolution has a batch, channels and 1 to 3 axes of space");
    }
    if (!source_.attribute("kernel_shape")) {
      throw error("has no attribute 'kernel_shape'", "it is not taken from the weights' shape");
    }
    const auto kernel = window("kernel_shape", axes, 1);
    const auto strides = window("strides", axes, 1);
    const auto dilations = window("dilations", axes, 1);
    const auto pads = padding(axes);
    const std::int64_t group = integer_attribute(graph_, node_, "group", 1);
    if (group < 1) throw error("has group " + std::to_string(group), "at least 1");

    // Axes of space, X first: one loop over outputs, one over the kernel, one data dimension.
    // X is the last axis of the tensors.
    static constexpr std::array<const char*, 3> kOutput = {"OX", "OY", "OZ"};
    static constexpr std::array<const char*, 3> kKernel = {"FX", "FY", "FZ"};
    static constexpr std::array<const char*, 3> kInput = {"IX", "IY", "IZ"};
    add_dim("B", batch(in, out));
    add_dim("K", ceil_div(out_size(1), group));
    add_dim("G", group);
    for (std::size_t a = 0; a < axes; ++a) {
      add_dim(kOutput[a], out_size(static_cast<int>(out.size() - 1 - a)));
    }
    add_dim("C", ceil_div(in_size(1), group));
    for (std::size_t a = 0; a < axes; ++a) add_dim(kKernel[a], kernel[attribute_place(a, axes)]);
    for (std::size_t a = 0; a < axes; ++a) {
      const std::size_t place = attribute_place(a, axes);
      model::DimRelation relation;
      relation.name = kInput[a];
      relation.dim = {layer_.dim_index(kOutput[a]), layer_.dim_index(kKernel[a])};
      relation.coefficient = {strides[place], dilations[place]};
      relation.padding_begin = pads[place];
      relation.padding_end = pads[place + axes];
      relation.given_size = in_size(static_cast<int>(in.size() - 1 - a));
      layer_.relations.push_back(std::move(relation));
    }

    std::vector<std::string> outputs = {"B", "G", "K"};
    std::vector<std::string> weights = {"G", "K", "C"};
    std::vector<std::string> inputs = {"B", "G", "C"};
    for (std::size_t a = axes; a-- > 0;) {
      outputs.push_back(kOutput[a]);
      weights.push_back(kKernel[a]);
      inputs.push_back(kInput[a]);
    }
    finish(outputs, {"W", weights}, {"I", inputs});
    return std::move(layer_);
  }

  model::Layer matrix_product() {
    OnnxShape in = input_shape(graph_, node_, 0);
    const OnnxShape& out = output_shape(graph_, node_, 0);
    if (in.size() != out.size() || in.size() < 2 || in.size() > 4) {
      throw error("has a first input of " + std::to_string(in.size()) + " and an output of " +
                      std::to_string(out.size()) + " dimensions",
                  "both have the same number of dimensions, 2 to 4; reshape the input");
    }
    int rows = static_cast<int>(in.size()) - 2;
    int inner = rows + 1;
    if (integer_attribute(graph_, node_, "transA", 0) != 0) {
      if (in.size() != 2) throw error("transposes an input that is no matrix (transA)");
      std::swap(in[0], in[1]);
      std::swap(rows, inner);
    }
    const int last = static_cast<int>(out.size()) - 1;
    // Rows that only the other side knows are taken from there.
    const std::int64_t in_rows = in[in.size() - 2].size;
    const std::int64_t out_rows = out[out.size() - 2].size;
    require_equal("rows", in_rows, out_rows);
    for (std::size_t d = 0; d + 2 < in.size(); ++d) {
      require_equal("batch dimension " + std::to_string(d), in[d].size, out[d].size);
    }
    add_dim("C", in_size(inner));
    add_dim("D", in_rows == 0 && out_rows > 0 ? out_rows : in_size(rows));
    add_dim("K", out_size(last));
    std::vector<std::string> batches;
    if (in.size() >= 3) {
      add_dim("B", batch(in, out));
      batches.push_back("B");
    }
    if (in.size() == 4) {
      add_dim("H", in[1].size == 0 && out[1].size > 0 ? out[1].size : in_size(1));
      batches.push_back("H");
    }
    const auto with_batches = [&](bool wanted, std::vector<std::string> names) {
      if (wanted) names.insert(names.begin(), batches.begin(), batches.end());
      return names;
    };
    finish(with_batches(true, {"D", "K"}), {"I", with_batches(true, {"D", "C"})},
           {"W", with_batches(predecessors_.size() == 2, {"C", "K"})});
    return std::move(layer_);
  }

 private:
  using Term = std::pair<std::string, std::vector<std::string>>;

  InputError error(const std::string& problem, const std::string& remedy = "") const {
    return onnx_error(graph_, node_, problem, remedy);
  }

  static std::int64_t ceil_div(std::int64_t a, std::int64_t b) { return a / b + (a % b != 0); }

  // Two axes: the reference gives the first entry (height in ONNX) to X, and so do we, for
  // figures that agree. One or three axes are our own: every entry goes to its axis.
  static std::size_t attribute_place(std::size_t axis, std::size_t axes) {
    return axes == 3 ? axes - 1 - axis : axis;
  }

  std::int64_t in_size(int dim) const { return known_size(graph_, node_, source_.inputs[0], dim); }
  std::int64_t out_size(int dim) const {
    return known_size(graph_, node_, source_.outputs[0], dim);
  }

  void require_equal(const std::string& what, std::int64_t in, std::int64_t out) const {
    if (in > 0 && out > 0 && in != out) {
      throw error("has " + what + " " + std::to_string(in) + " in its input and " +
                      std::to_string(out) + " in its output",
                  "they must agree");
    }
  }

  // A batch that nobody gives a size is 1, as in the reference.
  std::int64_t batch(const OnnxShape& in, const OnnxShape& out) const {
    require_equal("batch size", in[0].size, out[0].size);
    return std::max({out[0].size, in[0].size, std::int64_t{1}});
  }

  std::vector<std::int64_t> window(std::string_view name, std::size_t axes,
                                   std::int64_t otherwise) const {
    auto values =
        integers_attribute(graph_, node_, name, std::vector<std::int64_t>(axes, otherwise));
    if (values.size() != axes) {
      throw error(
          "attribute '" + std::string(name) + "' has " + std::to_string(values.size()) + " entries",
          "one for each of the " + std::to_string(axes) + " axes of space");
    }
    for (const std::int64_t value : values) {
      if (value < 1 || value > model::kMaxExactInteger) {
        throw error("attribute '" + std::string(name) + "' has an entry " + std::to_string(value),
                    "from 1 to 2^53");
      }
    }
    return values;
  }

  std::vector<std::int64_t> padding(std::size_t axes) const {
    auto pads = integers_attribute(graph_, node_, "pads", std::vector<std::int64_t>(2 * axes, 0));
    if (pads.size() != 2 * axes) {
      throw error("attribute 'pads' has " + std::to_string(pads.size()) + " entries",
                  "two for each of the " + std::to_string(axes) + " axes of space");
    }
    for (const std::int64_t value : pads) {
      if (value < -model::kMaxExactInteger || value > model::kMaxExactInteger) {
        throw error("attribute 'pads' has an entry " + std::to_string(value), "up to 2^53");
      }
    }
    return pads;
  }

  void add_dim(const char* name, std::int64_t size) { layer_.dims.push_back({name, size}); }

  std::int64_t precision(std::string_view attribute, std::int64_t otherwise) const {
    const std::int64_t bits = integer_attribute(graph_, node_, attribute, otherwise);
    if (bits < 1 || bits > kMaxPrecision) {
      throw error("attribute '" + std::string(attribute) + "' is " + std::to_string(bits),
                  "bits an element, from 1 to " + std::to_string(kMaxPrecision));
    }
    return bits;
  }

  static std::string text_of(const Term& term) {
    std::string text = term.first;
    for (std::string name : term.second) {
      std::transform(name.begin(), name.end(), name.begin(),
                     [](char c) { return static_cast<char>(c - 'A' + 'a'); });
      text += "[" + name + "]";
    }
    return text;
  }

  model::LayerOperand operand(const Term& term, std::int64_t bits) const {
    model::LayerOperand result;
    result.name = term.first;
    result.precision = bits;
    for (const std::string& name : term.second) {
      const int dim = layer_.dim_index(name);
      if (dim >= 0) {
        result.indices.push_back({false, dim});
        continue;
      }
      const auto relation =
          std::find_if(layer_.relations.begin(), layer_.relations.end(),
                       [&](const model::DimRelation& r) { return r.name == name; });
      result.indices.push_back({true, static_cast<int>(relation - layer_.relations.begin())});
    }
    return result;
  }

  // Operands, precisions, sources and the equation; and the sizes' product.
  void finish(const std::vector<std::string>& outputs, const Term& first, const Term& second) {
    const std::int64_t act = precision("act_size", 8);
    const std::int64_t weight = precision("weight_size", 8);
    const std::int64_t partial = precision("output_size", 2 * act);
    const bool variable_weights = predecessors_.size() == 2;
    layer_.equation = text_of({"O", outputs}) + " = " + text_of(first) + " * " + text_of(second);
    layer_.operands.push_back(operand({"O", outputs}, partial));
    layer_.output_final_precision = act;
    for (const Term* term : {&first, &second}) {
      const bool is_weight = term->first == "W";
      model::LayerOperand input = operand(*term, is_weight && !variable_weights ? weight : act);
      const std::size_t place = is_weight ? 1 : 0;
      if (place < predecessors_.size()) {
        input.source = predecessors_[place];
      } else {
        input.constant = true;
      }
      layer_.operands.push_back(std::move(input));
    }
    if (predecessors_.size() < 2) layer_.constant_operands.push_back("W");
    if (predecessors_.empty()) layer_.constant_operands.push_back("I");
    std::int64_t macs = 1;
    for (const model::LoopDim& dim : layer_.dims) {
      if (macs > model::kMaxExactInteger / dim.size) throw error("has more than 2^53 operations");
      macs *= dim.size;
    }
  }

  const OnnxGraph& graph_;
  int node_;
  const OnnxNode& source_;
  std::vector<int> predecessors_;
  model::Layer layer_;
};

std::string joined(const std::vector<std::string>& names) {
  return names.empty() ? std::string()
                       : std::accumulate(names.begin() + 1, names.end(), names.front(),
                                         [](std::string text, const std::string& name) {
                                           return std::move(text) + ", " + name;
                                         });
}

}  // namespace

bool is_uncosted_arithmetic(const OnnxNode& node) {
  if (node.has_subgraph) return true;
  // Silu is no operator of ONNX yet, but exporters write it, and `schedule` knows it.
  if (node.domain.empty()) {
    if (node.op_type != "Silu" && !is_standard_operator(node.op_type)) return true;
    return one_of(node.op_type, {"Attention", "ConvInteger", "ConvTranspose", "DFT", "DeformConv",
                                 "Det", "Einsum", "GRU", "If", "LSTM", "Loop", "MatMulInteger",
                                 "QLinearMatMul", "RNN", "STFT", "Scan"});
  }
  // Of other domains only operators that are known to be light are taken as such.
  return !one_of(node.op_type, {"BiasGelu",
                                "DequantizeLinear",
                                "DynamicQuantizeLinear",
                                "EmbedLayerNormalization",
                                "FastGelu",
                                "Gelu",
                                "GroupNorm",
                                "LayerNormalization",
                                "QLinearAdd",
                                "QLinearAveragePool",
                                "QLinearConcat",
                                "QLinearGlobalAveragePool",
                                "QLinearLeakyRelu",
                                "QLinearMul",
                                "QLinearSigmoid",
                                "QLinearSoftmax",
                                "QuickGelu",
                                "QuantizeLinear",
                                "RMSNormalization",
                                "RotaryEmbedding",
                                "SimplifiedLayerNormalization",
                                "SkipLayerNormalization",
                                "SkipSimplifiedLayerNormalization"});
}

OnnxImport lower_onnx_workload(const OnnxGraph& graph, const std::string& name,
                               const OnnxOptions& options) {
  OnnxImport result;
  result.workload.name = name;
  std::set<std::string> seen;
  for (int n = 0; n < static_cast<int>(graph.nodes.size()); ++n) {
    const OnnxNode& source = graph.nodes[static_cast<std::size_t>(n)];
    model::WorkloadNode node;
    node.id = n;
    node.name = graph.node_name(n);
    node.predecessors = graph.predecessors(n);
    if (is_convolution(source) || is_matrix_product(source)) {
      node.operator_type = source.op_type;
      node.layer = is_convolution(source) ? Lowering(graph, n).convolution()
                                          : Lowering(graph, n).matrix_product();
    } else {
      if (options.strict) {
        throw onnx_error(graph, n,
                         std::string("the operator has no cost") +
                             (is_uncosted_arithmetic(source) ? " although it does arithmetic" : ""),
                         "without --strict it stays in the graph as a node without cost");
      }
      node.operator_type = source.op_type;
      std::transform(node.operator_type.begin(), node.operator_type.end(),
                     node.operator_type.begin(),
                     [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
      // Two operands have two sources: the reference knows no more of such a node.
      if (node.predecessors.size() > 2) node.predecessors.resize(2);
      if (seen.insert(source.op_type).second) {
        (is_uncosted_arithmetic(source) ? result.uncosted_arithmetic : result.free_operators)
            .push_back(source.op_type);
      }
    }
    result.workload.nodes.push_back(std::move(node));
  }
  return result;
}

OnnxImport read_onnx_workload(const std::filesystem::path& path, const OnnxOptions& options) {
  return lower_onnx_workload(read_onnx_graph(path, options), path.stem().string(), options);
}

std::string free_operators_note(const OnnxImport& import) {
  std::string note;
  if (!import.free_operators.empty()) {
    note = "operators without cost: " + joined(import.free_operators);
  }
  if (!import.uncosted_arithmetic.empty()) {
    if (!note.empty()) note += "; ";
    note += "missing from the totals although they do arithmetic: " +
            joined(import.uncosted_arithmetic);
  }
  return note;
}

}  // namespace ridgeline::io
