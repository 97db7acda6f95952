#include "engine/run/schedule_run.hpp"

#include <algorithm>
#include <atomic>
#include <limits>
#include <set>
#include <stdexcept>
#include <unordered_map>

#include "engine/run/memory_limit.hpp"
#include "engine/run/team.hpp"
#include "search/designs/design_bound.hpp"
#include "search/mapping/content_key.hpp"

namespace ridgeline::engine {
namespace {

std::size_t at(std::int64_t i) {
  return static_cast<std::size_t>(i);
}

using Factors = std::vector<std::int64_t>;

// Memory for ways to cut a network that may be needed again: no more than this share of what
// searches may hold, and than so much.
constexpr std::int64_t kVariantShare = 4;
constexpr std::int64_t kVariantBytes = std::int64_t{256} << 20;
std::size_t variant_bytes() {
  return static_cast<std::size_t>(std::min(kVariantBytes, memory_limit() / kVariantShare));
}

// Of the time that is left, what the mappings of nodes may take; the rest is for allocations.
constexpr double kNodeShare = 0.6;
// Ways to cut that are all bounded; of more, none.
constexpr std::uint64_t kBoundedCuts = 16;

struct ContentHash {
  std::size_t operator()(const LentVariant::Known* known) const { return known->hash; }
};
struct SameContent {
  bool operator()(const LentVariant::Known* a, const LentVariant::Known* b) const {
    return a == b || a->mapping == b->mapping || a->content == b->content;
  }
};

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
        interconnect_(request.memory != nullptr
                          ? *request.memory->interconnect
                          : own_interconnect_.emplace(model::build_interconnect(system))),
        memories_(model::build_top_memories(system, interconnect_)),
        team_(request.threads),
        schedulers_(at(team_.threads())) {
    if (tiling_.weight_capacity == 0) tiling_.weight_capacity = model::weight_capacity(system);
  }

  PreparedSchedule prepare() {
    PreparedSchedule prepared;
    choose_cuts();
    const Factors factors = first_cuts().front();
    prepared.variant = variant(factors);
    const ScheduleVariant& v = *prepared.variant;
    prepared.tiling_problem = v.tiling_problem;
    if (v.tiling_problem) return prepared;
    ScheduleResult result;
    if (!make_space(v, result)) {
      prepared.infeasible = result.infeasible;
      return prepared;
    }
    prepared.base = base_;
    prepared.slots.resize(base_.core.size());
    for (int l = 0; l < static_cast<int>(v.graph.layers.size()); ++l) {
      const int first = v.problem.layers[at(l)].first_slot;
      for (int g = 0; g < v.graph.layers[at(l)].groups; ++g) {
        prepared.slots[at(first + g)] = {l, g, {base_.core[at(first + g)]}};
      }
    }
    for (std::size_t i = 0; i < genes_.size(); ++i) {
      prepared.slots[at(genes_[i])].cores = space_.values[cut_genes_ + i];
    }
    return prepared;
  }

