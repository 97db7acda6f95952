// NSGA-II over value indices (Deb et al., 2002), on islands that exchange their best.
//
// A block is one generation of all islands. Every random number is a function of (seed,
// island, generation, individual, draw), so the walk is the same whoever evaluates.
#include <algorithm>
#include <limits>
#include <numeric>
#include <unordered_set>

#include "engine/explore/block_source.hpp"
#include "engine/explore/front.hpp"

namespace ridgeline::engine {
namespace {

__extension__ using Wide = unsigned __int128;

constexpr double kCrossover = 0.9;
// After so many generations that bring nothing new, the space is exhausted.
constexpr int kStaleGenerations = 100;
constexpr int kTries = 32;  // to find an individual that exists and is new

class Stream {
 public:
  Stream(std::uint64_t seed, std::uint64_t island, std::uint64_t generation,
         std::uint64_t individual)
      : state_(mix(mix(mix(mix(seed) ^ island) ^ generation) ^ individual)) {}
  std::uint64_t below(std::uint64_t n) {
    return static_cast<std::uint64_t>(Wide{draw()} * n >> 64);
  }
  bool chance(double p) { return static_cast<double>(draw() >> 11) * 0x1p-53 < p; }

 private:
  static std::uint64_t mix(std::uint64_t x) {
    x += 0x9e3779b97f4a7c15u;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
  }
  std::uint64_t draw() { return mix(state_ ^ mix(++count_)); }
  std::uint64_t state_;
  std::uint64_t count_ = 0;
};

struct Individual {
  std::uint64_t id = 0;
  int group = 0;  // 0: evaluated; 1: cannot reach the front; 2: no figures
  std::vector<double> objectives;
  int rank = 0;
  double crowding = 0;
};

bool fitter(const Individual& x, const Individual& y) {
  if (x.rank != y.rank) return x.rank < y.rank;
  if (x.crowding != y.crowding) return x.crowding > y.crowding;
  return x.id < y.id;
}

void set_crowding(std::vector<Individual*>& front) {
  for (Individual* individual : front) individual->crowding = 0;
  const std::size_t objectives = front.front()->objectives.size();
  for (std::size_t o = 0; o < objectives; ++o) {
    std::sort(front.begin(), front.end(), [o](const Individual* x, const Individual* y) {
      return x->objectives[o] != y->objectives[o] ? x->objectives[o] < y->objectives[o]
                                                  : x->id < y->id;
    });
    const double span = front.back()->objectives[o] - front.front()->objectives[o];
    front.front()->crowding = front.back()->crowding = std::numeric_limits<double>::infinity();
    if (!(span > 0)) continue;
    for (std::size_t i = 1; i + 1 < front.size(); ++i)
      front[i]->crowding += (front[i + 1]->objectives[o] - front[i - 1]->objectives[o]) / span;
  }
}

// Sets rank and crowding of all; those without figures come behind all others.
void sort_population(std::vector<Individual>& population) {
  std::vector<Individual*> rest;
  for (Individual& individual : population)
    if (individual.group == 0) rest.push_back(&individual);
  int rank = 0;
  while (!rest.empty()) {
    std::vector<Individual*> front;
    std::vector<Individual*> later;
    for (Individual* x : rest) {
      const bool dominated = std::any_of(rest.begin(), rest.end(), [&](const Individual* y) {
        return dominates(y->objectives, x->objectives);
      });
      (dominated ? later : front).push_back(x);
    }
    if (front.empty()) {  // not a number somewhere: nothing to compare
      front.swap(later);
    }
    for (Individual* x : front) x->rank = rank;
    set_crowding(front);
    rest = std::move(later);
    ++rank;
  }
  for (Individual& individual : population)
    if (individual.group != 0) {
      individual.rank = rank + individual.group;
      individual.crowding = 0;
    }
}

class Nsga2Source final : public BlockSource {
 public:
  Nsga2Source(Space space, const io::StudyStrategy& strategy, std::uint64_t seed)
      : space_(std::move(space)), strategy_(strategy), seed_(seed) {
    islands_.resize(static_cast<std::size_t>(std::max(1, strategy_.islands)));
    offspring_.resize(islands_.size());
  }

  std::optional<std::vector<std::uint64_t>> next(const CandidateStore& known) override {
    if (generation_ > strategy_.generations) return std::nullopt;
    if (generation_ > 0) take_in(known);
    if (stale_ >= kStaleGenerations) return std::nullopt;
    std::vector<std::uint64_t> block;
    std::unordered_set<std::uint64_t> in_block;
    const std::size_t before = given_.size();
    for (std::size_t island = 0; island < islands_.size(); ++island) {
      breed(island);
      for (const std::uint64_t id : offspring_[island])
        if (in_block.insert(id).second) block.push_back(id);
    }
    given_.insert(block.begin(), block.end());
    stale_ = given_.size() == before ? stale_ + 1 : 0;
    ++generation_;
    return block;
  }
  std::uint32_t lag() const override { return 1; }
  std::uint64_t expected() const override {
    const std::uint64_t all = islands_.size() * static_cast<std::uint64_t>(strategy_.population) *
                              (static_cast<std::uint64_t>(strategy_.generations) + 1);
    return std::min(all, space_.grid);
  }

 private:
  using Population = std::vector<Individual>;

