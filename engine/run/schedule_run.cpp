#include "engine/run/schedule_run.hpp"

#include <algorithm>
#include <set>
#include <stdexcept>

#include "engine/commands/mapping_options.hpp"
#include "engine/run/team.hpp"

namespace ridgeline::engine {
namespace {

std::size_t at(std::int64_t i) {
  return static_cast<std::size_t>(i);
}

using Factors = std::vector<std::int64_t>;

class Run {
 public:
  Run(const model::Network& network, const model::MultiCore& system,
      const model::CoreMapping& mapping, const ScheduleRequest& request, NodeCostCache& cache)
      : network_(network),
        system_(system),
        mapping_(mapping),
        request_(request),
        cache_(cache),
        tiling_(request.tiling),
        interconnect_(model::build_interconnect(system)),
        memories_(model::build_top_memories(system, interconnect_)),
        team_(request.threads),
        schedulers_(at(team_.threads())) {
    if (tiling_.weight_capacity == 0) tiling_.weight_capacity = model::weight_capacity(system);
  }

  ScheduleResult run() {
    ScheduleResult result;
    if (std::none_of(network_.nodes.begin(), network_.nodes.end(),
                     [](const model::NetworkNode& node) { return node.layer.has_value(); })) {
      result.infeasible = "the network has no layer with costs";
      return result;
    }
    choose_cuts();
    const ScheduleVariant* first = nullptr;
    for (const Factors& factors : first_cuts()) {
      const ScheduleVariant& v = *variant(factors);
      if (v.tiling_problem) {
        if (!result.tiling_problem) result.tiling_problem = v.tiling_problem;
        continue;
      }
      first = &v;
      break;
    }
    if (first == nullptr) return result;
    result.tiling_problem = {};
    if (first->graph.layers.empty()) {
      result.infeasible = network_.name + " has no layer with costs";
      return result;
    }
    if (!make_space(*first, result)) return result;
    search(*first, result);
    return result;
  }

 private:
  // The stacks that have something to choose: fused ones, where several factors are given.
  void choose_cuts() {
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
    if (chosen == 0) cut_genes_ = cut_stacks_.size();
  }

  // Cuts to try until one is possible: all stacks by the same factor.
  std::vector<Factors> first_cuts() const {
    if (cut_stacks_.empty()) return {Factors{}};
    if (!request_.granularity->chosen.empty()) return {request_.granularity->chosen};
    std::vector<Factors> cuts;
    for (const std::int64_t f : request_.granularity->factors) {
      cuts.push_back(Factors(cut_stacks_.size(), f));
    }
    return cuts;
  }

  std::shared_ptr<const ScheduleVariant> variant(const Factors& factors) {
    auto& place = variants_[factors];
    if (!place) place = build(factors);
    return place;
  }

  std::shared_ptr<const ScheduleVariant> build(const Factors& factors) {
    auto v = std::make_shared<ScheduleVariant>();
    model::TilingOptions tiling = tiling_;
    for (std::size_t s = 0; s < factors.size(); ++s) {
      for (const int id : cut_stacks_[s]) {
        const model::NetworkNode& node = network_.nodes[at(network_.node_index(id))];
        const int dim = model::tiling_dim(*node.layer, request_.granularity->dim);
        if (dim < 0) continue;
        tiling.intra.push_back({id, {{node.layer->dims[at(dim)].name, factors[s]}}});
      }
    }
    model::CnGraphResult built = model::build_cn_graph(network_, mapping_, tiling);
    if (built.problem) {
      v->tiling_problem = built.problem;
      return v;
    }
    v->graph = std::move(built.graph);
    for (model::CnLayer& layer : v->graph.layers) {
      if (const LayerAllocation* given = given_cores(layer.id)) layer.cores = given->cores;
    }
    v->plan = search::plan_node_costs(v->graph, system_, request_.costs.rules_of_2023);
    v->mappings.resize(v->plan.tasks.size());
    team_.run(v->plan.tasks.size(), [&](std::size_t t, int) {
      const search::NodeTask& task = v->plan.tasks[t];
      if (auto known = cache_.find(task.content)) {
        v->mappings[t] = std::move(*known);
        return;
      }
      start_layer_search();
      v->mappings[t] = search::run_node_task(task, v->graph, system_, request_.costs);
      cache_.insert(task.content, v->mappings[t]);
    });
    v->problem =
        model::compile_schedule(v->graph, interconnect_, memories_, system_.offchip_core,
                                search::node_cost_table(v->plan, v->mappings), request_.schedule);
    return v;
  }

