// The cost model as an evaluator: designs of a study on a multi-core system, each with the best
// schedule of every workload.
#include <algorithm>
#include <cmath>
#include <functional>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <sstream>
#include <utility>
#include <vector>

#include "engine/explore/combined_fronts.hpp"
#include "engine/explore/design_evaluator.hpp"
#include "engine/explore/joint_genes.hpp"
#include "engine/explore/system_designs.hpp"
#include "engine/run/memory_limit.hpp"
#include "engine/run/schedule_run.hpp"
#include "io/document/given.hpp"
#include "io/results/design_compare.hpp"
#include "io/results/schedule_report.hpp"
#include "search/designs/design_bound.hpp"

namespace ridgeline::engine {
namespace {

// Mappings of nodes on cores that a rank remembers; each takes a few kilobytes.
constexpr std::size_t kRemembered = 30'000;
// Graphs of nodes that a rank keeps for later designs.
constexpr std::size_t kPoolBytes = std::size_t{192} << 20;
// Schedules of a design that are looked at together.
constexpr std::size_t kCombined = 64;
// Documents of designs list nodes and transfers of schedules up to this number of nodes.
constexpr std::size_t kListedNodes = 1'000;

class MultiCoreSystem {
 public:
  using Design = SystemDesign;
  // One schedule of a workload.
  struct Choice {
    std::string mode;
    std::string granularity_dim;
    search::ScheduleChoice schedule;
  };
  // The best schedule of one workload, over the modes and ways to cut that the study lists.
  struct Found {
    ScheduleResult result;
    std::string mode;
    std::string granularity_dim;
    // Of a schedule whose genes were given: what they say beside mode and allocation.
    std::optional<std::vector<std::vector<int>>> stacks{};
    std::string priority{};
    // Over all modes and ways to cut that have a schedule.
    search::ScheduleBound least{};
    bool converged = true;
    std::string infeasible{};  // why there is none; empty: the rest is set
    // Of a study that keeps fronts: those that no other dominates, by rising latency.
    std::vector<Choice> front{};
  };
  using Solution = std::vector<Found>;  // of each workload, to the first that has none

  static constexpr std::size_t kKept = 32;  // graphs and records are large

  explicit MultiCoreSystem(const io::Study& study)
      : study_(study),
        designs_(study),
        cache_(std::make_shared<NodeCostCache>()),
        pool_(std::make_shared<VariantPool>(kPoolBytes)) {
    if (study.counts_genomes() && !study.keeps_fronts())
      genes_ = std::make_unique<const JointGenes>(study);
  }

  void check(const Design& design) const {
    if (needs_clock(study_.spec()))
      throw io::InputError({io::name_of(study_.spec().file), ""},
                           "operations a second are a metric of single cores",
                           "use latency and energy");
    for (const auto& [dim, choices] : study_.spec().schedule_search.granularity) {
      bool known = false;
      for (const model::Network& network : design.networks())
        for (const model::NetworkNode& node : network.nodes)
          known = known || (node.layer && model::tiling_dim(*node.layer, dim) >= 0);
      if (!known)
        throw io::InputError(
            {io::name_of(study_.spec().file), "/schedule_search/granularity/" + dim, 0, 0},
            "no layer has a loop dimension '" + dim + "'", "e.g. OY");
    }
  }

  Solution solve(const Design& design, const StopCheck& stop, const GiveUp& give_up) {
    // Of each workload: of what is to come the ideal figures, of the one at hand what no schedule
    // can beat, of the others what was found.
    std::vector<search::DesignBound> least;
    for (const model::Network& network : design.networks())
      least.push_back(search::system_bound(network, design.system));
    // Where the schedules of one mode alone are searched, that search finds its bound itself.
    if (!one_search() || study_.keeps_fronts()) {
      const auto close = design.bounds.empty() ? bounds_of(design, stop) : design.bounds;
      for (std::size_t w = 0; w < least.size(); ++w) least[w] = bound_of(close[w]);
      if (give_up(metrics_of(design, least), Bound::tables)) throw GivenUp{};
    }
    Solution schedules;
    for (std::size_t w = 0; w < design.networks().size(); ++w) {
      const auto hopeless = [&](const search::ScheduleBound& bound) {
        least[w] = {bound.energy, bound.latency};
        return give_up(metrics_of(design, least), w == 0 ? Bound::tables : Bound::partial);
      };
      schedules.push_back(schedule(design, w, stop, hopeless));
      if (!schedules.back().infeasible.empty()) break;
      const model::ScheduleFigures& figures = schedules.back().result.figures;
      least[w] = {figures.energy.total(), figures.latency};
      for (const Choice& choice : schedules.back().front) {
        least[w].energy = std::min(least[w].energy, choice.schedule.figures.energy.total());
        least[w].latency = std::min(least[w].latency, choice.schedule.figures.latency);
      }
    }
    return schedules;
  }

