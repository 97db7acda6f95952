#include "engine/explore/missing_notes.hpp"

#include "io/onnx/multicore_lowering.hpp"
#include "io/onnx/onnx_reader.hpp"

namespace ridgeline::engine {

std::vector<std::string> missing_notes(const io::Study& study) {
  std::vector<std::string> notes;
  for (const io::StudyWorkload& workload : study.spec().workloads) {
    if (!workload.onnx || !workload.model) continue;
    const std::string name = workload.path.stem().string();
    io::OnnxOptions options;
    for (const auto& [dim, size] : workload.dims) options.dims[dim] = size;
    std::string note;
    if (study.spec().multi_core) {
      io::LoweringOptions lowering;
      lowering.onnx = options;
      note = io::missing_note(io::lower_network(*workload.model, name, lowering).missing);
    } else {
      note = io::missing_note(io::lower_onnx_workload(*workload.model, name, options).missing);
    }
    if (!note.empty()) notes.push_back(name + ": " + note);
  }
  return notes;
}

}  // namespace ridgeline::engine
