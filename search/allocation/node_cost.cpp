#include "search/allocation/node_cost.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <utility>
#include <variant>
#include <vector>

#include "model/core/compute_array.hpp"
#include "model/core/evaluate.hpp"
#include "model/core/hierarchy.hpp"
#include "model/core/index.hpp"
#include "model/core/problem.hpp"
#include "model/system/streaming.hpp"
#include "search/allocation/link_sharing.hpp"
#include "search/allocation/offchip_bandwidth.hpp"
#include "search/allocation/vector_cost.hpp"
#include "search/mapping/content_key.hpp"
#include "search/mapping/loop_factors.hpp"
#include "search/mapping/ordering_batch.hpp"
#include "search/mapping/replay.hpp"
#include "search/mapping/spatial_candidates.hpp"

namespace ridgeline::search {
namespace {

// Everything about a tile that its cost can depend on.
ContentKey tile_key(const model::CnLayer& layer) {
  ContentKey key;
  key.real(layer.cycles_per_op);
  key.number(layer.inter_tiles);
  key.layer(layer.tile);
  key.list(layer.memory_operand,
           [&](model::MemoryOperand operand) { key.number(static_cast<int>(operand)); });
  return key;
}

ContentKey core_key(const model::Accelerator& core) {
  ContentKey key;
  key.array(core.array);
  key.list(core.memories, [&](const model::Memory& memory) { key.memory(memory); });
  key.unrolls(core.dataflows);
  if (core.vector_unit) {
    key.number(core.vector_unit->lanes);
    key.real(core.vector_unit->operations);
    key.real(core.vector_unit->energy);
    key.list(core.vector_unit->operators, [&](const std::string& type) { key.text(type); });
  }
  return key;
}

model::MappingEntry mapping_entry(const model::CnLayer& layer, const model::Accelerator& core) {
  model::MappingEntry entry;
  entry.name = layer.name;
  entry.spatial_mapping = core.dataflows.empty() ? layer.spatial_mapping : core.dataflows;
  entry.links.clear();
  for (std::size_t o = 0; o < layer.memory_operand.size(); ++o) {
    entry.links.push_back({layer.tile.operands[o].name, layer.memory_operand[o]});
  }
  return entry;
}

// Of the search among all cuts where the allocator's do not fit: it is to find something good soon.
constexpr std::int64_t kNodesWhereNone = 50'000;
constexpr double kGapWhereNone = 0.05;

// Whether anything fits: tiles are never smaller than with all temporal loops outermost.
bool may_fit(const model::Layer& layer, const model::Problem& problem) {
  const std::vector<std::int64_t> sizes(problem.temporal_size.begin(),
                                        problem.temporal_size.begin() + problem.dims);
  model::Ordering ordering;
  for (const model::TemporalLoop& loop : loop_factors(layer, sizes, 1, {}).loops) {
    ordering.push(loop.dim, loop.size);
  }
  GivenCuts given;
  for (auto& ends : given.end) ends.fill(0);
  bool any = false;
  visit_cuts(problem, ordering, given, 1, {}, [&](const model::Cuts&) { any = true; });
  return any;
}

struct Best {
  bool any = false;
  double value = std::numeric_limits<double>::infinity();
  model::Cost cost;  // where an objective decides
  model::Problem problem;
  model::SpatialMapping spatial;
  model::Ordering ordering;
  model::Cuts cuts;
};

// A core's dataflow, as far as the layer has its loops.
model::SpatialMapping unrolled_as_given(const model::Layer& layer, const model::Accelerator& core) {
  model::SpatialMapping mapping;
  for (const model::ArrayDimUnroll& given : core.dataflows) {
    model::SpatialDim dim{core.array.dim_index(given.array_dim), {}};
    if (dim.array_dim < 0) continue;
    for (const model::Unroll& unroll : given.unrolls) {
      const int d = layer.dim_index(unroll.dim);
      if (d < 0) continue;
      dim.loops.push_back({d, std::min({unroll.factor, layer.dims[z(d)].size,
                                        core.array.dims[z(dim.array_dim)].size})});
    }
    mapping.push_back(std::move(dim));
  }
  return mapping;
}

// The best mapping over all spatial candidates and orderings, by the criterion of 2025 (the first
// with the smallest latency, times the oversubscription where anything is streamed) or, under the
// rules of 2023, by an objective.
class CriterionSearch {
 public:
  CriterionSearch(const model::CnLayer& layer, const model::Accelerator& core,
                  const model::MappingEntry& mapping, bool streaming,
                  const NodeCostOptions& options, std::vector<SharedLink> links)
      : layer_(layer),
        core_(core),
        mapping_(mapping),
        streaming_(streaming),
        options_(options.mapper),
        rules_of_2023_(options.rules_of_2023),
        objective_(options.objective.value_or(Objective::latency)),
        links_(std::move(links)) {
    order_.fill(-1);
    constexpr std::array kOrder{model::MemoryOperand::O, model::MemoryOperand::I1,
                                model::MemoryOperand::I2};
    for (std::size_t k = 0; k < kOrder.size(); ++k) {
      for (int o = 0; o < static_cast<int>(layer.memory_operand.size()); ++o) {
        if (layer.memory_operand[z(o)] == kOrder[k]) order_[k] = o;
      }
    }
  }

