#include "search/allocation/core_symmetry.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>
#include <vector>

#include "search/allocation/allocation_search.hpp"

namespace ridgeline::search {
namespace {

// One gene that is no core; then five on cores 0 to 5, of which {1, 2, 4} and {3, 5} are alike,
// and one without the second class.
struct Example {
  GenomeSpace space{{{0, 1},
                     {0, 1, 2, 3, 4, 5},
                     {0, 1, 2, 3, 4, 5},
                     {0, 1, 2, 3, 4, 5},
                     {1, 2, 4},
                     {0, 1, 2, 3, 4, 5}}};
  GenomeSymmetry symmetry{space, 1, {{4, 1, 2}, {3, 5}}};
};

TEST(GenomeSymmetry, canonical_genomes_stand_for_all_that_permutations_make_of_them) {
  const Example example;
  // By trying all genomes.
  std::map<Genome, std::uint64_t> classes;
  for (std::uint64_t i = 0; i < example.space.size(1u << 20); ++i) {
    const Genome genome = example.space.at(i);
    const Genome canonical = example.symmetry.canonical(genome);
    EXPECT_TRUE(example.space.contains(canonical));
    EXPECT_LE(canonical, genome);
    EXPECT_EQ(example.symmetry.canonical(canonical), canonical);
    EXPECT_EQ(example.symmetry.equals(canonical), example.symmetry.equals(genome));
    ++classes[canonical];
  }
  for (const auto& [genome, number] : classes)
    EXPECT_EQ(example.symmetry.equals(genome), number) << ::testing::PrintToString(genome);
  EXPECT_EQ(example.symmetry.size(1u << 20), classes.size());
  EXPECT_EQ(example.symmetry.size(10), 11u);
  // The walk meets each once, in order.
  std::vector<Genome> walk{example.symmetry.first()};
  for (Genome genome = walk.front(); example.symmetry.next(genome);) walk.push_back(genome);
  EXPECT_EQ(walk.size(), classes.size());
  EXPECT_TRUE(std::is_sorted(walk.begin(), walk.end()));
  for (const Genome& genome : walk) EXPECT_TRUE(classes.contains(genome));
}

TEST(GenomeSymmetry, names_identical_cores_as_another_genome_does) {
  const Example example;
  const std::map<int, int> renamed{{0, 0}, {1, 4}, {2, 1}, {3, 5}, {4, 2}, {5, 3}};
  for (std::uint64_t i = 0; i < example.space.size(1u << 20); i += 7) {
    const Genome genome = example.space.at(i);
    Genome other = genome;
    for (std::size_t g = 1; g < other.size(); ++g) other[g] = renamed.at(genome[g]);
    EXPECT_EQ(example.symmetry.aligned(other, genome), genome);
  }
  // As far as that goes, and never in what is no core: only cores of a class are renamed.
  EXPECT_EQ(example.symmetry.aligned({1, 1, 1, 1, 2, 3}, {0, 2, 2, 0, 4, 0}),
            (Genome{1, 2, 2, 2, 4, 3}));
}

TEST(GenomeSymmetry, without_classes_every_genome_stands_for_itself) {
  const Example example;
  const GenomeSymmetry none(example.space);
  EXPECT_EQ(none.size(1u << 20), example.space.size(1u << 20));
  EXPECT_EQ(none.canonical({1, 5, 4, 3, 2, 1}), (Genome{1, 5, 4, 3, 2, 1}));
  EXPECT_EQ(none.equals({1, 5, 4, 3, 2, 1}), 1u);
}

TEST(GenomeSymmetry, counts_beyond_its_limit_do_not_wrap) {
  GenomeSpace space;
  std::vector<int> cores;
  for (int c = 0; c < 64; ++c) cores.push_back(c);
  space.values.assign(100, cores);
  const GenomeSymmetry symmetry(space, 0, {cores});
  EXPECT_EQ(symmetry.size(1u << 24), (1u << 24) + 1u);
  Genome all;
  for (int g = 0; g < 100; ++g) all.push_back(g % 64);
  EXPECT_EQ(symmetry.equals(all), ~std::uint64_t{0});
}

// Six layers on eight equal cores, of which all schedules cost the same: 262,144 allocations,
// of which 203 are different (the partitions of six).
TEST(AllocationSearch, equal_allocations_are_searched_once_and_counted) {
  GenomeSpace space;
  space.values.assign(6, {0, 1, 2, 3, 4, 5, 6, 7});
  const GenomeSymmetry symmetry(space, 0, {space.values.front()});
  AllocationSearchOptions options;
  options.engine = AllocationEngine::exhaustive;
  std::set<Genome> seen;
  const AllocationSearchResult result =
      search_allocations(space, symmetry, {}, options, [&](std::span<const Genome> genomes) {
        seen.insert(genomes.begin(), genomes.end());
        model::ScheduleFigures figures;
        figures.latency = 7;
        return std::vector<model::ScheduleFigures>(genomes.size(), figures);
      });
  EXPECT_EQ(result.space, 262'144u);
  EXPECT_EQ(result.distinct, 203u);
  EXPECT_EQ(result.evaluated, 203u);
  EXPECT_EQ(seen.size(), 203u);
  ASSERT_EQ(result.front.size(), 1u);
  EXPECT_EQ(result.front[0].genome, Genome(6, 0));
  EXPECT_EQ(result.front[0].equals, 262'144u);
}

}  // namespace
}  // namespace ridgeline::search
