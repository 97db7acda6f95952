#include "engine/explore/study_strategy.hpp"

namespace ridgeline::engine {

// A space that hides its designs behind more steps than these is given up: a strategy must not
// keep the engine from its messages and signals.
constexpr std::uint64_t kSteps = 100'000;

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

std::unique_ptr<search::DesignStrategy> strategy_of(const io::Study& study) {
  const io::StudySpec& spec = study.spec();
  search::DesignSpace space = space_of(study);
  switch (spec.strategy.kind) {
    case io::StrategyKind::random:
      return search::random_strategy(std::move(space), spec.strategy.samples, spec.seed);
    case io::StrategyKind::nsga2:
      return search::nsga2_strategy(std::move(space),
                                    {spec.strategy.islands, spec.strategy.population,
                                     spec.strategy.generations, spec.strategy.migrate_every},
                                    spec.seed);
    case io::StrategyKind::exhaustive:
      break;
  }
  // Counting stops where it would keep people waiting: the count is for progress and for the
  // size of blocks, and must be the same in every run.
  const std::uint64_t grid = space.grid;
  return search::exhaustive_strategy(std::move(space),
                                     study.count_existing(2'000'000).value_or(grid));
}

}  // namespace ridgeline::engine