  // `may_fit`: another way to cut some ordering may fit where the allocator's does not.
  void run(Best& best, std::int64_t& evaluated, std::string& infeasible, bool& may_fit) {
    const model::Hierarchy hierarchy = model::build_hierarchy(core_);
    SpatialCandidates candidates;
    if (rules_of_2023_ && !core_.dataflows.empty()) {
      candidates.mappings.push_back(unrolled_as_given(layer_.tile, core_));
    } else {
      SpatialOptions listing = spatial_options(options_);
      listing.budget = options_.budget;
      listing.strict = listing.strict && !rules_of_2023_;
      candidates = spatial_candidates(layer_.tile, core_, hierarchy, mapping_, listing);
    }
    infeasible = candidates.infeasible;
    for (const model::SpatialMapping& spatial : candidates.mappings) {
      auto compiled = model::compile(layer_.tile, core_, hierarchy, mapping_, spatial,
                                     rules_of_2023_ ? model::CostModel::reference_of_2023
                                                    : model::cost_model(options_.no_quirks));
      if (const auto* why = std::get_if<std::string>(&compiled)) {
        if (infeasible.empty()) infeasible = *why;
        continue;
      }
      const auto& problem = std::get<model::Problem>(compiled);
      try_orderings(problem, spatial, best, evaluated);
      may_fit = may_fit || (!best.any && search::may_fit(layer_.tile, problem));
    }
    if (best.any) {
      infeasible.clear();
    } else if (infeasible.empty()) {
      // The mapper says which operand fits which memory the least.
      MapperOptions loma = options_;
      loma.engine = Engine::loma;
      infeasible = map_layer(layer_.tile, core_, hierarchy, mapping_, loma).infeasible;
      if (infeasible.empty()) infeasible = "no loop ordering fits the core's memories";
    }
  }

 private:
  void try_orderings(const model::Problem& problem, const model::SpatialMapping& spatial,
                     Best& best, std::int64_t& evaluated) {
    const std::vector<std::int64_t> sizes(problem.temporal_size.begin(),
                                          problem.temporal_size.begin() + problem.dims);
    LoopFactors factors = loop_factors(layer_.tile, sizes, options_.lpf_limit, {});
    if (!factors.error.empty() || factors.loops.size() > model::kMaxLoops) return;
    LoopPermutations permutations(layer_.tile, std::move(factors.loops));
    OrderingBatch batch(problem, permutations.current(), options_.even);
    bool here = false;
    Watch watch(options_.budget, 1024);
    const auto cost_batch = [&] {
      batch.cost([&](const model::Cost& cost, int i) {
        ++evaluated;
        here = keep(problem, batch, cost, i, best) || here;
      });
    };
    do {
      // What is streamed takes far longer to judge than a look at the clock.
      if (watch.stopped(streaming_ ? 64 : 1)) break;
      if (batch.add(permutations.places()) && batch.full()) cost_batch();
    } while (permutations.next());
    cost_batch();
    if (here) {
      best.problem = problem;
      best.spatial = spatial;
    }
  }