  ScheduleResult run() {
    ScheduleResult result;
    if (std::none_of(network_.nodes.begin(), network_.nodes.end(),
                     [](const model::NetworkNode& node) { return node.layer.has_value(); })) {
      result.infeasible = "the network has no layer with costs";
      return result;
    }
    choose_cuts();
    std::shared_ptr<const ScheduleVariant> first;
    for (const Factors& factors : first_cuts()) {
      std::shared_ptr<const ScheduleVariant> v = variant(factors);
      if (v->tiling_problem) {
        if (!result.tiling_problem) result.tiling_problem = v->tiling_problem;
        continue;
      }
      first = std::move(v);
      break;
    }
    if (first == nullptr) return result;
    result.tiling_problem = {};
    if (first->graph.layers.empty()) {
      result.infeasible = network_.name + " has no layer with costs";
      return result;
    }
    if (!make_space(*first, result)) return result;
    if (request_.only_figures && space_.values.empty()) {
      schedule_once(std::move(first), result);
    } else {
      search(*first, result);
    }
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

  std::shared_ptr<const ScheduleVariant> build(const Factors& factors) {
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
      const LayerAllocation* given = given_cores(layer.id);
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

  model::TilingOptions tiling_of(const Factors& factors) const {
    model::TilingOptions tiling = tiling_;
    for (std::size_t s = 0; s < factors.size(); ++s) {
      for (const int id : cut_stacks_[s]) {
        const model::NetworkNode& node = network_.nodes[at(network_.node_index(id))];
        const int dim = model::tiling_dim(*node.layer, request_.granularity->dim);
        if (dim < 0) continue;
        tiling.intra.push_back({id, {{node.layer->dims[at(dim)].name, factors[s]}}});
      }
    }
    return tiling;
  }

  // What a graph and the order of its nodes follow from, where a memory's key says the rest.
  std::string key_of(const model::TilingOptions& tiling) const {
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

  void find_costs(ScheduleVariant& v) {
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
  std::shared_ptr<const search::NodeMapping> mapping_of(
      const search::NodeTask& task, const model::CnGraph& graph,
      SearchTime::Point end = SearchTime::Point::max()) {
    if (auto known = cache_.find(task.content)) return known;
    const SearchUntil until(end);
    auto found = std::make_shared<const search::NodeMapping>(
        search::run_node_task(task, graph, system_, request_.costs));
    cache_.insert(task.content, found);
    return found;
  }

  // The same from columns of earlier runs, without a look at what is in them. Equal results are one
  // task there as here.
  void recall_costs(LentVariant& lent) {
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
        if (v.mappings[at(task)]->infeasible.empty()) {
          reasons += "it can run there";
          break;
        }
        reasons += v.mappings[at(task)]->infeasible;
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

  // Genomes of one way to cut together, so that few ways are in memory at a time.
  std::vector<model::ScheduleFigures> evaluate(std::span<const search::Genome> genomes) {
    std::map<Factors, std::vector<std::size_t>> of_variant;
    for (std::size_t i = 0; i < genomes.size(); ++i)
      if (request_.spread == nullptr || request_.spread->mine(i))
        of_variant[factors_of(genomes[i])].push_back(i);
    std::vector<model::ScheduleFigures> figures(genomes.size());
    for (const auto& [factors, places] : of_variant) {
      const std::shared_ptr<const ScheduleVariant> v = variant(factors);
      if (v->tiling_problem) {
        for (const std::size_t i : places)
          figures[i].failure = model::ScheduleFailure::core_cannot_run;
        continue;
      }
      evaluate_variant(*v, genomes, places, figures);
    }
    if (request_.spread != nullptr) exchange(genomes, figures);
    return figures;
  }

  // Own figures for those of the other processes, with what they know of the ways to cut.
  void exchange(std::span<const search::Genome> genomes,
                std::vector<model::ScheduleFigures>& figures) {
    std::vector<SpreadFigures> batch(genomes.size());
    for (std::size_t i = 0; i < genomes.size(); ++i) {
      if (!request_.spread->mine(i)) continue;
      batch[i].figures = figures[i];
      batch[i].mappings = evaluated_.at(factors_of(genomes[i]));
    }
    stopped_anywhere_ = request_.spread->exchange(batch, request_.search.budget.stopped());
    for (std::size_t i = 0; i < genomes.size(); ++i) {
      figures[i] = batch[i].figures;
      evaluated_[factors_of(genomes[i])] = batch[i].mappings;
    }
  }

  void evaluate_variant(const ScheduleVariant& v, std::span<const search::Genome> genomes,
                        const std::vector<std::size_t>& places,
                        std::vector<model::ScheduleFigures>& figures) {
    team_.run(places.size(), [&](std::size_t k, int member) {
      // Members keep their schedulers, and with them their storage.
      auto& [number, scheduler] = schedulers_[at(member)];
      if (number != v.number) {
        scheduler = std::make_unique<model::Scheduler>(v.problem);
        number = v.number;
      }
      model::ScheduleFigures& result = figures[places[k]];
      // What is left of a search that ends here is its caller's affair, but one has to be known.
      if (any_evaluated_.exchange(true) && request_.search.budget.stopped()) {
        result.failure = model::ScheduleFailure::core_cannot_run;
      } else {
        result = scheduler->evaluate(allocation_of(genomes[places[k]]));
      }
    });
  }

  // Cores of each slot: those of its gene, else the one that is given.
  std::vector<std::vector<int>> slot_choices() const {
    std::vector<std::vector<int>> choices;
    for (const int core : base_.core) choices.push_back({core});
    for (std::size_t i = 0; i < genes_.size(); ++i)
      choices[at(genes_[i])] = space_.values[cut_genes_ + i];
    return choices;
  }

  search::ScheduleBound system_bound() const {
    const auto least = search::system_bound(network_, system_);
    return {least.latency, least.energy};
  }

  // What no schedule can beat. Where there are more ways to cut than a few, they are not built for
  // this: then what all units of all cores could do at best.
  search::ScheduleBound bound(const search::ScheduleBounds& first) {
    const auto bound_of = [&](const ScheduleVariant& v) {
      return search::ScheduleBounds(v.problem, slot_choices(), base_.whole_cycles).bound();
    };
    if (cut_genes_ == 0) return first.bound();
    std::uint64_t ways = 1;
    for (std::size_t s = 0; s < cut_genes_ && ways <= kBoundedCuts; ++s)
      ways *= request_.granularity->factors.size();
    if (ways > kBoundedCuts) return system_bound();
    constexpr double kInfinity = std::numeric_limits<double>::infinity();
    search::ScheduleBound least{kInfinity, kInfinity, kInfinity};
    for (std::uint64_t way = 0; way < ways; ++way) {
      // Where others share the search, all must come to the same bound.
      if (request_.spread == nullptr && request_.search.budget.stopped()) return system_bound();
      Factors factors;
      std::uint64_t rest = way;
      for (std::size_t s = 0; s < cut_genes_; ++s) {
        factors.push_back(
            request_.granularity->factors[rest % request_.granularity->factors.size()]);
        rest /= request_.granularity->factors.size();
      }
      const std::shared_ptr<const ScheduleVariant> v = variant(factors);
      if (v->tiling_problem) continue;
      least = search::least_of(least, bound_of(*v));
    }
    return least;
  }

  // Genomes of the requested starts; cores that a slot may not have are left as they are in the
  // space's first genome.
  std::vector<search::Genome> warm_starts(const ScheduleVariant& v) const {
    std::vector<search::Genome> genomes;
    for (const std::vector<LayerAllocation>& start : request_.warm_starts) {
      search::Genome genome;
      for (const std::vector<int>& values : space_.values) genome.push_back(values.front());
      for (std::size_t i = 0; i < genes_.size(); ++i) {
        const int l = v.problem.slot_layer[at(genes_[i])];
        const auto given = std::find_if(start.begin(), start.end(), [&](const LayerAllocation& a) {
          return a.id == v.graph.layers[at(l)].id;
        });
        if (given == start.end() || given->cores.empty()) continue;
        const std::size_t group = at(genes_[i] - v.problem.layers[at(l)].first_slot);
        const int core = given->cores[std::min(group, given->cores.size() - 1)];
        const std::vector<int>& values = space_.values[cut_genes_ + i];
        if (std::binary_search(values.begin(), values.end(), core)) genome[cut_genes_ + i] = core;
      }
      genomes.push_back(std::move(genome));
    }
    return genomes;
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

  // The one schedule that there is.
  void schedule_once(std::shared_ptr<const ScheduleVariant> v, ScheduleResult& result) {
    result.searched = false;
    result.evaluated = 1;
    result.figures = model::Scheduler(v->problem).evaluate(base_);
    if (!result.figures.feasible()) {
      if (result.figures.node >= 0) result.failed_layer = v->graph.layer_of(result.figures.node).id;
      result.infeasible = describe(result.figures, *v, system_);
      return;
    }
    result.front.push_back({first_cuts().front(), base_, result.figures});
    result.best = 0;
    result.variant = std::move(v);
  }

  void search(const ScheduleVariant& first, ScheduleResult& result) {
    result.searched = !space_.values.empty();
    search::ScheduleBounds bounds(first.problem, slot_choices(), base_.whole_cycles);
    result.bound = bound(bounds);
    if (request_.give_up && request_.give_up(result.bound)) {
      result.given_up = true;
      return;
    }
    const search::GenomeSymmetry symmetry(space_, cut_genes_, core_classes(first));
    const search::AllocationHints hints =
        search::allocation_hints(first.problem, bounds, space_, cut_genes_, genes_);
    search::AllocationSearchOptions options = request_.search;
    for (search::Genome& genome : warm_starts(first))
      options.warm_starts.push_back(std::move(genome));
    // All processes end together.
    if (request_.spread != nullptr) options.budget.stop = [this] { return stopped_anywhere_; };
    options.bounds = &bounds;
    options.least = search::least_value(options.report, result.bound);
    result.lower_bound = options.least;
    const search::AllocationSearchResult found = search::search_allocations(
        space_, symmetry, hints, options,
        [&](std::span<const search::Genome> genomes) { return evaluate(genomes); });
    if (found.too_large) {
      throw TooManyAllocations("too many allocations to try all of them");
    }
    result.engine = found.engine;
    result.space = found.space;
    result.distinct = found.distinct;
    result.evaluated = found.evaluated;
    result.stopped = found.stopped;
    result.converged = found.converged;
    result.restarts = found.restarts;
    result.proof = found.proof;
    if (found.engine == search::AllocationEngine::exact)
      result.lower_bound = std::max(result.lower_bound, found.proof.lower_bound);
    for (const auto& [factors, mappings] : evaluated_) result.mappings_evaluated += mappings;
    if (found.best < 0) {
      std::shared_ptr<const ScheduleVariant> other;
      const ScheduleVariant* v = &first;
      if (found.infeasible.genome.size() == space_.values.size() && !space_.values.empty()) {
        other = variant(factors_of(found.infeasible.genome));
        v = other.get();
      }
      result.figures = found.infeasible.figures;
      if (!v->tiling_problem && result.figures.node >= 0) {
        result.failed_layer = v->graph.layer_of(result.figures.node).id;
      }
      result.infeasible =
          v->tiling_problem ? v->tiling_problem.problem : describe(result.figures, *v, system_);
      if (found.stopped) result.infeasible += "; the search was stopped before it tried all";
      return;
    }
    for (const search::EvaluatedGenome& g : found.front) {
      result.front.push_back({factors_of(g.genome), allocation_of(g.genome), g.figures, g.equals});
    }
    result.best = found.best;
    const search::Genome& best = found.front[at(found.best)].genome;
    result.variant = variant(factors_of(best));
    if (request_.only_figures) {
      result.figures = found.front[at(found.best)].figures;
    } else {
      model::Scheduler scheduler(result.variant->problem);
      result.figures = scheduler.evaluate(allocation_of(best), result.record);
    }
    const double value = search::objective_value(options.report, result.figures);
    // Where all was tried, nothing is better than the best.
    if (found.engine == search::AllocationEngine::exhaustive && found.converged)
      result.lower_bound = value;
    result.gap = search::gap_of(value, result.lower_bound);
  }

  const model::Network& network_;
  const model::MultiCore& system_;
  const model::CoreMapping& mapping_;
  const ScheduleRequest& request_;
  NodeCostCache& cache_;
  model::TilingOptions tiling_;
  std::optional<model::Interconnect> own_interconnect_;
  const model::Interconnect& interconnect_;
  model::TopMemories memories_;
  Team team_;
  using OwnScheduler = std::pair<std::uint64_t, std::unique_ptr<model::Scheduler>>;
  std::vector<OwnScheduler> schedulers_;  // of each member of the team
  std::vector<std::vector<int>> cut_stacks_;
  std::size_t cut_genes_ = 0;  // of these, as many as are searched: all or none
  // Ways to cut, the one used last at the end; those used longest ago are built again if need be.
  std::vector<std::pair<Factors, std::shared_ptr<const ScheduleVariant>>> variants_;
  std::uint64_t built_ = 0;
  bool stopped_anywhere_ = false;
  std::atomic<bool> any_evaluated_ = false;
  std::map<Factors, std::uint64_t> evaluated_;  // mappings of each way
  search::GenomeSpace space_;
  std::vector<int> genes_;  // slot of each core gene
  model::Allocation base_;
};

}  // namespace

ScheduleResult run_schedule(const model::Network& network, const model::MultiCore& system,
                            const model::CoreMapping& mapping, const ScheduleRequest& request,
                            NodeCostCache* cache) {
  NodeCostCache own;
  return Run(network, system, mapping, request, cache == nullptr ? own : *cache).run();
}

PreparedSchedule prepare_schedule(const model::Network& network, const model::MultiCore& system,
                                  const model::CoreMapping& mapping,
                                  const ScheduleRequest& request) {
  NodeCostCache own;
  return Run(network, system, mapping, request, own).prepare();
}

}  // namespace ridgeline::engine
