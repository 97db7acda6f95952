// The exact mapper against complete enumeration with the plain evaluator.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "model/core/evaluate.hpp"
#include "model/core/index.hpp"
#include "search/exact/exact_mapper.hpp"
#include "search/fronts/cost_front.hpp"
#include "search/mapping/loop_factors.hpp"
#include "tests/support/literal_tile.hpp"
#include "tests/support/random_problem.hpp"

namespace ridgeline::search {
namespace {

using model::Cost;
using model::Problem;

struct Enumeration {
  bool any = false;
  std::array<Cost, 3> best;  // by objective
  std::vector<Cost> front;
};

// Whether the loops from place `at` begin with a run for each of the constraints from `next`.
bool meets(const std::vector<model::TemporalLoop>& loops, std::size_t at,
           const std::vector<LoopConstraint>& constraints, std::size_t next) {
  if (next == constraints.size()) return true;
  std::int64_t product = 1;
  for (std::size_t end = at; end < loops.size(); ++end) {
    if (loops[end].dim != constraints[next].dim) return false;
    product *= loops[end].size;
    const bool whole = !constraints[next].size || *constraints[next].size == product;
    if (whole && meets(loops, end + 1, constraints, next + 1)) return true;
  }
  return false;
}

class BruteForce {
 public:
  BruteForce(const Problem& problem, bool even) : problem_(problem), even_(even) {}

  // Of the orderings whose innermost loops are as the constraints say.
  Enumeration run(const model::Layer& layer, const std::vector<LoopConstraint>& constraints = {}) {
    std::vector<std::int64_t> sizes(problem_.temporal_size.begin(),
                                    problem_.temporal_size.begin() + problem_.dims);
    LoopPermutations permutations(layer, loop_factors(layer, sizes, 0, {}).loops);
    do {
      ordering_ = {};
      for (const auto& loop : permutations.current()) ordering_.push(loop.dim, loop.size);
      if (meets(permutations.current(), 0, constraints, 0)) cut(0, 0, 0);
    } while (permutations.next());
    return result_;
  }

 private:
  void cut(int o, int level, int begin) {
    if (o == problem_.operands) {
      consider();
      return;
    }
    const int levels = problem_.operand[z(o)].levels;
    const int from = level + 1 == levels ? ordering_.count : begin;
    for (int end = from; end <= ordering_.count; ++end) {
      const double bits = testing::literal_tile_bits(problem_, ordering_, o, level, begin, end);
      if (bits > problem_.memory[z(problem_.operand[z(o)].memory[z(level)])].size) return;
      cuts_.end[z(o)][z(level)] = static_cast<std::uint8_t>(end);
      bits_[z(o)][z(level)] = bits;
      if (level + 1 == levels) {
        cut(o + 1, 0, 0);
      } else {
        cut(o, level + 1, end);
      }
    }
  }

  int begin_of(int o, int level) const { return level == 0 ? 0 : cuts_.end[z(o)][z(level - 1)]; }

  void consider() {
    for (int m = 0; m < problem_.memories; ++m) {
      const auto& memory = problem_.memory[z(m)];
      double total = 0;
      for (int i = 0; i < memory.count; ++i) {
        const auto& a = memory.residents[z(i)];
        total += bits_[a.operand][a.level];
        if (!even_ || begin_of(a.operand, a.level) == cuts_.end[a.operand][a.level]) continue;
        for (int j = 0; j < memory.count; ++j) {
          const auto& b = memory.residents[z(j)];
          if (cuts_.end[b.operand][b.level] < cuts_.end[a.operand][a.level]) return;
        }
      }
      if (total > memory.size) return;
    }
    const Cost cost = model::evaluate(problem_, ordering_, cuts_);
    if (!std::isfinite(cost.energy)) return;
    for (const Objective objective : {Objective::latency, Objective::energy, Objective::edp}) {
      Cost& best = result_.best[static_cast<std::size_t>(objective)];
      if (!result_.any || better(objective, cost, best)) best = cost;
    }
    result_.any = true;
    const auto covers = [](const Cost& a, const Cost& b) {
      return a.latency <= b.latency && a.energy <= b.energy;
    };
    for (const Cost& other : result_.front) {
      if (covers(other, cost)) return;
    }
    std::erase_if(result_.front, [&](const Cost& other) { return covers(cost, other); });
    result_.front.push_back(cost);
  }

