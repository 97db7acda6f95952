#include "engine/run/automatic_schedule.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <set>

namespace ridgeline::engine {

namespace {

std::size_t at(std::int64_t i) {
  return static_cast<std::size_t>(i);
}

// Pieces of a fused layer that are tried, fine and coarse; single indices only of axes up to a
// size.
constexpr std::array<std::int64_t, 5> kPieces{model::kAllTiles, 32, 16, 8, 4};
constexpr std::int64_t kMostSingles = 256;

// What a stack is cut along: rows, and columns where a layer has more of them.
constexpr const char* kRows = "OY";
constexpr const char* kColumns = "OX";

// Nodes of a network that is searched with every cut.
constexpr std::size_t kSmall = 24;

// Stacks that are tried by themselves before what is left is not fused.
constexpr int kMostTrials = 64;

// Of searches that only ask whether something is feasible, and about how good it is.
constexpr int kProbePopulation = 4;
constexpr int kProbeGenerations = 0;

using Stacks = std::vector<std::vector<int>>;

// The loop of a layer that is split over cores: the largest that its output walks, output channels
// first, never one that an output adds up over.
std::optional<std::string> split_loop(const model::Layer& layer, int cores) {
  std::optional<std::string> best;
  std::int64_t largest = 1;
  for (const char* name : {"K", "G", "OY", "D", "H", "B"}) {
    const int d = layer.dim_index(name);
    if (d < 0 || layer.dims[at(d)].size < 2) continue;
    const auto& indices = layer.operands.front().indices;
    const bool walked = std::any_of(indices.begin(), indices.end(), [&](const auto& index) {
      return !index.is_relation && index.index == d;
    });
    if (!walked) continue;
    const std::int64_t size = layer.dims[at(d)].size;
    if (size >= cores) return name;
    if (size > largest) {
      largest = size;
      best = name;
    }
  }
  return best;
}

// The slices of a layer over its cores, where an allocation is given: as many as it lists.
std::int64_t slices_of(const ScheduleRequest& request, int layer, std::int64_t cores) {
  for (const LayerAllocation& given : request.allocation) {
    if (given.id == layer) return static_cast<std::int64_t>(given.cores.size());
  }
  return cores;
}

// The layers of one stack with what moves data between them; what others make is there from the
// start.
model::Network part_of(const model::Network& network, const std::vector<int>& layers) {
  const std::set<int> wanted(layers.begin(), layers.end());
  model::Network part;
  part.name = network.name;
  std::vector<int> place(network.nodes.size(), -1);
  std::set<int> ids;
  for (std::size_t n = 0; n < network.nodes.size(); ++n) {
    const model::NetworkNode& source = network.nodes[n];
    if (source.layer && !wanted.contains(source.id)) continue;
    model::NetworkNode node = source;
    node.inputs.clear();
    for (const model::NetworkInput& input : source.inputs) {
      if (place[at(input.node)] >= 0) node.inputs.push_back({place[at(input.node)], input.output});
    }
    if (!source.layer) {
      if (node.inputs.empty()) continue;
      if (node.inputs.size() != source.inputs.size()) {
        node.moving = {};
        node.moving.kind = model::Movement::opaque;
      }
    } else {
      for (model::LayerOperand& operand : node.layer->operands) {
        if (!operand.source || ids.contains(*operand.source)) continue;
        operand.source.reset();
        operand.constant = true;
        node.layer->constant_operands.push_back(operand.name);
      }
      std::erase_if(node.partly_constant, [&](const std::string& name) {
        const auto& constants = node.layer->constant_operands;
        return std::find(constants.begin(), constants.end(), name) != constants.end();
      });
    }
    place[n] = static_cast<int>(part.nodes.size());
    ids.insert(node.id);
    part.nodes.push_back(std::move(node));
  }
  return part;
}

class Automatic {
 public:
  Automatic(const model::Network& network, const model::MultiCore& system,
            const model::CoreMapping& given, ScheduleRequest request)
      : network_(network), system_(system), given_(given), request_(std::move(request)) {
    // No reference says what becomes of a mapping that nobody gave.
    request_.schedule.semantics.true_parts = request_.schedule.semantics.parts_of_tensors;
    request_.costs.all_cuts_where_none = true;
    whole_ = given;
    complete_mapping(network, system, whole_);
    split_ = split_mapping();
  }

