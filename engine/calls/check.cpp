#include "engine/calls/check.hpp"

#include <algorithm>
#include <filesystem>

#include "engine/run/workload_loader.hpp"
#include "io/document/document.hpp"
#include "io/document/document_kind.hpp"
#include "io/document/given.hpp"
#include "io/document/nearest.hpp"
#include "io/inputs/accelerator_reader.hpp"
#include "io/inputs/mapping_reader.hpp"
#include "io/inputs/multicore_reader.hpp"
#include "io/inputs/stream_mapping_reader.hpp"
#include "io/inputs/workload_reader.hpp"
#include "io/results/study_file.hpp"
#include "io/study/study_document.hpp"
#include "model/core/mapping_spec.hpp"
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

// The loops that layers of networks have. Workload documents may have others.
const std::vector<std::string> kUsualLoops{"B",  "G",  "K",  "C",  "OX", "OY", "OZ", "FX",
                                           "FY", "FZ", "IX", "IY", "IZ", "H",  "D",  "E",
                                           "L",  "N",  "M",  "P",  "Q",  "R",  "S"};

// A note for each loop of a mapping that no layer of a network has: it would be left out. Which
// loops layers of workload documents have is only known beside these.
std::vector<std::string> unusual_loops(const model::MappingSpec& mapping) {
  std::vector<std::string> notes;
  for (const model::MappingEntry& entry : mapping.entries) {
    const auto look = [&](const std::string& loop, const std::string& where) {
      if (loop == "*" || std::ranges::find(kUsualLoops, loop) != kUsualLoops.end()) return;
      const auto near = io::nearest(loop, kUsualLoops);
      std::string note = "the entry '" + entry.name + "': " + where + " names a loop '" + loop +
                         "', which no layer of a network has" +
                         (near ? " (did you mean '" + *near + "'?)" : "") +
                         ": it is left out unless the workload has it";
      if (std::ranges::find(notes, note) == notes.end()) notes.push_back(std::move(note));
    };
    for (const model::ArrayDimUnroll& dim : entry.spatial_mapping) {
      for (const model::Unroll& unroll : dim.unrolls)
        look(unroll.dim, "spatial_mapping on " + dim.array_dim);
    }
    for (const model::SpatialHint& hint : entry.spatial_hints) {
      for (const std::string& dim : hint.dims) look(dim, "spatial_mapping_hint");
    }
    for (const model::TemporalPosition& position : entry.temporal_ordering)
      look(position.dim, "temporal_ordering");
    for (const model::LevelLoopsRequest& level : entry.memory_loops) {
      for (const model::TemporalPosition& position : level.loops)
        look(position.dim, "memory_loops of " + level.operand + " in " + level.memory);
    }
  }
  return notes;
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
                    const std::map<std::string, std::int64_t>& dims, Checked& checked,
                    bool physics) {
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
    return "ONNX workload, " + summary(loaded.workload);
  }
  const io::Document document = io::load_document(path);
  notes = document.notes();
  const io::Value root = document.root();
  const io::DocumentKind kind = io::document_kind(document);
  std::string text(io::to_string(kind));
  switch (kind) {
    case io::DocumentKind::accelerator: {
      const model::Accelerator accelerator = io::read_accelerator(root);
      io::check_ports(root, accelerator, model::MappingEntry{}.links);
      judge(accelerator, "");
      return text + ", " + summary(accelerator);
    }
    case io::DocumentKind::core: {
      io::read_core_kind(root.at("type"));
      const model::Accelerator core = io::read_accelerator(root, {.core = true});
      judge(core, "");
      return text + ", " + summary(core);
    }
    case io::DocumentKind::multi_core: {
      const model::MultiCore system = io::read_multicore(root, io::folder_of(path));
      for (std::size_t c = 0; c < system.cores.size(); ++c) {
        judge(system.cores[c].accelerator, "core " + std::to_string(c) + ": ");
      }
      return text + ", " + counted(system.cores.size(), "core", "cores");
    }
    case io::DocumentKind::mapping: {
      const model::MappingSpec mapping = io::read_mapping(root);
      for (std::string& note : unusual_loops(mapping)) notes.push_back(std::move(note));
      return text + ", " + counted(mapping.entries.size(), "entry", "entries");
    }
    case io::DocumentKind::multi_core_mapping:
      return text + ", " + counted(io::read_core_mapping(root).entries.size(), "entry", "entries");
    case io::DocumentKind::workload:
      return text + ", " + summary(io::read_workload(root, io::stem_of(path)));
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
              bool physics) {
  Checked checked;
  try {
    checked.found = examine(given, dims, checked, physics);
  } catch (const io::InputError& error) {
    checked.error = error;
  }
  return checked;
}

}  // namespace ridgeline::engine