  // What no schedule of the design can beat.
  Metrics close_bound(Design& design) {
    design.bounds = bounds_of(design, [] { return false; });
    std::vector<search::DesignBound> least;
    for (const search::WorkloadBounds& one : design.bounds) least.push_back(bound_of(one));
    return metrics_of(design, least);
  }

  // The one schedule that these genes describe, of each workload.
  Solution solve(const Design& design, const search::Genome& genes, bool figures_alone,
                 const StopCheck& stop) {
    Solution schedules;
    for (std::size_t w = 0; w < design.networks().size(); ++w) {
      ScheduleRequest request = request_of(stop);
      genes_->apply(genes, w, design, request);
      request.only_figures = figures_alone;
      const ScheduleMemory memory = memory_of(design, w);
      request.memory = &memory;
      const auto known = cache();
      Found& found = schedules.emplace_back();
      found.result = run_schedule(design.networks()[w], design.system, design.frame->mapping,
                                  request, known.get());
      if (stop()) throw Stopped{};
      found.mode = genes_->mode(genes).name;
      if (request.granularity) found.granularity_dim = request.granularity->dim;
      found.stacks = request.tiling.stacks;
      found.priority = genes_->priority(genes);
      if (found.result.best >= 0) continue;
      found.infeasible = found.mode + ": " + reason(design.networks()[w], found.result);
      break;
    }
    return schedules;
  }

  // Schedules are searched, and the cost of a node is that of a search as well.
  static bool proven(const Solution&) { return false; }

  // What no schedule of the design can beat, and whether every search found nothing more.
  Metrics lower_bounds(const Design& design, const Solution& schedules) const {
    std::vector<search::DesignBound> least;
    for (std::size_t w = 0; w < schedules.size(); ++w) {
      least.push_back(search::system_bound(design.networks()[w], design.system));
      least.back().latency = std::max(least.back().latency, schedules[w].least.latency);
      least.back().energy = std::max(least.back().energy, schedules[w].least.energy);
    }
    return metrics_of(design, least);
  }
  static bool converged(const Solution& schedules) {
    return std::all_of(schedules.begin(), schedules.end(),
                       [](const Found& found) { return found.converged; });
  }

  static std::string infeasible(const Design& design, const Solution& schedules) {
    const std::string& why = schedules.back().infeasible;
    return why.empty() ? why : design.networks()[schedules.size() - 1].name + ": " + why;
  }

  std::string describe(const Design& design, const Solution& schedules) const {
    nlohmann::ordered_json documents = nlohmann::ordered_json::array();
    for (std::size_t w = 0; w < schedules.size(); ++w)
      documents.push_back(describe_schedule(design, w, schedules[w]));
    return documents.dump();
  }

  Design design(std::uint64_t id) { return designs_.design(id); }

  // Of all workloads together.
  double schedules(const Design& design) const {
    double all = 1;
    for (const model::Network& network : design.networks()) all *= schedules_of(design, network);
    return all;
  }

  Metrics bound(const Design& design) const {
    std::vector<search::DesignBound> least;
    for (const model::Network& network : design.networks())
      least.push_back(search::system_bound(network, design.system));
    return metrics_of(design, least);
  }

  Metrics measure(const Design& design, const Solution& schedules) const {
    std::vector<const model::ScheduleFigures*> figures;
    for (const Found& found : schedules) figures.push_back(&found.result.figures);
    return measure(design, figures);
  }

  // The best one, then those of the front.
  std::vector<Metrics> schedules(const Design& design, const Solution& solution) const {
    std::vector<Metrics> all{measure(design, solution)};
    for (const FrontPlaces& picks : combined(solution)) {
      std::vector<const model::ScheduleFigures*> figures;
      for (std::size_t w = 0; w < picks.size(); ++w)
        figures.push_back(&solution[w].front[picks[w]].schedule.figures);
      all.push_back(measure(design, figures));
    }
    return all;
  }

  // One of `schedules`.
  std::string describe(const Design& design, const Solution& solution, std::size_t schedule) const {
    if (schedule == 0) return describe(design, solution);
    const FrontPlaces picks = combined(solution).at(schedule - 1);
    Solution chosen;
    for (std::size_t w = 0; w < picks.size(); ++w)
      chosen.push_back(made(design, w, solution[w], solution[w].front[picks[w]]));
    return describe(design, chosen);
  }

