#include "io/onnx/fused_lowering.hpp"

#include <algorithm>

#include "io/inputs/workload_reader.hpp"
#include "io/onnx/multicore_lowering.hpp"
#include "io/onnx/onnx_reader.hpp"

namespace ridgeline::io {

namespace {

// Whose data a node hands on.
struct Origin {
  std::vector<int> layers;  // ids
  std::string how;          // the operator that rearranges it; empty: as it is
};

Origin origin_of(const model::Network& network, int node) {
  const model::NetworkNode& one = network.nodes[static_cast<std::size_t>(node)];
  Origin origin;
  if (one.layer) {
    origin.layers = {one.id};
    return origin;
  }
  if (one.moving.kind != model::Movement::none) origin.how = one.operator_type;
  for (const model::NetworkInput& input : one.inputs) {
    const Origin before = origin_of(network, input.node);
    for (const int id : before.layers) {
      if (std::find(origin.layers.begin(), origin.layers.end(), id) == origin.layers.end()) {
        origin.layers.push_back(id);
      }
    }
    if (origin.how.empty()) origin.how = before.how;
  }
  if (origin.layers.size() > 1 && origin.how.empty()) origin.how = one.operator_type;
  return origin;
}

FusedImport fused_of(NetworkImport read) {
  FusedImport import;
  import.missing = std::move(read.missing);
  import.notes = std::move(read.notes);
  import.workload.name = read.network.name;
  for (model::NetworkNode& node : read.network.nodes) {
    if (!node.layer) continue;
    model::WorkloadNode made;
    made.id = node.id;
    made.name = node.name;
    made.operator_type = node.operator_type;
    for (std::size_t o = 1; o < node.layer->operands.size(); ++o) {
      model::LayerOperand& operand = node.layer->operands[o];
      if (!operand.source) continue;
      const int place = read.network.node_index(*operand.source);
      operand.source.reset();
      if (place < 0) continue;
      const Origin origin = origin_of(read.network, place);
      if (origin.layers.empty()) continue;  // the network's input, rearranged or not
      operand.source = origin.layers.back();
      operand.constant = false;
      made.predecessors.insert(made.predecessors.end(), origin.layers.begin(), origin.layers.end());
      if (origin.how.empty()) continue;
      import.rearranged.push_back({node.id, static_cast<int>(o), origin.layers, origin.how});
    }
    made.layer = std::move(node.layer);
    import.workload.nodes.push_back(std::move(made));
  }
  return import;
}

}  // namespace

FusedImport lower_fused(const OnnxGraph& graph, const std::string& name,
                        const OnnxOptions& options) {
  LoweringOptions lowering;
  lowering.onnx = options;
  return fused_of(lower_network(graph, name, lowering));
}

FusedImport load_fused(const std::filesystem::path& path, const OnnxOptions& options) {
  FusedImport import;
  if (path.extension() != ".onnx") {
    import.workload = load_workload_document(path, &import.details);
    for (model::WorkloadNode& node : import.workload.nodes) {
      if (node.layer) set_precision(*node.layer, options.precision);
    }
    import.missing = missing_of(import.workload);
    return import;
  }
  LoweringOptions lowering;
  lowering.onnx = options;
  std::vector<std::string> details;
  import = fused_of(load_network(path, lowering, &details));
  import.details = std::move(details);
  return import;
}

}  // namespace ridgeline::io
