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

// Pieces of a fused layer that are tried, fine and coarse.
constexpr std::array<std::int64_t, 4> kPieces{model::kAllTiles, 16, 8, 4};

// Divisions of stacks that are tried before every layer is alone.
constexpr int kMostDivisions = 400;

// Of searches that only ask whether something is feasible.
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

class Automatic {
 public:
  Automatic(const model::Network& network, const model::MultiCore& system,
            const model::CoreMapping& given, const ScheduleRequest& request)
      : network_(network), system_(system), given_(given), request_(request) {
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
      consider(whole_, alone_request());
      consider(split_, alone_request());
    } else {
      consider(whole_, request_);
      consider(split_, request_);
    }
    return std::move(best_);
  }

 private:
  // Entries for every layer that may run on several cores: split over all of them.
  model::CoreMapping split_mapping() const {
    model::CoreMapping mapping = given_;
    std::vector<model::CoreMappingEntry> own;
    std::set<std::string> named;
    for (const model::NetworkNode& node : network_.nodes) {
      if (!node.layer || given_.choose(node.name, node.operator_type) != nullptr) continue;
      if (!named.insert(node.name).second) continue;
      model::CoreMappingEntry entry;
      entry.name = node.name;
      entry.cores = cores_for(system_, node.operator_type);
      const auto loop = split_loop(*node.layer, static_cast<int>(entry.cores.size()));
      if (loop && entry.cores.size() > 1) {
        const std::int64_t size = node.layer->dims[at(node.layer->dim_index(*loop))].size;
        entry.inter = {
            {*loop, std::min<std::int64_t>(size, static_cast<std::int64_t>(entry.cores.size()))}};
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

  // ---- fused

  // The layers by their place in the stacks' order: stacks are consecutive.
  std::vector<int> layer_order() const {
    std::vector<int> order;
    for (const model::NetworkNode& node : network_.nodes) {
      if (node.layer) order.push_back(node.id);
    }
    return order;
  }

  ScheduleRequest fused_request(const Stacks& stacks, std::int64_t pieces) const {
    ScheduleRequest request = request_;
    request.tiling.stacks = stacks;
    if (std::any_of(stacks.begin(), stacks.end(), [](const auto& s) { return s.size() > 1; })) {
      request.granularity = GranularityRequest{"OY", {pieces}, {}};
    }
    return request;
  }

  // Divides stacks until all are feasible; empty where none is left.
  std::optional<Stacks> feasible_stacks(std::int64_t pieces) {
    model::TilingOptions packed = request_.tiling;
    packed.stack_choice = model::StackChoice::packed;
    if (packed.weight_capacity == 0) packed.weight_capacity = model::weight_capacity(system_);
    Stacks stacks = model::choose_stacks(network_, packed);
    std::erase_if(stacks, [](const auto& stack) { return stack.empty(); });
    for (int i = 0; i < kMostDivisions; ++i) {
      ScheduleRequest probe = fused_request(stacks, pieces);
      if (!probe.granularity) return std::nullopt;
      probe.search.engine = search::AllocationEngine::ga;
      probe.search.population = kProbePopulation;
      probe.search.generations = kProbeGenerations;
      const ScheduleResult result = run_schedule(network_, system_, whole_, probe, &cache_);
      if (request_.search.budget.stopped()) return std::nullopt;
      if (!result.tiling_problem && result.best >= 0) return stacks;
      const int id = result.tiling_problem ? result.tiling_problem.node_id : result.failed_layer;
      if (!divide(stacks, id)) return std::nullopt;
    }
    return std::nullopt;
  }

  // Takes a layer out of its stack, or ends the stack before it.
  static bool divide(Stacks& stacks, int id) {
    for (std::size_t s = 0; s < stacks.size(); ++s) {
      const auto place = std::find(stacks[s].begin(), stacks[s].end(), id);
      if (place == stacks[s].end()) continue;
      std::size_t stack = s;
      if (stacks[s].size() == 1) {
        // A layer that is alone cannot help itself: what it reads or writes in a stack must go.
        if (s == 0 || stacks[s - 1].size() == 1) return divide_longest(stacks);
        stack = s - 1;
        return halve(stacks, stack);
      }
      const bool first = place == stacks[s].begin();
      const auto cut = first ? place + 1 : place;
      std::vector<int> rest(cut, stacks[s].end());
      stacks[s].erase(cut, stacks[s].end());
      stacks.insert(stacks.begin() + static_cast<std::ptrdiff_t>(s) + 1, std::move(rest));
      return true;
    }
    return divide_longest(stacks);
  }

  static bool divide_longest(Stacks& stacks) {
    std::size_t longest = 0;
    for (std::size_t s = 1; s < stacks.size(); ++s) {
      if (stacks[s].size() > stacks[longest].size()) longest = s;
    }
    return !stacks.empty() && stacks[longest].size() > 1 && halve(stacks, longest);
  }

  static bool halve(Stacks& stacks, std::size_t s) {
    const auto middle = stacks[s].begin() + static_cast<std::ptrdiff_t>(stacks[s].size() / 2);
    std::vector<int> rest(middle, stacks[s].end());
    stacks[s].erase(middle, stacks[s].end());
    stacks.insert(stacks.begin() + static_cast<std::ptrdiff_t>(s) + 1, std::move(rest));
    return true;
  }

  void fuse() {
    for (const std::int64_t pieces : kPieces) {
      const std::optional<Stacks> stacks = feasible_stacks(pieces);
      if (!stacks) continue;
      const bool feasible = consider(whole_, fused_request(*stacks, pieces));
      stacked_ = stacked_ || feasible;
    }
    if (!stacked_) return;
    // What every layer alone would take, so that fusing is never worse.
    const double fused = value(best_.result);
    consider(whole_, alone_request());
    consider(split_, alone_request());
    if (value(best_.result) < fused) stacked_ = false;
  }

  const model::Network& network_;
  const model::MultiCore& system_;
  const model::CoreMapping& given_;
  const ScheduleRequest& request_;
  model::CoreMapping whole_;
  model::CoreMapping split_;
  NodeCostCache cache_;
  AutomaticSchedule best_;
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
