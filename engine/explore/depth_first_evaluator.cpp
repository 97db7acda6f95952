#include "engine/explore/depth_first_evaluator.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "engine/explore/design_evaluator.hpp"
#include "engine/run/memory_limit.hpp"
#include "io/inputs/accelerator_reader.hpp"
#include "io/inputs/mapping_reader.hpp"
#include "io/inputs/workload_reader.hpp"
#include "io/onnx/fused_lowering.hpp"
#include "model/core/compute_array.hpp"
#include "search/depth_first/fusion_search.hpp"

namespace ridgeline::engine {
namespace {

class FusedCore {
 public:
  struct Design {
    model::Accelerator accelerator;
    model::MappingSpec mapping;
    std::vector<model::FusedNetwork> networks;
  };
  // What is left of a fusion: the figures, and a text for people and programs.
  struct One {
    std::string infeasible;
    model::Cost cost;
    double macs = 0;
    double peak = 0;  // bits in all memories but the outermost one
    bool proven = false;
    nlohmann::ordered_json stacks;
  };
  using Solution = std::vector<One>;  // of each workload, to the first misfit

  static constexpr std::size_t kKept = 256;

  explicit FusedCore(const io::Study& study) : study_(study) {
    for (const io::StudyWorkload& workload : study.spec().workloads) {
      imports_.emplace_back();
      if (!workload.onnx) continue;
      io::OnnxOptions options;
      for (const auto& [name, size] : workload.dims) options.dims[name] = size;
      imports_.back() = io::lower_fused(*workload.model, workload.path.stem().string(), options);
    }
  }

  Design read(const io::DesignDocuments& documents) const {
    Design design;
    design.accelerator = io::read_accelerator(documents.accelerator.root());
    design.mapping = io::read_mapping(documents.mapping.root(), &design.accelerator);
    for (std::size_t w = 0; w < imports_.size(); ++w) {
      design.networks.push_back(
          imports_[w] ? model::fused_network(imports_[w]->workload, imports_[w]->rearranged)
                      : model::fused_network(
                            io::read_workload(documents.workloads[w]->root(),
                                              study_.spec().workloads[w].path.stem().string())));
    }
    return design;
  }

  void check(const Design& design) const { require_clock(study_.spec(), design.accelerator); }

  // Every multiply-accumulate runs at least once, at most one a unit and cycle.
  Metrics bound(const Design& design) const {
    Metrics bound{};
    double macs = 0;
    for (std::size_t w = 0; w < design.networks.size(); ++w) {
      const double own = macs_of(design.networks[w]);
      const double weight = study_.spec().workloads[w].weight;
      const double energy = design.accelerator.array.imc ? 0 : design.accelerator.array.unit_energy;
      add_workload(bound, weight, own / static_cast<double>(design.accelerator.array.units()),
                   own * energy);
      macs += weight * own;
    }
    metric_of(bound, io::Metric::area) = design.accelerator.area();
    metric_of(bound, io::Metric::utilization) = 1;
    if (const auto cycle = model::cycle_ns(design.accelerator)) set_throughput(bound, macs, *cycle);
    return bound;
  }

  Solution solve(const Design& design, const StopCheck& stop, const GiveUp&) const {
    Solution solution;
    for (const model::FusedNetwork& network : design.networks) {
      solution.push_back(fuse(design, network, stop));
      if (!solution.back().infeasible.empty()) break;
    }
    return solution;
  }

  static std::string infeasible(const Design&, const Solution& solution) {
    return solution.back().infeasible;
  }

  static bool proven(const Solution& solution) {
    return std::all_of(solution.begin(), solution.end(), [](const One& one) { return one.proven; });
  }

