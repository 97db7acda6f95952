#include "search/allocation/allocation_search.hpp"

#include <algorithm>
#include <map>
#include <utility>

namespace ridgeline::search {
namespace {

constexpr std::uint64_t kBatch = 4096;  // genomes of the exhaustive engine at a time

class Search {
 public:
  Search(const GenomeSpace& space, const AllocationSearchOptions& options,
         const EvaluateGenomes& evaluate)
      : space_(space), options_(options), evaluate_(evaluate) {}

  AllocationSearchResult run() {
    AllocationSearchResult result;
    result.space = space_.size(options_.exhaustive_limit);
    const auto budget = static_cast<std::uint64_t>(options_.ga.population) *
                        (static_cast<std::uint64_t>(options_.ga.generations) + 1);
    result.engine = options_.engine;
    if (result.engine == AllocationEngine::automatic) {
      result.engine = result.space <= budget ? AllocationEngine::exhaustive : AllocationEngine::ga;
    }
    if (result.engine == AllocationEngine::exhaustive) {
      result.too_large = result.space > options_.exhaustive_limit;
      if (!result.too_large) exhaustive(result);
    } else {
      genetic(result);
    }
    finish(result);
    return result;
  }

 private:
  bool stopped(AllocationSearchResult& result) const {
    result.stopped = result.stopped || (options_.budget.stopped());
    return result.stopped;
  }

  void exhaustive(AllocationSearchResult& result) {
    std::vector<Genome> batch;
    for (std::uint64_t i = 0; i < result.space && !stopped(result);) {
      batch.clear();
      while (i < result.space && batch.size() < kBatch) batch.push_back(space_.at(i++));
      const std::vector<model::ScheduleFigures> figures = evaluate_(batch);
      for (std::size_t k = 0; k < batch.size(); ++k) offer(batch[k], figures[k]);
      result.evaluated += batch.size();
    }
  }

  // Genomes met before are not evaluated again.
  void genetic(AllocationSearchResult& result) {
    std::map<Genome, model::ScheduleFigures> known;
    Nsga2 nsga2(space_, options_.ga);
    while (!nsga2.done() && !stopped(result)) {
      const std::vector<Genome>& children = nsga2.ask();
      std::vector<Genome> fresh;
      for (const Genome& g : children) {
        if (known.try_emplace(g).second) fresh.push_back(g);
      }
      const std::vector<model::ScheduleFigures> figures = evaluate_(fresh);
      for (std::size_t k = 0; k < fresh.size(); ++k) {
        known[fresh[k]] = figures[k];
        offer(fresh[k], figures[k]);
      }
      result.evaluated += fresh.size();
      std::vector<Fitness> fitness;
      for (const Genome& g : children) fitness.push_back(fitness_of(known.at(g)));
      nsga2.tell(fitness);
    }
  }

  Fitness fitness_of(const model::ScheduleFigures& figures) const {
    Fitness fitness;
    fitness.violation = figures.feasible() ? 0 : 1;
    for (const ScheduleObjective o : options_.objectives) {
      fitness.objectives.push_back(figures.feasible() ? objective_value(o, figures) : 0);
    }
    return fitness;
  }

  void offer(const Genome& genome, const model::ScheduleFigures& figures) {
    if (!figures.feasible()) {
      if (infeasible_.genome.empty()) infeasible_ = {genome, figures};
      return;
    }
    Fitness fitness = fitness_of(figures);
    if (archive_.insert(std::move(fitness.objectives), offered_.size())) {
      offered_.push_back({genome, figures});
    }
  }

  void finish(AllocationSearchResult& result) {
    for (const ParetoArchive::Entry& e : archive_.entries()) {
      result.front.push_back(offered_[static_cast<std::size_t>(e.id)]);
    }
    const auto objectives = [&](const EvaluatedGenome& g) {
      return std::pair(fitness_of(g.figures).objectives, g.genome);
    };
    std::sort(result.front.begin(), result.front.end(),
              [&](const EvaluatedGenome& a, const EvaluatedGenome& b) {
                return objectives(a) < objectives(b);
              });
    const auto reported = [&](const EvaluatedGenome& g) {
      return std::pair(objective_value(options_.report, g.figures), objectives(g));
    };
    for (int i = 0; i < static_cast<int>(result.front.size()); ++i) {
      if (result.best < 0 || reported(result.front[static_cast<std::size_t>(i)]) <
                                 reported(result.front[static_cast<std::size_t>(result.best)])) {
        result.best = i;
      }
    }
    if (result.front.empty()) result.infeasible = infeasible_;
  }

  const GenomeSpace& space_;
  const AllocationSearchOptions& options_;
  const EvaluateGenomes& evaluate_;
  ParetoArchive archive_;
  std::vector<EvaluatedGenome> offered_;
  EvaluatedGenome infeasible_;
};

}  // namespace

double objective_value(ScheduleObjective objective, const model::ScheduleFigures& figures) {
  switch (objective) {
    case ScheduleObjective::latency:
      return figures.latency;
    case ScheduleObjective::energy:
      return figures.energy.total();
    case ScheduleObjective::edp:
      return figures.latency * figures.energy.total();
    case ScheduleObjective::peak_memory:
      return static_cast<double>(figures.peak_bits);
  }
  return 0;
}

AllocationSearchResult search_allocations(const GenomeSpace& space,
                                          const AllocationSearchOptions& options,
                                          const EvaluateGenomes& evaluate) {
  return Search(space, options, evaluate).run();
}

}  // namespace ridgeline::search
