// Which memory holds which loops, given in full or in part: against complete enumeration of what is
// left open.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <variant>
#include <vector>

#include "model/core/index.hpp"
#include "model/core/problem.hpp"
#include "search/mapping/mapper.hpp"
#include "search/mapping/replay.hpp"
#include "tests/support/literal_tile.hpp"
#include "tests/support/random_problem.hpp"

namespace ridgeline::search {
namespace {

using model::Cost;
using model::Problem;

// Ends of the levels of each operand that a mapping gives, from the innermost; others are free.
using Ends = std::array<std::vector<int>, model::kMaxOperands>;

// The best of all ways to cut one ordering that keep to the given ends.
class AllCuts {
 public:
  AllCuts(const Problem& problem, const model::Ordering& ordering, const Ends& given,
          Objective objective)
      : problem_(problem), ordering_(ordering), given_(given), objective_(objective) {
    cut(0, 0, 0);
  }
  bool any() const { return any_; }
  const Cost& best() const { return best_; }

 private:
  void cut(int o, int level, int begin) {
    if (o == problem_.operands) return consider();
    const bool top = level + 1 == problem_.operand[z(o)].levels;
    const auto& given = given_[z(o)];
    const bool fixed = z(level) < given.size();
    const int from = fixed ? given[z(level)] : top ? ordering_.count : begin;
    const int to = fixed ? given[z(level)] : ordering_.count;
    for (int end = from; end <= to; ++end) {
      cuts_.end[z(o)][z(level)] = static_cast<std::uint8_t>(end);
      bits_[z(o)][z(level)] = testing::literal_tile_bits(problem_, ordering_, o, level, begin, end);
      if (top) {
        cut(o + 1, 0, 0);
      } else {
        cut(o, level + 1, end);
      }
    }
  }

  void consider() {
    for (int m = 0; m < problem_.memories; ++m) {
      double total = 0;
      for (int i = 0; i < problem_.memory[z(m)].count; ++i) {
        const auto& resident = problem_.memory[z(m)].residents[z(i)];
        total += bits_[resident.operand][resident.level];
      }
      if (total > problem_.memory[z(m)].size) return;
    }
    const Cost cost = model::evaluate(problem_, ordering_, cuts_);
    if (!std::isfinite(cost.energy)) return;
    if (!any_ || better(objective_, cost, best_)) best_ = cost;
    any_ = true;
  }

