// Designs of a study that are single-core accelerators.
#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>

#include "engine/explore/depth_first_evaluator.hpp"
#include "engine/explore/design_evaluator.hpp"
#include "engine/explore/layer_memo.hpp"
#include "engine/run/memory_limit.hpp"
#include "io/inputs/accelerator_reader.hpp"
#include "io/inputs/mapping_precision.hpp"
#include "io/inputs/mapping_reader.hpp"
#include "io/inputs/workload_reader.hpp"
#include "io/onnx/onnx_graph.hpp"
#include "io/onnx/onnx_reader.hpp"
#include "model/core/compute_array.hpp"
#include "search/designs/design_bound.hpp"
#include "search/exact/shared_root.hpp"
#include "search/mapping/workload_search.hpp"

namespace ridgeline::engine {
namespace {

// Layer results that a rank remembers; each takes a few kilobytes.
constexpr std::size_t kRemembered = 30'000;

class SingleCore {
 public:
  struct Design {
    model::Accelerator accelerator;
    model::MappingSpec mapping;
    std::vector<model::Workload> workloads;
    std::vector<search::WorkloadBounds> bounds;  // of each workload, or none yet
  };
  using Solution = std::vector<search::WorkloadResult>;  // of each workload, to the first misfit

  static constexpr std::size_t kKept = 256;

  explicit SingleCore(const io::Study& study) : study_(study), memo_(kRemembered) {
    for (const io::StudyWorkload& workload : study.spec().workloads) {
      models_.emplace_back();
      if (!workload.onnx) continue;
      io::OnnxOptions options;
      options.quirks = !study.spec().mapping_search.options.no_quirks;
      for (const auto& [name, size] : workload.dims) options.dims[name] = size;
      models_.back() =
          io::lower_onnx_workload(*workload.model, workload.path.stem().string(), options).workload;
    }
  }

  Design read(const io::DesignDocuments& documents) const {
    Design design;
    design.accelerator = io::read_accelerator(documents.accelerator.root());
    design.mapping = io::read_mapping(documents.mapping.root(), &design.accelerator);
    for (std::size_t w = 0; w < models_.size(); ++w)
      design.workloads.push_back(
          models_[w] ? *models_[w]
                     : io::read_workload(documents.workloads[w]->root(),
                                         study_.spec().workloads[w].path.stem().string()));
    const auto precisions = io::read_precisions(documents.mapping.root());
    for (model::Workload& workload : design.workloads) {
      io::set_precisions(workload, design.mapping, precisions);
    }
    return design;
  }

  void check(const Design& design) const { require_clock(study_.spec(), design.accelerator); }

  Solution solve(const Design& design, const StopCheck& stop, const GiveUp& give_up) {
    // Of all workloads; what is solved takes the place of its bounds.
    std::vector<search::WorkloadBounds> bounds = design.bounds;
    if (bounds.empty()) bounds = bounds_of(design, stop);
    std::vector<model::Cost> least;
    for (const search::WorkloadBounds& one : bounds) least.push_back(one.total);
    const auto hopeless = [&](Bound which) { return give_up(metrics_of(design, least), which); };
    if (hopeless(Bound::tables)) throw GivenUp{};
    Solution results;
    for (std::size_t w = 0; w < design.workloads.size(); ++w) {
      results.push_back(map(design, w, stop, bounds[w], [&](const model::Cost& so_far) {
        least[w] = so_far;
        return hopeless(Bound::partial);
      }));
      if (results.back().given_up) throw GivenUp{};
      if (!misfit(design.workloads[w], results.back()).empty()) break;
    }
    return results;
  }

  static std::string infeasible(const Design& design, const Solution& results) {
    return misfit(design.workloads[results.size() - 1], results.back());
  }

  Metrics bound(const Design& design) const {
    std::vector<model::Cost> costs;
    for (const model::Workload& workload : design.workloads) {
      const auto least = search::design_bound(workload, design.accelerator, design.mapping,
                                              study_.spec().mapping_search.keep_on_chip);
      costs.push_back({least.energy, least.latency});
    }
    return metrics_of(design, costs);
  }

  Metrics close_bound(Design& design) {
    design.bounds = bounds_of(design, [] { return false; });
    std::vector<model::Cost> least;
    for (const search::WorkloadBounds& one : design.bounds) least.push_back(one.total);
    return metrics_of(design, least);
  }

