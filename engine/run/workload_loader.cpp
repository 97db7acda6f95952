#include "engine/run/workload_loader.hpp"

#include "io/inputs/workload_reader.hpp"
#include "io/onnx/onnx_reader.hpp"

namespace ridgeline::engine {

LoadedWorkload load_workload(const std::filesystem::path& path,
                             const std::map<std::string, std::int64_t>& dims, bool strict) {
  LoadedWorkload loaded;
  if (path.extension() == ".onnx") {
    io::OnnxOptions options;
    options.dims = dims;
    options.strict = strict;
    io::OnnxImport import = io::read_onnx_workload(path, options);
    loaded.cost_free = io::free_operators_note(import);
    loaded.workload = std::move(import.workload);
  } else {
    loaded.workload = io::load_workload_document(path, &loaded.notes);
  }
  return loaded;
}

}  // namespace ridgeline::engine