  // Whether the i-th mapping of a batch is now the best.
  bool keep(const model::Problem& problem, const OrderingBatch& batch, const model::Cost& cost,
            int i, Best& best) const {
    if (!std::isfinite(cost.latency)) return false;
    double value = std::trunc(cost.latency);
    if (streaming_ && !rules_of_2023_) {
      model::Detail detail;
      const model::Evaluation e =
          model::explain(problem, batch.ordering(i), batch.cuts(i), &detail);
      const double compute = compute_cycles(problem, e);
      value *= links_.empty()
                   ? oversubscription(problem, detail, order_, slices(), compute)
                   : crowding(drawn(layer_, problem, detail,
                                    e.latency.ideal_temporal / e.latency.total2, compute),
                              links_);
    }
    const bool replaces = rules_of_2023_ ? better(objective_, cost, best.cost) : value < best.value;
    if (best.any && !replaces) return false;
    best.any = true;
    best.value = value;
    best.cost = cost;
    best.ordering = batch.ordering(i);
    best.cuts = batch.cuts(i);
    return true;
  }

  int slices() const { return static_cast<int>(std::max<std::int64_t>(layer_.inter_tiles, 1)); }

 public:
  static double compute_cycles(const model::Problem&, const model::Evaluation& e) {
    return std::ceil(e.latency.ideal_temporal) + e.latency.stall;
  }

