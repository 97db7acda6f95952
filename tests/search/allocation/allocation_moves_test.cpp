// Moves from one allocation to others, and what local searches reach by them.
#include "search/allocation/allocation_moves.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <numeric>
#include <set>

#include "search/allocation/local_search.hpp"

namespace ridgeline::search {
namespace {

// `count` slots in a row, each of which may go to any of the cores.
struct Row {
  Row(int count, const std::vector<int>& cores) {
    space.values.assign(static_cast<std::size_t>(count), cores);
    hints.work.assign(space.values.size(), std::vector<double>(cores.size(), 1));
    hints.order.resize(space.values.size());
    std::iota(hints.order.begin(), hints.order.end(), 0);
    hints.fixed_work.assign(static_cast<std::size_t>(cores.back()) + 1, 0);
  }
  GenomeSpace space;
  AllocationHints hints;
};

TEST(AllocationMoves, ExchangesTwoCoresInARun) {
  Row row(9, {0, 2, 3});
  row.space.values[4] = {2};
  const GenomeSymmetry symmetry(row.space);
  const AllocationVariation variation(row.space, symmetry, row.hints);
  int moved = 0;
  for (std::uint32_t i = 0; i < 500; ++i) {
    RandomStream random(5, i, 0, 0);
    const Genome before = variation.random(random);
    const Genome after = variation.exchange(before, 1, random);
    ASSERT_TRUE(row.space.contains(after));
    std::set<std::set<int>> pairs;
    std::size_t changed = 0;
    for (std::size_t g = 0; g < before.size(); ++g) {
      if (before[g] == after[g]) continue;
      ++changed;
      pairs.insert({before[g], after[g]});
    }
    if (changed == 0) continue;
    ++moved;
    ASSERT_EQ(pairs.size(), 1u);
    // Between the first and the last of them every slot that had one has the other.
    const std::set<int>& cores = *pairs.begin();
    std::size_t first = before.size();
    std::size_t last = 0;
    for (std::size_t g = 0; g < before.size(); ++g) {
      if (before[g] == after[g]) continue;
      first = std::min(first, g);
      last = g;
    }
    for (std::size_t g = first; g <= last; ++g) {
      if (cores.contains(before[g]) && row.space.values[g].size() > 1) {
        EXPECT_NE(before[g], after[g]) << i << ' ' << g;
      }
    }
  }
  EXPECT_GT(moved, 450);
}

TEST(AllocationMoves, KnowsWhatLiesNextToAChange) {
  Row row(5, {0, 1});
  row.hints.order = {4, 0, 3, 1, 2};
  const GenomeSymmetry symmetry(row.space);
  const AllocationVariation variation(row.space, symmetry, row.hints);
  const std::vector<bool> near = variation.near({0, 0, 0, 0, 0}, {0, 0, 0, 1, 0});
  EXPECT_EQ(near, (std::vector<bool>{true, true, false, true, false}));
}

TEST(AllocationMoves, ShakesAFewSlotsThatLieTogether) {
  Row row(15, {0, 1, 3});
  row.space.values[7] = {1};
  std::reverse(row.hints.order.begin() + 4, row.hints.order.end());
  const GenomeSymmetry symmetry(row.space);
  const AllocationVariation variation(row.space, symmetry, row.hints);
  std::set<std::size_t> touched;
  for (std::uint32_t i = 0; i < 500; ++i) {
    RandomStream random(6, i, 0, 0);
    const Genome before = variation.random(random);
    const Genome after = variation.shake(before, random);
    ASSERT_TRUE(row.space.contains(after));
    std::vector<std::size_t> changed;  // places in the order of the network
    for (std::size_t k = 0; k < row.hints.order.size(); ++k) {
      const auto g = static_cast<std::size_t>(row.hints.order[k]);
      if (before[g] != after[g]) changed.push_back(k);
    }
    touched.insert(changed.begin(), changed.end());
    if (changed.empty()) continue;
    EXPECT_LT(changed.back() - changed.front(), 5u) << i;
  }
  EXPECT_EQ(touched.size(), 14u);  // all that have a choice
}

// Slots that want to be on the same cores as their neighbours or the opposite ones, as a pattern
// says. Turned about in the middle nearly as good, and every single change makes it worse.
TEST(LocalSearch, TurnsARunAbout) {
  constexpr int kSlots = 20;
  const Row row(kSlots, {0, 1});
  const GenomeSymmetry symmetry(row.space);
  const AllocationVariation variation(row.space, symmetry, row.hints);
  const Genome wanted{0, 1, 1, 0, 1, 0, 0, 0, 1, 1, 0, 1, 0, 1, 1, 0, 0, 1, 0, 1};
  const auto value_of = [&](const Genome& genome) {
    double wrong = 0;
    for (std::size_t g = 1; g < wanted.size(); ++g) {
      const bool same = wanted[g] == wanted[g - 1];
      // Where the run begins and ends it matters less.
      const double weight = g == 6 || g == 15 ? 0.4 : 1;
      if ((genome[g] == genome[g - 1]) != same) wrong += weight;
    }
    return LocalSearch::Value{wrong};
  };
  Genome turned = wanted;
  for (std::size_t g = 6; g < 15; ++g) turned[g] = 1 - turned[g];
  ASSERT_GT(value_of(turned)[0], 0);
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    LocalSearch search(variation, seed, 0);
    std::map<Genome, LocalSearch::Value> known{{turned, value_of(turned)}};
    search.tell(turned, known.at(turned));
    while (known.size() < 1500 && search.best_value()[0] > 0) {
      const auto asked = search.ask(8, [&](const Genome& g) {
        const auto place = known.find(g);
        return place == known.end() ? nullptr : &place->second;
      });
      if (asked.empty()) break;
      for (const Genome& genome : asked) {
        known.emplace(genome, value_of(genome));
        search.tell(genome, known.at(genome));
      }
      search.settle();
    }
    EXPECT_EQ(search.best_value()[0], 0) << "seed " << seed << " after " << known.size();
  }
}

}  // namespace
}  // namespace ridgeline::search
