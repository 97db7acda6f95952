#include "engine/calls/depth_first.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <sstream>

#include "engine/commands/exit_code.hpp"
#include "engine/run/search_time.hpp"
#include "engine/run/team.hpp"
#include "io/document/document_kind.hpp"
#include "io/document/nearest.hpp"
#include "io/inputs/accelerator_reader.hpp"
#include "io/inputs/mapping_reader.hpp"
#include "io/onnx/fused_lowering.hpp"

namespace ridgeline::engine {
namespace {

std::vector<std::string> parts_of(const std::string& text, char separator) {
  std::vector<std::string> parts;
  std::istringstream stream(text);
  for (std::string part; std::getline(stream, part, separator);) parts.push_back(part);
  return parts;
}

std::vector<std::int64_t> extents(const std::string& text) {
  std::vector<std::int64_t> list;
  for (const std::string& part : parts_of(text, '/')) {
    std::int64_t value = 0;
    const auto [end, status] = std::from_chars(part.data(), part.data() + part.size(), value);
    if (status != std::errc() || end != part.data() + part.size() || value < 1) return {};
    list.push_back(value);
  }
  return list;
}

// "60,72", or "1/4/16,1/4/18" for a grid, x slowest.
std::vector<search::Tile> tiles_of(const std::string& text) {
  const std::vector<std::string> axes = parts_of(text, ',');
  std::vector<search::Tile> tiles;
  if (axes.size() == 2) {
    for (const std::int64_t x : extents(axes[0])) {
      for (const std::int64_t y : extents(axes[1])) tiles.push_back({x, y});
    }
  }
  if (tiles.empty()) {
    throw UsageError(
        "--tile takes X,Y (whole numbers from 1; several as 1/4/16,1/4/18), search or "
        "all, not '" +
        text + "'");
  }
  return tiles;
}

std::vector<search::Overlap> overlaps_of(const std::string& text) {
  constexpr std::array kAll{search::Overlap::recompute, search::Overlap::h_cached,
                            search::Overlap::cached};
  if (text == "search") return {kAll.begin(), kAll.end()};
  std::vector<search::Overlap> list;
  for (const std::string& part : parts_of(text, ',')) {
    const auto known = std::find_if(kAll.begin(), kAll.end(), [&](search::Overlap one) {
      return search::to_string(one) == part;
    });
    if (known == kAll.end()) {
      const std::vector<std::string> names{"recompute", "h-cached", "cached", "search"};
      throw UsageError("--overlap: there is no '" + part + "' (" + io::suggestion(part, names) +
                       ")");
    }
    if (std::find(list.begin(), list.end(), *known) == list.end()) list.push_back(*known);
  }
  if (list.empty()) throw UsageError("--overlap takes recompute, h-cached, cached or search");
  return list;
}

// Ids or names after which a stack ends.
std::vector<int> read_cuts(const std::string& path, const model::FusedNetwork& network) {
  const io::Document document = io::load_document(path);
  io::Value list = document.root();
  if (list.is_map()) {
    list.allow_only({"cuts"});
    list = list.at("cuts");
  }
  std::vector<std::string> names;
  for (const model::FusedNode& node : network.nodes) {
    if (node.layer) names.push_back(node.name);
  }
  std::vector<int> cuts;
  for (const io::Value& item : list.items()) {
    int place = -1;
    if (item.is_integer()) {
      place = network.node_index(static_cast<int>(item.as_integer(-1, 1'000'000'000)));
      if (place < 0) {
        throw item.error("no layer has the id " + item.text(),
                         "a stack ends after each layer that is listed; by name works too");
      }
    } else {
      const std::string& name = item.as_string();
      for (std::size_t n = 0; n < network.nodes.size(); ++n) {
        if (network.nodes[n].layer && network.nodes[n].name == name) place = static_cast<int>(n);
      }
      if (place < 0) {
        throw item.error("no layer is called '" + name + "'", io::suggestion(name, names));
      }
    }
    cuts.push_back(network.nodes[static_cast<std::size_t>(place)].id);
  }
  for (std::size_t i = 0; i + 1 < cuts.size(); ++i) {
    if (network.node_index(cuts[i]) < network.node_index(cuts[i + 1])) continue;
    throw list[i + 1].error("layer " + std::to_string(cuts[i + 1]) + " does not come after " +
                                std::to_string(cuts[i]) + " in processing order",
                            "list the cuts in the order of the layers, each once");
  }
  return cuts;
}

void check_tiles(const std::vector<search::Tile>& tiles, const search::FusionResult& result,
                 DepthFirst& made, const Hooks& hooks) {
  search::Tile most;
  std::string where;
  for (const search::FusionPoint& point : result.points) {
    for (const search::FusedStack& stack : point.stacks) {
      if (!stack.stack->fault.empty()) continue;
      const auto& map = stack.stack->network.nodes.back().map;
      if (map[0] * map[1] > most.x * most.y) where = stack.stack->network.nodes.back().name;
      most.x = std::max(most.x, map[0]);
      most.y = std::max(most.y, map[1]);
    }
  }
  for (const search::Tile& tile : tiles) {
    if (most.x == 0 || (tile.x <= most.x && tile.y <= most.y)) continue;
    const std::string text = "a tile of " + std::to_string(tile.x) + " x " +
                             std::to_string(tile.y) + " is larger than the largest map, " +
                             std::to_string(most.x) + " x " + std::to_string(most.y) + " of " +
                             where;
    if (!made.options.rules.defines) throw UsageError("--tile: " + text);
    made.notes.push_back(text + ": it counts as all of it");
    hooks.note(made.notes.back());
    return;
  }
}

}  // namespace

std::unique_ptr<const DepthFirst> depth_first(const DepthFirstOptions& options,
                                              const Hooks& hooks) {
  const SearchTime time(options.evaluate.search_seconds);
  const auto start = std::chrono::steady_clock::now();
  auto made = std::make_unique<DepthFirst>();
  const EvaluateOptions& given = options.evaluate;
  if (!given.search.layers.empty()) throw UsageError("--layer does not go with --depth-first");
  if (given.search.keep_on_chip) {
    throw UsageError("--keep-on-chip does not go with --depth-first, which decides what stays");
  }
  const io::Document accelerator = io::load_document(given.accelerator);
  hooks.details(accelerator.notes());
  made->accelerator = io::read_as(io::DocumentKind::accelerator, given.accelerator,
                                  [&] { return io::read_accelerator(accelerator.root()); });
  if (given.mapping.empty()) {
    made->mapping.entries.emplace_back().name = "default";
  } else {
    const io::Document document = io::load_document(given.mapping);
    hooks.details(document.notes());
    made->mapping = io::read_as(io::DocumentKind::mapping, given.mapping, [&] {
      return io::read_mapping(document.root(), &made->accelerator);
    });
  }
  io::FusedImport import = io::read_as(io::DocumentKind::workload, given.workload,
                                       [&] { return io::load_fused(given.workload, given.onnx); });
  hooks.details(import.details);
  for (const std::string& note : import.notes) hooks.note(note);
  made->notes = import.notes;
  made->missing = import.missing;
  made->workload = import.workload.name;
  for (const auto& [operand, list] :
       {std::pair{"I1", model::memories_of(made->accelerator, model::MemoryOperand::I1)},
        std::pair{"I2", model::memories_of(made->accelerator, model::MemoryOperand::I2)},
        std::pair{"O", model::memories_of(made->accelerator, model::MemoryOperand::O)}}) {
    if (!list.empty()) continue;
    throw io::InputError({given.accelerator, "/memories", 0, 0},
                         std::string("no memory stores ") + operand,
                         "depth-first inference needs I1, I2 and O");
  }
  if (std::none_of(import.workload.nodes.begin(), import.workload.nodes.end(),
                   [](const model::WorkloadNode& node) { return node.layer.has_value(); })) {
    throw io::InputError({given.workload, "", 0, 0}, "has no layer");
  }
  model::FusedNetwork network = model::fused_network(import.workload, import.rearranged);

  search::FusionOptions& fusion = made->options;
  fusion.rules.defines = options.defines;
  fusion.rules.quirks = !given.search.mapper.no_quirks;
  fusion.mapper = given.search.mapper;
  made->tile = options.tile;
  made->overlap = options.overlap;
  made->stacks = options.stacks.empty() ? "auto" : options.stacks;
  const bool search_tiles = options.tile == "search" || options.tile == "all";
  const bool search_overlap = options.overlap == "search";
  fusion.search_stacks = made->stacks == "search";
  if (!search_tiles) fusion.tiles = tiles_of(options.tile);
  fusion.overlaps = overlaps_of(options.overlap);
  fusion.search_overlap = search_overlap;
  if (made->stacks != "auto" && !fusion.search_stacks) {
    fusion.cuts = read_cuts(made->stacks, network);
  }
  if (fusion.search_stacks && fusion.rules.defines) {
    throw UsageError("--stacks search needs today's rules: leave --semantics defines away");
  }
  if (hooks.stop || time.limited()) {
    fusion.mapper.budget.stop = [stop = hooks.stop, time] {
      return (stop && stop()) || time.over();
    };
  }
  Team team(given.threads);
  fusion.for_each = [&](std::size_t count, const std::function<void(std::size_t)>& body) {
    team.run(count, [&](std::size_t i, int) { body(i); });
  };
  const bool searched = search_tiles || search_overlap || fusion.search_stacks;
  if (searched) {
    made->result =
        search::search_fusion(std::move(network), made->accelerator, made->mapping, fusion,
                              {options.tile == "all", options.quick, fusion.mapper.gap});
  } else {
    made->result =
        search::cost_fusions(std::move(network), made->accelerator, made->mapping, fusion);
  }
  if (hooks.stopped()) throw Cancelled();
  if (!fusion.tiles.empty()) check_tiles(fusion.tiles, made->result, *made, hooks);
  for (const std::string& note : made->result.notes) {
    made->notes.push_back(note);
    hooks.note(note);
  }
  // They refer to this call.
  fusion.for_each = nullptr;
  fusion.mapper.budget.stop = nullptr;
  made->seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return made;
}

}  // namespace ridgeline::engine
