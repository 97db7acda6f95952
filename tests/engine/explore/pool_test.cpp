#include "engine/explore/pool.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <new>
#include <stdexcept>
#include <system_error>

#include "engine/run/failure.hpp"

namespace ridgeline::engine {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;

class FunctionEvaluator final : public Evaluator {
 public:
  explicit FunctionEvaluator(std::function<void(std::uint64_t, const StopCheck&)> work)
      : work_(std::move(work)) {}
  Candidate evaluate(std::uint64_t id, const GiveUp&, const StopCheck& stop) override {
    work_(id, stop);
    Candidate candidate;
    candidate.id = id;
    candidate.metrics[0] = 1;
    return candidate;
  }
  DesignRecord describe(std::uint64_t id, const StopCheck& stop) override {
    work_(id, stop);
    return {id, {}};
  }

 private:
  std::function<void(std::uint64_t, const StopCheck&)> work_;
};

// Everything that comes of these ids, until all are there or the pool throws.
std::vector<Candidate> all_of(Pool& pool, std::size_t count) {
  std::vector<Candidate> found;
  while (found.size() < count) {
    Finished finished = pool.collect(milliseconds(50));
    for (Candidate& candidate : finished.candidates) found.push_back(std::move(candidate));
    count -= finished.designs.size();
  }
  return found;
}

TEST(Pool, RecordsWhatIsAFunctionOfTheDesignAsItsResult) {
  FunctionEvaluator evaluator([](std::uint64_t id, const StopCheck&) {
    if (id == 3) throw std::runtime_error("this design throws\x1b[2J");
  });
  const Front front;
  Pool pool(evaluator, front, {{io::Metric::latency}, true, 2});
  pool.submit({false, 0, {1, 2, 3, 4}});
  int errors = 0;
  for (const Candidate& candidate : all_of(pool, 4)) {
    if (candidate.status != CandidateStatus::error) continue;
    ++errors;
    EXPECT_EQ(candidate.id, 3u);
    EXPECT_EQ(candidate.message, "this design throws\\x1b[2J") << "safe to look at";
  }
  EXPECT_EQ(errors, 1);
}

class MachineTrouble : public testing::TestWithParam<int> {};

TEST_P(MachineTrouble, EndsThePoolAndBecomesNobodysResult) {
  const auto trouble = [](int kind) {
    if (kind == 0) throw std::bad_alloc();
    if (kind == 1) throw io::FileError("disk full");
    if (kind == 2) throw std::system_error(EAGAIN, std::generic_category(), "thread");
    throw MachineError("no");
  };
  for (const bool design : {false, true}) {
    FunctionEvaluator evaluator([&](std::uint64_t id, const StopCheck&) {
      if (id == 3) trouble(GetParam());
    });
    const Front front;
    Pool pool(evaluator, front, {{io::Metric::latency}, true, 2});
    pool.submit({design, 0, {1, 2, 3, 4, 5, 6, 7, 8}});
    std::vector<std::uint64_t> ids;
    bool thrown = false;
    for (int i = 0; i < 100 && !thrown; ++i) {
      try {
        const Finished finished = pool.collect(milliseconds(50));
        for (const Candidate& c : finished.candidates) {
          EXPECT_EQ(c.status, CandidateStatus::ok);
          ids.push_back(c.id);
        }
        for (const DesignRecord& d : finished.designs) {
          EXPECT_FALSE(d.documents.contains("error"));
          ids.push_back(d.id);
        }
      } catch (const MachineError& error) {
        thrown = true;
        EXPECT_NE(std::string(error.what()).find("candidate 3"), std::string::npos);
      }
    }
    EXPECT_TRUE(thrown);
    EXPECT_EQ(std::count(ids.begin(), ids.end(), 3u), 0);
    EXPECT_TRUE(pool.stop(milliseconds(10000)));
    EXPECT_EQ(pool.submit({false, 0, {9}}), 0u) << "nothing more is begun";
  }
}

INSTANTIATE_TEST_SUITE_P(Kinds, MachineTrouble, testing::Range(0, 4));

TEST(Pool, KeepsNoResultOfWhatItStopped) {
  std::atomic<int> begun{0};
  FunctionEvaluator evaluator([&](std::uint64_t, const StopCheck& stop) {
    ++begun;
    while (!stop()) std::this_thread::yield();
    // A search that was cut short fails in its own way.
    throw std::runtime_error("nothing found");
  });
  const Front front;
  Pool pool(evaluator, front, {{io::Metric::latency}, true, 2});
  pool.submit({false, 0, {1, 2, 3}});
  while (begun < 2) std::this_thread::yield();
  EXPECT_TRUE(pool.stop(milliseconds(10000)));
  EXPECT_TRUE(pool.collect(microseconds(0)).empty());
}

}  // namespace
}  // namespace ridgeline::engine
