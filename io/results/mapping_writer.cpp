#include "io/results/mapping_writer.hpp"

#include <nlohmann/json.hpp>
#include <set>

#include "search/mapping/locality.hpp"
#include "search/mapping/replay.hpp"

namespace ridgeline::io {

namespace {

// A text as YAML and JSON both read it.
std::string quoted(const std::string& text) {
  return nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::string loops_text(const std::vector<model::TemporalPosition>& loops) {
  std::string text;
  for (const model::TemporalPosition& loop : loops) {
    text += (text.empty() ? "[" : ", [") + quoted(loop.dim) + ", " +
            (loop.size ? std::to_string(*loop.size) : "\"*\"") + "]";
  }
  return "[" + text + "]";
}

std::string unrolls_text(const std::vector<model::Unroll>& unrolls) {
  std::string text;
  for (const model::Unroll& unroll : unrolls) {
    text += (text.empty() ? "" : ", ") + quoted(unroll.dim + ", " + std::to_string(unroll.factor));
  }
  return "[" + text + "]";
}

std::string entry_text(const model::MappingEntry& entry,
                       const std::vector<model::OperandBits>* precision = nullptr) {
  std::string text = "- name: " + quoted(entry.name) + "\n";
  const auto map = [&](const char* key,
                       const std::vector<std::pair<std::string, std::string>>& of) {
    if (of.empty()) return;
    text += std::string("  ") + key + ":\n";
    for (const auto& [name, value] : of) text += "    " + name + ": " + value + "\n";
  };
  std::vector<std::pair<std::string, std::string>> lines;
  for (const auto& dim : entry.spatial_mapping) {
    lines.emplace_back(dim.array_dim, unrolls_text(dim.unrolls));
  }
  map("spatial_mapping", lines);
  lines.clear();
  for (const model::SpatialHint& hint : entry.spatial_hints) {
    std::string dims;
    for (const std::string& dim : hint.dims) dims += (dims.empty() ? "" : ", ") + quoted(dim);
    lines.emplace_back(hint.array_dim, "[" + dims + "]");
  }
  map("spatial_mapping_hint", lines);
  lines.clear();
  for (const model::OperandLink& link : entry.links) {
    lines.emplace_back(link.operand, std::string(model::to_string(link.memory)));
  }
  map("memory_operand_links", lines);
  if (precision != nullptr) {
    std::string bits;
    for (const model::OperandBits& given : *precision) {
      bits += (bits.empty() ? "" : ", ") + given.operand + ": " + std::to_string(given.bits);
    }
    text += "  precision: {" + bits + "}\n";
  }
  if (!entry.temporal_ordering.empty()) {
    text += "  temporal_ordering: " + loops_text(entry.temporal_ordering) + "\n";
  }
  lines.clear();
  std::string operand;
  for (const model::LevelLoopsRequest& request : entry.memory_loops) {
    if (lines.empty()) text += "  memory_loops:\n";
    if (request.operand != operand) text += "    " + request.operand + ":\n";
    operand = request.operand;
    text += "      " + quoted(request.memory) + ": " + loops_text(request.loops) + "\n";
    lines.emplace_back();
  }
  return text;
}

}  // namespace

std::string mapping_document(const EvaluationReport& report, const model::MappingSpec& mapping,
                             const EntryPrecisions& precisions) {
  const model::Hierarchy whole = model::build_hierarchy(report.accelerator);
  search::Locality locality;
  if (report.options.keep_on_chip) {
    locality = search::keep_on_chip(report.workload, report.accelerator, mapping);
  }
  std::string text;
  std::set<std::string> named;
  for (const search::WorkloadLayer& layer : report.result.layers) {
    const auto place = static_cast<std::size_t>(layer.node);
    const model::WorkloadNode& node = report.workload.nodes[place];
    const search::LayerResult& found = report.result.of(layer);
    if (!found.infeasible.empty() || !named.insert(node.name).second) continue;
    const model::Hierarchy& hierarchy =
        report.options.keep_on_chip ? locality.nodes[place].hierarchy : whole;
    model::MappingEntry entry =
        search::replayable(*node.layer, report.accelerator, hierarchy,
                           *mapping.choose(node.name, node.operator_type), found);
    entry.name = node.name;
    text += entry_text(entry, precision_of(mapping, precisions, node));
  }
  const model::MappingEntry* fallback = mapping.choose("default", "default");
  if (!named.contains("default")) {
    text += fallback != nullptr ? entry_text(*fallback) : "- name: default\n";
  }
  return text;
}

}  // namespace ridgeline::io
