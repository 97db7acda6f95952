// NSGA-II over value indices, on islands that exchange their best.
#include <algorithm>
#include <unordered_set>
#include <utility>

#include "search/designs/islands.hpp"
#include "search/designs/parameter_variation.hpp"
#include "search/designs/strategy.hpp"

namespace ridgeline::search {
namespace {

// After so many generations that bring nothing new, the space is exhausted.
constexpr int kStaleGenerations = 100;

class Nsga2Strategy final : public DesignStrategy {
 public:
  Nsga2Strategy(DesignSpace space, const IslandOptions& options, std::uint64_t seed)
      : space_(std::move(space)), options_(options), variation_(space_) {
    islands_ = islands_of(variation_, options_, seed);
  }

  std::optional<std::vector<std::uint64_t>> next(const KnownFitness& known) override {
    if (generation_ > 0) take_in(known);
    if (islands_.front().done() || stale_ >= kStaleGenerations) return std::nullopt;
    std::vector<std::uint64_t> block;
    std::unordered_set<std::uint64_t> in_block;
    const std::size_t before = given_.size();
    for (Nsga2& island : islands_)
      for (const Genome& genome : island.ask())
        if (const std::uint64_t id = space_.id_of(genome); in_block.insert(id).second)
          block.push_back(id);
    given_.insert(block.begin(), block.end());
    stale_ = given_.size() == before ? stale_ + 1 : 0;
    ++generation_;
    return block;
  }
  std::uint32_t lag() const override { return 1; }
  std::uint64_t expected() const override {
    const std::uint64_t all = asked_of_islands(options_);
    return std::min(all, space_.grid);
  }

 private:
  void take_in(const KnownFitness& known) {
    for (Nsga2& island : islands_) {
      std::vector<Fitness> fitness;
      for (const Genome& genome : island.ask()) fitness.push_back(known(space_.id_of(genome)));
      island.tell(fitness);
    }
    const int every = options_.migrate_every;
    if (every > 0 && generation_ % every == 0)
      migrate_on_ring(islands_, static_cast<std::size_t>(options_.population) / 16);
  }

  DesignSpace space_;
  IslandOptions options_;
  ParameterVariation variation_;
  std::vector<Nsga2> islands_;
  int generation_ = 0;                       // blocks given
  std::unordered_set<std::uint64_t> given_;  // in blocks so far
  int stale_ = 0;                            // generations without anything new
};

}  // namespace

std::unique_ptr<DesignStrategy> nsga2_strategy(DesignSpace space, const IslandOptions& options,
                                               std::uint64_t seed) {
  return std::make_unique<Nsga2Strategy>(std::move(space), options, seed);
}

}  // namespace ridgeline::search
