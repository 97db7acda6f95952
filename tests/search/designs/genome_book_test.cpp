#include "search/designs/genome_book.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "search/fronts/random.hpp"

namespace ridgeline::search {
namespace {

TEST(GenomeBook, CountsGenomesAsTheyComeAndGivesThemBack) {
  GenomeBook book;
  EXPECT_FALSE(book.contains({1, 2}));
  EXPECT_EQ(book.id_of({1, 2}), 0u);
  EXPECT_EQ(book.id_of({1}), 1u);
  EXPECT_EQ(book.id_of({1, 2}), 0u);
  EXPECT_EQ(book.id_of({}), 2u);
  EXPECT_THAT(book.genome(0), testing::ElementsAre(1, 2));
  EXPECT_THAT(book.genome(2), testing::IsEmpty());
  EXPECT_THAT(book.genome(3), testing::IsEmpty());
  EXPECT_EQ(book.size(), 3u);
}

TEST(GenomeBook, AgreesWithAMapOfManyGenomesOfAllSizes) {
  GenomeBook book;
  std::map<Genome, std::uint64_t> known;
  std::vector<Genome> listed;
  RandomStream random(7, 0, 0, 0);
  for (int i = 0; i < 12'000; ++i) {
    Genome genome(1 + random.below(40));
    for (int& gene : genome) gene = static_cast<int>(random.below(4) << random.below(29));
    if (!listed.empty() && random.below(3) == 0) genome = listed[random.below(listed.size())];
    const bool there = book.contains(genome);
    const auto [place, fresh] = known.try_emplace(genome, known.size());
    if (fresh) listed.push_back(genome);
    ASSERT_NE(there, fresh);
    ASSERT_EQ(book.id_of(genome), place->second);
  }
  for (std::size_t id = 0; id < listed.size(); ++id) ASSERT_EQ(book.genome(id), listed[id]);
}

}  // namespace
}  // namespace ridgeline::search