  const Problem& problem_;
  bool even_;
  model::Ordering ordering_;
  model::Cuts cuts_;
  std::array<std::array<double, model::kMaxLevels>, model::kMaxOperands> bits_{};
  Enumeration result_;
};

// Orderings times cuts, an upper bound of what enumeration has to look at.
double enumeration_size(const Problem& problem, const model::Layer& layer) {
  std::vector<std::int64_t> sizes(problem.temporal_size.begin(),
                                  problem.temporal_size.begin() + problem.dims);
  const auto loops = loop_factors(layer, sizes, 0, {}).loops;
  double size = permutation_count(loops);
  for (int o = 0; o < problem.operands; ++o) {
    for (int m = 1; m < problem.operand[z(o)].levels; ++m) {
      size *= static_cast<double>(loops.size() + static_cast<std::size_t>(m)) / m;
    }
  }
  return size;
}

// Compares that many random problems; those too large to enumerate do not count.
void compare(std::uint64_t seed, int problems, bool whole) {
  std::mt19937_64 random(seed);
  int feasible = 0;
  for (int i = 0; i < problems; ++i) {
    SCOPED_TRACE("problem " + std::to_string(i));
    const int factors = 1 + static_cast<int>(random() % 8);
    const auto one = testing::random_problem(random, factors, whole);
    const auto hierarchy = model::build_hierarchy(one.accelerator);
    const auto compiled =
        model::compile(one.layer, one.accelerator, hierarchy, one.mapping, one.spatial);
    if (!std::holds_alternative<Problem>(compiled) ||
        enumeration_size(std::get<Problem>(compiled), one.layer) > 1e5) {
      --i;
      continue;
    }
    const Problem& problem = std::get<Problem>(compiled);
    const Enumeration truth = BruteForce(problem, false).run(one.layer);
    feasible += truth.any;
    for (const Objective objective : {Objective::latency, Objective::energy, Objective::edp}) {
      ExactOptions options;
      options.objective = objective;
      const ExactResult ours = exact_search(problem, options, std::nullopt);
      ASSERT_TRUE(ours.optimal);
      ASSERT_EQ(ours.improved, truth.any);
      // What is left out is never asked for.
      options.dense_states = 0;
      const ExactResult sparse = exact_search(problem, options, std::nullopt);
      ASSERT_TRUE(sparse.optimal);
      ASSERT_EQ(sparse.improved, truth.any);
      ASSERT_EQ(sparse.best.cost.energy, ours.best.cost.energy);
      ASSERT_EQ(sparse.best.cost.latency, ours.best.cost.latency);
      if (!truth.any) continue;
      const Cost& best = truth.best[static_cast<std::size_t>(objective)];
      ASSERT_NEAR(objective_value(objective, ours.best.cost), objective_value(objective, best),
                  1e-11 * objective_value(objective, best))
          << "objective " << static_cast<int>(objective);
      if (objective == Objective::latency) {
        ASSERT_NEAR(ours.best.cost.energy, best.energy, 1e-11 * best.energy);
      }
      if (objective == Objective::energy) {
        ASSERT_NEAR(ours.best.cost.latency, best.latency, 1e-11 * std::abs(best.latency));
      }
    }
    for (const Objective objective : {Objective::latency, Objective::energy, Objective::edp}) {
      // A search that is cut off knows how much better the optimum can be.
      ExactOptions options;
      options.objective = objective;
      options.node_limit = 1 + static_cast<std::int64_t>(random() % 40);
      const ExactResult ours = exact_search(problem, options, std::nullopt);
      if (!truth.any) continue;
      const double best =
          objective_value(objective, truth.best[static_cast<std::size_t>(objective)]);
      ASSERT_LE(ours.lower_bound, best + 1e-9 * std::abs(best));
      if (ours.optimal) {
        ASSERT_NEAR(objective_value(objective, ours.best.cost), best, 1e-11 * std::abs(best));
      }
    }
    for (const Objective objective : {Objective::latency, Objective::energy, Objective::edp}) {
      // Every step that a hard problem takes, with memory for a few chains at a time only.
      ExactOptions options;
      options.objective = objective;
      options.easy_nodes = 1;
      if (i % 2 == 1) options.dense_states = 0;
      options.chain_bytes = 1 + static_cast<std::int64_t>(random() % 20'000);
      const ExactResult ours = exact_search(problem, options, std::nullopt);
      ASSERT_TRUE(ours.optimal);
      ASSERT_EQ(ours.improved, truth.any);
      // One that is content with less ends with what it was asked for.
      options.gap = 0.01 * static_cast<double>(1 + random() % 30);
      const ExactResult rough = exact_search(problem, options, std::nullopt);
      ASSERT_EQ(rough.improved, truth.any);
      if (!truth.any) continue;
      const double best =
          objective_value(objective, truth.best[static_cast<std::size_t>(objective)]);
      ASSERT_NEAR(objective_value(objective, ours.best.cost), best, 1e-11 * std::abs(best));
      const double value = objective_value(objective, rough.best.cost);
      ASSERT_LE(rough.lower_bound, best + 1e-9 * std::abs(best));
      ASSERT_GE(rough.lower_bound, (1 - options.gap) * value - 1e-9 * std::abs(value));
      if (rough.optimal) {
        ASSERT_NEAR(value, best, 1e-11 * std::abs(best));
      }
    }
    ExactOptions options;
    options.front = true;
    const ExactResult ours = exact_search(problem, options, std::nullopt);
    ASSERT_EQ(ours.front.empty(), !truth.any);
    if (!truth.any) continue;
    ASSERT_NEAR(ours.front.front().cost.latency,
                truth.best[static_cast<std::size_t>(Objective::latency)].latency, 1e-6);
    ASSERT_NEAR(ours.front.back().cost.energy,
                truth.best[static_cast<std::size_t>(Objective::energy)].energy,
                1e-11 * ours.front.back().cost.energy);
    for (const Cost& cost : truth.front) {
      EXPECT_TRUE(std::any_of(ours.front.begin(), ours.front.end(),
                              [&](const ExactMapping& m) {
                                return m.cost.latency <= cost.latency &&
                                       m.cost.energy <= cost.energy * (1 + 1e-11);
                              }))
          << cost.latency << " " << cost.energy;
    }
    // Of a front of which every other point is known, the rest is found and nothing else; nothing
    // where all are.
    for (std::size_t k = 0; k < truth.front.size(); k += 2) options.known.push_back(truth.front[k]);
    const ExactResult rest = exact_search(problem, options, std::nullopt);
    ASSERT_TRUE(rest.optimal);
    for (const ExactMapping& m : rest.front) {
      EXPECT_FALSE(search::covers(options.known, m.cost)) << m.cost.latency << " " << m.cost.energy;
      options.known.push_back(m.cost);
    }
    for (const Cost& cost : truth.front) {
      EXPECT_TRUE(std::any_of(options.known.begin(), options.known.end(),
                              [&](const Cost& there) {
                                return there.latency <= cost.latency &&
                                       there.energy <= cost.energy * (1 + 1e-11);
                              }))
          << cost.latency << " " << cost.energy;
    }
    options.known = truth.front;
    EXPECT_TRUE(exact_search(problem, options, std::nullopt).front.empty());
  }
  EXPECT_GT(feasible, problems / 4);
}

// Runs of the loops of a random ordering, from the innermost: some of any size, and now and then
// one that cannot be.
std::vector<LoopConstraint> random_constraints(std::mt19937_64& random, const model::Layer& layer,
                                               const Problem& problem) {
  std::vector<std::int64_t> sizes(problem.temporal_size.begin(),
                                  problem.temporal_size.begin() + problem.dims);
  auto loops = loop_factors(layer, sizes, 0, {}).loops;
  std::erase_if(loops, [](const model::TemporalLoop& loop) { return loop.size == 1; });
  std::shuffle(loops.begin(), loops.end(), random);
  std::vector<LoopConstraint> constraints;
  const std::size_t most = 1 + random() % (loops.size() + 1);
  for (std::size_t i = 0; i < loops.size() && i < most; ++i) {
    const bool goes_on = i > 0 && constraints.back().dim == loops[i].dim;
    if (goes_on && random() % 3 != 0) {
      if (constraints.back().size) *constraints.back().size *= loops[i].size;
      continue;
    }
    constraints.push_back({loops[i].dim, loops[i].size});
    if (random() % 3 == 0) constraints.back().size.reset();
  }
  if (random() % 12 == 0) {
    constraints.push_back({static_cast<int>(random() % layer.dims.size()), 2 + random() % 4});
  }
  return constraints;
}

void compare_constrained(std::uint64_t seed, int problems) {
  std::mt19937_64 random(seed);
  int feasible = 0;
  int impossible = 0;
  for (int i = 0; i < problems; ++i) {
    SCOPED_TRACE("problem " + std::to_string(i));
    const int factors = 1 + static_cast<int>(random() % 8);
    const auto one = testing::random_problem(random, factors, random() % 4 != 0);
    const auto hierarchy = model::build_hierarchy(one.accelerator);
    const auto compiled =
        model::compile(one.layer, one.accelerator, hierarchy, one.mapping, one.spatial);
    if (!std::holds_alternative<Problem>(compiled) ||
        enumeration_size(std::get<Problem>(compiled), one.layer) > 1e5) {
      --i;
      continue;
    }
    const Problem& problem = std::get<Problem>(compiled);
    const auto constraints = random_constraints(random, one.layer, problem);
    const Enumeration truth = BruteForce(problem, false).run(one.layer, constraints);
    (truth.any ? feasible : impossible)++;
    for (const Objective objective : {Objective::latency, Objective::energy, Objective::edp}) {
      ExactOptions options;
      options.objective = objective;
      options.constraints = constraints;
      if (i % 2 == 1) options.dense_states = 0;
      const ExactResult ours = exact_search(problem, options, std::nullopt);
      ASSERT_TRUE(ours.optimal);
      ASSERT_EQ(ours.improved, truth.any);
      if (!truth.any) continue;
      const Cost& best = truth.best[static_cast<std::size_t>(objective)];
      ASSERT_NEAR(objective_value(objective, ours.best.cost), objective_value(objective, best),
                  1e-11 * objective_value(objective, best))
          << "objective " << static_cast<int>(objective);
      std::vector<model::TemporalLoop> loops;
      const model::Ordering& ordering = ours.best.ordering;
      for (int l = 0; l < ordering.count; ++l) {
        if (ordering.size[z(l)] == 1) continue;
        loops.push_back({ordering.dim[z(l)], static_cast<std::int64_t>(ordering.size[z(l)])});
      }
      ASSERT_TRUE(meets(loops, 0, constraints, 0));
    }
  }
  EXPECT_GT(feasible, problems / 4);
  EXPECT_GT(impossible, problems / 50);
}

TEST(ExactMapper, FindsTheOptimumOfCompleteEnumerationUnderConstraints) {
  compare_constrained(5, 200);
}

TEST(SlowExactMapper, FindsTheOptimumOfCompleteEnumerationUnderConstraints) {
  compare_constrained(6, 5000);
}

TEST(ExactMapper, FindsTheOptimumOfCompleteEnumeration) {
  compare(4, 200, true);
}

TEST(SlowExactMapper, FindsTheOptimumOfCompleteEnumeration) {
  compare(1, 10000, true);
}

TEST(SlowExactMapper, FindsTheOptimumWhereUnrollingsDoNotDivide) {
  compare(2, 2000, false);
}

}  // namespace
}  // namespace ridgeline::search
