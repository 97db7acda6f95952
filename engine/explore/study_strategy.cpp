#include "engine/explore/study_strategy.hpp"

#include <algorithm>

#include "engine/explore/joint_genes.hpp"
#include "engine/explore/metrics.hpp"
#include "engine/run/team.hpp"
#include "search/designs/nested_strategy.hpp"

namespace ridgeline::engine {

// A space that hides its designs behind more steps than these is given up: a strategy must not
// keep the engine from its messages and signals.
constexpr std::uint64_t kSteps = 100'000;
// Largest grid whose designs are put in order.
constexpr std::uint64_t kMostSteps = 2'000'000;

search::DesignSpace space_of(const io::Study& study) {
  search::DesignSpace space;
  space.grid = study.grid().count;
  for (const auto& parameter : study.spec().parameters)
    space.sizes.push_back(static_cast<int>(parameter.values.size()));
  space.exists = [&study](std::uint64_t id) {
    try {
      return study.exists(id);
    } catch (const io::InputError&) {
      return true;  // recorded as an error of this design when it is evaluated
    }
  };
  space.next_existing = [&study](std::uint64_t from) {
    try {
      if (const auto id = study.next_existing(from, kSteps)) return *id;
      return study.next_existing(0, kSteps).value_or(from);
    } catch (const io::InputError&) {
      return from;
    }
  };
  return space;
}

namespace {

search::IslandOptions islands_of(const io::StudyStrategy& strategy) {
  return {strategy.islands, strategy.population, strategy.generations, strategy.migrate_every};
}

search::JointSpace joint_space_of(const io::Study& study) {
  const auto genes = std::make_shared<const JointGenes>(study);
  search::JointSpace space;
  space.designs = space_of(study);
  space.genes = genes->genes();
  space.cores = [genes](std::uint64_t design) { return genes->cores(design); };
  return space;
}

// A space that nobody lives to see the end of is refused; `--dry-run` tells its size.
void check_all_schedules(const io::Study& study, const search::JointSpace& space) {
  constexpr int kLooked = 64;
  double all = 0;
  std::uint64_t from = 0;
  for (int looked = 0; looked < kLooked && from < space.designs.grid; ++looked) {
    const auto design = study.next_existing(from, kSteps);
    if (!design) break;
    from = *design + 1;
    const auto cores = space.cores(*design);
    double genomes = 1;
    for (std::size_t g = 0; g < space.genes.size(); ++g)
      genomes *= space.genes[g].kind == search::ScheduleGene::core
                     ? static_cast<double>(std::max<std::size_t>(1, cores->values[g].size()))
                     : space.genes[g].size;
    all += genomes;
  }
  if (all <= static_cast<double>(io::kMaxExhaustive)) return;
  throw io::InputError(
      {study.spec().file.string(), "/strategy/schedules", 0, 0},
      "the first designs alone have more than " + std::to_string(io::kMaxExhaustive) + " schedules",
      "take strategy {kind: joint, ...}, or leave out cores or layers");
}

}  // namespace

search::BoundDesigns bounds_by(Evaluator& evaluator, const io::Study& study, bool prune,
                               int threads) {
  // What designs promise decides in which order they come, whether or not any is pruned.
  if (!evaluator.bounds_designs() || !(prune || study.keeps_fronts())) return {};
  return [&evaluator, &study, threads](const std::vector<std::uint64_t>& ids) {
    // Neighbours share much of the work: each thread takes some that follow each other.
    constexpr std::size_t kTogether = 64;
    std::vector<std::vector<double>> bounds(ids.size());
    Team team(threads);
    team.run((ids.size() + kTogether - 1) / kTogether, [&](std::size_t part, int) {
      const std::size_t end = std::min(ids.size(), (part + 1) * kTogether);
      for (std::size_t i = part * kTogether; i < end; ++i)
        if (const auto bound = evaluator.bound(ids[i]);
            // A design that no schedule keeps within the constraints promises nothing.
            bound &&
            !(study.keeps_fronts() && !unreachable_constraint(study.spec(), *bound).empty()))
          bounds[i] = objective_vector(study.spec().objectives, *bound);
    });
    return bounds;
  };
}

std::unique_ptr<search::DesignStrategy> strategy_of(const io::Study& study,
                                                    search::BoundDesigns bounds) {
  const io::StudySpec& spec = study.spec();
  search::DesignSpace space = space_of(study);
  switch (spec.strategy.kind) {
    case io::StrategyKind::random:
      return search::random_strategy(std::move(space), spec.strategy.samples, spec.seed);
    case io::StrategyKind::nested:
      if (spec.strategy.front_schedules) {
        const std::uint64_t grid = space.grid;
        if (grid > kMostSteps) bounds = {};
        return search::nested_strategy(std::move(space), islands_of(spec.strategy), spec.seed,
                                       study.count_existing(kMostSteps).value_or(grid),
                                       std::move(bounds));
      }
      [[fallthrough]];
    case io::StrategyKind::nsga2:
      return search::nsga2_strategy(std::move(space), islands_of(spec.strategy), spec.seed);
    case io::StrategyKind::joint:
      return search::joint_strategy(joint_space_of(study), islands_of(spec.strategy), spec.seed);
    case io::StrategyKind::exhaustive:
      break;
  }
  // Counting stops where it would keep people waiting: the count is for progress and for the
  // size of blocks, and must be the same in every run.
  const std::uint64_t grid = space.grid;
  if (spec.strategy.all_schedules) {
    search::JointSpace joint = joint_space_of(study);
    check_all_schedules(study, joint);
    return search::exhaustive_joint_strategy(std::move(joint),
                                             study.count_existing(2'000'000).value_or(grid));
  }
  const std::uint64_t count = study.count_existing(2'000'000).value_or(grid);
  if (bounds && !spec.multi_core && count <= search::kMostOrdered && grid <= kMostSteps)
    return search::ordered_strategy(std::move(space), count, std::move(bounds));
  return search::exhaustive_strategy(std::move(space), count);
}

}  // namespace ridgeline::engine
