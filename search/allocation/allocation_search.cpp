#include "search/allocation/allocation_search.hpp"

#include <algorithm>
#include <limits>
#include <map>
#include <utility>

#include "search/fronts/archive.hpp"

namespace ridgeline::search {
namespace {

constexpr std::uint64_t kBatch = 4096;  // genomes of the exhaustive engine at a time

constexpr double kCrossover = 0.3;      // share of children made by crossing two members
constexpr double kGeneMutation = 0.75;  // of the others: genes redrawn; the rest swap two genes

// Genomes by crossing, redrawing and swapping genes, each up to symmetry.
class AllocationVariation final : public Variation {
 public:
  AllocationVariation(const GenomeSpace& space, const GenomeSymmetry& symmetry)
      : space_(space), symmetry_(symmetry) {}

  Genome random(RandomStream& random) const override {
    return symmetry_.canonical(random_genome(space_, random));
  }
  Genome child(std::span<const Individual> members, RandomStream& random) const override {
    const auto draw = [&](std::size_t n) { return static_cast<std::size_t>(random.below(n)); };
    const std::size_t a = draw(members.size());
    const Genome& parent = members[a].genome;
    if (members.size() > 1 && random.uniform() < kCrossover) {
      std::size_t b = draw(members.size() - 1);
      if (b >= a) ++b;
      return symmetry_.canonical(cross(parent, members[b].genome, random));
    }
    Genome child = parent;
    if (random.uniform() >= kGeneMutation) child = swap_genes(space_, parent, random);
    if (child == parent) child = redraw_genes(space_, parent, random);
    return symmetry_.canonical(child);
  }

 private:
  const GenomeSpace& space_;
  const GenomeSymmetry& symmetry_;
};

// Genomes with equal objectives: the smallest stands for them.
struct EqualGenomes {
  EvaluatedGenome one;
  void join(EqualGenomes&& other) {
    constexpr std::uint64_t kMost = std::numeric_limits<std::uint64_t>::max();
    const std::uint64_t sum =
        one.equals > kMost - other.one.equals ? kMost : one.equals + other.one.equals;
    if (other.one.genome < one.genome) one = std::move(other.one);
    one.equals = sum;
  }
};

class Search {
 public:
  Search(const GenomeSpace& space, const GenomeSymmetry& symmetry,
         const AllocationSearchOptions& options, const EvaluateGenomes& evaluate)
      : space_(space), symmetry_(symmetry), options_(options), evaluate_(evaluate) {}

  AllocationSearchResult run() {
    AllocationSearchResult result;
    result.space = space_.size(options_.exhaustive_limit);
    result.distinct = symmetry_.size(options_.exhaustive_limit);
    const auto budget = static_cast<std::uint64_t>(options_.population) *
                        (static_cast<std::uint64_t>(options_.generations) + 1);
    result.engine = options_.engine;
    if (result.engine == AllocationEngine::automatic) {
      result.engine =
          result.distinct <= budget ? AllocationEngine::exhaustive : AllocationEngine::ga;
    }
    if (result.engine == AllocationEngine::exhaustive) {
      result.too_large = result.distinct > options_.exhaustive_limit;
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
    Genome genome = symmetry_.first();
    std::vector<Genome> batch;
    for (bool more = true; more && !stopped(result);) {
      batch.clear();
      while (more && batch.size() < kBatch) {
        batch.push_back(genome);
        more = symmetry_.next(genome);
      }
      const std::vector<model::ScheduleFigures> figures = evaluate_(batch);
      for (std::size_t k = 0; k < batch.size(); ++k) offer(batch[k], figures[k]);
      result.evaluated += batch.size();
    }
  }

  // Genomes met before are not evaluated again.
  void genetic(AllocationSearchResult& result) {
    const AllocationVariation variation(space_, symmetry_);
    Nsga2Options settings;
    settings.population = options_.population;
    settings.survivors = std::max(options_.population / 2, 1);
    settings.generations = options_.generations;
    settings.seed = options_.seed;
    std::map<Genome, Fitness> known;
    Nsga2 nsga2(variation, settings);
    while (!nsga2.done() && !stopped(result)) {
      const std::vector<Genome>& children = nsga2.ask();
      std::vector<Genome> fresh;
      for (const Genome& g : children) {
        if (!known.contains(g)) fresh.push_back(g);
      }
      const std::vector<model::ScheduleFigures> figures = evaluate_(fresh);
      for (std::size_t k = 0; k < fresh.size(); ++k) {
        known[fresh[k]] = fitness_of(figures[k]);
        offer(fresh[k], figures[k]);
      }
      result.evaluated += fresh.size();
      std::vector<Fitness> fitness;
      for (const Genome& g : children) fitness.push_back(known.at(g));
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
    archive_.add(fitness_of(figures).objectives, {{genome, figures, symmetry_.equals(genome)}});
  }

  void finish(AllocationSearchResult& result) {
    for (const auto& entry : archive_.entries()) {
      result.front.push_back(entry.group.one);
      const EvaluatedGenome& one = result.front.back();
      if (result.best < 0 ||
          objective_value(options_.report, one.figures) <
              objective_value(options_.report,
                              result.front[static_cast<std::size_t>(result.best)].figures)) {
        result.best = static_cast<int>(result.front.size()) - 1;
      }
    }
    if (result.front.empty()) result.infeasible = infeasible_;
  }

  const GenomeSpace& space_;
  const GenomeSymmetry& symmetry_;
  const AllocationSearchOptions& options_;
  const EvaluateGenomes& evaluate_;
  Archive<EqualGenomes> archive_;
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
    default:  // no objective of schedules
      return 0;
  }
}

AllocationSearchResult search_allocations(const GenomeSpace& space, const GenomeSymmetry& symmetry,
                                          const AllocationSearchOptions& options,
                                          const EvaluateGenomes& evaluate) {
  return Search(space, symmetry, options, evaluate).run();
}

}  // namespace ridgeline::search