  AutomaticSchedule run() {
    const bool fused = request_.tiling.mode == model::ScheduleMode::fused &&
                       request_.tiling.semantics == model::Semantics::v2025;
    if (fused && !request_.tiling.stacks && !request_.granularity) {
      fuse();
      if (best_.result.best >= 0 && stacked_) return std::move(best_);
      best_.notes.push_back(
          "no stack of several layers is feasible or worth it: every layer is alone in its stack");
      consider_both(alone_request());
    } else {
      consider_both(request_);
    }
    return std::move(best_);
  }

 private:
  // Entries for every layer that may run on several cores: split over all of them.
  model::CoreMapping split_mapping() {
    model::CoreMapping mapping = given_;
    std::vector<model::CoreMappingEntry> own;
    std::set<std::string> named;
    for (const model::NetworkNode& node : network_.nodes) {
      if (!node.layer || given_.choose(node.name, node.operator_type) != nullptr) continue;
      if (!named.insert(node.name).second) continue;
      model::CoreMappingEntry entry;
      entry.name = node.name;
      entry.cores = cores_for(system_, node.operator_type);
      const std::int64_t slices =
          slices_of(request_, node.id, static_cast<std::int64_t>(entry.cores.size()));
      const auto loop = split_loop(*node.layer, static_cast<int>(entry.cores.size()));
      if (loop && slices > 1) {
        const std::int64_t size = node.layer->dims[at(node.layer->dim_index(*loop))].size;
        entry.inter = {{*loop, std::min<std::int64_t>(size, slices)}};
        splits_ = true;
      }
      own.push_back(std::move(entry));
    }
    mapping.entries.insert(mapping.entries.begin(), own.begin(), own.end());
    complete_mapping(network_, system_, mapping);
    return mapping;
  }

  ScheduleRequest alone_request() const {
    ScheduleRequest request = request_;
    Stacks stacks;
    for (const model::NetworkNode& node : network_.nodes) {
      if (node.layer) stacks.push_back({node.id});
    }
    request.tiling.stacks = std::move(stacks);
    return request;
  }

  double value(const ScheduleResult& result) const {
    return search::objective_value(request_.search.report, result.figures);
  }

  bool consider(const model::CoreMapping& mapping, const ScheduleRequest& request) {
    ScheduleResult result = run_schedule(network_, system_, mapping, request, &cache_);
    const bool feasible = !result.tiling_problem && result.best >= 0;
    const bool any = best_.result.best >= 0;
    if (!any ? (feasible || !considered_) : (feasible && value(result) < value(best_.result))) {
      best_.result = std::move(result);
      best_.mapping = mapping;
      best_.request = request;
    }
    considered_ = true;
    return feasible;
  }

  // Each layer on one core, and all split; whether one of them is feasible. An allocation says
  // itself how layers are split.
  bool consider_both(const ScheduleRequest& request) {
    if (!request.allocation.empty() && splits_) return consider(split_, request);
    const bool whole = consider(whole_, request);
    return (splits_ && consider(split_, request)) || whole;
  }

  // ---- fused

  // A stack and how it is cut.
  struct Fused {
    std::vector<int> layers;
    std::int64_t pieces = 0;  // without effect where a layer is alone
    std::string dim = kRows;
  };

  static bool is_fused(const Fused& stack) { return stack.layers.size() > 1; }

  ScheduleRequest fused_request(const std::vector<Fused>& stacks) const {
    ScheduleRequest request = request_;
    request.tiling.stacks.emplace();
    GranularityRequest cut{kRows, {}, {}, {}};
    for (const Fused& stack : stacks) {
      request.tiling.stacks->push_back(stack.layers);
      if (!is_fused(stack)) continue;
      cut.chosen.push_back(stack.pieces);
      cut.dims.push_back(stack.dim);
    }
    cut.factors = cut.chosen;
    if (!cut.dims.empty() && std::set<std::string>(cut.dims.begin(), cut.dims.end()).size() == 1) {
      cut.dim = cut.dims.front();
      cut.dims.clear();
    }
    if (!cut.chosen.empty()) request.granularity = std::move(cut);
    return request;
  }

