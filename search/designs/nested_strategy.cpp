#include "search/designs/nested_strategy.hpp"

#include <algorithm>
#include <iterator>
#include <map>
#include <optional>
#include <utility>

#include "search/designs/islands.hpp"
#include "search/designs/parameter_variation.hpp"
#include "search/designs/promise.hpp"

namespace ridgeline::search {
namespace {

// So many designs are bounded for each that is searched, and in any case so many: that takes a
// thread some seconds.
constexpr std::uint64_t kBoundedForSearched = 8;
constexpr std::uint64_t kBoundedAnyway = 4096;
// Designs that are bounded in one call of `next`, after which the caller may look after its
// messages.
constexpr std::size_t kSlice = 128;

// Designs in the order in which they were asked for, and their numbers.
class DesignBook {
 public:
  explicit DesignBook(const DesignSpace& space) : space_(space) {}
  // The id of its first schedule.
  std::uint64_t id_of(std::uint64_t design) {
    const auto [place, fresh] = numbers_.try_emplace(design, designs_.size());
    if (fresh) designs_.push_back(design);
    return place->second * kSchedulesOfDesign;
  }
  bool contains(std::uint64_t design) const { return numbers_.contains(design); }
  std::optional<std::uint64_t> asked(std::uint64_t design) const {
    const auto place = numbers_.find(design);
    if (place == numbers_.end()) return std::nullopt;
    return place->second * kSchedulesOfDesign;
  }
  // Empty where nothing was asked for under the id yet.
  Genome genome(std::uint64_t id) const {
    const std::uint64_t number = id / kSchedulesOfDesign;
    if (number >= designs_.size()) return {};
    Genome genome = space_.values_of(designs_[static_cast<std::size_t>(number)]);
    genome.push_back(static_cast<int>(id % kSchedulesOfDesign));
    return genome;
  }

 private:
  const DesignSpace& space_;
  std::map<std::uint64_t, std::uint64_t> numbers_;
  std::vector<std::uint64_t> designs_;
};

// Fitness of all schedules of the design whose first one has this id.
std::vector<Fitness> schedules_of(std::uint64_t id, const KnownFitness& known) {
  std::vector<Fitness> all{known(id)};
  for (std::uint64_t k = 1; k < kSchedulesOfDesign && all.front().violation == 0; ++k) {
    Fitness further = known(id + k);
    if (further.violation != 0) break;
    all.push_back(std::move(further));
  }
  return all;
}

class Nested : public DesignStrategy {
 public:
  explicit Nested(DesignSpace space) : space_(std::move(space)), book_(space_) {}
  std::uint32_t lag() const override { return 1; }
  std::uint64_t schedules() const override { return kSchedulesOfDesign; }
  Genome genome(std::uint64_t id) const override { return book_.genome(id); }

 protected:
  DesignSpace space_;
  DesignBook book_;
};

// By what designs promise.
class PromisingStrategy final : public Nested {
 public:
  PromisingStrategy(DesignSpace space, std::uint64_t block, std::uint64_t most, BoundDesigns bounds)
      : Nested(std::move(space)), block_(block), most_(most), bound_(std::move(bounds)) {}

  std::optional<std::vector<std::uint64_t>> next(const KnownFitness& known) override {
    if (!promise_) {
      bound_some();
      return std::vector<std::uint64_t>{};
    }
    for (const std::uint64_t id : asked_)
      for (const Fitness& fitness : schedules_of(id, known))
        if (fitness.violation == 0) promise_->found(fitness.objectives);
    asked_.clear();
    for (const std::size_t place :
         promise_->pick(static_cast<std::size_t>(std::min(block_, most_ - given_))))
      asked_.push_back(book_.id_of(designs_[place]));
    if (asked_.empty()) return std::nullopt;
    given_ += asked_.size();
    return asked_;
  }
  std::uint64_t expected() const override { return most_; }
  bool see_bounds(const SeeBound& see) const override {
    for (std::size_t i = 0; promise_ && i < designs_.size(); ++i) {
      // One without a bound has no figures.
      if (!promise_->bounds()[i].empty()) see(book_.asked(designs_[i]), promise_->bounds()[i]);
    }
    return promise_.has_value();
  }

 private:
  void bound_some() {
    std::vector<std::uint64_t> ids;
    for (; at_ < space_.grid && ids.size() < kSlice; ++at_)
      if (space_.exists(at_)) ids.push_back(at_);
    if (!ids.empty()) {
      std::vector<std::vector<double>> found = bound_(ids);
      designs_.insert(designs_.end(), ids.begin(), ids.end());
      std::move(found.begin(), found.end(), std::back_inserter(bounds_));
    }
    if (at_ == space_.grid) promise_.emplace(std::move(bounds_));
  }

