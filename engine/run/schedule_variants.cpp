#include "engine/run/schedule_variants.hpp"

#include <algorithm>
#include <atomic>
#include <unordered_map>

#include "engine/run/memory_limit.hpp"
#include "search/mapping/content_key.hpp"

namespace ridgeline::engine {
namespace {

std::size_t at(std::int64_t i) {
  return static_cast<std::size_t>(i);
}

// Memory for ways to cut a network that may be needed again: no more than this share of what
// searches may hold, and than so much.
constexpr std::int64_t kVariantShare = 4;
constexpr std::int64_t kVariantBytes = std::int64_t{256} << 20;
std::size_t variant_bytes() {
  return static_cast<std::size_t>(std::min(kVariantBytes, memory_limit() / kVariantShare));
}

// Of the time that is left, what the mappings of nodes may take; the rest is for allocations.
constexpr double kNodeShare = 0.6;

struct ContentHash {
  std::size_t operator()(const LentVariant::Known* known) const { return known->hash; }
};
struct SameContent {
  bool operator()(const LentVariant::Known* a, const LentVariant::Known* b) const {
    return a == b || a->mapping == b->mapping || a->content == b->content;
  }
};

}  // namespace

const LayerAllocation* cores_of(const ScheduleRequest& request, int layer_id) {
  const auto place = std::find_if(request.allocation.begin(), request.allocation.end(),
                                  [&](const LayerAllocation& a) { return a.id == layer_id; });
  return place == request.allocation.end() ? nullptr : &*place;
}

ScheduleVariants::ScheduleVariants(const model::Network& network, const model::MultiCore& system,
                                   const model::CoreMapping& mapping,
                                   const ScheduleRequest& request, NodeCostCache& cache, Team& team)
    : network_(network),
      system_(system),
      mapping_(mapping),
      request_(request),
      cache_(cache),
      team_(team),
      tiling_(request.tiling),
      interconnect_(request.memory != nullptr
                        ? *request.memory->interconnect
                        : own_interconnect_.emplace(model::build_interconnect(system))),
      memories_(model::build_top_memories(system, interconnect_)) {
  if (tiling_.weight_capacity == 0) tiling_.weight_capacity = model::weight_capacity(system);
  choose_stacks();
}

void ScheduleVariants::choose_stacks() {
  if (!request_.granularity) return;
  if (tiling_.mode == model::ScheduleMode::layer_by_layer) return;
  for (const std::vector<int>& stack : model::choose_stacks(network_, tiling_)) {
    if (stack.size() > 1) cut_stacks_.push_back(stack);
  }
  const std::size_t chosen = request_.granularity->chosen.size();
  if (chosen != 0 && chosen != cut_stacks_.size()) {
    throw ForeignGranularity("a granularity for " + std::to_string(chosen) +
                             " stacks, and there are " + std::to_string(cut_stacks_.size()));
  }
}

std::shared_ptr<const ScheduleVariant> ScheduleVariants::find(const CutFactors& factors) {
  const auto place = std::find_if(variants_.begin(), variants_.end(),
                                  [&](const auto& known) { return known.first == factors; });
  if (place != variants_.end()) {
    std::rotate(place, place + 1, variants_.end());
    return variants_.back().second;
  }
  variants_.emplace_back(factors, build(factors));
  std::shared_ptr<const ScheduleVariant> fresh = variants_.back().second;
  std::uint64_t& mappings = evaluated_[factors];
  mappings = 0;
  for (const auto& m : fresh->mappings) mappings += static_cast<std::uint64_t>(m->evaluated);
  std::size_t bytes = 0;
  for (const auto& known : variants_) bytes += bytes_of(*known.second);
  while (variants_.size() > 1 && bytes > variant_bytes()) {
    bytes -= bytes_of(*variants_.front().second);
    variants_.erase(variants_.begin());
  }
  return fresh;
}

std::shared_ptr<const ScheduleVariant> ScheduleVariants::build(const CutFactors& factors) {
  const model::TilingOptions tiling = tiling_of(factors);
  std::shared_ptr<LentVariant> lent;
  std::string key;
  if (request_.memory != nullptr) {
    key = key_of(tiling);
    lent = request_.memory->pool->take(key);
  }
  const bool known = lent != nullptr;
  if (!known) {
    auto fresh = std::make_unique<LentVariant>();
    model::CnGraphResult built = model::build_cn_graph(network_, mapping_, tiling);
    fresh->variant.tiling_problem = built.problem;
    fresh->variant.graph = std::move(built.graph);
    for (const model::CnLayer& layer : fresh->variant.graph.layers)
      fresh->cores.push_back(layer.cores);
    if (request_.memory != nullptr && !built.problem) {
      lent = request_.memory->pool->adopt(key, std::move(fresh));
    } else {
      lent = std::move(fresh);
    }
  }
  ScheduleVariant& v = lent->variant;
  v.number = ++built_;
  if (v.tiling_problem) return {lent, &v};
  for (std::size_t l = 0; l < v.graph.layers.size(); ++l) {
    model::CnLayer& layer = v.graph.layers[l];
    const LayerAllocation* given = cores_of(request_, layer.id);
    layer.cores = given != nullptr ? given->cores : lent->cores[l];
  }
  if (request_.memory != nullptr) {
    recall_costs(*lent);
  } else {
    find_costs(v);
  }
  model::NodeCostTable costs = search::node_cost_table(v.plan, v.mappings);
  if (known) {
    v.problem.memories = memories_;
    v.problem.costs = std::move(costs);
  } else {
    v.problem = model::compile_schedule(v.graph, interconnect_, memories_, system_.offchip_core,
                                        std::move(costs), request_.schedule);
  }
  return {lent, &v};
}

model::TilingOptions ScheduleVariants::tiling_of(const CutFactors& factors) const {
  model::TilingOptions tiling = tiling_;
  for (std::size_t s = 0; s < factors.size(); ++s) {
    const GranularityRequest& cut = *request_.granularity;
    const std::string& wanted = cut.dims.empty() ? cut.dim : cut.dims[s];
    for (const int id : cut_stacks_[s]) {
      const model::NetworkNode& node = network_.nodes[at(network_.node_index(id))];
      const int dim = model::tiling_dim(*node.layer, wanted);
      if (dim < 0) continue;
      tiling.intra.push_back({id, {{node.layer->dims[at(dim)].name, factors[s]}}});
    }
  }
  return tiling;
}

// What a graph and the order of its nodes follow from, where a memory's key says the rest.
std::string ScheduleVariants::key_of(const model::TilingOptions& tiling) const {
  search::ContentKey key;
  key.text(request_.memory->key);
  key.number(static_cast<int>(tiling.mode));
  key.number(static_cast<int>(request_.schedule.semantics.priority));
  if (tiling.mode != model::ScheduleMode::layer_by_layer) {
    key.list(model::choose_stacks(network_, tiling), [&](const std::vector<int>& stack) {
      key.list(stack, [&](int id) { key.number(id); });
    });
  }
  key.list(tiling.intra, [&](const auto& cut) {
    key.number(cut.first);
    key.list(cut.second, [&](const model::TilingRequest& request) {
      key.text(request.dim);
      key.number(request.factor);
    });
  });
  return key.take();
}

void ScheduleVariants::find_costs(ScheduleVariant& v) {
  v.plan = search::plan_node_costs(v.graph, system_, request_.costs.rules_of_2023);
  v.mappings.resize(v.plan.tasks.size());
  const SearchTime time = request_.time.first(kNodeShare);
  std::atomic<std::size_t> begun{0};
  team_.run(v.plan.tasks.size(), [&](std::size_t t, int) {
    const std::size_t left = v.plan.tasks.size() - begun++;
    v.mappings[t] = mapping_of(v.plan.tasks[t], v.graph, time.share(left, team_.threads()));
  });
}

// `end`: when the search has to end.
std::shared_ptr<const search::NodeMapping> ScheduleVariants::mapping_of(
    const search::NodeTask& task, const model::CnGraph& graph, SearchTime::Point end) {
  if (auto known = cache_.find(task.content)) return known;
  const SearchUntil until(end);
  auto found = std::make_shared<const search::NodeMapping>(
      search::run_node_task(task, graph, system_, request_.costs));
  cache_.insert(task.content, found);
  return found;
}

// The same from columns of earlier runs, without a look at what is in them. Equal results are one
// task there as here.
void ScheduleVariants::recall_costs(LentVariant& lent) {
  ScheduleVariant& v = lent.variant;
  const std::vector<int>& contents = *request_.memory->contents;
  const auto offchip = static_cast<std::uint64_t>(contents[at(system_.offchip_core)]);
  std::vector<LentVariant::Column*> columns(system_.cores.size(), nullptr);
  std::unordered_map<const LentVariant::Known*, int, ContentHash, SameContent> tasks;
  v.plan = {};
  v.plan.cores = static_cast<int>(system_.cores.size());
  v.plan.task_of.assign(v.graph.unique_nodes.size() * system_.cores.size(), -1);
  v.mappings.clear();
  for (std::size_t u = 0; u < v.graph.unique_nodes.size(); ++u) {
    const std::int32_t node = v.graph.unique_nodes[u];
    for (const int core : v.graph.layer_of(node).cores) {
      if (core < 0 || core >= v.plan.cores || !system_.cores[at(core)].computes()) continue;
      LentVariant::Column*& column = columns[at(core)];
      if (column == nullptr) {
        const std::uint64_t content =
            static_cast<std::uint64_t>(contents[at(core)]) << 32 | offchip;
        column = &lent.columns[content];
        column->resize(v.graph.unique_nodes.size());
      }
      LentVariant::Known& known = (*column)[u];
      if (known.mapping == nullptr) {
        search::NodeTask task =
            search::node_task(v.graph, node, core, system_, request_.costs.rules_of_2023);
        known.mapping = mapping_of(task, v.graph);
        known.content = std::move(task.content);
        known.hash = std::hash<std::string>()(known.content);
      }
      const auto [task, fresh] = tasks.try_emplace(&known, static_cast<int>(v.mappings.size()));
      if (fresh) {
        v.mappings.push_back(known.mapping);
        v.plan.tasks.push_back({v.graph.nodes[at(node)].layer, core, {}, {}});
      }
      v.plan.task_of[u * system_.cores.size() + at(core)] = task->second;
    }
  }
}

}  // namespace ridgeline::engine
