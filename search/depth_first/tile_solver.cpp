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
// Of what is to be bounded more closely, what is so heavy, as part of the heaviest, goes together.
constexpr double kAsHeavy = 0.25;

constexpr TileFigures kFull{
    .known = true, .fault = "caches, weights and maps of other layers leave nothing of a memory"};

TileFigures figures_of(const TileBound& bound) {
  TileFigures tile;
  tile.known = true;
  if (!bound.possible) tile.fault = "no mapping fits the memories";
  // Nothing takes less than no time in all, whatever is known of its parts.
  tile.cost = {bound.least.energy, std::max(0.0, bound.least.latency)};
  tile.latency_offloaded = tile.cost.latency;
  tile.optimal = bound.fits;
  return tile;
}

}  // namespace

TileSolver::TileSolver(const FusionCore& core, const FusionRules& rules,
                       const MapperOptions& options, ForEach for_each, Depth depth)
    : core_(core),
      rules_(rules),
      options_(options),
      for_each_(std::move(for_each)),
      depth_(depth),
      frames_(core) {
  if (depth == Depth::quick) fresh_ = std::make_unique<Fresh>();
}

std::size_t TileSolver::Hash::operator()(const TileKey& key) const {
  return hash_of(key);
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

TileFigures TileSolver::figures(const LayerResult& result) const {
  TileFigures tile;
  tile.known = true;
  tile.mapped = &result;
  if (!result.infeasible.empty()) {
    tile.fault = result.infeasible.c_str();
    return tile;
  }
  const model::Evaluation& one = result.evaluation;
  tile.cost = {one.cost.energy, rules_.defines ? one.latency.total1 : one.latency.total2};
  tile.latency_offloaded = one.latency.total2;
  tile.mac_energy = one.mac_energy;
  tile.memory_energy = one.memory_energy;
  tile.macs = one.macs;
  tile.optimal = result.optimal;
  return tile;
}

void TileSolver::learn(const TileKey& key, const LayerResult& result) {
  if (!result.infeasible.empty() && result.cut_off) return;
  TileBound& bound = *bounds_.emplace(key).first;
  ++learnt_;
  bound.fits = true;  // whether something fits is known
  bound.possible = result.infeasible.empty();
  if (!bound.possible) return;
  const double value = result.optimal ? objective_value(options_.objective, result.evaluation.cost)
                                      : result.lower_bound;
  double& own = options_.objective == Objective::energy ? bound.least.energy : bound.least.latency;
  own = std::max(own, value);
}

// What is known of a layer-tile whatever others hold, if that decides it; else what there is to ask
// is noted down.
bool TileSolver::know_free(const StackJob& job, const TileProblem& problem, TileKey& key,
                           TileFigures& tile, std::vector<Asked>& asked, Coarse& coarse) {
  free_key_of(problem, key);
  const FreeBound* known = free_.find(key);
  const bool rough = known == nullptr && coarse_ != nullptr;
  if (rough) known = coarse_->free_.find(key);
  if (known == nullptr && fresh_) {
    known = fresh_->free.get(key, [&] { return free_bound_of(problem); });
  }
  if (known == nullptr) {
    asked.push_back({key, problem, true});
    return true;
  }
  const bool fits = known->certain(problem, core_);
  if (rough && fits) {
    const double weight = job.limit.of(known->bound.least) * problem.kind->count *
                          static_cast<double>(problem.node->count);
    if (weight >= kAsHeavy * coarse.heaviest) coarse.list.push_back({key, problem, true, weight});
    coarse.heaviest = std::max(coarse.heaviest, weight);
  }
  if (known->bound.possible && !fits) return false;
  tile = figures_of(known->bound);
  return true;
}

// Sums up what is known of a job, and notes down what is not.
void TileSolver::cost(StackJob& job, bool renew, std::vector<Asked>& asked) {
  TileKey key;
  Coarse coarse;
  const TileLookup lookup = [&](const TileProblem& problem) -> TileFigures {
    if (full(problem)) return kFull;
    TileFigures tile;
    // What others hold often decides nothing.
    const bool free = depth_ == Depth::quick || depth_ == Depth::alone;
    if (free && know_free(job, problem, key, tile, asked, coarse)) return tile;
    key_of(problem, key);
    if (depth_ != Depth::mapping) {
      const TileBound* bound = bounds_.find(key);
      if (bound == nullptr && fresh_) {
        bound = fresh_->bounds.get(key, [&] { return bound_of(problem); });
      }
      if (bound != nullptr) return figures_of(*bound);
    } else if (const auto it = known_.find(key);
               it != known_.end() && (!renew || !wants_more(key))) {
      return figures(it->second);
    }
    asked.push_back({key, problem});
    return tile;
  };
  if (job.detail) {
    job.cost = cost_stack(core_, *job.stack, job.plan, rules_, lookup);
    return;
  }
  if (coarse_ != nullptr) job.cost = {};
  add_kinds(core_, *job.stack, job.plan, rules_, lookup, job.limit, job.cost);
  if (!job.cost.known || job.cost.beyond || !job.cost.infeasible.empty()) return;
  for (Asked& one : coarse.list) {
    if (one.weight >= kAsHeavy * coarse.heaviest) asked.push_back(std::move(one));
    job.cost.known = false;
  }
}

void TileSolver::run(const std::vector<StackJob*>& jobs) {
  std::vector<StackJob*> open = jobs;
  if (coarse_ != nullptr) {
    coarse_->run(jobs);
    const auto done = [](const StackJob* job) {
      return job->cost.beyond || !job->cost.infeasible.empty();
    };
    open.erase(std::remove_if(open.begin(), open.end(), done), open.end());
  }
  for (StackJob* job : open) job->cost = {};
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
    each(open.size(), [&](std::size_t j) { cost(*open[j], renew, asked[j]); });
    if (fresh_) {
      fresh_->bounds.move_into(bounds_);
      fresh_->free.move_into(free_);
    }
    if (depth_ == Depth::mapping) {
      solve_mappings(asked, needed, renew);
    } else {
      solve_bounds(asked);
    }
    const auto known = [](const StackJob* job) { return job->cost.known; };
    open.erase(std::remove_if(open.begin(), open.end(), known), open.end());
  }
}

