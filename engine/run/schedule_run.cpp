#include "engine/run/schedule_run.hpp"

#include <algorithm>
#include <atomic>
#include <limits>
#include <map>
#include <stdexcept>

#include "engine/run/schedule_variants.hpp"
#include "engine/run/team.hpp"
#include "search/designs/design_bound.hpp"

namespace ridgeline::engine {
namespace {

std::size_t at(std::int64_t i) {
  return static_cast<std::size_t>(i);
}

// Ways to cut that are all bounded; of more, none.
constexpr std::uint64_t kBoundedCuts = 16;

class Run {
 public:
  Run(const model::Network& network, const model::MultiCore& system,
      const model::CoreMapping& mapping, const ScheduleRequest& request, NodeCostCache& cache)
      : network_(network),
        system_(system),
        request_(request),
        team_(request.threads),
        variants_(network, system, mapping, request, cache, team_),
        schedulers_(at(team_.threads())) {
    if (!request.granularity || request.granularity->chosen.empty())
      cut_genes_ = variants_.stacks();
  }

  PreparedSchedule prepare() {
    PreparedSchedule prepared;
    const CutFactors factors = first_cuts().front();
    prepared.variant = variants_.find(factors);
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
    std::shared_ptr<const ScheduleVariant> first;
    for (const CutFactors& factors : first_cuts()) {
      std::shared_ptr<const ScheduleVariant> v = variants_.find(factors);
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
  // Cuts to try until one is possible: all stacks by the same factor.
  std::vector<CutFactors> first_cuts() const {
    if (variants_.stacks() == 0) return {CutFactors{}};
    if (!request_.granularity->chosen.empty()) return {request_.granularity->chosen};
    std::vector<CutFactors> cuts;
    for (const std::int64_t f : request_.granularity->factors) {
      cuts.push_back(CutFactors(variants_.stacks(), f));
    }
    return cuts;
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
      const bool given = cores_of(request_, layer.id) != nullptr;
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

  CutFactors factors_of(const search::Genome& genome) const {
    if (cut_genes_ == 0) return first_cuts().front();
    CutFactors factors;
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
    std::map<CutFactors, std::vector<std::size_t>> of_variant;
    for (std::size_t i = 0; i < genomes.size(); ++i)
      if (request_.spread == nullptr || request_.spread->mine(i))
        of_variant[factors_of(genomes[i])].push_back(i);
    std::vector<model::ScheduleFigures> figures(genomes.size());
    for (const auto& [factors, places] : of_variant) {
      const std::shared_ptr<const ScheduleVariant> v = variants_.find(factors);
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
      batch[i].mappings = variants_.mappings().at(factors_of(genomes[i]));
    }
    stopped_anywhere_ = request_.spread->exchange(batch, request_.search.budget.stopped());
    for (std::size_t i = 0; i < genomes.size(); ++i) {
      figures[i] = batch[i].figures;
      variants_.mappings()[factors_of(genomes[i])] = batch[i].mappings;
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
      CutFactors factors;
      std::uint64_t rest = way;
      for (std::size_t s = 0; s < cut_genes_; ++s) {
        factors.push_back(
            request_.granularity->factors[rest % request_.granularity->factors.size()]);
        rest /= request_.granularity->factors.size();
      }
      const std::shared_ptr<const ScheduleVariant> v = variants_.find(factors);
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
    // There is no other that could be better.
    result.bound = {result.figures.latency, result.figures.energy.total()};
    result.lower_bound = search::objective_value(request_.search.report, result.figures);
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
    for (const auto& [factors, mappings] : variants_.mappings())
      result.mappings_evaluated += mappings;
    if (found.best < 0) {
      std::shared_ptr<const ScheduleVariant> other;
      const ScheduleVariant* v = &first;
      if (found.infeasible.genome.size() == space_.values.size() && !space_.values.empty()) {
        other = variants_.find(factors_of(found.infeasible.genome));
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
    result.variant = variants_.find(factors_of(best));
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
  const ScheduleRequest& request_;
  Team team_;
  ScheduleVariants variants_;
  using OwnScheduler = std::pair<std::uint64_t, std::unique_ptr<model::Scheduler>>;
  std::vector<OwnScheduler> schedulers_;  // of each member of the team
  std::size_t cut_genes_ = 0;             // of the stacks, as many as are searched: all or none
  bool stopped_anywhere_ = false;
  std::atomic<bool> any_evaluated_ = false;
  search::GenomeSpace space_;
  std::vector<int> genes_;  // slot of each core gene
  model::Allocation base_;
};

}  // namespace

ScheduleResult run_schedule(const model::Network& network, const model::MultiCore& system,
                            const model::CoreMapping& mapping, const ScheduleRequest& request,
                            NodeCostCache* cache) {
  if (std::none_of(network.nodes.begin(), network.nodes.end(),
                   [](const model::NetworkNode& node) { return node.layer.has_value(); })) {
    ScheduleResult result;
    result.infeasible = "the network has no layer with costs";
    return result;
  }
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