 private:
  Metrics measure(const Design& design,
                  const std::vector<const model::ScheduleFigures*>& schedules) const {
    const io::StudySpec& spec = study_.spec();
    Metrics metrics{};
    double weights = 0;
    double units = 0;
    for (const model::Core& core : design.system.cores)
      units += static_cast<double>(core.accelerator.array.units());
    for (std::size_t w = 0; w < schedules.size(); ++w) {
      const double weight = spec.workloads[w].weight;
      const model::ScheduleFigures& figures = *schedules[w];
      double macs = 0;
      for (const model::NetworkNode& node : design.networks()[w].nodes)
        if (node.layer) macs += static_cast<double>(node.layer->mac_count());
      add_workload(metrics, weight, figures.latency, figures.energy.total());
      metric_of(metrics, io::Metric::utilization) += weight * (macs / units / figures.latency);
      weights += weight;
      double& peak = metric_of(metrics, io::Metric::peak_memory);
      peak = std::max(peak, static_cast<double>(figures.peak_bits));
    }
    metric_of(metrics, io::Metric::utilization) /= weights;
    metric_of(metrics, io::Metric::area) = design.system.area();
    return metrics;
  }

  static LatencyAndEnergy figures_of(const Choice& choice) {
    return {choice.schedule.figures.latency, choice.schedule.figures.energy.total()};
  }

  // Schedules of all workloads that no others dominate: sums of those of each.
  std::vector<FrontPlaces> combined(const Solution& solution) const {
    std::vector<std::vector<LatencyAndEnergy>> fronts;
    std::vector<double> weights;
    for (std::size_t w = 0; w < solution.size(); ++w) {
      weights.push_back(study_.spec().workloads[w].weight);
      auto& front = fronts.emplace_back();
      for (const Choice& choice : solution[w].front) front.push_back(figures_of(choice));
    }
    return combined_fronts(fronts, weights, kCombined);
  }

  // The schedule of a front, with all that is to be told of it.
  Found made(const Design& design, std::size_t w, const Found& best, const Choice& choice) const {
    const StopCheck never = [] { return false; };
    ScheduleRequest request = request_of(never);
    const model::Network& network = design.networks()[w];
    request.tiling.mode = mode_of(choice.mode);
    if (!choice.granularity_dim.empty()) {
      request.granularity = granularity_of(choice.granularity_dim);
      request.granularity->chosen = choice.schedule.granularity;
    }
    // What the mapping leaves open.
    const search::ScheduleVariant& known = *best.result.variant;
    for (std::size_t l = 0; l < known.graph.layers.size(); ++l) {
      const model::CnLayer& layer = known.graph.layers[l];
      if (static_cast<std::int64_t>(layer.cores.size()) == layer.inter_tiles) continue;
      LayerAllocation& allocation = request.allocation.emplace_back();
      allocation.id = layer.id;
      const int first = known.problem.layers[l].first_slot;
      for (int g = 0; g < layer.groups; ++g)
        allocation.cores.push_back(
            choice.schedule.allocation.core[static_cast<std::size_t>(first + g)]);
    }
    const auto costs = cache();
    Found found;
    found.result =
        run_schedule(network, design.system, design.frame->mapping, request, costs.get());
    found.mode = choice.mode;
    found.granularity_dim = choice.granularity_dim;
    return found;
  }

  static model::ScheduleMode mode_of(const std::string& mode) {
    return mode == "fused" ? model::ScheduleMode::fused : model::ScheduleMode::layer_by_layer;
  }

  GranularityRequest granularity_of(const std::string& dim) const {
    GranularityRequest request{dim, {}, {}};
    for (const auto& [name, choices] : study_.spec().schedule_search.granularity) {
      if (name != dim) continue;
      for (const nlohmann::ordered_json& choice : choices)
        request.factors.push_back(choice.is_number() ? choice.get<std::int64_t>()
                                                     : model::kAllTiles);
    }
    return request;
  }

  // Whether a design's schedules are found in one search for each workload.
  bool one_search() const {
    const io::ScheduleSearch& search = study_.spec().schedule_search;
    return search.modes.size() == 1 && search.granularity.empty();
  }

  // The request of each search that a workload's schedules take, in turn.
  template <class Visit>
  void each_search(ScheduleRequest& request, const Visit& visit) const {
    for (const std::string& mode : study_.spec().schedule_search.modes) {
      request.tiling.mode = mode_of(mode);
      request.granularity.reset();
      const auto& granularity = study_.spec().schedule_search.granularity;
      if (mode != "fused" || granularity.empty()) {
        visit(mode);
        continue;
      }
      for (const auto& [dim, choices] : granularity) {
        request.granularity = granularity_of(dim);
        visit(mode);
      }
    }
  }

