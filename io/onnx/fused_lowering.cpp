#include "io/onnx/fused_lowering.hpp"

#include <algorithm>

#include "io/inputs/workload_reader.hpp"
#include "io/onnx/multicore_lowering.hpp"
#include "io/onnx/onnx_reader.hpp"

namespace ridgeline::io {

namespace {

bool same_indices(const model::LayerOperand& a, const model::LayerOperand& b) {
  return std::equal(a.indices.begin(), a.indices.end(), b.indices.begin(), b.indices.end(),
                    [](const model::OperandIndex& one, const model::OperandIndex& other) {
                      return one.is_relation == other.is_relation && one.index == other.index;
                    });
}

// Goes over the elements of maps: what it reads has the indices of what it writes.
bool elementwise(const model::Layer& layer) {
  if (!layer.relations.empty()) return false;
  return std::any_of(layer.operands.begin() + 1, layer.operands.end(),
                     [&](const model::LayerOperand& operand) {
                       return operand.source && same_indices(operand, layer.operands.front());
                     });
}

// Of one map alone: done where that map is written.
bool of_one_map(const model::Layer& layer) {
  return elementwise(layer) &&
         std::count_if(layer.operands.begin(), layer.operands.end(),
                       [](const auto& operand) { return operand.source.has_value(); }) == 1;
}

// The loops of an element-wise layer over [batch, channel, y, x] get the names that they have in
// all other layers.
void name_axes(model::Layer& layer) {
  const auto& indices = layer.operands.front().indices;
  if (layer.dim_index("OX") >= 0 || layer.dim_index("OY") >= 0) return;
  if (!elementwise(layer) || indices.size() != 4) return;
  const char* names[] = {"B", "G", "OY", "OX"};
  for (std::size_t a = 0; a < indices.size(); ++a) {
    layer.dims[static_cast<std::size_t>(indices[a].index)].name = names[a];
  }
}

// Whose data a node hands on.
struct Origin {
  std::vector<int> layers;  // ids
  std::string how;          // the operator that rearranges it; empty: as it is
};

Origin origin_of(const model::Network& network, int node) {
  const model::NetworkNode& one = network.nodes[static_cast<std::size_t>(node)];
  Origin origin;
  const bool passes = one.layer && of_one_map(*one.layer);
  if (one.layer && !passes) {
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
  // Origins are of the network as it was read: layers leave it below.
  std::vector<std::vector<Origin>> origins;
  std::size_t passed = 0;
  for (const model::NetworkNode& node : read.network.nodes) {
    auto& list = origins.emplace_back();
    if (!node.layer) continue;
    for (const model::LayerOperand& operand : node.layer->operands) {
      const int place = operand.source ? read.network.node_index(*operand.source) : -1;
      list.push_back(place < 0 ? Origin{} : origin_of(read.network, place));
    }
  }
  for (std::size_t n = 0; n < read.network.nodes.size(); ++n) {
    model::NetworkNode& node = read.network.nodes[n];
    if (!node.layer) continue;
    if (of_one_map(*node.layer)) {
      ++passed;
      continue;
    }
    name_axes(*node.layer);
    model::WorkloadNode made;
    made.id = node.id;
    made.name = node.name;
    made.operator_type = node.operator_type;
    for (std::size_t o = 1; o < node.layer->operands.size(); ++o) {
      model::LayerOperand& operand = node.layer->operands[o];
      if (!operand.source) continue;
      operand.source.reset();
      const Origin& origin = origins[n][o];
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
  if (passed > 0) {
    import.notes.push_back(std::to_string(passed) +
                           " element-wise operators on one map (activations, normalisation) are "
                           "done where the map is written, at no cost");
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
      if (node.layer) model::set_precision(*node.layer, operand_bits(options.precision));
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
