#include "engine/run/automatic_schedule.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <set>

#include "engine/run/core_choice.hpp"

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

// Slices of a layer that runs nowhere as a whole, and attempts with more of them.
constexpr std::int64_t kMostSlices = 64;
constexpr int kMostSlicings = 256;

// Of searches that only ask whether something is feasible, and about how good it is.
constexpr int kProbePopulation = 4;
constexpr int kProbeGenerations = 0;

constexpr const char* kAllAlone =
    "no stack of several layers is feasible or worth it: every layer is alone in its stack";

using Stacks = std::vector<std::vector<int>>;

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
    splits_ = !splittable().empty();
    split_ = split_mapping(splittable());
  }

  AutomaticSchedule run() {
    const bool fused = request_.tiling.mode == model::ScheduleMode::fused &&
                       request_.tiling.semantics == model::Semantics::v2025;
    if (fused && !request_.tiling.stacks && !request_.granularity) {
      // Every layer alone first, which takes the least time: fusing has to be better.
      consider_both(alone_request());
      AutomaticSchedule alone;
      if (network_.nodes.size() <= kSmall && splits_) alone = all_alone();
      fuse();
      if (best_.result.best < 0 && !consider_both(alone_request())) {
        consider_slices(alone_request());
      }
      consider_sharing();
      consider_each_split();
      if (alone.result.best >= 0 && value(alone.result) <= value(best_.result)) {
        best_ = std::move(alone);
      }
      if (!is_stacked()) best_.notes.push_back(kAllAlone);
      return std::move(best_);
    }
    if (!consider_both(request_)) {
      consider_slices(request_);
    }
    consider_sharing();
    consider_each_split();
    return std::move(best_);
  }

 private:
  // Layers that may be split over cores: those that no given entry serves, and have several cores.
  std::vector<const model::NetworkNode*> splittable() const {
    std::vector<const model::NetworkNode*> nodes;
    std::set<std::string> named;
    for (const model::NetworkNode& node : network_.nodes) {
      if (!node.layer || given_.choose(node.name, node.operator_type) != nullptr) continue;
      const auto cores = static_cast<std::int64_t>(cores_for(system_, node.operator_type).size());
      const std::int64_t slices = slices_of(request_, node.id, cores);
      if (slices < 2 || !split_loop(*node.layer, slices)) continue;
      if (named.insert(node.name).second) nodes.push_back(&node);
    }
    return nodes;
  }

  // A layer on the cores that may run it, in slices of the loop that suits them.
  model::CoreMappingEntry sliced(const model::NetworkNode& node, std::int64_t slices) const {
    model::CoreMappingEntry entry;
    entry.name = node.name;
    entry.cores = cores_for(system_, node.operator_type);
    const auto loop = split_loop(*node.layer, slices);
    if (!loop) return entry;
    const std::int64_t size = node.layer->dims[at(node.layer->dim_index(*loop))].size;
    entry.inter = {{*loop, std::min(size, slices)}};
    return entry;
  }

  // These layers split over all their cores, the others on one core each.
  model::CoreMapping split_mapping(const std::vector<const model::NetworkNode*>& split) const {
    model::CoreMapping mapping = given_;
    std::vector<model::CoreMappingEntry> own;
    for (const model::NetworkNode* node : split) {
      const auto cores = static_cast<std::int64_t>(cores_for(system_, node->operator_type).size());
      own.push_back(sliced(*node, slices_of(request_, node->id, cores)));
    }
    mapping.entries.insert(mapping.entries.begin(), own.begin(), own.end());
    complete_mapping(network_, system_, mapping);
    return mapping;
  }

  // Whether splitting a layer over its cores, or running it on one, is better than what the best
  // schedule does with it, for one layer after the other; of small networks.
  void consider_each_split() {
    const std::vector<const model::NetworkNode*> nodes = splittable();
    if (nodes.size() < 2 || nodes.size() > kSmall || best_.result.best < 0 ||
        !request_.allocation.empty()) {
      return;
    }
    const bool all = best_is_split_;
    std::vector<bool> split(nodes.size(), all);
    for (std::size_t n = 0; n < nodes.size() && !late(); ++n) {
      split[n] = !split[n];
      std::vector<const model::NetworkNode*> some;
      for (std::size_t k = 0; k < nodes.size(); ++k) {
        if (split[k]) some.push_back(nodes[k]);
      }
      const double before = value(best_.result);
      consider(split_mapping(some), best_.request);
      if (value(best_.result) >= before) split[n] = !split[n];
    }
  }

  // Whether the best schedule so far has a stack of several layers that nobody asked for.
  bool is_stacked() const { return best_.request.granularity.has_value() && !request_.granularity; }

  // Every layer alone, with each split that suits it there and not in the best of the fused
  // schedules; of small networks, whose splits alone are looked at one by one. The best schedule so
  // far stays.
  AutomaticSchedule all_alone() {
    const AutomaticSchedule before = best_;
    const bool split = best_is_split_;
    consider_sharing();
    consider_each_split();
    best_is_split_ = split;
    return std::exchange(best_, before);
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

  // Whether the time is over. Processes that share a search have to take the same decisions, so
  // that there each search only ends by itself.
  bool late() const { return request_.spread == nullptr && request_.search.budget.stopped(); }

  double value(const ScheduleResult& result) const {
    return search::objective_value(request_.search.report, result.figures);
  }

  bool consider(const model::CoreMapping& mapping, const ScheduleRequest& request) {
    NodeCostCache& cache = request.costs.links_are_shared ? sharing_cache_ : cache_;
    ScheduleResult result = run_schedule(network_, system_, mapping, request, &cache);
    const bool feasible = !result.tiling_problem && result.best >= 0;
    const bool any = best_.result.best >= 0;
    if (!feasible) failed_ = failed_layer(result);
    if (!any ? (feasible || !considered_) : (feasible && value(result) < value(best_.result))) {
      best_.result = std::move(result);
      best_.mapping = mapping;
      best_.request = request;
      best_is_split_ = &mapping == &split_;
    } else if (!feasible) {
      last_failure_ = std::move(result);
    }
    considered_ = true;
    return feasible;
  }

  // Each layer on one core, and all split; whether one of them is feasible. An allocation says
  // itself how layers are split.
  bool consider_both(const ScheduleRequest& request) {
    const bool given = !request.allocation.empty() && splits_;
    bool any = !given && consider(whole_, request);
    const int failed = failed_;
    const bool over = request.costs.links_are_shared && late();
    if (splits_ && !over) any = consider(split_, request) || any;
    if (!any) failed_ = failed;
    return any;
  }

  // The same with nodes that are mapped for slices which share links, for the stacks of the best
  // schedule so far and for every layer alone.
  void consider_sharing() {
    if (request_.costs.objective || request_.costs.rules_of_2023 || best_.result.best < 0) return;
    std::vector<ScheduleRequest> requests{best_.request};
    if (is_stacked()) requests.push_back(alone_request());
    for (ScheduleRequest& request : requests) {
      if (late()) return;
      request.costs.links_are_shared = true;
      // Few orderings of the merged loops that the reference looks at draw little.
      if (request.costs.mapper.lpf_limit > 0) ++request.costs.mapper.lpf_limit;
      consider_both(request);
    }
  }

  // Each layer on one core, but those that fail in more and more slices, until all can run.
  void consider_slices(const ScheduleRequest& request) {
    if (slice_failing(request) || best_.result.best >= 0) return;
    best_.result = std::move(last_failure_);  // what is left to mend
  }

  bool slice_failing(const ScheduleRequest& request) {
    model::CoreMapping mapping = whole_;
    std::map<int, std::int64_t> slices;
    for (int attempt = 0; attempt < kMostSlicings && failed_ >= 0; ++attempt) {
      const model::NetworkNode& node = network_.nodes[at(network_.node_index(failed_))];
      if (given_.choose(node.name, node.operator_type) != nullptr) return false;
      std::int64_t& wanted = slices.try_emplace(failed_, 1).first->second;
      wanted *= 2;
      if (wanted > kMostSlices || !split_loop(*node.layer, wanted) || late()) {
        return false;
      }
      std::erase_if(mapping.entries, [&](const auto& entry) { return entry.name == node.name; });
      mapping.entries.insert(mapping.entries.begin(), sliced(node, wanted));
      if (!consider(mapping, request)) continue;
      for (const auto& [id, count] : slices) {
        best_.notes.push_back("layer " + network_.nodes[at(network_.node_index(id))].name +
                              " is cut into " + std::to_string(count) +
                              " slices: as a whole it runs nowhere");
      }
      return true;
    }
    return false;
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
    if (layers.size() < 2 || trials_ >= kMostTrials || late()) {
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
      consider_both(fused_request(others));
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
      if (late()) return;
      if (is_feasible(result)) break;
      if (!dissolve(stacks, failed_layer(result))) break;
    }
    if (std::none_of(stacks.begin(), stacks.end(), is_fused)) return;
    consider_both(fused_request(stacks));
    // What is best for a stack by itself need not be so among others: small networks try all cuts.
    if (network_.nodes.size() <= kSmall) {
      consider_all_cuts(kRows, stacks);
      consider_all_cuts(kColumns, stacks);
    }
  }

  const model::Network& network_;
  const model::MultiCore& system_;
  const model::CoreMapping& given_;
  ScheduleRequest request_;
  model::CoreMapping whole_;
  model::CoreMapping split_;
  NodeCostCache cache_;
  NodeCostCache sharing_cache_;  // where links are shared
  AutomaticSchedule best_;
  int trials_ = 0;
  bool splits_ = false;         // some layer can be split
  bool best_is_split_ = false;  // the best schedule so far splits all of them
  bool considered_ = false;
  ScheduleResult last_failure_;
  int failed_ = -1;  // layer at which the last schedule failed that is not feasible; -1: none
};

}  // namespace

AutomaticSchedule run_automatic(const model::Network& network, const model::MultiCore& system,
                                const model::CoreMapping& given, const ScheduleRequest& request) {
  return Automatic(network, system, given, request).run();
}

}  // namespace ridgeline::engine