  const LayerAllocation* given_cores(int id) const {
    const auto place = std::find_if(request_.allocation.begin(), request_.allocation.end(),
                                    [&](const LayerAllocation& a) { return a.id == id; });
    return place == request_.allocation.end() ? nullptr : &*place;
  }

  // Cores on which all nodes of a layer can run.
  std::vector<int> able_cores(const ScheduleVariant& v, int layer) const {
    std::vector<int> able;
    const model::CnLayer& l = v.graph.layers[at(layer)];
    for (const int core : l.cores) {
      bool all = core >= 0 && core < v.plan.cores;
      for (std::size_t u = 0; all && u < v.graph.unique_nodes.size(); ++u) {
        if (v.graph.nodes[at(v.graph.unique_nodes[u])].layer != layer) continue;
        all = v.problem.costs.at(static_cast<int>(u), core).known;
      }
      if (all) able.push_back(core);
    }
    std::sort(able.begin(), able.end());
    able.erase(std::unique(able.begin(), able.end()), able.end());
    return able;
  }

  std::string why_unable(const ScheduleVariant& v, int layer) const {
    const model::CnLayer& l = v.graph.layers[at(layer)];
    std::string reasons;
    for (const int core : l.cores) {
      reasons += reasons.empty() ? "" : "; ";
      reasons += "core " + std::to_string(core) + ": ";
      if (core < 0 || core >= v.plan.cores) {
        reasons += "there is no such core";
        continue;
      }
      if (!system_.cores[at(core)].computes()) {
        reasons += "it has no units that compute";
        continue;
      }
      for (std::size_t u = 0; u < v.graph.unique_nodes.size(); ++u) {
        if (v.graph.nodes[at(v.graph.unique_nodes[u])].layer != layer) continue;
        const int task = v.plan.task(static_cast<int>(u), core);
        if (task < 0) continue;
        if (v.mappings[at(task)].infeasible.empty()) {
          reasons += "it can run there";
          break;
        }
        reasons += v.mappings[at(task)].infeasible;
        break;
      }
    }
    return "layer " + l.name + " cannot run where it is to run (" + reasons + ")";
  }

  // Genes: the factor of each stack, then the core of each slot that has a choice.
  bool make_space(const ScheduleVariant& v, ScheduleResult& result) {
    if (cut_genes_ != 0) {
      std::vector<int> values(request_.granularity->factors.size());
      for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<int>(i);
      space_.values.assign(cut_genes_, values);
    }
    base_.core.assign(at(v.problem.slots), -1);
    base_.whole_cycles.assign(at(v.problem.slots), false);
    for (int l = 0; l < static_cast<int>(v.graph.layers.size()); ++l) {
      const model::CnLayer& layer = v.graph.layers[at(l)];
      const int slot = v.problem.layers[at(l)].first_slot;
      const std::vector<int> able = able_cores(v, l);
      const bool given = given_cores(layer.id) != nullptr;
      if (given || static_cast<std::int64_t>(layer.cores.size()) == layer.inter_tiles) {
        for (int g = 0; g < layer.groups; ++g) {
          const int core = layer.cores[std::min(at(g), layer.cores.size() - 1)];
          if (!std::binary_search(able.begin(), able.end(), core)) {
            result.infeasible = why_unable(v, l);
            result.failed_layer = layer.id;
            return false;
          }
          base_.core[at(slot + g)] = core;
          base_.whole_cycles[at(slot + g)] = given;
        }
        continue;
      }
      if (able.empty()) {
        result.infeasible = why_unable(v, l);
        result.failed_layer = layer.id;
        return false;
      }
      for (int g = 0; g < layer.groups; ++g) {
        base_.whole_cycles[at(slot + g)] = true;
        genes_.push_back(slot + g);
        space_.values.push_back(able);
      }
    }
    return true;
  }

  Factors factors_of(const search::Genome& genome) const {
    if (cut_genes_ == 0) return first_cuts().front();
    Factors factors;
    for (std::size_t s = 0; s < cut_genes_; ++s) {
      factors.push_back(request_.granularity->factors[at(genome[s])]);
    }
    return factors;
  }

