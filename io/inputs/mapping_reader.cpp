#include "io/inputs/mapping_reader.hpp"

#include <algorithm>
#include <optional>

#include "io/document/nearest.hpp"
#include "io/inputs/mapping_precision.hpp"
#include "io/inputs/reader_support.hpp"

namespace ridgeline::io {

namespace {

using model::MappingEntry;

std::vector<model::ArrayDimUnroll> read_spatial(const Value& value,
                                                const model::Accelerator* accelerator) {
  value.allow_only({"D1", "D2", "D3", "D4"});
  std::vector<model::ArrayDimUnroll> mapping;
  for (const auto& [name, list] : value.entries()) {
    if (accelerator != nullptr && accelerator->array.dim_index(name) < 0) {
      std::vector<std::string> names;
      for (const auto& dim : accelerator->array.dims) names.push_back(dim.name);
      throw list.error("the array of '" + accelerator->name + "' has no dimension '" + name + "'",
                       "it has " + join_or(names));
    }
    mapping.push_back({name, read_unrolls(list, true)});
  }
  return mapping;
}

std::vector<model::SpatialHint> read_hints(const Value& value) {
  value.allow_only({"D1", "D2", "D3", "D4"});
  std::vector<model::SpatialHint> hints;
  for (const auto& [name, list] : value.entries()) {
    model::SpatialHint hint{name, {}};
    for (const Value& item : list.items()) {
      if (!is_dimension_name(item.as_string())) {
        throw item.error("'" + item.text() + "' is no loop dimension",
                         "capitals, then perhaps digits, as in OX");
      }
      hint.dims.push_back(item.text());
    }
    hints.push_back(std::move(hint));
  }
  return hints;
}

std::vector<model::OperandLink> read_links(const Value& value) {
  value.allow_only({"O", "W", "I"});
  std::vector<model::OperandLink> links;
  for (const auto& [name, target] : value.entries()) {
    const model::MemoryOperand memory = read_memory_operand(target);
    for (const model::OperandLink& other : links) {
      if (other.memory == memory) {
        throw target.error("'" + target.text() + "' carries " + other.operand + " already",
                           "each layer operand needs its own memory operand");
      }
    }
    links.push_back({name, memory});
  }
  for (const char* name : {"O", "W", "I"}) value.at(name);
  return links;
}

std::vector<model::TemporalPosition> read_ordering(const Value& value);

// {W: {register: [[OX, 14]], buffer: []}, O: ...}
std::vector<model::LevelLoopsRequest> read_memory_loops(const Value& value,
                                                        const model::Accelerator* accelerator) {
  value.allow_only({"O", "W", "I"});
  std::vector<model::LevelLoopsRequest> result;
  for (const auto& [operand, memories] : value.entries()) {
    for (const auto& [memory, loops] : memories.entries()) {
      if (accelerator != nullptr) {
        std::vector<std::string> names;
        for (const model::Memory& known : accelerator->memories) names.push_back(known.name);
        if (std::find(names.begin(), names.end(), memory) == names.end()) {
          throw loops.error("'" + accelerator->name + "' has no memory '" + memory + "'",
                            suggestion(memory, names));
        }
      }
      result.push_back({operand, memory, read_ordering(loops)});
      for (std::size_t i = 0; i < loops.size(); ++i) {
        if (result.back().loops[i].size) continue;
        throw loops[i].error("the loops that a memory holds need their sizes", "as in [OX, 14]");
      }
    }
  }
  return result;
}

std::vector<model::TemporalPosition> read_ordering(const Value& value) {
  std::vector<model::TemporalPosition> ordering;
  for (const Value& pair : value.items()) {
    if (!pair.is_list() || pair.size() != 2) {
      throw pair.error("expected a pair", "a loop dimension and a size, as in [OX, 112]");
    }
    model::TemporalPosition position{upper_case(pair[0].as_string()), std::nullopt};
    if (pair[1].is_string()) {
      if (pair[1].text() != "*") {
        throw pair[1].error("'" + pair[1].text() + "' is no size", "an integer, or \"*\" for any");
      }
    } else {
      position.size = pair[1].as_integer(1);
    }
    ordering.push_back(std::move(position));
  }
  return ordering;
}

}  // namespace

MappingEntry read_mapping_entry(const Value& entry, const model::Accelerator* accelerator) {
  MappingEntry result;
  if (const auto name = entry.find("name")) result.name = name->as_string();
  if (const auto spatial = entry.find_non_null("spatial_mapping")) {
    result.spatial_mapping = read_spatial(*spatial, accelerator);
  }
  if (const auto hints = entry.find("spatial_mapping_hint")) {
    result.spatial_hints = read_hints(*hints);
  }
  if (const auto links = entry.find("memory_operand_links")) result.links = read_links(*links);
  if (const auto ordering = entry.find("temporal_ordering")) {
    result.temporal_ordering = read_ordering(*ordering);
  }
  if (const auto loops = entry.find_non_null("memory_loops")) {
    result.memory_loops = read_memory_loops(*loops, accelerator);
  }
  if (const auto bits = entry.find_non_null("precision")) {
    read_operand_bits(*bits);  // see mapping_precision.hpp
  }
  return result;
}

model::MappingSpec read_mapping(const Value& document, const model::Accelerator* accelerator) {
  model::MappingSpec spec;
  if (document.is_map()) {
    throw document.error("a mapping is a list of entries, and this is a map",
                         "begin each entry with a dash, as in `- name: default`");
  }
  for (const Value& entry : document.items()) {
    // Up to ZigZag 3.8.1 an entry also named a core, of which there is one.
    entry.allow_only({"name", "spatial_mapping", "spatial_mapping_hint", "memory_operand_links",
                      "temporal_ordering", "memory_loops", "precision", "core_allocation"});
    spec.entries.push_back(read_mapping_entry(entry, accelerator));
  }
  const bool has_default =
      std::any_of(spec.entries.begin(), spec.entries.end(),
                  [](const MappingEntry& entry) { return entry.name == "default"; });
  if (!has_default) {
    throw document.error("no entry is called 'default'",
                         "add `- name: default` for the layers that no other entry names");
  }
  return spec;
}

model::MappingSpec load_mapping(const std::filesystem::path& path,
                                const model::Accelerator* accelerator) {
  return read_mapping(load_document(path).root(), accelerator);
}

std::string unused_entry_note(const std::string& entry, std::span<const std::string> known,
                              bool every) {
  if (entry == "default" || std::find(known.begin(), known.end(), entry) != known.end()) return "";
  const std::optional<std::string> meant = nearest(entry, known);
  if (!meant && !every) return "";
  return "the mapping's entry '" + entry + "' is for no layer here" +
         (meant ? " (did you mean '" + *meant + "'?)" : "");
}

std::vector<std::string> mapping_notes(const model::MappingSpec& mapping,
                                       const model::Workload& workload, bool every) {
  std::vector<std::string> known;
  for (const model::WorkloadNode& node : workload.nodes) {
    if (node.layer) known.insert(known.end(), {node.name, node.operator_type});
  }
  std::vector<std::string> notes;
  for (const model::MappingEntry& entry : mapping.entries) {
    const std::string note = unused_entry_note(entry.name, known, every);
    if (!note.empty()) notes.push_back(note);
  }
  return notes;
}

}  // namespace ridgeline::io
