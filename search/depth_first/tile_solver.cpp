#include "search/depth_first/tile_solver.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

namespace ridgeline::search {

TileSolver::TileSolver(const FusionCore& core, const FusionRules& rules,
                       const MapperOptions& options, ForEach for_each, Depth depth)
    : core_(core),
      rules_(rules),
      options_(options),
      for_each_(std::move(for_each)),
      depth_(depth) {}

std::size_t TileSolver::Hash::operator()(const TileKey& key) const {
  std::uint64_t hash = 0x9e3779b97f4a7c15;
  for (const std::int64_t word : key) {
    hash = (hash ^ static_cast<std::uint64_t>(word)) * 0xff51afd7ed558ccd;
    hash ^= hash >> 32;
  }
  return hash;
}

namespace {

// The same layer-tile with as much held by others as leaves room for its own data everywhere; false
// where others hold more, or nothing.
bool leave_the_least(const TileProblem& problem, const FusionCore& core, TileProblem& freed) {
  bool any = false;
  for (std::size_t m = 0; m < problem.reserved.size(); ++m) {
    any = any || problem.reserved[m] > 0;
    if (problem.reserved[m] > 0 &&
        core.size(static_cast<int>(m)) - problem.reserved[m] < problem.own_bits) {
      return false;
    }
  }
  if (!any) return false;
  freed.node = problem.node;
  freed.kind = problem.kind;
  freed.place = problem.place;
  freed.top = problem.top;
  freed.own_bits = problem.own_bits;
  freed.reserved.resize(problem.reserved.size());
  for (std::size_t m = 0; m < freed.reserved.size(); ++m) {
    freed.reserved[m] =
        std::max(0.0, std::floor(core.size(static_cast<int>(m)) - problem.own_bits));
  }
  return true;
}

}  // namespace

void TileSolver::each(std::size_t count, const std::function<void(std::size_t)>& body) const {
  if (for_each_ && count > 1) {
    for_each_(count, body);
  } else {
    for (std::size_t i = 0; i < count; ++i) body(i);
  }
}

void TileSolver::learn(const TileKey& key, const LayerResult& result, Depth depth) {
  LayerResult light;
  light.infeasible = result.infeasible;
  light.optimal = true;  // whether something fits is known
  if (!result.infeasible.empty()) {
    if (result.cut_off) return;
  } else {
    const auto it = known_.find(key);
    if (it != known_.end()) light.evaluation = it->second.evaluation;
    model::Evaluation& least = light.evaluation;
    if (depth == Depth::bound) {
      light.optimal = result.optimal;
      least.cost.energy = std::max(least.cost.energy, result.evaluation.cost.energy);
      least.cost.latency = std::max(least.cost.latency, result.evaluation.cost.latency);
    } else {
      const double bound = result.optimal
                               ? objective_value(options_.objective, result.evaluation.cost)
                               : result.lower_bound;
      double& own =
          options_.objective == Objective::energy ? least.cost.energy : least.cost.latency;
      own = std::max(own, bound);
    }
    least.latency.total2 = least.cost.latency;
  }
  known_.insert_or_assign(key, std::move(light));
  ++learnt_;
}

void TileSolver::run(const std::vector<StackJob*>& jobs) {
  using Asked = std::vector<std::pair<TileKey, TileProblem>>;
  std::vector<StackJob*> open = jobs;
  for (StackJob* job : jobs) job->cost = {};
  for (bool again = false; !open.empty(); again = true) {
    if (again && depth_ != Depth::mapping && options_.budget.stopped()) {
      for (StackJob* job : open) job->cost.optimal = false;  // sums of a part, without proof
      return;
    }
    // What is not known yet is noted down; then all of it is solved together. Where a layer-tile
    // does not fit, the next round asks for it with more memories.
    const bool renew = !simply_ && !simple_.empty() && !options_.budget.stopped();
    std::vector<Asked> asked(open.size());
    each(open.size(), [&](std::size_t j) {
      StackJob& job = *open[j];
      TileKey key;
      TileProblem freed;
      const auto find = [&](const TileProblem& problem) -> const LayerResult* {
        key_of(problem, key);
        const auto it = known_.find(key);
        if (it != known_.end() && (!renew || simple_.count(key) == 0)) return &it->second;
        asked[j].emplace_back(key, problem);
        return nullptr;
      };
      const TileLookup lookup = [&](const TileProblem& problem) -> const LayerResult* {
        // Quick bounds do not depend on what others hold; only whether a mapping fits does.
        if (depth_ == Depth::quick_bound && leave_the_least(problem, core_, freed)) {
          const LayerResult* found = find(freed);
          if (found == nullptr || found->optimal) return found;
        }
        return find(problem);
      };
      if (job.detail) {
        job.cost = cost_stack(core_, *job.stack, job.plan, rules_, lookup);
      } else {
        add_kinds(core_, *job.stack, job.plan, rules_, lookup, job.limit, job.cost);
      }
    });
    std::vector<StackJob*> waiting;
    std::vector<std::pair<LayerResult*, TileProblem*>> list;
    std::vector<const TileKey*> keys;
    std::vector<char> again_ones;
    for (std::size_t j = 0; j < open.size(); ++j) {
      if (!open[j]->cost.known) waiting.push_back(open[j]);
      for (auto& [key, problem] : asked[j]) {
        const auto [it, fresh] = known_.try_emplace(std::move(key));
        if (!fresh && (!renew || simple_.erase(it->first) == 0)) continue;
        again_ones.push_back(!fresh);
        list.emplace_back(&it->second, &problem);
        keys.push_back(&it->first);
      }
    }
    const bool simply = simply_ && options_.engine == Engine::exact && !rules_.defines;
    MapperOptions simple = options_;
    simple.engine = Engine::loma;
    std::vector<char> simple_ones(list.size(), 0);
    each(list.size(), [&](std::size_t i) {
      // A bound that nobody waits for: nothing is known.
      if (depth_ != Depth::mapping && options_.budget.stopped()) return;
      TileProblem& problem = *list[i].second;
      complete(problem, core_, rules_);
      LayerResult& result = *list[i].first;
      if (depth_ != Depth::mapping) {
        result = bound_tile(problem, core_, options_, depth_ == Depth::quick_bound);
        return;
      }
      if (simply) result = map_tile(problem, core_, rules_, simple);
      simple_ones[i] = simply && result.infeasible.empty();
      if (simple_ones[i]) return;
      LayerResult full = map_tile(problem, core_, rules_, options_);
      // Where the budget ended this one early, the simple one may be better.
      const bool worse =
          again_ones[i] &&
          (full.cut_off || objective_value(options_.objective, full.evaluation.cost) >
                               objective_value(options_.objective, result.evaluation.cost));
      if (!worse) result = std::move(full);
    });
    for (std::size_t i = 0; i < list.size(); ++i) {
      const LayerResult& result = *list[i].first;
      evaluated_ += result.evaluated;
      if (simple_ones[i]) {
        simple_.insert(*keys[i]);
        continue;
      }
      cut_off_ = cut_off_ || result.cut_off;
      // The orderings of the model of 2022 are all looked at: there is nothing to prove.
      const bool sure = rules_.defines || !result.infeasible.empty() || result.optimal;
      proven_ = proven_ && (sure || depth_ != Depth::mapping) && !result.cut_off;
      for (TileSolver* bounds : told_) bounds->learn(*keys[i], result, depth_);
    }
    open = std::move(waiting);
  }
}

}  // namespace ridgeline::search