  const Problem& problem_;
  const model::Ordering& ordering_;
  const Ends& given_;
  Objective objective_;
  model::Cuts cuts_;
  std::array<std::array<double, model::kMaxLevels>, model::kMaxOperands> bits_{};
  bool any_ = false;
  Cost best_;
};

struct Case {
  testing::RandomProblem one;
  model::Hierarchy hierarchy;
  model::MappingEntry entry;  // all that was found once, to be changed
  model::SpatialMapping spatial;
};

// Ends of random levels, of some operands up to some memory, or (`full`) of all.
Ends random_ends(std::mt19937_64& random, const Problem& problem, int loops, bool full) {
  Ends ends;
  for (int o = 0; o < problem.operands; ++o) {
    const int levels = problem.operand[z(o)].levels;
    const int given = full ? levels : static_cast<int>(random() % z(levels + 1));
    for (int m = 0; m < given; ++m) {
      const int begin = m == 0 ? 0 : ends[z(o)].back();
      // Short tiles fit, so that most requests can be met.
      const int most = std::max(1, (loops - begin) / 2);
      const int own = m + 1 == levels ? loops - begin : static_cast<int>(random() % z(most + 1));
      ends[z(o)].push_back(std::min(loops, begin + own));
    }
  }
  return ends;
}

// The same in a mapping's words. Lower memories that hold no loops need not be named.
std::vector<model::LevelLoopsRequest> as_requests(std::mt19937_64& random, const Case& given,
                                                  const Problem& problem, const Ends& ends) {
  std::vector<model::LevelLoopsRequest> requests;
  for (int o = 0; o < problem.operands; ++o) {
    int begin = 0;
    for (std::size_t m = 0; m < ends[z(o)].size(); ++m) {
      const int source = problem.memory[z(problem.operand[z(o)].memory[m])].source;
      model::LevelLoopsRequest request{
          given.one.layer.operands[z(o)].name, given.one.accelerator.memories[z(source)].name, {}};
      for (; begin < ends[z(o)][m]; ++begin) {
        request.loops.push_back(given.entry.temporal_ordering[z(begin)]);
      }
      const bool highest = m + 1 == ends[z(o)].size();
      if (request.loops.empty() && !highest && random() % 2 == 0) continue;
      requests.push_back(std::move(request));
    }
  }
  return requests;
}

// What was found holds what was asked for, and its loops are the layer's.
void expect_kept(const Case& given, const Problem& problem, const Ends& ends,
                 const LayerResult& found) {
  std::vector<double> product(given.one.layer.dims.size(), 1);
  for (const model::TemporalLoop& loop : found.temporal) {
    product[z(loop.dim)] *= static_cast<double>(loop.size);
  }
  for (int d = 0; d < problem.dims; ++d) ASSERT_EQ(product[z(d)], problem.temporal_size[z(d)]);
  for (int o = 0; o < problem.operands; ++o) {
    int begin = 0;
    for (std::size_t m = 0; m < ends[z(o)].size(); ++m) {
      const int count = ends[z(o)][m] - begin;
      const auto& held = found.allocation[z(o)][m];
      ASSERT_EQ(held.size(), z(count)) << "operand " << o << ", level " << m;
      for (const model::TemporalLoop& loop : held) {
        const auto& asked = given.entry.temporal_ordering[z(begin++)];
        ASSERT_EQ(given.one.layer.dims[z(loop.dim)].name, asked.dim);
        ASSERT_EQ(loop.size, asked.size);
      }
    }
  }
}

void compare(std::uint64_t seed, int layers) {
  std::mt19937_64 random(seed);
  int kept = 0;
  int refused = 0;
  for (int i = 0; i < layers; ++i) {
    SCOPED_TRACE("layer " + std::to_string(i));
    Case given{testing::random_problem(random, 2 + static_cast<int>(random() % 5), i % 4 != 0),
               {},
               {},
               {}};
    given.hierarchy = model::build_hierarchy(given.one.accelerator);
    const LayerResult first =
        map_layer(given.one.layer, given.one.accelerator, given.hierarchy, given.one.mapping, {});
    const bool no_loops = first.temporal.size() == 1 && first.temporal.front().size == 1;
    if (!first.infeasible.empty() || no_loops) {
      --i;
      continue;
    }
    given.entry = replayable(given.one.layer, given.one.accelerator, given.hierarchy,
                             given.one.mapping, first);
    if (random() % 2 == 0) {
      std::shuffle(given.entry.temporal_ordering.begin(), given.entry.temporal_ordering.end(),
                   random);
    }
    const auto compiled = model::compile(given.one.layer, given.one.accelerator, given.hierarchy,
                                         given.entry, first.spatial);
    ASSERT_TRUE(std::holds_alternative<Problem>(compiled));
    const Problem& problem = std::get<Problem>(compiled);
    model::Ordering ordering;
    for (const model::TemporalPosition& loop : given.entry.temporal_ordering) {
      ordering.push(given.one.layer.dim_index(loop.dim), *loop.size);
    }
    for (const bool full : {false, true}) {
      const Ends ends = random_ends(random, problem, ordering.count, full);
      given.entry.memory_loops = as_requests(random, given, problem, ends);
      if (given.entry.memory_loops.empty()) continue;
      for (const Objective objective : {Objective::latency, Objective::energy}) {
        const AllCuts truth(problem, ordering, ends, objective);
        (truth.any() ? kept : refused)++;
        for (const Engine engine : {Engine::exact, Engine::loma}) {
          MapperOptions options;
          options.engine = engine;
          options.objective = objective;
          const LayerResult found = map_layer(given.one.layer, given.one.accelerator,
                                              given.hierarchy, given.entry, options);
          ASSERT_EQ(found.infeasible.empty(), truth.any()) << found.infeasible;
          if (!truth.any()) continue;
          ASSERT_TRUE(found.optimal);
          ASSERT_EQ(found.evaluation.cost.latency, truth.best().latency);
          ASSERT_NEAR(found.evaluation.cost.energy, truth.best().energy,
                      1e-12 * truth.best().energy);
          expect_kept(given, problem, ends, found);
        }
      }
    }
  }
  EXPECT_GT(kept, layers);
  EXPECT_GT(refused, layers / 20);
}

TEST(MemoryLoops, GivenInPartOrInFullAreKeptAndTheRestIsTheBest) {
  compare(11, 100);
}

TEST(SlowMemoryLoops, GivenInPartOrInFullAreKeptAndTheRestIsTheBest) {
  compare(12, 1000);
}

}  // namespace
}  // namespace ridgeline::search
