// NSGA-II over vectors of small integers, asked and told: the caller evaluates, on whatever
// threads or ranks it likes (docs/multicore.md, section 6).
//
//   Nsga2 search(space, options);
//   while (!search.done()) search.tell(evaluate(search.ask()));
//
// (mu + lambda) selection: a generation draws `population` children from its members, and the
// better half of `population` among members and children goes on. The random stream of a child
// is a function of (seed, island, generation, child), so results do not depend on threads.
#pragma once

#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "search/fronts/pareto.hpp"
#include "search/fronts/random.hpp"

namespace ridgeline::search {

using Genome = std::vector<int>;

// Values that each gene may take, ascending and not empty.
struct GenomeSpace {
  std::vector<std::vector<int>> values;

  // Number of genomes, or `limit` + 1 where there are more.
  std::uint64_t size(std::uint64_t limit) const;
  bool contains(const Genome& genome) const;
  // Genome with number `index` < size(): the first gene is the slowest.
  Genome at(std::uint64_t index) const;
};

struct Nsga2Options {
  int population = 64;
  int generations = 50;
  double crossover = 0.3;       // share of children made by crossing two members
  double gene_mutation = 0.75;  // of the other children: genes redrawn, the rest swap two genes
  bool swap = true;             // false where values of different genes mean different things
  std::uint64_t seed = 42;
  std::uint32_t island = 0;
};

struct Individual {
  Genome genome;
  Fitness fitness;
};

// All operators return genomes inside the space.
Genome random_genome(const GenomeSpace& space, RandomStream& random);
// Exchanges the genes between two cut points; returns the first child.
Genome cross(const Genome& a, const Genome& b, RandomStream& random);
// Redraws each gene with probability 1/length (at least one that has a choice), or swaps two
// genes whose values are allowed in each other's place.
Genome mutate(const GenomeSpace& space, const Genome& parent, const Nsga2Options& options,
              RandomStream& random);

class Nsga2 {
 public:
  Nsga2(GenomeSpace space, Nsga2Options options);

  // Genomes to evaluate next: the first population, then the children of each generation.
  const std::vector<Genome>& ask();
  // Fitness of each genome asked for, in order.
  void tell(std::span<const Fitness> fitness);
  bool done() const { return generation_ > options_.generations; }

  // Generations told so far; the first population is number 0.
  int generation() const { return generation_; }
  const std::vector<Individual>& members() const { return members_; }
  // Takes in members of another island, to be called between tell() and ask(). The worst of
  // the members leave.
  void migrate(std::span<const Individual> guests);
  // State to continue from: as after the tell() that made `generation` current.
  void restore(int generation, std::vector<Individual> members);

 private:
  void survive(std::vector<Individual> pool, std::size_t count);

  GenomeSpace space_;
  Nsga2Options options_;
  int generation_ = 0;
  bool asked_ = false;
  std::vector<Individual> members_;
  std::vector<Genome> children_;
};

}  // namespace ridgeline::search
