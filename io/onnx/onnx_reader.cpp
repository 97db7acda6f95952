#include "io/onnx/onnx_reader.hpp"

#include <algorithm>

#include "io/onnx/nest_builder.hpp"
#include "io/onnx/operator_nests.hpp"

namespace ridgeline::io {

namespace {

// Whether an attribute of a convolution over two axes differs between height and width.
bool is_rectangular(const OnnxGraph& graph, int node) {
  for (const char* name : {"kernel_shape", "strides", "dilations"}) {
    const auto values = integers_attribute(graph, node, name, {});
    if (values.size() == 2 && values[0] != values[1]) return true;
  }
  return false;
}

class Lowering {
 public:
  Lowering(const OnnxGraph& graph, const std::string& name, const OnnxOptions& options)
      : graph_(graph), options_(options), next_id_(static_cast<int>(graph.nodes.size())) {
    import_.workload.name = name;
    import_.notes = graph.notes;
  }

  OnnxImport run() {
    for (int n = 0; n < static_cast<int>(graph_.nodes.size()); ++n) add(n);
    if (rectangular_ > 0) {
      import_.notes.push_back(
          std::to_string(rectangular_) +
          " convolutions with different height and width have them exchanged, as in the "
          "reference (--no-quirks leaves them as they are)");
    }
    return std::move(import_);
  }

 private:
  void add(int n) {
    OperatorContext op{.graph = graph_,
                       .node = n,
                       .dialect = Dialect::evaluation,
                       .quirks = options_.quirks,
                       .precision = options_.precision,
                       .first_id = next_id_};
    const OnnxNode& source = op.source();
    for (std::size_t i = 0; i < source.inputs.size(); ++i) {
      if (source.inputs[i] < 0) continue;
      const OnnxTensor& tensor = graph_.tensor(source.inputs[i]);
      if (tensor.producer >= 0 && !tensor.constant) {
        op.producers.push_back({static_cast<int>(i), tensor.producer});
      }
    }
    std::vector<LoweredLayer> layers;
    if (!source.constant) layers = lower_operator(op);
    if (layers.empty()) return add_free(op);
    if (options_.quirks && operator_rule(source)->kind == OperatorKind::convolution &&
        is_rectangular(graph_, n)) {
      ++rectangular_;
    }
    // The last layer makes what the operator's readers read, under the operator's own id.
    for (LoweredLayer& made : layers) {
      model::WorkloadNode node;
      const bool final = &made == &layers.back();
      node.id = final ? n : next_id_++;
      node.name = graph_.node_name(n) + made.suffix;
      node.operator_type = source.op_type;
      node.count = made.count;
      made.layer.id = node.id;
      made.layer.name = node.name;
      made.layer.operator_type = node.operator_type;
      if (layers.size() == 1) {
        node.predecessors = graph_.predecessors(n);
      } else {
        for (const model::LayerOperand& operand : made.layer.operands) {
          if (operand.source) node.predecessors.push_back(*operand.source);
        }
      }
      node.layer = std::move(made.layer);
      import_.workload.nodes.push_back(std::move(node));
    }
  }

  void add_free(const OperatorContext& op) {
    refuse_if_strict(graph_, op.node, options_);
    const OnnxNode& source = op.source();
    model::WorkloadNode node;
    node.id = op.node;
    node.name = graph_.node_name(op.node);
    node.operator_type = lower_case(source.op_type);
    node.predecessors = graph_.predecessors(op.node, true);
    // Two operands have two sources: the reference knows no more of such a node.
    if (node.predecessors.size() > 2 && options_.quirks) node.predecessors.resize(2);
    const std::int64_t bits = options_.precision.activation.value_or(8);
    const NodeWork work = work_of(graph_, op.node);
    if (!work.free && !work.unknown) {
      node.work = model::ElementWork{source.op_type, work.operations,
                                     work.input_elements * static_cast<double>(bits),
                                     work.output_elements * static_cast<double>(bits)};
    }
    add_missing(graph_, op.node, bits, import_.missing);
    import_.workload.nodes.push_back(std::move(node));
  }

  const OnnxGraph& graph_;
  const OnnxOptions& options_;
  OnnxImport import_;
  int next_id_;
  int rectangular_ = 0;
};

}  // namespace

OnnxImport lower_onnx_workload(const OnnxGraph& graph, const std::string& name,
                               const OnnxOptions& options) {
  return Lowering(graph, name, options).run();
}

std::vector<model::OperandBits> operand_bits(const OnnxPrecision& precision) {
  std::vector<model::OperandBits> bits;
  if (precision.weight) bits.push_back({"W", *precision.weight});
  if (precision.activation) bits.push_back({"I", *precision.activation});
  if (precision.output) bits.push_back({"O", *precision.output});
  return bits;
}

OnnxImport read_onnx_workload(const std::filesystem::path& path, const OnnxOptions& options) {
  return lower_onnx_workload(read_onnx_graph(path, options), path.stem().string(), options);
}

}  // namespace ridgeline::io
