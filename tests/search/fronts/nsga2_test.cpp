#include "search/fronts/nsga2.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <utility>
#include <vector>

#include "search/fronts/genome_space.hpp"

namespace ridgeline::search {
namespace {

// Any genes, by crossing and redrawing.
class Genes final : public Variation {
 public:
  explicit Genes(GenomeSpace space) : space_(std::move(space)) {}
  Genome random(RandomStream& random) const override { return random_genome(space_, random); }
  Genome child(std::span<const Individual> members, RandomStream& random) const override {
    const Genome& a = members[random.below(members.size())].genome;
    const Genome& b = members[random.below(members.size())].genome;
    return random.uniform() < 0.3 ? cross(a, b, random) : redraw_genes(space_, a, random);
  }

 private:
  GenomeSpace space_;
};

// ZDT1 on a grid: the front is where all genes but the first are 0.
Fitness grid_zdt1(const Genome& genome) {
  const double x = genome[0] / 20.0;
  double g = 1;
  for (std::size_t i = 1; i < genome.size(); ++i) g += 9.0 * genome[i] / 20.0 / 5.0;
  return {{x, g * (1 - std::sqrt(x / g))}, 0};
}

std::vector<Individual> run(const GenomeSpace& space, const Nsga2Options& options) {
  const Genes genes(space);
  Nsga2 search(genes, options);
  while (!search.done()) {
    std::vector<Fitness> fitness;
    for (const Genome& g : search.ask()) fitness.push_back(grid_zdt1(g));
    search.tell(fitness);
  }
  return search.members();
}

TEST(Nsga2, approaches_a_known_front) {
  GenomeSpace space;
  std::vector<int> values;
  for (int v = 0; v <= 20; ++v) values.push_back(v);
  space.values.assign(6, values);
  Nsga2Options options;
  options.population = 64;
  options.generations = 200;
  const std::vector<Individual> members = run(space, options);
  std::set<int> on_front;
  for (const Individual& m : members) {
    if (std::all_of(m.genome.begin() + 1, m.genome.end(), [](int v) { return v == 0; })) {
      on_front.insert(m.genome[0]);
    }
  }
  EXPECT_GE(on_front.size(), 18u);  // of 21
}

TEST(Nsga2, the_same_seed_gives_the_same_members_and_another_seed_others) {
  Nsga2Options options;
  options.generations = 5;
  GenomeSpace space;
  space.values.assign(6, {0, 1, 2, 3, 4, 5, 6, 7});
  const auto genomes = [&](std::uint64_t seed, std::uint32_t island) {
    options.seed = seed;
    options.island = island;
    std::vector<Genome> g;
    for (const Individual& m : run(space, options)) g.push_back(m.genome);
    return g;
  };
  EXPECT_EQ(genomes(1, 0), genomes(1, 0));
  EXPECT_NE(genomes(1, 0), genomes(2, 0));
  EXPECT_NE(genomes(1, 0), genomes(1, 1));
}

TEST(Nsga2, continues_from_a_saved_state_as_if_it_had_not_stopped) {
  GenomeSpace space;
  space.values.assign(6, {0, 1, 2, 3, 4, 5, 6, 7});
  Nsga2Options options;
  options.generations = 6;
  const Genes genes(space);
  Nsga2 saved(genes, options);
  const auto step = [](Nsga2& search) {
    std::vector<Fitness> fitness;
    for (const Genome& g : search.ask()) fitness.push_back(grid_zdt1(g));
    search.tell(fitness);
  };
  for (int i = 0; i < 3; ++i) step(saved);
  Nsga2 resumed(genes, options);
  resumed.restore(saved.generation(), saved.members());
  while (!saved.done()) {
    step(saved);
    step(resumed);
  }
  ASSERT_TRUE(resumed.done());
  ASSERT_EQ(saved.members().size(), resumed.members().size());
  for (std::size_t i = 0; i < saved.members().size(); ++i) {
    EXPECT_EQ(saved.members()[i].genome, resumed.members()[i].genome);
  }
}

TEST(Nsga2, a_migrant_that_dominates_stays) {
  GenomeSpace space;
  space.values.assign(2, {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15});
  Nsga2Options options;
  options.population = 8;
  const Genes genes(space);
  Nsga2 search(genes, options);
  std::vector<Fitness> fitness;
  for (const Genome& g : search.ask()) {
    fitness.push_back({{10.0 + g[0], 10.0 + g[1]}, 0});
  }
  search.tell(fitness);
  search.migrate(std::vector<Individual>{{{3, 3}, {{0, 0}, 0}, 0, 0}});
  EXPECT_TRUE(std::any_of(search.members().begin(), search.members().end(),
                          [](const Individual& m) { return m.fitness.objectives[0] == 0; }));
  EXPECT_LE(search.members().size(), 8u);
}

TEST(Nsga2, asks_for_different_genomes_only_and_for_none_where_there_are_no_more) {
  GenomeSpace space;
  space.values.assign(2, {0, 1, 2});
  Nsga2Options options;
  options.population = 6;
  options.generations = 30;
  const Genes genes(space);
  Nsga2 search(genes, options, {{2, 2}, {2, 2}, {1, 0}});
  EXPECT_EQ(search.ask()[0], (Genome{2, 2}));
  EXPECT_EQ(search.ask()[1], (Genome{1, 0}));
  std::set<Genome> seen;
  while (!search.done()) {
    std::set<Genome> taken;
    for (const Individual& m : search.members()) taken.insert(m.genome);
    std::vector<Fitness> fitness;
    for (const Genome& g : search.ask()) {
      EXPECT_TRUE(taken.insert(g).second);
      seen.insert(g);
      fitness.push_back(grid_zdt1(g));
    }
    search.tell(fitness);
  }
  EXPECT_EQ(seen.size(), 9u);
}

TEST(Nsga2, members_are_the_best_first) {
  GenomeSpace space;
  space.values.assign(6, {0, 1, 2, 3, 4, 5, 6, 7});
  Nsga2Options options;
  options.generations = 3;
  const std::vector<Individual> members = run(space, options);
  for (std::size_t i = 1; i < members.size(); ++i) {
    EXPECT_TRUE(fitter(members[i - 1], members[i]));
    EXPECT_FALSE(dominates(members[i].fitness, members[i - 1].fitness));
  }
}

}  // namespace
}  // namespace ridgeline::search
