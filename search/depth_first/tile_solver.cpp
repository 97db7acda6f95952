#include "search/depth_first/tile_solver.hpp"

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

namespace ridgeline::search {

namespace {

// Relative gap within which layer-tiles are mapped with less effort, and nodes after which they are
// left.
struct Ease {
  double gap;
  std::int64_t nodes;
};
constexpr Ease kRough{0.01, 20'000};
constexpr Ease kFine{1e-5, 500'000};

}  // namespace

TileSolver::TileSolver(const FusionCore& core, const FusionRules& rules,
                       const MapperOptions& options, ForEach for_each, Depth depth)
    : core_(core),
      rules_(rules),
      options_(options),
      for_each_(std::move(for_each)),
      depth_(depth),
      frames_(core) {
  full_.infeasible = "caches, weights and maps of other layers leave nothing of a memory";
}

std::size_t TileSolver::Hash::operator()(const TileKey& key) const {
  std::uint64_t hash = 0x9e3779b97f4a7c15;
  for (const std::int64_t word : key) {
    hash = (hash ^ static_cast<std::uint64_t>(word)) * 0xff51afd7ed558ccd;
    hash ^= hash >> 32;
  }
  return hash;
}

// Tables of energy; of latency by rounds of prices, and of both where the product counts.
BoundOptions TileSolver::bound_options() const {
  constexpr int kPriceSteps = 3;
  BoundOptions how;
  how.quick = depth_ == Depth::quick;
  if (options_.objective == Objective::latency) how.price_steps = kPriceSteps;
  if (options_.objective == Objective::edp && depth_ == Depth::bound) how.price_steps = kPriceSteps;
  return how;
}

// Whether what is known of a layer-tile was found with less effort than is asked for now.
bool TileSolver::wants_more(const TileKey& key) const {
  const auto it = less_.find(key);
  return it != less_.end() && it->second < effort_;
}

// Whether others leave nothing at all of a memory.
bool TileSolver::full(const TileProblem& problem) const {
  for (std::size_t m = 0; m < problem.reserved.size(); ++m) {
    if (problem.reserved[m] > 0 && problem.reserved[m] >= core_.size(static_cast<int>(m))) {
      return true;
    }
  }
  return false;
}

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
  // What jobs ask for that is not known yet.
  struct Asked {
    TileKey key;
    TileProblem problem;
    bool free = false;
  };
  std::vector<StackJob*> open = jobs;
  for (StackJob* job : jobs) job->cost = {};
  for (bool again = false; !open.empty(); again = true) {
    const bool needed =
        std::any_of(open.begin(), open.end(), [](const StackJob* job) { return job->needed; });
    if (!needed && options_.budget.stopped()) {
      for (StackJob* job : open) job->cost.known = false;
      return;
    }
    if (again && depth_ != Depth::mapping && options_.budget.stopped()) {
      for (StackJob* job : open) job->cost.optimal = false;  // sums of a part, without proof
      return;
    }
    // What is not known yet is noted down; then all of it is solved together. Where a layer-tile
    // does not fit, the next round asks for it with more memories.
    const bool renew = !less_.empty() && !options_.budget.stopped();
    std::vector<std::vector<Asked>> asked(open.size());
    each(open.size(), [&](std::size_t j) {
      StackJob& job = *open[j];
      TileKey key;
      const TileLookup lookup = [&](const TileProblem& problem) -> const LayerResult* {
        if (full(problem)) return &full_;
        // What others hold often decides nothing.
        if (depth_ == Depth::quick || depth_ == Depth::alone) {
          free_key_of(problem, key);
          const auto it = free_.find(key);
          if (it == free_.end()) {
            asked[j].push_back({key, problem, true});
            return nullptr;
          }
          const FreeBound& bound = it->second;
          if (!bound.least.infeasible.empty() || bound.certain(problem, core_)) return &bound.least;
        }
        key_of(problem, key);
        const auto it = known_.find(key);
        if (it != known_.end() && (!renew || !wants_more(key))) return &it->second;
        asked[j].push_back({key, problem, false});
        return nullptr;
      };
      if (job.detail) {
        job.cost = cost_stack(core_, *job.stack, job.plan, rules_, lookup);
      } else {
        add_kinds(core_, *job.stack, job.plan, rules_, lookup, job.limit, job.cost);
      }
    });
    std::vector<StackJob*> waiting;
    std::vector<std::pair<LayerResult*, TileProblem*>> list;
    std::vector<std::pair<FreeBound*, TileProblem*>> free_list;
    std::vector<const TileKey*> keys;
    std::vector<std::optional<Effort>> before;  // of what is known already
    for (std::size_t j = 0; j < open.size(); ++j) {
      if (!open[j]->cost.known) waiting.push_back(open[j]);
      for (Asked& one : asked[j]) {
        if (one.free) {
          const auto [it, fresh] = free_.try_emplace(std::move(one.key));
          if (fresh) free_list.emplace_back(&it->second, &one.problem);
          continue;
        }
        const auto [it, fresh] = known_.try_emplace(std::move(one.key));
        if (!fresh && (!renew || !wants_more(it->first))) continue;
        before.emplace_back();
        if (!fresh) before.back() = less_.extract(it->first).mapped();
        list.emplace_back(&it->second, &one.problem);
        keys.push_back(&it->first);
      }
    }
    if (!rules_.defines) {
      for (auto& [_, problem] : list) problem->frame = frames_.of(*problem);
      for (auto& [_, problem] : free_list) problem->frame = frames_.of(*problem);
    }
    const BoundOptions how = bound_options();
    each(free_list.size(), [&](std::size_t i) {
      if (options_.budget.stopped()) return;
      TileProblem& problem = *free_list[i].second;
      complete(problem, core_, rules_);
      *free_list[i].first = bound_free_tile(problem, core_, options_, how);
    });
    const bool less =
        effort_ != Effort::full && options_.engine == Engine::exact && !rules_.defines;
    MapperOptions easy = options_;
    if (effort_ == Effort::simple) easy.engine = Engine::loma;
    const Ease ease = effort_ == Effort::fine ? kFine : kRough;
    easy.gap = std::max(easy.gap, ease.gap);
    easy.node_limit =
        options_.node_limit == 0 ? ease.nodes : std::min(options_.node_limit, ease.nodes);
    std::vector<Effort> found(list.size(), Effort::full);
    std::vector<char> left_out(list.size(), 0);
    each(list.size(), [&](std::size_t i) {
      // A bound that nobody waits for: nothing is known.
      if (depth_ != Depth::mapping && options_.budget.stopped()) return;
      left_out[i] = !needed && options_.budget.stopped();
      if (left_out[i]) return;
      TileProblem& problem = *list[i].second;
      complete(problem, core_, rules_);
      LayerResult& result = *list[i].first;
      if (depth_ != Depth::mapping) {
        result = bound_tile(problem, core_, options_, how);
        return;
      }
      LayerResult fresh = map_tile(problem, core_, rules_, less ? easy : options_);
      if (less && fresh.infeasible.empty() && !fresh.optimal) found[i] = effort_;
      const bool unclear = effort_ == Effort::simple || fresh.cut_off;
      if (less && !fresh.infeasible.empty() && unclear) {
        fresh = map_tile(problem, core_, rules_, options_);
      }
      // Where the budget ended this one early, the one from before may be better.
      const bool worse =
          before[i] &&
          (fresh.cut_off || objective_value(options_.objective, fresh.evaluation.cost) >
                                objective_value(options_.objective, result.evaluation.cost));
      if (worse && !fresh.cut_off) {
        result.lower_bound = std::max(result.lower_bound, fresh.lower_bound);
      }
      if (!worse) result = std::move(fresh);
    });
    for (std::size_t i = 0; i < list.size(); ++i) {
      if (left_out[i]) {
        cut_off_ = true;
        if (before[i]) {
          less_.emplace(*keys[i], *before[i]);
        } else {
          known_.erase(known_.find(*keys[i]));
        }
        continue;
      }
      const LayerResult& result = *list[i].first;
      evaluated_ += result.evaluated;
      if (found[i] != Effort::full) {
        less_.emplace(*keys[i], found[i]);
        if (found[i] == Effort::simple) continue;
        for (TileSolver* bounds : told_) bounds->learn(*keys[i], result, depth_);
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
