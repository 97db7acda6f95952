#include "engine/explore/mapping_notes.hpp"

#include <algorithm>
#include <optional>
#include <set>

#include "engine/calls/mapping_names.hpp"
#include "io/inputs/accelerator_reader.hpp"
#include "io/inputs/language_model.hpp"
#include "io/inputs/mapping_reader.hpp"
#include "io/inputs/stream_mapping_reader.hpp"
#include "io/inputs/workload_reader.hpp"
#include "io/onnx/onnx_reader.hpp"

namespace ridgeline::engine {

namespace {

// Values of parameters that are looked at, and steps to the first design.
constexpr std::size_t kMostValues = 256;
constexpr std::uint64_t kSteps = 1'000'000;

KnownNames names_of(const io::Study& study, const io::DesignDocuments& documents) {
  KnownNames names;
  const auto& workloads = study.spec().workloads;
  for (std::size_t w = 0; w < workloads.size(); ++w) {
    const std::string name = workloads[w].path.stem().string();
    model::Workload workload;
    if (workloads[w].onnx && workloads[w].model) {
      io::OnnxOptions options;
      for (const auto& [dim, size] : workloads[w].dims) options.dims[dim] = size;
      workload = io::lower_onnx_workload(*workloads[w].model, name, options).workload;
    } else if (w < documents.workloads.size() && documents.workloads[w] &&
               !io::is_language_model(documents.workloads[w]->root())) {
      workload = io::read_workload(documents.workloads[w]->root(), name);
    } else {
      return {};  // loops of the others are then no list of all
    }
    for (const model::WorkloadNode& node : workload.nodes) {
      if (node.layer) names.add(*node.layer);
    }
  }
  return names;
}

// `workloads`: their names; filled in where it is empty.
std::vector<std::string> remarks_on(const io::Study& study, std::uint64_t id,
                                    std::optional<KnownNames>& workloads) {
  try {
    const io::DesignDocuments documents = study.design_documents(id);
    if (!documents.infeasible.empty()) return {};
    if (study.spec().multi_core) {
      const model::CoreMapping mapping = io::read_core_mapping(documents.mapping.root());
      std::vector<std::string> notes = names_without_effect(mapping, {});
      if (!mapping.groups.empty()) {
        notes.push_back(
            "fused_groups only say how their layers are cut: a study forms stacks by itself");
      }
      return notes;
    }
    if (!workloads) workloads = names_of(study, documents);
    KnownNames names = *workloads;
    names.add(io::read_accelerator(documents.accelerator.root()));
    return names_without_effect(io::read_mapping(documents.mapping.root()), names);
  } catch (const io::InputError&) {
    return {};  // said where the design is evaluated
  }
}

bool edits_mapping(const io::StudyParameter& parameter) {
  return std::ranges::any_of(parameter.values, [](const io::ParameterValue& value) {
    return std::ranges::any_of(value.edits, [](const io::FieldEdit& edit) {
      return edit.document == io::StudyInput::mapping;
    });
  });
}

}  // namespace

std::vector<std::string> mapping_notes(const io::Study& study) {
  if (study.counts_genomes()) return {};
  std::optional<std::uint64_t> first;
  try {
    first = study.next_existing(0, kSteps);
  } catch (const io::InputError&) {
    return {};
  }
  if (!first) return {};
  std::optional<KnownNames> workloads;
  std::vector<std::string> notes = remarks_on(study, *first, workloads);
  std::set<std::string> seen(notes.begin(), notes.end());
  const std::vector<int> values = study.values_of(*first);
  std::size_t looked_at = 0;
  for (std::size_t p = 0; p < values.size(); ++p) {
    const io::StudyParameter& parameter = study.spec().parameters[p];
    if (!edits_mapping(parameter)) continue;
    for (std::size_t v = 0; v < parameter.values.size() && looked_at < kMostValues; ++v) {
      if (static_cast<int>(v) == values[p]) continue;
      ++looked_at;
      std::vector<int> other = values;
      other[p] = static_cast<int>(v);
      for (const std::string& remark : remarks_on(study, study.id_of(other), workloads)) {
        if (!seen.insert(remark).second) continue;
        notes.push_back(parameter.name + "=" + parameter.values[v].label + ": " + remark);
      }
    }
  }
  return notes;
}

}  // namespace ridgeline::engine