  Individual individual(std::uint64_t id, const CandidateStore& known) const {
    Individual made;
    made.id = id;
    const auto candidate = known.find(id);
    const bool ok = candidate && candidate->status == CandidateStatus::ok;
    made.group = candidate && candidate->hopeless ? 1 : ok ? 0 : 2;
    if (made.group == 0) made.objectives = objective_vector(space_.objectives, candidate->metrics);
    return made;
  }

  // Offspring join their parents, and the fitter half lives on; then islands exchange.
  void take_in(const CandidateStore& known) {
    const auto size = static_cast<std::size_t>(strategy_.population);
    for (std::size_t i = 0; i < islands_.size(); ++i) {
      Population& population = islands_[i];
      std::unordered_set<std::uint64_t> members;
      for (const Individual& member : population) members.insert(member.id);
      for (const std::uint64_t id : offspring_[i])
        if (members.insert(id).second) population.push_back(individual(id, known));
      sort_population(population);
      std::sort(population.begin(), population.end(), fitter);
      if (population.size() > size) population.resize(size);
    }
    const int every = strategy_.migrate_every;
    if (islands_.size() < 2 || every <= 0 || generation_ % every != 0) return;
    const std::size_t migrants = std::max<std::size_t>(1, size / 16);
    std::vector<Population> leaving(islands_.size());
    for (std::size_t i = 0; i < islands_.size(); ++i)
      leaving[i].assign(islands_[i].begin(),
                        islands_[i].begin() +
                            static_cast<std::ptrdiff_t>(std::min(migrants, islands_[i].size())));
    for (std::size_t i = 0; i < islands_.size(); ++i) {
      Population& population = islands_[(i + 1) % islands_.size()];
      for (const Individual& migrant : leaving[i]) {
        const bool there =
            std::any_of(population.begin(), population.end(),
                        [&](const Individual& member) { return member.id == migrant.id; });
        if (there) continue;
        if (population.size() >= size) population.pop_back();
        population.insert(population.begin(), migrant);
      }
      sort_population(population);
      std::sort(population.begin(), population.end(), fitter);
    }
  }

  std::uint64_t random_id(Stream& stream) const {
    for (int i = 0; i < kTries; ++i) {
      const std::uint64_t id = stream.below(space_.grid);
      if (space_.exists(id)) return id;
    }
    // Conditions leave little of the grid: the next one that exists.
    const std::uint64_t from = stream.below(space_.grid);
    return space_.next_existing ? space_.next_existing(from) : from;
  }

  std::uint64_t child(const Population& parents, Stream& stream) const {
    const auto pick = [&]() -> const Individual& {
      const Individual& x = parents[stream.below(parents.size())];
      const Individual& y = parents[stream.below(parents.size())];
      return fitter(x, y) ? x : y;
    };
    std::vector<int> genes = space_.values_of(pick().id);
    const std::vector<int> other = space_.values_of(pick().id);
    if (stream.chance(kCrossover))
      for (std::size_t g = 0; g < genes.size(); ++g)
        if (stream.chance(0.5)) genes[g] = other[g];
    const double rate = 1.0 / static_cast<double>(std::max<std::size_t>(1, genes.size()));
    for (std::size_t g = 0; g < genes.size(); ++g) {
      if (space_.sizes[g] < 2 || !stream.chance(rate)) continue;
      if (stream.chance(0.5)) {  // a step to a neighbour, values being ordered mostly
        genes[g] += stream.chance(0.5) ? 1 : -1;
        genes[g] = std::clamp(genes[g], 0, space_.sizes[g] - 1);
      } else {
        genes[g] = static_cast<int>(stream.below(static_cast<std::uint64_t>(space_.sizes[g])));
      }
    }
    return space_.id_of(genes);
  }

  void breed(std::size_t island) {
    const Population& parents = islands_[island];
    std::vector<std::uint64_t>& offspring = offspring_[island];
    offspring.clear();
    std::unordered_set<std::uint64_t> taken;
    for (const Individual& member : parents) taken.insert(member.id);
    for (int i = 0; i < strategy_.population; ++i) {
      Stream stream(seed_, island, static_cast<std::uint64_t>(generation_),
                    static_cast<std::uint64_t>(i));
      std::uint64_t id = 0;
      for (int attempt = 0; attempt < kTries; ++attempt) {
        // What crossing the parents does not renew, chance does.
        const bool bred = !parents.empty() && attempt < kTries / 2;
        id = bred ? child(parents, stream) : random_id(stream);
        if (!bred && !space_.exists(id)) break;  // nothing exists, as far as one can see
        if (!taken.contains(id) && space_.exists(id)) break;
      }
      if (!taken.contains(id) && space_.exists(id)) {
        taken.insert(id);
        offspring.push_back(id);
      }
    }
  }

  Space space_;
  io::StudyStrategy strategy_;
  std::uint64_t seed_;
  int generation_ = 0;
  std::unordered_set<std::uint64_t> given_;  // in blocks so far
  int stale_ = 0;                            // generations without anything new
  std::vector<Population> islands_;
  std::vector<std::vector<std::uint64_t>> offspring_;
};

}  // namespace

std::unique_ptr<BlockSource> nsga2_source(Space space, const io::StudyStrategy& strategy,
                                          std::uint64_t seed) {
  return std::make_unique<Nsga2Source>(std::move(space), strategy, seed);
}

}  // namespace ridgeline::engine
