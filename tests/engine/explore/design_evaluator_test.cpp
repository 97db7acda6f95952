// The way of a candidate: what is asked in which order, and what is not done twice.
#include "engine/explore/design_evaluator.hpp"

#include <gtest/gtest.h>

namespace ridgeline::engine {
namespace {

// Designs whose latency is their id, and whose area falls with it.
class Counting {
 public:
  static inline int solved = 0;
  static constexpr std::size_t kKept = 2;
  struct Design {
    double value = 0;
  };
  using Solution = double;

  explicit Counting(const io::Study&) {}
  Design read(const io::DesignDocuments& documents) const {
    return {
        static_cast<double>(documents.accelerator.at("/operational_array/sizes/0").as_integer())};
  }
  void check(const Design&) const {}
  Metrics bound(const Design&) const { return {}; }
  Solution solve(const Design& design, const StopCheck&, const GiveUp&) {
    ++solved;
    return design.value;
  }
  bool proven(Solution) const { return true; }
  std::string infeasible(const Design&, Solution) const { return {}; }
  Metrics measure(const Design&, Solution value) const {
    Metrics metrics{};
    metric_of(metrics, io::Metric::latency) = value;
    metric_of(metrics, io::Metric::energy) = 100 - value;
    return metrics;
  }
  std::string describe(const Design&, Solution) const { return "{}"; }
};

class Flow : public ::testing::Test {
 protected:
  io::Study study_ = io::Study::read(RIDGELINE_SOURCE_DIR "/examples/studies/gemm.yaml");
  DesignEvaluator<Counting> evaluator_{study_};
  const StopCheck never_ = [] { return false; };

  void SetUp() override { Counting::solved = 0; }
};

TEST_F(Flow, describing_a_member_of_the_front_does_not_repeat_its_search) {
  const Candidate candidate = evaluator_.evaluate(
      0, [](const Metrics&, Bound) { return false; }, never_);
  EXPECT_EQ(candidate.status, CandidateStatus::ok);
  EXPECT_EQ(Counting::solved, 1);
  EXPECT_EQ(evaluator_.describe(0, never_).documents.at("schedule"), "{}");
  EXPECT_EQ(Counting::solved, 1);
  // One that this rank has not evaluated is searched.
  evaluator_.describe(1, never_);
  EXPECT_EQ(Counting::solved, 2);
}

TEST_F(Flow, what_is_given_up_is_not_searched) {
  const Candidate candidate = evaluator_.evaluate(
      0, [](const Metrics&, Bound) { return true; }, never_);
  EXPECT_EQ(candidate.status, CandidateStatus::pruned);
  EXPECT_EQ(Counting::solved, 0);
}

TEST(KeptSolutions, keeps_what_nothing_dominates_and_no_more_than_its_capacity) {
  KeptSolutions<int> kept(2);
  const auto offer = [&](std::uint64_t id, double x, double y) {
    kept.offer(id, {x, y}, std::make_shared<const int>(static_cast<int>(id)));
  };
  offer(1, 5, 5);
  offer(2, 6, 6);  // dominated
  EXPECT_EQ(kept.find(2), nullptr);
  ASSERT_NE(kept.find(1), nullptr);
  EXPECT_EQ(*kept.find(1), 1);
  offer(3, 4, 4);  // dominates the first
  EXPECT_EQ(kept.find(1), nullptr);
  offer(4, 3, 5);
  offer(5, 5, 3);  // one too many: the oldest leaves
  EXPECT_EQ(kept.find(3), nullptr);
  EXPECT_NE(kept.find(4), nullptr);
  EXPECT_NE(kept.find(5), nullptr);
}

}  // namespace
}  // namespace ridgeline::engine
