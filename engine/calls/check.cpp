#include "engine/calls/check.hpp"

#include <algorithm>
#include <filesystem>

#include "engine/run/workload_loader.hpp"
#include "io/document/document.hpp"
#include "io/document/document_kind.hpp"
#include "io/document/given.hpp"
#include "io/inputs/accelerator_reader.hpp"
#include "io/inputs/mapping_reader.hpp"
#include "io/inputs/multicore_reader.hpp"
#include "io/inputs/stream_mapping_reader.hpp"
#include "io/inputs/workload_reader.hpp"
#include "io/results/study_file.hpp"
#include "io/study/study_document.hpp"
#include "model/core/physics.hpp"

namespace ridgeline::engine {
namespace {

std::string counted(std::size_t count, const std::string& one, const std::string& several) {
  return std::to_string(count) + " " + (count == 1 ? one : several);
}

std::string summary(const model::Accelerator& accelerator) {
  std::string text;
  for (const model::ArrayDim& dim : accelerator.array.dims) {
    text += (text.empty() ? "" : " x ") + std::to_string(dim.size);
  }
  return text + (accelerator.array.imc ? " in-memory-computing array, " : " array, ") +
         counted(accelerator.memories.size(), "memory", "memories");
}

std::string summary(const model::Workload& workload) {
  std::size_t layers = 0;
  double macs = 0;
  for (const model::WorkloadNode& node : workload.nodes) {
    if (!node.layer) continue;
    ++layers;
    macs += static_cast<double>(node.count) * static_cast<double>(node.layer->mac_count());
  }
  std::string text = counted(layers, "layer", "layers");
  if (layers < workload.nodes.size()) {
    text +=
        ", " + counted(workload.nodes.size() - layers, "operator", "operators") + " without cost";
  }
  return text + ", " + std::to_string(static_cast<std::int64_t>(macs)) + " multiply-accumulates";
}

void know(const model::Workload& workload, KnownNames& names) {
  for (const model::WorkloadNode& node : workload.nodes) {
    if (!node.layer) continue;
    names.add(*node.layer);
    names.layers.insert(names.layers.end(), {node.name, node.operator_type});
  }
}

// What a study file holds; an InputError that names what is damaged, and what is not.
std::string study_file_summary(const std::filesystem::path& path) {
  io::StudyFileReading found;
  try {
    found = io::examine_study_file(path);
  } catch (const io::FileError& error) {
    std::error_code ignored;
    if (!std::filesystem::is_regular_file(path, ignored)) throw;
    // Here it is the file that is in question.
    std::string what = error.what();
    if (what.starts_with(path.string() + ": ")) what.erase(0, path.string().size() + 2);
    throw io::InputError({path.string(), "", 0, 0}, what);
  }
  if (!found.damage.empty()) {
    std::string damaged;
    for (const io::DamagedPart& part : found.damage)
      damaged += (damaged.empty() ? "" : "; ") + part.part + ": " + part.why;
    throw io::InputError({path.string(), "", 0, 0}, "the file is damaged: " + damaged,
                         "all else can be read: " +
                             counted(found.file.candidates.size(), "candidate", "candidates") +
                             ", " + std::to_string(found.file.front.size()) +
                             " of them marked as the front");
  }
  return "study file (" + found.file.status + "), " +
         counted(found.file.candidates.size(), "candidate", "candidates") + ", " +
         std::to_string(found.file.front.size()) + " on the front, " +
         (found.verified ? "as it was written" : "of a version without checksums");
}

// "accelerator, 32 x 32 array, 4 memories"; throws InputError.
std::string examine(const std::filesystem::path& path,
                    const std::map<std::string, std::int64_t>& dims, bool physics,
                    const KnownNames& beside, Checked& checked) {
  std::vector<std::string>& notes = checked.notes;
  std::vector<io::MissingArithmetic>& missing = checked.missing;
  const auto judge = [&](const model::Accelerator& accelerator, const std::string& whose) {
    if (!physics) return;
    for (const std::string& text : model::implausible(accelerator)) {
      checked.implausible.push_back(whose + text);
    }
  };
  if (!io::is_document_text(path) && (path.extension() == ".h5" || path.extension() == ".hdf5"))
    return study_file_summary(path);
  if (!io::is_document_text(path) && path.extension() == ".onnx") {
    io::OnnxOptions options;
    options.dims = dims;
    const LoadedWorkload loaded = load_workload(path, options);
    missing = loaded.missing;
    notes = loaded.notes;
    know(loaded.workload, checked.names);
    return "ONNX workload, " + summary(loaded.workload);
  }
  const io::Document document = io::load_document(path);
  notes = document.notes();
  const io::Value root = document.root();
  const io::DocumentKind kind = io::document_kind(document);
  std::string text(io::to_string(kind));
  checked.mapping =
      kind == io::DocumentKind::mapping || kind == io::DocumentKind::multi_core_mapping;
  switch (kind) {
    case io::DocumentKind::accelerator: {
      const model::Accelerator accelerator = io::read_accelerator(root);
      io::check_ports(root, accelerator, model::MappingEntry{}.links);
      judge(accelerator, "");
      checked.names.add(accelerator);
      return text + ", " + summary(accelerator);
    }
    case io::DocumentKind::core: {
      io::read_core_kind(root.at("type"));
      const model::Accelerator core = io::read_accelerator(root, {.core = true});
      judge(core, "");
      checked.names.add(core);
      return text + ", " + summary(core);
    }
    case io::DocumentKind::multi_core: {
      const model::MultiCore system = io::read_multicore(root, io::folder_of(path));
      for (std::size_t c = 0; c < system.cores.size(); ++c) {
        judge(system.cores[c].accelerator, "core " + std::to_string(c) + ": ");
        checked.names.add(system.cores[c].accelerator);
      }
      checked.names.cores = static_cast<int>(system.cores.size());
      return text + ", " + counted(system.cores.size(), "core", "cores");
    }
    case io::DocumentKind::mapping: {
      const model::MappingSpec mapping = io::read_mapping(root);
      checked.remarks = names_without_effect(mapping, beside);
      return text + ", " + counted(mapping.entries.size(), "entry", "entries");
    }
    case io::DocumentKind::multi_core_mapping: {
      const model::CoreMapping mapping = io::read_core_mapping(root);
      checked.remarks = names_without_effect(mapping, beside);
      return text + ", " + counted(mapping.entries.size(), "entry", "entries");
    }
    case io::DocumentKind::workload: {
      const model::Workload workload = io::read_workload(root, io::stem_of(path));
      know(workload, checked.names);
      return text + ", " + summary(workload);
    }
    case io::DocumentKind::study: {
      const io::Study study = io::Study::read(path);
      return text + ", " + counted(study.spec().parameters.size(), "parameter", "parameters") +
             ", first design " + study.describe(study.next_existing(0, 10'000'000).value_or(0));
    }
    case io::DocumentKind::result:
      return text + " of Ridgeline, not an input";
  }
  return text;
}

}  // namespace

Checked check(const std::string& given, const std::map<std::string, std::int64_t>& dims,
              bool physics, const KnownNames& beside) {
  Checked checked;
  try {
    checked.found = examine(given, dims, physics, beside, checked);
  } catch (const io::InputError& error) {
    checked.error = error;
  }
  return checked;
}

}  // namespace ridgeline::engine