  ScheduleResult probe(const model::Network& network, ScheduleRequest request) {
    request.search.engine = search::AllocationEngine::ga;
    request.search.population = kProbePopulation;
    request.search.generations = kProbeGenerations;
    request.allocation.clear();
    request.warm_starts.clear();
    request.give_up = nullptr;
    return run_schedule(network, system_, whole_, request, &cache_);
  }

  static bool is_feasible(const ScheduleResult& result) {
    return !result.tiling_problem && result.best >= 0;
  }
  static int failed_layer(const ScheduleResult& result) {
    return result.tiling_problem ? result.tiling_problem.node_id : result.failed_layer;
  }

  // Whether a layer of them has more columns than rows.
  bool is_wide(const std::vector<int>& layers) const {
    return std::any_of(layers.begin(), layers.end(), [&](int id) {
      const model::Layer& layer = *network_.nodes[at(network_.node_index(id))].layer;
      const int columns = layer.dim_index(kColumns);
      const int rows = layer.dim_index(kRows);
      return columns >= 0 &&
             layer.dims[at(columns)].size > (rows < 0 ? 1 : layer.dims[at(rows)].size);
    });
  }

  // The ways to cut a stack that suit the axes of its layers.
  std::vector<Fused> cuts_of(const std::vector<int>& layers) const {
    std::int64_t longest_rows = 1;
    std::int64_t longest_columns = 1;
    for (const int id : layers) {
      const model::Layer& layer = *network_.nodes[at(network_.node_index(id))].layer;
      const auto size = [&](int dim) { return dim < 0 ? 1 : layer.dims[at(dim)].size; };
      const std::int64_t rows = size(model::tiling_dim(layer, kRows));
      longest_rows = std::max(longest_rows, rows);
      longest_columns = std::max(longest_columns, size(model::tiling_dim(layer, kColumns)));
    }
    std::vector<Fused> cuts;
    const auto along = [&](const char* dim, std::int64_t longest) {
      for (const std::int64_t p : kPieces) {
        if (p == model::kAllTiles ? longest <= kMostSingles : p < longest) {
          cuts.push_back({layers, p, dim});
        }
      }
    };
    along(kRows, longest_rows);
    if (is_wide(layers)) along(kColumns, longest_columns);
    return cuts;
  }

  // Looks at a run of layers by itself: fused where that is feasible and better than each layer
  // alone, else divided where it fails, or in the middle.
  void choose(const std::vector<int>& layers, std::vector<Fused>& chosen) {
    const auto each_alone = [&] {
      for (const int id : layers) chosen.push_back({{id}});
    };
    if (layers.size() < 2 || trials_ >= kMostTrials || request_.search.budget.stopped()) {
      return each_alone();
    }
    ++trials_;
    const model::Network part = part_of(network_, layers);
    std::vector<Fused> alone;
    for (const int id : layers) alone.push_back({{id}});
    const ScheduleResult apart = probe(part, fused_request(alone));
    std::optional<double> best;
    if (is_feasible(apart)) best = value(apart);
    std::optional<Fused> way;
    int failed = -1;
    for (Fused& cut : cuts_of(layers)) {
      const ScheduleResult result = probe(part, fused_request({cut}));
      if (!is_feasible(result)) {
        failed = failed_layer(result);
        continue;
      }
      if (best && value(result) >= *best) continue;
      best = value(result);
      way = std::move(cut);
    }
    if (way) {
      chosen.push_back(std::move(*way));
      return;
    }
    auto cut = std::find(layers.begin(), layers.end(), failed);
    if (cut == layers.end()) cut = layers.begin() + static_cast<std::ptrdiff_t>(layers.size() / 2);
    if (cut == layers.begin()) ++cut;
    choose({layers.begin(), cut}, chosen);
    choose({cut, layers.end()}, chosen);
  }

  // Ends the fusion of the stack that a layer is in, of the last one before it, or of the first.
  static bool dissolve(std::vector<Fused>& stacks, int id) {
    std::size_t place = stacks.size();
    for (std::size_t s = 0; s < stacks.size(); ++s) {
      const auto& layers = stacks[s].layers;
      if (is_fused(stacks[s])) place = s;
      if (place < stacks.size() && std::find(layers.begin(), layers.end(), id) != layers.end())
        break;
    }
    if (place == stacks.size()) return false;
    const std::vector<int> layers = stacks[place].layers;
    stacks.erase(stacks.begin() + static_cast<std::ptrdiff_t>(place));
    for (std::size_t l = layers.size(); l-- > 0;) {
      stacks.insert(stacks.begin() + static_cast<std::ptrdiff_t>(place), {{layers[l]}});
    }
    return true;
  }