 private:
  const model::CnLayer& layer_;
  const model::Accelerator& core_;
  const model::MappingEntry& mapping_;
  bool streaming_;
  const MapperOptions& options_;
  bool rules_of_2023_;
  Objective objective_;
  std::array<int, model::kMemoryOperands> order_{};
  std::vector<SharedLink> links_;  // empty: what the reference counts
};

// The mapping that map_layer() finds, as a compiled problem and an ordering.
void search_objective(const model::CnLayer& layer, const model::Accelerator& core,
                      const model::MappingEntry& mapping, const NodeCostOptions& options,
                      Best& best, std::int64_t& evaluated, std::string& infeasible) {
  MapperOptions mapper = options.mapper;
  mapper.objective = *options.objective;
  const model::Hierarchy hierarchy = model::build_hierarchy(core);
  const LayerResult result = map_layer(layer.tile, core, hierarchy, mapping, mapper);
  evaluated = result.evaluated;
  infeasible = result.infeasible;
  if (!infeasible.empty()) return;
  auto compiled = model::compile(layer.tile, core, hierarchy, mapping, result.spatial,
                                 model::cost_model(mapper.no_quirks));
  if (const auto* why = std::get_if<std::string>(&compiled)) {
    infeasible = *why;
    return;
  }
  best.problem = std::get<model::Problem>(compiled);
  best.spatial = result.spatial;
  for (const model::TemporalLoop& loop : result.temporal) best.ordering.push(loop.dim, loop.size);
  for (std::size_t o = 0; o < result.allocation.size(); ++o) {
    std::size_t loops = 0;
    for (std::size_t m = 0; m < result.allocation[o].size(); ++m) {
      loops += result.allocation[o][m].size();
      best.cuts.end[o][m] = static_cast<std::uint8_t>(loops);
    }
  }
  best.any = true;
}

// The mapping with the least latency of all that fit; where streams are held to their links'
// bandwidth, that or the one with the least energy, whichever then takes less time.
void search_all_cuts(const model::CnLayer& layer, const model::Accelerator& core,
                     const model::MappingEntry& mapping, const NodeCostOptions& options,
                     const std::vector<SharedLink>& links, Best& best, std::int64_t& evaluated) {
  NodeCostOptions exact = options;
  exact.mapper.engine = Engine::exact;
  exact.mapper.node_limit = kNodesWhereNone;
  exact.mapper.gap = std::max(exact.mapper.gap, kGapWhereNone);
  std::vector<Objective> objectives{Objective::latency};
  if (options.mapper.no_quirks) objectives.push_back(Objective::energy);
  for (const Objective objective : objectives) {
    exact.objective = objective;
    Best found;
    std::int64_t costed = 0;
    std::string why;
    search_objective(layer, core, mapping, exact, found, costed, why);
    evaluated += costed;
    if (!found.any) continue;
    model::Detail detail;
    const model::Evaluation e = model::explain(found.problem, found.ordering, found.cuts, &detail);
    found.value = e.latency.total2;
    if (objectives.size() > 1) {
      found.value *=
          stretch(drawn(layer, found.problem, detail, e.latency.ideal_temporal / e.latency.total2,
                        CriterionSearch::compute_cycles(found.problem, e)),
                  links);
    }
    if (!best.any || found.value < best.value) best = std::move(found);
  }
}

// Cost as the scheduler needs it, from the mapping found.
void read_cost(const model::CnLayer& layer, const model::Accelerator& core,
               const NodeCostOptions& options, Best& best, NodeMapping& result) {
  // Of the operator, and of an array that takes several passes for each operation.
  best.problem.cycles_per_operation = layer.cycles_per_op * model::cycles_per_operation(core.array);
  model::Detail detail;
  result.evaluation = model::explain(best.problem, best.ordering, best.cuts, &detail);
  const model::Evaluation& e = result.evaluation;
  model::NodeCost& cost = result.cost;
  cost.known = true;
  cost.runtime = options.onchip_latency ? e.latency.total1 : e.latency.total2;
  cost.mac_energy = e.mac_energy;
  cost.ideal_cycles = e.latency.ideal_temporal;
  cost.onchip_energy = e.cost.energy;
  const double scale = e.latency.ideal_temporal / e.latency.total2;
  const double compute = CriterionSearch::compute_cycles(best.problem, e);
  for (int o = 0; o < best.problem.operands; ++o) {
    const auto operand = layer.memory_operand[z(o)];
    int onchip_levels = 0;
    for (const model::Memory& m : core.memories) {
      onchip_levels += std::count(m.operands.begin(), m.operands.end(), operand) > 0;
    }
    if (best.problem.operand[z(o)].levels <= onchip_levels) continue;
    cost.streamed[z(cost.streamed_count++)] = {operand,
                                               drawn_by(best.problem, detail, o, scale, compute)};
    const double offchip = e.operands[z(o)].levels.back().energy_total;
    cost.offchip_energy += offchip;
    cost.onchip_energy -= offchip;
  }
  result.spatial = best.spatial;
  for (int i = 0; i < best.ordering.count; ++i) {
    result.temporal.push_back(
        {best.ordering.dim[z(i)], static_cast<std::int64_t>(best.ordering.size[z(i)])});
  }
}

}  // namespace

namespace {

// Bits that other nodes send for each operand of a node: whole outputs.
std::array<std::int64_t, model::kMaxOperands> arriving_bits(const model::CnGraph& graph, int node) {
  std::array<std::int64_t, model::kMaxOperands> bits{};
  for (const model::CnEdge& e : graph.predecessors_of(node)) {
    if (e.operand >= 0) bits[z(e.operand)] += e.bits;
  }
  return bits;
}

// A task with its content, from the keys of its parts.
template <class OffchipKey>
NodeTask task_of(const model::CnGraph& graph, int node, int core, const model::MultiCore& system,
                 bool rules_of_2023, const ContentKey& tile, const ContentKey& core_key,
                 OffchipKey offchip_key) {
  const model::CnLayer& layer = graph.layer_of(node);
  const model::Accelerator& accelerator = system.cores[z(core)].accelerator;
  NodeTask task{graph.nodes[z(node)].layer, core, {}, ""};
  task.streamed = rules_of_2023 ? model::streamed_operands_of_2023(layer, accelerator,
                                                                   arriving_bits(graph, node))
                                : model::streamed_operands(layer, accelerator);
  ContentKey key = tile;
  key.append(core_key);
  if (accelerator.dataflows.empty()) key.unrolls(layer.spatial_mapping);
  if (accelerator.vector_unit) key.text(layer.whole.operator_type);
  key.list(task.streamed,
           [&](model::MemoryOperand operand) { key.number(static_cast<int>(operand)); });
  if (!task.streamed.empty()) key.append(offchip_key());
  task.content = key.take();
  return task;
}

}  // namespace

std::string core_content(const model::Accelerator& core) {
  return core_key(core).take();
}

NodeTask node_task(const model::CnGraph& graph, int node, int core, const model::MultiCore& system,
                   bool rules_of_2023) {
  return task_of(graph, node, core, system, rules_of_2023, tile_key(graph.layer_of(node)),
                 core_key(system.cores[z(core)].accelerator),
                 [&] { return core_key(system.cores[z(system.offchip_core)].accelerator); });
}

NodeCostPlan plan_node_costs(const model::CnGraph& graph, const model::MultiCore& system,
                             bool rules_of_2023) {
  NodeCostPlan plan;
  plan.cores = static_cast<int>(system.cores.size());
  std::map<std::string, int> known;
  // Of each core that is met; empty: not yet.
  std::vector<ContentKey> core_keys(system.cores.size());
  const auto key_of_core = [&](int core) -> const ContentKey& {
    ContentKey& key = core_keys[z(core)];
    if (key.bytes().empty()) key = core_key(system.cores[z(core)].accelerator);
    return key;
  };
  for (const std::int32_t node : graph.unique_nodes) {
    const model::CnLayer& layer = graph.layer_of(node);
    const ContentKey tile = tile_key(layer);
    std::vector<int> row(system.cores.size(), -1);
    for (const int core : layer.cores) {
      if (core < 0 || core >= plan.cores || !system.cores[z(core)].computes()) continue;
      NodeTask task =
          task_of(graph, node, core, system, rules_of_2023, tile, key_of_core(core),
                  [&]() -> const ContentKey& { return key_of_core(system.offchip_core); });
      const auto [place, fresh] =
          known.try_emplace(task.content, static_cast<int>(plan.tasks.size()));
      if (fresh) plan.tasks.push_back(std::move(task));
      row[z(core)] = place->second;
    }
    plan.task_of.insert(plan.task_of.end(), row.begin(), row.end());
  }
  return plan;
}

NodeMapping run_node_task(const NodeTask& task, const model::CnGraph& graph,
                          const model::MultiCore& system, const NodeCostOptions& options) {
  const model::CnLayer& layer = graph.layers[z(task.layer)];
  const model::Accelerator& core = system.cores[z(task.core)].accelerator;
  const model::Accelerator extended =
      model::extend_core(core, system.cores[z(system.offchip_core)].accelerator, task.streamed);
  NodeMapping result;
  if (const auto cost = vector_cost(layer, core, extended, task.streamed)) {
    result.cost = *cost;
    return result;
  }
  const model::MappingEntry mapping = mapping_entry(layer, core);
  Best best;
  if (options.objective && !options.rules_of_2023) {
    search_objective(layer, extended, mapping, options, best, result.evaluated, result.infeasible);
  } else {
    bool may_fit = false;
    const bool streaming = !task.streamed.empty();
    std::vector<SharedLink> links;
    if (streaming && options.links_are_shared) links = shared_links(layer, task.core, system);
    CriterionSearch(layer, extended, mapping, streaming, options, std::move(links))
        .run(best, result.evaluated, result.infeasible, may_fit);
    if (!best.any && may_fit && options.all_cuts_where_none && !options.rules_of_2023) {
      search_all_cuts(layer, extended, mapping, options, shared_links(layer, task.core, system),
                      best, result.evaluated);
      if (best.any) result.infeasible.clear();
    }
  }
  if (best.any) read_cost(layer, core, options, best, result);
  return result;
}

model::NodeCostTable node_cost_table(
    const NodeCostPlan& plan, const std::vector<std::shared_ptr<const NodeMapping>>& results) {
  model::NodeCostTable table;
  table.cores = plan.cores;
  for (const int task : plan.task_of) {
    table.costs.push_back(task < 0 ? model::NodeCost{} : results[z(task)]->cost);
  }
  return table;
}

}  // namespace ridgeline::search