  std::string effort() const {
    const std::lock_guard lock(mutex_);
    std::int64_t asked = 0;
    std::int64_t lattices = 0;
    std::int64_t tables = 0;
    for (const auto& roots : roots_) {
      asked += roots->asked();
      lattices += roots->lattices();
      tables += roots->tables();
    }
    return std::to_string(asked) + " bounds of layers from " + std::to_string(tables) +
           " tables over " + std::to_string(lattices) + " lattices; " +
           std::to_string(memo_.misses()) + " layers searched, " + std::to_string(memo_.hits()) +
           " remembered";
  }

  static bool proven(const Solution& results) {
    for (const search::WorkloadResult& workload : results)
      for (const search::LayerResult& layer : workload.problems)
        if (!layer.optimal) return false;
    return true;
  }

  Metrics measure(const Design& design, const Solution& results) const {
    const io::StudySpec& spec = study_.spec();
    Metrics metrics{};
    double weights = 0;
    for (std::size_t w = 0; w < results.size(); ++w) {
      const double weight = spec.workloads[w].weight;
      const search::WorkloadTotal& total = results[w].total;
      add_workload(metrics, weight, total.latency.total2, total.energy);
      metric_of(metrics, io::Metric::utilization) += weight * total.utilization;
      weights += weight;
      for (const search::WorkloadLayer& layer : results[w].layers)
        metric_of(metrics, io::Metric::peak_memory) =
            std::max(metric_of(metrics, io::Metric::peak_memory),
                     memory_in_use(design.accelerator, results[w].of(layer)));
    }
    metric_of(metrics, io::Metric::utilization) /= weights;
    metric_of(metrics, io::Metric::area) = design.accelerator.area();
    if (const auto cycle = model::cycle_ns(design.accelerator)) {
      double macs = 0;
      for (std::size_t w = 0; w < results.size(); ++w) {
        macs += spec.workloads[w].weight * results[w].total.macs;
      }
      set_throughput(metrics, macs, *cycle);
    }
    return metrics;
  }

  std::string describe(const Design& design, const Solution& results) const {
    nlohmann::ordered_json schedule = nlohmann::ordered_json::array();
    for (std::size_t w = 0; w < results.size(); ++w)
      schedule.push_back(describe_result(design, w, results[w]));
    return schedule.dump();
  }

 private:
  std::vector<search::WorkloadBounds> bounds_of(const Design& design, const StopCheck& stop) {
    search::WorkloadSearchOptions options = search_options();
    std::unique_ptr<search::SharedRoots> roots = take_roots();
    options.roots = roots.get();
    std::vector<search::WorkloadBounds> bounds;
    for (const model::Workload& workload : design.workloads) {
      if (stop()) throw Stopped{};
      bounds.push_back(
          search::bound_workload(workload, design.accelerator, design.mapping, options));
    }
    const std::lock_guard lock(mutex_);
    roots_.push_back(std::move(roots));
    return bounds;
  }

  // Of as many as there are threads at a time, one for each.
  std::unique_ptr<search::SharedRoots> take_roots() {
    const std::lock_guard lock(mutex_);
    if (roots_.empty()) return std::make_unique<search::SharedRoots>();
    std::unique_ptr<search::SharedRoots> roots = std::move(roots_.back());
    roots_.pop_back();
    return roots;
  }

  // Of least costs of each workload.
  Metrics metrics_of(const Design& design, const std::vector<model::Cost>& least) const {
    Metrics bound{};
    for (std::size_t w = 0; w < least.size(); ++w)
      add_workload(bound, study_.spec().workloads[w].weight, least[w].latency, least[w].energy);
    metric_of(bound, io::Metric::area) = design.accelerator.area();
    metric_of(bound, io::Metric::utilization) = 1;
    if (const auto cycle = model::cycle_ns(design.accelerator)) {
      double macs = 0;
      for (std::size_t w = 0; w < design.workloads.size(); ++w) {
        for (const model::WorkloadNode& node : design.workloads[w].nodes) {
          if (!node.layer) continue;
          macs += study_.spec().workloads[w].weight * static_cast<double>(node.count) *
                  static_cast<double>(node.layer->mac_count());
        }
      }
      set_throughput(bound, macs, *cycle);
    }
    return bound;
  }

  search::WorkloadSearchOptions search_options() const {
    search::WorkloadSearchOptions options;
    options.mapper = study_.spec().mapping_search.options;
    options.keep_on_chip = study_.spec().mapping_search.keep_on_chip;
    return options;
  }

  search::WorkloadResult map(const Design& design, std::size_t workload, const StopCheck& stop,
                             const search::WorkloadBounds& bounds,
                             const std::function<bool(const model::Cost&)>& give_up) {
    search::WorkloadSearchOptions options = search_options();
    options.mapper.budget = {stop, memory_of_one_search()};
    options.bounds = &bounds;
    options.give_up = give_up;
    options.solve = [&](const std::string& key, const std::function<search::LayerResult()>& solve) {
      if (stop()) throw Stopped{};
      return memo_.get(key, [&] {
        search::LayerResult result = solve();
        // A search that was cut short has not found what it would have.
        if (stop()) throw Stopped{};
        return result;
      });
    };
    return search::map_workload(design.workloads[workload], design.accelerator, design.mapping,
                                options);
  }

