#include "io/document/document_kind.hpp"

#include <algorithm>
#include <initializer_list>
#include <optional>
#include <string>
#include <vector>

#include "io/document/nearest.hpp"

namespace ridgeline::io {

namespace {

struct KindKeys {
  DocumentKind kind;
  bool list;  // a list of maps with these keys, or one map
  std::vector<std::string> keys;
};

// Keys that tell kinds apart; what several kinds share is left out.
const std::vector<KindKeys>& kinds() {
  static const std::vector<KindKeys> table{
      {DocumentKind::core, false, {"memories", "operational_array", "dataflows", "type"}},
      {DocumentKind::accelerator, false, {"memories", "operational_array", "dataflows"}},
      {DocumentKind::multi_core,
       false,
       {"cores", "offchip_core_id", "core_connectivity", "unit_energy_cost", "core_memory_sharing",
        "topology"}},
      {DocumentKind::study,
       false,
       {"workloads", "accelerator", "system", "mapping", "parameters", "objectives", "strategy",
        "constraints", "derived", "where", "mapping_search", "schedule_search"}},
      {DocumentKind::result, false, {"schema", "total", "layers", "allocation", "nodes"}},
      {DocumentKind::workload,
       true,
       {"id", "operator_type", "equation", "loop_dims", "loop_sizes", "operand_precision",
        "operand_source", "dimension_relations", "pr_loop_dims", "pr_loop_sizes", "padding"}},
      {DocumentKind::workload, false, {"model", "phase", "context", "batch", "precision", "clock"}},
      {DocumentKind::multi_core_mapping,
       true,
       {"core_allocation", "intra_core_tiling", "inter_core_tiling", "layer_dimension_names"}},
      {DocumentKind::mapping,
       true,
       {"name", "spatial_mapping", "spatial_mapping_hint", "memory_operand_links",
        "temporal_ordering", "memory_loops"}},
  };
  return table;
}

// Exact keys count more than misspelt ones.
int score(const std::vector<std::string>& present, const KindKeys& kind) {
  int sum = 0;
  for (const std::string& key : present) {
    if (std::find(kind.keys.begin(), kind.keys.end(), key) != kind.keys.end()) {
      sum += 3;
    } else if (key.size() > 3 && nearest(key, kind.keys)) {
      sum += 1;
    }
  }
  return sum;
}

// A mapping of Stream 1.13: its entries under `layers`.
bool is_stream_mapping(const Value& root) {
  const auto layers = root.find("layers");
  if (!layers || !layers->is_list()) return false;
  const std::vector<Value> entries = layers->items();
  return root.find("fused_groups").has_value() ||
         std::any_of(entries.begin(), entries.end(), [](const Value& entry) {
           return entry.is_map() &&
                  (entry.find("core_allocation") || entry.find("inter_core_tiling"));
         });
}

}  // namespace

std::string_view to_string(DocumentKind kind) {
  switch (kind) {
    case DocumentKind::accelerator:
      return "accelerator";
    case DocumentKind::core:
      return "core";
    case DocumentKind::multi_core:
      return "multi-core accelerator";
    case DocumentKind::mapping:
      return "mapping";
    case DocumentKind::multi_core_mapping:
      return "multi-core mapping";
    case DocumentKind::workload:
      return "workload";
    case DocumentKind::study:
      return "study";
    case DocumentKind::result:
      return "result";
  }
  return "";
}

DocumentKind document_kind(const Document& document) {
  const Value root = document.root();
  const std::string remedy =
      "known are accelerators, mappings, workloads, multi-core systems and studies";
  if (!root.is_map() && !root.is_list()) {
    throw root.error("this is no document of Ridgeline's", remedy);
  }
  std::vector<std::string> present;
  if (root.is_map()) {
    present = root.keys();
  } else {
    for (const Value& entry : root.items()) {
      if (!entry.is_map()) continue;
      for (const std::string& key : entry.keys()) {
        if (std::find(present.begin(), present.end(), key) == present.end()) present.push_back(key);
      }
    }
  }
  const KindKeys* best = nullptr;
  int best_score = 0;
  for (const KindKeys& kind : kinds()) {
    if (kind.list != root.is_list()) continue;
    const int sum = score(present, kind);
    if (sum > best_score) {
      best = &kind;
      best_score = sum;
    }
  }
  // Only what says so is a result; mappings of Stream have `layers`, lists of other tools `nodes`.
  if (best != nullptr && best->kind == DocumentKind::result) {
    const auto schema = root.find("schema");
    if (!schema || !schema->is_string() || !schema->text().starts_with("ridgeline."))
      best = nullptr;
  }
  if (root.is_map() && (best == nullptr || best->kind == DocumentKind::multi_core_mapping)) {
    if (is_stream_mapping(root)) return DocumentKind::multi_core_mapping;
  }
  if (best == nullptr) throw root.error("none of its keys says what this document is", remedy);
  // A core is an accelerator that says so.
  if (best->kind == DocumentKind::core && !root.find("type")) return DocumentKind::accelerator;
  return best->kind;
}

void reject_other_kind(const std::filesystem::path& path, DocumentKind wanted) {
  if (path.extension() == ".onnx") return;
  DocumentKind found = wanted;
  std::optional<Document> document;
  try {
    document.emplace(load_document(path));
    found = document_kind(*document);
  } catch (const InputError&) {
    return;
  }
  // A core is an accelerator, and a mapping may leave out what tells it from another.
  const bool alike = (wanted == DocumentKind::accelerator && found == DocumentKind::core) ||
                     (wanted == DocumentKind::multi_core_mapping && found == DocumentKind::mapping);
  if (found == wanted || alike) return;
  const bool many = found == DocumentKind::multi_core || found == DocumentKind::multi_core_mapping;
  const bool one = found == DocumentKind::accelerator || found == DocumentKind::core;
  std::string remedy = "give a document of that kind";
  if (many) remedy = "`ridgeline schedule` takes it";
  if (one && wanted == DocumentKind::multi_core) {
    remedy = "`ridgeline evaluate` takes it; a multi-core one lists its `cores`";
  }
  throw document->root().error("this is a document of the kind '" + std::string(to_string(found)) +
                                   "', and '" + std::string(to_string(wanted)) + "' is wanted",
                               remedy);
}

}  // namespace ridgeline::io
