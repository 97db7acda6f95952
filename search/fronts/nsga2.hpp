// NSGA-II (Deb et al., 2002), asked and told: the caller evaluates, on whatever threads or ranks
// it likes, and says what genomes mean and how new ones come to be.
//
//   Nsga2 search(variation, options);
//   while (!search.done()) search.tell(evaluate(search.ask()));
//
// (mu + lambda) selection: a generation draws `population` children from its members, and the
// best among members and children go on. The random stream of a child is a function of (seed,
// island, generation, child), so results do not depend on threads.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "search/fronts/pareto.hpp"
#include "search/fronts/random.hpp"

namespace ridgeline::search {

using Genome = std::vector<int>;

struct Individual {
  Genome genome;
  Fitness fitness;
  // Among the members: set by selection.
  int rank = 0;
  double crowding = 0;
};

// Smaller rank, then larger crowding, then the smaller genome.
bool fitter(const Individual& a, const Individual& b);

// What genomes there are and how new ones come to be. A pure function of its arguments.
class Variation {
 public:
  virtual ~Variation() = default;
  virtual Genome random(RandomStream& random) const = 0;
  // A child of members, of which there is at least one, best first.
  virtual Genome child(std::span<const Individual> members, RandomStream& random) const = 0;
  // Whether it may be evaluated at all.
  virtual bool allowed(const Genome& genome) const;
};

struct Nsga2Options {
  int population = 64;
  int survivors = 0;     // members that go on; 0: as many as the population
  int generations = 50;  // after the first population
  std::uint64_t seed = 42;
  std::uint32_t island = 0;
};

class Nsga2 {
 public:
  // `variation` outlives it. The first population begins with `starts`, as far as they are
  // allowed and different.
  Nsga2(const Variation& variation, Nsga2Options options, std::vector<Genome> starts = {});

  // Genomes to evaluate next: the first population, then the children of each generation. They
  // differ from each other and from all members, so that there may be fewer than a population,
  // or none, where the space is small.
  const std::vector<Genome>& ask();
  // Fitness of each genome asked for, in order.
  void tell(std::span<const Fitness> fitness);
  bool done() const { return generation_ > options_.generations; }

  // Generations told so far; the first population is number 0.
  int generation() const { return generation_; }
  // Best first.
  const std::vector<Individual>& members() const { return members_; }
  // Takes in members of another island, to be called between tell() and ask(). The worst of
  // the members leave.
  void migrate(std::span<const Individual> guests);
  // State to continue from: as after the tell() that made `generation` current.
  void restore(int generation, std::vector<Individual> members);

 private:
  void survive(std::vector<Individual> pool, std::size_t count);

  const Variation& variation_;
  Nsga2Options options_;
  std::vector<Genome> starts_;
  int generation_ = 0;
  bool asked_ = false;
  std::vector<Individual> members_;
  std::vector<Genome> children_;
};

// Migration on a ring: each island's best go to the next one. `migrants` of each, at least one.
void migrate_on_ring(std::span<Nsga2> islands, std::size_t migrants);

}  // namespace ridgeline::search