  static std::string misfit(const model::Workload& workload, const search::WorkloadResult& result) {
    if (result.layers.empty()) return workload.name + " has no layer with costs";
    for (const search::WorkloadLayer& layer : result.layers)
      if (const std::string& why = result.of(layer).infeasible; !why.empty())
        return workload.name + ", layer " +
               workload.nodes[static_cast<std::size_t>(layer.node)].name + ": " + why;
    return {};
  }

  // Bits that a layer occupies in all memories but the outermost one of all.
  static double memory_in_use(const model::Accelerator& accelerator,
                              const search::LayerResult& result) {
    std::vector<double> share(accelerator.memories.size());
    for (const model::OperandFigures& operand : result.evaluation.operands)
      for (const model::LevelFigures& level : operand.levels) {
        double& used = share[static_cast<std::size_t>(level.memory)];
        used = std::max(used, level.utilization_shared);
      }
    double bits = 0;
    for (std::size_t m = 0; m + 1 < share.size(); ++m)
      bits += share[m] * static_cast<double>(accelerator.memories[m].size) *
              static_cast<double>(accelerator.instances(static_cast<int>(m)));
    return bits;
  }

  nlohmann::ordered_json describe_result(const Design& design, std::size_t w,
                                         const search::WorkloadResult& result) const {
    const model::Workload& workload = design.workloads[w];
    nlohmann::ordered_json layers = nlohmann::ordered_json::array();
    for (const search::WorkloadLayer& place : result.layers) {
      const model::Layer& layer = *workload.nodes[static_cast<std::size_t>(place.node)].layer;
      const search::LayerResult& mapped = result.of(place);
      nlohmann::ordered_json spatial = nlohmann::ordered_json::object();
      for (const model::SpatialDim& dim : mapped.spatial)
        for (const model::SpatialLoop& loop : dim.loops)
          spatial[design.accelerator.array.dims[static_cast<std::size_t>(dim.array_dim)].name]
                 [layer.dims[static_cast<std::size_t>(loop.dim)].name] = loop.factor;
      nlohmann::ordered_json temporal = nlohmann::ordered_json::array();
      for (const model::TemporalLoop& loop : mapped.temporal)
        temporal.push_back(
            {{"dim", layer.dims[static_cast<std::size_t>(loop.dim)].name}, {"size", loop.size}});
      layers.push_back({{"name", workload.nodes[static_cast<std::size_t>(place.node)].name},
                        {"operator", layer.operator_type},
                        {"energy", mapped.evaluation.cost.energy},
                        {"latency", mapped.evaluation.cost.latency},
                        {"utilization", mapped.evaluation.utilization},
                        {"mapping", {{"spatial", spatial}, {"temporal", temporal}}}});
    }
    return {{"workload", workload.name},
            {"weight", study_.spec().workloads[w].weight},
            {"total",
             {{"energy", result.total.energy},
              {"latency", result.total.latency.total2},
              {"area", design.accelerator.area()}}},
            {"layers", layers}};
  }

  const io::Study& study_;
  LayerMemo memo_;
  mutable std::mutex mutex_;
  std::vector<std::unique_ptr<search::SharedRoots>> roots_;  // that no thread uses now
  std::vector<std::optional<model::Workload>> models_;       // absent where documents give them
};

}  // namespace

std::unique_ptr<Evaluator> study_evaluator(const io::Study& study) {
  if (study.spec().multi_core) return multicore_evaluator(study);
  if (study.spec().mapping_search.depth_first) return depth_first_evaluator(study);
  return std::make_unique<DesignEvaluator<SingleCore>>(study);
}

void check_first_designs(const io::Study& study, Evaluator& evaluator) {
  constexpr int kTried = 16;
  constexpr std::uint64_t kSteps =
      1'000'000;  // a space that hides its designs better is not searched
  std::optional<io::InputError> first;
  std::optional<std::uint64_t> id = study.next_existing(0, kSteps);
  for (int tried = 0; id && tried < kTried; ++tried) {
    try {
      evaluator.check(*id);
      return;
    } catch (const io::InputError& error) {
      if (!first) first = error;
    }
    id = study.next_existing(*id + 1, kSteps);
  }
  if (first) throw *first;
}

}  // namespace ridgeline::engine
