#include "search/depth_first/fusion.hpp"

#include <algorithm>

#include "search/depth_first/tile_problem.hpp"

namespace ridgeline::search {

std::string FusedStack::name() const {
  const auto& nodes = stack->network.nodes;
  std::string first;
  for (const model::FusedNode& node : nodes) {
    if (node.layer) {
      first = node.name;
      break;
    }
  }
  const std::string& last = nodes.empty() ? first : nodes.back().name;
  return first.empty() || first == last ? last : first + " .. " + last;
}

void FusionPoint::sum_up() {
  infeasible = 0;
  energy = latency = latency_offloaded = copy_energy = copy_latency = 0;
  mac_energy = memory_energy = macs = 0;
  for (const FusedStack& one : stacks) {
    const StackCost& cost = one.job.cost;
    if (!cost.infeasible.empty()) {
      ++infeasible;
      continue;
    }
    energy += cost.energy;
    latency += cost.latency;
    latency_offloaded += cost.latency_offloaded;
    copy_energy += cost.copy_energy;
    copy_latency += cost.copy_latency;
    mac_energy += cost.mac_energy;
    memory_energy += cost.memory_energy;
    macs += cost.macs;
  }
}

std::vector<int> cuts_of(const model::FusedNetwork& network, const FusionCore& core,
                         const FusionOptions& options) {
  if (options.cuts) return *options.cuts;
  std::vector<int> cuts = model::automatic_cuts(network, core.weight_capacity(options.rules));
  if (options.rules.defines) return cuts;
  // Ours: never after an input alone; stacks that cannot be are taken apart.
  std::vector<int> ours;
  const int count = static_cast<int>(network.nodes.size());
  int first = 0;
  for (int n = 0; n < count; ++n) {
    const model::FusedNode& node = network.nodes[static_cast<std::size_t>(n)];
    if (!node.layer) continue;
    const bool cut = std::find(cuts.begin(), cuts.end(), node.id) != cuts.end();
    if (!cut && n + 1 < count) continue;
    if (!model::layers_as_stack(network, first, n).fault.empty()) {
      for (int one = first; one < n; ++one) {
        const model::FusedNode& apart = network.nodes[static_cast<std::size_t>(one)];
        if (apart.layer) ours.push_back(apart.id);
      }
    }
    if (n + 1 < count) ours.push_back(node.id);
    first = n + 1;
  }
  return ours;
}

std::vector<std::unique_ptr<model::Stack>> stacks_of(const model::FusedNetwork& network,
                                                     const std::vector<int>& cuts,
                                                     const FusionRules& rules) {
  std::vector<std::unique_ptr<model::Stack>> stacks;
  if (!rules.defines) {
    int first = 0;
    const int count = static_cast<int>(network.nodes.size());
    for (int n = 0; n < count; ++n) {
      const model::FusedNode& node = network.nodes[static_cast<std::size_t>(n)];
      const bool cut = std::find(cuts.begin(), cuts.end(), node.id) != cuts.end();
      if ((!cut || !node.layer) && n + 1 < count) continue;
      stacks.push_back(std::make_unique<model::Stack>(model::layers_as_stack(network, first, n)));
      first = n + 1;
    }
    return stacks;
  }
  std::vector<std::optional<int>> bounds{std::nullopt};
  for (const int id : cuts) bounds.emplace_back(id);
  bounds.emplace_back(std::nullopt);
  const int last = network.nodes.back().id;
  for (std::size_t i = 0; i + 1 < bounds.size(); ++i) {
    if (bounds[i] && *bounds[i] == last) continue;  // nothing comes after it
    std::optional<int> begin = bounds[i];
    std::optional<int> end = bounds[i + 1];
    if (rules.defines && rules.quirks) {
      if (begin && *begin == 0) begin.reset();
      if (end && *end == 0) end.reset();
    }
    stacks.push_back(std::make_unique<model::Stack>(model::cut_stack(network, begin, end)));
  }
  return stacks;
}

namespace {

FusionPoint plan_point(const FusionResult& fusion, const std::vector<int>& cuts, const Tile& tile,
                       Overlap overlap, const FusionRules& rules) {
  FusionPoint point;
  point.tile = tile;
  point.overlap = overlap;
  for (auto& stack : stacks_of(fusion.network, cuts, rules)) {
    FusedStack one;
    one.stack = std::move(stack);
    one.job.stack = one.stack.get();
    if (one.stack->fault.empty()) {
      one.job.plan = plan_stack(*fusion.core, *one.stack, tile.x, tile.y, overlap, {}, rules);
    }
    point.stacks.push_back(std::move(one));
  }
  return point;
}

void solve_points(const FusionResult& fusion, const std::vector<FusionPoint*>& points) {
  std::vector<StackJob*> jobs;
  for (FusionPoint* point : points) {
    for (FusedStack& one : point->stacks) jobs.push_back(&one.job);
  }
  fusion.solver->run(jobs);
  for (FusionPoint* point : points) point->sum_up();
}

void add_references(FusionResult& fusion, const FusionOptions& options) {
  Tile whole;
  std::vector<int> all;
  for (const model::FusedNode& node : fusion.network.nodes) {
    whole.x = std::max(whole.x, node.map[0]);
    whole.y = std::max(whole.y, node.map[1]);
    if (node.layer) all.push_back(node.id);
  }
  FusionRules rules = options.rules;
  rules.quirks = false;  // or a cut of id 0 would count layers twice
  fusion.layer_by_layer = plan_point(fusion, fusion.cuts, whole, Overlap::recompute, options.rules);
  fusion.single_layers = plan_point(fusion, all, whole, Overlap::recompute, rules);
  solve_points(fusion, {&fusion.layer_by_layer, &fusion.single_layers});
}

}  // namespace

FusionResult begin_fusion(model::FusedNetwork network, const model::Accelerator& accelerator,
                          const model::MappingSpec& mapping, const FusionOptions& options,
                          TileSolver::Effort references) {
  FusionResult result;
  result.core = std::make_unique<FusionCore>(accelerator, mapping);
  result.network = std::move(network);
  if (options.rules.defines) {
    model::fit_maps(result.network, static_cast<int>(result.network.nodes.size()) - 1);
  }
  number_contents(result.network, *result.core);
  result.cuts = cuts_of(result.network, *result.core, options);
  result.solver =
      std::make_unique<TileSolver>(*result.core, options.rules, options.mapper, options.for_each);
  result.solver->map_with(references);
  if (options.references) add_references(result, options);
  result.solver->map_with(TileSolver::Effort::full);
  return result;
}

FusionResult cost_fusions(model::FusedNetwork network, const model::Accelerator& accelerator,
                          const model::MappingSpec& mapping, const FusionOptions& options) {
  FusionResult result = begin_fusion(std::move(network), accelerator, mapping, options);
  for (const Tile& tile : options.tiles) {
    for (const Overlap overlap : options.overlaps) {
      result.points.push_back(plan_point(result, result.cuts, tile, overlap, options.rules));
    }
  }
  std::vector<FusionPoint*> points;
  for (FusionPoint& point : result.points) points.push_back(&point);
  solve_points(result, points);
  for (std::size_t p = 0; p < result.points.size(); ++p) {
    const FusionPoint& point = result.points[p];
    const FusionPoint& best = result.points[result.best];
    const bool fewer = point.infeasible < best.infeasible;
    if (fewer || (point.infeasible == best.infeasible &&
                  better(options.mapper.objective, point.cost(), best.cost()))) {
      result.best = p;
    }
  }
  // Sums are least where each layer-tile is; products need not be.
  const bool sums = !options.rules.defines && options.mapper.objective != Objective::edp;
  result.proven =
      sums && std::all_of(result.points.begin(), result.points.end(), [](const FusionPoint& point) {
        return std::all_of(point.stacks.begin(), point.stacks.end(), [](const FusedStack& one) {
          return one.job.cost.infeasible.empty() && one.job.cost.optimal;
        });
      });
  if (result.proven) {
    result.lower_bound =
        objective_value(options.mapper.objective, result.points[result.best].cost());
  }
  return result;
}

}  // namespace ridgeline::search