  static search::DesignBound bound_of(const search::WorkloadBounds& bounds) {
    return {bounds.total.energy, bounds.total.latency};
  }

  // What no schedule of each workload can beat, over all modes and cuts.
  std::vector<search::WorkloadBounds> bounds_of(const Design& design, const StopCheck& stop) {
    std::vector<search::WorkloadBounds> bounds;
    for (std::size_t w = 0; w < design.networks().size(); ++w) {
      const model::Network& network = design.networks()[w];
      const search::DesignBound ideal = search::system_bound(network, design.system);
      ScheduleRequest request = request_of(stop);
      const ScheduleMemory memory = memory_of(design, w);
      request.memory = &memory;
      request.give_up = [](const search::ScheduleBound&) { return true; };
      std::optional<search::ScheduleBound> least;
      each_search(request, [&](const std::string&) {
        const auto known = cache();
        const ScheduleResult result =
            run_schedule(network, design.system, design.frame->mapping, request, known.get());
        if (stop()) throw Stopped{};
        if (result.given_up) least = least ? search::least_of(*least, result.bound) : result.bound;
      });
      search::WorkloadBounds& one = bounds.emplace_back();
      one.total.energy = std::max(ideal.energy, least ? least->energy : 0.0);
      one.total.latency = std::max(ideal.latency, least ? least->latency : 0.0);
    }
    return bounds;
  }

  // Of least figures of each workload.
  Metrics metrics_of(const Design& design, const std::vector<search::DesignBound>& least) const {
    Metrics bound{};
    for (std::size_t w = 0; w < least.size(); ++w)
      add_workload(bound, study_.spec().workloads[w].weight, least[w].latency, least[w].energy);
    metric_of(bound, io::Metric::area) = design.system.area();
    metric_of(bound, io::Metric::utilization) = 1;
    return bound;
  }

  // Cores of each slice of each layer that has a choice, and in fused ones the cut of each stack.
  double schedules_of(const Design& design, const model::Network& network) const {
    const io::ScheduleSearch& search = study_.spec().schedule_search;
    double all = 0;
    for (const std::string& mode : search.modes) {
      model::TilingOptions tiling;
      const bool fused = mode == "fused";
      tiling.mode = fused ? model::ScheduleMode::fused : model::ScheduleMode::layer_by_layer;
      tiling.weight_capacity = model::weight_capacity(design.system);
      const model::CnGraphResult built =
          model::build_cn_graph(network, design.frame->mapping, tiling);
      if (built.problem) continue;
      double allocations = 1;
      for (const model::CnLayer& layer : built.graph.layers) {
        if (static_cast<std::int64_t>(layer.cores.size()) == layer.inter_tiles) continue;
        for (int g = 0; g < layer.groups; ++g)
          allocations *= static_cast<double>(layer.cores.size());
      }
      double cuts = fused && !search.granularity.empty() ? 0 : 1;
      if (cuts == 0) {
        double stacks = 0;
        for (const auto& stack : model::choose_stacks(network, tiling)) stacks += stack.size() > 1;
        for (const auto& [dim, choices] : search.granularity)
          cuts += std::pow(static_cast<double>(choices.size()), stacks);
      }
      all += allocations * cuts;
    }
    return all;
  }

  // What one rank knows of nodes on cores. Where it has become too much, all of it goes: those
  // who still use it keep it alive.
  std::shared_ptr<NodeCostCache> cache() const {
    const std::lock_guard lock(mutex_);
    if (cache_->size() > kRemembered) cache_ = std::make_shared<NodeCostCache>();
    return cache_;
  }

  ScheduleRequest request_of(const StopCheck& stop) const {
    const io::StudySpec& spec = study_.spec();
    const io::ScheduleSearch& search = spec.schedule_search;
    ScheduleRequest request;
    request.costs.mapper = spec.mapping_search.options;
    request.costs.mapper.budget = {stop, memory_of_one_search()};
    request.costs.objective = search.node_objective;
    if (request.costs.mapper.no_quirks) {
      request.schedule.semantics = request.schedule.semantics.strict();
      request.tiling.enlarge_uncut = false;
    }
    request.search.population = search.population;
    request.search.generations = search.generations;
    request.search.seed = spec.seed;
    request.search.report = search.objective;
    // Where of each design the best schedule alone counts, the search may end with it.
    request.search.whole_front = study_.keeps_fronts();
    request.search.budget.stop = stop;
    return request;
  }

