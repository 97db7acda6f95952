#include "search/fronts/nsga2.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <vector>

namespace ridgeline::search {
namespace {

const GenomeSpace kUneven{{{0, 1, 2}, {1, 4}, {3}, {0, 2, 4, 6}}};

// ZDT1 on a grid: the front is where all genes but the first are 0.
Fitness grid_zdt1(const Genome& genome) {
  const double x = genome[0] / 20.0;
  double g = 1;
  for (std::size_t i = 1; i < genome.size(); ++i) g += 9.0 * genome[i] / 20.0 / 5.0;
  return {{x, g * (1 - std::sqrt(x / g))}, 0};
}

std::vector<Individual> run(const GenomeSpace& space, const Nsga2Options& options) {
  Nsga2 search(space, options);
  while (!search.done()) {
    std::vector<Fitness> fitness;
    for (const Genome& g : search.ask()) fitness.push_back(grid_zdt1(g));
    search.tell(fitness);
  }
  return search.members();
}

TEST(Nsga2, a_space_counts_and_numbers_its_genomes) {
  EXPECT_EQ(kUneven.size(1000), 24u);
  EXPECT_EQ(kUneven.size(20), 21u);
  std::set<Genome> all;
  for (std::uint64_t i = 0; i < 24; ++i) {
    const Genome g = kUneven.at(i);
    EXPECT_TRUE(kUneven.contains(g));
    all.insert(g);
  }
  EXPECT_EQ(all.size(), 24u);
  EXPECT_EQ(kUneven.at(1), (Genome{0, 1, 3, 2}));
}

TEST(Nsga2, operators_make_only_genomes_of_the_space) {
  Nsga2Options options;
  for (std::uint32_t i = 0; i < 2000; ++i) {
    RandomStream random(1, 0, 0, i);
    const Genome a = random_genome(kUneven, random), b = random_genome(kUneven, random);
    EXPECT_TRUE(kUneven.contains(a));
    EXPECT_TRUE(kUneven.contains(cross(a, b, random)));
    const Genome m = mutate(kUneven, a, options, random);
    EXPECT_TRUE(kUneven.contains(m));
    EXPECT_NE(m, a);
  }
}

TEST(Nsga2, crossing_takes_one_slice_from_the_partner) {
  const Genome a(12, 0), b(12, 1);
  std::set<std::size_t> begins, ends;
  for (std::uint32_t i = 0; i < 2000; ++i) {
    RandomStream random(1, 0, 0, i);
    const Genome child = cross(a, b, random);
    const auto first = std::find(child.begin(), child.end(), 1);
    const auto last = std::find(first, child.end(), 0);
    ASSERT_EQ(std::count(last, child.end(), 1), 0);
    begins.insert(static_cast<std::size_t>(first - child.begin()));
    ends.insert(static_cast<std::size_t>(last - child.begin()));
  }
  EXPECT_GE(begins.size(), 12u);  // every cut point occurs
  EXPECT_GE(ends.size(), 12u);
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
  Nsga2 saved(space, options);
  const auto step = [](Nsga2& search) {
    std::vector<Fitness> fitness;
    for (const Genome& g : search.ask()) fitness.push_back(grid_zdt1(g));
    search.tell(fitness);
  };
  for (int i = 0; i < 3; ++i) step(saved);
  Nsga2 resumed(space, options);
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
  Nsga2 search(space, options);
  std::vector<Fitness> fitness;
  for (const Genome& g : search.ask()) {
    fitness.push_back({{10.0 + g[0], 10.0 + g[1]}, 0});
  }
  search.tell(fitness);
  search.migrate(std::vector<Individual>{{{3, 3}, {{0, 0}, 0}}});
  EXPECT_TRUE(std::any_of(search.members().begin(), search.members().end(),
                          [](const Individual& m) { return m.fitness.objectives[0] == 0; }));
  EXPECT_LE(search.members().size(), 8u);
}

}  // namespace
}  // namespace ridgeline::search