  model::Allocation allocation_of(const search::Genome& genome) const {
    model::Allocation allocation = base_;
    for (std::size_t i = 0; i < genes_.size(); ++i) {
      allocation.core[at(genes_[i])] = genome[cut_genes_ + i];
    }
    return allocation;
  }

  std::vector<model::ScheduleFigures> evaluate(std::span<const search::Genome> genomes) {
    std::vector<std::shared_ptr<const ScheduleVariant>> variants;
    for (const search::Genome& g : genomes) variants.push_back(variant(factors_of(g)));
    std::vector<model::ScheduleFigures> figures(genomes.size());
    team_.run(genomes.size(), [&](std::size_t i, int member) {
      const ScheduleVariant* v = variants[i].get();
      // What is left of a search that ends here is its caller's affair.
      const bool stopped = request_.search.budget.stopped();
      if (stopped || v->tiling_problem) {
        figures[i].failure = model::ScheduleFailure::core_cannot_run;
        return;
      }
      // Members keep their schedulers, and with them their storage.
      Schedulers& schedulers = schedulers_[at(member)];
      if (schedulers.size() > 64) schedulers.clear();
      auto& scheduler = schedulers[v];
      if (!scheduler) scheduler = std::make_unique<model::Scheduler>(v->problem);
      figures[i] = scheduler->evaluate(allocation_of(genomes[i]));
    });
    return figures;
  }

  // Cores that may be exchanged, whatever the way to cut: they are of equal content.
  std::vector<std::vector<int>> core_classes(const ScheduleVariant& v) const {
    std::vector<int> fixed;
    for (const int core : base_.core)
      if (core >= 0) fixed.push_back(core);
    std::vector<std::vector<int>> classes =
        search::interchangeable_cores(v.problem, space_, cut_genes_, fixed);
    const auto equal = [&](int a, int b) {
      for (int u = 0; u < static_cast<int>(v.graph.unique_nodes.size()); ++u)
        if (v.plan.task(u, a) != v.plan.task(u, b)) return false;
      return true;
    };
    std::erase_if(classes, [&](const std::vector<int>& members) {
      return !std::all_of(members.begin(), members.end(),
                          [&](int core) { return equal(members.front(), core); });
    });
    return classes;
  }

  void search(const ScheduleVariant& first, ScheduleResult& result) {
    result.searched = !space_.values.empty();
    const search::GenomeSymmetry symmetry(space_, cut_genes_, core_classes(first));
    const search::AllocationSearchResult found = search::search_allocations(
        space_, symmetry, request_.search,
        [&](std::span<const search::Genome> genomes) { return evaluate(genomes); });
    if (found.too_large) {
      throw TooManyAllocations("too many allocations to try all of them");
    }
    result.engine = found.engine;
    result.space = found.space;
    result.distinct = found.distinct;
    result.evaluated = found.evaluated;
    result.stopped = found.stopped;
    for (const auto& [factors, v] : variants_) {
      for (const search::NodeMapping& m : v->mappings) {
        result.mappings_evaluated += static_cast<std::uint64_t>(m.evaluated);
      }
    }
    if (found.best < 0) {
      const ScheduleVariant* v = &first;
      if (found.infeasible.genome.size() == space_.values.size() && !space_.values.empty()) {
        v = variant(factors_of(found.infeasible.genome)).get();
      }
      result.figures = found.infeasible.figures;
      if (!v->tiling_problem && result.figures.node >= 0) {
        result.failed_layer = v->graph.layer_of(result.figures.node).id;
      }
      result.infeasible =
          v->tiling_problem ? v->tiling_problem.problem : describe(result.figures, *v, system_);
      return;
    }
    for (const search::EvaluatedGenome& g : found.front) {
      result.front.push_back({factors_of(g.genome), allocation_of(g.genome), g.figures, g.equals});
    }
    result.best = found.best;
    const search::Genome& best = found.front[at(found.best)].genome;
    result.variant = variant(factors_of(best));
    model::Scheduler scheduler(result.variant->problem);
    result.figures = scheduler.evaluate(allocation_of(best), result.record);
  }

