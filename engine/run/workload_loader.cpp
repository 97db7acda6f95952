#include "engine/run/workload_loader.hpp"

#include <algorithm>

#include "io/inputs/workload_reader.hpp"
#include "io/onnx/onnx_reader.hpp"

namespace ridgeline::engine {

LoadedWorkload load_workload(const std::filesystem::path& path, const io::OnnxOptions& options) {
  LoadedWorkload loaded;
  if (path.extension() != ".onnx") {
    loaded.workload = io::load_workload_document(path, &loaded.details);
    for (model::WorkloadNode& node : loaded.workload.nodes) {
      if (node.layer) model::set_precision(*node.layer, io::operand_bits(options.precision));
    }
    loaded.missing = io::missing_of(loaded.workload);
    return loaded;
  }
  io::OnnxImport import = io::read_onnx_workload(path, options);
  loaded.missing = std::move(import.missing);
  loaded.notes = std::move(import.notes);
  loaded.workload = std::move(import.workload);
  const auto& nodes = loaded.workload.nodes;
  if (std::none_of(nodes.begin(), nodes.end(), [](const model::WorkloadNode& node) {
        return node.layer.has_value() || node.work.has_value();
      })) {
    throw io::InputError({path.string(), "", 0, 0}, "has no layer with costs",
                         io::missing_note(loaded.missing));
  }
  return loaded;
}

std::vector<io::MissingArithmetic> without_vector_unit(
    const std::vector<io::MissingArithmetic>& missing, const model::Accelerator& accelerator) {
  std::vector<io::MissingArithmetic> rest;
  for (const io::MissingArithmetic& m : missing) {
    const bool done = accelerator.vector_unit && !m.unknown && m.macs == 0 &&
                      (accelerator.vector_unit->operators.empty() ||
                       std::find(accelerator.vector_unit->operators.begin(),
                                 accelerator.vector_unit->operators.end(),
                                 m.type) != accelerator.vector_unit->operators.end());
    if (!done) rest.push_back(m);
  }
  return rest;
}

}  // namespace ridgeline::engine
