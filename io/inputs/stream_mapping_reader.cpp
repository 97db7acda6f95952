#include "io/inputs/stream_mapping_reader.hpp"

#include <algorithm>
#include <set>

#include "io/document/nearest.hpp"
#include "io/inputs/mapping_precision.hpp"
#include "io/inputs/mapping_reader.hpp"
#include "io/inputs/reader_support.hpp"
#include "model/system/node_tiling.hpp"

namespace ridgeline::io {

namespace {

using model::CoreMapping;
using model::CoreMappingEntry;
using model::TilingRequest;

std::vector<TilingRequest> read_tilings(const Value& entry, const char* key, bool wildcard) {
  std::vector<TilingRequest> tilings;
  const auto list = entry.find_non_null(key);
  if (!list) return tilings;
  for (const Value& item : list->items()) {
    if (!item.is_list() && !item.is_map()) tilings.push_back(read_tiling(item, wildcard));
  }
  return tilings;
}

// Whether a cut of the layer's loop leaves parts of the output's sums to different slices.
bool splits_sums(const model::Layer& layer, const TilingRequest& tiling) {
  const int dim = model::tiling_dim(layer, tiling.dim);
  const int output = layer.operand_index("O");
  if (dim < 0 || output < 0 || tiling.factor == 1 ||
      layer.dims[static_cast<std::size_t>(dim)].size < 2) {
    return false;
  }
  const auto& indices = layer.operands[static_cast<std::size_t>(output)].indices;
  return std::none_of(indices.begin(), indices.end(), [&](const model::OperandIndex& index) {
    return !index.is_relation && index.index == dim;
  });
}

// The ids of an allocation. Stream 1.13 lists groups of candidates.
std::vector<Value> core_ids(const Value& list) {
  std::vector<Value> ids;
  for (const Value& item : list.items()) {
    if (!item.is_list()) {
      ids.push_back(item);
      continue;
    }
    for (const Value& core : item.items()) ids.push_back(core);
  }
  return ids;
}

int core_of(const Value& id) {
  return static_cast<int>(id.as_integer(0, 1 << 20));
}

std::vector<int> read_allocation(const Value& entry) {
  const auto list = entry.find_non_null("core_allocation");
  if (!list) return {0};
  std::vector<int> cores;
  for (const Value& id : core_ids(*list)) {
    const int core = core_of(id);
    if (std::find(cores.begin(), cores.end(), core) == cores.end()) cores.push_back(core);
  }
  if (cores.empty()) throw list->error("no core may run this", "list at least one core id");
  return cores;
}

// "D6": the seventh loop of a node.
int read_place(const Value& value, const std::string& text) {
  const std::string digits = text.substr(std::min<std::size_t>(1, text.size()));
  if (!text.starts_with('D') || digits.empty() || digits.size() > 2 ||
      digits.find_first_not_of("0123456789") != std::string::npos) {
    throw value.error("'" + text + "' is no loop's place", "D0 for a node's first loop, D1, ...");
  }
  return std::stoi(digits);
}

// [[{dim: D6, split: 4}]]; empty where the tilings are texts.
std::vector<model::PlacedTiling> read_placed(const Value& entry) {
  std::vector<model::PlacedTiling> result;
  const auto list = entry.find_non_null("inter_core_tiling");
  if (!list) return result;
  const auto add = [&](const Value& item) {
    item.allow_only({"dim", "split"});
    const Value dim = item.at("dim");
    const std::int64_t split = item.at("split").as_integer(1, model::kMaxExactInteger);
    result.push_back({read_place(dim, dim.as_string()), split, false});
  };
  for (const Value& item : list->items()) {
    if (item.is_list()) {
      for (const Value& one : item.items()) add(one);
    } else if (item.is_map()) {
      add(item);
    }
  }
  std::erase_if(result, [](const model::PlacedTiling& tiling) { return tiling.factor == 1; });
  return result;
}

model::FusedGroup read_group(const Value& value) {
  value.allow_only({"name", "layers", "intra_core_tiling"});
  model::FusedGroup group;
  if (const auto name = value.find_non_null("name")) group.name = name->as_string();
  for (const Value& layer : value.at("layers").items()) group.layers.push_back(layer.as_string());
  const auto tilings = value.find_non_null("intra_core_tiling");
  if (!tilings) return group;
  for (const Value& item : tilings->items()) {
    item.allow_only({"dim", "tile"});
    const Value dim = item.at("dim");
    const std::size_t dot = dim.as_string().rfind('.');
    if (dot == std::string::npos) {
      throw dim.error("'" + dim.text() + "' names no layer's loop", "LAYER.D0");
    }
    const std::int64_t tile = item.at("tile").as_integer(1, model::kMaxExactInteger);
    group.intra.push_back(
        {dim.text().substr(0, dot), {read_place(dim, dim.text().substr(dot + 1)), tile, true}});
  }
  return group;
}

CoreMappingEntry read_entry(const Value& value) {
  value.allow_only({"name", "core_allocation", "inter_core_tiling", "intra_core_tiling",
                    "layer_dimension_names", "spatial_mapping", "memory_operand_links",
                    "spatial_mapping_hint", "temporal_ordering", "core_allocation_is_fixed",
                    "precision", "kernel"});
  CoreMappingEntry entry;
  entry.name = value.at("name").as_string();
  entry.cores = read_allocation(value);
  // Stream 2024: fixed is what lists as many cores as slices, whether it says so or not.
  if (const auto fixed = value.find_non_null("core_allocation_is_fixed")) fixed->as_bool();
  entry.placed_inter = read_placed(value);
  if (entry.placed_inter.empty()) entry.inter = read_tilings(value, "inter_core_tiling", true);
  entry.intra = read_tilings(value, "intra_core_tiling", false);
  if (const auto names = value.find_non_null("layer_dimension_names")) {
    for (const Value& name : names->items()) {
      if (!is_dimension_name(name.as_string())) {
        throw name.error("'" + name.text() + "' is no loop dimension",
                         "capitals, then perhaps digits, as in OX");
      }
      const auto& known = entry.dimension_names;
      if (std::find(known.begin(), known.end(), name.text()) != known.end()) {
        throw name.error("'" + name.text() + "' is listed twice");
      }
      entry.dimension_names.push_back(name.text());
    }
  }
  if (const auto spatial = value.find_non_null("spatial_mapping")) {
    for (const auto& [dim, list] : spatial->entries()) {
      entry.spatial_mapping.push_back({dim, read_unrolls(list, true)});
    }
  }
  if (const auto bits = value.find_non_null("precision")) {
    entry.precision = read_operand_bits(*bits);
  }
  return entry;
}

}  // namespace

TilingRequest read_tiling(const Value& value, bool wildcard) {
  const std::string& text = value.as_string();
  const std::string remedy =
      std::string("a loop dimension and a number, as in \"OY, 4\", or \"OY, all\"") +
      (wildcard ? " or \"K, *\"" : "");
  const std::size_t comma = text.find(',');
  const std::string dim = text.substr(0, comma);
  if (comma == std::string::npos || !is_dimension_name(dim)) {
    throw value.error("'" + text + "' is no tiling", remedy);
  }
  const std::size_t at = text.find_first_not_of(' ', comma + 1);
  const std::string factor = at == std::string::npos ? "" : text.substr(at);
  if (factor == "all") return {dim, model::kAllTiles};
  if (factor == "*" && wildcard) return {dim, model::kWildcard};
  if (factor.empty() || factor.find_first_not_of("0123456789") != std::string::npos) {
    throw value.error("'" + text + "' is no tiling", remedy);
  }
  return {dim, number_in_text(value, factor, 1)};
}

CoreMapping read_core_mapping(const Value& document) {
  CoreMapping mapping;
  const bool with_groups = document.is_map();
  if (with_groups) document.allow_only({"layers", "fused_groups"});
  const Value list = with_groups ? document.at("layers") : document;
  if (const auto groups = with_groups ? document.find_non_null("fused_groups") : std::nullopt) {
    for (const Value& group : groups->items()) mapping.groups.push_back(read_group(group));
  }
  for (const Value& item : list.items()) {
    CoreMappingEntry entry = read_entry(item);
    const bool repeated =
        std::any_of(mapping.entries.begin(), mapping.entries.end(),
                    [&](const CoreMappingEntry& other) { return other.name == entry.name; });
    if (repeated) throw item.at("name").error("there are two entries '" + entry.name + "'");
    mapping.entries.push_back(std::move(entry));
  }
  const auto fallback =
      std::find_if(mapping.entries.begin(), mapping.entries.end(),
                   [](const CoreMappingEntry& entry) { return entry.name == "default"; });
  if (fallback == mapping.entries.end()) {
    // Stream 1.13 has no default: what no entry serves is up to the schedule.
    if (with_groups) return mapping;
    throw document.error("the mapping has no entry 'default'",
                         "add one for what no other entry covers");
  }
  const CoreMappingEntry defaults = *fallback;
  for (CoreMappingEntry& entry : mapping.entries) {
    if (entry.inter.empty()) entry.inter = defaults.inter;
    if (entry.intra.empty()) entry.intra = defaults.intra;
  }
  return mapping;
}

CoreMapping load_core_mapping(const std::filesystem::path& path) {
  const Document document = load_document(path);
  return read_core_mapping(document.root());
}

void check_core_mapping(const Value& document, const CoreMapping& mapping,
                        const model::Network& network, const model::MultiCore& system) {
  const std::string range = system.cores.size() == 1
                                ? "the only core is 0"
                                : "cores are 0 to " + std::to_string(system.cores.size() - 1);
  for (const model::NetworkNode& node : network.nodes) {
    if (!node.layer) continue;
    const CoreMappingEntry* entry = mapping.choose(node.name, node.operator_type);
    if (entry == nullptr) continue;
    const auto place = static_cast<std::size_t>(entry - mapping.entries.data());
    const Value entries = document.is_map() ? document.at("layers") : document;
    if (place >= entries.size()) continue;  // not from the document
    const Value value = entries[place];
    const auto list = value.find_non_null("core_allocation");
    bool computes = false;
    for (const int core : entry->cores) {
      if (static_cast<std::size_t>(core) >= system.cores.size()) {
        const std::vector<Value> ids = list ? core_ids(*list) : std::vector<Value>{};
        const auto id = std::find_if(ids.begin(), ids.end(),
                                     [&](const Value& one) { return core_of(one) == core; });
        throw(id == ids.end() ? value : *id)
            .error("there is no core " + std::to_string(core) + " in '" + system.name +
                       "', and layer '" + node.name + "' is to run on it",
                   range);
      }
      computes = computes || system.cores[static_cast<std::size_t>(core)].computes();
    }
    if (!computes) {
      throw(list ? *list : value)
          .error("no core may run layer '" + node.name + "' of type '" + node.operator_type +
                     "': none of those listed can compute",
                 "list a core whose array has units");
    }
  }
}

std::vector<std::string> core_mapping_notes(const model::CoreMapping& mapping,
                                            const model::Network& network, bool every) {
  std::vector<std::string> notes;
  std::vector<std::string> known;
  std::set<std::string> asked;   // loops that some layer's entry cuts
  std::set<std::string> served;  // those of them that such a layer has
  std::set<std::string> loops;
  std::set<std::string> summed;  // over cores, though an output adds up over them
  for (const model::NetworkNode& node : network.nodes) {
    if (!node.layer) continue;
    known.insert(known.end(), {node.name, node.operator_type});
    for (const model::LoopDim& dim : node.layer->dims) loops.insert(dim.name);
    const CoreMappingEntry* entry = mapping.choose(node.name, node.operator_type);
    if (entry == nullptr) continue;
    for (const auto* tilings : {&entry->intra, &entry->inter}) {
      for (const TilingRequest& tiling : *tilings) {
        asked.insert(tiling.dim);
        if (tilings == &entry->inter && splits_sums(*node.layer, tiling)) summed.insert(tiling.dim);
        if (model::tiling_dim(*node.layer, tiling.dim) >= 0) served.insert(tiling.dim);
      }
    }
  }
  for (const CoreMappingEntry& entry : mapping.entries) {
    const std::string note = unused_entry_note(entry.name, known, every);
    if (!note.empty()) notes.push_back(note);
  }
  for (const std::string& dim : summed) {
    notes.push_back("slices over '" + dim +
                    "' run on different cores, and partial sums do not move between cores: what "
                    "reads them waits for the last slice alone, as in the reference");
  }
  const std::vector<std::string> names(loops.begin(), loops.end());
  for (const std::string& dim : asked) {
    if (served.contains(dim)) continue;
    notes.push_back("the mapping cuts the loop '" + dim +
                    "', which no layer concerned has: left out (they have " + join_or(names) + ")");
  }
  return notes;
}

}  // namespace ridgeline::io
