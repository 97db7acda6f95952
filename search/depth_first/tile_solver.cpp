#include "search/depth_first/tile_solver.hpp"

#include <map>
#include <utility>

namespace ridgeline::search {

TileSolver::TileSolver(const FusionCore& core, const FusionRules& rules,
                       const MapperOptions& options, ForEach for_each, Depth depth)
    : core_(core),
      rules_(rules),
      options_(options),
      for_each_(std::move(for_each)),
      depth_(depth) {}

void TileSolver::run(const std::vector<StackJob*>& jobs) {
  std::vector<StackJob*> open = jobs;
  while (!open.empty()) {
    // What is not known yet is noted down; then all of it is solved together. Where a layer-tile
    // does not fit, the next round asks for it with more memories.
    std::map<std::string, TileProblem> asked;
    std::vector<StackJob*> waiting;
    for (StackJob* job : open) {
      job->cost = cost_stack(core_, *job->stack, job->plan, rules_,
                             [&](const TileProblem& problem) -> const LayerResult* {
                               std::string key = key_of(problem, core_);
                               const auto it = known_.find(key);
                               if (it != known_.end()) return &it->second;
                               const auto [place, fresh] =
                                   asked.try_emplace(std::move(key), problem);
                               if (fresh) complete(place->second, rules_);
                               return nullptr;
                             });
      if (!job->cost.known) waiting.push_back(job);
    }
    std::vector<std::pair<const std::string*, const TileProblem*>> list;
    for (const auto& [key, problem] : asked) list.emplace_back(&key, &problem);
    std::vector<LayerResult> results(list.size());
    const auto solve = [&](std::size_t i) {
      results[i] = depth_ == Depth::mapping
                       ? map_tile(*list[i].second, core_, rules_, options_)
                       : bound_tile(*list[i].second, core_, options_, depth_ == Depth::quick_bound);
    };
    if (for_each_ && list.size() > 1) {
      for_each_(list.size(), solve);
    } else {
      for (std::size_t i = 0; i < list.size(); ++i) solve(i);
    }
    for (std::size_t i = 0; i < list.size(); ++i) {
      evaluated_ += results[i].evaluated;
      cut_off_ = cut_off_ || results[i].cut_off;
      // The orderings of the model of 2022 are all looked at: there is nothing to prove.
      const bool sure = rules_.defines || !results[i].infeasible.empty() || results[i].optimal;
      proven_ = proven_ && (sure || depth_ != Depth::mapping) && !results[i].cut_off;
      known_.emplace(*list[i].first, std::move(results[i]));
    }
    open = std::move(waiting);
  }
}

}  // namespace ridgeline::search
