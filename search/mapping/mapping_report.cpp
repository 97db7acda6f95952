#include "search/mapping/mapping_report.hpp"

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>
#include <variant>

#include "model/core/index.hpp"
#include "search/exact/exact_mapper.hpp"
#include "search/fronts/cost_front.hpp"
#include "search/fronts/random.hpp"
#include "search/mapping/allocate.hpp"
#include "search/mapping/fixed_ordering.hpp"
#include "search/mapping/loop_factors.hpp"
#include "search/mapping/spatial_search.hpp"

namespace ridgeline::search {

namespace {

// Of a front under several spatial mappings: how many have a search's limit.
constexpr std::int64_t kWholeLimits = 3;

}  // namespace

std::vector<PortUse> port_uses(const model::Problem& problem, const model::Hierarchy& hierarchy,
                               const model::Detail& detail) {
  std::vector<PortUse> uses;
  int p = 0;
  for (const model::HierarchyMemory& memory : hierarchy.memories) {
    for (const model::HierarchyPort& port : memory.ports) {
      const model::ProblemPort& compiled = problem.port[z(p)];
      PortUse use{memory.memory, port.port, compiled.bandwidth_max, 0,
                  std::max(0.0, detail.port[z(p)].active ? detail.port[z(p)].stall : 0.0)};
      for (int i = compiled.begin; i < compiled.end; ++i) {
        const model::PortLink& link = problem.link[z(i)];
        const model::TransferDetail& transfer =
            detail.integer[link.operand][link.level][link.direction];
        if (transfer.active) use.bits += transfer.amount * transfer.precision * transfer.count;
      }
      if (use.bits > 0) uses.push_back(use);
      ++p;
    }
  }
  return uses;
}

std::vector<model::Cost> cost_front(const model::Layer& layer,
                                    const model::Accelerator& accelerator,
                                    const model::Hierarchy& hierarchy,
                                    const model::MappingEntry& mapping,
                                    const std::vector<model::SpatialMapping>& candidates,
                                    const MapperOptions& options, bool& proven) {
  std::vector<model::Cost> front;
  proven = true;
  // All of them together get as much as the first few would.
  std::int64_t left = options.node_limit * std::min<std::int64_t>(ssize(candidates), kWholeLimits);
  auto open = ssize(candidates);
  for (const model::SpatialMapping& spatial : candidates) {
    if (options.budget.stopped()) {
      proven = false;
      break;
    }
    const std::int64_t share =
        std::clamp(left / open--, std::min(options.node_limit, kLeastNodes), options.node_limit);
    const auto compiled = model::compile(layer, accelerator, hierarchy, mapping, spatial,
                                         model::cost_model(options.no_quirks));
    const auto* problem = std::get_if<model::Problem>(&compiled);
    if (problem == nullptr) continue;
    ExactOptions settings;
    settings.front = true;
    settings.known = front;
    settings.even = options.even;
    settings.node_limit = share;
    settings.budget = options.budget;
    const std::vector<std::int64_t> sizes(problem->temporal_size.begin(),
                                          problem->temporal_size.begin() + problem->dims);
    settings.constraints = fixed_ordering(layer, mapping, sizes).constraints;
    const ExactResult result = exact_search(*problem, settings, std::nullopt);
    left = std::max<std::int64_t>(left - result.work, 0);
    proven = proven && result.optimal;
    for (const ExactMapping& one : result.front) add_to_front(front, one.cost);
  }
  std::sort(front.begin(), front.end(),
            [](const auto& a, const auto& b) { return a.latency < b.latency; });
  return front;
}

std::vector<model::Cost> sample_costs(const model::Layer& layer, const model::Problem& problem,
                                      const MapperOptions& options) {
  const std::vector<std::int64_t> sizes(problem.temporal_size.begin(),
                                        problem.temporal_size.begin() + problem.dims);
  const std::vector<model::TemporalLoop> all = loop_factors(layer, sizes, 0, {}).loops;
  std::vector<model::Cost> costs;
  if (all.size() > model::kMaxLoops) return costs;
  Watch watch(options.budget);
  for (int i = 0; i < options.samples && !watch.stopped(); ++i) {
    std::vector<model::TemporalLoop> loops = all;
    RandomStream random(options.seed, 0, 0, static_cast<std::uint32_t>(i));
    for (std::size_t j = loops.size(); j > 1; --j) std::swap(loops[j - 1], loops[random.below(j)]);
    model::Ordering ordering;
    for (const model::TemporalLoop& loop : loops) ordering.push(loop.dim, loop.size);
    model::Cuts cuts;
    if (!allocate(problem, ordering, options.even, cuts, nullptr)) continue;
    const model::Cost cost = model::evaluate(problem, ordering, cuts);
    if (std::isfinite(cost.energy)) costs.push_back(cost);
  }
  return costs;
}

}  // namespace ridgeline::search