void TileSolver::solve_bounds(std::vector<std::vector<Asked>>& asked) {
  std::vector<std::pair<TileBound*, TileProblem*>> list;
  std::vector<std::pair<FreeBound*, TileProblem*>> free_list;
  for (std::vector<Asked>& of_job : asked) {
    for (Asked& one : of_job) {
      if (one.free) {
        const auto [bound, fresh] = free_.emplace(one.key);
        if (fresh) free_list.emplace_back(bound, &one.problem);
      } else {
        const auto [bound, fresh] = bounds_.emplace(one.key);
        if (fresh) list.emplace_back(bound, &one.problem);
      }
    }
  }
  each(free_list.size(),
       [&](std::size_t i) { *free_list[i].first = free_bound_of(*free_list[i].second); });
  each(list.size(), [&](std::size_t i) { *list[i].first = bound_of(*list[i].second); });
}

// Where the budget has ended, nothing is known.
FreeBound TileSolver::free_bound_of(const TileProblem& problem) {
  if (options_.budget.stopped()) return {};
  TileProblem alone = problem;
  alone.reserved.clear();
  alone.frame = frames_.of(alone);
  complete(alone, core_, rules_);
  return bound_free_tile(alone, core_, options_, bound_options());
}

TileBound TileSolver::bound_of(const TileProblem& problem) {
  if (options_.budget.stopped()) return {};
  TileProblem one = problem;
  one.frame = frames_.of(one);
  complete(one, core_, rules_);
  return bound_tile(one, core_, options_, bound_options());
}

void TileSolver::solve_mappings(std::vector<std::vector<Asked>>& asked, bool needed, bool renew) {
  std::vector<std::pair<LayerResult*, TileProblem*>> list;
  std::vector<const TileKey*> keys;
  std::vector<std::optional<Effort>> before;  // of what is known already
  for (std::vector<Asked>& of_job : asked) {
    for (Asked& one : of_job) {
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
  }
  const bool less = effort_ != Effort::full && options_.engine == Engine::exact && !rules_.defines;
  MapperOptions easy = options_;
  if (effort_ == Effort::simple) easy.engine = Engine::loma;
  const Ease ease = effort_ == Effort::fine ? kFine : kRough;
  easy.gap = std::max(easy.gap, ease.gap);
  easy.node_limit =
      options_.node_limit == 0 ? ease.nodes : std::min(options_.node_limit, ease.nodes);
  std::vector<Effort> found(list.size(), Effort::full);
  std::vector<char> left_out(list.size(), 0);
  each(list.size(), [&](std::size_t i) {
    left_out[i] = !needed && options_.budget.stopped();
    if (left_out[i]) return;
    TileProblem& problem = *list[i].second;
    complete(problem, core_, rules_);
    LayerResult& result = *list[i].first;
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
      for (TileSolver* bounds : told_) bounds->learn(*keys[i], result);
      continue;
    }
    cut_off_ = cut_off_ || result.cut_off;
    // The orderings of the model of 2022 are all looked at: there is nothing to prove.
    const bool sure = rules_.defines || !result.infeasible.empty() || result.optimal;
    proven_ = proven_ && sure && !result.cut_off;
    for (TileSolver* bounds : told_) bounds->learn(*keys[i], result);
  }
}

}  // namespace ridgeline::search
