#include "search/fronts/genome_space.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <vector>

namespace ridgeline::search {
namespace {

const GenomeSpace kUneven{{{0, 1, 2}, {1, 4}, {3}, {0, 2, 4, 6}}};

TEST(GenomeSpace, a_space_counts_and_numbers_its_genomes) {
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

TEST(GenomeSpace, operators_make_only_genomes_of_the_space) {
  for (std::uint32_t i = 0; i < 2000; ++i) {
    RandomStream random(1, 0, 0, i);
    const Genome a = random_genome(kUneven, random), b = random_genome(kUneven, random);
    EXPECT_TRUE(kUneven.contains(a));
    EXPECT_TRUE(kUneven.contains(cross(a, b, random)));
    EXPECT_TRUE(kUneven.contains(swap_genes(kUneven, a, random)));
    const Genome m = redraw_genes(kUneven, a, random);
    EXPECT_TRUE(kUneven.contains(m));
    EXPECT_NE(m, a);
  }
}

TEST(GenomeSpace, crossing_takes_one_slice_from_the_partner) {
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

}  // namespace
}  // namespace ridgeline::search