  std::uint64_t block_;
  std::uint64_t most_;
  BoundDesigns bound_;
  std::uint64_t at_ = 0;  // next design to be bounded
  std::vector<std::uint64_t> designs_;
  std::vector<std::vector<double>> bounds_;
  std::optional<Promise> promise_;
  std::vector<std::uint64_t> asked_;  // in the last block
  std::uint64_t given_ = 0;
};

// Genomes are parameter values and the place of a schedule, which children do not inherit.
class ScheduledDesigns final : public Variation {
 public:
  ScheduledDesigns(const DesignSpace& space, const DesignBook& book)
      : space_(space), book_(book), parameters_(space) {}
  Genome random(RandomStream& random) const override {
    return with_place(parameters_.random(random), 0);
  }
  Genome child(std::span<const Individual> members, RandomStream& random) const override {
    Genome child = parameters_.child(members, random);
    child.back() = 0;
    return child;
  }
  bool allowed(const Genome& genome) const override {
    const std::uint64_t design = design_of(genome);
    return !book_.contains(design) && space_.exists(design);
  }
  std::uint64_t design_of(const Genome& genome) const {
    return space_.id_of(Genome(genome.begin(), genome.end() - 1));
  }
  static Genome with_place(Genome genome, int place) {
    genome.push_back(place);
    return genome;
  }

 private:
  const DesignSpace& space_;
  const DesignBook& book_;
  ParameterVariation parameters_;
};

class BredStrategy final : public Nested {
 public:
  BredStrategy(DesignSpace space, const IslandOptions& options, std::uint64_t seed)
      : Nested(std::move(space)), options_(options), variation_(space_, book_) {
    islands_ = islands_of(variation_, options_, seed);
  }

  std::optional<std::vector<std::uint64_t>> next(const KnownFitness& known) override {
    if (generation_ > 0) take_in(known);
    if (islands_.front().done()) return std::nullopt;
    std::vector<std::uint64_t> block;
    for (Nsga2& island : islands_)
      for (const Genome& genome : island.ask()) {
        const std::uint64_t design = variation_.design_of(genome);
        // Two islands may come to the same design at once.
        if (!book_.contains(design)) block.push_back(book_.id_of(design));
      }
    ++generation_;
    if (block.empty()) return std::nullopt;  // every design was asked for
    return block;
  }
  std::uint64_t expected() const override {
    const std::uint64_t all = asked_of_islands(options_);
    return std::min(all, space_.grid);
  }

 private:
  void take_in(const KnownFitness& known) {
    for (Nsga2& island : islands_) {
      std::vector<Fitness> fitness;
      std::vector<Individual> further;
      for (const Genome& genome : island.ask()) {
        std::vector<Fitness> all = schedules_of(book_.id_of(variation_.design_of(genome)), known);
        for (std::size_t k = 1; k < all.size(); ++k) {
          Genome place = genome;
          place.back() = static_cast<int>(k);
          further.push_back({std::move(place), std::move(all[k]), 0, 0});
        }
        fitness.push_back(std::move(all.front()));
      }
      island.tell(fitness);
      if (!further.empty()) island.migrate(further);
    }
    const int every = options_.migrate_every;
    if (every > 0 && generation_ % every == 0)
      migrate_on_ring(islands_, static_cast<std::size_t>(options_.population) / 16);
  }

  IslandOptions options_;
  ScheduledDesigns variation_;
  std::vector<Nsga2> islands_;
  int generation_ = 0;  // blocks given
};

}  // namespace

std::unique_ptr<DesignStrategy> nested_strategy(DesignSpace space, const IslandOptions& options,
                                                std::uint64_t seed, std::uint64_t count,
                                                BoundDesigns bounds) {
  const std::uint64_t block = static_cast<std::uint64_t>(std::max(1, options.islands)) *
                              static_cast<std::uint64_t>(options.population);
  const std::uint64_t most = std::min(count, asked_of_islands(options));
  const bool few =
      count <= std::min(kMostOrdered, std::max(kBoundedAnyway, kBoundedForSearched * most));
  if (bounds && few)
    return std::make_unique<PromisingStrategy>(std::move(space), block, most, std::move(bounds));
  return std::make_unique<BredStrategy>(std::move(space), options, seed);
}

}  // namespace ridgeline::search