  const model::Network& network_;
  const model::MultiCore& system_;
  const model::CoreMapping& mapping_;
  const ScheduleRequest& request_;
  NodeCostCache& cache_;
  model::TilingOptions tiling_;
  model::Interconnect interconnect_;
  model::TopMemories memories_;
  Team team_;
  using Schedulers = std::map<const ScheduleVariant*, std::unique_ptr<model::Scheduler>>;
  std::vector<Schedulers> schedulers_;  // of each member of the team
  std::vector<std::vector<int>> cut_stacks_;
  std::size_t cut_genes_ = 0;  // of these, as many as are searched: all or none
  std::map<Factors, std::shared_ptr<const ScheduleVariant>> variants_;
  search::GenomeSpace space_;
  std::vector<int> genes_;  // slot of each core gene
  model::Allocation base_;
};

std::string tensor_name(const model::CnGraph& graph, int tensor) {
  const model::CnTensor& t = graph.tensors[at(tensor)];
  const model::CnLayer& layer = graph.layer_of(t.origin);
  return layer.whole.operands[at(t.operand)].name + " of layer " + layer.name + " (node " +
         std::to_string(graph.nodes[at(t.origin)].sub_id) + ", " + std::to_string(t.bits) +
         " bits)";
}

}  // namespace

std::optional<search::NodeMapping> NodeCostCache::find(const std::string& content) const {
  const std::lock_guard lock(mutex_);
  const auto place = known_.find(content);
  if (place == known_.end()) return std::nullopt;
  return place->second;
}

void NodeCostCache::insert(const std::string& content, const search::NodeMapping& mapping) {
  const std::lock_guard lock(mutex_);
  known_.try_emplace(content, mapping);
}

std::size_t NodeCostCache::size() const {
  const std::lock_guard lock(mutex_);
  return known_.size();
}

ScheduleResult run_schedule(const model::Network& network, const model::MultiCore& system,
                            const model::CoreMapping& mapping, const ScheduleRequest& request,
                            NodeCostCache* cache) {
  NodeCostCache own;
  return Run(network, system, mapping, request, cache == nullptr ? own : *cache).run();
}

std::string describe(const model::ScheduleFigures& figures, const ScheduleVariant& variant,
                     const model::MultiCore& system) {
  using model::ScheduleFailure;
  const model::CnGraph& graph = variant.graph;
  std::string where;
  if (figures.node >= 0) {
    where = "node " + std::to_string(graph.nodes[at(figures.node)].sub_id) + " of layer " +
            graph.layer_of(figures.node).name + ": ";
  }
  std::string memory = "a memory";
  if (figures.memory >= 0) {
    const model::TopMemory& m = variant.problem.memories.instances[at(figures.memory)];
    memory = "memory " + m.name + " of core " + std::to_string(m.cores.front()) + " (" +
             std::to_string(m.size) + " bits)";
  }
  const std::string tensor =
      figures.tensor >= 0 ? "tensor " + tensor_name(graph, figures.tensor) : "a tensor";
  switch (figures.failure) {
    case ScheduleFailure::none:
      return "";
    case ScheduleFailure::core_cannot_run: {
      std::string reason = where + "its core cannot run it";
      for (const search::NodeMapping& m : variant.mappings) {
        if (!m.infeasible.empty()) return reason + " (" + m.infeasible + ")";
      }
      return reason;
    }
    case ScheduleFailure::tensor_too_large:
      return where + tensor + " is larger than " + memory;
    case ScheduleFailure::no_room:
      return where + tensor + " finds no room in " + memory +
             ": what the node needs may not be evicted";
    case ScheduleFailure::offchip_full:
      return where + tensor + " finds no room in the off-chip " + memory;
    case ScheduleFailure::memory_overflow:
      return where + tensor + " exceeds " + memory + " later on, where space is already promised";
    case ScheduleFailure::part_not_offchip:
      return where + "only a part of " + tensor +
             " is needed, and parts are fetched from off-chip memory, where it is not; cut the "
             "layers of a stack along the same axis, or let them share a core";
    case ScheduleFailure::no_memory:
      return where + "core " + std::to_string(system.offchip_core) +
             " or the node's own core has no memory for " + tensor;
    case ScheduleFailure::no_use_left:
      return where + tensor + " has no use left on this core";
    case ScheduleFailure::never_stored:
      if (figures.memory < 0) return where + tensor + " is in no memory";
      return where + tensor + " is to be written back from " + memory +
             ", but lies in another memory of the core";
    case ScheduleFailure::no_window:
      return where + "no link ever has the bandwidth for " + tensor;
  }
  return where;
}

}  // namespace ridgeline::engine
