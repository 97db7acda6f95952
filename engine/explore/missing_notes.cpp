#include "engine/explore/missing_notes.hpp"

#include <optional>

#include "engine/run/workload_loader.hpp"
#include "io/inputs/accelerator_reader.hpp"
#include "io/inputs/language_model.hpp"
#include "io/onnx/multicore_lowering.hpp"
#include "io/onnx/onnx_reader.hpp"

namespace ridgeline::engine {

namespace {

// The documents of the first design; what is no design says nothing.
std::optional<io::DesignDocuments> first_documents(const io::Study& study) {
  constexpr std::uint64_t kSteps = 1'000'000;
  try {
    const auto id = study.next_existing(0, kSteps);
    if (!id || study.counts_genomes()) return std::nullopt;
    return study.design_documents(*id);
  } catch (const io::InputError&) {
    return std::nullopt;
  }
}

std::vector<io::MissingArithmetic> missing_of(const io::Study& study, std::size_t place,
                                              const std::optional<io::DesignDocuments>& documents) {
  const io::StudyWorkload& workload = study.spec().workloads[place];
  const std::string name = workload.path.stem().string();
  const bool multi_core = study.spec().multi_core;
  io::LoweringOptions lowering;
  for (const auto& [dim, size] : workload.dims) lowering.onnx.dims[dim] = size;
  std::vector<io::MissingArithmetic> missing;
  if (workload.onnx && workload.model) {
    missing = multi_core ? io::lower_network(*workload.model, name, lowering).missing
                         : io::lower_onnx_workload(*workload.model, name, lowering.onnx).missing;
  } else if (documents && place < documents->workloads.size() && documents->workloads[place]) {
    const io::Value root = documents->workloads[place]->root();
    if (io::is_language_model(root)) {
      missing = io::missing_of(io::read_language_model(root, name, multi_core));
    }
  }
  if (multi_core || missing.empty() || !documents) return missing;
  try {
    return without_vector_unit(missing, io::read_accelerator(documents->accelerator.root()));
  } catch (const io::InputError&) {
    return missing;
  }
}

}  // namespace

std::vector<io::MissingOfWorkload> missing_of(const io::Study& study) {
  std::vector<io::MissingOfWorkload> all;
  const auto documents = first_documents(study);
  for (std::size_t w = 0; w < study.spec().workloads.size(); ++w) {
    io::MissingOfWorkload missing{study.spec().workloads[w].path.stem().string(),
                                  missing_of(study, w, documents)};
    if (!missing.list.empty()) all.push_back(std::move(missing));
  }
  return all;
}

std::vector<std::string> missing_notes(const io::Study& study) {
  std::vector<std::string> notes;
  for (const io::MissingOfWorkload& missing : missing_of(study)) {
    notes.push_back(missing.workload + ": " + io::missing_note(missing.list));
  }
  return notes;
}

}  // namespace ridgeline::engine