  // All stacks in as many pieces, of which columns are cut only where it helps.
  void consider_all_cuts(const char* dim, const std::vector<Fused>& stacks) {
    const auto cut = [&](const Fused& stack) { return dim == kRows || is_wide(stack.layers); };
    if (std::none_of(stacks.begin(), stacks.end(),
                     [&](const Fused& stack) { return is_fused(stack) && cut(stack); })) {
      return;
    }
    for (const std::int64_t pieces : kPieces) {
      std::vector<Fused> others = stacks;
      for (Fused& stack : others) {
        if (cut(stack)) stack = {stack.layers, pieces, dim};
      }
      stacked_ = consider(whole_, fused_request(others)) || stacked_;
    }
  }

  void fuse() {
    model::TilingOptions packed = request_.tiling;
    packed.stack_choice = model::StackChoice::packed;
    if (packed.weight_capacity == 0) packed.weight_capacity = model::weight_capacity(system_);
    std::vector<Fused> stacks;
    for (const std::vector<int>& stack : model::choose_stacks(network_, packed)) {
      choose(stack, stacks);
    }
    // All together, until that is feasible.
    while (std::any_of(stacks.begin(), stacks.end(), is_fused)) {
      const ScheduleResult result = probe(network_, fused_request(stacks));
      if (request_.search.budget.stopped()) return;
      if (is_feasible(result)) break;
      if (!dissolve(stacks, failed_layer(result))) break;
    }
    if (std::none_of(stacks.begin(), stacks.end(), is_fused)) return;
    stacked_ = consider_both(fused_request(stacks));
    // What is best for a stack by itself need not be so among others: small networks try all cuts.
    if (network_.nodes.size() <= kSmall) {
      consider_all_cuts(kRows, stacks);
      consider_all_cuts(kColumns, stacks);
    }
    if (!stacked_) return;
    // What every layer alone would take, so that fusing is never worse.
    const double fused = value(best_.result);
    consider_both(alone_request());
    if (value(best_.result) < fused) stacked_ = false;
  }

  const model::Network& network_;
  const model::MultiCore& system_;
  const model::CoreMapping& given_;
  ScheduleRequest request_;
  model::CoreMapping whole_;
  model::CoreMapping split_;
  NodeCostCache cache_;
  AutomaticSchedule best_;
  int trials_ = 0;
  bool splits_ = false;  // some layer can be split
  bool considered_ = false;
  bool stacked_ = false;
};

}  // namespace

std::vector<int> cores_for(const model::MultiCore& system, const std::string& operator_type) {
  std::vector<int> named;
  std::vector<int> open;
  std::vector<int> all;
  for (std::size_t c = 0; c < system.cores.size(); ++c) {
    const model::Core& core = system.cores[c];
    if (!core.computes() || static_cast<int>(c) == system.offchip_core) continue;
    const auto& types = core.operator_types;
    all.push_back(static_cast<int>(c));
    if (types.empty()) open.push_back(static_cast<int>(c));
    if (std::find(types.begin(), types.end(), operator_type) != types.end()) {
      named.push_back(static_cast<int>(c));
    }
  }
  if (!named.empty()) return named;
  return open.empty() ? all : open;
}

std::vector<std::string> complete_mapping(const model::Network& network,
                                          const model::MultiCore& system,
                                          model::CoreMapping& mapping) {
  std::vector<std::string> added;
  for (const model::NetworkNode& node : network.nodes) {
    if (!node.layer || mapping.choose(node.name, node.operator_type) != nullptr) continue;
    model::CoreMappingEntry entry;
    entry.name = node.operator_type;
    entry.cores = cores_for(system, node.operator_type);
    mapping.entries.push_back(std::move(entry));
    added.push_back(node.operator_type);
  }
  return added;
}

AutomaticSchedule run_automatic(const model::Network& network, const model::MultiCore& system,
                                const model::CoreMapping& given, const ScheduleRequest& request) {
  return Automatic(network, system, given, request).run();
}

}  // namespace ridgeline::engine