  Metrics measure(const Design& design, const Solution& solution) const {
    Metrics metrics{};
    double weights = 0;
    double macs = 0;
    const double units = static_cast<double>(design.accelerator.array.units());
    for (std::size_t w = 0; w < solution.size(); ++w) {
      const One& one = solution[w];
      const double weight = study_.spec().workloads[w].weight;
      const double own = macs_of(design.networks[w]);
      add_workload(metrics, weight, one.cost.latency, one.cost.energy);
      metric_of(metrics, io::Metric::utilization) += weight * own / units / one.cost.latency;
      metric_of(metrics, io::Metric::peak_memory) =
          std::max(metric_of(metrics, io::Metric::peak_memory), one.peak);
      weights += weight;
      macs += weight * own;
    }
    metric_of(metrics, io::Metric::utilization) /= weights;
    metric_of(metrics, io::Metric::area) = design.accelerator.area();
    if (const auto cycle = model::cycle_ns(design.accelerator)) {
      set_throughput(metrics, macs, *cycle);
    }
    return metrics;
  }

  std::string describe(const Design& design, const Solution& solution) const {
    nlohmann::ordered_json schedule = nlohmann::ordered_json::array();
    for (std::size_t w = 0; w < solution.size(); ++w) {
      schedule.push_back({{"workload", study_.spec().workloads[w].path.stem().string()},
                          {"weight", study_.spec().workloads[w].weight},
                          {"total",
                           {{"energy", solution[w].cost.energy},
                            {"latency", solution[w].cost.latency},
                            {"area", design.accelerator.area()}}},
                          {"stacks", solution[w].stacks}});
    }
    return schedule.dump();
  }

 private:
  static double macs_of(const model::FusedNetwork& network) {
    double macs = 0;
    for (const model::FusedNode& node : network.nodes) {
      if (!node.layer) continue;
      macs += static_cast<double>(node.count) * static_cast<double>(node.layer->mac_count());
    }
    return macs;
  }

  One fuse(const Design& design, const model::FusedNetwork& network, const StopCheck& stop) const {
    const io::DepthFirstSearch& asked = *study_.spec().mapping_search.depth_first;
    search::FusionOptions options;
    options.rules = {asked.defines, true};
    options.mapper = study_.spec().mapping_search.options;
    options.mapper.budget = {stop, memory_of_one_search()};
    options.overlaps = asked.overlaps;
    options.search_stacks = asked.search_stacks;
    options.references = false;
    if (asked.tile) options.tiles = {{asked.tile->first, asked.tile->second}};
    const search::FusionResult found = search::search_fusion(
        network, design.accelerator, design.mapping, options, {.gap = options.mapper.gap});
    if (stop()) throw Stopped{};
    const search::FusionPoint& point = found.points[found.best];
    One one;
    one.cost = point.cost();
    one.macs = point.macs;
    one.proven = found.proven;
    std::vector<double> peak(design.accelerator.memories.size(), 0);
    one.stacks = nlohmann::ordered_json::array();
    for (const search::FusedStack& stack : point.stacks) {
      const search::StackCost& cost = stack.job.cost;
      if (!cost.infeasible.empty() && one.infeasible.empty()) {
        one.infeasible = stack.name() + ": " + cost.infeasible;
      }
      for (std::size_t m = 0; m < cost.peak.size(); ++m) peak[m] = std::max(peak[m], cost.peak[m]);
      one.stacks.push_back({{"name", stack.name()},
                            {"tile", {stack.job.plan.tile_x, stack.job.plan.tile_y}},
                            {"overlap", search::to_string(stack.job.plan.overlap)},
                            {"energy", cost.energy},
                            {"latency", cost.latency}});
    }
    for (std::size_t m = 0; m + 1 < peak.size(); ++m) one.peak += peak[m];
    return one;
  }

  const io::Study& study_;
  std::vector<std::optional<io::FusedImport>> imports_;  // absent where documents give them
};

}  // namespace

std::unique_ptr<Evaluator> depth_first_evaluator(const io::Study& study) {
  return std::make_unique<DesignEvaluator<FusedCore>>(study);
}

}  // namespace ridgeline::engine