  // What earlier designs with the same frame left for a workload.
  ScheduleMemory memory_of(const Design& design, std::size_t w) const {
    return {pool_.get(), std::to_string(design.frame->number) + '/' + std::to_string(w),
            design.frame->interconnect.get(), &design.contents};
  }

  Found schedule(const Design& design, std::size_t w, const StopCheck& stop,
                 const std::function<bool(const search::ScheduleBound&)>& hopeless) {
    const model::Network& network = design.networks()[w];
    ScheduleRequest request = request_of(stop);
    const ScheduleMemory memory = memory_of(design, w);
    request.memory = &memory;
    request.only_figures = true;
    // Of several modes or cuts one may be better than what makes another hopeless.
    if (one_search()) request.give_up = hopeless;
    Found best;
    std::optional<search::ScheduleBound> least;
    bool converged = true;
    std::vector<Choice> front;
    each_search(request, [&](const std::string& mode) {
      const auto known = cache();
      ScheduleResult result =
          run_schedule(network, design.system, design.frame->mapping, request, known.get());
      // A search that was cut short has not found what it would have.
      if (stop()) throw Stopped{};
      if (result.given_up) throw GivenUp{};
      if (result.best < 0) {
        const std::string why = mode + ": " + reason(network, result);
        if (best.mode.empty() && best.infeasible.find(why) == std::string::npos)
          best.infeasible += (best.infeasible.empty() ? "" : "; ") + why;
        return;
      }
      least = least ? search::least_of(*least, result.bound) : result.bound;
      converged = converged && result.converged;
      const std::string dim = request.granularity ? request.granularity->dim : std::string();
      if (study_.keeps_fronts())
        for (const search::ScheduleChoice& choice : result.front)
          front.push_back({mode, dim, choice});
      if (!best.mode.empty() && !(value(result) < value(best.result))) return;
      best = {std::move(result), mode, dim};
    });
    keep_front(front, kCombined, figures_of);
    best.front = std::move(front);
    if (least) best.least = *least;
    best.converged = converged;
    return best;
  }

  double value(const ScheduleResult& result) const {
    return search::objective_value(study_.spec().schedule_search.objective, result.figures);
  }

  static std::string reason(const model::Network& network, const ScheduleResult& result) {
    if (!result.tiling_problem) return result.infeasible;
    const int place = network.node_index(result.tiling_problem.node_id);
    return (place < 0 ? std::string()
                      : "layer " + network.nodes[static_cast<std::size_t>(place)].name + ": ") +
           result.tiling_problem.problem;
  }

  // A result of `ridgeline schedule`, without what depends on timing.
  nlohmann::ordered_json describe_schedule(const Design& design, std::size_t w,
                                           const Found& found) const {
    ScheduleResult result = found.result;
    // Of most designs nobody asks when what ran.
    if (result.record.order.empty())
      model::Scheduler(result.variant->problem).evaluate(result.chosen().allocation, result.record);
    const model::Network& network = design.networks()[w];
    const io::ScheduleReport report{.workload = network.name,
                                    .accelerator = design.system.name,
                                    .mode = found.mode,
                                    .semantics = "2025",
                                    .system = design.system,
                                    .result = result,
                                    .granularity_dim = found.granularity_dim};
    std::ostringstream text;
    io::write_schedule_json(report, false, text);
    nlohmann::ordered_json document = nlohmann::ordered_json::parse(text.str());
    document["weight"] = study_.spec().workloads[w].weight;
    document["search"].erase("seconds");
    if (found.stacks) document["stacks"] = *found.stacks;
    if (!found.priority.empty() && found.priority != "order") document["priority"] = found.priority;
    io::add_schedule_sums(document);
    if (result.variant->graph.nodes.size() > kListedNodes) {
      document["omitted"] = "nodes and transfers, of a schedule of " +
                            std::to_string(result.variant->graph.nodes.size()) + " nodes";
      document.erase("nodes");
      document.erase("transfers");
    }
    return document;
  }

  const io::Study& study_;
  SystemDesigns designs_;
  std::unique_ptr<const JointGenes> genes_;  // where ids count genomes
  mutable std::mutex mutex_;
  mutable std::shared_ptr<NodeCostCache> cache_;
  std::shared_ptr<VariantPool> pool_;
};

}  // namespace

std::unique_ptr<Evaluator> multicore_evaluator(const io::Study& study) {
  return std::make_unique<DesignEvaluator<MultiCoreSystem>>(study);
}

}  // namespace ridgeline::engine
