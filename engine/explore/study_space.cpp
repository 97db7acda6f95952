// What a study document says of its space and strategy, as strategies see it.
#include "engine/explore/block_source.hpp"

namespace ridgeline::engine {

// A space that hides its designs behind more steps than these is given up: a strategy must not
// keep the engine from its messages and signals.
constexpr std::uint64_t kSteps = 100'000;

Space space_of(const io::Study& study) {
  Space space;
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
  space.objectives = study.spec().objectives;
  return space;
}

std::unique_ptr<BlockSource> source_of(const io::Study& study) {
  const io::StudySpec& spec = study.spec();
  Space space = space_of(study);
  switch (spec.strategy.kind) {
    case io::StrategyKind::random:
      return random_source(std::move(space), spec.strategy.samples, spec.seed);
    case io::StrategyKind::nsga2:
      return nsga2_source(std::move(space), spec.strategy, spec.seed);
    case io::StrategyKind::exhaustive:
      break;
  }
  // Counting stops where it would keep people waiting: the count is for progress and for the
  // size of blocks, and must be the same in every run.
  const std::uint64_t grid = space.grid;
  return exhaustive_source(std::move(space), study.count_existing(2'000'000).value_or(grid));
}

}  // namespace ridgeline::engine
