#include "io/onnx/missing.hpp"

#include <algorithm>
#include <cstdio>

#include "io/onnx/operator_table.hpp"

namespace ridgeline::io {

namespace {

double elements_of(const OnnxTensor& tensor) {
  if (!tensor.shape) return 0;
  double elements = 1;
  // An axis that nobody gives a size counts once.
  for (const OnnxDim& dim : *tensor.shape) {
    elements *= dim.zero ? 0.0 : static_cast<double>(std::max<std::int64_t>(1, dim.size));
  }
  return elements;
}

// Whether a movement leaves the data where it is, in the same order.
bool is_view(const OnnxGraph& graph, const OnnxNode& node) {
  if (node.inputs.empty() || node.inputs[0] < 0) return false;
  const auto& shape = graph.tensor(node.inputs[0]).shape;
  if (!shape) return false;
  const auto rank = static_cast<std::int64_t>(shape->size());
  if (node.op_type == "Transpose") {
    // The order of the axes that have more than one index does not change.
    const auto order = axis_order(node, shape->size());
    if (!order) return false;
    std::int64_t before = -1;
    for (const std::int64_t axis : *order) {
      if ((*shape)[static_cast<std::size_t>(axis)].size == 1) continue;
      if (axis < before) return false;
      before = axis;
    }
    return true;
  }
  if (node.op_type == "Concat" || node.op_type == "Split") {
    // Parts that lie one after the other.
    const OnnxAttribute* given = node.attribute("axis");
    std::int64_t axis = given && given->integers.size() == 1 ? given->integers.front() : 0;
    if (axis < 0) axis += rank;
    for (std::int64_t a = 0; a < std::min(axis, rank); ++a) {
      if ((*shape)[static_cast<std::size_t>(a)].size != 1) return false;
    }
    return true;
  }
  return false;
}

}  // namespace

NodeWork work_of(const OnnxGraph& graph, int node) {
  const OnnxNode& source = graph.nodes[static_cast<std::size_t>(node)];
  NodeWork work;
  const OperatorRule* rule = operator_rule(source);
  if (source.constant || (rule && rule->kind == OperatorKind::view)) {
    work.free = true;
    return work;
  }
  work.unknown = rule == nullptr || rule->kind == OperatorKind::control;
  for (const int input : source.inputs) {
    if (input < 0 || graph.tensor(input).constant) continue;
    work.input_elements += elements_of(graph.tensor(input));
  }
  for (const int output : source.outputs) {
    if (output >= 0) work.output_elements += elements_of(graph.tensor(output));
  }
  if (rule == nullptr) return work;
  if (rule->kind == OperatorKind::movement && is_view(graph, source)) {
    work.free = true;
    return work;
  }
  const double per = rule->operations;
  const double first = source.outputs.empty() || source.outputs[0] < 0
                           ? 0
                           : elements_of(graph.tensor(source.outputs[0]));
  work.operations = per * first;
  if (rule->kind == OperatorKind::reduction || source.op_type.find("Global") != std::string::npos) {
    work.operations = per * work.input_elements;
  } else if (rule->kind == OperatorKind::pooling) {
    double window = 1;
    if (const OnnxAttribute* kernel = source.attribute("kernel_shape")) {
      for (const std::int64_t k : kernel->integers)
        window *= static_cast<double>(std::max<std::int64_t>(1, k));
    }
    work.operations = window * first;
  }
  return work;
}

void add_missing(const OnnxGraph& graph, int node, std::int64_t activation_bits,
                 std::vector<MissingArithmetic>& list) {
  const NodeWork work = work_of(graph, node);
  if (work.free) return;
  const OnnxNode& source = graph.nodes[static_cast<std::size_t>(node)];
  const std::string type = source.domain.empty() || source.domain == "com.microsoft"
                               ? source.op_type
                               : source.domain + "." + source.op_type;
  auto entry = std::find_if(list.begin(), list.end(),
                            [&](const MissingArithmetic& m) { return m.type == type; });
  if (entry == list.end()) {
    list.push_back({type});
    entry = list.end() - 1;
  }
  ++entry->count;
  entry->operations += work.operations;
  entry->bytes +=
      (work.input_elements + work.output_elements) * static_cast<double>(activation_bits) / 8;
  entry->unknown = entry->unknown || work.unknown;
}

std::vector<MissingArithmetic> missing_of(const model::Workload& workload) {
  std::vector<MissingArithmetic> list;
  for (const model::WorkloadNode& node : workload.nodes) {
    if (!node.work) continue;
    auto entry = std::find_if(list.begin(), list.end(), [&](const MissingArithmetic& m) {
      return m.type == node.work->operator_type;
    });
    if (entry == list.end()) {
      list.push_back({.type = node.work->operator_type});
      entry = list.end() - 1;
    }
    ++entry->count;
    entry->operations += node.work->operations;
    entry->bytes += (node.work->input_bits + node.work->output_bits) / 8;
  }
  return list;
}

std::string missing_note(const std::vector<MissingArithmetic>& list) {
  const auto amount = [](double value) {
    char text[32];
    if (value >= 1e9) {
      std::snprintf(text, sizeof text, "%.3g G", value / 1e9);
    } else if (value >= 1e6) {
      std::snprintf(text, sizeof text, "%.3g M", value / 1e6);
    } else {
      std::snprintf(text, sizeof text, "%.0f ", value);
    }
    return std::string(text);
  };
  std::string arithmetic;
  std::string moved;
  for (const MissingArithmetic& m : list) {
    const bool moves = m.operations == 0 && m.macs == 0 && !m.unknown;
    std::string& text = moves ? moved : arithmetic;
    text += (text.empty() ? "" : ", ") + std::to_string(m.count) + " " + m.type + " (";
    if (m.unknown) text += "unknown amount, ";
    if (m.macs > 0) text += amount(m.macs) + "multiply-accumulates, ";
    if (m.operations > 0) text += amount(m.operations) + "operations, ";
    text += amount(m.bytes) + "bytes)";
  }
  std::string note;
  if (!arithmetic.empty()) note = "missing from the totals: " + arithmetic;
  if (!moved.empty())
    note += (note.empty() ? "" : "; ") + ("data that is moved without cost: " + moved);
  return note;
}

bool is_uncosted_arithmetic(const OnnxNode& node) {
  if (node.has_subgraph) return true;
  const OperatorRule* rule = operator_rule(node);
  return rule == nullptr || rule->kind == OperatorKind::control || has_macs(rule->kind);
}

void refuse_if_strict(const OnnxGraph& graph, int node, const OnnxOptions& options) {
  const OnnxNode& source = graph.nodes[static_cast<std::size_t>(node)];
  const bool arithmetic = is_uncosted_arithmetic(source) && !source.constant;
  if (options.strict && arithmetic) {
    throw onnx_error(graph, node, "the operator has no cost although it does arithmetic",
                     "without --strict it is reported as missing");
  }
  if (options.strict_graph) {
    throw onnx_error(graph, node, "the operator has no cost",
                     "without --strict-graph it stays in the graph as a node without cost");
  }
}

}  // namespace ridgeline::io
